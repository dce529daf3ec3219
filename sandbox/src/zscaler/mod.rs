//! Zscaler Client Connector: its API, with keys of its own portal ("legacy") and with API clients of ZIdentity (OneAPI).

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::{get, post};

mod api;
mod device;
mod limit;
mod login;
mod one_api;
mod options;
mod profile;
mod removal;
mod token;

pub use options::{
    AccountMode, ClientMode, DeviceForm, ZscalerAccount, ZscalerApiClient, ZscalerDevice, ZscalerOptions,
    ZscalerProfile,
};

use crate::answer::labelled;
use crate::conditions::Conditions;
use crate::system::{Act, System};
use crate::urlencoded::query_value;
use device::Devices;
use limit::Budgets;
use login::Credentials;
use profile::Profiles;
use token::Tokens;

const NAME: &str = "zscaler";
const LOGIN: &str = "/zscaler/papi/auth/v1/login";
const TOKEN: &str = "/zscaler/oauth2/v1/token";
/// What the API knows, below the base of either world.
const READS: [&str; 4] = ["getDeviceDetails", "getDevices", "getOtp", "getPasswords"];
const REMOVALS: [&str; 2] = ["forceRemoveDevices", "removeDevices"];

/// The content type of every JSON answer.
const JSON: &str = "application/json;charset=UTF-8";

/// The part that legacy calls begin with.
pub(crate) fn base_url(url: &str) -> String {
    format!("{url}/{NAME}/papi")
}

/// The part that calls of OneAPI begin with.
pub(crate) fn one_api_base_url(url: &str) -> String {
    format!("{url}/{NAME}/zcc/papi")
}

/// Where API clients get their tokens.
pub(crate) fn token_url(url: &str) -> String {
    format!("{url}{TOKEN}")
}

/// The two ways in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum World {
    Legacy,
    OneApi,
}

impl World {
    fn of(path: &str) -> Self {
        if path.starts_with("/zscaler/zcc/") { World::OneApi } else { World::Legacy }
    }
}

/// The tenant.
#[derive(Debug)]
pub(crate) struct Zscaler {
    options: ZscalerOptions,
    budgets: Budgets,
    devices: Devices,
    profiles: Profiles,
    tokens: Tokens,
}

impl Zscaler {
    pub(crate) fn new(options: ZscalerOptions) -> Self {
        let budgets = Budgets::new(options.requests_per_window, options.rate_window);
        let (devices, profiles) = (Devices::new(&options.devices), Profiles::new(&options.profiles));
        Self { options, budgets, devices, profiles, tokens: Tokens::default() }
    }

    fn account(&self, api_key: &str, conditions: &Conditions) -> Option<&ZscalerAccount> {
        let known = self.options.accounts.iter().find(|account| account.api_key == api_key);
        known.filter(|_| !conditions.revokes(api_key))
    }

    fn api_client(&self, client_id: &str, conditions: &Conditions) -> Option<&ZscalerApiClient> {
        let known = self.options.api_clients.iter().find(|client| client.client_id == client_id);
        known.filter(|_| !conditions.revokes(client_id))
    }
}

impl System for Zscaler {
    fn name(&self) -> &'static str {
        NAME
    }

    fn act(&self, head: &Parts, body: &[u8]) -> Act {
        match head.uri.path() {
            LOGIN => Act::Login(Credentials::parse(body).map(|sent| sent.api_key).unwrap_or_default()),
            TOKEN => Act::Login(one_api::client_id(body).unwrap_or_default()),
            path if path.ends_with("/public/v1/getOtp") => {
                Act::Read(query_value(head.uri.query(), "udid").unwrap_or_default())
            }
            _ => Act::Other,
        }
    }

    fn router(self: Arc<Self>) -> Router {
        let paths = |name: &str| ["papi", "zcc/papi"].map(|base| format!("/{NAME}/{base}/public/v1/{name}"));
        let reads = READS.iter().flat_map(|name| paths(name)).map(|path| (path, get(api::call)));
        let removals = REMOVALS.iter().flat_map(|name| paths(name)).map(|path| (path, post(api::call)));
        reads
            .chain(removals)
            .fold(Router::new(), |router, (path, method)| router.route(&path, method))
            .route(LOGIN, post(login::login))
            .route(TOKEN, post(one_api::token))
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
        if let Some(client) = self.options.api_clients.first() {
            settings.push(("one_api_base_url", one_api_base_url(url)));
            settings.push(("one_api_token_url", token_url(url)));
            settings.push(("one_api_client_id", client.client_id.clone()));
            settings.extend(client.client_secret.clone().map(|secret| ("one_api_client_secret", secret)));
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
