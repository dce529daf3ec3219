//! Our login to Vault: made once, at the first use, and again when its token proves dead.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::HeaderValue;
use rustify::Endpoint;
use rustify::endpoint::MiddleWare;
use rustify::errors::ClientError;
use tokenferry_sources::{ExposeSecret, SecretString};
use tokio::time::Instant;
use tracing::debug;
use vaultrs::api::auth::approle::requests::LoginWithApproleRequest;
use vaultrs::api::auth::oidc::requests::JWTLoginRequest;
use vaultrs::api::token::requests::LookupTokenSelfRequest;
use vaultrs::api::{AuthInfo, EndpointMiddleware};
use zeroize::Zeroizing;

use crate::fault::Fault;
use crate::lease::Lease;
use crate::login::{Login, SignsOfLife};
use crate::wiped::{Wipe, Wiped};
use crate::{Kept, Operation, Vault, VaultAuth, VaultError};

/// Why and when the last attempt to log in failed, and how many were refused in a row.
#[derive(Default)]
pub(crate) struct LastFailure {
    last: Option<(Instant, VaultError)>,
    refusals: u32,
}

impl LastFailure {
    /// A failure holds for all who waited for it; a refused login also for a while, longer each time, lest we lock
    /// ourselves out.
    fn standing(&self, arrived: Instant) -> Option<&VaultError> {
        let (at, error) = self.last.as_ref()?;
        let held = matches!(error, VaultError::LoginRefused { .. }) && at.elapsed() < hold(self.refusals);
        (*at >= arrived || held).then_some(error)
    }

    fn note(&mut self, error: &VaultError) {
        self.refusals = match error {
            VaultError::LoginRefused { .. } => self.refusals.saturating_add(1),
            _ => self.refusals,
        };
        self.last = Some((Instant::now(), error.clone()));
    }
}

fn hold(refusals: u32) -> Duration {
    (SHORTEST_HOLD * 2_u32.saturating_pow(refusals.saturating_sub(1).min(10))).min(LONGEST_HOLD)
}

impl Vault {
    /// Sends a request with our token, whose answer has a content. If the token is dead, once more with a new one.
    /// The outer error is that we could not log in.
    pub(crate) async fn ask<E: Endpoint>(
        &self,
        endpoint: E,
    ) -> Result<Result<E::Response, Fault>, VaultError> {
        let presented = Presented::new(self.login(None).await?);
        let request = endpoint.with_middleware(&presented);
        let mut answer = self.transport.ask(&request).await;
        for _ in 0..MOST_REPLACEMENTS {
            if !is_forbidden(&answer) || !self.replace_dead(&presented).await? {
                break;
            }
            answer = self.transport.ask(&request).await;
        }
        Ok(self.judged(&presented, answer).and_then(|answer| answer.data.ok_or(Fault::Empty)))
    }

    /// As [`Vault::ask`], for an answer that says no more than that it was done.
    pub(crate) async fn tell<E: Endpoint>(&self, endpoint: E) -> Result<Result<(), Fault>, VaultError> {
        let presented = Presented::new(self.login(None).await?);
        let request = endpoint.with_middleware(&presented);
        let mut answer = self.transport.tell(&request).await;
        for _ in 0..MOST_REPLACEMENTS {
            if !is_forbidden(&answer) || !self.replace_dead(&presented).await? {
                break;
            }
            answer = self.transport.tell(&request).await;
        }
        Ok(self.judged(&presented, answer))
    }

    /// After a 403, which means either that the policies forbid it or that the token is over. Whether there is
    /// another token now.
    async fn replace_dead(&self, presented: &Presented) -> Result<bool, VaultError> {
        let login = presented.login();
        if !login.is_blind() {
            match self.look_up(&login).await {
                Ok(_) => return Ok(false),
                Err(fault) if fault.status() == Some(403) => {}
                Err(fault) => return Err(fault.during(Operation::LookUp)),
            }
        }
        // A token that may not look itself up gets this answer as well.
        if !self.has_better(&login)? {
            login.life().blind = true;
            return Ok(false);
        }
        debug!("the Vault token is dead; logging in again");
        presented.replace(self.login(Some(&login)).await?);
        Ok(true)
    }

    /// Whether another login may get what this one does not.
    fn has_better(&self, login: &Login) -> Result<bool, VaultError> {
        match &self.auth {
            VaultAuth::Token(token) => Ok(self.read(token)?.expose_secret() != login.middle.token),
            VaultAuth::AppRole { .. } | VaultAuth::Jwt { .. } => Ok(!login.seems_alive()),
        }
    }

    /// Takes note of what an answer tells about the token that it was for.
    fn judged<T>(&self, presented: &Presented, answer: Result<T, Fault>) -> Result<T, Fault> {
        let login = presented.login();
        match answer {
            Err(fault) if fault.status() == Some(403) => {
                let may_be_over = login.is_blind() && matches!(self.auth, VaultAuth::Token(_));
                Err(if may_be_over { Fault::ForbiddenOrOver } else { fault })
            }
            Err(fault) if !fault.is_nothing_there() => Err(fault),
            answer => {
                login.life().accepted = Some(Instant::now());
                answer
            }
        }
    }

