//! Who is connected, and who has to go when somebody else comes: idle ones must not keep out those who ask for health.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::AbortHandle;
use tracing::debug;

/// The connections that are open, the oldest first.
#[derive(Default)]
pub(super) struct Guests(Vec<Guest>);

/// A connection.
pub(super) struct Guest {
    /// Where it comes from.
    pub(super) address: IpAddr,
    /// Whether its request has come.
    pub(super) has_asked: Arc<AtomicBool>,
    /// What serves it.
    pub(super) task: AbortHandle,
}

impl Guests {
    /// Whether there is room for one from this address. If need be the oldest that has not asked for anything yet is hung
    /// up on: one of that address where it has too many, else anyone's.
    pub(super) fn make_room(&mut self, address: IpAddr) -> bool {
        self.0.retain(|guest| !guest.task.is_finished());
        let of_address = |guest: &Guest| guest.address == address;
        if self.0.iter().filter(|guest| of_address(guest)).count() >= MOST_OF_ONE_ADDRESS {
            return self.hang_up_on(of_address);
        }
        self.0.len() < MOST || self.hang_up_on(|_| true)
    }

    pub(super) fn enter(&mut self, guest: Guest) {
        self.0.push(guest);
    }

    fn hang_up_on(&mut self, is_meant: impl Fn(&Guest) -> bool) -> bool {
        let is_idle = |guest: &Guest| !guest.has_asked.load(Ordering::Relaxed);
        let Some(oldest) = self.0.iter().position(|guest| is_idle(guest) && is_meant(guest)) else {
            return false;
        };
        let guest = self.0.remove(oldest);
        guest.task.abort();
        debug!(address = %guest.address, "hung up on somebody who asks for nothing, to make room");
        true
    }
}

const MOST: usize = 32;
const MOST_OF_ONE_ADDRESS: usize = 16;

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::task::JoinHandle;

    use super::*;

    /// Somebody who stays, and whether he is served still.
    fn enter(guests: &mut Guests, address: [u8; 4], has_asked: bool) -> JoinHandle<()> {
        let served = tokio::spawn(pending());
        let has_asked = Arc::new(AtomicBool::new(has_asked));
        guests.enter(Guest { address: address.into(), has_asked, task: served.abort_handle() });
        served
    }

    fn makes_room(guests: &mut Guests, address: [u8; 4]) -> bool {
        guests.make_room(address.into())
    }

    #[tokio::test]
    async fn in_a_full_house_the_oldest_who_asks_for_nothing_makes_room() {
        let mut guests = Guests::default();
        let mut served: Vec<_> =
            (0_u8..32).map(|host| enter(&mut guests, [10, 0, 0, host], host == 0)).collect();
        assert!(makes_room(&mut guests, [10, 0, 1, 1]));
        assert!(served.remove(1).await.unwrap_err().is_cancelled());
        assert_eq!(guests.0.len(), 31);
        assert!(served.iter().all(|served| !served.is_finished()));
    }

    #[tokio::test]
    async fn where_everybody_is_being_answered_nobody_is_hung_up_on_until_one_is_done() {
        let mut guests = Guests::default();
        let served: Vec<_> = (0..32).map(|host| enter(&mut guests, [10, 0, 0, host], true)).collect();
        assert!(!makes_room(&mut guests, [10, 0, 1, 1]));
        served[7].abort();
        tokio::task::yield_now().await;
        assert!(makes_room(&mut guests, [10, 0, 1, 1]));
        assert_eq!(guests.0.len(), 31);
    }

    #[tokio::test]
    async fn who_comes_too_often_makes_room_for_himself_alone() {
        let mut guests = Guests::default();
        let other = enter(&mut guests, [10, 0, 0, 1], false);
        let mut served: Vec<_> = (0..16).map(|_| enter(&mut guests, [10, 0, 0, 2], false)).collect();
        assert!(makes_room(&mut guests, [10, 0, 0, 2]));
        assert!(served.remove(0).await.unwrap_err().is_cancelled());
        assert!(makes_room(&mut guests, [10, 0, 0, 3]), "others come in as ever");
        assert_eq!((guests.0.len(), other.is_finished()), (16, false));
    }
}
