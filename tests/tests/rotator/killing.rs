//! What SIGKILL leaves behind, at whatever moment it comes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};
use tokenferry_tests::issuer::ZETTELSTORE_LOGIN;
use tokenferry_tests::openbao::{Api, rotator_policy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::site::{MOUNT, Site, VERIFY, parse};

const KILLS: usize = 50;
/// Between what a daemon lives at most: at leisure, and on a busy machine.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_millis(800);
const ZENOTI_LOGIN: &str = "/zenoti/v1/tokens";

/// The entries of the rotations, with the rotation's name and another name for `token`.
const ENTRIES: [(&str, &str, &str); 7] = [
    ("tokens/notes", "notes", "token"),
    ("tokens/one", "one", "token"),
    ("tokens/two", "two", "token"),
    ("tokens/double/a", "double", "token"),
    ("tokens/double/b", "double", "access_token"),
    ("tokens/mixed", "mixed", "token"),
    ("tokens/salon", "salon", "token"),
];

/// The rotations of which each has a user of its own, as far as the rotator can tell.
const USERS: [&str; 4] = ["one", "two", "double", "mixed"];

/// Somebody else's, the first of them a destination by mistake.
const FOREIGN: [&str; 2] = ["tokens/foreign", "tokens/other"];

/// Two daemons, each with all of its own: while one works until it is killed, so does the other.
#[tokio::test]
async fn whenever_it_is_killed_no_reader_is_left_with_a_dead_token() {
    let seed = seed();
    println!("seed: {seed} (set TOKENFERRY_SEED to repeat it)");
    tokio::join!(
        kill_often("killing-one", Random(seed), KILLS / 2),
        kill_often("killing-two", Random(seed.wrapping_add(1)), KILLS - KILLS / 2)
    );
}

async fn kill_often(test: &str, mut random: Random, kills: usize) {
    let site = site(test).await;
    let mut longest = first_start(&site).await;
    let foreign = foreign(&site).await;
    let over = Arc::new(AtomicBool::new(false));
    let readers = tokio::spawn(read(api(&site), site.issuer.address(), Arc::clone(&over)));
    for _ in 0..kills {
        let mut daemon = site.rotator.start();
        let before = version(&site).await;
        sleep(longest.mul_f64(random.fraction())).await;
        daemon.kill().await;
        nobody_is_content_with_a_dead_token(&site).await;
        // However busy the machine: about every second one is killed after it wrote.
        let change = if version(&site).await > before { 0.8 } else { 1.25 };
        longest = longest.mul_f64(change).clamp(SHORTEST, LONGEST);
    }
    let versions = current(&site).await;
    let mut daemon = site.rotator.start();
    for ((path, ..), version) in ENTRIES.iter().zip(versions) {
        site.openbao.entry_that(MOUNT, path, |entry| entry.version > version).await;
    }
    daemon.stop().await;
    over.store(true, Ordering::Relaxed);
    readers.await.unwrap();

    assert_eq!(self::foreign(&site).await, foreign, "somebody else's entry was touched");
    let mut looks = JoinSet::new();
    for (path, rotation, token) in ENTRIES {
        looks.spawn(every_version_is_whole(api(&site), path, rotation, token));
    }
    looks.join_all().await;
    no_login_was_refused(&site);
    assert_eq!(ask_centers(&site).await, 200, "the last token is dead");
}

/// A refresh ends the token before it: whoever comes after a kill in between must know that there is no living one.
async fn nobody_is_content_with_a_dead_token(site: &Site) {
    if ask_centers(site).await == 200 {
        return;
    }
    site.rotator.run(&["status", "salon"]).await.failed_with(4);
}

#[tokio::test]
async fn a_token_that_a_refresh_ended_before_a_kill_is_renewed_by_the_next_start() {
    let mut site = site("killing-salon").await;
    // Nothing is due for hours but for this.
    let base_url = site.issuer.zenoti_url();
    site.configure(|config| {
        let rotations = rotations().replace("23h59m59s", "1h");
        let users = USERS.map(|name| user(&config.source, name)).concat();
        config.more = format!("{}\n{users}{rotations}", source(&base_url));
    });
    site.rotator.run(&["once", "salon"]).await.ok();
    let policy = rotator_policy(MOUNT, "tokens/*");
    let barred =
        format!("{policy}\npath \"{MOUNT}/data/tokens/salon\" {{ capabilities = [\"create\", \"read\"] }}");
    site.openbao.write_policy("rotator", &barred).await;
    site.rotator.run(&["once", "--force", "salon"]).await.failed_with(4);
    assert_eq!(ask_centers(&site).await, 401, "the refresh ended it");
    let status = site.rotator.run(&["status", "salon", "--output", "json"]).await.failed_with(4).json();
    assert_eq!(
        (&status[0]["state"], &status[0]["failure_class"]),
        (&json!("dead"), &json!("vault_forbidden"))
    );
    assert_eq!(status[0]["destinations"][0]["failure_class"], "ended_by_refresh");
    let explained = site.rotator.run(&["explain", "salon"]).await.ok().stdout;
    assert!(explained.contains("a refresh ended it"), "{explained}");
    assert!(!explained.contains("are left"), "{explained}");

    let mut daemon = site.rotator.start();
    daemon
        .event(|event| {
            event.message().starts_with("the token was not published") && event.text("rotation") == "salon"
        })
        .await;
    let page = daemon.page("/metrics").await;
    let is_dead = |line: &str| {
        line.starts_with("tokenferry_token_alive") && line.contains("\"salon\"") && line.ends_with(" 0")
    };
    assert!(page.body.lines().any(is_dead), "{}", page.body);
    daemon.kill().await;
    site.openbao.write_policy("rotator", &policy).await;
    let mut daemon = site.rotator.start();
    site.openbao.entry_that(MOUNT, "tokens/salon", |entry| entry.version > 1).await;
    daemon.stop().await;
    assert_eq!(ask_centers(&site).await, 200);
}

/// What Zenoti says to the readers of the salon.
async fn ask_centers(site: &Site) -> u16 {
    let salon = site.openbao.entry(MOUNT, "tokens/salon").await.unwrap();
    ask(&site.issuer.address(), "GET /zenoti/v1/centers", salon.text("header_value")).await
}

fn no_login_was_refused(site: &Site) {
    let counters = site.issuer.counters();
    assert_eq!(counters.requests(ZETTELSTORE_LOGIN, 401), 0, "a login was refused");
    // What was spent before a crash is refused, and a login follows.
    let (logins, refreshes) = (counters.all_logins("zenoti"), counters.renewals("zenoti", "sandbox"));
    let asked: u64 = counters.requests[ZENOTI_LOGIN].values().sum();
    let with_spent_token = asked - logins.attempted - refreshes.attempted;
    assert_eq!(counters.requests(ZENOTI_LOGIN, 401), with_spent_token, "a login was refused");
}

async fn site(test: &str) -> Site {
    let mut site = Site::with_life(test, 60).await;
    site.openbao.write("secret/config", &json!({"max_versions": 500})).await;
    for path in FOREIGN {
        for data in [json!({"password": "one"}), json!({"password": "two"})] {
            site.openbao.write_entry(MOUNT, path, &data).await;
        }
        site.openbao.set_custom_metadata(MOUNT, path, &json!({"team": "payments"})).await;
    }
    let base_url = site.issuer.zenoti_url();
    site.configure(|config| {
        config.rotation.push_str("renew_before = \"59s\"");
        let users = USERS.map(|name| user(&config.source, name)).concat();
        config.more = format!("{}\n{users}{}", source(&base_url), rotations());
    });
    let rotator = std::mem::replace(&mut site.rotator, tokenferry_tests::rotator::Rotator::new(""));
    let rotator = rotator.secret_env("SALON", "sandbox-password").secret_env("APP", "sandbox-app-secret");
    let username = site.issuer.planted.username.clone();
    site.rotator = USERS.iter().fold(rotator, |rotator, name| rotator.env(name, &*username));
    site
}

/// A source that logs in as what looks like another user: nobody waits for those who share a login, which takes longer
/// than most daemons live here.
fn user(notes: &str, name: &str) -> String {
    let fields = notes.lines().filter(|line| !line.contains("username")).collect::<Vec<_>>().join("\n");
    format!("source \"zettelstore\" \"{name}\" {{\n{fields}\n username = {{ env = \"{name}\" }}\n}}\n")
}

fn source(base_url: &str) -> String {
    format!(
        r#"source "zenoti" "salon" {{
  base_url     = "{base_url}"
  account_name = "sandbox"
  username     = "sandbox"
  password     = {{ env = "SALON" }}
  app_id       = "00000000-0000-4000-8000-000000000001"
  app_secret   = {{ env = "APP" }}
  use_refresh_token = true
  session {{
    mount = "{MOUNT}"
    path  = "tokens/session"
  }}
}}
"#
    )
}

