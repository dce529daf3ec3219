use std::sync::Arc;

use chrono::TimeDelta;

use super::*;
use crate::observe::samples::{every_state, fail, fine, minutes, rotations, snapshot};
use crate::run::Reason as Why;
use crate::scheduler::{Held, HeldBy, Next, Stage};

fn shown(snapshot: &Snapshot, query: &str) -> String {
    page(snapshot, &Query::parse(query))
}

/// The names of the rotations on a page, in their order.
fn names(page: &str) -> Vec<&str> {
    page.split("<span class=\"name\">").skip(1).filter_map(|rest| rest.split('<').next()).collect()
}

#[test]
fn what_is_worst_for_readers_comes_first() {
    let page = shown(&every_state(), "");
    assert_eq!(
        names(&page),
        ["over", "missing", "at-risk", "held", "failing", "unread", "fine", "endless", "disabled"]
    );
    let headline = "8 rotations: 2 without a living token, 1 with readers at risk, 4 failing, 1 not read yet";
    assert!(page.contains(&format!("<title>{headline} · tokenferry</title>")), "{page}");
    assert!(page.contains("<section class=\"summary bad\""));
    assert!(page.contains("Not ready: of 1 of 9 rotations"));
}

#[test]
fn that_a_refresh_has_ended_a_token_is_told() {
    let mut snapshot = every_state();
    let row = snapshot.rows.iter_mut().find(|row| &*row.rotation.name == "missing").unwrap();
    row.ended_by_refresh = true;
    let page = shown(&snapshot, "");
    for text in
        ["Token ended", "<code>ended_by_refresh</code>: a refresh has ended the token", "not rotated since"]
    {
        assert!(page.contains(text), "{text} is missing in {page}");
    }
    assert!(!page.contains("never rotated") && !page.contains("No token"), "{page}");
}

#[test]
fn each_state_is_told_in_words() {
    let page = shown(&every_state(), "");
    let told = [
        "50 min left, 83\u{a0}%",
        "end unknown",
        "over for 1 min",
        "No token",
        "Disabled",
        "the system refused the user or the secret.",
        "Readers at risk",
        "Held back",
        "Not read yet",
        "under way",
        "before the token ends",
        "failed <time datetime=\"2027-01-15T07:58:00Z\">2 min ago</time>",
        "3 failures in a row; rotated",
        "never rotated",
        "<code>login_refused</code>",
        "The same login is not tried again for",
        "<code>vault_forbidden</code>",
        "Partly failing",
        "partly failed <time",
        "2 of 3 destinations lack the new token. <code>unreachable</code>",
        ">budget 44 min</span>",
        "<code>tokenferry policy</code> prints what is needed",
        "configuration read 1 h ago",
        "<tr><th scope=\"row\">zettelstore</th><td>12</td><td>6</td></tr>",
    ];
    for text in told {
        assert!(page.contains(text), "{text} is missing in {page}");
    }
}

#[test]
fn entries_that_another_one_writes_have_their_age() {
    let mut snapshot = every_state();
    assert!(!shown(&snapshot, "").contains("as they were read"), "who leads knows");
    snapshot.read_at = Some(minutes(-3));
    assert!(shown(&snapshot, "").contains("<p>Entries are shown as they were read at 07:57:00 UTC.</p>"));
}

#[test]
fn a_filter_shows_what_it_says_and_counts_what_it_would_show() {
    let snapshot = every_state();
    for (query, expected) in [
        ("state=risk", vec!["over", "missing", "at-risk"]),
        ("state=failing", vec!["missing", "at-risk", "held", "failing"]),
        ("state=held", vec!["held"]),
        ("state=unread", vec!["unread"]),
        ("state=fine", vec!["fine", "endless"]),
        ("state=disabled", vec!["disabled"]),
        ("q=FAIL", vec!["failing"]),
        ("q=zettel&state=held", vec!["held"]),
        ("q=nobody", vec![]),
    ] {
        let page = shown(&snapshot, query);
        assert_eq!(names(&page), expected, "{query}");
        assert!(page.contains("Failing <span class=\"count\">4</span>"));
    }
    assert!(shown(&snapshot, "q=nobody").contains("There is no such rotation."));
    let quiet = self::snapshot(rotations(&["only"]).into_iter().map(fine).collect());
    assert!(shown(&quiet, "state=held").contains("No rotation is in this state."));
}

#[test]
fn many_rotations_come_in_pages() {
    let names_of_all: Vec<String> = (0..250).map(|number| format!("r{number:03}")).collect();
    let names_of_all: Vec<&str> = names_of_all.iter().map(String::as_str).collect();
    let snapshot = snapshot(rotations(&names_of_all).into_iter().map(fine).collect());
    let sizes = |query| {
        let page = shown(&snapshot, query);
        (names(&page).len(), page.contains("← Previous"), page.contains("Next →"))
    };
    assert_eq!(sizes(""), (100, false, true));
    assert_eq!(sizes("page=2"), (100, true, true));
    assert_eq!(sizes("page=3"), (50, true, false));
    assert_eq!(sizes("page=999999999999"), (50, true, false));
    assert_eq!(sizes("q=r24"), (10, false, false));
    assert!(shown(&snapshot, "page=3").contains("201 to 250 of 250"));
    assert!(shown(&snapshot, "").contains("All 250 rotations are fine."));
}

#[test]
fn what_somebody_typed_is_never_markup() {
    let page = shown(&every_state(), "q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&state=%3Cb%3E");
    assert!(
        !page.contains("<script")
            && page.contains("value=\"&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;\"")
    );
    assert!(!page.contains("<b>"));
}

