//! The guides: written by hand, in `docs/guides`. What they say of themselves is read here.

use std::fs;
use std::path::Path;

use crate::error::{Attempt, Error, Result};

/// What a guide says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Guide {
    /// Its page below `docs/`.
    pub(crate) page: String,
    /// Its title.
    pub(crate) title: String,
    /// One sentence about it.
    pub(crate) description: String,
}

/// The guides in this folder, by title.
///
/// # Errors
/// When one cannot be read or does not say what it is.
pub(crate) fn read(docs: &Path) -> Result<Vec<Guide>> {
    let folder = docs.join(FOLDER);
    let mut guides = Vec::new();
    for entry in fs::read_dir(&folder).attempt(|| format!("read {}", folder.display()))? {
        let path = entry.attempt(|| format!("read {}", folder.display()))?.path();
        let text = fs::read_to_string(&path).attempt(|| format!("read {}", path.display()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        guides.push(guide(&format!("{FOLDER}/{name}"), &text)?);
    }
    guides.sort_by(|a, b| a.page.cmp(&b.page));
    Ok(guides)
}

/// The folder of guides below `docs/`.
pub(crate) const FOLDER: &str = "guides";

fn guide(page: &str, text: &str) -> Result<Guide> {
    let head = text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n")).map(|(head, _)| head);
    let head = head.ok_or_else(|| Error::NoFrontMatter { page: page.to_owned() })?;
    let value = |name: &'static str| {
        let missing = || Error::NoFrontMatterField { page: page.to_owned(), name };
        let line = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.map(|text| text.trim().trim_matches('"').to_owned())
            .filter(|text| !text.is_empty())
            .ok_or_else(missing)
    };
    value("subcategory")?;
    Ok(Guide { page: page.to_owned(), title: value("page_title")?, description: value("description")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guide_says_what_it_is() {
        let text = "---\npage_title: \"Debugging\"\nsubcategory: \"Guides\"\ndescription: How: to look.\n---\n\n# Debugging\n";
        let guide = guide("guides/debugging.md", text).unwrap();
        assert_eq!((guide.title.as_str(), guide.description.as_str()), ("Debugging", "How: to look."));
    }

    #[test]
    fn a_guide_that_does_not_is_named() {
        for text in ["# Debugging\n", "---\npage_title: \"Debugging\"\nsubcategory: \"Guides\"\n---\n"] {
            let error = guide("guides/debugging.md", text).unwrap_err();
            assert!(error.to_string().starts_with("docs/guides/debugging.md"), "{error}");
        }
    }
}
