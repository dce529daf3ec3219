//! The sandbox with credentials planted for one test, and configurations that log in to it.

use std::time::Duration;

use serde_json::json;
use tokenferry_leaks::note_secret;
use tokenferry_sandbox::{
    Answer, Control, Counters, DeviceForm, Fault, GrantCounts, Options, Sandbox, ZettelstoreOptions,
    ZettelstoreUser, ZscalerAccount, ZscalerDevice, ZscalerOptions,
};
use tokio::time::{Instant, sleep};

use crate::value::{Value, object};

/// A device with one password for each of eight purposes, but no generic one.
pub const DEVICE: &str = "0A1B2C3D-0000-1111-2222-333344445555:501";

/// A device that has only the generic password.
pub const GENERIC_DEVICE: &str = "0A1B2C3D-0000-1111-2222-333344445555:502";

/// Where Zscaler logins arrive.
pub const ZSCALER_LOGIN: &str = "/zscaler/papi/auth/v1/login";

/// Where one-time passwords are read.
pub const ZSCALER_OTP: &str = "/zscaler/papi/public/v1/getOtp";

/// Where Zettelstore logins arrive.
pub const ZETTELSTORE_LOGIN: &str = "/zettelstore/a";

/// A running sandbox.
#[derive(Debug)]
pub struct Issuer {
    sandbox: Sandbox,
    /// The credentials that it knows.
    pub planted: Planted,
}

/// Credentials that can be looked for, since no other text looks like them.
#[derive(Clone, Debug)]
pub struct Planted {
    /// Zscaler's client id; not a secret.
    pub api_key: String,
    /// Zscaler's client secret.
    pub secret_key: String,
    /// Zettelstore's user; not a secret.
    pub username: String,
    /// The password of that user.
    pub password: String,
    /// An access token that is issued on request.
    pub token: String,
    /// A one-time password that is issued on request.
    pub otp: String,
}

impl Planted {
    fn new(test: &str) -> Self {
        Self {
            api_key: format!("planted-key-{test}"),
            secret_key: format!("planted-secret/{test} zscaler+key"),
            username: format!("planted-user-{test}"),
            password: format!("planted-secret/{test} zettelstore+password"),
            token: format!("planted-token-{test}"),
            otp: format!("planted-otp-{test}"),
        }
    }

    /// What must not be seen anywhere.
    pub fn secrets(&self) -> [&str; 4] {
        [&self.secret_key, &self.password, &self.token, &self.otp]
    }
}

impl Issuer {
    /// Starts one for the test of this name.
    pub async fn start(test: &str) -> Self {
        Self::with(test, |_| ()).await
    }

    /// Starts one with other settings.
    pub async fn with(test: &str, adapt: impl FnOnce(&mut Options)) -> Self {
        let planted = Planted::new(test);
        for secret in planted.secrets() {
            note_secret("planted by a test", secret).unwrap();
        }
        let mut options = Options {
            zscaler: ZscalerOptions {
                accounts: vec![ZscalerAccount::new(&planted.api_key, &planted.secret_key)],
                devices: vec![
                    ZscalerDevice::new(DEVICE, DeviceForm::Live),
                    ZscalerDevice::new(GENERIC_DEVICE, DeviceForm::GettingStarted),
                ],
                ..ZscalerOptions::default()
            },
            zettelstore: ZettelstoreOptions {
                users: vec![ZettelstoreUser::new(&planted.username, &planted.password)],
                ..ZettelstoreOptions::default()
            },
            ..Options::default()
        };
        adapt(&mut options);
        Self { sandbox: Sandbox::start(options).await.unwrap(), planted }
    }