fn rotations() -> String {
    let destination = |path: &str, more: &str| {
        format!("destination {{\n mount = \"{MOUNT}\"\n path = \"{path}\"\n {more}\n}}\n")
    };
    let rotation = |name: &str, source: &str, before: &str, destinations: &str| {
        format!(
            "rotation \"{name}\" {{\n source = \"{source}\"\n schedule = \"0 0 29 2 *\"\n renew_before = \"{before}\"\n {destinations}}}\n"
        )
    };
    let double = destination("tokens/double/a", "")
        + &destination("tokens/double/b", "fields = { token = \"access_token\" }");
    let mixed = destination(FOREIGN[0], "") + &destination("tokens/mixed", "");
    [
        rotation("one", "zettelstore.one", "59s", &destination("tokens/one", "")),
        rotation("two", "zettelstore.two", "59s", &destination("tokens/two", "")),
        rotation("double", "zettelstore.double", "59s", &double),
        rotation("mixed", "zettelstore.mixed", "59s", &mixed),
        rotation("salon", "zenoti.salon", "23h59m58s", &destination("tokens/salon", "")),
    ]
    .concat()
}

/// How long a start takes until everything is written, and a bit.
async fn first_start(site: &Site) -> Duration {
    let started = Instant::now();
    let mut daemon = site.rotator.start();
    for (path, ..) in ENTRIES {
        site.openbao.entry_that(MOUNT, path, |entry| entry.version >= 1).await;
    }
    let longest = started.elapsed().mul_f64(1.3);
    daemon.kill().await;
    longest.clamp(SHORTEST, LONGEST)
}

