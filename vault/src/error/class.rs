//! What logs and metrics count, and what decides about another try.

use tokenferry_sources::Timestamp;

use super::VaultError;

impl VaultError {
    /// The stable name of its kind.
    pub fn class(&self) -> &'static str {
        use VaultError as E;
        match self {
            E::Absent { .. } => "vault_absent",
            E::AbsentField { .. } => "vault_absent_field",
            E::BadAddress { .. } => "vault_bad_address",
            E::BadRequest { .. } => "vault_bad_request",
            E::BadToken => "vault_bad_token",
            E::BrokenAnswer { .. } => "vault_broken_answer",
            E::CaFile { .. } => "vault_ca_file",
            E::CaStore { .. } => "vault_ca_store",
            E::CertificateRefused { .. } => "vault_certificate_refused",
            E::CasMismatch { .. } => "cas_lost",
            E::CasRequired { .. } => "vault_cas_required",
            E::Credential { .. } => "vault_credential",
            E::Forbidden { .. } => "vault_forbidden",
            E::Identity { .. } => "vault_certificate_file",
            E::LoginRefused { .. } => "vault_login_refused",
            E::MalformedAnswer { .. } => "vault_malformed_answer",
            E::MissingMount { .. } => "vault_missing_mount",
            E::MissingNamespace { .. } => "vault_missing_namespace",
            E::NewerSchema { .. } => "vault_newer_schema",
            E::NotAText { .. } => "vault_not_a_text",
            E::NotKv { .. } => "vault_no_kv",
            // A digit has no place in the name of a class.
            E::NotKv2 { .. } => "vault_wrong_engine",
            E::NotOurs { .. } => "vault_not_ours",
            E::RateLimited { .. } => "vault_rate_limited",
            E::Redirected { .. } => "vault_redirected",
            E::Sealed { .. } => "vault_sealed",
            E::Server { .. } => "vault_server_error",
            E::Standby { .. } => "vault_standby",
            E::Starting { .. } => "vault_starting",
            E::TimedOut { .. } => "vault_timed_out",
            E::Tls { .. } => "vault_tls",
            E::UnexpectedStatus { .. } => "vault_unexpected_status",
            E::Unreachable { .. } => "vault_unreachable",
            E::WrappedElsewhere { .. } => "vault_wrapped_elsewhere",
            E::WrappingTokenOver { .. } => "vault_wrapping_token_over",
        }
    }

    /// Whether the same login would be refused again, and may do harm: it is not repeated before its time.
    pub(crate) fn is_refusal(&self) -> bool {
        use VaultError as E;
        matches!(self, E::LoginRefused { .. } | E::WrappedElsewhere { .. } | E::WrappingTokenOver { .. })
    }

    /// Whether any other request would fail for the same reason.
    pub fn concerns_all(&self) -> bool {
        use VaultError as E;
        !matches!(
            self,
            E::Absent { .. }
                | E::AbsentField { .. }
                | E::NewerSchema { .. }
                | E::NotAText { .. }
                | E::NotKv { .. }
                | E::NotOurs { .. }
                | E::BadRequest { .. }
                | E::CasMismatch { .. }
                | E::CasRequired { .. }
                | E::Forbidden { .. }
                | E::MalformedAnswer { .. }
                | E::MissingMount { .. }
                | E::NotKv2 { .. }
                | E::UnexpectedStatus { .. }
        )
    }

    /// When to try again, if Vault said so.
    pub fn retry_at(&self) -> Option<Timestamp> {
        match self {
            VaultError::RateLimited { until, .. } | VaultError::Server { until, .. } => *until,
            _ => None,
        }
    }

    /// Whether it is unknown if what was asked for has been done.
    pub fn leaves_doubt(&self) -> bool {
        matches!(
            self,
            VaultError::BrokenAnswer { .. }
                | VaultError::MalformedAnswer { .. }
                | VaultError::Server { .. }
                | VaultError::TimedOut { .. }
        )
    }

    /// Whether Vault can be expected to take another request right now.
    pub fn is_answer(&self) -> bool {
        use VaultError as E;
        matches!(
            self,
            E::Absent { .. }
                | E::AbsentField { .. }
                | E::NotAText { .. }
                | E::BadRequest { .. }
                | E::CasMismatch { .. }
                | E::CasRequired { .. }
                | E::Forbidden { token_may_be_over: false, .. }
        )
    }
}
