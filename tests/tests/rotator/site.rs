//! What a test of the rotator stands on: an OpenBao, an issuer, and a configuration that leads from one to the other.

use std::fmt;
use std::time::{Duration, SystemTime};

use prost_types::Timestamp;
use serde_json::{Value, json};
use tokenferry_tests::issuer::Issuer;
use tokenferry_tests::openbao::{AppRole, Entry, OpenBao, rotator_policy};
use tokenferry_tests::rotator::{Daemon, Rotator};
use tokenferry_tests::strangers::TlsRelay;
use tokenferry_tests::tls::Identity;
use tokio::time::{Instant, sleep};

/// The mount of the destination.
pub(crate) const MOUNT: &str = "secret";

/// The path of the destination.
pub(crate) const PATH: &str = "tokens/notes";

/// More of a rotation: with this its proof holds, and the daemon warns of nothing.
pub(crate) const PROVEN: &str = "reader_lag = \"1m\"";

/// Where its data are, for audits.
pub(crate) const DATA: &str = "secret/data/tokens/notes";

/// Where its metadata are, for audits.
pub(crate) const METADATA: &str = "secret/metadata/tokens/notes";

/// Zettelstore's question whether a token is good.
pub(crate) const VERIFY: &str = "/zettelstore/x";

/// One rotation from Zettelstore to OpenBao. The rotator logs in by AppRole and may do no more than it must.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) openbao: OpenBao,
    pub(crate) issuer: Issuer,
    pub(crate) rotator: Rotator,
    pub(crate) role: AppRole,
    config: Config,
}

/// The parts of the configuration that tests change.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Before all blocks.
    pub(crate) top: String,
    /// Where it can be looked at: at a free port, since tests run beside each other.
    pub(crate) listen: String,
    /// Of OpenBao.
    pub(crate) address: String,
    /// More about it: the login.
    pub(crate) vault: String,
    /// The body of the source.
    pub(crate) source: String,
    /// Rarely, unless a test wants more.
    pub(crate) schedule: String,
    /// More attributes of the rotation.
    pub(crate) rotation: String,
    /// More attributes of the destination.
    pub(crate) destination: String,
    /// After all blocks.
    pub(crate) more: String,
}

impl Site {
    /// In memory, with tokens that outlive the test.
    pub(crate) async fn new(test: &str) -> Self {
        Self::with_life(test, 600).await
    }

    /// In memory, with tokens that live so many seconds.
    pub(crate) async fn with_life(test: &str, seconds: u64) -> Self {
        Self::on(OpenBao::in_memory().await, test, seconds).await
    }

    /// On disk, so that OpenBao can be killed.
    pub(crate) async fn on_disk(test: &str, seconds: u64) -> Self {
        let openbao = OpenBao::raft().await;
        openbao.enable_kv(MOUNT).await;
        Self::on(openbao, test, seconds).await
    }

    /// With this OpenBao.
    pub(crate) async fn on(openbao: OpenBao, test: &str, seconds: u64) -> Self {
        let life = Duration::from_secs(seconds);
        let issuer = Issuer::with(test, |options| options.zettelstore.token_lifetime = life).await;
        openbao.enable_audit().await;
        openbao.write_policy("rotator", &rotator_policy(MOUNT, "tokens/*")).await;
        let settings = json!({"token_policies": ["rotator"], "token_ttl": "20m"});
        let role = openbao.create_approle("rotator", &settings).await;
        let config = Config::new(&openbao, &issuer, &role);
        let rotator = equip(&config, &openbao, &issuer, &role);
        Self { openbao, issuer, rotator, role, config }
    }

    /// Changes the configuration.
    pub(crate) fn configure(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
        self.rotator.write("tokenferry.hcl", &self.config.to_string());
    }

    /// All of the configuration that comes before the source.
    pub(crate) fn head(&self) -> String {
        self.config.head()
    }

    /// Puts TLS with this certificate before the system, and has its source trust that one in `ca.pem`.
    pub(crate) async fn put_behind_tls(&mut self, identity: &Identity, trusted: &Identity) -> TlsRelay {
        let target = self.issuer.zettelstore_url();
        let target = target.trim_start_matches("http://").split('/').next().unwrap().to_owned();
        let relay = TlsRelay::start(identity, target).await;
        let ca = self.rotator.write("ca.pem", &trusted.pem());
        let username = self.issuer.planted.username.clone();
        self.configure(|config| {
            config.source = format!(
                "base_url = \"{}/zettelstore\"\n username = \"{username}\"\n password = {{ file = \"password\" }}\n \
                 ca_cert_file = \"{}\"",
                relay.url(),
                ca.display()
            );
        });
        relay
    }

    /// One more rotator with the same configuration, as on another machine.
    pub(crate) fn another(&self) -> Rotator {
        equip(&self.config, &self.openbao, &self.issuer, &self.role)
    }

    /// What readers find. Its token must not be seen elsewhere.
    pub(crate) async fn entry(&self) -> Option<Entry> {
        let entry = self.openbao.entry(MOUNT, PATH).await?;
        self.rotator.guard(entry.text("token"));
        Some(entry)
    }

    /// Waits for this version or a later one.
    pub(crate) async fn version(&self, version: u64) -> Entry {
        self.openbao.entry_that(MOUNT, PATH, |entry| entry.version >= version).await;
        self.entry().await.unwrap()
    }

