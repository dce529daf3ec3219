//! What the classes of failures mean, for whoever sees one noted and no longer has its message.

/// What a class means and what to do about it, each in words.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Meaning {
    /// The part of a sentence after a colon.
    pub means: &'static str,
    /// Whole sentences.
    pub advice: &'static str,
}

/// What a class means. Another version of this program may have noted one that this does not know.
pub fn meaning(class: &str) -> Meaning {
    let found = MEANINGS.iter().find(|(known, ..)| *known == class);
    let of_vault = || class.starts_with("vault_").then_some(OF_VAULT);
    found.map(|(_, means, advice)| Meaning { means, advice }).or_else(of_vault).unwrap_or(UNKNOWN)
}

const UNKNOWN: Meaning = Meaning {
    means: "this version of the program does not know that class",
    advice: "The log of the daemon has the whole message.",
};
const OF_VAULT: Meaning = Meaning {
    means: "Vault could not be read or written",
    advice: "What stands under VAULT here says whether it still cannot; the log of the daemon has the whole message.",
};

const LOG: &str = "The log of the daemon has the whole message; `tokenferry once` shows it again.";
const SETTINGS: &str = "Check the settings of its source. `tokenferry once` shows the whole message.";
const CERTIFICATES: &str = "Check `ca_cert_file`, and the CA certificates of this machine.";
const PASSES: &str = "It passes as a rule, and is tried again. If it lasts, see how the system is.";
const NETWORK: &str = "What stands under SYSTEMS here says whether it can be reached now.";

const MEANINGS: &[(&str, &str, &str)] = &[
    ("answer_too_large", "the system answered with more than any login answers", LOG),
    ("bad_request", "the system took the request for faulty", SETTINGS),
    (
        "bad_setting",
        "what its source is given makes no login",
        "Check the variables, files and entries of Vault that the source refers to.",
    ),
    ("broken_answer", "the connection broke before there was a complete answer", PASSES),
    ("ca_file", "the configured CA certificates cannot be used", CERTIFICATES),
    ("ca_store", "this machine has no CA certificates", CERTIFICATES),
    (
        "cas_lost",
        "somebody else wrote the entry at the same time, twice",
        "Find out who else writes it: one destination is for one rotation.",
    ),
    (
        "expired_on_arrival",
        "the token was over when it arrived",
        "Set the clock of this machine right, then that of the system.",
    ),
    ("expiry_unknown", "nobody says when the token ends", "Set `ttl` in its source."),
    (
        "foreign_entry",
        "the destination holds an entry of somebody else",
        "Choose another `path`, or set `adopt = true` in the destination.",
    ),
    (
        "lifetime_zero",
        "the system says that its tokens live for no time at all",
        "Have its session life set to more than zero.",
    ),
    (
        "link_local",
        "the server is at an address of the link, where metadata services are",
        "Check the URL, or set `allow_link_local = true`.",
    ),
    (
        "login_refused",
        "the system does not take the user or the secret",
        "Put the right secret where the source refers to: a changed file is noticed within seconds, and tried at once.",
    ),
    ("malformed_answer", "the answer is not what the system answers to a login", SETTINGS),
    ("newer_schema", "a newer version of this program wrote the entry", "Run the newer version here, too."),
    (
        "no_access",
        "the system knows the user, who may not do this",
        "Have the user, the client or the role allowed there.",
    ),
    ("not_allowed_here", "this login is not for this tenant or place", SETTINGS),
    ("not_found", "there is no such thing at that URL", "Check the URL of its source."),
    (
        "other_rotation",
        "the destination belongs to another rotation",
        "Give each rotation a destination of its own. If the other was renamed or is gone, delete the entry with all versions.",
    ),
    (
        "password_expired",
        "the password of the user is over",
        "Set a new one there, and put it where the source refers to.",
    ),
    ("proxy_refused", "the proxy did not let the request through", "Check HTTPS_PROXY and what it allows."),
    (
        "rate_limited",
        "the system wants fewer requests, and said perhaps until when",
        "Rotate less often, or find out who else uses this credential.",
    ),
    (
        "redirected",
        "the system sends elsewhere, which is not followed",
        "Check the URL: it must be the one that the system itself has.",
    ),
    (
        "secret_unavailable",
        "a secret of its source could not be read",
        "What stands under SECRETS here says whether it can be read now.",
    ),
    ("server_error", "the system itself failed", PASSES),
    ("timed_out", "the system did not answer in time", NETWORK),
    ("tls", "there was no secure connection", NETWORK),
    (
        "token_rejected",
        "the fresh token was not accepted when it was tried out",
        "If it lasts: check the user's rights there, and `verify`.",
    ),
    ("too_short_lived", "the token lives too short", SETTINGS),
    ("unexpected_status", "the answer has a status that means nothing for a login", SETTINGS),
    ("unknown_rotation", "the rotation was not configured any more", LOG),
    (
        "unprotected",
        "the system authenticates nobody",
        "Turn authentication on there, or set `require_authentication = false`.",
    ),
    ("unreachable", "there was no connection", NETWORK),
    (
        "vault_forbidden",
        "the policies of the Vault token do not allow it",
        "What stands under VAULT here names what is missing; `tokenferry policy` prints all of it.",
    ),
    ("vault_sealed", "Vault was sealed", "Unseal it: what was issued is written then."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_in_order_and_each_has_words() {
        assert!(MEANINGS.is_sorted_by_key(|(class, ..)| *class));
        for (class, means, advice) in MEANINGS {
            assert_eq!(meaning(class), Meaning { means, advice });
            assert!(!means.ends_with('.') && advice.ends_with('.'), "{class}");
        }
    }

    #[test]
    fn what_was_noted_by_others_is_told_as_far_as_possible() {
        assert_eq!(meaning("vault_something"), OF_VAULT);
        assert_eq!(meaning("hic_sunt_dracones"), UNKNOWN);
    }
}
