//! How the token of an entry stands to what is asked of it.

use std::time::Duration;

use tfplugin::{AttributePath, Diagnostic};
use tokenferry_sources::{Timestamp, rfc3339};
use tokenferry_vault::{Entry, KvPath};

use super::shown;

/// Whether it lives, and long enough.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Standing {
    /// It ended then.
    Ended { at: Timestamp, ago: Duration },
    /// It does.
    Good,
    /// It lives, but so long only.
    TooShort { left: Duration, minimum: Duration },
    /// A life was asked for, and nobody knows when it ends.
    Unknown { minimum: Duration },
}

impl Standing {
    pub(crate) fn of(entry: &Entry, minimum: Option<Duration>, now: Timestamp) -> Self {
        let Some(end) = entry.expires_at else {
            return minimum.map_or(Standing::Good, |minimum| Standing::Unknown { minimum });
        };
        let left = (end - now).to_std().unwrap_or_default();
        match minimum {
            _ if left.is_zero() => Standing::Ended { at: end, ago: (now - end).to_std().unwrap_or_default() },
            Some(minimum) if left < minimum => Standing::TooShort { left, minimum },
            _ => Standing::Good,
        }
    }

    /// What is wrong and what to do; `None` if nothing is.
    pub(crate) fn problem(self, at: &KvPath, entry: &Entry, path: &AttributePath) -> Option<Diagnostic> {
        let rotation = shown(&entry.origin.rotation);
        let look = format!(
            "Look at `tokenferry status` and the log of the rotator for what keeps rotation `{rotation}` from running; \
             the entry was last written by {}.",
            shown(&entry.origin.writer)
        );
        let (summary, detail, field) = match self {
            Standing::Good => return None,
            Standing::Ended { at: end, ago } => {
                let detail = format!(
                    "The token at {at} ended at {}, {} ago. It is of rotation `{rotation}`, which should have replaced \
                     it. {look}",
                    rfc3339(end),
                    seconds(ago)
                );
                ("The rotated token has expired", detail, None)
            }
            Standing::TooShort { left, minimum } => {
                let detail = format!(
                    "The token at {at} lives for another {}, which is {} less than the `minimum_lifetime` of {}. {}",
                    seconds(left),
                    seconds(minimum.saturating_sub(left)),
                    seconds(minimum),
                    longer(entry.ttl, minimum, &rotation, &look)
                );
                ("The rotated token does not live long enough", detail, Some("minimum_lifetime"))
            }
            Standing::Unknown { minimum } => {
                let detail = format!(
                    "The entry at {at} does not say when its token ends, so a `minimum_lifetime` of {} cannot be \
                     promised. Set `ttl` in the source `{}` of the rotator's configuration, or ask for no \
                     `minimum_lifetime`.",
                    seconds(minimum),
                    shown(&entry.origin.source)
                );
                ("Nobody knows when the rotated token ends", detail, Some("minimum_lifetime"))
            }
        };
        let path = field.map_or(path.clone(), |field| AttributePath::root().attribute(field));
        Some(Diagnostic::error(summary, detail).at(path))
    }
}

/// How to have enough life. No rotation makes more of it than a token has when it is new.
fn longer(life: Option<u64>, minimum: Duration, rotation: &str, look: &str) -> String {
    match life {
        Some(life) if Duration::from_secs(life) <= minimum => format!(
            "The tokens of rotation `{rotation}` live {life} s when they are new, and no `renew_before` changes that: ask for a \
             `minimum_lifetime` well below it, or have the system issue tokens that live longer."
        ),
        _ => format!(
            "Ask for less, or set `renew_before` of rotation `{rotation}` to more than {}, so that no token there ever has \
             less left. If it should have been replaced by now: {look}",
            seconds(minimum)
        ),
    }
}

/// Whole seconds, rounded up: never zero for something.
fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_millis().div_ceil(1000))
}
