//! Who may log in to the simulated tenant, and what it knows.

use std::fmt;
use std::time::Duration;

/// The simulated tenant.
#[derive(Clone, Debug)]
pub struct ZscalerOptions {
    /// The API keys; the first one is announced to users.
    pub accounts: Vec<ZscalerAccount>,
    /// The API clients of ZIdentity; the first one is announced to users.
    pub api_clients: Vec<ZscalerApiClient>,
    /// The enrolled devices; the first one is announced to users.
    pub devices: Vec<ZscalerDevice>,
    /// The app profiles with their passwords.
    pub profiles: Vec<ZscalerProfile>,
    /// From a login to the end of its token; an hour, as the vendor's default.
    pub token_lifetime: Duration,
    /// Calls that each key may make per [`rate_window`](Self::rate_window), the login included. The vendor's
    /// limit is 100; none by default.
    pub requests_per_window: Option<u32>,
    /// An hour: counted from the first call for API keys, and from the full hour for API clients.
    pub rate_window: Duration,
}

/// One API key.
#[derive(Clone)]
pub struct ZscalerAccount {
    /// The client id.
    pub api_key: String,
    /// The client secret.
    pub secret_key: String,
    /// What a login with it brings.
    pub mode: AccountMode,
}

/// What a login with a key brings.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum AccountMode {
    /// Status 200 and a JWT whose `exp` is in the past; the token is good for nothing.
    Expired,
    /// Status 200 and a JWT without `exp`; the token is good.
    NoExpiry,
    /// As [`Normal`](Self::Normal), but the answer has no member `message`.
    NoMessage,
    /// The login succeeds, and every call after it is refused with 403.
    NoRole,
    /// As [`Normal`](Self::Normal), but removals are refused with 403.
    ReadOnly,
    /// Status 200 and a JWT.
    #[default]
    Normal,
    /// Status 200, `jwtToken` null, and a message.
    NullToken,
    /// Status 200 and a token of one part, as in the vendor's own example; the token is good.
    OnePart,
    /// The login is refused with a text that names OneAPI, as migrated tenants do.
    OneApiOnly,
    /// The login succeeds, and every call after it is refused with a text that names OneAPI.
    OneApiOnlyReads,
}

/// One API client.
#[derive(Clone)]
pub struct ZscalerApiClient {
    /// Its id.
    pub client_id: String,
    /// Its secret; without one it has to sign.
    pub client_secret: Option<String>,
    /// The RSA key that its assertions are checked with, as PKCS#1 in DER form; without one it cannot sign.
    pub public_key: Option<Vec<u8>>,
    /// What a login with it brings.
    pub mode: ClientMode,
}

/// What a login with an API client brings.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ClientMode {
    /// As [`Normal`](Self::Normal), but `expires_in` is a text.
    ExpiresInText,
    /// As [`Normal`](Self::Normal), but the answer has no `expires_in`.
    NoExpiry,
    /// The login succeeds, and every call after it is refused with 403.
    NoRole,
    /// A token and its life as a number of seconds.
    #[default]
    Normal,
}

/// The passwords of the app profile that a user has on an operating system.
#[derive(Clone, Debug)]
pub struct ZscalerProfile {
    /// The enrolled user.
    pub username: String,
    /// The vendor's code of the operating system, 1 to 5.
    pub os_type: u8,
}

/// One enrolled device.
#[derive(Clone, Debug)]
pub struct ZscalerDevice {
    /// The device's id, such as `1F2E3D4C-0000-1111-2222-333344445555:501`.
    pub udid: String,
    /// Its host name.
    pub hostname: String,
    /// The user who is enrolled on it.
    pub username: String,
    /// The vendor's code of its operating system, 1 to 5.
    pub os_type: u8,
    /// The state of its enrolment as the vendor's number; 1 is registered.
    pub state: u8,
    /// The version of Client Connector on it.
    pub agent_version: String,
    /// Which passwords `getOtp` has for it.
    pub form: DeviceForm,
}

/// The shape of a `getOtp` answer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum DeviceForm {
    /// `{}`.
    Empty,
    /// The eight members of the live form, all of them `""`.
    EmptyStrings,
    /// `otp` alone, as in the vendor's introduction.
    GettingStarted,
    /// Eight members, `otp` not among them, as recorded from a live tenant.
    #[default]
    Live,
    /// One member that no documentation knows, `quarantineReleaseOtp`.
    UnknownKey,
}

impl Default for ZscalerOptions {
    fn default() -> Self {
        Self {
            accounts: vec![ZscalerAccount::new("sandbox-key", "sandbox-secret")],
            api_clients: vec![ZscalerApiClient::new("sandbox-client", "sandbox-client-secret")],
            devices: vec![
                ZscalerDevice::new("1F2E3D4C-0000-1111-2222-333344445555:501", DeviceForm::Live),
                ZscalerDevice::new("GENERIC-0000-1111-2222-333344445555:502", DeviceForm::GettingStarted),
            ],
            profiles: vec![ZscalerProfile { username: USER.to_owned(), os_type: 4 }],
            token_lifetime: Duration::from_hours(1),
            requests_per_window: None,
            rate_window: Duration::from_hours(1),
        }
    }
}

impl ZscalerAccount {
    /// A key that works.
    pub fn new(api_key: &str, secret_key: &str) -> Self {
        Self { api_key: api_key.to_owned(), secret_key: secret_key.to_owned(), mode: AccountMode::Normal }
    }

    /// Sets what a login brings.
    pub fn mode(mut self, mode: AccountMode) -> Self {
        self.mode = mode;
        self
    }
}

impl fmt::Debug for ZscalerAccount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ZscalerAccount")
            .field("api_key", &self.api_key)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

impl ZscalerApiClient {
    /// A client with a secret.
    pub fn new(client_id: &str, client_secret: &str) -> Self {
        let client_secret = Some(client_secret.to_owned());
        Self { client_id: client_id.to_owned(), client_secret, public_key: None, mode: ClientMode::Normal }
    }

    /// A client that signs.
    pub fn signing(client_id: &str, public_key: Vec<u8>) -> Self {
        let public_key = Some(public_key);
        Self { client_id: client_id.to_owned(), client_secret: None, public_key, mode: ClientMode::Normal }
    }

    /// Sets what a login brings.
    pub fn mode(mut self, mode: ClientMode) -> Self {
        self.mode = mode;
        self
    }
}

impl fmt::Debug for ZscalerApiClient {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ZscalerApiClient")
            .field("client_id", &self.client_id)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

impl ZscalerDevice {
    /// A registered macOS device, named after the first part of its id.
    pub fn new(udid: &str, form: DeviceForm) -> Self {
        let hostname = format!("mac-{}", udid.split('-').next().unwrap_or(udid).to_lowercase());
        Self {
            udid: udid.to_owned(),
            hostname,
            username: USER.to_owned(),
            os_type: 4,
            state: 1,
            agent_version: "4.5.0.33".to_owned(),
            form,
        }
    }
}

/// The user of everything that is made up.
const USER: &str = "anna@example.com";
