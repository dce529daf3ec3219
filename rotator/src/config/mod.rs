//! The configuration: HCL files, read strictly. Everything that is wrong is reported at once, each with its place and
//! with no value shown.

mod auth;
mod cluster;
mod document;
mod json;
mod listen;
mod mask;
mod names;
mod namespace;
mod object;
mod pieces;
mod problem;
mod reader;
mod rotation;
mod session;
mod slip;
mod source;
mod syntax;
#[cfg(test)]
mod tests;
mod value;
mod vault;
mod words;
mod written;

pub use self::listen::Listen;
pub use self::problem::{ConfigErrors, Excerpt, Place, Problem};

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokenferry_sources::Environment;
use tokenferry_vault::VaultSettings;

use self::document::{Document, Noted, Spot};
use self::namespace::Home;
use self::reader::Block;
use self::rotation::Rotations;
use self::source::Sources;
use self::value::Value;
use crate::cluster::Settings;
use crate::rotation::Rotation;
use crate::source::Source;

/// What the rotator is to do.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where tokens are written.
    pub vault: VaultSettings,
    /// Where tokens come from, in the order of their names.
    pub sources: Vec<Arc<Source>>,
    /// The jobs, in the order in which they stand; at least one.
    pub rotations: Vec<Arc<Rotation>>,
    /// How many runs may be under way at once.
    pub concurrency: usize,
    /// How long the rotator may take to end.
    pub grace_period: Duration,
    /// Where the daemon can be looked at.
    pub listen: Listen,
    /// How it shares the work with other replicas, if it does.
    pub cluster: Option<Settings>,
}

impl Config {
    /// Reads a file, or all `*.hcl` of a folder as one configuration. No secret is read.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn load(path: &Path, environment: &dyn Environment) -> Result<Config, ConfigErrors> {
        Config::load_after(&[], path, environment)
    }

    /// The same while others are in force, for which this one may be meant to step in. As far as its rotations are the
    /// same they are not made once more: there may be thousands.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn load_after(
        former: &[Arc<Rotation>],
        path: &Path,
        environment: &dyn Environment,
    ) -> Result<Config, ConfigErrors> {
        let files = match Config::files(path) {
            Ok(paths) if paths.is_empty() => {
                vec![File::unreadable(path, "there is no file in this folder that ends in `.hcl`".to_owned())]
            }
            Ok(paths) => paths.iter().map(|path| File::read(path)).collect(),
            Err(error) => vec![File { path: path.into(), text: Err(Unreadable::of(&error)) }],
        };
        assemble(files, former, environment)
    }

    /// Reads these files as one configuration. No secret is read.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn parse(
        files: Vec<(PathBuf, String)>,
        environment: &dyn Environment,
    ) -> Result<Config, ConfigErrors> {
        assemble(
            files.into_iter().map(|(path, text)| File { path: path.into(), text: Ok(text) }).collect(),
            &[],
            environment,
        )
    }

    /// The files that make up a configuration: this one, or all `*.hcl` of this folder.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
        if !fs::metadata(path)?.is_dir() {
            return Ok(vec![path.to_owned()]);
        }
        let paths: io::Result<Vec<PathBuf>> = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect();
        let mut paths = paths?;
        // Hidden files are those of editors and of Kubernetes.
        let is_hidden =
            |path: &Path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        paths.retain(|path| {
            path.extension().is_some_and(|end| end == "hcl") && !is_hidden(path) && !path.is_dir()
        });
        paths.sort();
        Ok(paths)
    }

    /// The files that it refers to, other than secrets of sources: these are read anew at each use.
    pub fn referred(&self) -> impl Iterator<Item = &Path> {
        let of_sources = self.sources.iter().filter_map(|source| source.http.ca_cert_file.as_deref());
        self.vault.files().chain(of_sources)
    }

    /// The files of CA certificates that it refers to.
    pub fn ca_cert_files(&self) -> BTreeSet<&Path> {
        let of_sources = self.sources.iter().filter_map(|source| source.http.ca_cert_file.as_deref());
        self.vault.ca_cert_file.as_deref().into_iter().chain(of_sources).collect()
    }
}

/// A file with its text, or why that cannot be read.
struct File {
    path: Arc<Path>,
    text: Result<String, Unreadable>,
}

/// Why a file cannot be read, and what to do about it.
struct Unreadable {
    message: String,
    advice: Option<&'static str>,
}

impl Unreadable {
    fn of(error: &io::Error) -> Self {
        let advice = (error.kind() == io::ErrorKind::NotFound).then_some(NOT_FOUND);
        Unreadable { message: format!("cannot read it: {error}"), advice }
    }
}

impl File {
    fn read(path: &Path) -> Self {
        match fs::read(path).map(String::from_utf8) {
            Ok(Ok(text)) => File { path: path.into(), text: Ok(text) },
            Ok(Err(_)) => File::unreadable(path, "this file is not UTF-8".to_owned()),
            Err(error) => File { path: path.into(), text: Err(Unreadable::of(&error)) },
        }
    }

