//! The answer for people, as a colleague would give it who has looked into everything.

use std::fmt;
use std::time::Duration;

use chrono::TimeDelta;
use tokenferry_sources::Timestamp;
use tokenferry_vault::VaultError;

use super::Facts;
use super::asked::Asked;
use crate::meaning::{Meaning, meaning};
use crate::proof::human;
use crate::rotation::Destination;
use crate::run::Reason;
use crate::runner::{Detail, Objection};
use crate::scheduler::{HeldBy, Lift, Next, Obstacle, Reckoning};

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(asked) = Asked::of(self) {
            writeln!(f, "{}\n", asked.explanation)?;
        }
        writeln!(f, "{}\n", headline(self))?;
        for (label, lines) in self.sections() {
            for (index, line) in lines.iter().enumerate() {
                writeln!(f, "{:<LABEL$}{line}", if index == 0 { label } else { "" })?;
            }
        }
        Ok(())
    }
}

/// One sentence about the next run.
pub(super) fn headline(facts: &Facts) -> String {
    let name = &facts.rotation.name;
    match facts.held.map(|held| (held.by, held.until)) {
        Some((HeldBy::Disabled, _)) => {
            return format!("{name} is not run: its configuration says `enabled = false`.");
        }
        Some((HeldBy::Rate, until)) => {
            let until = until.map_or_else(String::new, |until| format!(", probably {}", facts.when(until)));
            let is = if facts.is_due() { "is due, and waits" } else { "will have to wait" };
            return format!("{name} {is} until the `rate` of its source lets it run{until}.");
        }
        Some((HeldBy::Breaker, Some(until))) if facts.obstacle().is_none() => {
            let until = facts.when(until);
            return format!(
                "{name} waits: its login was refused to another rotation, and unless somebody changes it, the next \
                 try is {until}."
            );
        }
        _ => {}
    }
    if let Some(Objection { what, .. }) = facts.found.barrier() {
        return format!("{name} cannot be rotated: {what}.");
    }
    if let Some(hindrance) = facts.found.hindrance().filter(|_| facts.is_backing_off()) {
        let next = facts.reckoning.as_ref().and_then(|reckoning| reckoning.next);
        let latest = next.filter(|next| next.at > facts.now);
        let latest = latest.map_or_else(String::new, |next| {
            format!(", with its next run {} at the latest", facts.when(next.at))
        });
        return format!(
            "{name} waits after a failure at one of its destinations, which is tried again{latest}: {hindrance}."
        );
    }
    let Some(next) = facts.reckoning.as_ref().and_then(|reckoning| reckoning.next) else {
        return match (&facts.found.error, &facts.reckoning) {
            (Some(_), _) => format!("{name}: nobody knows what is due, since Vault could not be read."),
            (None, Some(reckoning)) => {
                let tick = facts.when(reckoning.tick.at);
                format!("{name}: nobody looked into Vault; by its schedule alone it runs next {tick}.")
            }
            (None, None) => format!("{name}: no run is planned."),
        };
    };
    let why = facts.why(&next);
    match facts.obstacle() {
        Some(_) if next.at > facts.now => {
            format!("{name} waits after a failure: it is tried again {}.", facts.when(next.at))
        }
        _ if next.at <= facts.now => format!("{name} is due now: {why}."),
        _ => format!("{name} runs next {}: {why}.", facts.when(next.at)),
    }
}

/// What decided about the next run.
pub(super) fn decided_by(facts: &Facts) -> &'static str {
    let Some(reckoning) = &facts.reckoning else { return "nothing" };
    match reckoning.next {
        _ if facts.found.barrier().is_some() => "destination",
        None => "nothing",
        Some(next) if facts.obstacle().is_some() && next.at > facts.now => "failure",
        Some(_) if facts.is_backing_off() || facts.waits_for(HeldBy::Breaker) => "failure",
        Some(next) => next.reason.name(),
    }
}

impl Facts {
    fn sections(&self) -> Vec<(&'static str, Vec<String>)> {
        let mut sections = vec![("token", self.tokens()), ("schedule", self.schedule())];
        if let Some(reckoning) = &self.reckoning {
            sections.push(("expiry", vec![self.expiry(reckoning)]));
            sections.extend(self.decision(reckoning).map(|decision| ("so", vec![decision])));
            let failure = reckoning.obstacle.as_ref().map(|obstacle| self.failure(obstacle));
            sections.extend(failure.map(|failure| ("failure", failure)));
        }
        sections.push(("readers", vec![self.readers()]));
        sections.push(("proof", self.proof.to_string().lines().map(str::to_owned).collect()));
        sections.push(("outage", vec![self.outage()]));
        sections
    }

