//! What the replicas' database tells of them.

use std::collections::{BTreeMap, BTreeSet};

use super::shop::{PATIENCE, Shop, until};

/// How a run ended.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) rotation: String,
    pub(super) occurrence: String,
    pub(super) attempt: u32,
    pub(super) replica: String,
    pub(super) kind: String,
    pub(super) class: String,
    /// In seconds of PostgreSQL's clock.
    pub(super) at: f64,
}

impl Shop {
    /// How all runs ended so far, in this order.
    pub(super) async fn told(&self) -> Vec<Told> {
        let rows = self.postgres.query(TOLD).await;
        let told = rows.into_iter().map(|row| {
            let [rotation, occurrence, attempt, replica, kind, class, at] = row.try_into().unwrap();
            let (attempt, at) = (attempt.parse().unwrap(), at.parse().unwrap());
            Told { rotation, occurrence, attempt, replica, kind, class, at }
        });
        told.collect()
    }

    /// How many runs have ended so far.
    pub(super) async fn told_count(&self) -> usize {
        self.number("SELECT count(*) FROM tokenferry.outcomes").await
    }

    /// Waits until so many runs have succeeded, for as long as more and more do.
    pub(super) async fn success_of(&self, runs: usize) {
        let count =
            async || self.number("SELECT count(*) FROM tokenferry.outcomes WHERE class IS NULL").await;
        let mut done = 0;
        while done < runs {
            until("the end of another run", PATIENCE, async || count().await > done).await;
            done = count().await;
        }
    }

    /// The replica that leads, if there is one.
    pub(super) async fn leader(&self) -> Option<String> {
        self.name(LEADER).await
    }

    /// The replica that has a run of this rotation in its hands, if there is one.
    pub(super) async fn holder(&self, rotation: &str) -> Option<String> {
        self.name(&HOLDER.replace("ROTATION", rotation)).await
    }

    /// What became of the rows of the queue: each once by its replica, or more often.
    pub(super) async fn rows(&self, rotation: &str) -> Vec<Vec<String>> {
        self.postgres.query(&ROWS.replace("ROTATION", rotation)).await
    }

    /// The keys of all rows that were ever in the queue: `<rotation>@<planned time>#<attempt>`, each once.
    pub(super) async fn keys(&self) -> Vec<String> {
        self.postgres.query("SELECT idempotency_key FROM apalis.jobs ORDER BY id").await.concat()
    }

    async fn number(&self, sql: &str) -> usize {
        self.postgres.query(sql).await[0][0].parse().unwrap()
    }

    async fn name(&self, sql: &str) -> Option<String> {
        self.postgres.query(sql).await.pop().map(|row| row[0].clone())
    }
}

/// How many runs brought a token, for each planned time.
pub(super) fn brought(told: &[Told]) -> BTreeMap<(&str, &str), usize> {
    let mut brought = BTreeMap::new();
    for told in told.iter().filter(|told| told.kind == "rotated") {
        *brought.entry((&*told.rotation, &*told.occurrence)).or_default() += 1;
    }
    brought
}

/// The planned times that these rows are for, with their rotations.
pub(super) fn planned(keys: &[String]) -> BTreeSet<&str> {
    keys.iter().map(|key| key.split('#').next().unwrap()).collect()
}

const TOLD: &str = "SELECT rotation, occurrence, attempt, replica, outcome::json->>'kind', class, \
                    extract(epoch FROM at) FROM tokenferry.outcomes ORDER BY id";
/// A replica that was killed says so no longer.
const LEADER: &str = "SELECT name FROM tokenferry.replicas JOIN pg_stat_activity ON pid = session_pid \
                      WHERE role = 'leading'";
/// Workers have a name of their own, which begins with that of their replica.
const HOLDER: &str = "SELECT split_part(lock_by, ' ', 1) FROM apalis.jobs \
                      WHERE status IN ('Queued', 'Running') AND idempotency_key LIKE 'ROTATION@%'";
const ROWS: &str =
    "SELECT status, attempts FROM apalis.jobs WHERE idempotency_key LIKE 'ROTATION@%' ORDER BY id";
