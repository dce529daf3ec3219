//! The rate of a source: never more logins in any period than it allows, the most urgent run first among those that
//! wait for it. Other sources do not notice.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use tokenferry_sources::Timestamp;

use super::moment;
use crate::rate::Rate;
use crate::run::{Class, RotationId, Standing, Urgency};

/// The runs of one source that has a rate.
#[derive(Debug)]
pub(super) struct Lane {
    source: Arc<str>,
    rate: Rate,
    /// When the logins were that still count, the oldest on top.
    logins: BinaryHeap<Reverse<Timestamp>>,
    in_flight: usize,
    /// How many rotations there are of which nobody knows yet when they logged in: each may have done so just before
    /// we began.
    unread: usize,
    waiting: BTreeSet<(Urgency, RotationId)>,
    /// When it is looked at again because something waits.
    pub(super) turn: Option<Timestamp>,
}

impl Lane {
    pub(super) fn new(source: Arc<str>, rate: Rate) -> Self {
        Lane {
            source,
            rate,
            logins: BinaryHeap::new(),
            in_flight: 0,
            unread: 0,
            waiting: BTreeSet::new(),
            turn: None,
        }
    }

    pub(super) fn expect(&mut self) {
        self.unread += 1;
    }

    /// Takes in what an entry tells of past logins. It gives times in whole seconds, rounded down.
    pub(super) fn recall(&mut self, standing: &Standing, now: Timestamp) {
        self.unread = self.unread.saturating_sub(1);
        let issued = standing.living.map(|living| living.issued_at);
        let failure = standing.failure.as_ref().filter(|failure| failure.class.may_be_of_login());
        let last = issued.into_iter().chain(failure.map(|failure| failure.at));
        for login in last.chain(standing.earlier_logins.iter().copied()) {
            // Nobody can have logged in later than now.
            let login = login.min(now);
            self.logins.push(Reverse(moment::after(login, Duration::from_secs(1))));
        }
    }

    pub(super) fn is_namesake(&self, other: &Lane) -> bool {
        self.source == other.source
    }

    /// Takes over the logins of another lane, whose source or rate was changed. Of what is under way there, so many
    /// runs go on in this lane; nobody will tell when the others log in.
    pub(super) fn succeed(&mut self, former: &Lane, going_on: usize, now: Timestamp) {
        let counting = former.logins.iter().filter(|Reverse(login)| former.ends(*login) > now);
        let unseen = former.in_flight.saturating_sub(going_on);
        self.logins.extend(counting.copied().chain(iter::repeat_n(Reverse(now), unseen)));
    }

    /// Takes in when a rotation logged in that had another lane before, or none, unless that lane counted it.
    pub(super) fn remember(&mut self, login: Option<Timestamp>, former: Option<&Lane>, now: Timestamp) {
        let is_new = |login: &Timestamp| former.is_none_or(|former| former.ends(*login) <= now);
        self.logins.extend(login.filter(is_new).map(Reverse));
    }

    /// A rotation is one of this lane, and was known before.
    pub(super) fn carry_on(&mut self, is_read: bool, is_in_flight: bool) {
        self.unread -= usize::from(is_read).min(self.unread);
        self.in_flight += usize::from(is_in_flight);
    }

    pub(super) fn wait(&mut self, urgency: Urgency, rotation: RotationId) {
        self.waiting.insert((urgency, rotation));
    }

    pub(super) fn leave(&mut self, urgency: Urgency, rotation: RotationId) {
        self.waiting.remove(&(urgency, rotation));
    }

    /// The most urgent of those that wait, if the rate lets it begin now.
    pub(super) fn begin(&mut self, now: Timestamp, began: Timestamp) -> Option<RotationId> {
        while self.logins.peek().is_some_and(|Reverse(login)| self.ends(*login) <= now) {
            self.logins.pop();
        }
        if self.opens_at(now, began)? > now {
            return None;
        }
        let (_, rotation) = self.waiting.pop_first()?;
        self.in_flight += 1;
        Some(rotation)
    }

