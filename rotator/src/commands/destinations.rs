//! The destinations of a rotation, one by one.

use std::collections::BTreeMap;

use serde::Serialize;
use tokenferry_sources::rfc3339;

use super::tell;
use crate::app::App;
use crate::cli::Cli;
use crate::meaning::meaning;
use crate::run::{Class, RotationId};
use crate::runner::DestinationState;
use crate::scheduler::{Held, HeldBy};

/// One destination, as it was found or left.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Destination {
    /// Its entry.
    entry: String,
    expires_at: Option<String>,
    /// What came in its way last.
    failure_class: Option<String>,
}

/// Those of these rotations that have several: else the rotation says it all.
pub(super) async fn of(
    app: &App,
    rotations: impl IntoIterator<Item = RotationId>,
) -> BTreeMap<RotationId, Vec<Destination>> {
    let mut found = of_all(app, rotations).await;
    found.retain(|_, destinations| destinations.len() > 1);
    found
}

/// The same, and those whose only one is in trouble: nothing can be noted beside what is not ours.
pub(super) async fn of_or_in_trouble(
    app: &App,
    rotations: impl IntoIterator<Item = RotationId>,
) -> BTreeMap<RotationId, Vec<Destination>> {
    let mut found = of_all(app, rotations).await;
    found.retain(|_, destinations| destinations.len() > 1 || are_in_trouble(destinations));
    found
}

async fn of_all(
    app: &App,
    rotations: impl IntoIterator<Item = RotationId>,
) -> BTreeMap<RotationId, Vec<Destination>> {
    let mut found = BTreeMap::new();
    for id in rotations {
        let states = app.runner.destinations(id).await;
        found.insert(id, states.into_iter().map(Destination::from).collect());
    }
    found
}

/// What came in the way of the first of them that is in trouble.
pub(super) fn first_trouble(destinations: &[Destination]) -> Option<&str> {
    destinations.iter().find_map(|destination| destination.failure_class.as_deref())
}

/// Whether something came in the way of one of them.
pub(super) fn are_in_trouble(destinations: &[Destination]) -> bool {
    destinations.iter().any(|destination| destination.failure_class.is_some())
}

/// Whether a refresh has ended the token of one of them.
pub(super) fn are_ended(destinations: &[Destination]) -> bool {
    let ended = Class::ENDED_BY_REFRESH;
    destinations.iter().any(|destination| destination.failure_class.as_deref() == Some(ended.name()))
}

/// What a rotation waits for. Where something is in the way of a destination, whoever runs it tries that again and
/// again, and only that process knows when.
pub(super) fn held(held: Option<Held>, are_in_trouble: bool) -> Option<Held> {
    held.or_else(|| are_in_trouble.then_some(Held { by: HeldBy::Backoff, until: None }))
}

/// Says which of them fail, below the table.
pub(super) fn tell_troubles<'a>(cli: &Cli, rotations: impl Iterator<Item = (&'a str, &'a [Destination])>) {
    let all =
        rotations.flat_map(|(rotation, destinations)| destinations.iter().map(move |one| (rotation, one)));
    for (rotation, Destination { entry, failure_class, .. }) in all {
        if let Some(class) = failure_class {
            let advice = meaning(class).advice;
            tell(cli, format_args!("{rotation}: {entry}: {class}"), Some(advice));
        }
    }
}

impl From<DestinationState> for Destination {
    fn from(state: DestinationState) -> Self {
        Destination {
            entry: state.at,
            expires_at: state.living.and_then(|living| living.expires_at).map(rfc3339),
            failure_class: state.trouble.map(|class| class.to_string()),
        }
    }
}