/// Of an entry that is written among the last.
async fn version(site: &Site) -> u64 {
    site.openbao.entry(MOUNT, "tokens/mixed").await.unwrap().version
}

async fn foreign(site: &Site) -> Vec<(Value, BTreeMap<String, String>)> {
    let mut found = Vec::new();
    for path in FOREIGN {
        let data = site.openbao.read(&format!("{MOUNT}/data/{path}")).await["data"].clone();
        found.push((data, site.openbao.custom_metadata(MOUNT, path).await));
    }
    found
}

async fn current(site: &Site) -> Vec<u64> {
    let mut versions = Vec::new();
    for (path, ..) in ENTRIES {
        versions.push(site.openbao.entry(MOUNT, path).await.unwrap().version);
    }
    versions
}

fn api(site: &Site) -> Api {
    site.openbao.with_token(site.openbao.token())
}

/// Looks at all entries all the time. Where a refresh ends the token before it, a kill may leave a dead one until the
/// next start.
async fn read(openbao: Api, issuer: String, over: Arc<AtomicBool>) {
    let mut looks = 0_u64;
    while !over.load(Ordering::Relaxed) {
        for (path, rotation, token) in ENTRIES {
            let entry = openbao.entry(MOUNT, path).await.expect("the entry is gone");
            is_whole(&entry.data, rotation, token, entry.version);
            if rotation != "salon" {
                let question = format!("POST {VERIFY}?cmd=authenticated");
                let status = ask(&issuer, &question, entry.text("header_value")).await;
                assert_eq!(status, 204, "a reader of {path} holds a dead token, version {}", entry.version);
            }
            looks += 1;
        }
        sleep(Duration::from_millis(20)).await;
    }
    assert!(looks > 100, "nobody looked");
}

async fn every_version_is_whole(
    openbao: Api,
    path: &'static str,
    rotation: &'static str,
    token: &'static str,
) {
    let last = openbao.entry(MOUNT, path).await.unwrap().version;
    assert!(last >= 3, "{path} was hardly written: {last}");
    let mut tokens = BTreeMap::new();
    for version in 1..=last {
        let read = openbao.read(&format!("{MOUNT}/data/{path}?version={version}")).await;
        let data = read["data"]["data"].as_object().unwrap();
        is_whole(data, rotation, token, version);
        let about = (data["issued_at"].clone(), data["expires_at"].clone());
        let known = tokens.entry(data[token].to_string()).or_insert_with(|| about.clone());
        assert_eq!(*known, about, "{path}: one token, two lives");
    }
    let metadata = openbao.custom_metadata(MOUNT, path).await;
    assert_eq!(metadata["tokenferry_rotation"], rotation);
}

/// Everything is about one token.
fn is_whole(data: &Map<String, Value>, rotation: &str, token: &str, version: u64) {
    let text = |name: &str| {
        data.get(name).and_then(Value::as_str).unwrap_or_else(|| panic!("{rotation} has no {name}"))
    };
    assert_eq!(data["serial"].as_u64(), Some(version), "{rotation}");
    assert_eq!(text("rotation"), rotation);
    assert!(text("header_value").ends_with(text(token)) && text(token).len() > 20, "{rotation}");
    let seconds = |name: &str| parse(text(name)).duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let life = seconds("expires_at") - seconds("issued_at");
    assert!(life.abs_diff(data["ttl"].as_u64().unwrap()) <= 1, "{rotation}");
}

/// The status of an answer.
async fn ask(address: &str, question: &str, authorization: &str) -> u16 {
    let address = address.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "{question} HTTP/1.1\r\nhost: {address}\r\nauthorization: {authorization}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

/// Numbers that come again with the same seed.
struct Random(u64);

fn seed() -> u64 {
    let given = std::env::var("TOKENFERRY_SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs())
}

impl Random {
    /// From 0 to 1 (splitmix64).
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        f64::from(u32::try_from(mixed >> 32).unwrap()) / f64::from(u32::MAX)
    }
}
