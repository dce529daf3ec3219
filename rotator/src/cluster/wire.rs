//! What replicas tell each other: what is to be done, and how it ended. A change that an older version would
//! misunderstand needs a new [`SCHEMA`].

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat};
use serde::{Deserialize, Serialize};
use tokenferry_sources::Timestamp;

use crate::run::{Aftermath, Class, Due, Living, Outcome, Reason, RefusedLogins, RotationId};

/// Those with another one never take what they do not understand: it is part of the queue's name.
const SCHEMA: u32 = 1;

/// The queue of those of a cluster that have this configuration.
pub(super) fn queue(cluster: &str, fingerprint: &str) -> Arc<str> {
    format!("{}{SCHEMA}:{fingerprint}", workers(cluster)).into()
}

/// All workers of a cluster, and how the names of its queues begin.
pub(super) fn workers(cluster: &str) -> String {
    format!("tokenferry:{cluster}:")
}

/// A run that whoever has room takes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Errand {
    /// The same for whoever asks for this run.
    pub(super) key: Arc<str>,
    pub(super) rotation: Arc<str>,
    occurrence: i64,
    reason: String,
    pub(super) attempt: u32,
    not_before: i64,
    deadline: Option<i64>,
    /// The rotation with the same credential whose login was refused last.
    pub(super) refused: Option<Arc<str>>,
    #[serde(skip)]
    pub(super) priority: i32,
}

impl Errand {
    pub(super) fn new(due: &Due, rotation: Arc<str>, refused: Option<Arc<str>>) -> Self {
        let Due { occurrence, reason, attempt, not_before, deadline, .. } = due;
        // Entries know no less than a second, so who has read them reckons with that, and who wrote them with more.
        let at = occurrence.to_rfc3339_opts(SecondsFormat::Secs, true);
        Errand {
            key: format!("{rotation}@{at}#{attempt}").into(),
            rotation,
            occurrence: occurrence.timestamp_micros(),
            reason: reason.name().to_owned(),
            attempt: *attempt,
            not_before: not_before.timestamp_micros(),
            deadline: deadline.as_ref().map(Timestamp::timestamp_micros),
            refused,
            priority: priority(due),
        }
    }

    /// The same run once more, although one of its key is done. The number tells it from others: that of the success since
    /// then, or the time.
    pub(super) fn again(self, number: i64) -> Self {
        let key = self.key.split('~').next().unwrap_or_default();
        Errand { key: format!("{key}~{number}").into(), ..self }
    }

    /// Whether it is a run once more.
    pub(super) fn is_again(&self) -> bool {
        self.key.contains('~')
    }

    /// `None` if it is not understood.
    pub(super) fn due(&self, rotation: RotationId) -> Option<Due> {
        let reasons = [Reason::Expiry, Reason::Forced, Reason::NoToken, Reason::Schedule];
        Some(Due {
            rotation,
            occurrence: self.occurrence()?,
            reason: reasons.into_iter().find(|reason| reason.name() == self.reason)?,
            attempt: self.attempt,
            not_before: DateTime::from_timestamp_micros(self.not_before)?,
            deadline: match self.deadline {
                Some(deadline) => Some(DateTime::from_timestamp_micros(deadline)?),
                None => None,
            },
        })
    }

    pub(super) fn occurrence(&self) -> Option<Timestamp> {
        DateTime::from_timestamp_micros(self.occurrence)
    }
}

/// The greatest comes first, as in [`Due::urgency`].
fn priority(due: &Due) -> i32 {
    let (is_beyond_saving, end, _) = due.urgency();
    if is_beyond_saving {
        return 0;
    }
    // From 2000 to 2068 by the second.
    let seconds = (end.timestamp() - 946_684_800).clamp(0, i64::from(i32::MAX - 1));
    i32::try_from(seconds).map_or(1, |seconds| i32::MAX - seconds)
}

/// How a run ended, and what it left behind.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct End {
    pub(super) outcome: Outcome,
    pub(super) aftermath: Aftermath,
}

impl End {
    /// Of a run that did not get as far as a login.
    pub(super) fn without_login(outcome: Outcome) -> Self {
        End { outcome, aftermath: Aftermath { logins: 0, ended_token: false, keeps_token: false } }
    }

    pub(super) fn failed(class: &'static str) -> Outcome {
        Outcome::Failed { class: Class::new(class), retry_at: None }
    }

    /// What came in its way.
    pub(super) fn class(&self) -> Option<&Class> {
        match &self.outcome {
            Outcome::AlreadyDone(_) | Outcome::Rotated(_) => None,
            Outcome::Failed { class, .. }
            | Outcome::Partly { class, .. }
            | Outcome::Refused { class, .. } => Some(class),
        }
    }

    pub(super) fn is_refused(&self) -> bool {
        matches!(self.outcome, Outcome::Refused { .. })
    }

    pub(super) fn write(&self) -> String {
        serde_json::to_string(&Written::from(self)).unwrap_or_default()
    }

    /// `None` if it is not understood.
    pub(super) fn read(text: &str) -> Option<Self> {
        serde_json::from_str::<Written>(text).ok()?.read()
    }
}

