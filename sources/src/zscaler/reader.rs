//! Reads one-time passwords: once for each device and process.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::sleep;

use super::legacy::{Legacy, OtpAnswer};
use super::{OtpSet, Udid};
use crate::flight::{Flight, Turn};
use crate::json::Fields;
use crate::{Said, Session, SourceError, Token};

/// Reads the one-time passwords of devices with the token of a session.
#[derive(Debug)]
pub struct OtpReader {
    session: Arc<Session>,
    source: Legacy,
    devices: Mutex<HashMap<Udid, Arc<Device>>>,
    /// The fresh token that was rejected last: no login is spent on it again.
    condemned: Mutex<Option<SecretString>>,
}

type Device = Flight<Option<Arc<OtpSet>>>;

impl OtpReader {
    /// A reader for a session; `None` if the session is not one of Zscaler.
    pub fn new(session: Arc<Session>) -> Option<OtpReader> {
        let source: &dyn Any = session.source().as_ref();
        let source = source.downcast_ref::<Legacy>()?.clone();
        Some(OtpReader { session, source, devices: Mutex::default(), condemned: Mutex::default() })
    }

    /// The one-time passwords of a device. They are asked for once; reads at the same time share one outcome.
    ///
    /// # Errors
    /// When there is no token, or the system does not give the passwords.
    pub async fn read(
        &self,
        udid: &Udid,
        minimum_lifetime: Option<Duration>,
    ) -> Result<Arc<OtpSet>, SourceError> {
        let device = self.device(udid);
        let mut turn: Turn<'_, _> = device.turn().await;
        if let Some(set) = turn.state() {
            return Ok(Arc::clone(set));
        }
        if let Some(failure) = turn.shared_failure() {
            return Err(failure.clone());
        }
        let outcome = self.fetch(udid, minimum_lifetime).await.map(Arc::new);
        *turn.state() = outcome.as_ref().ok().cloned();
        turn.ended(outcome.as_ref().err().cloned());
        outcome
    }

    fn device(&self, udid: &Udid) -> Arc<Device> {
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(devices.entry(udid.clone()).or_default())
    }

    async fn fetch(&self, udid: &Udid, minimum_lifetime: Option<Duration>) -> Result<OtpSet, SourceError> {
        let token = self.session.token(minimum_lifetime).await?;
        let first = self.source.request_otps(&token, udid).await?;
        if first.answer.status != StatusCode::UNAUTHORIZED {
            return first.into_otps(udid);
        }
        if self.is_condemned(&token) {
            return Err(first.rejected());
        }
        if first.sheds_load() {
            sleep(LOAD_SHEDDING_PAUSE).await;
        }
        self.session.reject(&token).await;
        let token = self.session.token(minimum_lifetime).await?;
        let second = self.source.request_otps(&token, udid).await?;
        if second.answer.status != StatusCode::UNAUTHORIZED {
            return second.into_otps(udid);
        }
        *self.condemned.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.value.clone());
        Err(second.rejected())
    }

    fn is_condemned(&self, token: &Token) -> bool {
        let condemned = self.condemned.lock().unwrap_or_else(PoisonError::into_inner);
        condemned.as_ref().is_some_and(|value| value.expose_secret() == token.value.expose_secret())
    }
}

impl OtpAnswer {
    fn into_otps(self, udid: &Udid) -> Result<OtpSet, SourceError> {
        let OtpAnswer { attempt, secrets, answer } = self;
        match answer.status.as_u16() {
            200..=299 => {}
            status @ (400 | 404) => {
                let said = Said::from_body(&answer.body, &secrets);
                return Err(SourceError::UnknownDevice { attempt, udid: udid.clone(), status, said });
            }
            _ => return Err(answer.failure(&attempt, &secrets)),
        }
        let fields =
            Fields::parse(&answer.body).map_err(|_| answer.malformed(&attempt, "it is not a JSON object"))?;
        OtpSet::from_fields(fields).ok_or_else(|| SourceError::NoOtp { attempt, udid: udid.clone() })
    }

    fn rejected(self) -> SourceError {
        let said = Said::from_body(&self.answer.body, &self.secrets);
        SourceError::TokenRejected { attempt: self.attempt, status: self.answer.status.as_u16(), said }
    }

    /// Whether the 401 stands for a system under load rather than for a bad token.
    fn sheds_load(&self) -> bool {
        let text = String::from_utf8_lossy(&self.answer.body).to_ascii_lowercase();
        text.contains("resource access blocked") || (text.contains("session") && text.contains("invalid"))
    }
}

const LOAD_SHEDDING_PAUSE: Duration = Duration::from_secs(1);
