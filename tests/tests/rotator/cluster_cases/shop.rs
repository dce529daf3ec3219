//! What the cases stand on: servers of their own, and replicas with one configuration.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::json;
use tokenferry_sandbox::{GrantCounts, ZettelstoreUser};
use tokenferry_tests::issuer::Issuer;
use tokenferry_tests::openbao::{AppRole, Entry, OpenBao, rotator_policy};
use tokenferry_tests::postgres::Postgres;
use tokenferry_tests::rotator::{Daemon, Rotator};
use tokio::time::{Instant, sleep};

use crate::site::MOUNT;

/// Longer than anything takes that has no deadline of its own.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);

/// After so long a silent replica counts as dead, where [`Jobs::is_hasty`].
pub(super) const LIMIT: Duration = Duration::from_secs(12);

/// What the replicas have to do: rotations `user-1-1`, `user-1-2` and so on, with one source for each user.
#[derive(Clone, Copy, Debug)]
pub(super) struct Jobs {
    pub(super) users: usize,
    pub(super) of_each: usize,
    /// How many of them a replica does at once.
    pub(super) concurrency: usize,
    /// How many seconds a token lives.
    pub(super) life: u64,
    /// After how many of these the token of this user is replaced. Nothing else makes a run due.
    pub(super) renewed_after: fn(usize) -> u64,
    /// Whether time-outs are short, so that [`LIMIT`] can be.
    pub(super) is_hasty: bool,
}

impl Jobs {
    /// One rotation for each user, with a token that outlives the test.
    pub(super) const fn of(users: usize) -> Self {
        Self { users, of_each: 1, concurrency: 8, life: 600, renewed_after: |_| 500, is_hasty: false }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = String> + use<> {
        let Self { users, of_each, .. } = *self;
        (1..=users).flat_map(move |user| (1..=of_each).map(move |number| format!("{}-{number}", name(user))))
    }
}

/// PostgreSQL, OpenBao and an issuer with its users.
#[derive(Debug)]
pub(super) struct Shop {
    pub(super) postgres: Postgres,
    pub(super) openbao: OpenBao,
    pub(super) issuer: Issuer,
    pub(super) jobs: Jobs,
    role: AppRole,
}

/// A running rotator with its files.
#[derive(Debug)]
pub(super) struct Replica {
    pub(super) name: &'static str,
    pub(super) daemon: Daemon,
    pub(super) rotator: Rotator,
}

impl Shop {
    pub(super) async fn new(test: &str, jobs: Jobs) -> Self {
        let openbao = OpenBao::in_memory().await;
        let issuer = Issuer::with(test, |options| {
            let password = options.zettelstore.users[0].password.clone();
            let users = (1..=jobs.users).map(|user| ZettelstoreUser::new(&name(user), &password));
            options.zettelstore.users = users.collect();
            options.zettelstore.token_lifetime = Duration::from_secs(jobs.life);
        });
        let (issuer, postgres) = tokio::join!(issuer, Postgres::start());
        openbao.enable_audit().await;
        openbao.write_policy("rotator", &rotator_policy(MOUNT, "tokens/*")).await;
        let settings = json!({"token_policies": ["rotator"], "token_ttl": "20m"});
        let role = openbao.create_approle("rotator", &settings).await;
        Self { postgres, openbao, issuer, jobs, role }
    }

    /// Replicas that have found their part.
    pub(super) async fn replicas<const N: usize>(&self, names: [&'static str; N]) -> Vec<Replica> {
        let replicas = Vec::from(names.map(|name| self.replica(name, &self.openbao.url())));
        for replica in &replicas {
            replica.joined().await;
        }
        replicas
    }

    /// One that finds OpenBao at this address.
    pub(super) fn replica(&self, name: &'static str, vault: &str) -> Replica {
        let rotator = Rotator::new(&self.configuration(name, vault));
        rotator.write_secret("secret_id", &self.role.secret_id);
        rotator.write_secret("password", &self.issuer.planted.password);
        rotator.guard(self.postgres.password());
        rotator.write_secret("database-url", &self.postgres.url());
        Replica { name, daemon: rotator.start(), rotator }
    }

    /// What readers of a rotation find.
    pub(super) async fn entry(&self, rotation: &str) -> Option<Entry> {
        self.openbao.entry(MOUNT, &format!("tokens/{rotation}")).await
    }

    /// Waits until readers of a rotation find this version or a later one.
    pub(super) async fn version(&self, rotation: &str, version: u64) -> Entry {
        let path = format!("tokens/{rotation}");
        self.openbao.entry_that(MOUNT, &path, |entry| entry.version >= version).await
    }

    /// Of one user.
    pub(super) fn logins(&self, user: usize) -> GrantCounts {
        self.issuer.counters().logins("zettelstore", &name(user))
    }

    pub(super) fn assert_no_overlap(&self) {
        assert_eq!(self.issuer.zettelstore_logins().peak, 1, "a credential was used twice at once");
    }

    fn configuration(&self, replica: &str, vault: &str) -> String {
        let Jobs { concurrency, life, renewed_after, is_hasty, .. } = self.jobs;
        let limit =
            if is_hasty { format!("heartbeat_limit = \"{}s\"", LIMIT.as_secs()) } else { String::new() };
        let timeout = if is_hasty { "timeout = \"2s\"" } else { "" };
        let role_id = &self.role.role_id;
        let mut text = format!(
            r#"
concurrency = {concurrency}
listen = "127.0.0.1:0"
cluster {{
  database_url = {{ file = "database-url" }}
  heartbeat_interval = "1s"
  {limit}
  replica = "{replica}"
}}
vault {{
  address = "{vault}"
  {timeout}
  auth "approle" {{
    role_id = "{role_id}"
    secret_id = {{ file = "secret_id" }}
  }}
}}
"#
        );
        let base_url = self.issuer.zettelstore_url();
        for user in 1..=self.jobs.users {
            let source = name(user);
            let renew_before = life - renewed_after(user);
            write!(
                text,
                r#"source "zettelstore" "{source}" {{
  base_url = "{base_url}"
  username = "{source}"
  password = {{ file = "password" }}
  {timeout}
}}
"#
            )
            .unwrap();
            for number in 1..=self.jobs.of_each {
                write!(
                    text,
                    r#"rotation "{source}-{number}" {{
  source = "zettelstore.{source}"
  schedule = "0 0 29 2 *"
  renew_before = "{renew_before}s"
  verify = false
  destination {{
    mount = "{MOUNT}"
    path = "tokens/{source}-{number}"
  }}
}}
"#
                )
                .unwrap();
            }
        }
        text
    }
}

impl Replica {
    /// Waits until it knows whether it leads.
    pub(super) async fn joined(&self) {
        self.daemon.says("one of the replicas").await;
    }

    /// Its mark in what it writes.
    pub(super) fn writer(&self) -> String {
        format!(" {}", self.daemon.process.id())
    }
}

/// Waits for something to come about.
pub(super) async fn until(what: &str, limit: Duration, came: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + limit;
    while !came().await {
        assert!(Instant::now() < deadline, "{what} does not come within {} s", limit.as_secs());
        sleep(Duration::from_millis(100)).await;
    }
}

fn name(user: usize) -> String {
    format!("user-{user}")
}
