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

/// What was probably meant: what is written much like it, or the only one that begins with it.
pub(super) fn closest<'a>(name: &str, among: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let among: Vec<&str> = among.into_iter().collect();
    tokenferry_sources::closest(name, among.iter().copied()).or_else(|| {
        let mut longer =
            among.iter().copied().filter(|other| name.len() >= SHORTEST && other.starts_with(name));
        longer.next().filter(|first| longer.all(|other| other == *first))
    })
}

/// The advice that goes with it.
pub(super) fn did_you_mean<'a>(name: &str, among: impl IntoIterator<Item = &'a str>) -> Option<String> {
    closest(name, among).map(|other| format!("did you mean `{other}`?"))
}

const LONGEST: usize = 100;
/// Fewer characters are the beginning of nothing.
const SHORTEST: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_of_one_name_means_that_name() {
        let names = ["username", "reader", "reader_lag", "password"];
        let meant = |name| closest(name, names);
        assert_eq!(
            ["user", "pass", "usrname"].map(meant),
            [Some("username"), Some("password"), Some("username")]
        );
        assert_eq!(["read_", "us", "name"].map(meant), [Some("reader"), None, None]);
        assert_eq!(closest("rea", names), None, "it may be one of two");
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
