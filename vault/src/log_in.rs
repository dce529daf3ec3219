//! Logging in: each method with its own request, each part of it read anew.

use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::header::HeaderValue;
use rustify::Endpoint;
use tokenferry_sources::{ExposeSecret, SecretString};
use tokio::time::Instant;
use tracing::debug;
use vaultrs::api::auth::approle::requests::LoginWithApproleRequest;
use vaultrs::api::auth::kubernetes::requests::LoginWithKubernetesRequest;
use vaultrs::api::auth::oidc::requests::JWTLoginRequest;
use vaultrs::api::auth::userpass::requests::LoginRequest as UserpassLoginRequest;
use vaultrs::api::{AuthInfo, EndpointMiddleware};

use crate::endpoint::Post;
use crate::fault::Fault;
use crate::identity::Identity;
use crate::lease::Lease;
use crate::login::{Login, SignsOfLife};
use crate::refusal::LastFailure;
use crate::transport::Transport;
use crate::unwrap::Unwrapped;
use crate::wiped::Wipe;
use crate::{AuthMethod, Kept, Operation, ROOT_NAMESPACE, Vault, VaultAuth, VaultError};

/// What one attempt to log in leaves for the next.
#[derive(Default)]
pub(crate) struct Attempts {
    failure: LastFailure,
    unwrapped: Unwrapped,
}

impl Vault {
    /// The login we have; a new one if there is none or it is the dead one.
    pub(crate) async fn login(&self, dead: Option<&Arc<Login>>) -> Result<Arc<Login>, VaultError> {
        let arrived = Instant::now();
        if let Some(login) = self.usable(dead) {
            return Ok(login);
        }
        let mut attempts = self.logging_in.lock().await;
        if let Some(login) = self.usable(dead) {
            return Ok(login);
        }
        let credential = self.credential();
        if let Some(error) = attempts.failure.standing(arrived, credential, self.gives_up) {
            debug!("not logging in to Vault again with what was refused");
            return Err(error.clone());
        }
        match self.log_in(dead, &mut attempts.unwrapped).await {
            Ok(mut login) => {
                login.credential = credential;
                let login = Arc::new(login);
                *self.current() = Some(Arc::clone(&login));
                attempts.failure = LastFailure::default();
                self.logged_in.notify_one();
                Ok(login)
            }
            Err(error) => {
                attempts.failure.note(&error, credential);
                Err(error)
            }
        }
    }

    pub(crate) fn current(&self) -> std::sync::MutexGuard<'_, Option<Arc<Login>>> {
        self.login.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn usable(&self, dead: Option<&Arc<Login>>) -> Option<Arc<Login>> {
        self.current().clone().filter(|login| dead.is_none_or(|dead| !Arc::ptr_eq(login, dead)))
    }

    /// What tells a credential from another one. Of what cannot be read, the login says so.
    pub(crate) fn credential(&self) -> u64 {
        let hash = |kept: &Kept| Some(self.keys.hash_one(self.read(kept).ok()?.expose_secret()));
        match &self.auth {
            VaultAuth::Cert { cert_file, key_file, .. } => {
                self.keys.hash_one([cert_file, key_file].map(|path| std::fs::read(path).ok()))
            }
            auth => self.keys.hash_one(auth.parts().map(hash).collect::<Vec<_>>()),
        }
    }

    async fn log_in(
        &self,
        dead: Option<&Arc<Login>>,
        unwrapped: &mut Unwrapped,
    ) -> Result<Login, VaultError> {
        match &self.auth {
            VaultAuth::AppRole { mount, role_id, secret_id } => {
                self.log_in_by_role(mount, role_id, self.read(secret_id)?).await
            }
            VaultAuth::Cert { mount, name, cert_file, key_file } => {
                let identity = Identity::read(cert_file, key_file)?;
                self.log_in_showing(mount, name.as_deref(), identity).await
            }
            VaultAuth::Jwt { mount, role, jwt } => {
                let (role, jwt) = (Some(role.clone()), self.text(jwt)?);
                let request = JWTLoginRequest { mount: mount.clone(), jwt, role };
                self.log_in_at(AuthMethod::Jwt, mount, request).await
            }
            VaultAuth::Kubernetes { mount, role, jwt } => {
                let (role, jwt) = (role.clone(), self.text(jwt)?);
                let request = LoginWithKubernetesRequest { mount: mount.clone(), role, jwt };
                self.log_in_at(AuthMethod::Kubernetes, mount, request).await
            }
            VaultAuth::Token(token) => {
                let token = self.read(token)?;
                if dead.is_some_and(|dead| dead.middle.token == token.expose_secret()) {
                    return Err(VaultError::LoginRefused { operation: Operation::LookUp, status: 403 });
                }
                self.login_with(&token, Lease::Unknown)
            }
            VaultAuth::Userpass { mount, username, password } => {
                let (username, password) = (self.user_name(username)?, self.text(password)?);
                let request = UserpassLoginRequest { mount: mount.clone(), username, password };
                self.log_in_at(AuthMethod::Userpass, mount, request).await
            }
            VaultAuth::WrappedAppRole { mount, role_id, wrapping_token } => {
                let secret_id = self.unwrapped(mount, wrapping_token, unwrapped).await?;
                self.log_in_by_role(mount, role_id, secret_id).await
            }
        }
    }