#[derive(Default, Deserialize, Serialize)]
struct Written {
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    living: Option<(i64, Option<i64>, u64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    class: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    missed: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<(u32, i64)>,
    logins: u32,
    ended_token: bool,
}

impl From<&End> for Written {
    fn from(end: &End) -> Self {
        let micros = |at: &Timestamp| at.timestamp_micros();
        let written = |living: &Living| {
            Some((micros(&living.issued_at), living.expires_at.as_ref().map(micros), living.version))
        };
        let base = |kind: &str| Written {
            kind: kind.to_owned(),
            class: end.class().map(ToString::to_string),
            logins: end.aftermath.logins,
            ended_token: end.aftermath.ended_token,
            ..Written::default()
        };
        match &end.outcome {
            Outcome::AlreadyDone(living) => Written { living: written(living), ..base("already_done") },
            Outcome::Rotated(living) => Written { living: written(living), ..base("rotated") },
            Outcome::Failed { retry_at, .. } => {
                Written { retry_at: retry_at.as_ref().map(micros), ..base("failed") }
            }
            Outcome::Partly { living, missed, retry_at, .. } => Written {
                living: written(living),
                missed: Some(*missed),
                retry_at: retry_at.as_ref().map(micros),
                ..base("partly")
            },
            Outcome::Refused { logins, .. } => Written {
                refused: logins.map(|logins| (logins.times, micros(&logins.last))),
                ..base("refused")
            },
        }
    }
}

impl Written {
    fn read(self) -> Option<End> {
        let at = DateTime::from_timestamp_micros;
        let living = self.living.and_then(|(issued, expires, version)| {
            Some(Living { issued_at: at(issued)?, expires_at: expires.and_then(at), version })
        });
        let class = || Class::noted(self.class.as_deref()?);
        let retry_at = self.retry_at.and_then(at);
        let outcome = match &*self.kind {
            "already_done" => Outcome::AlreadyDone(living?),
            "rotated" => Outcome::Rotated(living?),
            "failed" => Outcome::Failed { class: class()?, retry_at },
            "partly" => Outcome::Partly { living: living?, missed: self.missed?, class: class()?, retry_at },
            "refused" => {
                let logins =
                    self.refused.and_then(|(times, last)| Some(RefusedLogins { times, last: at(last)? }));
                Outcome::Refused { class: class()?, logins }
            }
            _ => return None,
        };
        // The next try may be another replica's, which does not have it.
        let keeps_token = false;
        let aftermath = Aftermath { logins: self.logins, ended_token: self.ended_token, keeps_token };
        Some(End { outcome, aftermath })
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn at(micros: i64) -> Timestamp {
        DateTime::from_timestamp_micros(1_700_000_000_000_000 + micros).unwrap()
    }

    fn due(reason: Reason, attempt: u32, deadline: Option<Timestamp>) -> Due {
        Due { rotation: RotationId(3), occurrence: at(7), reason, attempt, not_before: at(9), deadline }
    }

    #[test]
    fn an_errand_arrives_as_it_was_sent() {
        let sent = due(Reason::Expiry, 2, Some(at(-5)));
        let errand = Errand::new(&sent, "corp".into(), Some("other".into()));
        assert_eq!(&*errand.key, "corp@2023-11-14T22:13:20Z#2");
        let read: Errand = serde_json::from_str(&serde_json::to_string(&errand).unwrap()).unwrap();
        assert_eq!(read.due(RotationId(3)), Some(sent));
        assert_eq!((read.rotation, read.refused), ("corp".into(), Some("other".into())));
    }

    #[test]
    fn a_run_that_is_asked_for_once_more_has_a_key_of_its_own() {
        let errand = Errand::new(&due(Reason::Schedule, 1, None), "corp".into(), None);
        let again = errand.clone().again(7).again(8);
        assert_eq!(*again.key, format!("{}~8", errand.key));
        assert!(again.is_again() && !errand.is_again());
    }

    #[test]
    fn outcomes_of_all_kinds_arrive_as_they_were_told() {
        let living = Living { issued_at: at(1), expires_at: Some(at(2)), version: 3 };
        let class = Class::new("unreachable");
        let outcomes = [
            Outcome::AlreadyDone(Living { expires_at: None, ..living }),
            Outcome::Rotated(living),
            Outcome::Failed { class: class.clone(), retry_at: Some(at(4)) },
            Outcome::Partly { living, missed: 2, class: class.clone(), retry_at: None },
            Outcome::Refused { class: class.clone(), logins: Some(RefusedLogins { times: 2, last: at(5) }) },
            Outcome::Refused { class, logins: None },
        ];
        for outcome in outcomes {
            let end =
                End { outcome, aftermath: Aftermath { logins: 2, ended_token: true, keeps_token: false } };
            assert_eq!(End::read(&end.write()), Some(end));
        }
        assert_eq!(End::read(r#"{"kind":"soared","logins":0,"ended_token":false}"#), None);
        assert_eq!(End::read("hunter2"), None);
    }

    #[test]
    fn the_most_urgent_has_the_highest_priority() {
        let end = |seconds| Some(at(0) + TimeDelta::seconds(seconds));
        let order = [
            due(Reason::NoToken, 1, None),
            due(Reason::Expiry, 1, end(1)),
            due(Reason::Expiry, 1, end(2)),
            due(Reason::Schedule, 1, None),
            due(Reason::NoToken, 2, None),
        ];
        let priorities: Vec<i32> = order.iter().map(priority).collect();
        assert!(priorities.is_sorted_by(|one, other| one > other), "{priorities:?}");
    }
}
