//! What replicas share besides the database: systems that issue tokens, and entries that keep them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use tokenferry_rotator::run::{
    Class, CredentialKey, Due, Living, Outcome, Reason, RefusedLogins, RotationId, Work,
};
use tokenferry_sources::Timestamp;
use tokio::sync::Semaphore;
use tokio::time::sleep;

/// From here on there are no rotations.
pub(crate) const GONE: u32 = 1_000_000;

/// Systems and entries.
#[derive(Default)]
pub(crate) struct World {
    /// By rotation, the occurrence that its token is for, and how often it was written.
    entries: Mutex<BTreeMap<u32, (Timestamp, u64)>>,
    /// The credentials in use.
    busy: Mutex<BTreeMap<u32, usize>>,
    pub(crate) overlaps: AtomicUsize,
    /// Every login, by rotation, and who sent it.
    logins: Mutex<Vec<(u32, &'static str)>>,
    pub(crate) begun: AtomicUsize,
    pub(crate) given_up: AtomicUsize,
    pub(crate) refused_writes: AtomicUsize,
    /// Whose logins are refused, and whose come to nothing.
    pub(crate) refused: Mutex<BTreeSet<u32>>,
    pub(crate) failing: Mutex<BTreeSet<u32>>,
    pub(crate) heard: Mutex<Vec<u32>>,
    /// The runs of which nobody knows whether another replica has begun them, by rotation.
    pub(crate) doubted: Mutex<Vec<u32>>,
}

/// The work of one replica.
pub(crate) struct Fake {
    pub(crate) world: Arc<World>,
    pub(crate) replica: &'static str,
    /// So many credentials, which the rotations share by turns.
    pub(crate) credentials: u32,
    /// How long a login takes.
    pub(crate) takes: Duration,
    /// Logins end only as far as there are permits, if there is this.
    pub(crate) gate: Option<Arc<Semaphore>>,
    /// Whether what was begun goes on although nobody waits for it.
    pub(crate) is_stubborn: bool,
    /// Whether Vault is away, as far as this replica can tell.
    pub(crate) misses_vault: Arc<AtomicBool>,
    pub(crate) fingerprint: &'static str,
}

impl World {
    pub(crate) fn logins(&self) -> Vec<(u32, &'static str)> {
        self.logins.lock().unwrap().clone()
    }

    /// How many rotations have logged in, and how many logins there were.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let logins = self.logins();
        (logins.iter().map(|(rotation, _)| rotation).collect::<BTreeSet<_>>().len(), logins.len())
    }

    pub(crate) fn entry(&self, rotation: u32) -> Option<Timestamp> {
        self.entries.lock().unwrap().get(&rotation).map(|(occurrence, _)| *occurrence)
    }

    pub(crate) fn count(&self, counter: impl FnOnce(&World) -> &AtomicUsize) -> usize {
        counter(self).load(Ordering::Relaxed)
    }

    /// As by a backup that was restored.
    pub(crate) fn lose(&self, rotation: u32) {
        self.entries.lock().unwrap().remove(&rotation);
    }

    fn read(&self, rotation: u32) -> Option<(Timestamp, u64)> {
        self.entries.lock().unwrap().get(&rotation).copied()
    }

    /// With check-and-set.
    fn write(&self, due: &Due, expected: u64) -> Option<u64> {
        let mut entries = self.entries.lock().unwrap();
        let version = entries.get(&due.rotation.0).map_or(0, |(_, version)| *version);
        if version != expected {
            self.refused_writes.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        entries.insert(due.rotation.0, (due.occurrence, version + 1));
        Some(version + 1)
    }
}

impl Fake {
    pub(crate) fn new(world: &Arc<World>, replica: &'static str) -> Self {
        Fake {
            world: Arc::clone(world),
            replica,
            credentials: u32::MAX,
            takes: Duration::from_millis(2),
            gate: None,
            is_stubborn: false,
            misses_vault: Arc::default(),
            fingerprint: "same",
        }
    }

