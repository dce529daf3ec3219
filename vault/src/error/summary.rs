//! One line for the headline.

use super::VaultError;
use crate::Operation;

impl VaultError {
    /// A headline: one for what users would do the same about.
    pub fn summary(&self) -> &'static str {
        use VaultError as E;
        match self {
            E::Absent { .. } => "There is no such entry in Vault",
            E::AbsentField { .. } | E::NotAText { .. } => "The entry in Vault has no such text",
            E::BadAddress { .. } => "The address of Vault cannot be used",
            E::BadRequest { .. } | E::CasRequired { .. } => "Vault turned the request down",
            E::BadToken => "The Vault token cannot be sent",
            E::BrokenAnswer { .. } => "Vault gave no complete answer",
            E::CaFile { .. } => "The CA certificate file cannot be used",
            E::CaStore { .. } => "No CA certificates on this machine",
            E::CertificateRefused { .. } => "Vault refused the TLS certificate",
            E::CasMismatch { .. } => "Somebody else wrote the entry in Vault",
            E::Credential { .. } => "The login to Vault cannot be read",
            E::Forbidden { operation: Operation::LookUp | Operation::Renew, .. } => "Vault denied access",
            E::Forbidden { .. } => "Vault denied access to the entry",
            E::Identity { .. } => "The TLS certificate for Vault cannot be used",
            E::LoginRefused { .. } => "Vault refused the login",
            E::MalformedAnswer { .. } => "Vault gave an answer that is not understood",
            E::MissingMount { .. } => "Nothing is mounted there in Vault",
            E::MissingNamespace { .. } => "The namespace does not exist in Vault",
            E::NewerSchema { .. } => "The entry in Vault is newer than this program",
            E::NotKv { .. } | E::NotKv2 { .. } => "The mount in Vault is of another kind",
            E::NotOurs { .. } => "This is no entry of the rotator",
            E::RateLimited { .. } => "Vault limits the rate of requests",
            E::Redirected { .. } => "Vault redirects elsewhere",
            E::Sealed { .. } => "Vault is sealed",
            E::Server { .. } => "Vault failed",
            E::Standby { .. } => "This Vault node cannot reach its leader",
            E::Starting { .. } => "Vault is still starting",
            E::TimedOut { .. } => "Vault did not answer in time",
            E::Tls { .. } => "No secure connection to Vault",
            E::UnexpectedStatus { .. } => "Vault gave an unexpected answer",
            E::Unreachable { .. } => "Vault cannot be reached",
            E::WrappedElsewhere { .. } => "The wrapping token comes from elsewhere",
            E::WrappingTokenOver { .. } => "The wrapping token is over",
        }
    }
}
