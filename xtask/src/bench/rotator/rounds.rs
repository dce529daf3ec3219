//! What is measured in rounds: one round measures everything once, ours and the others' in turn.

use super::batches::{self, Batches};
use super::load::Load;
use super::measures::{MEMORY_8, RAFT_8, RAFT_32, Rates};
use super::pairs::Pairs;
use super::rates::{self, Contest, Terms};
use super::{Stage, sandbox};
use crate::bench::measures::Results;
use crate::error::Result;
use crate::openbao::Server;
use crate::sandbox::Sandbox;
use crate::terminal::Terminal;

/// Everything that stands between two rounds. Those who ask end before those whom they ask.
#[derive(Debug)]
pub(super) struct Rounds {
    batches: Batches,
    memory_8: Contest,
    raft_8: Contest,
    raft_32: Contest,
    /// Its tokens live a second.
    hasty: Sandbox,
    raft: Server,
}

impl Rounds {
    pub(super) fn prepare(stage: &Stage<'_>, terminal: &Terminal) -> Result<Self> {
        let Stage { programs, patient, memory, folder } = stage;
        let folder = folder.path();
        let raft = terminal.step("OpenBao on raft started", || {
            Server::raft(programs.openbao.program(), &folder.join("raft"))
        })?;
        let (ours, recorder, python) = (&programs.ours, &programs.recorder, &programs.python);
        let batches = Batches::prepare(folder, ours, recorder, python, memory, patient)?;
        let entry = batches::entry(memory)?;
        let limits = terminal.step("write limits found, roughly", || {
            let limit = |concurrency, server: &Server| {
                let mut load = Load::prepare(folder, concurrency, server.api(), &entry)?;
                let rotations = rates::rotations(load.run(rates::STRETCH, server)?.rate());
                Ok((load, rotations))
            };
            Ok([limit(8, memory)?, limit(8, &raft)?, limit(32, &raft)?])
        })?;
        let users = limits.iter().map(|(_, rotations)| *rotations).max().unwrap_or_default();
        let hasty = sandbox(programs, folder, "hasty", users, "1")?;
        let contest = |name, measures: Rates, concurrency, (load, rotations), server: &Server| {
            let pairs = Pairs::new(concurrency, hasty.access(), server.api(), &entry);
            let terms = Terms { name, measures, concurrency, rotations, load, pairs };
            terminal.step(&format!("first runs of {rotations} rotations ({name})"), || {
                Contest::prepare(terms, ours, folder, server, &hasty)
            })
        };
        let [memory_8, raft_8, raft_32] = limits;
        Ok(Self {
            batches,
            memory_8: contest("memory-8", MEMORY_8, 8, memory_8, memory)?,
            raft_8: contest("raft-8", RAFT_8, 8, raft_8, &raft)?,
            raft_32: contest("raft-32", RAFT_32, 32, raft_32, &raft)?,
            hasty,
            raft,
        })
    }

    pub(super) fn round(&mut self, stage: &Stage<'_>, results: &mut Results) -> Result {
        self.batches.round(&stage.memory, &stage.patient, results)?;
        self.memory_8.round(&stage.memory, &self.hasty, results)?;
        self.raft_8.round(&self.raft, &self.hasty, results)?;
        self.raft_32.round(&self.raft, &self.hasty, results)
    }
}
