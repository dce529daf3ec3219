//! Reads one-time passwords: once for each device and process.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, sleep};

use super::legacy::{Legacy, OtpAnswer};
use super::{OtpSet, Udid};
use crate::flight::{Flight, Turn};
use crate::json::Fields;
use crate::memory::Memory;
use crate::{FailureClass, Said, Session, SourceError, Token};

/// Reads the one-time passwords of devices with the token of a session.
#[derive(Debug)]
pub struct OtpReader {
    session: Arc<Session>,
    source: Legacy,
    devices: Mutex<HashMap<Udid, Arc<Device>>>,
    /// The fresh token that was rejected last: no login and no call is spent on it again.
    condemned: Mutex<Option<Condemned>>,
    /// The limit on calls, which is the same for all devices.
    limit: Mutex<Option<Memory>>,
}

type Device = Flight<Known>;

/// What is known about a device.
#[derive(Debug, Default)]
struct Known {
    set: Option<Arc<OtpSet>>,
    memory: Option<Memory>,
}

/// A token, and how it was rejected.
#[derive(Debug)]
struct Condemned {
    value: SecretString,
    failure: SourceError,
}

impl OtpReader {
    /// A reader for a session; `None` if the session is not one of Zscaler.
    pub fn new(session: Arc<Session>) -> Option<OtpReader> {
        let source: &dyn Any = session.source().as_ref();
        let source = source.downcast_ref::<Legacy>()?.clone();
        Some(OtpReader {
            session,
            source,
            devices: Mutex::default(),
            condemned: Mutex::default(),
            limit: Mutex::default(),
        })
    }

    /// The one-time passwords of a device. They are asked for once; reads at the same time share one outcome, and
    /// so do later ones where asking again would not change it.
    ///
    /// # Errors
    /// When there is no token, or the system does not give the passwords.
    pub async fn read(
        &self,
        udid: &Udid,
        minimum_lifetime: Option<Duration>,
    ) -> Result<Arc<OtpSet>, SourceError> {
        // Before the device's turn: whether a token lives long enough is a question of each read.
        let token = self.session.token(minimum_lifetime).await?;
        let device = self.device(udid);
        let mut turn: Turn<'_, _> = device.turn().await;
        if let Some(set) = &turn.state().set {
            return Ok(Arc::clone(set));
        }
        if let Some(failure) = turn.shared_failure() {
            return Err(failure.clone());
        }
        if let Some(failure) = self.remembered(turn.state()) {
            return Err(failure);
        }
        let started = Instant::now();
        // Without a token there is no answer about the device, so nothing to share.
        let answer = self.ask(udid, token, minimum_lifetime).await?;
        let outcome = answer.and_then(|answer| answer.into_otps(udid)).map(Arc::new);
        match &outcome {
            Ok(set) => turn.state().set = Some(Arc::clone(set)),
            Err(error) => self.remember(turn.state(), error, started),
        }
        turn.ended(outcome.as_ref().err().cloned());
        outcome
    }

    fn device(&self, udid: &Udid) -> Arc<Device> {
        Arc::clone(locked(&self.devices).entry(udid.clone()).or_default())
    }

    /// The failure that stands against asking: of this device, or of all.
    fn remembered(&self, known: &Known) -> Option<SourceError> {
        let now = self.session.now();
        let of = |memory: &Option<Memory>| memory.as_ref()?.standing(now).cloned();
        of(&known.memory).or_else(|| of(&locked(&self.limit)))
    }

    fn remember(&self, known: &mut Known, error: &SourceError, started: Instant) {
        let memory = Memory::of(error, started);
        match error.class() {
            FailureClass::RateLimited => *locked(&self.limit) = memory,
            // It is the token's fault, not the device's.
            FailureClass::TokenRejected => {}
            _ => known.memory = memory,
        }
    }

    /// Asks for a device, with one new login if the token is rejected. The outer error is about that login.
    async fn ask(
        &self,
        udid: &Udid,
        token: Token,
        minimum_lifetime: Option<Duration>,
    ) -> Result<Result<OtpAnswer, SourceError>, SourceError> {
        let first = match self.ask_with(&token, udid).await {
            Ok(answer) if answer.is_rejection() => answer,
            outcome => return Ok(outcome),
        };
        // Another read may have come to its end in the meantime.
        if let Some(failure) = self.condemned(&token) {
            return Ok(Err(failure));
        }
        if first.sheds_load() {
            sleep(LOAD_SHEDDING_PAUSE).await;
        }
        self.session.reject(&token).await;
        let token = self.session.token(minimum_lifetime).await?;
        let second = self.ask_with(&token, udid).await;
        if let Some(failure) = second.as_ref().ok().and_then(OtpAnswer::rejection) {
            *locked(&self.condemned) = Some(Condemned { value: token.value, failure });
        }
        Ok(second)
    }

    async fn ask_with(&self, token: &Token, udid: &Udid) -> Result<OtpAnswer, SourceError> {
        match self.condemned(token) {
            Some(failure) => Err(failure),
            None => self.source.request_otps(token, udid).await,
        }
    }

    fn condemned(&self, token: &Token) -> Option<SourceError> {
        let condemned = locked(&self.condemned);
        let condemned = condemned.as_ref()?;
        let is_same = condemned.value.expose_secret() == token.value.expose_secret();
        is_same.then(|| condemned.failure.clone())
    }
}

impl OtpAnswer {
    fn into_otps(self, udid: &Udid) -> Result<OtpSet, SourceError> {
        if let Some(rejection) = self.rejection() {
            return Err(rejection);
        }
        let fields = Fields::parse(&self.answer.body);
        let OtpAnswer { attempt, secrets, answer } = self;
        let (status, said) = (answer.status.as_u16(), || Said::from_body(&answer.body, &secrets));
        match status {
            200..=299 => {}
            // The API names its reason in JSON; a gateway that does not know the path answers in plain text.
            404 if fields.is_err() => return Err(answer.failure(&attempt, &secrets)),
            400 | 404 => {
                return Err(SourceError::UnknownDevice { attempt, udid: udid.clone(), status, said: said() });
            }
            _ => return Err(answer.failure(&attempt, &secrets)),
        }
        let fields = fields.map_err(|_| answer.malformed(&attempt, "it is not a JSON object"))?;
        OtpSet::from_fields(fields).ok_or_else(|| SourceError::NoOtp { attempt, udid: udid.clone() })
    }

    fn is_rejection(&self) -> bool {
        self.answer.status == StatusCode::UNAUTHORIZED
    }

    /// The failure that a rejected token is; `None` if it was accepted.
    fn rejection(&self) -> Option<SourceError> {
        let (attempt, status) = (self.attempt.clone(), self.answer.status.as_u16());
        let said = || Said::from_body(&self.answer.body, &self.secrets);
        self.is_rejection().then(|| SourceError::TokenRejected { attempt, status, said: said() })
    }

    /// Whether the 401 stands for a system under load rather than for a bad token.
    fn sheds_load(&self) -> bool {
        let text = String::from_utf8_lossy(&self.answer.body).to_ascii_lowercase();
        text.contains("resource access blocked") || (text.contains("session") && text.contains("invalid"))
    }
}

/// A panic elsewhere does not spoil what is kept here.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const LOAD_SHEDDING_PAUSE: Duration = Duration::from_secs(1);
