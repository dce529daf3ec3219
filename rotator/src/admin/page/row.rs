//! One rotation.

use std::time::Duration;

use chrono::TimeDelta;
use tokenferry_sources::{Timestamp, rfc3339};

use super::add;
use super::words::{hour, long, marked, moment};
use crate::meaning::{Meaning, meaning};
use crate::observe::{Row, State};
use crate::run::{Class, Living, Reason};
use crate::scheduler::{Held, HeldBy, Stage};

pub(super) fn row(page: &mut String, row: &Row, now: Timestamp) {
    let state = State::of(row, now);
    let (mood, sign, word) = look(row, state);
    let rotation = &row.rotation;
    add(
        page,
        format_args!(
            "<tr role=\"row\" class=\"{mood}\">\n<th role=\"rowheader\" scope=\"row\"><span class=\"name\">{}</span> \
             <span class=\"sub\">{}</span></th>\n\
             <td role=\"cell\" data-label=\"State\"><span class=\"state\"><span aria-hidden=\"true\">{sign}</span> \
             {word}</span></td>\n",
            rotation.name, rotation.source.name
        ),
    );
    cell(page, "Life left", &life(row, now));
    cell(page, "Last run", &last(row, now));
    cell(page, "Next run", &next(row, now));
    cell(page, "Trouble", &trouble(row, now));
    page.push_str("</tr>\n");
}

fn cell(page: &mut String, label: &str, content: &str) {
    let class = if content == NOTHING { " class=\"none\"" } else { "" };
    add(page, format_args!("<td role=\"cell\" data-label=\"{label}\"{class}>{content}</td>\n"));
}

/// Its colour, its sign, and what both mean.
fn look(row: &Row, state: State) -> (&'static str, &'static str, &'static str) {
    match state {
        State::Dead if row.ended_by_refresh => ("bad", "■", "Token ended"),
        State::Dead if row.living.is_none() => ("bad", "■", "No token"),
        State::Dead => ("bad", "■", "Token over"),
        State::AtRisk => ("bad", "▲", "Readers at risk"),
        State::Held => ("warn", "◆", "Held back"),
        State::Failing if row.runs.missed > 0 => ("warn", "▲", "Partly failing"),
        State::Failing => ("warn", "▲", "Failing"),
        State::Unread => ("quiet", "○", "Not read yet"),
        State::Fine => ("fine", "●", "Fine"),
        State::Disabled => ("quiet", "○", "Disabled"),
    }
}

/// What is left of the token's life, as a bar and in words.
fn life(row: &Row, now: Timestamp) -> String {
    let Some(living) = row.living else { return NOTHING.to_owned() };
    let Some(end) = living.expires_at else { return "end unknown".to_owned() };
    let title = {
        let (full, short) = (rfc3339(end), hour(end, now));
        format!("ends <time datetime=\"{full}\" title=\"{}\">{short}</time>", moment(end))
    };
    let Some(left) = span(end - now) else {
        return format!(
            "over for {} <span class=\"sub\">{title}</span>",
            long(span(now - end).unwrap_or_default())
        );
    };
    let mark = row.renewal().map_or(0, |renewal| share(living, end, end - renewal));
    let full = share(living, end, end - now);
    let late = if full < mark { " late" } else { "" };
    format!(
        "<svg class=\"bar{late}\" viewBox=\"0 0 100 6\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <rect class=\"gone\" width=\"100\" height=\"6\"/><rect class=\"left\" width=\"{full}\" height=\"6\"/>\
         <rect class=\"mark\" x=\"{mark}\" width=\"0.8\" height=\"6\"/></svg>\
         <span class=\"much\">{} left, {full}\u{a0}%</span> <span class=\"sub\">{title}{}</span>",
        long(left),
        budget(row, now)
    )
}

/// How much time there is for repairs.
fn budget(row: &Row, now: Timestamp) -> String {
    row.outage_budget(now).and_then(span).map_or_else(String::new, |budget| {
        format!(", <span class=\"budget\" title=\"{BUDGET}\">budget {}</span>", long(budget))
    })
}

/// In hundredths of the whole life.
fn share(living: Living, end: Timestamp, part: TimeDelta) -> i64 {
    let life = (end - living.issued_at).num_seconds().max(1);
    (part.num_seconds().saturating_mul(100) / life).clamp(0, 100)
}

fn last(row: &Row, now: Timestamp) -> String {
    let ago = |at: Timestamp| {
        format!("<time datetime=\"{}\">{} ago</time>", rfc3339(at), long(span(now - at).unwrap_or_default()))
    };
    let success = row.living.map(|living| ago(living.issued_at));
    match (&row.failing, success) {
        (None, None) => NOTHING.to_owned(),
        (None, Some(success)) => format!("rotated {success}"),
        (Some(failing), success) => {
            let count = match failing.count {
                0 | 1 => "first failure".to_owned(),
                count => format!("{count} failures in a row"),
            };
            let never = if row.ended_by_refresh { "not rotated since" } else { "never rotated" };
            let since = success.map_or_else(|| never.to_owned(), |at| format!("rotated {at}"));
            let failed = if row.runs.missed > 0 { "partly failed" } else { "failed" };
            format!("{failed} {} <span class=\"sub\">{count}; {since}</span>", ago(failing.at))
        }
    }
}

