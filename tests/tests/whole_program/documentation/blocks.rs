//! The configurations that the documentation shows.

use std::fs;
use std::path::{Path, PathBuf};

/// What stands in a page for Terraform to run.
pub(super) struct Block {
    /// Page and line, as the name of a module.
    pub(super) name: String,
    /// Its text.
    pub(super) text: String,
}

/// Every block that is marked as Terraform's, in every page.
pub(super) fn all() -> Vec<Block> {
    marked("terraform")
}

/// Every configuration of the rotator, in every page.
pub(super) fn of_the_rotator() -> Vec<Block> {
    marked("hcl").into_iter().filter(|block| block.text.contains("\nrotation \"")).collect()
}

fn marked(language: &str) -> Vec<Block> {
    let (docs, mark) = (docs(), format!("```{language}"));
    pages(&docs).iter().flat_map(|page| of_page(&docs, page, &mark)).collect()
}

/// The text of a page.
pub(super) fn page(path: &str) -> String {
    let path = docs().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

impl Block {
    /// Whether only Terraform 1.14 and later knows what is in it.
    pub(super) fn has_action(&self) -> bool {
        self.text.lines().any(|line| line.starts_with("action "))
    }

    /// The blocks at the top of it of one kind, each from the name that follows the kind.
    pub(super) fn tops(&self, kind: &str) -> Vec<&str> {
        let blocks = self.text.split("\n}\n").map(|block| {
            let start = block.find(&format!("\n{kind} ")).map_or(0, |before| before + 1);
            block.get(start..).unwrap_or_default()
        });
        blocks.filter_map(|block| block.strip_prefix(kind)?.strip_prefix(' ')).collect()
    }

    /// What it declares and does not say by itself.
    pub(super) fn variables(&self) -> Vec<&str> {
        let without_default = self.tops("variable").into_iter().filter(|block| !block.contains("default"));
        without_default.filter_map(|block| block.split('"').nth(1)).collect()
    }

    /// The actions in it: the type of each, and what stands in its `config`.
    pub(super) fn actions(&self) -> Vec<(&str, &str)> {
        let mut actions = Vec::new();
        for block in self.tops("action") {
            let parts = block
                .split_once("config {")
                .and_then(|(head, body)| Some((head.split('"').nth(1)?, body.strip_suffix("  }")?)));
            actions.push(parts.unwrap_or_else(|| panic!("{}: no `config` in {block}", self.name)));
        }
        actions
    }

    /// The names in the environments of its provisioners: what it hands on.
    pub(super) fn handed_on(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for environment in self.text.split("environment").skip(1) {
            let Some((_, body)) = environment.split_once('{') else { continue };
            let body = body.split_once("\n    }\n").map_or(body, |(body, _)| body);
            let body = body.lines().next().filter(|line| line.contains(" = ")).unwrap_or(body);
            let names_in = body.lines().filter_map(|line| Some(line.split_once('=')?.0.trim()));
            names.extend(names_in.filter(|name| name.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'_'))));
        }
        names
    }
}

fn of_page(docs: &Path, page: &Path, mark: &str) -> Vec<Block> {
    let text = fs::read_to_string(page).unwrap();
    let stem = page.strip_prefix(docs).unwrap().with_extension("").display().to_string().replace('/', "_");
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in text.lines().enumerate() {
        open = match open {
            None if line == mark => {
                Some(Block { name: format!("{stem}_{}", index + 1), text: String::new() })
            }
            None => None,
            Some(block) if line == "```" => {
                blocks.push(block);
                None
            }
            Some(block) => Some(Block { text: format!("{}{line}\n", block.text), ..block }),
        };
    }
    assert!(open.is_none(), "{}: a block does not end", page.display());
    blocks
}

fn pages(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.append(&mut pages(&path));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs")
}
