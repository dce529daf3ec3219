//! All pages: from everything that the provider offers, and from an example for each.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use tfplugin::Description;

use crate::error::{Attempt, Error, Result};
use crate::folder::Pages;
use crate::function;
use crate::guides;
use crate::index;
use crate::links::{Kind, Links};
use crate::page::Subject;

/// The pages of this provider, with the examples and guides below `root`.
///
/// # Errors
/// When an example is missing or belongs to nothing, or a guide does not say what it is.
pub(crate) fn all(provider: &Description, root: &Path) -> Result<Pages> {
    let subjects = subjects(provider);
    let examples = root.join("examples");
    check_examples(&examples, &subjects)?;
    let guides = guides::read(&root.join("docs"))?;
    let links = links(&subjects);
    let mut pages = Pages::new();
    for subject in &subjects {
        let example = example(&examples, &subject.example())?;
        pages.insert(subject.page(), subject.text(&example, &links));
    }
    let example = example(&examples, OF_THE_PROVIDER)?;
    let first = index::text(&provider.provider, &subjects, &guides, &example, &links);
    pages.insert(index::PAGE.to_owned(), first);
    Ok(pages)
}

fn subjects(provider: &Description) -> Vec<Subject<'_>> {
    let of_schemas = [
        (Kind::EphemeralResource, &provider.ephemeral_resources),
        (Kind::DataSource, &provider.data_sources),
        (Kind::Action, &provider.actions),
    ];
    let with_schema = of_schemas.into_iter().flat_map(|(kind, named)| {
        named.iter().map(move |(name, schema)| Subject::of_schema(kind, name, schema))
    });
    let functions = provider.functions.iter().map(|(name, signature)| Subject {
        kind: Kind::Function,
        name,
        description: &signature.description,
        reference: function::reference(name, signature),
    });
    with_schema.chain(functions).collect()
}

fn links(subjects: &[Subject<'_>]) -> Links {
    let mut links = Links::default();
    for subject in subjects {
        links.add(subject.kind, subject.name, &subject.page());
    }
    links
}

fn example(examples: &Path, path: &str) -> Result<String> {
    let file = examples.join(path);
    if !file.is_file() {
        return Err(Error::NoExample { example: format!("examples/{path}") });
    }
    fs::read_to_string(&file).attempt(|| format!("read {}", file.display()))
}

/// No example is of something that is no more, or shown by no page: pages are what tests go through. The demo applies its
/// own.
fn check_examples(examples: &Path, subjects: &[Subject<'_>]) -> Result {
    let wanted: BTreeSet<String> =
        subjects.iter().map(Subject::example).chain([OF_THE_PROVIDER.to_owned()]).collect();
    let found = configurations(examples, "")?;
    match found.into_iter().find(|example| !wanted.contains(example) && !example.starts_with(DEMO)) {
        Some(surplus) => Err(Error::SurplusExample { example: format!("examples/{surplus}") }),
        None => Ok(()),
    }
}

/// Every Terraform configuration below a folder.
fn configurations(examples: &Path, below: &str) -> Result<Vec<String>> {
    let folder = examples.join(below);
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).attempt(|| format!("read {}", folder.display()))? {
        let path = entry.attempt(|| format!("read {}", folder.display()))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let place = if below.is_empty() { name.into_owned() } else { format!("{below}/{name}") };
        if path.is_dir() {
            found.append(&mut configurations(examples, &place)?);
        } else if path.extension().is_some_and(|extension| extension == "tf") {
            found.push(place);
        }
    }
    Ok(found)
}

const DEMO: &str = "demo/";
const OF_THE_PROVIDER: &str = "provider/provider.tf";

#[cfg(test)]
mod tests {
    use super::*;
    use tfplugin::Schema;

    fn described(names: [&str; 1]) -> Description {
        Description {
            provider: Schema::new("A provider."),
            data_sources: names.map(|name| (name.to_owned(), Schema::new("Reads."))).into(),
            ephemeral_resources: Vec::new(),
            functions: Vec::new(),
            actions: Vec::new(),
        }
    }

    fn examples(root: &Path, paths: &[&str]) {
        fs::create_dir_all(root.join("docs/guides")).unwrap();
        for path in paths {
            let file = root.join("examples").join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "data \"x\" \"y\" {}\n").unwrap();
        }
    }

    #[test]
    fn what_has_a_page_has_an_example_and_the_other_way_round() {
        let root = tempfile::tempdir().unwrap();
        let provider = described(["tokenferry_totp"]);
        examples(root.path(), &[OF_THE_PROVIDER, "demo/one/main.tf"]);
        let missing = all(&provider, root.path()).unwrap_err().to_string();
        assert!(
            missing.starts_with("examples/data-sources/tokenferry_totp/data-source.tf is missing"),
            "{missing}"
        );

        examples(root.path(), &["data-sources/tokenferry_totp/data-source.tf"]);
        let pages = all(&provider, root.path()).unwrap();
        assert_eq!(pages.keys().collect::<Vec<_>>(), ["data-sources/totp.md", "index.md"]);

        examples(root.path(), &["actions/tokenferry_gone/action.tf"]);
        let surplus = all(&provider, root.path()).unwrap_err().to_string();
        assert!(
            surplus.starts_with("examples/actions/tokenferry_gone/action.tf belongs to nothing"),
            "{surplus}"
        );
    }
}