    fn unreadable(path: &Path, message: String) -> Self {
        File { path: path.into(), text: Err(Unreadable { message, advice: None }) }
    }

    fn parse(self) -> Document {
        match self.text {
            Ok(text) => Document::parse(self.path, text),
            Err(why) => Document::unreadable(self.path, &why.message, why.advice),
        }
    }
}

/// A piece at a time if that can be done. What is wrong is told as seen in the whole.
fn assemble(
    files: Vec<File>,
    former: &[Arc<Rotation>],
    environment: &dyn Environment,
) -> Result<Config, ConfigErrors> {
    pieces::read(&files, former, environment).unwrap_or_else(|| assemble_whole(files, environment))
}

fn assemble_whole(files: Vec<File>, environment: &dyn Environment) -> Result<Config, ConfigErrors> {
    let documents: Vec<Document> = files.into_iter().map(File::parse).collect();
    let Some(first) = documents.first() else {
        let nothing = File::unreadable(Path::new(""), "there is no file to read".to_owned());
        return assemble_whole(vec![nothing], environment);
    };
    let config = read(first.whole(), &documents, None, environment);
    let problems: Vec<Problem> = documents.into_iter().flat_map(Document::into_problems).collect();
    match config {
        Ok(config) if problems.is_empty() => Ok(config),
        _ => Err(ConfigErrors(problems)),
    }
}

/// What was read of the blocks of which there may be thousands.
struct Rotated {
    sources: Sources,
    rotations: Rotations,
}

impl Rotated {
    fn new(roots: &[Block<'_>], environment: &dyn Environment) -> Self {
        let home = Home::find(roots, environment);
        Rotated { sources: Sources::new(home.clone()), rotations: Rotations::new(home) }
    }
}

/// Reads these documents, on top of what was read already.
fn read(
    first: Spot<'_>,
    documents: &[Document],
    known: Option<Rotated>,
    environment: &dyn Environment,
) -> Result<Config, Noted> {
    let (roots, broken) = roots(documents);
    let known = known.unwrap_or_else(|| Rotated::new(&roots, environment));
    let Rotated { mut sources, mut rotations } = known;
    if let Some(noted) = broken {
        sources.miss(noted);
    }
    for root in &roots {
        sources.read(root);
    }
    for root in &roots {
        rotations.read(root, &sources);
    }
    let vault = vault(&roots, first, broken, environment);
    let concurrency = once(&roots, "concurrency", |value| value.count(MOST_RUNS));
    let grace_period = once(&roots, "grace_period", Value::duration);
    let listen = listen::read(&roots);
    let cluster = cluster::read(&roots, &sources, vault.as_ref().ok());
    roots.into_iter().for_each(Block::finish);
    if rotations.is_empty() && broken.is_none() {
        first.note("there is no `rotation`: nothing to do");
    }
    Ok(Config {
        vault: vault?,
        sources: sources.finish()?,
        rotations: rotations.finish()?,
        concurrency: concurrency?.unwrap_or(RUNS),
        grace_period: grace_period?.unwrap_or(GRACE_PERIOD),
        listen: listen?,
        cluster: cluster?,
    })
}

/// The files that could be parsed, and whether one could not.
fn roots(documents: &[Document]) -> (Vec<Block<'_>>, Option<Noted>) {
    let mut broken = None;
    let root = |document| Block::root(document).map_err(|noted| broken = Some(noted)).ok();
    (documents.iter().filter_map(root).collect(), broken)
}

fn vault(
    roots: &[Block<'_>],
    first: Spot<'_>,
    broken: Option<Noted>,
    environment: &dyn Environment,
) -> Result<VaultSettings, Noted> {
    let blocks: Vec<_> = roots.iter().flat_map(|root| root.blocks(&words::VAULT)).collect();
    let mut blocks = blocks.into_iter();
    let settings = match (blocks.next(), broken) {
        (None, Some(noted)) => Err(noted),
        (None, None) => vault::settings(None, first, environment),
        (Some(found), _) => found.and_then(|(block, header)| {
            let settings = vault::settings(Some(&block), first, environment);
            block.finish();
            header.and(settings)
        }),
    };
    for (other, _) in blocks.flatten() {
        other.header.note("there is more than one `vault` block");
        vault::check(&other);
        other.finish();
    }
    settings
}

/// An attribute that may stand in one of the files.
fn once<'a, T>(
    roots: &[Block<'a>],
    name: &'static str,
    read: impl Fn(Value<'a>) -> Result<T, Noted>,
) -> Result<Option<T>, Noted> {
    let values: Vec<_> = roots.iter().filter_map(|root| root.attribute(name).transpose()).collect();
    let mut values = values.into_iter();
    let Some(first) = values.next().transpose()? else { return Ok(None) };
    for other in values {
        other?.spot.note(format!("`{name}` stands at {} already", first.spot.line()));
    }
    read(first).map(Some)
}

const NOT_FOUND: &str =
    "name the file, or a folder with *.hcl in it, by `--config`; without, it is tokenferry.hcl here";
const GRACE_PERIOD: Duration = Duration::from_secs(25);
const MOST_RUNS: usize = 64;
const RUNS: usize = 8;
