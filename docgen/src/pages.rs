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
    let example = example(&examples, "provider/provider.tf")?;
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

/// No example is of something that is no more.
fn check_examples(examples: &Path, subjects: &[Subject<'_>]) -> Result {
    let wanted: BTreeSet<String> = subjects.iter().map(Subject::example).collect();
    for kind in Kind::ALL {
        let folder = examples.join(kind.folder());
        if !folder.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&folder).attempt(|| format!("read {}", folder.display()))? {
            let name = entry.attempt(|| format!("read {}", folder.display()))?.file_name();
            let example = format!("{}/{}/{}", kind.folder(), name.to_string_lossy(), kind.example());
            if !wanted.contains(&example) {
                return Err(Error::SurplusExample { example: format!("examples/{example}") });
            }
        }
    }
    Ok(())
}
