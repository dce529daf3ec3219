use std::collections::BTreeSet;

use super::*;
use crate::{AuthMethod, KvPath};

fn at() -> KvPath {
    KvPath::new("kv", "a/b")
}

fn one_of_each() -> Vec<VaultError> {
    let operation = || Operation::Write(at());
    let cause = || "connection closed".to_owned();
    vec![
        VaultError::Absent { operation: operation() },
        VaultError::AbsentField { operation: operation(), field: "password".to_owned() },
        VaultError::BadAddress { address: "https://vault.example".to_owned() },
        VaultError::BadRequest { operation: operation() },
        VaultError::BadToken,
        VaultError::BrokenAnswer { operation: operation(), cause: cause() },
        VaultError::CaFile { path: "ca.pem".into(), cause: "it contains no certificate".to_owned() },
        VaultError::CaStore { cause: "none".to_owned() },
        VaultError::CasMismatch { operation: operation() },
        VaultError::CasRequired { operation: operation() },
        VaultError::CertificateRefused { operation: operation(), cause: "UnknownCA".to_owned() },
        VaultError::Credential { cause: "VAULT_TOKEN is not set".to_owned() },
        VaultError::Forbidden { operation: operation(), token_may_be_over: false },
        VaultError::Identity { path: "key.pem".into(), cause: IdentityError::Mismatch },
        VaultError::LoginRefused {
            operation: Operation::Login(AuthMethod::AppRole, "approle".into()),
            status: 400,
        },
        VaultError::MalformedAnswer { operation: operation() },
        VaultError::MissingMount { operation: operation() },
        VaultError::MissingNamespace { operation: operation() },
        VaultError::NewerSchema { operation: operation(), schema: 2 },
        VaultError::NotAText { operation: operation(), field: "password".to_owned() },
        VaultError::NotKv { operation: operation() },
        VaultError::NotOurs { operation: operation(), field: "schema" },
        VaultError::NotKv2 { operation: operation() },
        VaultError::RateLimited { operation: operation(), until: Some(Timestamp::UNIX_EPOCH) },
        VaultError::Redirected {
            operation: operation(),
            status: 307,
            target: "https://b.example".to_owned(),
        },
        VaultError::Sealed { operation: operation() },
        VaultError::Server { operation: operation(), status: 500, until: None },
        VaultError::Standby { operation: operation(), status: 503 },
        VaultError::Starting { operation: operation(), status: 500 },
        VaultError::TimedOut { operation: operation(), limit: Duration::from_secs(30) },
        VaultError::Tls { operation: operation(), cause: "unknown issuer".to_owned(), certificate: true },
        VaultError::UnexpectedStatus { operation: operation(), status: 418 },
        VaultError::Unreachable {
            operation: operation(),
            address: "https://vault.example:8200".to_owned(),
            cause: "Connection refused".to_owned(),
        },
        VaultError::WrappedElsewhere { operation: operation(), path: "sys/wrapping/wrap".to_owned() },
        VaultError::WrappingTokenOver { operation: Operation::Unwrap("approle".into()) },
    ]
}

#[test]
fn classes_differ_are_names_and_belong_to_vault() {
    let errors = one_of_each();
    let classes: BTreeSet<String> = errors.iter().map(|error| error.class().to_owned()).collect();
    assert_eq!(classes.len(), errors.len());
    for class in &classes {
        assert!(class.starts_with("vault_") || class == "cas_lost", "{class}");
        let is_name =
            class.len() <= 40 && class.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        assert!(is_name, "{class} would not be read back");
    }
}

#[test]
fn advice_is_whole_sentences_and_messages_are_not() {
    for error in one_of_each() {
        assert!(error.advice().ends_with('.'), "{}", error.advice());
        assert!(!error.to_string().ends_with('.'), "{error}");
        assert!(!error.summary().ends_with('.'), "{}", error.summary());
    }
}

#[test]
fn messages_say_what_was_attempted_and_what_came_back() {
    let message = |class: &str| {
        let error = one_of_each().into_iter().find(|error| error.class() == class);
        error.unwrap().to_string()
    };
    assert_eq!(
        message("vault_rate_limited"),
        "writing kv/a/b: too many requests (HTTP 429); it asks to come back at 1970-01-01T00:00:00Z"
    );
    assert_eq!(
        message("vault_redirected"),
        "writing kv/a/b: the answer (HTTP 307) is a redirect to https://b.example, which is not followed"
    );
    assert_eq!(
        message("vault_unreachable"),
        "writing kv/a/b: https://vault.example:8200 cannot be reached: Connection refused"
    );
    assert_eq!(
        message("vault_login_refused"),
        "logging in to Vault at auth/approle: Vault refused the login (HTTP 400)"
    );
}
