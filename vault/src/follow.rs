//! Following a TLS certificate that is replaced while our login lives.

use std::sync::Arc;

use tokio::time::Instant;
use tracing::{info, warn};

use crate::login::Login;
use crate::{Vault, VaultAuth, VaultError};

impl Vault {
    /// Logs in with the certificate that is there now, if it is another one. Where that does not work the old one, and
    /// the token that it got, serve on.
    pub(crate) async fn follow_certificate(&self, login: &Arc<Login>) {
        if !self.shows_certificate() {
            return;
        }
        let found = self.credential();
        if found == login.credential || login.has_declined(found) {
            return;
        }
        match self.login(Some(login)).await {
            Ok(_) => info!("logged in to Vault with a new TLS certificate"),
            Err(error) => {
                let message = "going on with the old TLS certificate at Vault";
                warn!(class = error.class(), vault = self.address(), %error, advice = error.advice(), "{message}");
                if matches!(error, VaultError::CertificateRefused { .. } | VaultError::Identity { .. })
                    || error.is_refusal()
                {
                    login.life().declined = Some((found, Instant::now()));
                }
            }
        }
    }

    /// Whether we show a certificate in each connection.
    pub(crate) fn shows_certificate(&self) -> bool {
        matches!(self.auth, VaultAuth::Cert { .. })
    }
}
