//! The status page: made on the server, without a script, for eyes and screen readers, in the dark and on a phone.

mod notices;
mod query;
mod replicas;
mod row;
mod systems;
mod words;

use std::fmt::Write as _;

use tokenferry_sources::rfc3339;

pub(super) use self::query::Query;
use self::query::{Filter, PAGE};
use self::words::{escaped, hour, long, moment};
use super::health::Reason;
use crate::dispatch::Role;
use crate::observe::{Row, Snapshot, State};

pub(super) const ICON: &str = include_str!("icon.svg");
pub(super) const STYLE: &str = include_str!("style.css");

/// The page, as far as the query asks for it.
pub(super) fn page(snapshot: &Snapshot, query: &Query) -> String {
    let sorted = sorted(snapshot);
    let shown: Vec<&Row> =
        sorted.iter().filter(|(row, state)| query.wants(row, *state)).map(|(row, _)| *row).collect();
    let mut page = String::with_capacity(64 * 1024);
    let (headline, mood) = headline(&sorted);
    head(&mut page, &headline, query.refreshes.then_some(REFRESH));
    top(&mut page, snapshot, query);
    summary(&mut page, snapshot, &headline, mood);
    filters(&mut page, &sorted, query);
    table(&mut page, snapshot, &shown, query);
    replicas::tables(&mut page, snapshot);
    systems::table(&mut page, snapshot);
    page.push_str(FOOT);
    page
}

/// What there is to see while the daemon does not answer.
pub(super) fn without_answer(reason: &Reason) -> String {
    let mut page = String::new();
    head(&mut page, "no answer", Some(REFRESH));
    add(&mut page, format_args!("<header><h1>tokenferry</h1></header>\n<main>\n"));
    let text = escaped(&reason.text);
    add(
        &mut page,
        format_args!(
            "<section class=\"summary bad\" aria-label=\"Summary\">\n<p class=\"headline\">Nothing can be told at the \
             moment: {text}.</p>\n</section>\n"
        ),
    );
    page.push_str(FOOT);
    page
}

/// What is worst for readers comes first; among equals, whose token ends first.
fn sorted(snapshot: &Snapshot) -> Vec<(&Row, State)> {
    let mut rows: Vec<_> = snapshot.rows.iter().map(|row| (row, State::of(row, snapshot.now))).collect();
    rows.sort_by_key(|(row, state)| (*state, row.end().is_none(), row.end()));
    rows
}

fn count(sorted: &[(&Row, State)], is_so: impl Fn(&Row, State) -> bool) -> usize {
    sorted.iter().filter(|(row, state)| is_so(row, *state)).count()
}

/// The matter in one sentence, and how bad it is.
fn headline(sorted: &[(&Row, State)]) -> (String, &'static str) {
    let of = |state| count(sorted, |_, found| found == state);
    // What is not run is nobody's trouble.
    let all = sorted.len() - of(State::Disabled);
    let parts = [
        (of(State::Dead), "without a living token"),
        (of(State::AtRisk), "with readers at risk"),
        (count(sorted, |row, _| row.failing.is_some()), "failing"),
        (of(State::Unread), "not read yet"),
    ];
    let trouble: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    let mood = match State::ALL.into_iter().find(|state| of(*state) > 0) {
        Some(State::Dead | State::AtRisk) => "bad",
        Some(State::Disabled | State::Fine) | None => "fine",
        Some(_) => "warn",
    };
    match (trouble.as_slice(), all) {
        ([], 1) => ("The rotation is fine".to_owned(), mood),
        ([], _) => (format!("All {all} rotations are fine"), mood),
        (_, 1) if trouble == ["1 failing"] => ("The rotation is failing".to_owned(), mood),
        (_, 1) => (format!("1 rotation, {}", trouble.join(", ").trim_start_matches("1 ")), mood),
        _ => (format!("{all} rotations: {}", trouble.join(", ")), mood),
    }
}

fn head(page: &mut String, title: &str, refresh: Option<u32>) {
    let refresh = refresh
        .map_or_else(String::new, |secs| format!("<meta http-equiv=\"refresh\" content=\"{secs}\">\n"));
    add(
        page,
        format_args!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{} · tokenferry</title>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"robots\" content=\"noindex\">\n{refresh}\
             <link rel=\"icon\" href=\"/icon.svg\" type=\"image/svg+xml\">\n\
             <link rel=\"stylesheet\" href=\"/style.css\">\n</head>\n<body>\n",
            escaped(title)
        ),
    );
}

fn top(page: &mut String, snapshot: &Snapshot, query: &Query) {
    let (refreshes, link) = if query.refreshes {
        (format!("refreshed every {REFRESH} s"), format!("<a href=\"{}\">pause</a>", query.refreshing(false)))
    } else {
        ("not refreshed".to_owned(), format!("<a href=\"{}\">refresh again</a>", query.refreshing(true)))
    };
    add(
        page,
        format_args!(
            "<header>\n<h1><img src=\"/icon.svg\" alt=\"\" width=\"28\" height=\"28\">tokenferry</h1>\n\
             <p class=\"meta\">Version {} · configuration read {} ago · as of <time datetime=\"{}\">{}</time> · {refreshes}, {link}</p>\n</header>\n\
             <main>\n",
            env!("CARGO_PKG_VERSION"),
            long((snapshot.now - snapshot.reload.at).to_std().unwrap_or_default()),
            rfc3339(snapshot.now),
            moment(snapshot.now),
        ),
    );
}

