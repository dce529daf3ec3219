//! The answers of `/v1/tokens`, the present and the old one.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::time::{old_timestamp, timestamp};
use crate::clock::later;
use crate::expiry::{Arrival, still_to_come};
use crate::json::Fields;
use crate::transport::is_token;
use crate::{RefreshToken, Timestamp};

/// What an answer hands out.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) token: SecretString,
    /// The end it states, if it does, or that this has passed.
    pub(super) end: Option<Result<Timestamp, Timestamp>>,
    pub(super) refresh: Option<RefreshToken>,
}

impl Issued {
    /// Reads members whose names are in lower case; `None` if there is no token among them.
    pub(super) fn read(fields: &Fields, arrival: Arrival) -> Result<Option<Self>, &'static str> {
        let credentials = fields.object("credentials");
        // In the old form they stood one level higher.
        let place = credentials.unwrap_or(fields);
        let Some(token) = place.text("access_token").filter(|text| !text.expose_secret().trim().is_empty())
        else {
            let is_other = !place.is_null("access_token") && place.text("access_token").is_none();
            return if is_other { Err("its `access_token` is not a text") } else { Ok(None) };
        };
        if !is_token(token.expose_secret()) {
            return Err("its `access_token` cannot be sent in a header");
        }
        let end = if credentials.is_some() { end(place, arrival) } else { old_end(place, arrival) };
        Ok(Some(Issued { token: token.clone(), end, refresh: refresh(place) }))
    }
}

fn end(place: &Fields, arrival: Arrival) -> Option<Result<Timestamp, Timestamp>> {
    let stated = timestamp(place.text("access_token_expiry")?.expose_secret())?;
    Some(still_to_come(stated, arrival))
}

/// The seconds, which need no clock, before the date.
fn old_end(place: &Fields, arrival: Arrival) -> Option<Result<Timestamp, Timestamp>> {
    let in_text = || place.text("expires_in").and_then(|text| text.expose_secret().trim().parse().ok());
    let seconds = place.number("expires_in").or_else(in_text);
    let life = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    if let Some(end) = life.and_then(|life| later(arrival.at, life)) {
        return Some(if end > arrival.at { Ok(end) } else { Err(end) });
    }
    let stated = old_timestamp(place.text(".expires")?.expose_secret())?;
    Some(still_to_come(stated, arrival))
}

fn refresh(place: &Fields) -> Option<RefreshToken> {
    let value = place.text("refresh_token").filter(|text| !text.expose_secret().is_empty())?.clone();
    let expires_at = place.text("refresh_token_expiry").and_then(|text| timestamp(text.expose_secret()));
    Some(RefreshToken { value, expires_at })
}
