//! What a class of failures means, and what to do about it. No system's own words: those stand in the log.

/// In a sentence or two.
pub(super) fn meaning(class: &str) -> &'static str {
    let found = MEANINGS.iter().find(|(name, _)| *name == class);
    found.map_or("This version of tokenferry does not know this class; the log says more.", |(_, text)| text)
}

const MEANINGS: &[(&str, &str)] = &[
    ("answer_too_large", "The system sent far more than a token. Check its address."),
    ("bad_request", "The system does not understand the request. Check the settings of the source."),
    ("bad_setting", "What was read from a variable, a file or Vault does not fit its setting."),
    ("broken_answer", "The connection broke before the answer was whole. It is tried again."),
    ("ca_file", "The file with CA certificates of the source cannot be used."),
    ("ca_store", "This machine has no CA certificates. Install them, or set `ca_cert_file`."),
    ("cas_lost", "Somebody else writes this entry at the same time. One destination is for one rotation."),
    ("clock_skew", "The clock of this machine and that of the system differ too much. Set the clock right."),
    (
        "expired_on_arrival",
        "The new token was over when it came. Compare the clocks of this machine and of the system.",
    ),
    ("expiry_unknown", "Nobody knows how long the token lives. Set `ttl` in the source."),
    (
        "foreign_entry",
        "The destination holds an entry that we did not make. Choose another path, or `adopt = true`.",
    ),
    ("internal_error", "A mistake in tokenferry itself. It is tried again; please report it."),
    ("lifetime_zero", "The system says that the new token lives for no time at all."),
    ("link_local", "The address leads to a link-local or metadata service, which is not asked."),
    (
        "login_refused",
        "The system refused user or secret. Put the right secret in place: that is noticed by itself.",
    ),
    (
        "malformed_answer",
        "The answer holds no token where there should be one. Check the address of the source.",
    ),
    ("newer_schema", "A newer version of tokenferry wrote the entry. Run that version here, too."),
    ("no_access", "The login is right, but this user may not do this. Ask the administrators of the system."),
    ("not_allowed_here", "The system does not offer this with this kind of login."),
    ("not_found", "The system does not know the address. Check the source."),
    ("other_rotation", "The entry belongs to another rotation. Give each rotation a destination of its own."),
    ("password_expired", "The password has expired. Set a new one in the system, then here."),
    ("proxy_refused", "The proxy did not pass the request on. Check the proxy and its exceptions."),
    ("rate_limited", "The system had too many requests. It is asked again when it allows that."),
    (
        "redirected",
        "The system sends us to another host, and we do not follow. Check the address of the source.",
    ),
    ("secret_unavailable", "A variable or file that the source refers to cannot be read."),
    ("server_error", "The system itself is in trouble. It is tried again."),
    ("timed_out", "The system did not answer in time. It is tried again."),
    ("tls", "No protected connection could be made. Check the certificate of the system and `ca_cert_file`."),
    ("token_rejected", "The system does not accept the token that it has just issued. It was not published."),
    ("too_short_lived", "The new token lives shorter than is asked for."),
    ("unexpected_status", "The system answered with a status that nobody expected. The log tells which."),
    ("unknown_rotation", "A mistake in tokenferry itself. Please report it."),
    ("unprotected", "The address is plain http to another machine, which would send the secret unprotected."),
    ("unreachable", "No connection to the system. It is tried again."),
    ("vault_absent", "An entry of Vault that the source refers to is not there."),
    ("vault_absent_field", "An entry of Vault that the source refers to lacks the field."),
    ("vault_bad_address", "The address of Vault cannot be used."),
    ("vault_bad_request", "Vault does not understand the request. The log says more."),
    ("vault_bad_token", "What was read as Vault's token can be none."),
    ("vault_broken_answer", "The connection to Vault broke before the answer was whole. It is tried again."),
    ("vault_ca_file", "The file with CA certificates for Vault cannot be used."),
    ("vault_ca_store", "This machine has no CA certificates. Install them, or set `ca_cert_file`."),
    ("vault_cas_required", "This mount of Vault takes writes with check-and-set only."),
    ("vault_credential", "What we log in to Vault with cannot be read."),
    (
        "vault_forbidden",
        "Our policy in Vault does not allow this. `tokenferry policy` prints the one that is needed.",
    ),
    ("vault_login_refused", "Vault refused our login. Put the right one in place: it is tried again."),
    ("vault_malformed_answer", "What answers is not Vault, or not understood. Check its address."),
    ("vault_missing_mount", "There is no such mount in Vault."),
    ("vault_missing_namespace", "There is no such namespace in Vault."),
    ("vault_newer_schema", "A newer version of tokenferry wrote the entry. Run that version here, too."),
    ("vault_no_kv", "The mount is no KV secrets engine."),
    ("vault_not_a_text", "A field of Vault that the source refers to is no text."),
    ("vault_not_ours", "The entry was not made by tokenferry."),
    ("vault_rate_limited", "Vault had too many requests. It is asked again when it allows that."),
    ("vault_redirected", "Vault sends us to a host that is not in `addresses`."),
    ("vault_sealed", "Vault is sealed. It is tried again; somebody has to unseal it."),
    ("vault_server_error", "Vault itself is in trouble. It is tried again."),
    ("vault_standby", "Only a standby of Vault answers. It is tried again."),
    ("vault_starting", "Vault is starting. It is tried again."),
    ("vault_timed_out", "Vault did not answer in time. It is tried again."),
    (
        "vault_tls",
        "No protected connection to Vault could be made. Check its certificate and `ca_cert_file`.",
    ),
    ("vault_unexpected_status", "Vault answered with a status that nobody expected. The log tells which."),
    ("vault_unreachable", "No connection to Vault. It is tried again."),
    ("vault_wrong_engine", "The mount is not KV version 2. Make a KV version 2 mount, or choose another."),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The names in `=> "name",` and `Class::new("name")`, as they stand in the code that gives them.
    fn named(code: &str) -> impl Iterator<Item = &str> {
        let after = ["=> \"", "Class::new(\""];
        code.lines().filter_map(move |line| {
            let rest = after.iter().find_map(|before| line.split_once(before))?.1;
            rest.split('"').next().filter(|name| crate::run::Class::noted(name).is_some())
        })
    }

    #[test]
    fn every_class_that_a_run_can_end_with_has_a_meaning() {
        let code = [
            include_str!("../../../../sources/src/error/class.rs"),
            include_str!("../../../../vault/src/error/class.rs"),
            include_str!("../../runner/trouble.rs"),
            include_str!("../../source.rs"),
        ];
        let of_reads = ["ambiguous_device", "missing_otp", "missing_password", "unknown_device"];
        let classes: Vec<&str> =
            code.into_iter().flat_map(named).filter(|class| !of_reads.contains(class)).collect();
        assert!(classes.len() > 50, "{classes:?}");
        for class in classes {
            assert!(MEANINGS.iter().any(|(name, _)| *name == class), "`{class}` has no meaning");
        }
    }

    #[test]
    fn meanings_are_in_order_and_short() {
        assert!(MEANINGS.is_sorted_by_key(|(name, _)| name));
        assert!(MEANINGS.iter().all(|(_, text)| text.ends_with('.') && text.len() < 110));
        assert!(meaning("brand_new").contains("does not know"));
    }
}
