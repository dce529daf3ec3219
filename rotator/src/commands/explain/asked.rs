//! The answer about one moment.

use serde::Serialize;
use tokenferry_sources::rfc3339;

use super::Facts;
use super::answer::Run;
use super::text::length;
use crate::explain::{Clock, Forecast, Moment, Verdict};
use crate::scheduler::Next;

/// What is to be said about the moment that was asked about.
#[derive(Serialize)]
pub(super) struct Asked {
    at: String,
    local: String,
    /// How the clocks show it: plain, skipped or twice.
    clock: &'static str,
    /// The times of the schedule around it, and that within its minute.
    previous_tick: Option<String>,
    tick: Option<String>,
    next_tick: Option<String>,
    verdict: &'static str,
    due: Option<Run>,
    version: Option<u64>,
    written_at: Option<String>,
    pub(super) explanation: String,
}

impl Asked {
    /// `None` if nobody asked.
    pub(super) fn of(facts: &Facts) -> Option<Self> {
        let (moment, verdict) = facts.asked.as_ref()?;
        let schedule = &facts.rotation.schedule;
        let tick = schedule.last_until(moment.at + MINUTE - SECOND).filter(|tick| *tick >= moment.at);
        let written = verdict.written();
        Some(Asked {
            at: rfc3339(moment.at),
            local: schedule.local(moment.at),
            clock: moment.clock.name(),
            previous_tick: schedule.last_until(moment.at - SECOND).map(rfc3339),
            tick: tick.map(rfc3339),
            next_tick: schedule.next_after(tick.unwrap_or(moment.at)).map(rfc3339),
            verdict: verdict.name(),
            due: verdict.due().map(|next| Run::new(&next, schedule, facts.now)),
            version: written.map(|written| written.version),
            written_at: written.map(|written| rfc3339(written.at)),
            explanation: explanation(facts, moment, verdict),
        })
    }
}

fn explanation(facts: &Facts, moment: &Moment, verdict: &Verdict) -> String {
    let (name, local) = (&facts.rotation.name, facts.rotation.schedule.local(moment.at));
    let mut text = format!("{name} at {local}: {}.", in_words(facts, verdict));
    if let Some(remark) = on_clock(facts, moment) {
        text += &format!("\n{remark}.");
    }
    text
}

fn in_words(facts: &Facts, verdict: &Verdict) -> String {
    let when = |time| facts.when(time);
    match verdict {
        Verdict::Forgotten { oldest: Some(first) } if first.version == 1 => {
            format!("there was no token yet; the first was written {}", when(first.at))
        }
        Verdict::Forgotten { oldest: Some(oldest) } => {
            format!(
                "nobody remembers; the oldest version that Vault knows, {}, was written {}",
                oldest.version,
                when(oldest.at)
            )
        }
        Verdict::Forgotten { oldest: None } => {
            "nobody remembers; Vault knows no version of its entry".to_owned()
        }
        Verdict::JustDone { written } => {
            format!("it had just been done; version {} was written {}", written.version, when(written.at))
        }
        Verdict::Late { due, written } => format!(
            "it was due {}, {}, and came late; version {} was written {}, {} after that. However many times are \
             missed, one run catches up",
            when(due.at),
            reason(due),
            written.version,
            when(written.at),
            length(written.at - due.at)
        ),
        Verdict::NotDue { since, next } => format!(
            "nothing was due; version {} had been written {}, and the next run was planned {}, {}",
            since.version,
            when(since.at),
            when(next.at),
            reason(next)
        ),
        Verdict::Overdue { due } => format!(
            "it was due {}, {}, and has not been done since; {}",
            when(due.at),
            reason(due),
            hindrance(facts)
        ),
        Verdict::Ran { due: Some(due), written } => {
            format!("it ran, {}; version {} was written {}", reason(due), written.version, when(written.at))
        }
        Verdict::Ran { due: None, written } if written.version == 1 => {
            format!("it ran, since there was no token yet; version 1 was written {}", when(written.at))
        }
        Verdict::Ran { due: None, written } => format!(
            "it ran though nothing was due, so somebody asked for it or there was no token; version {} was written {}",
            written.version,
            when(written.at)
        ),
        Verdict::TooFar => "nobody can tell: there are too many runs between now and then".to_owned(),
        Verdict::WillNotRun(forecast) => will_not_run(facts, forecast),
        Verdict::WillRun { next } => {
            format!("it will run, {}, and begin {}{}", reason(next), when(next.at), provided(facts))
        }
    }
}

fn will_not_run(facts: &Facts, forecast: &Forecast) -> String {
    let before = forecast
        .before
        .map(|next| format!("; the run before begins {}, {}", facts.when(next.at), reason(&next)));
    let after = forecast
        .after
        .map(|next| format!("; the next one after it begins {}, {}", facts.when(next.at), reason(&next)));
    format!("it will not run{}{}{}", before.unwrap_or_default(), after.unwrap_or_default(), provided(facts))
}

/// What a look into the future takes for granted.
fn provided(facts: &Facts) -> &'static str {
    match facts.found.standing {
        Some(_) => ", if every login until then succeeds",
        None => ", by its schedule alone",
    }
}

fn hindrance(facts: &Facts) -> String {
    match facts.reckoning.as_ref().and_then(|reckoning| reckoning.obstacle.as_ref()) {
        Some(obstacle) => format!(
            "it failed {} in a row, the last {} ({})",
            times(obstacle.count),
            facts.when(obstacle.at),
            obstacle.class
        ),
        None => "no failure is noted, so look whether `tokenferry run` was running then".to_owned(),
    }
}

fn times(count: u32) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

fn reason(next: &Next) -> &'static str {
    match next.reason.name() {
        "expiry" => "by the token's end",
        "forced" => "because somebody asked for it",
        "no_token" => "because there was no living token",
        _ => "by its schedule",
    }
}

fn on_clock(facts: &Facts, moment: &Moment) -> Option<String> {
    let schedule = &facts.rotation.schedule;
    let zone = schedule.time_zone();
    let fires = |at| schedule.next_after(at - SECOND) == Some(at);
    match moment.clock {
        Clock::Plain => None,
        Clock::Skipped { wall } => {
            let instant = schedule.local(moment.at);
            let what =
                if fires(moment.at) { "its schedule fires then" } else { "its schedule does not fire then" };
            let wall = wall.format("%H:%M");
            Some(format!("{wall} does not exist on that day in {zone}: clocks jump to {instant}, and {what}"))
        }
        Clock::Twice { first, second } => {
            let what = match (fires(first), fires(second)) {
                (true, true) => "its schedule follows real time and fires at both",
                (true, false) => "its schedule fires at the first only",
                (false, true) => "its schedule fires at the second only",
                (false, false) => "its schedule fires at neither",
            };
            Some(format!(
                "Clocks in {zone} show this twice, at {} and at {}: {what}",
                schedule.local(first),
                schedule.local(second)
            ))
        }
    }
}

const MINUTE: chrono::TimeDelta = chrono::TimeDelta::minutes(1);
const SECOND: chrono::TimeDelta = chrono::TimeDelta::seconds(1);
