//! Times as people read them, and texts as HTML carries them.

use std::borrow::Cow;
use std::time::Duration;

use chrono::TimeDelta;
use tokenferry_sources::Timestamp;

/// A time span in its two greatest units. Seconds count for ten minutes.
pub(super) fn long(span: Duration) -> String {
    let secs = match span.as_secs() {
        few @ ..600 => few,
        many => many / 60 * 60,
    };
    let units = [(secs / 86_400, "d"), (secs / 3_600 % 24, "h"), (secs / 60 % 60, "min"), (secs % 60, "s")];
    let mut told = units.iter().skip_while(|(number, _)| *number == 0).take(2);
    let Some((number, unit)) = told.next() else { return "0 s".to_owned() };
    match told.next() {
        Some((more, smaller)) if *more > 0 => format!("{number} {unit} {more} {smaller}"),
        _ => format!("{number} {unit}"),
    }
}

/// A moment, the day included, in UTC.
pub(super) fn moment(time: Timestamp) -> String {
    time.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// The same, without the day if that is today, and with seconds only where they count: within ten minutes.
pub(super) fn hour(time: Timestamp, now: Timestamp) -> String {
    let form = match time.date_naive() == now.date_naive() {
        _ if (time - now).abs() < TimeDelta::minutes(10) => "%H:%M:%S UTC",
        true => "%H:%M UTC",
        false => "%Y-%m-%d %H:%M UTC",
    };
    time.format(form).to_string()
}

/// A text between tags or in an attribute.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    Cow::Owned(safe)
}

/// The same, with commands and names between backticks as what they are.
pub(super) fn marked(text: &str) -> String {
    let mut marked = String::with_capacity(text.len() + 16);
    for (place, part) in text.split('`').enumerate() {
        match place {
            0 => {}
            odd if odd % 2 == 1 => marked.push_str("<code>"),
            _ => marked.push_str("</code>"),
        }
        marked.push_str(&escaped(part));
    }
    marked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_their_greatest_units() {
        let told = [0, 59, 60, 61, 599, 659, 3_600, 3_725, 86_399, 90_000, 86_400 * 400]
            .map(|secs| long(Duration::from_secs(secs)));
        let expected = [
            "0 s",
            "59 s",
            "1 min",
            "1 min 1 s",
            "9 min 59 s",
            "10 min",
            "1 h",
            "1 h 2 min",
            "23 h 59 min",
            "1 d 1 h",
            "400 d",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn hours_have_seconds_within_ten_minutes_and_the_day_where_that_is_another() {
        let now = "2026-11-22T23:55:00Z".parse().unwrap();
        let told = [-600, -599, 60, 599, 600].map(|secs| hour(now + TimeDelta::seconds(secs), now));
        assert_eq!(
            told,
            ["23:45 UTC", "23:45:01 UTC", "23:56:00 UTC", "00:04:59 UTC", "2026-11-23 00:05 UTC"]
        );
    }

    #[test]
    fn what_stands_between_backticks_is_shown_as_code_and_no_more() {
        assert_eq!(marked("run `a <b>` & `c`"), "run <code>a &lt;b&gt;</code> &amp; <code>c</code>");
        assert_eq!(marked("plain"), "plain");
    }

    #[test]
    fn no_text_can_become_markup() {
        assert_eq!(escaped("<a href='x'>\"&\"</a>"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;&quot;&lt;/a&gt;");
        assert!(matches!(escaped("zscaler-corp"), Cow::Borrowed(_)));
    }
}
