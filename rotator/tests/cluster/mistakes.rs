//! What comes of runs that the work itself has no say in, and what is told of it.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokenferry_rotator::cluster::{Guarded, Settings};
use tokenferry_rotator::run::{Aftermath, CredentialKey, Due, Outcome, RotationId, Work};
use tokenferry_tests::postgres::Postgres;
use tokio::sync::Semaphore;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::Registry;

use crate::replica::{Replica, connect, settings, until};
use crate::way::Way;
use crate::world::{Fake, World, due};

/// Work with a mistake in it, which shows once.
struct Careless {
    work: Fake,
    at: &'static str,
    has_shown: AtomicBool,
}

impl Careless {
    fn go_through(&self, place: &str) {
        assert!(place != self.at || self.has_shown.swap(true, Ordering::Relaxed), "a mistake in {place}");
    }
}

#[async_trait]
impl Work for Careless {
    fn credential(&self, rotation: RotationId) -> CredentialKey {
        self.work.credential(rotation)
    }

    async fn run(&self, due: &Due) -> Outcome {
        self.go_through("run");
        self.work.run(due).await
    }

    fn aftermath(&self, rotation: RotationId) -> Aftermath {
        self.go_through("aftermath");
        self.work.aftermath(rotation)
    }

    fn find(&self, name: &str) -> Option<RotationId> {
        self.go_through("find");
        self.work.find(name)
    }

    fn fingerprint(&self) -> String {
        self.work.fingerprint()
    }
}

#[tokio::test]
async fn a_mistake_anywhere_in_a_run_ends_its_row_and_it_is_tried_again() {
    for at in ["find", "run", "aftermath"] {
        let (database, world) = (Postgres::shared(at).await, Arc::<World>::default());
        let work = Careless { work: Fake::new(&world, "one"), at, has_shown: AtomicBool::default() };
        let one = Replica::start(&database.url(), "one", &world, Arc::new(work), &[due(0)]);
        until("it is tried again", || one.ended().len() == 2).await;
        let ended = one.ended();
        let is_failed =
            matches!(&ended[0].outcome, Outcome::Failed { class, .. } if class.name() == "internal_error");
        assert!(is_failed && !matches!(ended[1].outcome, Outcome::Failed { .. }), "{at}: {ended:?}");
        assert_eq!(ended[0].aftermath.logins, 1, "nobody knows");
        let rows = database.query("SELECT status FROM apalis.jobs").await.concat();
        assert_eq!(rows, ["Done", "Done"], "{at}");
    }
}

#[tokio::test]
async fn failures_that_the_work_cannot_tell_of_are_told_with_their_rotation() {
    let log = Log::default();
    // As long as there is but one dispatcher, tracing asks only that of the thread which comes to an event first.
    let _second = tracing::Dispatch::new(Registry::default());
    let _guard = tracing::subscriber::set_default(Registry::default().with(log.clone()));

    let (database, world) = (Postgres::shared("told").await, Arc::<World>::default());
    let way = Way::to(&database).await;
    let limit = |limit| Settings { heartbeat_limit: Duration::from_secs(limit), ..settings("once") };
    let hangs = || {
        Arc::new(Fake {
            gate: Some(Arc::new(Semaphore::new(0))),
            credentials: 1,
            ..Fake::new(&world, "once")
        })
    };
    let [hasty, patient] = [limit(2), limit(60)];
    let first = Guarded::start(&patient, connect(way.url(), &patient), hangs()).await.unwrap();
    let second = Guarded::start(&hasty, connect(&database.url(), &hasty), hangs()).await.unwrap();
    second.run(&due(1)).await;
    assert!(log.tells("1", "took_too_long"), "{:?}", log.0);
    let holding = due(2);
    tokio::join!(first.run(&holding), async {
        until("it has begun", || world.count(|world| &world.begun) == 2).await;
        second.run(&due(3)).await;
        assert!(log.tells("3", "credential_busy"), "{:?}", log.0);
        way.swallow();
    });
    assert!(log.tells("2", "lock_lost"), "{:?}", log.0);

    let _one = Replica::start(&database.url(), "one", &world, Arc::new(Fake::new(&world, "one")), &[]);
    database.execute(STRANGE).await;
    until("both are told", || log.tells("nobody", "unknown_rotation") && log.tells("4", "replica_lost"))
        .await;
}

/// The fields of each event.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Fields>>>);

#[derive(Clone, Debug, Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Log {
    fn tells(&self, rotation: &str, class: &str) -> bool {
        let said = [("rotation", rotation), ("class", class), ("attempt", "1")];
        let is_said = |Fields(told): &Fields| {
            let is = |(name, value)| told.get(name).is_some_and(|told| told.trim_matches('"') == value);
            told.contains_key("advice") && said.into_iter().all(is)
        };
        self.0.lock().unwrap().iter().any(is_said)
    }
}

impl<S: Subscriber> Layer<S> for Log {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.0.lock().unwrap().push(fields);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

/// A rotation that nobody knows, and one that three have died of.
const STRANGE: &str = r#"
    INSERT INTO apalis.jobs (id, job_type, job, status, attempts, max_attempts, run_at, idempotency_key)
    SELECT apalis.generate_ulid(), 'tokenferry:tokenferry:1:same', convert_to(format(
        '{"key":"%1$s","rotation":"%1$s","occurrence":0,"reason":"schedule","attempt":1,"not_before":0}', name), 'UTF8'),
        'Pending', attempts, 9, now(), name
    FROM (VALUES ('nobody', 0), ('4', 3)) AS strange (name, attempts);"#;