    /// Waits for a note beside the entry.
    pub(crate) async fn noted(&self, key: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(note) = self.openbao.custom_metadata(MOUNT, PATH).await.remove(key) {
                return note;
            }
            assert!(Instant::now() < deadline, "nobody notes `{key}`");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// How often somebody tried to log in at the issuer.
    pub(crate) fn logins(&self) -> u64 {
        self.issuer.zettelstore_logins().attempted
    }

    /// How often somebody other than this test logged in at OpenBao, or tried to.
    pub(crate) fn vault_logins(&self) -> usize {
        self.openbao.count("update", "auth/approle/login")
    }

    /// How often the rotator wrote data, or tried to.
    pub(crate) fn writes(&self) -> usize {
        self.openbao.count("create", DATA) + self.openbao.count("update", DATA)
    }

    /// Makes the entry look as if its token had been issued so long ago, and would live for another year.
    pub(crate) async fn age_entry(&self, age: Duration) -> SystemTime {
        let issued = SystemTime::now() - age;
        let mut data = self.entry().await.unwrap().data;
        let mut set = |name: &str, time: SystemTime| data.insert(name.to_owned(), rfc3339(time).into());
        set("issued_at", issued);
        set("occurrence", issued);
        set("expires_at", SystemTime::now() + YEAR);
        self.openbao.write_entry(MOUNT, PATH, &Value::Object(data)).await;
        issued
    }

    /// Ends every token that AppRole ever gave.
    pub(crate) async fn revoke_vault_tokens(&self) {
        self.openbao.write("sys/leases/revoke-prefix/auth/approle", &Value::Null).await;
    }
}

fn equip(config: &Config, openbao: &OpenBao, issuer: &Issuer, role: &AppRole) -> Rotator {
    let rotator = Rotator::new(&config.to_string());
    rotator.write_secret("secret_id", &role.secret_id);
    rotator.write_secret("password", &issuer.planted.password);
    rotator.guard(openbao.token());
    rotator
}

impl Config {
    fn new(openbao: &OpenBao, issuer: &Issuer, role: &AppRole) -> Self {
        let role_id = &role.role_id;
        let (base_url, username) = (issuer.zettelstore_url(), &issuer.planted.username);
        Config {
            top: String::new(),
            listen: "127.0.0.1:0".to_owned(),
            address: openbao.url(),
            vault: format!(
                "auth \"approle\" {{\n role_id = \"{role_id}\"\n secret_id = {{ file = \"secret_id\" }}\n }}"
            ),
            source: format!(
                "base_url = \"{base_url}\"\n username = \"{username}\"\n password = {{ file = \"password\" }}"
            ),
            schedule: "0 0 29 2 *".to_owned(),
            rotation: String::new(),
            destination: String::new(),
            more: String::new(),
        }
    }

    fn head(&self) -> String {
        let Config { top, listen, address, vault, .. } = self;
        format!("{top}\nlisten = \"{listen}\"\nvault {{\n  address = \"{address}\"\n  {vault}\n}}\n")
    }
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Config { source, schedule, rotation, destination, more, .. } = self;
        let head = self.head();
        write!(
            f,
            r#"{head}source "zettelstore" "notes" {{
  {source}
}}
rotation "notes" {{
  source   = "zettelstore.notes"
  schedule = "{schedule}"
  {rotation}
  destination {{
    mount = "{MOUNT}"
    path  = "{PATH}"
    {destination}
  }}
}}
{more}
"#
        )
    }
}

/// One more rotation from the same source to a destination of its own, with short-lived tokens in mind.
pub(crate) fn rotation(name: &str) -> String {
    format!(
        "rotation \"{name}\" {{\n source = \"zettelstore.notes\"\n schedule = \"0 0 29 2 *\"\n renew_before = \"6s\"\n \
         destination {{\n mount = \"{MOUNT}\"\n path = \"tokens/{name}\"\n }}\n}}\n"
    )
}

/// How many warnings there were, but for that of a configuration whose tokens live too briefly for its readers.
pub(crate) fn warnings(daemon: &Daemon) -> usize {
    daemon.count(|event| event.level() == "warn" && event.message() != REFUSED_PROOF)
}

/// What the log says of a rotation that cannot be proven.
pub(crate) const REFUSED_PROOF: &str = "readers may hold a dead token even if nothing fails";

/// Waits for something to come about.
pub(crate) async fn until(what: &str, came: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !came() {
        assert!(Instant::now() < deadline, "{what} does not come");
        sleep(Duration::from_millis(50)).await;
    }
}

/// A member of an entry that is a time.
pub(crate) fn time(entry: &Entry, name: &str) -> SystemTime {
    parse(entry.text(name))
}

/// A time as users see it.
pub(crate) fn parse(text: &str) -> SystemTime {
    let time: Timestamp = text.parse().unwrap_or_else(|_| panic!("{text} is no time"));
    time.try_into().unwrap()
}

/// A time as the rotator writes it.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    Timestamp { seconds: seconds.try_into().unwrap(), nanos: 0 }.to_string()
}

/// The minute of the hour in which it will be half an hour from now: a schedule at that minute does not come up soon.
pub(crate) fn minute_in_half_an_hour() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    (now.as_secs() / 60 + 30) % 60
}

const PATIENCE: Duration = Duration::from_mins(1);
const YEAR: Duration = Duration::from_hours(8760);
