//! Mounts and paths of Vault, as users write them.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// An entry of a KV secrets engine.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct KvPath {
    /// The namespace of the engine, without slashes at its ends; `None` if it is that of the login.
    pub namespace: Option<Arc<str>>,
    /// Where the engine is mounted, without slashes at its ends.
    pub mount: Arc<str>,
    /// The path below it, without slashes at its ends and without `data/`.
    pub path: Arc<str>,
}

impl KvPath {
    /// An entry in the namespace of the login.
    pub fn new(mount: impl Into<Arc<str>>, path: impl Into<Arc<str>>) -> Self {
        KvPath { namespace: None, mount: mount.into(), path: path.into() }
    }

    /// The step that it begins with, if that is one of Vault's API: where KV v2 has data of entries, and what is noted
    /// beside them. Hardly ever is an entry called like that.
    pub fn api_step(&self) -> Option<&'static str> {
        let first = self.path.split_once('/').map(|(first, _)| first);
        ["data", "metadata"].into_iter().find(|step| Some(*step) == first)
    }

    /// Whether it is the other one, or one of the two is a folder that holds the other.
    pub fn overlaps(&self, other: &KvPath) -> bool {
        let steps = |path: &KvPath| format!("{}/{}/", path.mount, path.path);
        let (one, two) = (steps(self), steps(other));
        self.namespace == other.namespace && (one.starts_with(&two) || two.starts_with(&one))
    }
}

impl fmt::Display for KvPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.mount, self.path)?;
        self.namespace.iter().try_for_each(|namespace| write!(f, " (namespace {namespace})"))
    }
}

/// Why a text is no mount and no path.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum PathError {
    /// It has characters that nobody means.
    #[error("contains a control character, or white space at its ends")]
    Control,
    /// It goes up.
    #[error("contains `.` or `..` as a step")]
    Dots,
    /// There is nothing.
    #[error("is empty; write the name of one step, or of several as in `a/b`")]
    Empty,
    /// Something is missing in it.
    #[error("contains an empty step, `//`; write `a/b`, without an empty step")]
    EmptyStep,
}

/// A mount or a path without the slash that may stand at either end: Vault itself lists mounts with one.
///
/// # Errors
/// When it names nothing, or something else than it seems to.
pub fn entry_path(text: &str) -> Result<String, PathError> {
    let path = text.strip_prefix('/').unwrap_or(text);
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Err(PathError::Empty);
    }
    if path.chars().any(char::is_control) || text.trim() != text {
        return Err(PathError::Control);
    }
    if path.split('/').any(str::is_empty) {
        return Err(PathError::EmptyStep);
    }
    if path.split('/').any(|step| matches!(step, "." | "..")) {
        return Err(PathError::Dots);
    }
    Ok(path.to_owned())
}

/// A namespace as Vault takes it for the same, without slashes at its ends. `None` for the one that holds all others,
/// which can also be written `root`.
///
/// # Errors
/// When it names nothing, or something else than it seems to.
pub fn namespace_path(text: &str) -> Result<Option<String>, PathError> {
    let path = if text == "/" { ROOT.to_owned() } else { entry_path(text)? };
    Ok(Some(path).filter(|path| path != ROOT))
}

/// How the namespace that holds all others is called.
pub const ROOT: &str = "root";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_overlap_step_by_step_within_their_namespace() {
        let at = |namespace: Option<&str>, path: &str| KvPath {
            namespace: namespace.map(Arc::from),
            ..KvPath::new("secret", path)
        };
        let home = at(None, "tokens/home");
        for (other, expected) in
            [("tokens/home", true), ("tokens", true), ("tokens/home/x", true), ("tokens/homes", false)]
        {
            assert_eq!(
                (home.overlaps(&at(None, other)), at(None, other).overlaps(&home)),
                (expected, expected),
                "{other}"
            );
        }
        assert!(!home.overlaps(&at(Some("team"), "tokens/home")));
        assert!(!home.overlaps(&KvPath::new("secret2", "tokens/home")));
        // A mount may have several steps.
        assert!(KvPath::new("a/b", "c").overlaps(&KvPath::new("a", "b/c")));
    }

    #[test]
    fn what_vaults_api_has_before_the_name_of_an_entry_is_noticed() {
        let step = |path: &str| KvPath::new("secret", path).api_step();
        assert_eq!(["data/home", "metadata/a/b"].map(step), [Some("data"), Some("metadata")]);
        assert_eq!(["data", "database/home", "tokens/data/home"].map(step), [None; 3]);
    }

    #[test]
    fn an_entry_is_shown_with_its_namespace() {
        let home = KvPath::new("secret", "home");
        assert_eq!(home.to_string(), "secret/home");
        assert_eq!(
            KvPath { namespace: Some("team/a".into()), ..home }.to_string(),
            "secret/home (namespace team/a)"
        );
    }

    #[test]
    fn a_namespace_has_one_form() {
        for (text, expected) in [
            ("team", Some("team")),
            ("/team/a/", Some("team/a")),
            ("root", None),
            ("root/", None),
            ("/", None),
        ] {
            assert_eq!(
                namespace_path(text).map(|path| path.as_deref().map(str::to_owned)),
                Ok(expected.map(str::to_owned)),
                "{text}"
            );
        }
        assert_eq!(namespace_path(""), Err(PathError::Empty));
    }

    #[test]
    fn one_slash_at_either_end_does_not_matter() {
        for (text, path) in
            [("secret", "secret"), ("secret/", "secret"), ("/a/b c/", "a/b c"), ("data/x", "data/x")]
        {
            assert_eq!(entry_path(text).as_deref(), Ok(path));
        }
    }

    #[test]
    fn what_names_no_entry_is_refused() {
        let cases = [
            ("", PathError::Empty),
            ("/", PathError::Empty),
            ("a//b", PathError::EmptyStep),
            ("a//", PathError::EmptyStep),
            ("a/../b", PathError::Dots),
            ("./a", PathError::Dots),
            ("a\u{0}b", PathError::Control),
            (" a", PathError::Control),
        ];
        for (text, reason) in cases {
            assert_eq!(entry_path(text), Err(reason), "{text:?}");
        }
    }
}
