//! Requests with the token of our login, which is made anew when its token proves dead.

use std::sync::{Arc, Mutex, PoisonError};

use reqwest::header::HeaderValue;
use rustify::Endpoint;
use rustify::endpoint::MiddleWare;
use rustify::errors::ClientError;
use tokenferry_sources::ExposeSecret;
use tokio::time::Instant;
use tracing::debug;
use vaultrs::api::token::requests::LookupTokenSelfRequest;
use zeroize::Zeroizing;

use crate::fault::Fault;
use crate::lease::Lease;
use crate::login::Login;
use crate::{KvPath, Operation, Vault, VaultAuth, VaultError};

impl Vault {
    /// Sends a request about an entry with our token, in the namespace of the entry. The answer has a content. If the
    /// token is dead, once more with a new one. The outer error is that we could not log in.
    pub(crate) async fn ask<E: Endpoint>(
        &self,
        at: &KvPath,
        endpoint: E,
    ) -> Result<Result<E::Response, Fault>, VaultError> {
        self.ask_in(at.namespace.as_deref(), endpoint).await
    }

    /// As [`Vault::ask`], for what is about no entry. Without a namespace it is the configured one.
    pub(crate) async fn ask_in<E: Endpoint>(
        &self,
        namespace: Option<&str>,
        endpoint: E,
    ) -> Result<Result<E::Response, Fault>, VaultError> {
        let presented = Presented::new(self.login(None).await?, namespace);
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
        let presented = Presented::new(self.login(None).await?, at.namespace.as_deref());
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
            _ => Ok(!login.seems_alive()),
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
        let answer = self.transport.ask(&LookupTokenSelfRequest {}.with_middleware(&login.home)).await?;
        let found = answer.data.ok_or(Fault::Empty)?;
        drop(Zeroizing::new(found.id));
        Ok(Lease::new(self.moment(), found.ttl, found.renewable.unwrap_or_default()))
    }
}

fn is_forbidden<T>(answer: &Result<T, Fault>) -> bool {
    answer.as_ref().is_err_and(|fault| fault.status() == Some(403))
}

/// Of the token of one request: for a dead one, and for one that died while the request waited.
const MOST_REPLACEMENTS: u32 = 2;

/// The token that goes along with a request and its repetition, and the namespace if it is not that of the login.
struct Presented<'a> {
    login: Mutex<Arc<Login>>,
    namespace: Option<&'a str>,
}

impl<'a> Presented<'a> {
    fn new(login: Arc<Login>, namespace: Option<&'a str>) -> Self {
        Presented { login: Mutex::new(login), namespace }
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