    async fn log_in(&self, due: Due) -> Outcome {
        let (world, rotation) = (&self.world, due.rotation.0);
        let stored = world.read(rotation);
        if stored.is_some_and(|(occurrence, _)| occurrence >= due.occurrence) {
            return Outcome::AlreadyDone(living(&due, 0));
        }
        world.begun.fetch_add(1, Ordering::Relaxed);
        let mut using = Using { world, credential: rotation % self.credentials, is_done: false };
        using.begin();
        world.logins.lock().unwrap().push((rotation, self.replica));
        match &self.gate {
            Some(gate) => gate.acquire().await.unwrap().forget(),
            None => sleep(self.takes).await,
        }
        using.is_done = true;
        drop(using);
        if world.refused.lock().unwrap().contains(&rotation) {
            let logins = RefusedLogins { times: 1, last: due.not_before };
            return Outcome::Refused { class: Class::new("login_refused"), logins: Some(logins) };
        }
        if self.misses_vault.load(Ordering::Relaxed) {
            return Outcome::Failed { class: Class::new("vault_unreachable"), retry_at: None };
        }
        if world.failing.lock().unwrap().contains(&rotation) {
            return Outcome::Failed { class: Class::new("unreachable"), retry_at: None };
        }
        match world.write(&due, stored.map_or(0, |(_, version)| version)) {
            Some(version) => Outcome::Rotated(living(&due, version)),
            None => Outcome::AlreadyDone(living(&due, 0)),
        }
    }
}

#[async_trait]
impl Work for Fake {
    fn credential(&self, rotation: RotationId) -> CredentialKey {
        CredentialKey::of(&(rotation.0 % self.credentials).to_string())
    }

    async fn run(&self, due: &Due) -> Outcome {
        if !self.is_stubborn {
            return self.log_in(*due).await;
        }
        let (world, gate) = (Arc::clone(&self.world), self.gate.clone());
        let stubborn = Fake { world, gate, misses_vault: Arc::clone(&self.misses_vault), ..*self };
        let due = *due;
        tokio::spawn(async move { stubborn.log_in(due).await }).await.unwrap()
    }

    fn name(&self, rotation: RotationId) -> Option<Arc<str>> {
        (rotation.0 < GONE).then(|| rotation.0.to_string().into())
    }

    async fn find_done(&self, due: &Due) -> Option<Living> {
        let (occurrence, version) = self.world.read(due.rotation.0)?;
        (occurrence >= due.occurrence).then(|| living(due, version))
    }

    async fn heed(&self, rotation: RotationId) {
        self.world.heard.lock().unwrap().push(rotation.0);
    }

    async fn reach(&self) -> Result<(), Class> {
        let misses = self.misses_vault.load(Ordering::Relaxed);
        if misses { Err(Class::new("vault_unreachable")) } else { Ok(()) }
    }

    async fn doubt(&self, rotation: RotationId) {
        self.world.doubted.lock().unwrap().push(rotation.0);
    }

    fn fingerprint(&self) -> String {
        self.fingerprint.to_owned()
    }
}

/// A credential in use.
struct Using<'a> {
    world: &'a World,
    credential: u32,
    is_done: bool,
}

impl Using<'_> {
    fn begin(&self) {
        let mut busy = self.world.busy.lock().unwrap();
        let users = busy.entry(self.credential).or_default();
        *users += 1;
        if *users > 1 {
            self.world.overlaps.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Using<'_> {
    fn drop(&mut self) {
        *self.world.busy.lock().unwrap().get_mut(&self.credential).unwrap() -= 1;
        if !self.is_done {
            self.world.given_up.fetch_add(1, Ordering::Relaxed);
        }
    }
}

pub(crate) fn due(rotation: u32) -> Due {
    let occurrence = Timestamp::UNIX_EPOCH + TimeDelta::days(20_000);
    Due {
        rotation: RotationId(rotation),
        occurrence,
        reason: Reason::Schedule,
        attempt: 1,
        not_before: occurrence,
        deadline: None,
    }
}

fn living(due: &Due, version: u64) -> Living {
    Living { issued_at: due.occurrence, expires_at: None, version }
}
