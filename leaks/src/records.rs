//! A folder in which the processes of a test run note their secrets and keep their logs.
//!
//! The variable [`FOLDER`] names it. Without the variable nothing is noted and nothing is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;
use std::{env, process};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::forms::{SHORTEST, is_code};
use crate::search::Secret;

/// The variable that names the folder.
pub const FOLDER: &str = "TOKENFERRY_LEAKS";

/// The name of a made-up secret, and the kind of the logs into which a test has it printed: a search that does not find
/// it there would find nothing else.
pub const CANARY: &str = "canary";

/// From now on `value` must not stand in any log of this run, unless it is too short to be told from other text. Of a
/// value of several lines, such as a key in PEM form, no line may stand there. `name` says what it is.
///
/// # Errors
/// When it cannot be written down.
pub fn note_secret(name: &str, value: &str) -> io::Result<()> {
    let tells = |line: &&str| (line.len() >= SHORTEST || is_code(line)) && !line.starts_with("-----");
    value.lines().filter(tells).try_for_each(|line| note_line(name, line))
}

fn note_line(name: &str, value: &str) -> io::Result<()> {
    let Some(folder) = folder() else { return Ok(()) };
    let mut register = REGISTER.lock().unwrap_or_else(PoisonError::into_inner);
    let (known, file) = match register.take() {
        Some(register) => register,
        None => (BTreeSet::new(), create(&folder.join(SECRETS), "register")?.1),
    };
    let (known, file) = register.insert((known, file));
    if known.insert(value.to_owned()) { file.write_all(line_of(name, value).as_bytes()) } else { Ok(()) }
}

/// Whether secrets are noted and logs are kept.
pub fn are_recorded() -> bool {
    folder().is_some()
}

/// A new file for a log of this `kind`; nothing if no logs are kept.
///
/// # Errors
/// When it cannot be made.
pub fn open_log(kind: &str) -> io::Result<Option<(PathBuf, File)>> {
    folder().map(|folder| create(&folder.join(LOGS), kind)).transpose()
}

/// What a whole run left behind.
#[derive(Clone, Debug)]
pub struct Records(PathBuf);

/// One log.
#[derive(Clone, Debug)]
pub struct Log {
    /// What [`open_log`] was told.
    pub kind: String,
    /// Where it is.
    pub path: PathBuf,
}

impl Records {
    /// An empty folder in place of whatever is at `folder`.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn begin(folder: &Path) -> io::Result<Self> {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::create_dir_all(folder.join(SECRETS))?;
        fs::create_dir_all(folder.join(LOGS))?;
        Ok(Self(folder.to_owned()))
    }

    /// The folder; the value of [`FOLDER`] for everybody who is to write into it.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// All secrets that were noted, each once.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn secrets(&self) -> io::Result<Vec<Secret>> {
        let mut names = BTreeMap::new();
        for path in files(&self.0.join(SECRETS))? {
            // The last line of a process that was killed may be torn.
            for secret in fs::read_to_string(path)?.lines().filter_map(read_line) {
                names.entry(secret.value).or_insert(secret.name);
            }
        }
        Ok(names.into_iter().map(|(value, name)| Secret { name, value }).collect())
    }

    /// All logs that were kept.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn logs(&self) -> io::Result<Vec<Log>> {
        let kind = |path: &Path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.split_once('-').map_or_else(String::new, |(kind, _)| kind.to_owned())
        };
        Ok(files(&self.0.join(LOGS))?.into_iter().map(|path| Log { kind: kind(&path), path }).collect())
    }
}

/// What this process has noted so far, and where.
static REGISTER: Mutex<Option<(BTreeSet<String>, File)>> = Mutex::new(None);

const LOGS: &str = "logs";
const SECRETS: &str = "secrets";

fn folder() -> Option<PathBuf> {
    env::var_os(FOLDER).filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

/// A file that nobody else has, now or earlier in the run.
fn create(folder: &Path, kind: &str) -> io::Result<(PathBuf, File)> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
    let name = format!("{kind}-{}-{since}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let path = folder.join(name);
    let file = OpenOptions::new().append(true).create_new(true).open(&path)?;
    Ok((path, file))
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// In base64, so that no secret tears a line.
fn line_of(name: &str, value: &str) -> String {
    format!("{}\t{}\n", name.replace(char::is_control, " "), STANDARD.encode(value))
}

fn read_line(line: &str) -> Option<Secret> {
    let (name, value) = line.split_once('\t')?;
    Some(Secret { name: name.to_owned(), value: String::from_utf8(STANDARD.decode(value).ok()?).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_read_back() {
        let line = line_of("a\tname", "s3cr3t\nof ünicode");
        assert!(!line.contains("s3cr3t"));
        let secret = read_line(line.trim_end()).unwrap();
        assert_eq!((secret.name.as_str(), secret.value.as_str()), ("a name", "s3cr3t\nof ünicode"));
        assert!(read_line("a name\t1").is_none() && read_line("torn").is_none());
    }

    #[test]
    fn a_run_begins_with_an_empty_folder() {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::begin(folder.path()).unwrap();
        let (path, _) = create(&folder.path().join(LOGS), "provider").unwrap();
        create(&folder.path().join(LOGS), "provider").unwrap();
        fs::write(folder.path().join(SECRETS).join("one"), line_of("a", "value") + &line_of("b", "value"))
            .unwrap();
        let logs = records.logs().unwrap();
        assert_eq!((logs.len(), logs[0].kind.as_str(), &logs[0].path), (2, "provider", &path));
        assert_eq!(records.secrets().unwrap(), [Secret { name: "a".into(), value: "value".into() }]);
        let records = Records::begin(folder.path()).unwrap();
        assert!(records.logs().unwrap().is_empty() && records.secrets().unwrap().is_empty());
    }
}
