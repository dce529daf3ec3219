//! Zscaler Client Connector, the API of its own portal ("legacy", with keys made there).

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::{get, post};

mod limit;
mod login;
mod options;
mod otp;
mod token;

pub use options::{AccountMode, DeviceForm, ZscalerAccount, ZscalerDevice, ZscalerOptions};

use crate::answer::labelled;
use crate::conditions::Conditions;
use crate::system::{Act, System};
use crate::urlencoded::query_value;
use limit::Budgets;
use login::Credentials;
use otp::Passwords;
use token::Tokens;

const NAME: &str = "zscaler";
const LOGIN: &str = "/zscaler/papi/auth/v1/login";
const GET_OTP: &str = "/zscaler/papi/public/v1/getOtp";

/// The content type of every JSON answer.
const JSON: &str = "application/json;charset=UTF-8";

/// The part that legacy calls begin with.
pub(crate) fn base_url(url: &str) -> String {
    format!("{url}/{NAME}/papi")
}

/// The tenant.
#[derive(Debug)]
pub(crate) struct Zscaler {
    options: ZscalerOptions,
    budgets: Budgets,
    passwords: Passwords,
    tokens: Tokens,
}

impl Zscaler {
    pub(crate) fn new(options: ZscalerOptions) -> Self {
        let budgets = Budgets::new(options.requests_per_window, options.rate_window);
        let passwords = Passwords::new(&options.devices);
        Self { options, budgets, passwords, tokens: Tokens::default() }
    }

    fn account(&self, api_key: &str, conditions: &Conditions) -> Option<&ZscalerAccount> {
        let known = self.options.accounts.iter().find(|account| account.api_key == api_key);
        known.filter(|_| !conditions.revokes(api_key))
    }
}

impl System for Zscaler {
    fn name(&self) -> &'static str {
        NAME
    }

    fn act(&self, head: &Parts, body: &[u8]) -> Act {
        match head.uri.path() {
            LOGIN => Act::Login(Credentials::parse(body).map(|sent| sent.api_key).unwrap_or_default()),
            GET_OTP => Act::Read(query_value(head.uri.query(), "udid").unwrap_or_default()),
            _ => Act::Other,
        }
    }

    fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route(LOGIN, post(login::login))
            .route(GET_OTP, get(otp::otp))
            .fallback(not_found)
            .method_not_allowed_fallback(not_found)
            .with_state(self)
    }

    fn settings(&self, url: &str) -> Vec<(&'static str, String)> {
        let mut settings = vec![("base_url", base_url(url))];
        if let Some(account) = self.options.accounts.first() {
            settings.push(("api_key", account.api_key.clone()));
            settings.push(("secret_key", account.secret_key.clone()));
        }
        settings.extend(self.options.devices.first().map(|device| ("udid", device.udid.clone())));
        settings
    }

    fn variables(&self) -> &'static [(&'static str, &'static str)] {
        &[("ZCC_CLIENT_ID", "api_key"), ("ZCC_CLIENT_SECRET", "secret_key"), ("ZCC_OVERRIDE_URL", "base_url")]
    }

    fn devices(&self) -> Vec<String> {
        self.options.devices.iter().map(|device| device.udid.clone()).collect()
    }

    fn reset(&self) {
        self.budgets.restore();
    }
}

/// Plain text under a JSON label: recorded so from the vendor's gateway.
async fn not_found() -> Response {
    labelled(StatusCode::NOT_FOUND, "application/json", "404 Not Found")
}

/// The answer of a migrated tenant to a legacy call.
fn one_api_only() -> Response {
    let text = "This resource is accessible only through Zscaler OneAPI.";
    labelled(StatusCode::FORBIDDEN, "text/html", text)
}