    pub(crate) async fn look_up(&self, login: &Login) -> Result<Lease, Fault> {
        let answer = self.transport.ask(&LookupTokenSelfRequest {}.with_middleware(&login.middle)).await?;
        let found = answer.data.ok_or(Fault::Empty)?;
        drop(Zeroizing::new(found.id));
        Ok(Lease::new(self.moment(), found.ttl, found.renewable.unwrap_or_default()))
    }

    /// The login we have; a new one if there is none or it is the dead one.
    pub(crate) async fn login(&self, dead: Option<&Arc<Login>>) -> Result<Arc<Login>, VaultError> {
        let arrived = Instant::now();
        if let Some(login) = self.usable(dead) {
            return Ok(login);
        }
        let mut last_failure = self.logging_in.lock().await;
        if let Some(login) = self.usable(dead) {
            return Ok(login);
        }
        if let Some(error) = last_failure.standing(arrived) {
            debug!(refusals = last_failure.refusals, "not logging in to Vault again so soon");
            return Err(error.clone());
        }
        match self.log_in(dead).await {
            Ok(login) => {
                let login = Arc::new(login);
                *self.current() = Some(Arc::clone(&login));
                *last_failure = LastFailure::default();
                self.logged_in.notify_one();
                Ok(login)
            }
            Err(error) => {
                last_failure.note(&error);
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

    async fn log_in(&self, dead: Option<&Arc<Login>>) -> Result<Login, VaultError> {
        match &self.auth {
            VaultAuth::Token(token) => {
                let token = self.read(token)?;
                if dead.is_some_and(|dead| dead.middle.token == token.expose_secret()) {
                    return Err(VaultError::LoginRefused { operation: Operation::LookUp, status: 403 });
                }
                self.login_with(&token, Lease::Unknown)
            }
            VaultAuth::AppRole { mount, role_id, secret_id } => {
                let (role_id, secret_id) = (self.read(role_id)?, self.read(secret_id)?);
                let (role_id, secret_id) = (role_id.expose_secret().into(), secret_id.expose_secret().into());
                self.log_in_at(mount, LoginWithApproleRequest { mount: mount.clone(), role_id, secret_id })
                    .await
            }
            VaultAuth::Jwt { mount, role, jwt } => {
                let (role, jwt) = (Some(role.clone()), self.read(jwt)?.expose_secret().to_owned());
                self.log_in_at(mount, JWTLoginRequest { mount: mount.clone(), jwt, role }).await
            }
        }
    }

    async fn log_in_at<E: Endpoint + Wipe>(&self, mount: &str, request: E) -> Result<Login, VaultError> {
        let operation = || Operation::Login(mount.into());
        let request = Wiped(request);
        debug!(mount, "logging in to Vault");
        let answer = self.transport.ask(&request.with_middleware(&self.middle(String::new()))).await;
        let auth = answer.and_then(|answer| answer.auth.ok_or(Fault::Malformed));
        let AuthInfo { client_token, lease_duration, renewable, .. } =
            auth.map_err(|fault| fault.during(operation()))?;
        self.login_with(&client_token.into(), Lease::new(self.moment(), lease_duration, renewable))
    }

    /// A token that no header can carry makes vaultrs panic, so it is looked at first.
    fn login_with(&self, token: &SecretString, lease: Lease) -> Result<Login, VaultError> {
        let token = token.expose_secret().trim();
        if token.is_empty() || HeaderValue::from_str(token).is_err() {
            return Err(VaultError::BadToken);
        }
        let life = SignsOfLife { made: Instant::now(), accepted: None, blind: false };
        Ok(Login { middle: self.middle(token.to_owned()), lease: Mutex::new(lease), life: Mutex::new(life) })
    }

    fn middle(&self, token: String) -> EndpointMiddleware {
        EndpointMiddleware { token, version: "v1".to_owned(), wrap: None, namespace: self.namespace.clone() }
    }

    fn read(&self, kept: &Kept) -> Result<SecretString, VaultError> {
        kept.read(&*self.environment)
    }
}

fn is_forbidden<T>(answer: &Result<T, Fault>) -> bool {
    answer.as_ref().is_err_and(|fault| fault.status() == Some(403))
}

/// Of the token of one request: for a dead one, and for one that died while the request waited.
const MOST_REPLACEMENTS: u32 = 2;
const SHORTEST_HOLD: Duration = Duration::from_secs(5);
const LONGEST_HOLD: Duration = Duration::from_secs(60);

/// The token that goes along with a request and its repetition.
struct Presented(Mutex<Arc<Login>>);

impl Presented {
    fn new(login: Arc<Login>) -> Self {
        Presented(Mutex::new(login))
    }

    fn login(&self) -> Arc<Login> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, login: Arc<Login>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = login;
    }
}

impl MiddleWare for Presented {
    fn request<E: Endpoint>(
        &self,
        endpoint: &E,
        request: &mut http::Request<Vec<u8>>,
    ) -> Result<(), ClientError> {
        self.login().middle.request(endpoint, request)
    }

    fn response<E: Endpoint>(&self, _: &E, _: &mut http::Response<Vec<u8>>) -> Result<(), ClientError> {
        Ok(())
    }
}
