use std::collections::BTreeMap;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::TimeDelta;
use tokenferry_sources::{TestClock, Timestamp};
use tokenferry_vault::Vault;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::super::departures::Departure;
use super::super::entries::Entries;
use super::*;
use crate::app::App;
use crate::cluster::View;
use crate::config::Config;
use crate::dispatch::{Dispatch, Ended};
use crate::lag::Lag;
use crate::observe::samples::cluster;
use crate::observe::{Question, Snapshot};
use crate::reload::Reloads;
use crate::run::{Aftermath, Class, Due, Living, Outcome, Standing as Found, Work};
use crate::runner::Runner;
use crate::scheduler::HeldBy;
use crate::supervisor::Supervisor;

const CONFIGURATION: &str = r#"
    vault {
      address = "https://vault.example"
    }
    source "zettelstore" "home" {
      username = "anna"
      password = { env = "P" }
    }
    rotation "one" {
      source   = "zettelstore.home"
      schedule = "@hourly"
      destination {
        mount = "kv"
        path  = "one"
      }
    }
    rotation "two" {
      source   = "zettelstore.home"
      schedule = "@hourly"
      destination {
        mount = "kv"
        path  = "two"
      }
    }
"#;

/// What happened, in its order.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Event {
    Read(Vec<u32>),
    Submitted(u32),
    Closed,
    Left,
}

type Events = Arc<Mutex<Vec<Event>>>;

/// Takes note of what it is given. What comes of it, and its role, are the test's to say.
struct Fake {
    events: Events,
    submitted: mpsc::UnboundedSender<Due>,
    ended: mpsc::UnboundedReceiver<Ended>,
    roles: watch::Receiver<Role>,
    waits: Waits,
    running: Arc<AtomicUsize>,
}

/// Since when something waits, and since when without reason.
type Waits = Arc<Mutex<(Option<Instant>, Option<Instant>)>>;

#[async_trait]
impl Dispatch for Fake {
    fn submit(&mut self, due: Due) {
        self.events.lock().unwrap().push(Event::Submitted(due.rotation.0));
        self.submitted.send(due).unwrap();
    }

    async fn ended(&mut self) -> Ended {
        match self.ended.recv().await {
            Some(ended) => ended,
            None => std::future::pending().await,
        }
    }

    fn role(&self) -> watch::Receiver<Role> {
        self.roles.clone()
    }

    fn withdraw(&mut self) -> Vec<Due> {
        Vec::new()
    }

    fn succeed(&mut self, _: Arc<dyn Work>, _: usize, _: &mut dyn FnMut(RotationId) -> RotationId) {}

    fn close(&mut self) {
        self.events.lock().unwrap().push(Event::Closed);
    }

    async fn leave(&mut self) {
        self.events.lock().unwrap().push(Event::Left);
    }

    fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    fn waiting_since(&self) -> Option<Instant> {
        self.waits.lock().unwrap().0
    }

    fn stuck_since(&self) -> Option<Instant> {
        self.waits.lock().unwrap().1
    }
}

/// A daemon at work, and everything that it depends on.
struct Site {
    events: Events,
    /// What reading finds.
    found: Arc<Mutex<Found>>,
    role: watch::Sender<Role>,
    waits: Waits,
    running: Arc<AtomicUsize>,
    submitted: mpsc::UnboundedReceiver<Due>,
    ended: mpsc::UnboundedSender<Ended>,
    questions: mpsc::Sender<Question>,
    clock: TestClock,
    stop: CancellationToken,
    daemon: JoinHandle<bool>,
}

