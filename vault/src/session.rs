//! Our login to Vault: made once, at the first use, and again when its token proves dead.

use std::hash::{BuildHasher, RandomState};
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
use crate::{Kept, KvPath, Operation, Vault, VaultAuth, VaultError};

/// Why and when the last attempt to log in failed, and what was refused.
#[derive(Default)]
pub(crate) struct LastFailure {
    last: Option<(Instant, VaultError)>,
    refused: Option<Refused>,
    keys: RandomState,
}

/// A refused login.
struct Refused {
    at: Instant,
    error: VaultError,
    /// What was refused: nothing that could be turned back, and of no use to another process.
    credential: u64,
    /// How often in a row.
    count: u32,
}

impl LastFailure {
    /// A failure holds for all who waited for it; a refusal also for as long as the credential is the same, or for a
    /// while that is longer each time, lest we lock ourselves out.
    fn standing(&self, arrived: Instant, credential: u64, gives_up: bool) -> Option<&VaultError> {
        if let Some((at, error)) = &self.last
            && *at >= arrived
        {
            return Some(error);
        }
        let refused = self.refused.as_ref().filter(|refused| refused.credential == credential)?;
        let held = gives_up || refused.at.elapsed() < hold(refused.count);
        held.then_some(&refused.error)
    }

    fn note(&mut self, error: &VaultError, credential: u64) {
        let at = Instant::now();
        if matches!(error, VaultError::LoginRefused { .. }) {
            let before = self.refused.take().filter(|refused| refused.credential == credential);
            let count = before.map_or(0, |refused| refused.count).saturating_add(1);
            self.refused = Some(Refused { at, error: error.clone(), credential, count });
        }
        self.last = Some((at, error.clone()));
    }
}

fn hold(refusals: u32) -> Duration {
    (SHORTEST_HOLD * 2_u32.saturating_pow(refusals.saturating_sub(1).min(10))).min(LONGEST_HOLD)
}

impl Vault {
    /// Sends a request about an entry with our token, in the namespace of the entry. The answer has a content. If the
    /// token is dead, once more with a new one. The outer error is that we could not log in.
    pub(crate) async fn ask<E: Endpoint>(
        &self,
        at: &KvPath,
        endpoint: E,
    ) -> Result<Result<E::Response, Fault>, VaultError> {
        let presented = Presented::new(self.login(None).await?, at);
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
    pub(crate) async fn tell<E: Endpoint>(
        &self,
        at: &KvPath,
        endpoint: E,
    ) -> Result<Result<(), Fault>, VaultError> {
        let presented = Presented::new(self.login(None).await?, at);
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
    async fn replace_dead(&self, presented: &Presented<'_>) -> Result<bool, VaultError> {
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
    pub(crate) fn has_better(&self, login: &Login) -> Result<bool, VaultError> {
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
        let credential = self.credential(&last_failure.keys);
        if let Some(error) = last_failure.standing(arrived, credential, self.gives_up) {
            debug!("not logging in to Vault again with what was refused");
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
                last_failure.note(&error, credential);
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
    fn credential(&self, keys: &RandomState) -> u64 {
        let parts = match &self.auth {
            VaultAuth::Token(token) => [Some(token), None],
            VaultAuth::AppRole { role_id, secret_id, .. } => [Some(role_id), Some(secret_id)],
            VaultAuth::Jwt { jwt, .. } => [Some(jwt), None],
        };
        let hash = |kept: &Kept| self.read(kept).ok().map(|secret| keys.hash_one(secret.expose_secret()));
        keys.hash_one(parts.map(|kept| kept.and_then(hash)))
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
const SHORTEST_HOLD: Duration = Duration::from_secs(15 * 60);
const LONGEST_HOLD: Duration = Duration::from_secs(4 * 60 * 60);

/// The token that goes along with a request and its repetition, and the namespace if it is not that of the login.
struct Presented<'a> {
    login: Mutex<Arc<Login>>,
    namespace: Option<&'a str>,
}

impl<'a> Presented<'a> {
    fn new(login: Arc<Login>, at: &'a KvPath) -> Self {
        Presented { login: Mutex::new(login), namespace: at.namespace.as_deref() }
    }

    fn login(&self) -> Arc<Login> {
        Arc::clone(&self.login.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, login: Arc<Login>) {
        *self.login.lock().unwrap_or_else(PoisonError::into_inner) = login;
    }
}

impl MiddleWare for Presented<'_> {
    fn request<E: Endpoint>(
        &self,
        endpoint: &E,
        request: &mut http::Request<Vec<u8>>,
    ) -> Result<(), ClientError> {
        self.login().middle.request(endpoint, request)?;
        if let Some(namespace) = self.namespace {
            let value = HeaderValue::from_str(namespace)
                .map_err(|error| ClientError::GenericError { source: error.into() })?;
            // In the place of that of the login.
            request.headers_mut().insert("X-Vault-Namespace", value);
        }
        Ok(())
    }

    fn response<E: Endpoint>(&self, _: &E, _: &mut http::Response<Vec<u8>>) -> Result<(), ClientError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: u64 = 1;
    const OTHER: u64 = 2;

    fn refused() -> VaultError {
        VaultError::LoginRefused { operation: Operation::Login("approle".into()), status: 400 }
    }

    async fn passes(minutes: u64) {
        tokio::time::advance(Duration::from_secs(minutes * 60 + 1)).await;
    }

    fn holds(failure: &LastFailure, credential: u64, gives_up: bool) -> bool {
        failure.standing(Instant::now(), credential, gives_up).is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_credential_is_not_sent_again_soon_and_never_by_a_short_run() {
        let mut failure = LastFailure::default();
        for minutes in [15, 30, 60] {
            failure.note(&refused(), ONE);
            passes(minutes - 1).await;
            assert!(holds(&failure, ONE, false), "{minutes}");
            assert!(!holds(&failure, OTHER, true), "another credential is another matter");
            passes(1).await;
            assert!(!holds(&failure, ONE, false), "{minutes}");
            assert!(holds(&failure, ONE, true));
        }
        failure.note(&refused(), OTHER);
        passes(15).await;
        assert!(!holds(&failure, OTHER, false), "the refusals of another one do not count");
    }

    #[tokio::test(start_paused = true)]
    async fn what_else_goes_wrong_holds_for_those_who_waited_and_ends_no_refusal() {
        let mut failure = LastFailure::default();
        failure.note(&refused(), ONE);
        let arrived = Instant::now();
        passes(1).await;
        failure.note(&VaultError::BadToken, OTHER);
        assert!(matches!(failure.standing(arrived, OTHER, false), Some(VaultError::BadToken)));
        passes(1).await;
        assert!(!holds(&failure, OTHER, false));
        assert!(holds(&failure, ONE, false));
    }
}
