//! What classes of failures mean and what to do about them, for whoever sees a class and not the message: on the status page,
//! in `explain` and `doctor`, and in the operator's guide.

/// A class in words.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Meaning {
    /// What happened, as the end of a sentence.
    pub means: &'static str,
    /// What to do. Whole sentences.
    pub advice: &'static str,
}

/// What a class means. Another version of this program may have noted one that this version does not know.
pub fn meaning(class: &str) -> Meaning {
    let found = MEANINGS.binary_search_by_key(&class, |(name, ..)| name).ok();
    let found = found.and_then(|index| MEANINGS.get(index));
    found.map_or(UNKNOWN, |(_, means, advice)| Meaning { means, advice })
}

const UNKNOWN: Meaning = Meaning {
    means: "this version of tokenferry has no words for it",
    advice: "The log of the process that noted it has the whole message.",
};

/// In the order of the names.
#[rustfmt::skip]
const MEANINGS: &[(&str, &str, &str)] = &[
    ("answer_too_large", "the system's answer was larger than any that a login gives",
     "Something else seems to answer: check the address of the source, and proxies in between."),
    ("bad_request", "the system found something wrong with the request itself",
     "Check the settings of the source."),
    ("bad_setting", "what was read for its source does not fit together",
     "Check the variables, files and entries of Vault that the source refers to."),
    ("broken_answer", "the connection broke before the answer was whole",
     "It is tried again. If it lasts, look at the network and at proxies in between."),
    ("ca_file", "the file with CA certificates for the system cannot be used",
     "Check `ca_cert_file` of the source."),
    ("ca_store", "this machine has no CA certificates",
     "Install those of the operating system, or set `ca_cert_file`."),
    ("cas_lost", "somebody else wrote the entry at the same time, twice",
     "Find out who else writes it: one destination is for one rotation."),
    ("credential_busy", "another replica went on using its credential",
     "It is tried again. If it lasts, one of the runs with this credential hangs: look at its log."),
    ("ended_by_refresh", "a refresh has ended the token that readers hold, or may have, and the new one was not stored",
     "Nothing, if the next run succeeds: it gets a new one. When that is, `tokenferry status` says."),
    ("errand_garbled", "its row in the queue of the replicas was not understood",
     "It is tried again. Find out who else writes to the tables of the replicas."),
    ("expired_on_arrival", "the token was over when it came",
     "Set the clocks right, of this machine and of the system."),
    ("expiry_unknown", "nobody says when the token ends",
     "Set `ttl` in the source."),
    ("foreign_entry", "the destination holds an entry that somebody else made",
     "Choose another `path`, or set `adopt = true` in the destination."),
    ("internal_error", "there is a mistake in tokenferry itself",
     "It is tried again. Please report it."),
    ("lifetime_zero", "the system says that its tokens live for no time at all",
     "Have the life of its sessions set to more than zero."),
    ("link_local", "the system's host has a link-local address, where clouds keep metadata services",
     "Check the URL, or set `allow_link_local = true`."),
    ("lock_lost", "the connection to PostgreSQL was lost during the run, which was given up",
     "It is tried again. See to PostgreSQL and the way there."),
    ("login_refused", "the system refused the user or the secret",
     "Put the right secret where the source refers to: a changed file is noticed within seconds and tried at once. In the environment it takes a restart."),
    ("malformed_answer", "the answer holds no token where one should be",
     "Something else seems to answer: check the address of the source, and proxies in between."),
    ("newer_schema", "a newer version of tokenferry wrote the entry",
     "Run the newer version here, too."),
    ("no_access", "the login is right, but its user may not do this",
     "Have the user, client or role allowed by the administrators of the system."),
    ("not_allowed_here", "the system does not offer this to that kind of login",
     "Choose the kind of login that the system's page in the documentation names."),
    ("not_found", "the system does not know the address or the tenant",
     "Check the URL of the source."),
    ("other_rotation", "the destination belongs to another rotation",
     "Give each rotation a destination of its own. If one was renamed, hand its entry over: the log and `tokenferry explain` say how."),
    ("password_expired", "the user's password is over",
     "Set a new one at the system, then put it where the source refers to."),
    ("proxy_refused", "the proxy did not let the request through",
     "Check HTTPS_PROXY and NO_PROXY, and what the proxy allows."),
    ("rate_limited", "the system had too many requests",
     "It is asked again when the system allows it. Rotate less often, set `rate`, or find out who else uses this credential."),
    ("redirected", "the system sends us to another place, which is not followed",
     "Check the URL of the source: it has to be the one that the system itself names."),
    ("replica_lost", "three replicas were lost while they did it",
     "Look at what they died of before it is tried again."),
    ("secret_unavailable", "a secret of its source cannot be read where it is kept",
     "Check the variable or file; `tokenferry doctor` names it."),
    ("server_error", "the system itself failed",
     "It is tried again. If it lasts, ask those who run the system."),
    ("timed_out", "the system did not answer in time",
     "It is tried again. If it lasts, look at the network, or raise `timeout`."),
    ("tls", "no protected connection to the system could be made",
     "Check the certificate of the system, and `ca_cert_file`; `tokenferry doctor` says more."),
    ("token_rejected", "the system did not accept the fresh token when it was tried out, so it was not published",
     "If it lasts, check the rights of the user there, or set `verify = false`."),
    ("too_short_lived", "the token lives shorter than it has to",
     "Have the system issue tokens that live longer."),
    ("took_too_long", "the run was not over before another replica would have taken it over",
     "It is tried again. If it lasts, shorten the time-outs of the source, or raise `heartbeat_limit`."),
    ("unexpected_status", "the system answered with a status that means nothing for a login",
     "Check the URL of the source; the log names the status."),
    ("unknown_rotation", "there is a mistake in tokenferry itself",
     "Please report it."),
    ("unknown_rotation", "the replica that took it does not know the rotation",
     "Give all replicas the same configuration."),
    ("unprotected", "the system gives everybody the same token, so it protects nothing",
     "Turn authentication on there, or set `require_authentication = false`."),
    ("unreachable", "the system could not be reached",
     "It is tried again. `tokenferry doctor` says where the way ends."),
    ("vault_absent", "an entry of Vault that the source refers to does not exist",
     "Check `mount` and `path` of that reference: `path` goes without `data/`."),
    ("vault_absent_field", "an entry of Vault that the source refers to lacks the field",
     "Check `field` of that reference."),
    ("vault_bad_address", "the address of Vault cannot be used",
     "Set `address` to scheme, host and port."),
    ("vault_bad_request", "Vault found something wrong with the request itself",
     "Check `mount` and `path`; Vault's audit log says more."),
    ("vault_bad_token", "what was read as Vault's token can be none",
     "Check the variable or file: it must hold the token and nothing else."),
    ("vault_broken_answer", "the connection to Vault broke before the answer was whole",
     "It is tried again. If it lasts, look at the network and at Vault's log."),
    ("vault_ca_file", "the file with CA certificates for Vault cannot be used",
     "Check `ca_cert_file` of the `vault` block."),
    ("vault_ca_store", "this machine has no CA certificates",
     "Install those of the operating system, or set `ca_cert_file`."),
    ("vault_cas_required", "Vault takes only writes of this entry that name the version which they replace, and ours was changed on its way",
     "Check that `address` names Vault itself, and look for proxies in between."),
    ("vault_certificate_file", "the certificate or key for the login to Vault cannot be used",
     "Check `cert_file` and `key_file`: both in PEM form, belonging together, the key not readable by everybody."),
    ("vault_certificate_refused", "Vault did not accept our certificate",
     "Check that the auth method trusts its CA, that the role fits, and that it has not expired."),
    ("vault_credential", "what Vault is logged in to with cannot be read",
     "Check the variable or file that `auth` refers to, and who may read it."),
    ("vault_forbidden", "Vault's policies do not let the rotator do this",
     "`tokenferry policy` prints what is needed, `tokenferry doctor` what is missing."),
    ("vault_login_refused", "Vault refused the rotator's login",
     "Put a valid credential where `auth` refers to: it is tried by itself."),
    ("vault_malformed_answer", "Vault's answer could not be understood",
     "Check that `address` names Vault itself, and look for proxies in between."),
    ("vault_missing_mount", "nothing is mounted in Vault where the token is to go",
     "Check `mount` and `namespace`, or enable the engine there."),
    ("vault_missing_namespace", "the namespace does not exist in Vault",
     "Check `namespace`, or create it."),
    ("vault_newer_schema", "a newer version of tokenferry wrote the entry",
     "Run the newer version here, too."),
    ("vault_no_kv", "the mount is no KV secrets engine",
     "Check `mount`."),
    ("vault_not_a_text", "what is kept in Vault for its source is no text",
     "Write a text into that field."),
    ("vault_not_ours", "the entry was not made by tokenferry",
     "Check `mount` and `path`."),
    ("vault_rate_limited", "Vault had too many requests",
     "It is asked again when Vault allows it. Raise its quota, or lower `concurrency`."),
    ("vault_redirected", "Vault sends us to a host that is not in `addresses`",
     "If that is a node of the same cluster, add it."),
    ("vault_sealed", "Vault is sealed",
     "Unseal it: tokens that were issued meanwhile are written then."),
    ("vault_server_error", "Vault itself failed",
     "It is tried again. Look at Vault's log, and at its disk."),
    ("vault_standby", "this node of Vault cannot reach its leader",
     "It is tried again. Look at Vault's log."),
    ("vault_starting", "Vault is starting",
     "It is tried again."),
    ("vault_timed_out", "Vault did not answer in time",
     "It is tried again. Look at the network and at the load of Vault."),
    ("vault_tls", "no protected connection to Vault could be made",
     "Check Vault's certificate, and `ca_cert_file` of the `vault` block."),
    ("vault_unexpected_status", "Vault answered with a status that nobody expects of it",
     "Check that `address` names Vault itself; the log names the status."),
    ("vault_unreachable", "Vault could not be reached",
     "It is tried again. `tokenferry doctor` says where the way ends."),
    ("vault_wrapped_elsewhere", "the wrapping token was not made where secret_ids are made, so it may have been intercepted",
     "Have a new secret_id wrapped, and find out who touched the old one."),
    ("vault_wrapping_token_over", "the wrapping token is used up or over",
     "Put a new one in the file. If nobody else should have used it, take the old secret_id for stolen."),
    ("vault_wrong_engine", "the mount is a KV secrets engine of version 1, and the rotator needs version 2",
     "Upgrade it with `bao kv enable-versioning`, or choose another mount."),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Class;

    /// The names in `=> "name",` and `Class::new("name")`, as they stand in the code that gives them.
    fn named(code: &str) -> impl Iterator<Item = &str> {
        code.lines().filter_map(|line| {
            let rest = ["=> \"", "Class::new(\""].iter().find_map(|before| line.split_once(before))?.1;
            rest.split('"').next().filter(|name| Class::noted(name).is_some())
        })
    }

    #[test]
    fn every_class_that_a_run_can_end_with_has_words() {
        let code = [
            include_str!("../../sources/src/error/class.rs"),
            include_str!("../../vault/src/error/class.rs"),
            include_str!("runner/trouble.rs"),
            include_str!("source.rs"),
        ];
        let of_reads = ["ambiguous_device", "missing_otp", "missing_password", "unknown_device"];
        let classes: Vec<&str> =
            code.into_iter().flat_map(named).filter(|class| !of_reads.contains(class)).collect();
        assert!(classes.len() > 50, "{classes:?}");
        for class in classes {
            assert_ne!(meaning(class), UNKNOWN, "{class}");
        }
        let of_replicas = ["credential_busy", "errand_garbled", "lock_lost", "replica_lost", "took_too_long"];
        for class in of_replicas.into_iter().chain(["unknown_rotation"]) {
            assert_ne!(meaning(class), UNKNOWN, "{class}, of replicas");
        }
        assert_ne!(meaning(Class::ENDED_BY_REFRESH.name()), UNKNOWN);
        assert_eq!(meaning("hic_sunt_dracones"), UNKNOWN);
    }

    #[test]
    fn meanings_are_in_order_and_advice_is_in_sentences() {
        assert!(MEANINGS.is_sorted_by_key(|(class, ..)| *class));
        for (class, means, advice) in MEANINGS {
            assert!(!means.ends_with('.') && advice.ends_with('.'), "{class}");
        }
    }

    #[test]
    fn the_operators_guide_has_a_row_for_each() {
        let guide = include_str!("../../docs/rotator/operating.md");
        for (class, means, advice) in MEANINGS {
            let row = format!("| `{class}` | {means} | {advice} |");
            assert!(guide.contains(&row), "missing in the operator's guide:\n{row}");
        }
    }
}
