//! A sandbox, an OpenBao and a runner between them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use tokenferry_rotator::rotation::{Destination, RenewBefore, Rotation};
use tokenferry_rotator::run::{Due, Outcome, Reason, RotationId, Work};
use tokenferry_rotator::runner::Runner;
use tokenferry_rotator::schedule::Schedule;
use tokenferry_rotator::source::{Reference, Setting, Source};
use tokenferry_sandbox::{GrantCounts, Options, Sandbox};
use tokenferry_sources::{Clock, Environment, SystemClock, Timestamp, system};
use tokenferry_vault::{KvPath, Vault, VaultAuth, VaultSettings};

use crate::bao::{Bao, ROOT};

pub(crate) struct World {
    pub(crate) bao: Bao,
    pub(crate) sandbox: Sandbox,
    pub(crate) variables: Arc<Variables>,
    pub(crate) clock: Arc<Turned>,
}

impl World {
    pub(crate) async fn new() -> World {
        World::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> World {
        tokenferry_leaks::record_events();
        World {
            bao: Bao::start().await,
            sandbox: Sandbox::start(options).await.unwrap(),
            variables: Arc::new(variables()),
            clock: Arc::default(),
        }
    }

    pub(crate) fn vault(&self) -> Arc<Vault> {
        self.vault_with(settings(&self.bao.address))
    }

    pub(crate) fn vault_with(&self, settings: VaultSettings) -> Arc<Vault> {
        Arc::new(Vault::new(settings, self.variables.clone(), self.clock.clone()))
    }

    /// Zettelstore's tokens into these destinations.
    pub(crate) fn rotation(&self, name: &str, destinations: &[Destination]) -> Arc<Rotation> {
        let password = Setting::Reference(Reference::Env("PASSWORD".to_owned()));
        self.rotation_of("zettelstore", &[("password", password)], name, destinations)
    }

    /// The tokens of a system, with these settings instead of the sandbox's.
    pub(crate) fn rotation_of(
        &self,
        system_name: &str,
        settings: &[(&str, Setting)],
        name: &str,
        destinations: &[Destination],
    ) -> Arc<Rotation> {
        let access = self.sandbox.access().iter().find(|access| access.system == system_name).unwrap();
        let known =
            access.settings.iter().map(|(name, text)| (*name, Setting::Literal(text.as_str().into())));
        let system = system(system_name).unwrap();
        let fields: BTreeMap<&'static str, Setting> = known
            .chain(settings.iter().cloned())
            .filter_map(|(name, setting)| Some((system.field(name)?.name, setting)))
            .collect();
        let source = Source {
            name: format!("{system_name}.home").into(),
            system,
            fields: fields.into_iter().collect(),
            http: Arc::default(),
            ttl: None,
            rate: None,
            session: None,
        };
        Arc::new(Rotation {
            name: name.into(),
            enabled: true,
            source: Arc::new(source),
            schedule: Schedule::parse("@hourly", "UTC").unwrap(),
            renew_before: RenewBefore::default(),
            reader_lag: Duration::ZERO,
            reader: None,
            survive_outage: Duration::ZERO,
            spread: Duration::ZERO,
            verify: true,
            destinations: destinations.to_vec(),
        })
    }

    pub(crate) fn runner(&self, rotation: Arc<Rotation>, vault: Arc<Vault>) -> Runner {
        self.runner_named("host-1", rotation, vault)
    }

    pub(crate) fn runner_named(&self, writer: &str, rotation: Arc<Rotation>, vault: Arc<Vault>) -> Runner {
        let (environment, clock) = (self.variables.clone(), self.clock.clone());
        Runner::new(vec![rotation], vault, environment, clock, writer.to_owned())
    }

    /// The runner of all of these.
    pub(crate) fn runner_of(&self, rotations: Vec<Arc<Rotation>>) -> Runner {
        let (environment, clock) = (self.variables.clone(), self.clock.clone());
        Runner::new(rotations, self.vault(), environment, clock, "host-1".to_owned())
    }

    /// The runner of the rotation `home` into `secret/home`.
    pub(crate) fn home(&self) -> Runner {
        self.runner(self.rotation("home", &[place("home")]), self.vault())
    }

    pub(crate) fn logins(&self) -> GrantCounts {
        self.sandbox.control().counters().all_logins("zettelstore")
    }

    /// A policy, and a token with it.
    pub(crate) async fn token_with(&self, policy: &str) -> String {
        self.bao.root("PUT", "sys/policies/acl/tests", serde_json::json!({ "policy": policy })).await;
        let body = serde_json::json!({ "policies": ["tests"] });
        let answer = self.bao.root("POST", "auth/token/create", body).await;
        answer["auth"]["client_token"].as_str().unwrap().to_owned()
    }
}

/// A Vault at this address, with the token of the variable.
pub(crate) fn settings(address: &str) -> VaultSettings {
    VaultSettings {
        addresses: vec![address.parse().unwrap()],
        namespace: None,
        ca_cert_file: None,
        timeout: Duration::from_secs(20),
        user_agent: "tokenferry/test".to_owned(),
        auth: VaultAuth::Token(Reference::Env("VAULT_TOKEN".to_owned()).into()),
        auth_namespace: None,
    }
}

pub(crate) fn place(path: &str) -> Destination {
    Destination::new(entry(path))
}

pub(crate) fn entry(path: &str) -> KvPath {
    KvPath::new("secret", path)
}

/// A run of another rotation than the first.
pub(crate) fn due_of(rotation: u32) -> Due {
    Due { rotation: RotationId(rotation), ..due(0) }
}

/// The run for the occurrence so many seconds after the epoch.
pub(crate) fn due(occurrence: i64) -> Due {
    let occurrence = Timestamp::from_timestamp(occurrence, 0).unwrap();
    Due {
        rotation: RotationId(0),
        occurrence,
        reason: Reason::Schedule,
        attempt: 1,
        not_before: occurrence,
        deadline: None,
    }
}

pub(crate) async fn run(runner: &Runner) -> Outcome {
    runner.run(&due(0)).await
}

/// The version that a run wrote.
pub(crate) async fn rotated(runner: &Runner) -> u64 {
    let outcome = run(runner).await;
    let Outcome::Rotated(living) = outcome else { panic!("{outcome:?}") };
    living.version
}

/// The class that a run failed with, and whether for good.
pub(crate) async fn failed(runner: &Runner) -> (String, bool) {
    match run(runner).await {
        Outcome::Failed { class, .. } | Outcome::Partly { class, .. } => (class.name().to_owned(), false),
        Outcome::Refused { class, .. } => (class.name().to_owned(), true),
        outcome => panic!("{outcome:?}"),
    }
}

/// The variables that all settings refer to.
pub(crate) fn variables() -> Variables {
    Variables::new(&[("VAULT_TOKEN", ROOT), ("PASSWORD", "sandbox-password")])
}

/// Variables that tests can change.
pub(crate) struct Variables(Mutex<BTreeMap<String, String>>);

impl Variables {
    fn new(variables: &[(&str, &str)]) -> Self {
        let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Variables(Mutex::new(owned.collect()))
    }

    pub(crate) fn take(&self, name: &str) -> String {
        self.0.lock().unwrap().remove(name).unwrap()
    }

    pub(crate) fn set(&self, name: &str, value: &str) {
        self.0.lock().unwrap().insert(name.to_owned(), value.to_owned());
    }
}

impl Environment for Variables {
    fn var(&self, name: &str) -> Option<String> {
        self.0.lock().unwrap().get(name).cloned()
    }
}

/// The clock of this machine, turned forward.
#[derive(Debug, Default)]
pub(crate) struct Turned(Mutex<TimeDelta>);

impl Turned {
    pub(crate) fn forward(&self, seconds: i64) {
        *self.0.lock().unwrap() += TimeDelta::seconds(seconds);
    }
}

impl Clock for Turned {
    fn now(&self) -> Timestamp {
        SystemClock.now() + *self.0.lock().unwrap()
    }
}