    fn tokens(&self) -> Vec<String> {
        if self.found.standing.is_none() {
            return vec!["unknown: nobody looked into Vault, or it could not be read".to_owned()];
        }
        let told = |(at, detail): &(Destination, Result<Detail, VaultError>)| match detail {
            Ok(Detail { objection: Some(Objection { what, advice, .. }), .. }) => {
                vec![what.clone(), format!("  {advice}")]
            }
            Ok(detail) => self.token(at, detail),
            Err(error) => vec![error.to_string(), format!("  {}", error.advice())],
        };
        self.found.details.iter().flat_map(told).collect()
    }

    fn token(&self, at: &Destination, detail: &Detail) -> Vec<String> {
        let Some(living) = detail.living else { return vec![format!("{at}: none of this rotation")] };
        let issued = self.when(living.issued_at);
        let mut lines = vec![format!("{at}: version {}, issued {issued}", living.version)];
        lines.push(match detail.ended_at.or(living.expires_at) {
            Some(end) if detail.ended_at.is_some() => {
                format!("  a refresh ended it {}, or may have: it is dead", self.when(end))
            }
            Some(end) if end > self.now => {
                let (left, life) = (length(end - self.now), length(end - living.issued_at));
                format!("  ends {}: {left} of {life} are left", self.when(end))
            }
            Some(end) => format!("  ended {}: it is dead", self.when(end)),
            None => "  nobody knows when it ends".to_owned(),
        });
        if let Some(origin) = &detail.origin {
            let planned = self.rotation.schedule.local(origin.occurrence);
            lines.push(format!("  serial {}, for the run of {planned}, by {}", origin.serial, origin.writer));
        }
        lines
    }

    fn schedule(&self) -> Vec<String> {
        let schedule = &self.rotation.schedule;
        let name = format!("`{}` in {}", schedule.expression(), schedule.time_zone());
        let Some(Reckoning { tick, offset, .. }) = &self.reckoning else { return vec![name] };
        let when = self.when(tick.occurrence);
        let next = if tick.occurrence > self.now {
            format!("next {when}")
        } else {
            format!("{when} has not been done")
        };
        if offset.is_zero() {
            return vec![format!("{name}: {next}")];
        }
        let (offset, spread) = (seconds(*offset), seconds(self.rotation.spread));
        vec![format!("{name}: {next}; begins {offset} later, its place within `spread = \"{spread}\"`")]
    }

    fn expiry(&self, reckoning: &Reckoning) -> String {
        if self.found.standing.is_none() {
            return "unknown, as the token is".to_owned();
        }
        let Some(renewal) = reckoning.renewal else {
            let unknown = "nobody knows when the token ends, so its schedule alone decides; `ttl` in its source \
                           would say so";
            let none = "there is no token whose end could demand a run";
            return if reckoning.living.is_some() { unknown } else { none }.to_owned();
        };
        let (written, before, life) =
            (self.rotation.renew_before, seconds(renewal.renew_before), seconds(renewal.life));
        let due = format!(
            "`renew_before = \"{written}\"` is {before} of {life}: {}",
            self.when(renewal.next.occurrence)
        );
        if renewal.offset.is_zero() {
            return due;
        }
        format!("{due}; begins {} earlier, as `spread` wants it", seconds(renewal.offset))
    }

    fn decision(&self, reckoning: &Reckoning) -> Option<String> {
        let (next, renewal) = (reckoning.next?, reckoning.renewal?);
        let (tick, renewal) = (reckoning.tick.at, renewal.next.at);
        let (first, ahead) = if renewal < tick {
            ("the token's end", tick - renewal)
        } else {
            ("the schedule", renewal - tick)
        };
        let ahead = length(ahead);
        Some(match self.obstacle() {
            Some(_) => format!("{first} comes first, by {ahead}, were it not for the failure"),
            None if next.at <= self.now => format!("{first} comes first, by {ahead}: the next run is due"),
            None => {
                let begins = self.rotation.schedule.local(next.at);
                format!("{first} comes first, by {ahead}: the next run begins {begins}")
            }
        })
    }

    fn failure(&self, obstacle: &Obstacle) -> Vec<String> {
        let Obstacle { class, at, count, until, lift, force_helps } = obstacle;
        let Meaning { means, advice } = meaning(class.name());
        let mut lines = vec![
            format!("{count} in a row, the last {}", self.when(*at)),
            format!("{class}: {means}"),
            advice.to_owned(),
        ];
        if *until <= self.now {
            let past = self.found.standing.as_ref().and_then(|standing| standing.failure.as_ref());
            let changed = past.is_some_and(|past| past.login_changed);
            let why = if changed { "the login was changed since: " } else { "" };
            lines.push(format!("{why}nothing stands in the way of another try"));
            return lines;
        }
        lines.push(match lift {
            Lift::Asked => {
                format!("the other side asked to wait until then: tried again {}", self.when(*until))
            }
            Lift::Change => format!(
                "a changed secret is tried at once; as long as nothing changes, the next try is {}",
                self.when(*until)
            ),
            Lift::Time => format!("tried again {}, by itself", self.when(*until)),
        });
        let name = &self.rotation.name;
        lines.push(if *force_helps {
            format!("`tokenferry once --force {name}` tries at once")
        } else {
            "`once --force` does not lift this".to_owned()
        });
        lines
    }

