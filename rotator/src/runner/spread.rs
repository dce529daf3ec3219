//! A token that stands in one destination and not in all, as after a crash or when a destination was added: it is
//! written to the others, and nobody logs in.

use std::collections::BTreeSet;

use tokenferry_sources::{Expiry, ExposeSecret, Predecessor, Timestamp, Token, TokenUsage};
use tokenferry_vault::Entry;
use tracing::info;

use super::Runner;
use super::job::{Job, Pending, State};
use super::place::Place;
use super::publish::Written;
use crate::rotation::Destination;
use crate::run::{Due, Living, Reason};
use crate::source::Opened;

impl Runner {
    /// The token that the others lack, if there is one and it is as good as a new one.
    pub(super) async fn spread(
        &self,
        job: &Job,
        state: &mut State,
        due: &Due,
        opened: &Opened,
    ) -> Option<Box<Pending>> {
        if due.reason == Reason::Forced || self.dry_run || is_even(job, &state.places) {
            return None;
        }
        let (index, at) = newest(job, &state.places)?;
        let (place, entry) = self.look(job, at).await.ok()?;
        let entry = entry?;
        let occurrence = entry.origin.occurrence;
        let is_wanted =
            due.reason != Reason::Schedule || occurrence.timestamp() >= due.occurrence.timestamp();
        let is_over = state.ended.is_some_and(|ended| ended.has_issued(entry.issued_at));
        let token = token(&entry, opened, self.clock.now()).filter(|_| is_wanted && !is_over)?;
        let is_there = place.check(job, at).is_ok() && place.is_of(job);
        let slot = state.places.get_mut(index)?;
        *slot = Some(place);
        let pending = job.pending(token, due, &state.places);
        let mut pending = Box::new(Pending { occurrence, owes_session: false, ..pending });
        for (done, slot) in pending.written.iter_mut().zip(&state.places) {
            let holds = |living: &Living| is_same(living.issued_at, pending.token.issued_at);
            *done = slot.as_ref().and_then(known).filter(holds).map(Written::Ours);
        }
        let serves = is_there && pending.serves(&job.rotation, due, self.clock.now());
        let pending = Some(pending).filter(|_| serves)?;
        info!(rotation = &*job.rotation.name, from = %at, "the token of one destination is written to the others");
        Some(pending)
    }
}

/// Whether readers hold different tokens of a system whose logins may end the tokens before them: which of them lives
/// is not known then.
pub(super) fn is_torn(job: &Job, places: &[Option<Place>]) -> bool {
    let issued: BTreeSet<i64> = ours(job, places)
        .filter_map(|(_, place)| known(place))
        .map(|living| living.issued_at.timestamp())
        .collect();
    issued.len() > 1 && job.rotation.source.predecessor() != Predecessor::LivesOn
}

/// Whether every destination that we may write to has the same token, as far as we see.
fn is_even(job: &Job, places: &[Option<Place>]) -> bool {
    let destinations = job.rotation.destinations.iter().zip(places);
    let mut writable =
        destinations.filter_map(|(at, slot)| slot.as_ref().filter(|place| place.check(job, at).is_ok()));
    let issued = |place: &Place| place.served().filter(|_| place.is_of(job)).map(|living| living.issued_at);
    let Some(first) = writable.next().map(issued) else { return true };
    match first {
        Some(first) => writable.all(|place| issued(place).is_some_and(|other| is_same(first, other))),
        None => false,
    }
}

/// Where the newest token stands. Whoever may write in one namespace shall not write in another by way of us: a token
/// goes to others in its own namespace only.
fn newest<'a>(job: &'a Job, places: &[Option<Place>]) -> Option<(usize, &'a Destination)> {
    let (at, _) = ours(job, places)
        .filter(|(_, place)| place.is_seen())
        .max_by_key(|(_, place)| place.living.map(|living| living.issued_at))?;
    let destinations = &job.rotation.destinations;
    let is_at_home = destinations.iter().all(|other| other.entry.namespace == at.entry.namespace);
    let index = destinations.iter().position(|other| std::ptr::eq(other, at))?;
    is_at_home.then_some((index, at))
}

fn ours<'j, 'p>(
    job: &'j Job,
    places: &'p [Option<Place>],
) -> impl Iterator<Item = (&'j Destination, &'p Place)> + use<'j, 'p> {
    let known = job.rotation.destinations.iter().zip(places);
    let known = known.filter_map(|(at, slot)| Some((at, slot.as_ref()?)));
    known.filter(|(at, place)| place.is_of(job) && place.check(job, at).is_ok())
}

/// The token that readers find, if it was seen itself.
fn known(place: &Place) -> Option<Living> {
    place.served().filter(|_| place.is_seen())
}

/// Entries hold whole seconds.
fn is_same(one: Timestamp, other: Timestamp) -> bool {
    one.timestamp() == other.timestamp()
}

/// The token as it was issued, if this login would have got it.
fn token(entry: &Entry, opened: &Opened, now: Timestamp) -> Option<Token> {
    let identity = opened.login.identity();
    let is_ours = (&*entry.system, &entry.issuer, &entry.subject)
        == (identity.system, &identity.issuer, &identity.subject);
    let prefix = entry.header_value.expose_secret().strip_suffix(entry.token.expose_secret())?.to_owned();
    let usage = TokenUsage {
        token_type: entry.token_type.clone().into(),
        header_name: entry.header_name.clone().into(),
        value_prefix: prefix.into(),
    };
    let expiry = entry.expires_at.map_or(Expiry::Unknown, Expiry::Reported);
    (is_ours && entry.issued_at <= now)
        .then(|| Token::new(entry.token.clone(), usage, identity.clone(), entry.issued_at, expiry))
}
