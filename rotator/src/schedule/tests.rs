use std::sync::Arc;

use chrono::{Months, TimeDelta};
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn refusal(expression: &str) -> String {
    Schedule::parse(expression, "UTC").unwrap_err().to_string()
}

#[test]
fn equal_schedules_share_one_copy_and_others_do_not() {
    let one = Schedule::parse("17 3 * * *", "Europe/Berlin").unwrap();
    let same = Schedule::parse(" 17 3 * * * ", "Europe/Berlin").unwrap();
    let elsewhere = Schedule::parse("17 3 * * *", "UTC").unwrap();
    assert!(Arc::ptr_eq(&one.0, &same.0));
    assert_ne!(one, elsewhere);
    assert_eq!((one.expression(), one.time_zone()), ("17 3 * * *", "Europe/Berlin"));
    assert_eq!(
        format!("{one} {one:?}"),
        "17 3 * * * Europe/Berlin Schedule(\"17 3 * * *\" in Europe/Berlin)"
    );
}

#[test]
fn a_schedule_that_is_not_used_any_more_can_be_read_again() {
    for minute in (0..60).cycle().take(300) {
        let expression = format!("{minute} 4 5 6 *");
        assert_eq!(Schedule::parse(&expression, "UTC").unwrap().expression(), expression);
    }
}

#[test]
fn the_error_names_the_field_and_what_is_right() {
    let cases = [
        ("60 * * * *", "its minute is wrong: its values go from 0 to 59"),
        ("*/90 * * * *", "its minute is wrong: a step is a number from 1 to 60 here"),
        ("*/0 * * * *", "its minute is wrong: a step is a number from 1 to 60 here"),
        ("5/10 * * * *", "its minute is wrong: a step follows `*` or a range, as in \"*/10\" or \"5-59/10\""),
        (
            "0 22-2 * * *",
            "its hour is wrong: a range ends before it begins; split it at the turn, as in \"22-23,0-2\" for hours",
        ),
        ("0 1,,2 * * *", "its hour is wrong: a value is missing next to a comma"),
        ("0 0 0 * *", "its day of the month is wrong: its values go from 1 to 31"),
        (
            "0 0 L,LW * *",
            "its day of the month is wrong: L (the last day) and LW (the last weekday) cannot stand together; write two rotations or one of them",
        ),
        ("0 0 * 1,* *", "its month is wrong: `*` means every value and cannot stand in a list"),
        ("0 0 * * 8", "its weekday is wrong: its values go from 0 to 7"),
        (
            "0 0 * * FRI-MON",
            "its weekday is wrong: a range ends before it begins; split it at the turn, as in \"22-23,0-2\" for hours",
        ),
    ];
    for (expression, message) in cases {
        assert_eq!(refusal(expression), message, "{expression}");
    }
    for (expression, field) in [
        ("MON * * * *", "minute"),
        ("+5 * * * *", "minute"),
        ("? * * * *", "minute"),
        ("* 1-2-3 * * *", "hour"),
        ("* * * JANFEB *", "month"),
        ("* * * MON *", "month"),
        ("* * * * JAN", "weekday"),
        ("* * * * L", "weekday"),
        ("* * * * 5#6", "weekday"),
        ("* * * * +MON", "weekday"),
        ("* * W * *", "day of the month"),
        ("* * 1-5W * *", "day of the month"),
    ] {
        assert!(refusal(expression).starts_with(&format!("its {field} is wrong: it takes ")), "{expression}");
    }
}

#[test]
fn what_is_no_expression_at_all_is_refused_with_the_reason() {
    assert!(refusal("").contains("it has 0 fields"));
    assert!(
        refusal("0 * * * * *").contains("it has 6 fields")
            && refusal("0 * * * * *").contains("without seconds")
    );
    assert!(refusal("@reboot").contains("@reboot is not a time"));
    assert!(refusal("@fortnightly").contains("@midnight"));
    for never in ["0 0 30 2 *", "0 0 31 4,6 *", "0 0 31 2 */2"] {
        assert_eq!(Schedule::parse(never, "UTC"), Err(ScheduleError::Never), "{never}");
    }
}

#[test]
fn the_time_zone_is_told_from_the_expression() {
    for zone in ["", "Europe/Berlín", "europe/berlin", "hunter2", "+02:00"] {
        let error = Schedule::parse("@daily", zone).unwrap_err();
        assert!(error.is_time_zone() && !error.to_string().contains("hunter2"), "{zone}");
    }
    assert!(!Schedule::parse("hunter2", "UTC").unwrap_err().is_time_zone());
}

#[test]
fn names_mean_what_crontab_says() {
    let from = at("2026-11-21T21:07:00Z");
    for (name, next) in [
        ("@hourly", "2026-11-21T22:00:00Z"),
        ("@daily", "2026-11-22T00:00:00Z"),
        ("@Midnight", "2026-11-22T00:00:00Z"),
        ("@weekly", "2026-11-22T00:00:00Z"),
        ("@monthly", "2026-12-01T00:00:00Z"),
        ("@yearly", "2027-01-01T00:00:00Z"),
        ("@annually", "2027-01-01T00:00:00Z"),
        ("0 0 * * fri#L", "2026-11-27T00:00:00Z"),
        ("0 0 * * 5L", "2026-11-27T00:00:00Z"),
        ("0 0 * DEC MON#2", "2026-12-14T00:00:00Z"),
        ("0 0 L * *", "2026-11-30T00:00:00Z"),
        ("0 0 LW 1 ?", "2027-01-29T00:00:00Z"),
        ("0 0 15W 8 *", "2027-08-16T00:00:00Z"),
        ("0 0 * * SAT-SUN", "2026-11-22T00:00:00Z"),
        ("\t0  0 29 2 */7", "2032-02-29T00:00:00Z"),
        ("0 0 */31 * */3", "2027-05-01T00:00:00Z"),
    ] {
        assert_eq!(Schedule::parse(name, "UTC").unwrap().next_after(from), Some(at(next)), "{name}");
    }
}