fn next(row: &Row, now: Timestamp) -> String {
    let next = match row.stage {
        Stage::InFlight => return "under way".to_owned(),
        Stage::Disabled | Stage::Unread => return NOTHING.to_owned(),
        Stage::Planned(next) => next,
    };
    let until = Held::begins(row.held, next.at);
    let wait = wait(until - now);
    let why = match (&row.failing, next.reason) {
        _ if row.waits_for_rate(now) => "waits for the rate of its source",
        _ if row.held.is_some_and(|held| held.by == HeldBy::Rate) => "as the rate of its source lets it",
        _ if row.held_with_others().is_some() => "or when the login is changed",
        (Some(failing), _) if failing.class.is_refused_login() => "or when the login is changed",
        (Some(_), _) => "another try",
        (None, Reason::Expiry) => "before the token ends",
        (None, Reason::Forced) => "asked for",
        (None, Reason::NoToken) => "there is no token",
        (None, Reason::Schedule) => "by schedule",
    };
    let local = row.rotation.schedule.local(until);
    format!(
        "<time datetime=\"{}\" title=\"{local}\">{wait}</time> <span class=\"sub\">{why}</span>",
        rfc3339(until)
    )
}

/// In how much time something comes.
pub(super) fn wait(delta: TimeDelta) -> String {
    span(delta).map_or_else(|| "now".to_owned(), |wait| format!("in {}", long(wait)))
}

fn trouble(row: &Row, now: Timestamp) -> String {
    let risk = ended(row).or_else(|| risk(row, now));
    let shared = row.held_with_others().map(|until| {
        let until = hour(until, now);
        format!("Its login was refused to another rotation, and is not sent for this one before {until}. ")
    });
    let risk = [risk, shared].into_iter().flatten().reduce(|all, more| all + &more);
    let Some(failing) = &row.failing else { return risk.unwrap_or_else(|| NOTHING.to_owned()) };
    let class = failing.class.name();
    let held = row.held_until(now).filter(|_| waits_long(row, now).is_none() || risk.is_none());
    let held = held.map_or_else(String::new, |until| {
        let wait = long(span(until - now).unwrap_or_default());
        let why = if failing.class.is_refused_login() {
            "The same login is not tried again for"
        } else {
            "It asked us to wait for"
        };
        format!(
            " <span class=\"held\">{why} <time datetime=\"{}\" title=\"until {}\">{wait}</time>.</span>",
            rfc3339(until),
            moment(until)
        )
    });
    let meaning = meaning(class);
    let (means, advice) = (marked(meaning.means), marked(meaning.advice));
    let (risk, missed) = (risk.unwrap_or_default(), missed(row));
    format!("{risk}{missed}<code>{class}</code>: {means}. <span class=\"sub\">{advice}{held}</span>")
}

/// Why a token that lived long enough is dead.
fn ended(row: &Row) -> Option<String> {
    let Meaning { means, advice } = meaning(Class::ENDED_BY_REFRESH.name());
    let class = Class::ENDED_BY_REFRESH;
    let told =
        || format!("<code>{class}</code>: {}. <span class=\"sub\">{}</span> ", marked(means), marked(advice));
    row.ended_by_refresh.then(told)
}

/// What a new token comes too late for.
fn risk(row: &Row, now: Timestamp) -> Option<String> {
    let end = row.end().filter(|_| State::of(row, now) == State::AtRisk)?;
    let why = match (row.held.and_then(|held| held.until), waits_long(row, now)) {
        (_, Some(until)) => {
            let is_refused = row.held.is_some_and(|held| held.by == HeldBy::Breaker);
            let unless = if is_refused { " unless the login is changed" } else { "" };
            format!(": nothing is tried before {}{unless}", hour(until, now))
        }
        (Some(_), None) => String::new(),
        (None, None) => format!(
            ": even if a new one came now, the slowest notices it only within {} (<code>reader_lag</code>)",
            long(row.rotation.reader_lag)
        ),
    };
    Some(format!(
        "<strong>Readers may hold a dead token from <time datetime=\"{}\">{}</time> on</strong>{why}. ",
        rfc3339(end),
        hour(end, now)
    ))
}

/// Until when nothing is tried, if that is not soon.
fn waits_long(row: &Row, now: Timestamp) -> Option<Timestamp> {
    row.held?.until.filter(|until| *until - now >= TimeDelta::minutes(1))
}

/// Where a part of the readers got the new token.
fn missed(row: &Row) -> String {
    match (row.runs.missed, row.rotation.destinations.len()) {
        (0, _) => String::new(),
        (1, all) => format!("1 of {all} destinations lacks the new token. "),
        (missed, all) => format!("{missed} of {all} destinations lack the new token. "),
    }
}

/// A time that is to come, if it is a second or more.
fn span(delta: TimeDelta) -> Option<Duration> {
    delta.to_std().ok().filter(|span| span.as_secs() > 0)
}

const BUDGET: &str = "source and Vault may be away for so long before a reader holds a dead token";
const NOTHING: &str = "–";