    /// From now on logins bring the planted token and reads the planted one-time password.
    pub fn issue_planted(&self) {
        let login = json!({"jwtToken": self.planted.token, "message": null}).to_string();
        let otps = json!({"logoutOtp": self.planted.otp}).to_string();
        let expression = format!(r#"("Bearer" "{}" 600)"#, self.planted.token);
        self.fault(Fault::answer(json_answer(&login)).path(ZSCALER_LOGIN));
        self.fault(Fault::answer(json_answer(&otps)).path(ZSCALER_OTP));
        self.fault(Fault::answer(Answer::new(200).body(&expression)).path(ZETTELSTORE_LOGIN));
    }

    /// Lets something go wrong from now on.
    pub fn fault(&self, fault: Fault) {
        self.sandbox.control().fault(fault);
    }

    /// Faults and counters.
    pub fn control(&self) -> &Control {
        self.sandbox.control()
    }

    /// What it was asked so far.
    pub fn counters(&self) -> Counters {
        self.control().counters()
    }

    /// The logins at Zscaler.
    pub fn zscaler_logins(&self) -> GrantCounts {
        self.counters().all_logins("zscaler")
    }

    /// The logins at Zettelstore.
    pub fn zettelstore_logins(&self) -> GrantCounts {
        self.counters().all_logins("zettelstore")
    }

    /// How many connections were made to it.
    pub fn connections(&self) -> u64 {
        self.counters().connections.accepted
    }

    /// Waits until it has been asked something at `path`.
    ///
    /// # Panics
    ///
    /// If nobody asks.
    pub async fn asked(&self, path: &str) {
        self.asked_times(path, 1).await;
    }

    /// Waits until it has been asked something at `path` so many times.
    ///
    /// # Panics
    ///
    /// If nobody asks as often.
    pub async fn asked_times(&self, path: &str, times: usize) {
        let deadline = Instant::now() + Duration::from_secs(30);
        let count = || self.control().requests().iter().filter(|request| request.path == path).count();
        while count() < times {
            assert!(Instant::now() < deadline, "nobody asked for {path}");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// The provider's attribute `zscaler`.
    pub fn zscaler(&self) -> Value {
        object([
            ("api_key", self.planted.api_key.as_str().into()),
            ("secret_key", self.planted.secret_key.as_str().into()),
            ("base_url", self.zscaler_url().into()),
        ])
    }

    /// The provider's attribute `zettelstore`.
    pub fn zettelstore(&self) -> Value {
        object([
            ("username", self.planted.username.as_str().into()),
            ("password", self.planted.password.as_str().into()),
            ("base_url", self.zettelstore_url().into()),
        ])
    }

    /// A provider configuration with both systems.
    pub fn config(&self) -> Value {
        object([("zscaler", self.zscaler()), ("zettelstore", self.zettelstore())])
    }

    /// The same with a `timeout`.
    pub fn config_with_timeout(&self, timeout: &str) -> Value {
        object([
            ("zscaler", self.zscaler()),
            ("zettelstore", self.zettelstore()),
            ("timeout", timeout.into()),
        ])
    }

    /// The body of a provider block with both systems, for Terraform.
    pub fn provider_body(&self) -> String {
        let Planted { api_key, secret_key, username, password, .. } = &self.planted;
        let zscaler_url = self.zscaler_url();
        let zettelstore_url = self.zettelstore_url();
        format!(
            r"
  zscaler = {{
    api_key    = {api_key:?}
    secret_key = {secret_key:?}
    base_url   = {zscaler_url:?}
  }}
  zettelstore = {{
    username = {username:?}
    password = {password:?}
    base_url = {zettelstore_url:?}
  }}
"
        )
    }

    /// A whole provider block.
    pub fn provider_block(&self) -> String {
        format!("provider \"tokenferry\" {{{}}}\n", self.provider_body())
    }

    /// Host and port.
    pub fn address(&self) -> String {
        self.sandbox.url().trim_start_matches("http://").to_owned()
    }

    /// The base URL of Zscaler.
    pub fn zscaler_url(&self) -> String {
        self.sandbox.zscaler_base_url()
    }

    /// The base URL of Zettelstore.
    pub fn zettelstore_url(&self) -> String {
        self.sandbox.zettelstore_base_url()
    }

    /// The base URL of Zenoti.
    pub fn zenoti_url(&self) -> String {
        self.sandbox.zenoti_base_url()
    }

    /// Stops it.
    pub async fn stop(self) {
        self.sandbox.stop().await;
    }
}

/// An answer with status 200 that is labelled as JSON.
pub fn json_answer(body: &str) -> Answer {
    Answer::new(200).header("content-type", "application/json;charset=UTF-8").body(body)
}
