//! What was probably meant by a name that does not exist.

/// The name that was probably meant: the nearest one, if it is near.
pub fn closest<'a>(name: &str, among: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = name.chars().count().div_ceil(3).min(3);
    let (distance, found) = among
        .into_iter()
        .map(|other| (distance(name, other), other))
        .min_by_key(|(distance, _)| *distance)?;
    (distance <= limit).then_some(found)
}

/// The word of a short list that was probably meant, which may be a beginning of it, or in capitals.
pub(crate) fn meant(word: &str, among: &[&'static str]) -> Option<&'static str> {
    let word = word.trim().to_lowercase();
    let mut longer = among.iter().filter(|other| word.len() >= 2 && other.starts_with(&word));
    let only = longer.next().filter(|_| longer.next().is_none());
    only.copied().or_else(|| closest(&word, among.iter().copied()))
}

/// The same as the beginning of a message, up to its verb. Of numbers, none is meant by another.
pub(crate) fn did_you_mean(word: &str, among: &[&'static str]) -> String {
    let meant = meant(word, among).filter(|meant| meant.contains(char::is_alphabetic));
    meant.map_or_else(|| "it".to_owned(), |meant| format!("did you mean \"{meant}\"? It"))
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
    fn the_beginning_of_one_word_is_that_word() {
        let words = ["windows", "macos", "zia_disable", "zpa_disable", "uninstall"];
        for (written, expected) in [
            ("win", Some("windows")),
            ("MAC", Some("macos")),
            ("z", None),
            ("zia-disable", Some("zia_disable")),
            ("Unistall", Some("uninstall")),
            ("beos", None),
        ] {
            assert_eq!(meant(written, &words), expected, "{written}");
        }
    }
}