impl Site {
    fn start(role: Role, prepare: impl FnOnce(&mut Daemon)) -> Site {
        let environment = Arc::new(BTreeMap::new());
        let config =
            Config::parse(vec![(PathBuf::from("t.hcl"), CONFIGURATION.to_owned())], &*environment).unwrap();
        let clock = TestClock::new(Timestamp::from_timestamp(1_800_000_600, 0).unwrap());
        let shared: Arc<dyn tokenferry_sources::Clock> = Arc::new(clock.clone());
        let vault = Arc::new(Vault::new(config.vault.clone(), environment.clone(), shared.clone()));
        let rotations = config.rotations.clone();
        let runner = Runner::new(rotations, vault.clone(), environment, shared.clone(), "test".to_owned());
        let app = App { config, runner: Arc::new(runner), vault, clock: shared, is_watched: false };
        let events = Events::default();
        let (role, roles) = watch::channel(role);
        let (submitting, submitted) = mpsc::unbounded_channel();
        let (ended, ending) = mpsc::unbounded_channel();
        let (waits, running) = (Waits::default(), Arc::<AtomicUsize>::default());
        let fake = Fake {
            events: events.clone(),
            submitted: submitting,
            ended: ending,
            roles,
            waits: waits.clone(),
            running: running.clone(),
        };
        let (questions, asked) = mpsc::channel(1);
        let found = Arc::new(Mutex::new(Found::default()));
        let reloads = Reloads::new(&PathBuf::from("/nonexistent/t.hcl")).unwrap();
        let mut daemon = Daemon::new(app, Box::new(fake), asked, Lag::new(), reloads, Supervisor::default());
        let (noted, finds) = (events.clone(), found.clone());
        daemon.entries = Entries::read_by(8, move |_, unread, _, sender| {
            noted.lock().unwrap().push(Event::Read(unread.iter().map(|id| id.0).collect()));
            let standing = finds.lock().unwrap().clone();
            tokio::spawn(async move {
                for id in unread {
                    sleep(Duration::from_secs(1)).await;
                    drop(sender.send((id, standing.clone())).await);
                }
            });
        });
        prepare(&mut daemon);
        let stop = CancellationToken::new();
        let daemon = spawn_local(daemon.run(stop.clone()));
        Site { events, found, role, waits, running, submitted, ended, questions, clock, stop, daemon }
    }

    /// From now on reading finds tokens that live for so long.
    fn tokens_live_for(&self, life: TimeDelta) {
        self.found.lock().unwrap().living = Some(self.living(life));
    }

    fn living(&self, life: TimeDelta) -> Living {
        use tokenferry_sources::Clock as _;
        let now = self.clock.now();
        Living { issued_at: now, expires_at: Some(now + life), version: 1 }
    }

    /// What happened since this was last asked, up to now and a bit.
    async fn happened_within(&self, secs: u64) -> Vec<Event> {
        sleep(Duration::from_secs(secs)).await;
        std::mem::take(&mut *self.events.lock().unwrap())
    }

    async fn snapshot(&self) -> Snapshot {
        let (sender, answer) = oneshot::channel();
        self.questions.send(Question::Snapshot(sender)).await.unwrap();
        answer.await.unwrap()
    }
}

/// Lets a daemon that begins in this role work during a test.
async fn at_work(role: Role, test: impl AsyncFnOnce(Site)) {
    LocalSet::new().run_until(async { test(Site::start(role, |_| {})).await }).await;
}

const BOTH: [u32; 2] = [0, 1];

fn read() -> Event {
    Event::Read(BOTH.into())
}

