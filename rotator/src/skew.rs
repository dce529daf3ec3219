//! Clocks that are not in step: an issuer's and this machine's. It harms no token, for lives are what is reckoned with;
//! but people should know, and what is signed with a wrong clock may be refused.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use tokenferry_sources::{Timestamp, rfc3339};
use tracing::{info, warn};

/// What the logins of sources have shown so far.
#[derive(Debug, Default)]
pub struct Skews(Mutex<BTreeMap<Arc<str>, Skew>>);

/// The clock of one issuer.
#[derive(Clone, Copy, Debug)]
struct Skew {
    ahead_secs: i32,
    /// What was told last, until it was over.
    told: Option<i32>,
}

/// What people should be told of a clock.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum News {
    Much,
    Over,
}

/// What a login showed, and what to hold it against.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// By how many seconds the issuer's clock was ahead of ours.
    pub ahead_secs: i32,
    /// Ours, at that moment.
    pub at: Timestamp,
    /// By how many seconds Vault's clock is ahead of ours, if that was seen.
    pub vault_ahead_secs: Option<i32>,
}

impl Skews {
    /// Takes in what a login of a source showed, and warns once of what is much, and again when it has become quite
    /// another.
    pub fn note(&self, source: &Arc<str>, seen: Seen) {
        match self.news(source, seen.ahead_secs) {
            Some(News::Much) => tell(source, seen),
            Some(News::Over) => info!(source = &**source, "the clock of the issuer is in step again"),
            None => {}
        }
    }

    fn news(&self, source: &Arc<str>, ahead_secs: i32) -> Option<News> {
        let mut skews = self.skews();
        // There may be thousands of sources whose clocks are right.
        if is_in_step(ahead_secs) && !skews.contains_key(source) {
            return None;
        }
        let skew = skews.entry(Arc::clone(source)).or_insert(Skew { ahead_secs: 0, told: None });
        skew.ahead_secs = ahead_secs;
        if !is_much(ahead_secs) {
            return skew.told.take().map(|_| News::Over);
        }
        let is_new = skew.told.is_none_or(|told| is_another(told, ahead_secs));
        is_new.then(|| {
            skew.told = Some(ahead_secs);
            News::Much
        })
    }

    /// By how many seconds the clocks of issuers are ahead of ours, by source; those that were never out of step are
    /// left out.
    pub fn all(&self) -> Vec<(Arc<str>, i32)> {
        self.skews().iter().map(|(source, skew)| (Arc::clone(source), skew.ahead_secs)).collect()
    }

    fn skews(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Skew>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn issuer_time(&self) -> Timestamp {
        let ahead = TimeDelta::seconds(self.ahead_secs.into());
        self.at.checked_add_signed(ahead).unwrap_or(self.at)
    }

    /// Whose clock is wrong, as far as Vault's can tell.
    fn advice(&self) -> &'static str {
        match self.vault_ahead_secs {
            Some(vault) if !is_much(vault) => {
                "Vault's clock agrees with that of this machine: tell whoever runs the issuer. Tokens are reckoned by \
                 their lives, so they are replaced in time."
            }
            Some(vault) if !is_another(vault, self.ahead_secs) => {
                "Vault's clock agrees with that of the issuer: set this machine's by NTP (`timedatectl set-ntp true`, or \
                 chrony). Readers are told wrong times until then."
            }
            _ => {
                "Have both clocks set by NTP (here: `timedatectl set-ntp true`, or chrony). Tokens are reckoned by their \
                 lives, so they are replaced in time."
            }
        }
    }
}

fn tell(source: &str, seen: Seen) {
    warn!(
        source,
        ahead_secs = seen.ahead_secs,
        here = rfc3339(seen.at),
        at_the_issuer = rfc3339(seen.issuer_time()),
        advice = seen.advice(),
        "the clock of the issuer and that of this machine differ by {} s",
        seen.ahead_secs.unsigned_abs()
    );
}

/// An answer shows whole seconds, and takes a while.
fn is_in_step(ahead_secs: i32) -> bool {
    ahead_secs.unsigned_abs() <= 5
}

/// Worth a warning.
pub fn is_much(ahead_secs: i32) -> bool {
    ahead_secs.unsigned_abs() > 60
}

fn is_another(one: i32, other: i32) -> bool {
    one.abs_diff(other) > 60 + one.unsigned_abs() / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(ahead_secs: i32) -> Seen {
        Seen { ahead_secs, at: Timestamp::UNIX_EPOCH, vault_ahead_secs: None }
    }

    #[test]
    fn a_skew_is_told_once_and_again_when_it_is_quite_another() {
        let (skews, source) = (Skews::default(), "zscaler.corp".into());
        let (much, over) = (Some(News::Much), Some(News::Over));
        let steps = [
            (5, None),
            (60, None),
            (61, much),
            (75, None),
            (61, None),
            (3600, much),
            (3700, None),
            (-3600, much),
            (0, over),
            (0, None),
            (90, much),
        ];
        for (ahead, news) in steps {
            assert_eq!(skews.news(&source, ahead), news, "{ahead}");
        }
        assert_eq!(skews.all(), [(source.clone(), 90)]);
    }

    #[test]
    fn a_clock_in_step_is_not_kept() {
        let skews = Skews::default();
        skews.note(&"zscaler.corp".into(), seen(-3));
        assert!(skews.all().is_empty());
    }

    #[test]
    fn vault_says_whose_clock_is_wrong() {
        let advice = |vault| Seen { vault_ahead_secs: vault, ..seen(3600) }.advice();
        assert!(advice(Some(2)).starts_with("Vault's clock agrees with that of this machine"));
        assert!(advice(Some(3590)).starts_with("Vault's clock agrees with that of the issuer"));
        assert!(advice(None).starts_with("Have both") && advice(Some(-7200)).starts_with("Have both"));
    }
}