#[test]
fn times_are_shown_as_the_zone_shows_them() {
    let berlin = Schedule::parse("30 2 * * *", "Europe/Berlin").unwrap();
    let next = berlin.next_after(at("2026-11-21T21:00:00Z")).unwrap();
    assert_eq!(berlin.local(next), "2026-11-22T02:30:00+01:00");
    assert!(!berlin.local(Timestamp::MAX_UTC).is_empty());
}

#[test]
fn the_largest_gap_counts_changes_of_the_clock() {
    let hour = |hours: u64| Duration::from_secs(hours * 3600);
    let from = at("2026-11-21T21:00:00Z");
    for (expression, zone, gap) in [
        ("* * * * *", "UTC", Duration::from_mins(1)),
        ("*/7 * * * *", "UTC", Duration::from_mins(7)),
        ("0,50 8-17 * * *", "UTC", Duration::from_mins(850)),
        ("0 1,2,20 * * *", "UTC", hour(18)),
        ("30 2 * * *", "UTC", hour(24)),
        ("30 2 * * *", "Europe/Berlin", hour(25)),
        ("0 * * * *", "Europe/Berlin", hour(1)),
        ("0 0-23 * * *", "Europe/Berlin", hour(2)),
        ("30 2,14 * * *", "America/New_York", hour(13)),
        ("15 * * * *", "Australia/Lord_Howe", Duration::from_mins(90)),
        ("0 12 * * MON-FRI", "UTC", hour(72)),
        ("0 0 1 * *", "UTC", hour(31 * 24)),
        ("0 0 29 2 *", "UTC", hour(1461 * 24)),
    ] {
        assert_eq!(
            Schedule::parse(expression, zone).unwrap().largest_gap(from, 5),
            gap,
            "{expression} {zone}"
        );
    }
}

#[test]
fn the_largest_gap_is_reckoned_again_for_another_time() {
    let schedule = Schedule::parse("1 0 29 2 *", "UTC").unwrap();
    let days = |from: &str| schedule.largest_gap(at(from), 5).as_secs() / 86_400;
    assert_eq!((days("2026-01-01T00:00:00Z"), days("2095-01-01T00:00:00Z")), (1461, 2921));
    assert_eq!(days("2026-01-01T00:00:00Z"), 1461);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_largest_gap_is_what_going_through_all_times_gives(
        minutes in "(\\*|\\*/[1-9]|[0-5]?[0-9](,[0-5]?[0-9])?)",
        hours in "(\\*|\\*/[1-9]|1?[0-9](,2[0-3])?|[1-3]-[4-9])",
        days in "(\\* \\* \\*|1,15 \\* \\*|\\* \\* MON-FRI)",
        zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Santiago"]),
        day in 0i64..700,
    ) {
        let schedule = Schedule::parse(&format!("{minutes} {hours} {days}"), zone).unwrap();
        let from = at("2026-01-01T00:00:00Z") + TimeDelta::days(day);
        let mut last = from;
        let mut widest = TimeDelta::zero();
        while last <= from + Months::new(12) {
            let next = schedule.next_after(last).unwrap();
            widest = widest.max(next - last);
            last = next;
        }
        prop_assert_eq!(schedule.largest_gap(from, 1), widest.to_std().unwrap());
    }
}

proptest! {
    #[test]
    fn the_last_time_is_the_one_before_the_next(
        seconds in 0i64..2_000_000_000,
        expression in prop::sample::select(vec!["* * * * *", "*/7 3 * * *", "30 2,14 * * *", "0 0 29 2 *", "@weekly"]),
        zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia"]),
    ) {
        let schedule = Schedule::parse(expression, zone).unwrap();
        let now = Timestamp::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let last = schedule.last_until(now).unwrap();
        prop_assert!(last <= now);
        prop_assert!(schedule.next_after(last).unwrap() > now);
        prop_assert_eq!(schedule.next_after(last - TimeDelta::nanoseconds(1)), Some(last));
    }

    #[test]
    fn no_text_and_no_time_makes_it_panic(text in "[0-9*/,LW#@A-Z? -]{0,20}", seconds in any::<i64>()) {
        let time = Timestamp::from_timestamp(seconds >> 20, 0).unwrap_or(Timestamp::MAX_UTC);
        if let Ok(schedule) = Schedule::parse(&text, "Europe/Berlin") {
            let _ = (schedule.next_after(time), schedule.last_until(time), schedule.local(time));
        }
        let daily = Schedule::parse("@daily", "Europe/Berlin").unwrap();
        let _ = (daily.next_after(time), daily.last_until(time), daily.local(time), daily.largest_gap(time, 5));
    }
}

#[test]
fn the_most_times_within_a_window_are_counted_over_midnight() {
    let most = |expression: &str, minutes: u64| {
        Schedule::parse(expression, "UTC").unwrap().most_within(Duration::from_secs(minutes * 60))
    };
    assert_eq!([0, 59, 60, 119, 120].map(|minutes| most("@hourly", minutes)), [1, 1, 2, 2, 3]);
    assert_eq!([0, 1, 10, 24 * 60, 48 * 60].map(|minutes| most("0,1 0 * * *", minutes)), [1, 2, 2, 3, 5]);
    assert_eq!(most("50 23,0 * * *", 60), 2);
    assert_eq!(most("* * * * *", 1440), 1441);
}
