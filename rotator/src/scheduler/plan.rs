//! What is to be run, and when.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::LaneId;
use super::lane::Lane;
use crate::rate::Rate;
use crate::rotation::{RenewBefore, Rotation};
use crate::runner::login_key;
use crate::schedule::Schedule;

/// When a rotation runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The rotation's name: it decides about its place within the spread.
    pub name: Arc<str>,
    /// When it runs, whatever the age of its token.
    pub schedule: Schedule,
    /// How long before the end of its token it runs, whatever the schedule says.
    pub renew_before: RenewBefore,
    /// How far its times may be shifted.
    pub spread: Duration,
    /// How long the slowest reader may take to notice a new token: a run that comes later than that is too late.
    pub reader_lag: Duration,
    /// Whether it is run at all.
    pub enabled: bool,
    /// How many logins its source may make in a time.
    pub limit: Option<Box<Limit>>,
    /// What it logs in with, if others may do so with the same.
    pub login: Option<LoginId>,
}

/// How many logins a source may make in a time, for all its rotations together.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limit {
    /// The name of the source.
    pub source: Arc<str>,
    /// How many, and in what time.
    pub rate: Rate,
}

/// Names a login, without saying anything about it: rotations that would send the same one have the same.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct LoginId(pub u32);

impl Plan {
    /// Those of all rotations, which know what they share.
    pub fn of_all(rotations: &[Arc<Rotation>]) -> impl Iterator<Item = Self> {
        let mut of_sources = HashMap::new();
        let mut of_keys = HashMap::new();
        let mut login = move |rotation: &Rotation| {
            *of_sources.entry(Arc::as_ptr(&rotation.source)).or_insert_with(|| {
                let next = LoginId(u32::try_from(of_keys.len()).unwrap_or(u32::MAX));
                *of_keys.entry(login_key(&rotation.source)).or_insert(next)
            })
        };
        let plan =
            move |rotation: &Arc<Rotation>| Plan { login: Some(login(rotation)), ..Plan::from(&**rotation) };
        rotations.iter().map(plan)
    }
}

impl From<&Rotation> for Plan {
    fn from(rotation: &Rotation) -> Self {
        let source = &rotation.source;
        let limit = |rate| Box::new(Limit { source: Arc::clone(&source.name), rate });
        Plan {
            enabled: rotation.enabled,
            limit: source.rate.map(limit),
            login: None,
            name: rotation.name.clone(),
            schedule: rotation.schedule.clone(),
            renew_before: rotation.renew_before,
            spread: rotation.spread,
            reader_lag: rotation.reader_lag,
        }
    }
}

/// The lanes while they are made.
#[derive(Default)]
pub(super) struct Lanes {
    pub(super) all: Vec<Lane>,
    of: HashMap<Arc<str>, LaneId>,
}

impl Lanes {
    pub(super) fn enter(&mut self, Limit { source, rate }: Limit, is_expected: bool) -> LaneId {
        let Lanes { all, of } = self;
        let lane = *of.entry(source).or_insert_with_key(|source| {
            all.push(Lane::new(Arc::clone(source), rate));
            LaneId::try_from(all.len() - 1).unwrap_or(LaneId::MAX)
        });
        if let Some(known) = all.get_mut(lane as usize).filter(|_| is_expected) {
            known.expect();
        }
        lane
    }
}
