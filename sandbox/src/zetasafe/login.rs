//! `POST /ext/userclientauthtoken/get` and `POST /ext/x-auth/get`.

use std::fmt;
use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Zetasafe, ZetasafeMode, ZetasafeUser};
use crate::answer::{empty, granted};
use crate::conditions::Conditions;
use crate::json::{is_json, json as answer};
use crate::urlencoded;

/// The `id` of the call for a role, the same for everybody.
const ROLE_CALL: &str = "7e67e260-202c-4bf5-b486-98502508cfe0";
const DENIED: &str = "Access denied";

/// What a login presents, and nothing else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    pub(crate) username: String,
    password: String,
}

impl Credentials {
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// A token for the user as an admin of one client, in the body of the answer.
pub(crate) async fn for_client(
    State(zetasafe): State<Arc<Zetasafe>>,
    Extension(conditions): Extension<Arc<Conditions>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some([Some(client)]) = arguments(query.as_deref(), ["adminClientId"]) else {
        return empty(StatusCode::BAD_REQUEST);
    };
    zetasafe.admit(&conditions, &headers, &body, |user| match user.mode {
        ZetasafeMode::NoToken => without_token(StatusCode::OK, &[]),
        _ => zetasafe.welcome(user, &client),
    })
}

/// A token for a role, in a header of the answer.
pub(crate) async fn for_role(
    State(zetasafe): State<Arc<Zetasafe>>,
    Extension(conditions): Extension<Arc<Conditions>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some([Some(id), role, client]) = arguments(query.as_deref(), ["id", "roleId", "clientId"]) else {
        return empty(StatusCode::BAD_REQUEST);
    };
    if id != ROLE_CALL {
        return empty(StatusCode::BAD_REQUEST);
    }
    zetasafe.admit(&conditions, &headers, &body, |user| match user.mode {
        ZetasafeMode::NoToken => empty(StatusCode::OK),
        _ => welcome_to_role(user, role.as_deref(), client.as_deref()),
    })
}

impl Zetasafe {
    /// Lets on who presents the right password and may log in at all.
    fn admit(
        &self,
        conditions: &Conditions,
        headers: &HeaderMap,
        body: &[u8],
        answer: impl FnOnce(&ZetasafeUser) -> Response,
    ) -> Response {
        let Some(sent) = Credentials::parse(body).filter(|_| is_json(headers)) else {
            return empty(StatusCode::BAD_REQUEST);
        };
        let known = self.options.users.iter().find(|user| user.username == sent.username);
        let is_theirs = |user: &&ZetasafeUser| user.password == sent.password;
        let Some(user) = known.filter(is_theirs).filter(|user| !conditions.revokes(&user.username)) else {
            return empty(StatusCode::UNAUTHORIZED);
        };
        match user.mode {
            ZetasafeMode::NoApplicableRole => {
                refused("USER_HAS_NO_APPLICABLE_ROLE", "The user has no role that can be used with this call")
            }
            ZetasafeMode::PasswordExpired => refused("PASSWORD_EXPIRED", "The password has expired"),
            ZetasafeMode::UnexpectedError => refused("UNEXPECTED_ERROR", DENIED),
            ZetasafeMode::Normal | ZetasafeMode::NoToken => answer(user),
        }
    }

    fn welcome(&self, user: &ZetasafeUser, client: &str) -> Response {
        let Some(client) = self.options.clients.iter().find(|known| known.id == client) else {
            return refused("NO_ACCESS_TO_CLIENT", DENIED);
        };
        if client.admins.contains(&user.username) {
            return granted(answer(StatusCode::OK, &json!({"token": new_token(), "admins": []})));
        }
        let status = if self.options.refuses_strangers { StatusCode::BAD_REQUEST } else { StatusCode::OK };
        without_token(status, &client.admins)
    }
}

/// A role or client may be left unsaid where there is only one.
fn welcome_to_role(user: &ZetasafeUser, role: Option<&str>, client: Option<&str>) -> Response {
    let role = match (role, user.roles.as_slice()) {
        (Some(id), roles) => roles.iter().find(|role| role.id == id).ok_or("NO_ACCESS_TO_ROLE"),
        (None, [only]) => Ok(only),
        (None, _) => Err("NO_ACCESS_TO_ROLE"),
    };
    let has = |id: &str, clients: &[String]| clients.iter().any(|known| known == id);
    let permitted = role.and_then(|role| match (client, role.clients.as_slice()) {
        (Some(id), clients) if has(id, clients) => Ok(()),
        (None, [_]) => Ok(()),
        _ => Err("NO_ACCESS_TO_CLIENT"),
    });
    match permitted {
        Ok(()) => in_header(&new_token()),
        Err(code) => refused(code, DENIED),
    }
}

fn in_header(token: &str) -> Response {
    let mut response = empty(StatusCode::OK);
    match HeaderValue::from_str(token) {
        Ok(value) => response.headers_mut().insert("x-auth-token", value),
        Err(_) => return empty(StatusCode::INTERNAL_SERVER_ERROR),
    };
    granted(response)
}

fn without_token(status: StatusCode, admins: &[String]) -> Response {
    answer(status, &json!({"token": null, "admins": admins}))
}

fn refused(code: &str, text: &str) -> Response {
    answer(StatusCode::BAD_REQUEST, &json!({code: Value::from(text)}))
}

/// Exactly these arguments of the query, none empty and none twice; nothing if there are others.
fn arguments<const N: usize>(query: Option<&str>, names: [&str; N]) -> Option<[Option<String>; N]> {
    let mut values = [const { None }; N];
    for (name, value) in urlencoded::parse(query?.as_bytes())? {
        let place = names.iter().position(|known| known.as_bytes() == name)?;
        let value = String::from_utf8(value).ok().filter(|value| !value.is_empty())?;
        if values.get_mut(place)?.replace(value).is_some() {
            return None;
        }
    }
    Some(values)
}

/// Opaque, as the real one's.
fn new_token() -> String {
    (0..40).map(|_| fastrand::alphanumeric()).collect()
}