#[test]
fn it_refreshes_by_itself_unless_it_is_told_not_to() {
    let refresh = "<meta http-equiv=\"refresh\" content=\"30\">";
    let snapshot = every_state();
    assert!(shown(&snapshot, "").contains(refresh));
    let still = shown(&snapshot, "refresh=off&state=held");
    assert!(!still.contains(refresh) && still.contains("href=\"/?state=held\">refresh again</a>"));
}

#[test]
fn a_single_rotation_is_no_crowd() {
    let only = |row: Row| shown(&snapshot(vec![row]), "");
    let row = fine(Arc::clone(&rotations(&["only"])[0]));
    assert!(only(row.clone()).contains("The rotation is fine."));
    let mut failing = row.clone();
    fail(&mut failing, "unreachable", None);
    assert!(only(failing).contains("The rotation is failing."));
    assert!(only(Row { living: None, ..row }).contains("1 rotation, without a living token."));
}

#[test]
fn a_daemon_that_does_not_answer_is_told_of() {
    let page = without_answer(&Reason::stuck(std::time::Duration::from_secs(2)));
    assert!(page.contains("has not answered within 2 s") && page.ends_with("</html>\n"));
}

#[test]
fn what_waits_for_the_rate_of_its_source_is_told_with_its_time() {
    let mut snapshot = snapshot(rotations(&["first", "second"]).into_iter().map(fine).collect());
    let due = Next { at: snapshot.now, occurrence: snapshot.now, reason: Why::Schedule };
    snapshot.rows[1].stage = Stage::Planned(due);
    snapshot.rows[0].stage =
        Stage::Planned(Next { at: snapshot.now + chrono::TimeDelta::milliseconds(999), ..due });
    snapshot.rows[1].held = Some(Held { by: HeldBy::Rate, until: Some(minutes(2)) });
    let page = shown(&snapshot, "");
    assert!(
        page.contains("<time datetime=\"2027-01-15T08:02:00Z\" title=\"2027-01-15T08:02:00+00:00\">in 2 min</time> <span class=\"sub\">waits for the rate of its source<"),
        "{page}"
    );
    assert!(page.contains("<p>One rotation is due and waits for the rate of its source.</p>"));
    assert!(page.contains("<p>Next run now: first.</p>"));
}

#[test]
fn what_the_rate_of_its_source_will_hold_up_is_told_with_the_time_at_which_it_begins() {
    let mut snapshot = snapshot(rotations(&["only"]).into_iter().map(fine).collect());
    snapshot.rows[0].held = Some(Held { by: HeldBy::Rate, until: Some(minutes(40)) });
    let page = shown(&snapshot, "");
    assert!(
        page.contains("in 40 min</time> <span class=\"sub\">as the rate of its source lets it<"),
        "{page}"
    );
    assert!(
        page.contains("<p>Next run in 40 min: only.</p>") && !page.contains("is due and waits"),
        "{page}"
    );
}

#[test]
fn a_login_that_was_refused_to_another_rotation_is_told() {
    let mut snapshot = snapshot(rotations(&["only"]).into_iter().map(fine).collect());
    snapshot.rows[0].held = Some(Held { by: HeldBy::Breaker, until: Some(minutes(40)) });
    let told = "Its login was refused to another rotation, and is not sent for this one before 08:40 UTC.";
    assert!(shown(&snapshot, "").contains(told));
    snapshot.rows[0].held = Some(Held { by: HeldBy::Breaker, until: Some(minutes(45)) });
    let page = shown(&snapshot, "");
    assert!(
        page.contains("nothing is tried before 08:45 UTC unless the login is changed. Its login"),
        "{page}"
    );
}

#[test]
fn a_summary_is_never_green_while_there_is_something_to_be_told() {
    let mut snapshot = snapshot(rotations(&["only"]).into_iter().map(fine).collect());
    assert!(shown(&snapshot, "").contains("class=\"summary fine\""));
    snapshot.reload.successful = false;
    assert!(shown(&snapshot, "").contains("class=\"summary warn\""));
}

#[test]
fn what_comes_too_late_for_readers_is_told_whatever_holds_it_up() {
    let at_risk = |row: &Row| shown(&snapshot(vec![row.clone()]), "");
    let mut row = fine(Arc::clone(&rotations(&["only"])[0]));
    let from = "<strong>Readers may hold a dead token from <time datetime=\"2027-01-15T08:50:00Z\">08:50 UTC</time> on";
    fail(&mut row, "login_refused", Some(minutes(44)));
    row.held = Some(Held { by: HeldBy::Breaker, until: Some(minutes(44)) });
    assert!(!at_risk(&row).contains(from));
    row.held = Some(Held { by: HeldBy::Breaker, until: Some(minutes(45)) });
    let page = at_risk(&row);
    let why = "</strong>: nothing is tried before 08:45 UTC unless the login is changed. <code>login_refused";
    assert!(page.contains(from) && page.contains(why) && page.contains("class=\"summary bad\""), "{page}");
    assert!(!page.contains("is not tried again for"), "that is said already: {page}");

    row.held = Some(Held { by: HeldBy::Backoff, until: Some(minutes(1) - TimeDelta::seconds(1)) });
    Arc::make_mut(&mut row.rotation).reader_lag = std::time::Duration::from_hours(1);
    fail(&mut row, "unreachable", None);
    let page = at_risk(&row);
    assert!(page.contains(from) && !page.contains("nothing is tried before"), "soon it is: {page}");

    (row.held, row.failing) = (None, None);
    let page = at_risk(&row);
    let why = "even if a new one came now, the slowest notices it only within 1 h (<code>reader_lag</code>).";
    assert!(page.contains(from) && page.contains(why), "{page}");
}
