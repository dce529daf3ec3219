//! The API below `/public/v1`, the same in both worlds but for the header that carries the token.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::Response;
use serde_json::Value;

use super::{AccountMode, ClientMode, JSON, World, Zscaler, one_api_only, removal};
use crate::answer::{empty, labelled};
use crate::conditions::Conditions;

/// Whoever calls, and what holds for them.
struct Caller {
    key: String,
    standing: Standing,
}

enum Standing {
    Good,
    NoRole,
    Moved,
    ReadOnly,
}

/// Answers a call.
pub(crate) async fn call(
    State(zscaler): State<Arc<Zscaler>>,
    Extension(conditions): Extension<Arc<Conditions>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let world = World::of(uri.path());
    let Some(caller) = zscaler.caller(world, &headers, &conditions) else {
        return empty(StatusCode::UNAUTHORIZED);
    };
    zscaler.budgets.spend(world, &caller.key, conditions.now(), || match caller.standing {
        Standing::ReadOnly if removal::is_one(&uri) => empty(StatusCode::FORBIDDEN),
        Standing::Good | Standing::ReadOnly => zscaler.answer(&uri, &headers, &body),
        Standing::NoRole => empty(StatusCode::FORBIDDEN),
        Standing::Moved => one_api_only(),
    })
}

/// The token in the header of this world. One of the other beside it means that the client has mixed them up.
fn token(world: World, headers: &HeaderMap) -> Option<&str> {
    let (legacy, one_api) = (headers.get("auth-token"), headers.get(AUTHORIZATION));
    let (mine, other) = match world {
        World::Legacy => (legacy, one_api),
        World::OneApi => (one_api, legacy),
    };
    let text = mine.filter(|_| other.is_none())?.to_str().ok()?;
    match world {
        World::Legacy => Some(text),
        World::OneApi => text.strip_prefix("Bearer "),
    }
}

impl Zscaler {
    fn caller(&self, world: World, headers: &HeaderMap, conditions: &Conditions) -> Option<Caller> {
        let grant = self.tokens.find(token(world, headers)?, conditions.now())?;
        if grant.world != world {
            return None;
        }
        let standing = match world {
            World::Legacy => match self.account(&grant.key, conditions)?.mode {
                AccountMode::NoRole => Standing::NoRole,
                AccountMode::ReadOnly => Standing::ReadOnly,
                AccountMode::OneApiOnlyReads => Standing::Moved,
                _ => Standing::Good,
            },
            World::OneApi => match self.api_client(&grant.key, conditions)?.mode {
                ClientMode::NoRole => Standing::NoRole,
                _ => Standing::Good,
            },
        };
        Some(Caller { key: grant.key, standing })
    }

    fn answer(&self, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Response {
        if removal::is_one(uri) {
            return removal::carry_out(&self.devices, uri, headers, body);
        }
        let found = match uri.path().rsplit('/').next() {
            Some("getDeviceDetails") => self.devices.details(uri.query()),
            Some("getDevices") => self.devices.page(uri.query()),
            Some("getPasswords") => self.profiles.passwords(uri.query()),
            _ => self.devices.otps(uri.query()),
        };
        found.map_or_else(|| empty(StatusCode::BAD_REQUEST), |found| good(&found))
    }
}

fn good(answer: &Value) -> Response {
    let mut response = labelled(StatusCode::OK, JSON, answer.to_string());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
