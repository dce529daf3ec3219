//! What a configured rotation claims, given what was seen of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokenferry_sources::Timestamp;

use super::{Basis, Claim, Life, Share, login_and_retry};
use crate::rate::Rate;
use crate::rotation::Rotation;
use crate::run::Living;
use crate::source::Source;

impl Claim {
    /// The claims of all rotations, in their order. `seen` tells the token that stands in the destination of one, by
    /// its place, if that was looked at.
    pub fn of_all<'a>(
        rotations: &[Arc<Rotation>],
        seen: impl Fn(usize) -> Option<&'a Living>,
        now: Timestamp,
    ) -> Vec<Claim> {
        let claims = rotations.iter().enumerate().map(|(index, rotation)| Claim::of(rotation, seen(index)));
        let mut claims: Vec<Claim> = claims.collect();
        share_rates(rotations, &mut claims, now);
        claims
    }

    fn of(rotation: &Rotation, seen: Option<&Living>) -> Self {
        let source = &rotation.source;
        Claim {
            schedule: rotation.schedule.clone(),
            renew_before: rotation.renew_before,
            spread: rotation.spread,
            reader_lag: rotation.reader_lag,
            reader: rotation.reader,
            survive_outage: rotation.survive_outage,
            life: life(source, seen.map(Seen::from)),
            login_and_retry: login_and_retry(source.http.timeout),
            predecessor: source.predecessor(),
            share: None,
        }
    }
}

/// Tells the rotations of each source that has a rate what that means for them. Those that are not run want nothing.
fn share_rates(rotations: &[Arc<Rotation>], claims: &mut [Claim], now: Timestamp) {
    let mut limited: BTreeMap<&str, (Rate, Duration, Vec<usize>)> = BTreeMap::new();
    for (index, Rotation { source, .. }) in rotations.iter().map(|rotation| &**rotation).enumerate() {
        let Some(rate) = source.rate else { continue };
        limited.entry(&source.name).or_insert((rate, source.http.timeout, Vec::new())).2.push(index);
    }
    for (rate, timeout, of_source) in limited.into_values() {
        let is_run = |index: &&usize| rotations.get(**index).is_some_and(|rotation| rotation.enabled);
        let wanting: Vec<&Claim> =
            of_source.iter().filter(is_run).filter_map(|index| claims.get(*index)).collect();
        let share = Share::of(rate, &wanting, timeout, now);
        for index in of_source {
            claims.get_mut(index).into_iter().for_each(|claim| claim.share = Some(share));
        }
    }
}

/// What the token in Vault tells about the life of its kind.
#[derive(Clone, Copy, Debug)]
enum Seen {
    Lives(Duration),
    WithoutEnd,
}

impl From<&Living> for Seen {
    fn from(living: &Living) -> Self {
        match living.expires_at {
            Some(end) => Seen::Lives((end - living.issued_at).to_std().unwrap_or_default()),
            None => Seen::WithoutEnd,
        }
    }
}

/// The life to reckon with: as configured, but no longer than that of the token in Vault; else of that; else, if
/// there is none yet, as documented. A token without an end is renewed by nobody.
fn life(source: &Source, seen: Option<Seen>) -> Option<Life> {
    let life = |duration, basis| Some(Life { duration, basis });
    match (source.ttl, seen) {
        (Some(ttl), Some(Seen::Lives(seen))) if seen < ttl => life(seen, Basis::LastSeen),
        (Some(ttl), _) => life(ttl, Basis::Configured),
        (None, Some(Seen::Lives(seen))) => life(seen, Basis::LastSeen),
        (None, Some(Seen::WithoutEnd)) => None,
        (None, None) => life(source.documented_life()?, Basis::Documented),
    }
}
