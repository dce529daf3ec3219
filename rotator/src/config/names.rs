//! Names that users choose, and those that they meant.

pub(super) use tokenferry_sources::closest;

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

/// The advice that goes with it.
pub(super) fn did_you_mean<'a>(name: &str, among: impl IntoIterator<Item = &'a str>) -> Option<String> {
    closest(name, among).map(|other| format!("did you mean `{other}`?"))
}

const LONGEST: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

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
