//! Our login through simulated hours: whatever Vault grants, and whatever the wall clock does, it is asked a bounded
//! number of times.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tokenferry_sources::{Clock, Timestamp};
use tokenferry_vault::{Counts, Kept, KvPath, Vault, VaultAuth, VaultSettings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

#[tokio::test(start_paused = true)]
async fn whatever_is_granted_vault_is_asked_every_five_seconds_at_most() {
    for lease in [1, 2, 90] {
        for renewal in
            [Renewal::AsTheLogin, Renewal::ClampedTo(1), Renewal::Status(400), Renewal::Status(503)]
        {
            for clock in [Set::Never, Set::BackEachMinute] {
                let counts = an_hour_with(Grants { lease, renewal, ..Grants::default() }, clock).await;
                let case = format!("{lease} s, {renewal:?}, {clock:?}: {counts:?}");
                assert!((1..=EVERY_FIVE_SECONDS).contains(&counts.logins), "{case}");
                assert!(counts.renewals <= EVERY_FIVE_SECONDS, "{case}");
                assert_eq!(counts.failed_logins, 0, "{case}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_of_a_second_is_kept_up_every_five_seconds() {
    let grants = Grants { lease: 1, is_renewable: false, ..Grants::default() };
    let counts = an_hour_with(grants, Set::Never).await;
    assert!((600..=EVERY_FIVE_SECONDS).contains(&counts.logins), "{counts:?}");
    assert_eq!(counts.renewals, 0);
}

#[tokio::test(start_paused = true)]
async fn what_never_ends_is_left_alone() {
    for clock in [Set::Never, Set::BackEachMinute, Set::AheadEachMinute] {
        let counts = an_hour_with(Grants { lease: 0, ..Grants::default() }, clock).await;
        assert_eq!(counts, Counts { logins: 1, ..Counts::default() }, "{clock:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_when_two_thirds_are_over_though_the_wall_clock_stands_still() {
    for clock in [Set::Never, Set::BackEachMinute] {
        let counts = an_hour_with(Grants::default(), clock).await;
        assert_eq!((counts.logins, counts.failed_logins), (1, 0), "{clock:?}");
        assert!((50..=60).contains(&counts.renewals), "{clock:?}: {counts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_login_stays_refused_however_often_a_lease_asks_for_one() {
    for clock in [Set::Never, Set::BackEachMinute, Set::AheadEachMinute] {
        let grants = Grants { lease: 1, renewal: Renewal::Status(403), logins: 1, ..Grants::default() };
        let counts = an_hour_with(grants, clock).await;
        // At once, after 15 minutes and after 30 more.
        assert_eq!((counts.logins, counts.failed_logins), (1, 3), "{clock:?}");
    }
}

/// Logs in, and keeps that up for an hour.
async fn an_hour_with(grants: Grants, clock: Set) -> Counts {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(serve(listener, grants));
    let wall = Arc::new(Wall::default());
    let no_variables = Arc::new(BTreeMap::<String, String>::new());
    let vault = Vault::new(settings(&address), no_variables, wall.clone());
    drop(vault.read_entry(&KvPath::new("secret", "corp")).await);
    let setting = tokio::spawn(async move {
        loop {
            sleep(Duration::from_mins(1)).await;
            *wall.set_by() += clock.by();
        }
    });
    let hour = timeout(Duration::from_hours(1), vault.keep_alive(CancellationToken::new())).await;
    assert!(hour.is_err(), "it gave up");
    setting.abort();
    server.abort();
    vault.counts()
}

/// What the wall clock does.
#[derive(Clone, Copy, Debug)]
enum Set {
    Never,
    BackEachMinute,
    AheadEachMinute,
}

impl Set {
    fn by(self) -> TimeDelta {
        match self {
            Set::Never => TimeDelta::zero(),
            Set::BackEachMinute => TimeDelta::seconds(-59),
            Set::AheadEachMinute => TimeDelta::days(1),
        }
    }
}

/// What Vault grants.
#[derive(Clone, Copy, Debug)]
struct Grants {
    /// The seconds that a login gives.
    lease: u64,
    is_renewable: bool,
    renewal: Renewal,
    /// How many logins succeed before all are refused.
    logins: u32,
}

impl Default for Grants {
    fn default() -> Self {
        Grants { lease: 90, is_renewable: true, renewal: Renewal::AsTheLogin, logins: u32::MAX }
    }
}

#[derive(Clone, Copy, Debug)]
enum Renewal {
    AsTheLogin,
    ClampedTo(u64),
    Status(u16),
}

impl Grants {
    fn answer(&mut self, path: &str) -> (u16, Value) {
        match path {
            "/v1/auth/approle/login" if self.logins == 0 => refused(400),
            "/v1/auth/approle/login" => {
                self.logins -= 1;
                self.granted(self.lease)
            }
            "/v1/auth/token/renew-self" => match self.renewal {
                Renewal::AsTheLogin => self.granted(self.lease),
                Renewal::ClampedTo(most) => self.granted(self.lease.min(most)),
                Renewal::Status(status) => refused(status),
            },
            _ => refused(404),
        }
    }

    fn granted(&self, seconds: u64) -> (u16, Value) {
        let auth = json!({
            "client_token": "hvs.simulated", "accessor": "", "policies": [], "token_policies": [],
            "metadata": {}, "lease_duration": seconds, "renewable": self.is_renewable, "entity_id": "",
            "token_type": "service", "orphan": true,
        });
        let answer = json!({
            "request_id": "", "lease_id": "", "renewable": false, "lease_duration": 0, "data": null,
            "wrap_info": null, "warnings": null, "auth": auth,
        });
        (200, answer)
    }
}

fn refused(status: u16) -> (u16, Value) {
    (status, json!({ "errors": ["simulated"] }))
}

async fn serve(listener: TcpListener, mut grants: Grants) {
    while let Ok((mut stream, _)) = listener.accept().await {
        while let Some(path) = request(&mut stream).await {
            let (status, body) = grants.answer(&path);
            let body = body.to_string();
            let head = format!("HTTP/1.1 {status} Simulated\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        }
    }
}

/// The path of the next request, which is read to its end.
async fn request(stream: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    while stream.read_buf(&mut read).await.ok()? > 0 {
        let text = String::from_utf8_lossy(&read);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let head = head.to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            return head.split(' ').nth(1).map(str::to_owned);
        }
    }
    None
}

fn settings(address: &str) -> VaultSettings {
    let kept = |text: &str| Kept::Here(text.to_owned().into());
    let (role_id, secret_id) = (kept("role"), kept("secret"));
    VaultSettings {
        addresses: vec![address.parse().unwrap()],
        namespace: None,
        ca_cert_file: None,
        // Simulated time may run ahead of what really is on its way.
        timeout: Duration::from_hours(24),
        user_agent: "tokenferry-tests".to_owned(),
        auth: VaultAuth::AppRole { mount: "approle".to_owned(), role_id, secret_id },
        auth_namespace: None,
    }
}

/// A wall clock that goes along with the steady one, and can be set.
#[derive(Debug)]
struct Wall {
    began: Instant,
    set_by: Mutex<TimeDelta>,
}

impl Wall {
    fn set_by(&self) -> MutexGuard<'_, TimeDelta> {
        self.set_by.lock().unwrap()
    }
}

impl Default for Wall {
    fn default() -> Self {
        Wall { began: Instant::now(), set_by: Mutex::default() }
    }
}

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + TimeDelta::days(20_000) + self.began.elapsed() + *self.set_by()
    }
}

/// In an hour, with one at its begin and one at its end.
const EVERY_FIVE_SECONDS: u64 = 3600 / 5 + 2;
