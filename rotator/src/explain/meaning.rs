//! Classes of failures in plain words.

/// What a class of failures means, as the end of a sentence that begins with "because". What this version of the program
/// does not know has no words.
pub fn meaning(class: &str) -> Option<&'static str> {
    let found = MEANINGS.binary_search_by(|(name, _)| name.cmp(&class));
    found.ok().and_then(|index| MEANINGS.get(index)).map(|(_, meaning)| *meaning)
}

/// In the order of the names.
const MEANINGS: &[(&str, &str)] = &[
    ("answer_too_large", "the system's answer was larger than any that it should give"),
    ("bad_request", "the system found something wrong with the request itself"),
    ("bad_setting", "what was read for its source does not fit together"),
    ("broken_answer", "the system's answer broke off"),
    ("ca_file", "the CA certificate file of the source cannot be used"),
    ("ca_store", "this machine has no CA certificates"),
    ("cas_lost", "another process wrote the entry at the same time"),
    ("expired_on_arrival", "the token was over when it came; the clocks here or there may be wrong"),
    ("expiry_unknown", "nobody knows how long the token lives"),
    ("foreign_entry", "its destination holds an entry that somebody else made"),
    ("lifetime_zero", "the system gave a token that does not live at all"),
    ("link_local", "the address of the system is one that only this machine's network answers"),
    ("login_refused", "the system refused the login: user, key or secret are wrong or locked"),
    ("malformed_answer", "the system's answer was not what it should be"),
    ("newer_schema", "a newer version of this program wrote the entry"),
    ("no_access", "the login is right, but that user may not do this"),
    ("not_allowed_here", "the system does not offer this to that kind of login"),
    ("not_found", "the system does not know the address or the tenant"),
    ("other_rotation", "its destination belongs to another rotation"),
    ("password_expired", "the password is over and has to be changed at the system"),
    ("proxy_refused", "the proxy did not let the request through"),
    ("rate_limited", "the system wants fewer logins and said when to come back"),
    ("redirected", "the system sent us to another host, which is not followed"),
    ("secret_unavailable", "a secret of its source cannot be read where it is kept"),
    ("server_error", "the system failed itself"),
    ("timed_out", "the system did not answer in time"),
    ("tls", "no secure connection to the system could be made"),
    ("token_rejected", "the system gave a token that it did not accept afterwards"),
    ("too_short_lived", "the token lives shorter than it has to"),
    ("unexpected_status", "the system gave an answer that nobody expects of it"),
    ("unprotected", "the system lets everybody in, so that its token protects nothing"),
    ("unreachable", "the system could not be reached"),
    ("vault_absent", "the entry in Vault that holds a secret of its source does not exist"),
    ("vault_absent_field", "the entry in Vault that holds a secret of its source has no such field"),
    ("vault_bad_address", "the address of Vault cannot be used"),
    ("vault_bad_request", "Vault found something wrong with the request itself"),
    ("vault_bad_token", "the Vault token cannot be sent"),
    ("vault_broken_answer", "Vault's answer broke off"),
    ("vault_ca_file", "the CA certificate file for Vault cannot be used"),
    ("vault_ca_store", "this machine has no CA certificates"),
    ("vault_cas_required", "Vault wants every write of this entry to name the version it replaces"),
    ("vault_credential", "what Vault is logged in to with cannot be read"),
    ("vault_forbidden", "Vault's policies do not let the rotator do this"),
    ("vault_login_refused", "Vault refused the rotator's login"),
    ("vault_malformed_answer", "Vault's answer was not what it should be"),
    ("vault_missing_mount", "nothing is mounted in Vault where the token is to go"),
    ("vault_missing_namespace", "the namespace does not exist in Vault"),
    ("vault_newer_schema", "a newer version of this program wrote the entry"),
    ("vault_no_kv", "the mount is no KV secrets engine"),
    ("vault_not_a_text", "what is kept in Vault for its source is no text"),
    ("vault_not_ours", "the entry is none of the rotator's"),
    ("vault_rate_limited", "Vault wants fewer requests"),
    ("vault_redirected", "Vault sent us to another host that is not among its `addresses`"),
    ("vault_sealed", "Vault is sealed"),
    ("vault_server_error", "Vault failed itself"),
    ("vault_standby", "this node of Vault cannot reach its leader"),
    ("vault_starting", "Vault was still starting"),
    ("vault_timed_out", "Vault did not answer in time"),
    ("vault_tls", "no secure connection to Vault could be made"),
    ("vault_unexpected_status", "Vault gave an answer that nobody expects of it"),
    ("vault_unreachable", "Vault could not be reached"),
    ("vault_wrong_engine", "the mount is a KV secrets engine of version 1, and version 2 is needed"),
];

#[cfg(test)]
mod tests {
    use tokenferry_sources::FailureClass;
    use tokenferry_vault::VaultError;

    use super::*;

    #[test]
    fn meanings_stand_in_the_order_of_their_classes() {
        assert!(MEANINGS.is_sorted_by_key(|(name, _)| *name));
    }

    #[test]
    fn classes_of_logins_and_of_vault_have_words() {
        for class in [
            FailureClass::LoginRefused,
            FailureClass::RateLimited,
            FailureClass::Unreachable,
            FailureClass::Malformed,
        ] {
            assert!(meaning(class.name()).is_some(), "{class}");
        }
        assert!(meaning(VaultError::BadToken.class()).is_some());
        assert_eq!(meaning("made_up"), None);
    }
}
