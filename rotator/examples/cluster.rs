//! How many empty runs replicas get through: `cluster URL REPLICAS RUNS CREDENTIALS CONCURRENCY`. Each replica is a
//! thread with a runtime of its own. The database should be a new one.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that cannot go on fails")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use tokenferry_rotator::cluster::{Cluster, Database, Settings};
use tokenferry_rotator::dispatch::{Dispatch as _, Role};
use tokenferry_rotator::run::{CredentialKey, Due, Living, Outcome, Reason, RotationId, Work};
use tokenferry_sources::{Reference, SystemClock, Timestamp};
use tokio::time::Instant;

/// Does nothing.
struct Empty {
    credentials: u32,
    runs: Arc<AtomicUsize>,
}

#[async_trait]
impl Work for Empty {
    fn credential(&self, rotation: RotationId) -> CredentialKey {
        CredentialKey::of(&(rotation.0 % self.credentials).to_string())
    }

    async fn run(&self, due: &Due) -> Outcome {
        self.runs.fetch_add(1, Ordering::Relaxed);
        Outcome::Rotated(Living { issued_at: due.occurrence, expires_at: None, version: 1 })
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize| arguments.get(index).and_then(|text| text.parse::<u32>().ok()).unwrap();
    let (replicas, runs, credentials, concurrency) = (number(1), number(2), number(3), number(4));
    let begun = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..replicas)
        .map(|index| {
            let (url, begun) = (arguments[0].clone(), Arc::clone(&begun));
            thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                let work = Arc::new(Empty { credentials, runs: begun });
                runtime.block_on(replica(&url, index, replicas, runs, work, concurrency as usize))
            })
        })
        .collect();
    let took: Vec<Option<Duration>> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    let took = took.into_iter().flatten().next().unwrap().as_secs_f64();
    println!("{runs} runs in {took:.2} s: {:.0} a second", f64::from(runs) / took);
}

/// How long it took, as the leader saw it.
async fn replica(
    url: &str,
    index: u32,
    replicas: u32,
    runs: u32,
    work: Arc<Empty>,
    concurrency: usize,
) -> Option<Duration> {
    let settings =
        Settings { replica: Some(format!("r{index}")), ..Settings::new(Reference::Env("URL".to_owned())) };
    let environment: BTreeMap<String, String> = [("URL".to_owned(), url.to_owned())].into();
    let database = Database::new(&settings, &environment).unwrap();
    let begun = Arc::clone(&work.runs);
    let mut cluster = Cluster::start(&settings, database, work, concurrency, Arc::new(SystemClock));
    let mut view = cluster.view();
    view.wait_for(|view| view.role != Role::Disconnected).await.unwrap();
    tokio::time::sleep(Duration::from_secs(6)).await;
    if *cluster.role().borrow() != Role::Leading {
        while begun.load(Ordering::Relaxed) < runs as usize {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        return None;
    }
    assert_eq!(view.borrow().replicas.len(), replicas as usize);
    let start = Instant::now();
    for rotation in 0..runs {
        let now = Timestamp::UNIX_EPOCH;
        cluster.submit(Due {
            rotation: RotationId(rotation),
            occurrence: now,
            reason: Reason::Schedule,
            attempt: 1,
            not_before: now,
            deadline: None,
        });
    }
    for _ in 0..runs {
        cluster.ended().await;
    }
    Some(start.elapsed())
}