    fn readers(&self) -> String {
        let lag = seconds(self.rotation.reader_lag);
        match self.rotation.reader {
            Some(reader) => format!("{} notices a new token within {lag}: {}", reader.name, reader.why),
            None => format!("the slowest notices a new token within {lag} (`reader_lag`)"),
        }
    }

    fn outage(&self) -> String {
        let asked = self.rotation.survive_outage;
        let wanted = if asked.is_zero() {
            String::new()
        } else {
            format!(" (`survive_outage` wants {} at the worst moment)", seconds(asked))
        };
        match self.budget {
            Some(budget) if budget > TimeDelta::zero() => {
                format!("source and Vault may be away for {} from now on{wanted}", length(budget))
            }
            Some(_) => format!("{}{wanted}", self.risk()),
            None if self.found.standing.as_ref().is_some_and(|standing| standing.living.is_none()) => {
                "readers have no living token now".to_owned()
            }
            None => format!("nobody knows how long source and Vault may be away{wanted}"),
        }
    }

    /// What a new token comes too late for.
    fn risk(&self) -> String {
        let end = self.reckoning.as_ref().and_then(|reckoning| reckoning.living?.expires_at);
        let from = end.map_or_else(String::new, |end| format!(" from its end {} on", self.when(end)));
        let held = self.held.and_then(|held| held.until).filter(|until| *until > self.now);
        let why = match (held, self.obstacle().map(|obstacle| obstacle.lift)) {
            (Some(until), lift) if lift == Some(Lift::Change) || self.waits_for(HeldBy::Breaker) => {
                format!("unless somebody changes something, nothing is tried before {}", self.moment(until))
            }
            (Some(until), _) => format!("nothing is tried before {}", self.moment(until)),
            (None, _) => "even if a new one came now, the slowest might notice it too late".to_owned(),
        };
        format!("readers may hold a dead token{from}: {why}")
    }

    /// Whether there is a token, and it is over.
    fn is_dead(&self) -> bool {
        let living = self.reckoning.as_ref().and_then(|reckoning| reckoning.living);
        living.and_then(|living| living.expires_at).is_some_and(|end| end <= self.now)
    }

    fn is_due(&self) -> bool {
        let next = self.reckoning.as_ref().and_then(|reckoning| reckoning.next);
        next.is_some_and(|next| next.at <= self.now)
    }

    fn waits_for(&self, by: HeldBy) -> bool {
        self.held.is_some_and(|held| held.by == by)
    }

    /// Whether something is tried again, and nobody but the process that does so knows when.
    fn is_backing_off(&self) -> bool {
        self.waits_for(HeldBy::Backoff) && self.held.is_some_and(|held| held.until.is_none())
    }

    /// The failure that stands in the way now.
    fn obstacle(&self) -> Option<&Obstacle> {
        let obstacle = self.reckoning.as_ref()?.obstacle.as_ref()?;
        Some(obstacle).filter(|obstacle| obstacle.until > self.now)
    }

    /// Why a run is due, or will be.
    pub(super) fn why(&self, next: &Next) -> String {
        match next.reason {
            _ if self.is_dead() => "readers hold a dead token".to_owned(),
            Reason::Expiry => "its token nears its end".to_owned(),
            Reason::Forced => "somebody asked for it".to_owned(),
            Reason::NoToken => "readers have no living token".to_owned(),
            Reason::Schedule if next.at <= self.now => {
                format!("its schedule's time {} has not been done yet", self.when(next.occurrence))
            }
            Reason::Schedule => "its schedule says so".to_owned(),
        }
    }

    /// A point in time on the rotation's clocks.
    fn moment(&self, time: Timestamp) -> String {
        self.rotation.schedule.local(time)
    }

    /// A point in time on the rotation's clocks, and how far it is from now.
    pub(super) fn when(&self, time: Timestamp) -> String {
        let local = self.rotation.schedule.local(time);
        match (time - self.now).num_seconds() {
            0 => format!("at {local} (now)"),
            1.. => format!("at {local} (in {})", length(time - self.now)),
            _ => format!("at {local} ({} ago)", length(self.now - time)),
        }
    }
}

/// A length of time in whole seconds; a long one in days and hours.
pub(super) fn length(delta: TimeDelta) -> String {
    match (delta.num_days(), delta.num_hours() % 24) {
        (..2, _) => seconds(delta.to_std().unwrap_or_default()),
        (days, 0) => format!("{days}d"),
        (days, hours) => format!("{days}d{hours}h"),
    }
}

fn seconds(duration: Duration) -> String {
    human(Duration::from_secs(duration.as_secs()))
}

/// How wide the labels are.
const LABEL: usize = 10;
