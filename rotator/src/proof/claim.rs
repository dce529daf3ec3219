//! What a configured rotation claims, given what was seen of it.

use std::time::Duration;

use super::{Basis, Claim, Life, login_and_retry};
use crate::rotation::Rotation;
use crate::run::Living;
use crate::source::Source;

impl Claim {
    /// The claim of a rotation. `seen` is the token that stands in its destination, if that was looked at.
    pub fn of(rotation: &Rotation, seen: Option<&Living>) -> Self {
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
