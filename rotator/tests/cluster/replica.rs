//! A replica with somebody who submits what is due, as the daemon does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokenferry_rotator::cluster::{Cluster, Database, Settings, View};
use tokenferry_rotator::dispatch::{Dispatch, Ended, Role};
use tokenferry_rotator::run::{Due, Outcome, Work};
use tokenferry_sources::{Reference, SystemClock};
use tokenferry_tests::postgres::Database as Postgres;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::world::World;

/// Everything takes as long as the machine is busy. Nothing passes by waiting longer.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A replica at work. It is gone without a word when this is dropped, as a process that is killed.
pub(crate) struct Replica {
    pub(crate) role: watch::Receiver<Role>,
    pub(crate) view: watch::Receiver<View>,
    ended: Arc<Mutex<Vec<Ended>>>,
    _driver: JoinSet<()>,
}

/// A run may hang for nearly as long as a replica may be silent, which is longer than any test lasts: whoever is dead
/// is aged by [`outlive`].
pub(crate) fn settings(name: &str) -> Settings {
    Settings {
        heartbeat_interval: Duration::from_millis(200),
        heartbeat_limit: PATIENCE * 2,
        replica: Some(name.to_owned()),
        ..Settings::new(Reference::Env("URL".to_owned()))
    }
}

pub(crate) fn cluster(url: &str, name: &str, work: Arc<dyn Work>, limit: usize) -> Cluster {
    cluster_with(url, &settings(name), work, limit)
}

fn cluster_with(url: &str, settings: &Settings, work: Arc<dyn Work>, limit: usize) -> Cluster {
    Cluster::start(settings, connect(url, settings), work, limit, Arc::new(SystemClock))
}

pub(crate) fn connect(url: &str, settings: &Settings) -> Database {
    let environment: BTreeMap<String, String> = [("URL".to_owned(), url.to_owned())].into();
    Database::new(settings, &environment).unwrap()
}

impl Replica {
    /// One that runs at most eight at once. Whenever it leads anew it submits what of `plan` is not done.
    pub(crate) fn start(
        url: &str,
        name: &str,
        world: &Arc<World>,
        work: Arc<dyn Work>,
        plan: &[Due],
    ) -> Self {
        Self::start_with(url, &settings(name), world, work, plan)
    }

    pub(crate) fn start_with(
        url: &str,
        settings: &Settings,
        world: &Arc<World>,
        work: Arc<dyn Work>,
        plan: &[Due],
    ) -> Self {
        let cluster = cluster_with(url, settings, work, 8);
        let (role, view) = (cluster.role(), cluster.view());
        let ended: Arc<Mutex<Vec<Ended>>> = Arc::default();
        let mut driver = JoinSet::new();
        driver.spawn(drive(cluster, Arc::clone(world), plan.to_vec(), Arc::clone(&ended)));
        Replica { role, view, ended, _driver: driver }
    }

    pub(crate) fn ended(&self) -> Vec<Ended> {
        self.ended.lock().unwrap().clone()
    }

    pub(crate) async fn is(&mut self, role: Role) {
        timeout(PATIENCE, self.role.wait_for(|now| *now == role)).await.unwrap().unwrap();
    }

    pub(crate) async fn sees(&mut self, what: impl FnMut(&View) -> bool) -> View {
        timeout(PATIENCE, self.view.wait_for(what)).await.unwrap().unwrap().clone()
    }
}

/// Submits, and once more what failed and may pass.
async fn drive(mut cluster: Cluster, world: Arc<World>, plan: Vec<Due>, told: Arc<Mutex<Vec<Ended>>>) {
    let mut role = cluster.role();
    role.mark_changed();
    loop {
        tokio::select! {
            changed = role.changed() => {
                changed.unwrap();
                if *role.borrow_and_update() == Role::Leading {
                    let is_open =
                        |due: &&Due| world.entry(due.rotation.0).is_none_or(|done| done < due.occurrence);
                    plan.iter().filter(is_open).for_each(|due| cluster.submit(*due));
                }
            }
            ended = cluster.ended() => {
                if let Outcome::Failed { .. } = ended.outcome {
                    cluster.submit(Due { attempt: ended.due.attempt + 1, ..ended.due });
                }
                told.lock().unwrap().push(ended);
            }
        }
    }
}

/// Lets one that is dead have been silent for long, until it is so.
pub(crate) async fn outlive(database: &Postgres, dead: &str, what: &str, mut is_so: impl FnMut() -> bool) {
    let age = format!(
        "UPDATE apalis.workers SET last_seen = now() - interval '1 hour' WHERE id LIKE '{dead} %';
         UPDATE tokenferry.replicas SET seen_at = now() - interval '1 hour' WHERE name = '{dead}';"
    );
    let wait = async {
        // Once need not be enough: its last words may arrive later.
        while !is_so() {
            database.execute(&age).await;
        }
    };
    assert!(timeout(PATIENCE, wait).await.is_ok(), "{what}");
}

/// Waits until it is so.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let wait = async {
        while !is_so() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(timeout(PATIENCE, wait).await.is_ok(), "{what}");
}