    async fn log_in_by_role(
        &self,
        mount: &str,
        role_id: &Kept,
        secret_id: SecretString,
    ) -> Result<Login, VaultError> {
        let (role_id, secret_id) = (self.text(role_id)?, secret_id.expose_secret().to_owned());
        let request = LoginWithApproleRequest { mount: mount.to_owned(), role_id, secret_id };
        self.log_in_at(AuthMethod::AppRole, mount, request).await
    }

    /// From then on the certificate is shown in each connection: Vault asks for it at renewals, too.
    async fn log_in_showing(
        &self,
        mount: &str,
        name: Option<&str>,
        identity: Identity,
    ) -> Result<Login, VaultError> {
        let transport = self.transport.showing(identity)?;
        // What vaultrs has for this calls the role `cert_name`, which Vault ignores.
        let body = name.map_or_else(|| serde_json::json!({}), |name| serde_json::json!({ "name": name }));
        let request = Post::new(format!("/auth/{mount}/login"), body.to_string().into_bytes());
        let login = self.log_in_through(&transport, AuthMethod::Cert, mount, request).await?;
        self.transport.become_like(&transport);
        Ok(login)
    }

    async fn log_in_at<E: Endpoint<Response = ()> + Wipe>(
        &self,
        method: AuthMethod,
        mount: &str,
        request: E,
    ) -> Result<Login, VaultError> {
        let request = Post::of(request).map_err(|fault| fault.during(Operation::Login(method, mount.into())));
        self.log_in_through(&self.transport, method, mount, request?).await
    }

    async fn log_in_through(
        &self,
        transport: &Transport,
        method: AuthMethod,
        mount: &str,
        request: Post,
    ) -> Result<Login, VaultError> {
        debug!(mount, "logging in to Vault");
        let answer = transport.ask(&request.with_middleware(&self.middle_of_login(String::new()))).await;
        let auth = answer.and_then(|answer| answer.auth.ok_or(Fault::Malformed));
        let AuthInfo { client_token, lease_duration, renewable, .. } =
            auth.map_err(|fault| fault.during(Operation::Login(method, mount.into())))?;
        self.login_with(&client_token.into(), Lease::new(self.moment(), lease_duration, renewable))
    }

    /// A token that no header can carry makes vaultrs panic, so it is looked at first.
    fn login_with(&self, token: &SecretString, lease: Lease) -> Result<Login, VaultError> {
        let token = sendable(token)?;
        let life = SignsOfLife { made: Instant::now(), accepted: None, blind: false, declined: None };
        Ok(Login {
            middle: middle(token.to_owned(), self.namespace.as_deref()),
            home: self.middle_of_login(token.to_owned()),
            credential: 0,
            lease: Mutex::new(lease),
            life: Mutex::new(life),
        })
    }

    /// For what concerns the login itself, in the namespace that it is in.
    pub(crate) fn middle_of_login(&self, token: String) -> EndpointMiddleware {
        middle(token, self.auth_namespace.as_deref().or(self.namespace.as_deref()))
    }

    pub(crate) fn read(&self, kept: &Kept) -> Result<SecretString, VaultError> {
        kept.read(&*self.environment)
    }

    fn text(&self, kept: &Kept) -> Result<String, VaultError> {
        Ok(self.read(kept)?.expose_secret().to_owned())
    }

    /// It becomes a part of a path, and must not lead elsewhere.
    fn user_name(&self, kept: &Kept) -> Result<String, VaultError> {
        let name = self.text(kept)?;
        if name.is_empty() || name.contains('/') || name.chars().all(|c| c == '.') {
            let cause = "the user name is empty, has a `/` in it, or consists of dots".to_owned();
            return Err(VaultError::Credential { cause });
        }
        Ok(name)
    }
}

/// A token that a header can carry.
pub(crate) fn sendable(token: &SecretString) -> Result<&str, VaultError> {
    let token = token.expose_secret().trim();
    if token.is_empty() || HeaderValue::from_str(token).is_err() {
        return Err(VaultError::BadToken);
    }
    Ok(token)
}

fn middle(token: String, namespace: Option<&str>) -> EndpointMiddleware {
    let namespace = namespace.filter(|namespace| *namespace != ROOT_NAMESPACE).map(str::to_owned);
    EndpointMiddleware { token, version: "v1".to_owned(), wrap: None, namespace }
}