#[tokio::test(start_paused = true)]
async fn who_stands_by_submits_nothing_all_day_and_still_knows_how_things_stand() {
    at_work(Role::Standby, async |site: Site| {
        let events = site.happened_within(86_400).await;
        assert!(events.iter().all(|event| matches!(event, Event::Read(_))), "{events:?}");
        assert!(events.len() > 8_000, "it looks every few seconds for what the leader should have done");
        site.tokens_live_for(TimeDelta::hours(3));
        site.happened_within(60).await;
        let snapshot = site.snapshot().await;
        assert!(snapshot.rows.iter().all(|row| row.is_alive(snapshot.now)), "it looked again");
        let events = site.happened_within(1_800).await;
        assert!((1..4).contains(&events.len()), "nothing is overdue: {events:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn whoever_begins_to_lead_reads_everything_before_it_submits_anything() {
    at_work(Role::Standby, async |site: Site| {
        site.happened_within(600).await;
        site.role.send_replace(Role::Leading);
        let events = site.happened_within(10).await;
        assert_eq!(events, [read(), Event::Submitted(0), Event::Submitted(1)]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_another_one_has_done_meanwhile_is_not_done_again() {
    at_work(Role::Leading, async |mut site: Site| {
        assert_eq!(site.happened_within(10).await, [read(), Event::Submitted(0), Event::Submitted(1)]);
        site.role.send_replace(Role::Standby);
        site.happened_within(600).await;
        site.tokens_live_for(TimeDelta::hours(10));
        site.role.send_replace(Role::Leading);
        assert_eq!(site.happened_within(10).await, [read()]);
        // What it submitted in its first time as leader is over and done with, whenever that is told.
        let due = site.submitted.recv().await.unwrap();
        let outcome = Outcome::Rotated(site.living(TimeDelta::minutes(1)));
        site.ended
            .send(Ended { due, outcome, aftermath: Aftermath::default(), ago: Duration::ZERO })
            .unwrap();
        assert_eq!(site.happened_within(10).await, []);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_is_told_late_has_been_waited_for_already() {
    at_work(Role::Leading, async |mut site: Site| {
        assert_eq!(site.happened_within(10).await, [read(), Event::Submitted(0), Event::Submitted(1)]);
        for ago in [Duration::from_mins(10), Duration::ZERO] {
            let due = site.submitted.recv().await.unwrap();
            let outcome = Outcome::Failed { class: Class::new("unreachable"), retry_at: None };
            site.ended.send(Ended { due, outcome, aftermath: Aftermath::default(), ago }).unwrap();
        }
        assert_eq!(site.happened_within(3).await, [Event::Submitted(0)]);
        assert_eq!(site.submitted.recv().await.unwrap().attempt, 2);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn whoever_begins_to_lead_knows_whom_a_refused_login_concerns() {
    at_work(Role::Standby, async |mut site: Site| {
        site.role.send_replace(Role::Leading);
        site.happened_within(10).await;
        let refused = Outcome::Refused { class: Class::new("login_refused"), logins: None };
        let failed = Outcome::Failed { class: Class::new("unreachable"), retry_at: None };
        for outcome in [refused, failed] {
            let due = site.submitted.recv().await.unwrap();
            let (aftermath, ago) = (Aftermath::default(), Duration::ZERO);
            site.ended.send(Ended { due, outcome, aftermath, ago }).unwrap();
        }
        site.happened_within(1).await;
        let held = site.snapshot().await.rows.into_iter().map(|row| row.held.map(|held| held.by));
        assert_eq!(held.collect::<Vec<_>>(), [Some(HeldBy::Breaker); 2]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_run_under_a_former_definition_is_not_waited_for_by_whoever_leads_anew() {
    let test = async {
        let site = Site::start(Role::Leading, |daemon| {
            let (name, runner) = ("one".into(), Arc::clone(&daemon.runner));
            daemon.departures.run_on(Departure { name, runner, rotation: RotationId(0), holds_up: true });
        });
        assert_eq!(site.happened_within(10).await, [Event::Read(vec![1]), Event::Submitted(1)]);
        site.role.send_replace(Role::Leading);
        let events = site.happened_within(10).await;
        assert!(events.contains(&Event::Submitted(0)), "{events:?}");
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test(start_paused = true)]
async fn without_the_others_nothing_is_submitted_and_it_is_said_until_they_are_back() {
    at_work(Role::Leading, async |site: Site| {
        site.tokens_live_for(TimeDelta::minutes(20));
        site.happened_within(10).await;
        site.role.send_replace(Role::Disconnected);
        let events = site.happened_within(3_608).await;
        assert!(events.iter().all(|event| *event == read()), "{events:?}");
        assert_eq!(site.snapshot().await.health.role, Role::Disconnected);
        site.role.send_replace(Role::Leading);
        let events = site.happened_within(10).await;
        assert_eq!(events, [read(), Event::Submitted(0), Event::Submitted(1)]);
        assert_eq!(site.snapshot().await.health.role, Role::Leading);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_was_cut_off_for_a_moment_forgets_what_it_knew() {
    at_work(Role::Leading, async |site: Site| {
        site.happened_within(10).await;
        // Nobody sees what lies between.
        site.role.send_replace(Role::Disconnected);
        site.role.send_replace(Role::Leading);
        assert_eq!(site.happened_within(10).await, [read(), Event::Submitted(0), Event::Submitted(1)]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_read_while_it_is_not_known_yet_who_leads() {
    at_work(Role::Disconnected, async |site: Site| {
        assert_eq!(site.happened_within(5).await, []);
        assert_eq!(site.snapshot().await.health.unread, 2);
        site.role.send_replace(Role::Leading);
        let events = site.happened_within(8).await;
        assert_eq!(events, [read(), Event::Submitted(0), Event::Submitted(1)], "no patrol as well");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_cannot_reach_the_others_still_reads_how_things_stand() {
    at_work(Role::Disconnected, async |site: Site| {
        site.tokens_live_for(TimeDelta::hours(3));
        site.role.send_replace(Role::Disconnected);
        assert_eq!(site.happened_within(4).await, [read()], "it is known that they cannot be reached");
        let snapshot = site.snapshot().await;
        assert_eq!((snapshot.health.unread, snapshot.rows[0].is_alive(snapshot.now)), (0, true));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_does_not_lead_tells_when_it_read_what_it_shows() {
    at_work(Role::Standby, async |site: Site| {
        site.tokens_live_for(TimeDelta::hours(3));
        assert_eq!(site.snapshot().await.read_at, None, "nothing is read yet");
        site.happened_within(60).await;
        let snapshot = site.snapshot().await;
        let age = snapshot.now - snapshot.read_at.unwrap();
        assert!(age < TimeDelta::seconds(10), "{age}");
        site.role.send_replace(Role::Leading);
        site.happened_within(10).await;
        assert_eq!(site.snapshot().await.read_at, None);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn no_run_is_under_way_without_the_locks_of_credentials() {
    at_work(Role::Standby, async |site: Site| {
        site.running.store(4, Ordering::Relaxed);
        assert_eq!(site.snapshot().await.running, 4);
        site.role.send_replace(Role::Disconnected);
        site.happened_within(1).await;
        assert_eq!(site.snapshot().await.running, 0, "they are cancelled, and nobody was told");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_a_leader_with_another_configuration_leaves_lying_is_late() {
    let (view, replicas) = watch::channel(View { replicas: Vec::new(), ..cluster() });
    let test = async {
        let site = Site::start(Role::Standby, |daemon| daemon.replicas = Some(replicas));
        site.happened_within(600).await;
        assert_eq!(site.snapshot().await.health.lag, Duration::ZERO, "it is whoever leads who is late");
        view.send_replace(cluster());
        site.happened_within(180).await;
        let health = site.snapshot().await.health;
        assert!(health.is_apart && (120..=180).contains(&health.lag.as_secs()), "{health:?}");
        site.tokens_live_for(TimeDelta::hours(3));
        site.happened_within(60).await;
        let health = site.snapshot().await.health;
        assert!(health.is_apart && health.lag.is_zero(), "nothing is due: {health:?}");
        view.send_replace(View { replicas: Vec::new(), ..cluster() });
        site.happened_within(60).await;
        assert!(!site.snapshot().await.health.is_apart);
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_learns_that_another_one_leads_looks_at_once() {
    at_work(Role::Disconnected, async |site: Site| {
        site.happened_within(1).await;
        site.role.send_replace(Role::Standby);
        assert_eq!(site.happened_within(3).await, [read()]);
        assert_eq!(site.snapshot().await.health.unread, 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_watchdog_is_told_that_all_is_well_unless_something_waits_without_reason() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("notify");
    let systemd = UnixDatagram::bind(&socket).unwrap();
    systemd.set_nonblocking(true).unwrap();
    let heard = || {
        let (mut buffer, mut heard) = ([0; 1024], 0);
        while let Ok(length) = systemd.recv(&mut buffer) {
            heard += usize::from(buffer[..length].starts_with(b"WATCHDOG=1"));
        }
        heard
    };
    let test = async {
        let site = Site::start(Role::Leading, |daemon| {
            let environment: BTreeMap<String, String> = [
                ("NOTIFY_SOCKET".to_owned(), socket.display().to_string()),
                ("WATCHDOG_USEC".to_owned(), "60000000".to_owned()),
            ]
            .into();
            daemon.supervisor = Supervisor::new(&environment);
        });
        *site.waits.lock().unwrap() = (Some(Instant::now()), None);
        site.happened_within(300).await;
        assert!(heard() >= 8, "it waits for a run of another replica");
        *site.waits.lock().unwrap() = (Some(Instant::now()), Some(Instant::now()));
        site.happened_within(60).await;
        heard();
        site.happened_within(300).await;
        assert_eq!(heard(), 0);
        site.role.send_replace(Role::Standby);
        site.happened_within(300).await;
        assert!(heard() >= 8, "who stands by has nothing to begin");
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test(start_paused = true)]
async fn the_leadership_is_given_up_as_soon_as_it_is_told_to_stop() {
    at_work(Role::Leading, async |site: Site| {
        site.happened_within(10).await;
        site.stop.cancel();
        assert_eq!(site.happened_within(1).await, [Event::Closed, Event::Left]);
        assert!(site.daemon.await.unwrap());
    })
    .await;
}
