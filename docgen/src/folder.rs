//! The pages as files: compared with what should be there, or written.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::error::{Attempt, Result};
use crate::guides;

/// Pages by their paths below `docs/`.
pub(crate) type Pages = BTreeMap<String, String>;

/// What differs, one line for each file; what is written by hand is nobody's but its authors'.
///
/// # Errors
/// When the files cannot be read.
pub(crate) fn differences(docs: &Path, pages: &Pages) -> Result<Vec<String>> {
    let there = files(docs, "")?;
    let wanted = pages.iter().filter_map(|(page, text)| match there.get(page) {
        None => Some(format!("docs/{page} is missing")),
        Some(found) if found != text => Some(format!("docs/{page} is stale")),
        Some(_) => None,
    });
    let surplus = there.keys().filter(|page| !pages.contains_key(*page));
    let surplus = surplus.map(|page| format!("docs/{page} belongs to nothing that the provider has"));
    Ok(wanted.chain(surplus).collect())
}

/// Writes what differs and removes what is surplus.
///
/// # Errors
/// When the files cannot be read or written.
pub(crate) fn write(docs: &Path, pages: &Pages) -> Result {
    let there = files(docs, "")?;
    for (page, text) in pages.iter().filter(|(page, text)| there.get(*page) != Some(text)) {
        let path = docs.join(page);
        let folder = path.parent().unwrap_or(docs);
        fs::create_dir_all(folder).attempt(|| format!("create {}", folder.display()))?;
        fs::write(&path, text).attempt(|| format!("write {}", path.display()))?;
    }
    for page in there.keys().filter(|page| !pages.contains_key(*page)) {
        let path = docs.join(page);
        fs::remove_file(&path).attempt(|| format!("remove {}", path.display()))?;
    }
    Ok(())
}

/// Every file below the folder that this program may have made.
fn files(docs: &Path, below: &str) -> Result<Pages> {
    let folder = docs.join(below);
    let mut found = Pages::new();
    for entry in fs::read_dir(&folder).attempt(|| format!("read {}", folder.display()))? {
        let path = entry.attempt(|| format!("read {}", folder.display()))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let page = if below.is_empty() { name.into_owned() } else { format!("{below}/{name}") };
        if BY_HAND.contains(&page.as_str()) {
            continue;
        }
        if path.is_dir() {
            found.append(&mut files(docs, &page)?);
        } else {
            let text = fs::read_to_string(&path).attempt(|| format!("read {}", path.display()))?;
            found.insert(page, text);
        }
    }
    Ok(found)
}

/// Folders with pages that people write: the guides of the provider, and all about the rotator.
const BY_HAND: [&str; 2] = [guides::FOLDER, "rotator"];

#[cfg(test)]
mod tests {
    use super::*;

    fn pages() -> Pages {
        [("index.md", "Index"), ("data-sources/otp.md", "Otp"), ("data-sources/token.md", "Token")]
            .map(|(page, text)| (page.to_owned(), text.to_owned()))
            .into()
    }

    #[test]
    fn what_is_missing_stale_or_surplus_is_named_and_put_right_by_writing() {
        let docs = tempfile::tempdir().unwrap();
        for folder in ["data-sources", "guides", "rotator"] {
            fs::create_dir(docs.path().join(folder)).unwrap();
        }
        for (page, text) in [
            ("index.md", "Old"),
            ("data-sources/otp.md", "Otp"),
            ("data-sources/gone.md", ""),
            ("guides/a.md", "A"),
            ("rotator/b.md", "B"),
        ] {
            fs::write(docs.path().join(page), text).unwrap();
        }
        let expected = [
            "docs/data-sources/token.md is missing",
            "docs/index.md is stale",
            "docs/data-sources/gone.md belongs to nothing that the provider has",
        ];
        assert_eq!(differences(docs.path(), &pages()).unwrap(), expected);
        write(docs.path(), &pages()).unwrap();
        assert_eq!(differences(docs.path(), &pages()).unwrap(), Vec::<String>::new());
        assert!(docs.path().join("guides/a.md").is_file());
        assert!(docs.path().join("rotator/b.md").is_file());
    }
}
