//! Points in time as Zenoti writes them.

use chrono::{DateTime, NaiveDateTime};

use crate::Timestamp;
use crate::clock::in_writing;

/// RFC 3339 with any number of digits after the second. Without an offset it is UTC.
pub(super) fn timestamp(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let with_offset = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc());
    let in_utc = || NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|time| time.and_utc());
    with_offset.or_else(|_| in_utc()).ok().and_then(in_writing)
}

/// The dates of old answers, as HTTP has them.
pub(super) fn old_timestamp(text: &str) -> Option<Timestamp> {
    DateTime::parse_from_rfc2822(text.trim()).ok().map(|time| time.to_utc()).and_then(in_writing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_digits_and_any_offset_are_read() {
        let nanos = |text| timestamp(text).map(|time| (time.timestamp(), time.timestamp_subsec_nanos()));
        let second = 1_654_687_158;
        for (text, nano) in [
            ("2022-06-08T11:19:18Z", 0),
            ("2022-06-08T11:19:18.7Z", 700_000_000),
            ("2022-06-08T11:19:18.7016839Z", 701_683_900),
            ("2022-06-08T11:19:18.701683912Z", 701_683_912),
            ("2022-06-08T13:19:18.7016839+02:00", 701_683_900),
            ("2022-06-08T05:49:18-05:30", 0),
            ("2022-06-08T11:19:18", 0),
            ("2022-06-08T11:19:18.7016839", 701_683_900),
            (" 2022-06-08T11:19:18z ", 0),
        ] {
            assert_eq!(nanos(text), Some((second, nano)), "{text}");
        }
        for text in [
            "",
            "soon",
            "2022-06-08",
            "11:19:18",
            "1654687158",
            "2022-13-08T11:19:18Z",
            "2022-06-08T25:19:18",
        ] {
            assert_eq!(timestamp(text), None, "{text}");
        }
        assert_eq!(old_timestamp("Wed, 08 Jun 2022 11:19:18 GMT").map(|time| time.timestamp()), Some(second));
        assert_eq!(old_timestamp("2022-06-08T11:19:18Z"), None);
    }
}
