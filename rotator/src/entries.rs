//! What stands in Vault, read once at the start: a run happens only if one is due.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use tokenferry_vault::VaultError;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tracing::warn;

use crate::run::{RotationId, Standing};
use crate::runner::Runner;

/// What was found for one rotation.
pub type Found = (RotationId, Standing);

/// Reads what is known of these rotations, and goes on until everything is read or nobody listens any more. Then a
/// read that is under way is given up, since it would keep others from what it reads.
pub async fn read_all(
    runner: Arc<Runner>,
    unread: BTreeSet<RotationId>,
    at_once: usize,
    found: mpsc::Sender<Found>,
) {
    tokio::select! {
        () = read_until_done(&runner, unread, at_once, &found) => {}
        () = found.closed() => {}
    }
}

async fn read_until_done(
    runner: &Runner,
    mut unread: BTreeSet<RotationId>,
    at_once: usize,
    found: &mpsc::Sender<Found>,
) {
    let mut pause = SHORTEST_PAUSE;
    while let Some(error) = read_once(runner, &mut unread, at_once, found).await {
        let wait = pause_before_next(pause, unread.len(), error.concerns_all());
        warn!(
            class = error.class(),
            vault = runner.vault().address(),
            unread = unread.len(),
            next_try_in_secs = wait.as_secs(),
            advice = error.advice(),
            "entries cannot be read, and what cannot be read is not rotated: {error}"
        );
        sleep(wait).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// How long to leave Vault alone. Where each entry was asked for to no avail, so long that thousands of them make a
/// few requests a second; where Vault itself is in trouble, only a few were asked for.
fn pause_before_next(pause: Duration, unread: usize, concerns_all: bool) -> Duration {
    let asked = if concerns_all { 0 } else { u32::try_from(unread).unwrap_or(u32::MAX) };
    pause.max((PAUSE_FOR_EACH * asked).min(LONGEST_PAUSE_OF_ALL))
}

/// One go at all that is unread. After some failures in a row for which Vault itself is to blame it ends: the next
/// would fail for the same reason.
pub async fn read_once(
    runner: &Runner,
    unread: &mut BTreeSet<RotationId>,
    at_once: usize,
    found: &mpsc::Sender<Found>,
) -> Option<VaultError> {
    let read_one = |rotation| async move { (rotation, runner.standing(rotation).await) };
    let rotations: Vec<RotationId> = unread.iter().copied().collect();
    let mut reads = stream::iter(rotations).map(read_one).buffer_unordered(at_once.max(1));
    let mut worst: Option<((bool, RotationId), VaultError)> = None;
    let mut failures_in_a_row = 0;
    while failures_in_a_row < MOST_FAILURES_IN_A_ROW {
        match reads.next().await {
            None => break,
            Some((rotation, Ok(standing))) => {
                unread.remove(&rotation);
                failures_in_a_row = 0;
                if found.send((rotation, standing)).await.is_err() {
                    return None;
                }
            }
            Some((rotation, Err(error))) => {
                // What one policy or path is to blame for says nothing about the others.
                failures_in_a_row += u32::from(error.concerns_all());
                // The one that came last would be another one each time.
                let rank = (!error.concerns_all(), rotation);
                if worst.as_ref().is_none_or(|(least, _)| rank < *least) {
                    worst = Some((rank, error));
                }
            }
        }
    }
    worst.map(|(_, error)| error)
}

const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
const PAUSE_FOR_EACH: Duration = Duration::from_millis(100);
const LONGEST_PAUSE_OF_ALL: Duration = Duration::from_mins(15);
const MOST_FAILURES_IN_A_ROW: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_of_entries_that_cannot_be_read_are_asked_for_less_often() {
        let pause = |unread, concerns_all| pause_before_next(LONGEST_PAUSE, unread, concerns_all).as_secs();
        assert_eq!([1, 600, 1_000, 100_000].map(|unread| pause(unread, false)), [60, 60, 100, 900]);
        assert_eq!(pause(100_000, true), 60, "ten of them were asked for");
        assert_eq!(pause_before_next(SHORTEST_PAUSE, 1, false), SHORTEST_PAUSE);
    }
}
