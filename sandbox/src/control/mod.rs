//! The handle by which tests and users steer a sandbox and look into it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::request::Parts;

pub(crate) mod counters;
pub(crate) mod effect;
pub(crate) mod fault;
pub(crate) mod http;
pub(crate) mod ledger;
pub(crate) mod plan;
pub(crate) mod requests;

use counters::Counters;
use fault::Fault;
use ledger::Ledger;
use plan::Plan;
use requests::RequestRecord;

use crate::system::System;

/// Faults to come, counters and the request log of one sandbox; clones share them.
#[derive(Clone, Debug)]
pub struct Control(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    systems: Vec<Arc<dyn System>>,
    faults: Mutex<VecDeque<Fault>>,
    ledger: Arc<Ledger>,
}

impl Control {
    pub(crate) fn new(systems: Vec<Arc<dyn System>>) -> Self {
        Self(Arc::new(Inner { systems, faults: Mutex::default(), ledger: Arc::default() }))
    }

    /// Adds a fault. Of several that fit a request the oldest decides the answer; latencies, clock skews and
    /// revoked keys add up.
    pub fn fault(&self, fault: Fault) {
        self.faults_mut().push_back(fault);
    }

    /// The faults still in force, with the `times` that are left.
    pub fn faults(&self) -> Vec<Fault> {
        self.faults_mut().iter().cloned().collect()
    }

    /// Takes all faults back.
    pub fn clear_faults(&self) {
        self.faults_mut().clear();
    }

    /// What happened so far. `/_control/` requests are left out; their connections are not.
    pub fn counters(&self) -> Counters {
        self.0.ledger.counters()
    }

    /// The latest requests, oldest first.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.0.ledger.requests()
    }

    /// Clears faults, counters, the request log and spent call budgets. Issued tokens stay good.
    pub fn reset(&self) {
        self.clear_faults();
        self.0.ledger.reset();
        for system in self.systems() {
            system.reset();
        }
    }

    pub(crate) fn ledger(&self) -> &Arc<Ledger> {
        &self.0.ledger
    }

    pub(crate) fn systems(&self) -> &[Arc<dyn System>] {
        &self.0.systems
    }

    pub(crate) fn plan(&self, head: &Parts) -> Plan {
        Plan::draw(&mut self.faults_mut(), head.method.as_str(), head.uri.path())
    }

    fn faults_mut(&self) -> MutexGuard<'_, VecDeque<Fault>> {
        self.0.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
