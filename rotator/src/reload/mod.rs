//! Reading the configuration anew while the program runs: on SIGHUP, and when a file has changed.
//!
//! A configuration in which anything is wrong takes nothing over: the one before it stays in force. Variables of the
//! environment are those that the process was started with.

mod transition;
mod watch;

pub use transition::{Changes, Inherited, Transition};

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokenferry_sources::{ProcessEnvironment, Timestamp, certificates};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep_until};
use tracing::{error, info, warn};

use self::transition::Names;
use self::watch::{Seen, Watch};
use crate::cluster::{Settings, TimeRule};
use crate::config::{Config, ConfigErrors, Problem};
use crate::handover;
use crate::rotation::Rotation;

/// How the last attempt to read the configuration ended; the one at the start counts, too.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LastReload {
    /// Whether it was taken over.
    pub successful: bool,
    /// When.
    pub at: Timestamp,
}

/// Notices when the configuration has to be read again, and reads it.
#[derive(Debug)]
pub struct Reloads {
    path: PathBuf,
    watch: Watch,
    /// What is in force.
    rotations: Arc<[Arc<Rotation>]>,
    /// How work is shared until the next start.
    sharing: Option<Settings>,
    next_look: Instant,
    hang_up: Signal,
    reading: Option<JoinHandle<Result<Config, ConfigErrors>>>,
}

/// Why the configuration was read again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Cause {
    /// These files have changed.
    Files(Vec<PathBuf>),
    /// Somebody asked for it.
    Signal,
}

/// What happens to a configuration that has to be read again.
#[derive(Debug)]
pub enum Step {
    /// Reading has begun, for this reason.
    Begun(Cause),
    /// It has been read: the configuration, or all that is wrong with it.
    Read(Result<Box<Config>, ConfigErrors>),
}

impl Reloads {
    /// Of this file or folder. From now on nothing that changes is missed, so it comes before the first reading. SIGHUP
    /// does not end the process any longer.
    ///
    /// # Errors
    /// When the operating system does not let us listen to the signal.
    pub fn new(path: &Path) -> io::Result<Self> {
        let watch = Watch::new(path);
        let hang_up = signal(SignalKind::hangup())?;
        Ok(Reloads {
            path: path.to_owned(),
            next_look: Instant::now() + watch.pause(),
            watch,
            rotations: Arc::default(),
            sharing: None,
            hang_up,
            reading: None,
        })
    }

    /// This is in force from now on. Changes of the files that it refers to are noticed, too, in place of those of the one
    /// before.
    pub fn follow(&mut self, config: &Config) {
        self.rotations = config.rotations.as_slice().into();
        if self.sharing.is_none() {
            self.sharing.clone_from(&config.cluster);
        }
        self.watch.refer(config.referred().map(Path::to_owned));
    }

    /// Waits for the next thing to happen. Loses nothing when it is dropped.
    pub async fn next(&mut self) -> Step {
        let Some(reading) = &mut self.reading else {
            let cause = self.wanted().await;
            self.begin(&cause);
            return Step::Begun(cause);
        };
        let config = match reading.await {
            Ok(config) => config,
            Err(_) => Err(vec![mistake(&self.path)].into()),
        };
        self.reading = None;
        Step::Read(config.map(Box::new))
    }

    async fn wanted(&mut self) -> Cause {
        loop {
            tokio::select! {
                Some(()) = self.hang_up.recv() => {
                    self.watch.take_note();
                    return Cause::Signal;
                }
                () = sleep_until(self.next_look) => {
                    let seen = self.watch.see();
                    self.next_look = Instant::now() + self.watch.pause();
                    if let Seen::Changed(files) = seen {
                        return Cause::Files(files);
                    }
                }
            }
        }
    }

    /// In another thread: thousands of rotations take a while, and runs must not wait for that.
    fn begin(&mut self, cause: &Cause) {
        info!(%cause, "reading the configuration again");
        let (path, former) = (self.path.clone(), Arc::clone(&self.rotations));
        let sharing = self.sharing.clone();
        self.reading = Some(spawn_blocking(move || read(&former, sharing.as_ref(), &path)));
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Files(paths) => {
                let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
                let verb = if names.len() == 1 { "has" } else { "have" };
                write!(f, "{} {verb} changed", Names(&names))
            }
            Cause::Signal => f.write_str("SIGHUP"),
        }
    }
}

