//! Keeps counters and request log.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::request::Parts;
use axum::response::Response;

use super::counters::{Counters, GrantCounts, SystemCounters, slot};
use super::requests::{CacheBuster, RequestRecord, cache_busting_value};
use crate::answer::Granted;
use crate::system::Act;

/// The log holds this many requests.
const LOG_LENGTH: usize = 2000;

/// The status of a request that was never answered.
const NO_ANSWER: u16 = 0;

/// Shared by everything that counts. Its lock is never held across an `.await`.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Books>);

#[derive(Debug, Default)]
struct Books {
    counters: Counters,
    log: VecDeque<RequestRecord>,
    last_sequence: u64,
    cache_busters: BTreeMap<String, String>,
}

/// One open connection; dropped when it closes.
#[derive(Debug)]
pub(crate) struct OpenConnection(Arc<Ledger>);

/// One request under way. Dropped without an answer (cut, or the client went away) it counts as such.
#[derive(Debug)]
pub(crate) struct Visit {
    ledger: Arc<Ledger>,
    sequence: u64,
    path: String,
    system: Option<&'static str>,
    act: Act,
    status: u16,
    granted: bool,
}

impl Ledger {
    pub(crate) fn connect(self: &Arc<Self>) -> OpenConnection {
        let connections = &mut self.books().counters.connections;
        connections.accepted += 1;
        connections.open += 1;
        connections.peak = connections.peak.max(connections.open);
        OpenConnection(Arc::clone(self))
    }

    pub(crate) fn arrive(self: &Arc<Self>, head: &Parts, system: Option<&'static str>, act: Act) -> Visit {
        let path = head.uri.path().to_owned();
        let sequence = self.books().enter(head, system, &act);
        Visit { ledger: Arc::clone(self), sequence, path, system, act, status: NO_ANSWER, granted: false }
    }

    pub(crate) fn counters(&self) -> Counters {
        self.books().counters.clone()
    }

    pub(crate) fn requests(&self) -> Vec<RequestRecord> {
        self.books().log.iter().cloned().collect()
    }

    /// Starts anew; connections that are open stay counted as open.
    pub(crate) fn reset(&self) {
        let mut books = self.books();
        let open = books.counters.connections.open;
        books.counters = Counters::default();
        books.counters.connections.open = open;
        books.counters.connections.peak = open;
        books.log.clear();
        books.cache_busters.clear();
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Books {
    fn enter(&mut self, head: &Parts, system: Option<&'static str>, act: &Act) -> u64 {
        let cache_buster = self.cache_buster(head);
        if let Some(system) = system {
            let counters = slot(&mut self.counters.systems, system);
            counters.cache_busters.add(cache_buster);
            if let Act::Read(device) = act {
                *slot(&mut counters.reads, device) += 1;
            }
            if let Some(grants) = grants(counters, act) {
                grants.begin();
            }
        }
        self.last_sequence += 1;
        if self.log.len() == LOG_LENGTH {
            self.log.pop_front();
        }
        self.log.push_back(RequestRecord::new(self.last_sequence, head, cache_buster));
        self.last_sequence
    }

    fn leave(&mut self, visit: &Visit) {
        *slot(&mut self.counters.requests, &visit.path).entry(visit.status).or_default() += 1;
        if let Some(system) = visit.system
            && let Some(grants) = grants(slot(&mut self.counters.systems, system), &visit.act)
        {
            grants.end(visit.granted);
        }
        let place = self.log.binary_search_by_key(&visit.sequence, |record| record.sequence);
        if let Some(record) = place.ok().and_then(|place| self.log.get_mut(place)) {
            record.status = Some(visit.status);
        }
    }

    /// Compares with the request before at this path: caches are keyed by URL.
    fn cache_buster(&mut self, head: &Parts) -> CacheBuster {
        let Some(value) = head.uri.query().and_then(cache_busting_value) else {
            return CacheBuster::Absent;
        };
        let last = slot(&mut self.cache_busters, head.uri.path());
        let seen = if last == value { CacheBuster::Repeated } else { CacheBuster::Fresh };
        value.clone_into(last);
        seen
    }
}

fn grants<'counters>(
    counters: &'counters mut SystemCounters,
    act: &Act,
) -> Option<&'counters mut GrantCounts> {
    match act {
        Act::Login(key) => Some(slot(&mut counters.logins, key)),
        Act::Renewal(user) => Some(slot(&mut counters.renewals, user)),
        Act::Other | Act::Read(_) => None,
    }
}

impl Visit {
    /// Notes the answer, which is about to be sent.
    pub(crate) fn answered(&mut self, response: &Response) {
        self.status = response.status().as_u16();
        self.granted = response.extensions().get::<Granted>().is_some();
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let ledger = Arc::clone(&self.ledger);
        ledger.books().leave(self);
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        let connections = &mut self.0.books().counters.connections;
        connections.open = connections.open.saturating_sub(1);
    }
}