fn summary(page: &mut String, snapshot: &Snapshot, headline: &str, mood: &str) {
    let notices = notices::notices(snapshot);
    let mood = if mood == "fine" && !notices.is_empty() { "warn" } else { mood };
    add(
        page,
        format_args!(
            "<section class=\"summary {mood}\" aria-label=\"Summary\">\n<p class=\"headline\">{headline}.</p>\n"
        ),
    );
    for notice in notices {
        add(page, format_args!("<p>{notice}</p>\n"));
    }
    if let Some(at) = snapshot.read_at {
        let at = hour(at, snapshot.now);
        add(page, format_args!("<p>Entries are shown as they were read at {at}.</p>\n"));
    }
    let is_free = |row: &&Row| !row.waits_for_rate(snapshot.now);
    let next =
        snapshot.rows.iter().filter(is_free).filter_map(|row| Some((row.begins()?, &row.rotation.name)));
    match (snapshot.running, next.min()) {
        // Whoever leads knows, and the others look again when it should be over.
        (0, Some(_)) if snapshot.health.role != Role::Leading => {}
        (0, Some((at, name))) => {
            let wait = row::wait(at - snapshot.now);
            add(page, format_args!("<p>Next run {wait}: {name}.</p>\n"));
        }
        (0, None) => {}
        (1, _) => page.push_str("<p>One run is under way.</p>\n"),
        (running, _) => add(page, format_args!("<p>{running} runs are under way.</p>\n")),
    }
    match snapshot.rows.iter().filter(|row| row.waits_for_rate(snapshot.now)).count() {
        0 => {}
        1 => page.push_str("<p>One rotation is due and waits for the rate of its source.</p>\n"),
        waiting => {
            let text = "rotations are due and wait for the rate of their sources.";
            add(page, format_args!("<p>{waiting} {text}</p>\n"));
        }
    }
    page.push_str("</section>\n");
}

fn filters(page: &mut String, sorted: &[(&Row, State)], query: &Query) {
    page.push_str("<div class=\"tools\">\n<nav aria-label=\"Which rotations\">\n<ul class=\"filters\">\n");
    for filter in Filter::ALL {
        let count = count(sorted, |row, state| filter.lets_through(row, state));
        // Most configurations have none of these.
        if count == 0 && matches!(filter, Filter::Disabled | Filter::Unread) && query.filter != filter {
            continue;
        }
        let current = if query.filter == filter { " aria-current=\"page\"" } else { "" };
        add(
            page,
            format_args!(
                "<li><a href=\"{}\"{current}>{} <span class=\"count\">{count}</span></a></li>\n",
                query.filtered(filter),
                filter.title()
            ),
        );
    }
    page.push_str("</ul>\n</nav>\n");
    add(
        page,
        format_args!(
            "<form method=\"get\" action=\"/\" role=\"search\">\n{}<label for=\"q\">Name</label>\n\
             <input id=\"q\" name=\"q\" type=\"search\" value=\"{}\" maxlength=\"100\" autocomplete=\"off\">\n\
             <button>Find</button>\n</form>\n</div>\n",
            query.hidden(),
            escaped(&query.name)
        ),
    );
}

fn table(page: &mut String, snapshot: &Snapshot, shown: &[&Row], query: &Query) {
    let pages = shown.len().div_ceil(PAGE).max(1);
    let number = query.page.min(pages);
    let first = (number - 1) * PAGE;
    if shown.is_empty() {
        let text = if query.name.is_empty() {
            "No rotation is in this state."
        } else {
            "There is no such rotation."
        };
        add(page, format_args!("<p class=\"empty\">{text}</p>\n"));
        return;
    }
    page.push_str(TABLE);
    for row in shown.iter().skip(first).take(PAGE) {
        row::row(page, row, snapshot.now);
    }
    page.push_str("</tbody>\n</table>\n");
    let last = (first + PAGE).min(shown.len());
    if pages > 1 {
        let link = |number: usize, text: &str, wanted: bool| {
            if wanted { format!("<a href=\"{}\">{text}</a>", query.at_page(number)) } else { String::new() }
        };
        add(
            page,
            format_args!(
                "<nav class=\"pages\" aria-label=\"Pages\">{}<span>{} to {last} of {}</span>{}</nav>\n",
                link(number - 1, "← Previous", number > 1),
                first + 1,
                shown.len(),
                link(number + 1, "Next →", number < pages)
            ),
        );
    }
}

/// A string takes whatever is written to it.
fn add(page: &mut String, what: std::fmt::Arguments<'_>) {
    page.write_fmt(what).unwrap_or_default();
}

/// Seconds between two looks.
const REFRESH: u32 = 30;
/// Roles are written out because on a narrow screen the style shows rows as cards, which would end a table's meaning.
const TABLE: &str = "<table role=\"table\">\n<caption>Rotations, the most urgent first</caption>\n\
    <thead role=\"rowgroup\"><tr role=\"row\"><th role=\"columnheader\" scope=\"col\">Rotation</th>\
    <th role=\"columnheader\" scope=\"col\">State</th><th role=\"columnheader\" scope=\"col\">Life left</th>\
    <th role=\"columnheader\" scope=\"col\">Last run</th><th role=\"columnheader\" scope=\"col\">Next run</th>\
    <th role=\"columnheader\" scope=\"col\">Trouble</th></tr></thead>\n<tbody role=\"rowgroup\">\n";
const FOOT: &str = "</main>\n<footer>\n<p>Nothing can be changed or started here. For machines: <a href=\"/metrics\">metrics</a>, \
    <a href=\"/readyz\">readiness</a>, <a href=\"/healthz\">health</a>.</p>\n</footer>\n</body>\n</html>\n";

#[cfg(test)]
mod tests;
