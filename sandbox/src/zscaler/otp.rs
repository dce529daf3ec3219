//! `GET /public/v1/getOtp`.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value};

use super::token::Grant;
use super::{AccountMode, DeviceForm, JSON, Zscaler, ZscalerDevice, one_api_only};
use crate::answer::{empty, labelled};
use crate::conditions::Conditions;
use crate::urlencoded::query_value;

/// The members of a live answer.
const LIVE: [&str; 8] = [
    "logoutOtp",
    "revertOtp",
    "uninstallOtp",
    "exitOtp",
    "ziaDisableOtp",
    "zpaDisableOtp",
    "zdxDisableOtp",
    "zdpDisableOtp",
];

/// What `getOtp` answers for each device. Made once: reading does not change a device's passwords.
pub(crate) struct Passwords(HashMap<String, Bytes>);

impl Passwords {
    pub(crate) fn new(devices: &[ZscalerDevice]) -> Self {
        Self(devices.iter().map(|device| (device.udid.clone(), answer(device.form))).collect())
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.0.keys()).finish()
    }
}

/// Answers with the one-time passwords of the device `udid`.
pub(crate) async fn otp(
    State(zscaler): State<Arc<Zscaler>>,
    Extension(conditions): Extension<Arc<Conditions>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    // The token of one world beside that of the other: a client that sends both has mixed them up.
    if headers.contains_key(AUTHORIZATION) {
        return empty(StatusCode::UNAUTHORIZED);
    }
    let token = headers.get("auth-token").and_then(|value| value.to_str().ok());
    let Some(grant) = token.and_then(|token| zscaler.tokens.find(token, conditions.now())) else {
        return empty(StatusCode::UNAUTHORIZED);
    };
    zscaler.otp(&grant, &conditions, query.as_deref())
}

impl Zscaler {
    fn otp(&self, grant: &Grant, conditions: &Conditions, query: Option<&str>) -> Response {
        let Some(account) = self.account(&grant.api_key, conditions) else {
            return empty(StatusCode::UNAUTHORIZED);
        };
        self.budgets.spend(&account.api_key, || match account.mode {
            AccountMode::NoRole => empty(StatusCode::FORBIDDEN),
            AccountMode::OneApiOnlyReads => one_api_only(),
            _ => self.passwords_of(query),
        })
    }

    fn passwords_of(&self, query: Option<&str>) -> Response {
        let udid = query_value(query, "udid");
        let Some(answer) = udid.and_then(|udid| self.passwords.0.get(&udid)) else {
            return empty(StatusCode::BAD_REQUEST);
        };
        let mut response = labelled(StatusCode::OK, JSON, answer.clone());
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        response
    }
}

fn answer(form: DeviceForm) -> Bytes {
    let members: Map<String, Value> = match form {
        DeviceForm::Empty => Map::new(),
        DeviceForm::EmptyStrings => LIVE.iter().map(|&name| (name.to_owned(), "".into())).collect(),
        DeviceForm::GettingStarted => one("otp"),
        DeviceForm::Live => LIVE.iter().flat_map(|name| one(name)).collect(),
        DeviceForm::UnknownKey => one("quarantineReleaseOtp"),
    };
    Value::Object(members).to_string().into()
}

fn one(name: &str) -> Map<String, Value> {
    Map::from_iter([(name.to_owned(), password().into())])
}

/// Ten lower-case letters and digits.
fn password() -> String {
    (0..10).map(|_| fastrand::digit(36)).collect()
}