/// What the log is told of a configuration that was taken over.
pub fn tell(changes: &Changes, rotations: usize) {
    let Changes { added, changed, removed } = changes;
    if changes == &Changes::default() {
        return info!(rotations, "the configuration was read again; its rotations are the same");
    }
    let names =
        |names| Some(Names(names)).filter(|Names(names)| !names.is_empty()).map(|names| names.to_string());
    info!(
        rotations,
        added = names(added),
        changed = names(changed),
        removed = names(removed),
        "the configuration was read again and is in force now"
    );
}

/// What the log is told of destinations that were others' until now.
pub fn tell_inherited(inherited: &[Inherited]) {
    for Inherited { at, from, to } in inherited {
        warn!(
            rotation = &**to,
            destination = %at,
            former = &**from,
            advice = handover::advice(at, from, to),
            "the destination was another rotation's: its entry is refused until it is handed over"
        );
    }
}

/// What the log is told of one in which something is wrong.
pub fn tell_refusal(problems: &ConfigErrors) {
    for Problem { file, place, message, advice, excerpt } in problems {
        error!(
            file = %file.display(),
            line = place.map(|place| place.line),
            column = place.map(|place| place.column),
            text = excerpt.as_ref().map(|excerpt| &*excerpt.line),
            advice,
            "{message}"
        );
    }
    error!(
        problems = problems.iter().len(),
        "the configuration is wrong and was not taken over; the one before it stays in force"
    );
}

fn read(former: &[Arc<Rotation>], sharing: Option<&Settings>, path: &Path) -> Result<Config, ConfigErrors> {
    let config = Config::load_after(former, path, &ProcessEnvironment)?;
    let unusable = |file: &Path| Some(unusable(file, &certificates(file).err()?));
    let too_long = sharing.and_then(|sharing| Some(too_long(path, &config.check_time(sharing).err()?)));
    let problems: Vec<Problem> =
        config.ca_cert_files().into_iter().filter_map(unusable).chain(too_long).collect();
    if problems.is_empty() { Ok(config) } else { Err(problems.into()) }
}

/// A file of certificates that has to be read anew, while those that were read before work.
fn unusable(file: &Path, cause: &str) -> Problem {
    let message = format!("the certificates cannot be used: {cause}");
    Problem { file: file.to_owned(), place: None, message, advice: None, excerpt: None }
}

/// Other replicas would take over what is still under way: the `cluster` block is that of the start.
fn too_long(path: &Path, broken: &TimeRule) -> Problem {
    let message = format!("{broken} until the next start");
    Problem { file: path.to_owned(), place: None, message, advice: Some(broken.advice()), excerpt: None }
}

fn mistake(path: &Path) -> Problem {
    let message = "it could not be read because of a mistake in this program".to_owned();
    Problem { file: path.to_owned(), place: None, message, advice: None, excerpt: None }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokenferry_sources::Reference;

    use super::*;

    #[test]
    fn runs_that_became_too_long_for_the_replicas_that_run_are_not_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tokenferry.hcl");
        std::fs::write(&file, SLOW).unwrap();
        assert!(read(&[], None, &file).is_ok());
        let limit = |seconds| Settings {
            heartbeat_limit: Duration::from_secs(seconds),
            ..Settings::new(Reference::Env("URL".to_owned()))
        };
        assert!(read(&[], Some(&limit(96)), &file).is_ok());
        let problems = read(&[], Some(&limit(95)), &file).unwrap_err();
        let told: Vec<&str> = problems.iter().map(|problem| &*problem.message).collect();
        assert!(told.len() == 1 && told[0].ends_with("which is 95 s until the next start"), "{told:?}");
    }

    const SLOW: &str = r#"
        vault {
          address = "https://vault.example"
          auth "token" {
            token = { env = "VAULT_TOKEN" }
          }
        }
        source "zettelstore" "notes" {
          base_url = "https://notes.example"
          username = "anna"
          password = { env = "PASSWORD" }
          timeout  = "70s"
        }
        rotation "notes" {
          source   = "zettelstore.notes"
          schedule = "0 * * * *"
          destination {
            mount = "secret"
            path  = "notes"
          }
        }
    "#;
}