    /// A run has ended. When its logins were is not known better than that they were before.
    pub(super) fn end(&mut self, logins: u32, now: Timestamp) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.logins.extend(iter::repeat_n(Reverse(now), logins as usize));
    }

    /// When to look again for the sake of those that wait.
    pub(super) fn next_turn(&self, now: Timestamp, began: Timestamp) -> Option<Timestamp> {
        if self.waiting.is_empty() { None } else { self.opens_at(now, began) }
    }

    /// From when on another login is allowed; `None` if that depends on runs under way. `began` is when the scheduler
    /// did.
    pub(super) fn opens_at(&self, now: Timestamp, began: Timestamp) -> Option<Timestamp> {
        let allowed = self.rate.logins() as usize;
        let most = self.logins.len() + self.in_flight + self.unread;
        let oldest = self.logins.peek().is_none_or(|Reverse(login)| self.ends(*login) > now);
        if most < allowed {
            return Some(now);
        }
        if most == allowed && self.unread == 0 && oldest {
            return self.logins.peek().map(|Reverse(login)| self.ends(*login));
        }
        let mut ends: Vec<Timestamp> = self.counting(now, began).collect();
        let Some(too_many) = (ends.len() + self.in_flight).checked_sub(allowed) else { return Some(now) };
        (too_many < ends.len()).then(|| *ends.select_nth_unstable(too_many).1)
    }

    /// When those begin that are due or planned, each as soon as the rate lets it, the most urgent first. What is under
    /// way is taken to log in now.
    pub(super) fn turns(
        &self,
        mut planned: Vec<(Timestamp, Urgency, RotationId)>,
        now: Timestamp,
        began: Timestamp,
    ) -> Vec<(RotationId, Timestamp)> {
        let under_way = iter::repeat_n(self.ends(now), self.in_flight);
        let mut counting: BinaryHeap<_> = self.counting(now, began).chain(under_way).map(Reverse).collect();
        planned.sort_unstable();
        let mut planned = planned.into_iter().peekable();
        let (mut line, mut turns, mut time) = (BTreeSet::new(), Vec::new(), now);
        loop {
            while let Some((_, urgency, rotation)) = planned.next_if(|(at, ..)| *at <= time) {
                line.insert((urgency, rotation));
            }
            while counting.peek().is_some_and(|Reverse(end)| *end <= time) {
                counting.pop();
            }
            if line.is_empty() {
                let Some((at, ..)) = planned.peek() else { return turns };
                time = *at;
            } else if counting.len() < self.rate.logins() as usize {
                turns.extend(line.pop_first().map(|(_, rotation)| (rotation, time)));
                counting.push(Reverse(self.ends(time)));
            } else if let Some(Reverse(end)) = counting.pop() {
                time = end;
            }
        }
    }

    /// When each of the logins ends to count that count now, or may.
    fn counting(&self, now: Timestamp, began: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
        let known = self.logins.iter().map(|Reverse(login)| self.ends(*login));
        known.chain(iter::repeat_n(self.ends(began), self.unread)).filter(move |end| *end > now)
    }

    /// When a login does not count any more.
    fn ends(&self, login: Timestamp) -> Timestamp {
        moment::after(login, self.rate.period())
    }

    /// The clock was set: what was waited for is as far away as before.
    pub(super) fn shift(&mut self, by: chrono::TimeDelta) {
        let shifted = self.logins.drain().map(|Reverse(login)| Reverse(moment::shifted(login, by)));
        self.logins = shifted.collect::<Vec<_>>().into();
    }
}

impl Class {
    /// Whether a run that failed in this way may have sent a login.
    fn may_be_of_login(&self) -> bool {
        !self.name().starts_with("vault_") && !WITHOUT_LOGIN.contains(&self.name())
    }
}

const WITHOUT_LOGIN: [&str; 5] =
    ["bad_setting", "foreign_entry", "newer_schema", "other_rotation", "secret_unavailable"];
