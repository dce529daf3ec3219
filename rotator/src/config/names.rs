//! Names that users choose, and those that they meant.

/// Whether this can be the name of a source or a rotation.
pub(super) fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    !text.is_empty() && text.len() <= LONGEST && text.chars().all(allowed)
}

/// A name for a message, cut where it is too long to be one.
pub(super) fn shown(name: &str) -> String {
    if name.chars().count() <= LONGEST {
        return name.to_owned();
    }
    name.chars().take(LONGEST).chain(['…']).collect()
}

/// The name that was probably meant: the nearest one, if it is near.
pub(super) fn closest<'a>(name: &str, among: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = name.chars().count().div_ceil(3).min(3);
    let (distance, found) = among
        .into_iter()
        .map(|other| (distance(name, other), other))
        .min_by_key(|(distance, _)| *distance)?;
    (distance <= limit).then_some(found)
}

/// The advice that goes with it.
pub(super) fn did_you_mean<'a>(name: &str, among: impl IntoIterator<Item = &'a str>) -> Option<String> {
    closest(name, among).map(|other| format!("did you mean `{other}`?"))
}

/// How many characters have to be inserted, deleted, replaced, or swapped with their neighbour.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().take(LONGEST).collect();
    let right: Vec<char> = right.chars().take(LONGEST).collect();
    let mut rows = vec![(0..=right.len()).collect::<Vec<usize>>()];
    for (i, a) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let mut cost = (rows[i][j] + usize::from(a != b)).min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                cost = cost.min(rows[i - 1][j - 1] + 1);
            }
            row.push(cost);
        }
        rows.push(row);
    }
    rows[left.len()][right.len()]
}

const LONGEST: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_what_was_meant() {
        let names = ["schedule", "time_zone", "renew_before", "reader_lag"];
        for (written, meant) in [
            ("schedul", Some("schedule")),
            ("shcedule", Some("schedule")),
            ("timezone", Some("time_zone")),
            ("renew_befor", Some("renew_before")),
            ("cron", None),
            ("x", None),
        ] {
            assert_eq!(closest(written, names), meant, "{written}");
        }
    }

    #[test]
    fn names_have_letters_digits_dashes_and_underscores() {
        for name in ["corp", "zscaler-corp_2", "A", "0"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "a.b", "a b", "ä", "a/b", "a\u{7}", &"a".repeat(101)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
