//! Rotators that share their work: what they are started with, and what they have done together.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::postgres;
use crate::bench::configuration::{self, Rotations};
use crate::bench::daemon::Daemon;
use crate::error::{Error, Result};
use crate::mirror;
use crate::openbao::Server;
use crate::sandbox::Sandbox;
use crate::terminal::Terminal;

/// How long it may take until one leads.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often logs are read: seldom enough not to be in the way.
const INTERVAL: Duration = Duration::from_millis(50);

/// What all of them are started with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site<'a> {
    pub(super) program: &'a Path,
    pub(super) folder: &'a Path,
    pub(super) postgres: &'a postgres::Server,
    pub(super) server: &'a Server,
    pub(super) sandbox: &'a Sandbox,
    pub(super) terminal: &'a Terminal,
}

/// They end with this value.
#[derive(Debug)]
pub(super) struct Replicas(Vec<Daemon>);

impl Replicas {
    /// Starts so many, with a new database called `name`.
    pub(super) fn start(site: &Site<'_>, name: &str, count: usize, rotations: &Rotations) -> Result<Self> {
        let (access, api) = (site.sandbox.access(), site.server.api());
        let text = format!("{CLUSTER}\n{}", rotations.text(access, api));
        let mut environment = configuration::environment(access, api);
        environment.push(("DATABASE_URL", site.postgres.database(name)?));
        let start = |number| {
            // Beside its configuration each has its log.
            let file = mirror::write(&site.folder.join(format!("{name}-{number}.hcl")), &text)?;
            Daemon::start(site.program, &file, &environment)
        };
        (1..=count).map(start).collect::<Result<Vec<Daemon>>>().map(Self)
    }

    pub(super) fn all(&self) -> &[Daemon] {
        &self.0
    }

    /// The place of the one that leads, once there is one and all have found their part.
    pub(super) fn leader(&mut self) -> Result<usize> {
        let begun = Instant::now();
        loop {
            let roles = self.roles()?;
            if roles.iter().all(Option::is_some)
                && let Some(leader) = roles.iter().position(|role| *role == Some(true))
            {
                return Ok(leader);
            }
            self.check(begun, PATIENCE, "replica that leads")?;
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The place of the one that leads, which knows all entries by then.
    pub(super) fn informed_leader(&mut self, patience: Duration) -> Result<usize> {
        let leader = self.leader()?;
        self.0[leader].wait_until_read(patience)?;
        Ok(leader)
    }

    /// Waits until they have done so many runs, all together, and tells what it sees.
    pub(super) fn watch(&mut self, runs: u64, patience: Duration, mut tell: impl FnMut(u64)) -> Result {
        let begun = Instant::now();
        loop {
            let rotated = self.rotated()?;
            if rotated >= runs {
                return Ok(());
            }
            tell(rotated);
            self.check(begun, patience, &format!("{runs} runs of all replicas ({rotated} were seen)"))?;
            thread::sleep(INTERVAL);
        }
    }

    /// Kills the one at this place.
    pub(super) fn kill(&mut self, place: usize) -> Result {
        if place >= self.0.len() {
            return Err(Error::unexpected("there is no replica to kill"));
        }
        self.0.remove(place).kill();
        Ok(())
    }

    fn roles(&mut self) -> Result<Vec<Option<bool>>> {
        self.0.iter_mut().map(Daemon::leads).collect()
    }

    fn rotated(&mut self) -> Result<u64> {
        self.0.iter_mut().map(Daemon::rotated).sum()
    }

    fn check(&mut self, begun: Instant, patience: Duration, wanted: &str) -> Result {
        self.0.iter_mut().try_for_each(|daemon| daemon.check(begun, patience, wanted))
    }
}

const CLUSTER: &str = "cluster {\n  database_url = { env = \"DATABASE_URL\" }\n}\n";
