//! How many may have something big at once, in all and of one address: what others ask for is served beside them.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// The seats, and who has one.
#[derive(Debug)]
pub(super) struct Seats {
    most: usize,
    most_of_one_address: usize,
    taken: Mutex<Vec<IpAddr>>,
    freed: Notify,
}

/// One of them, until this is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
    address: IpAddr,
}

impl Seats {
    pub(super) fn new(most: usize, most_of_one_address: usize) -> Arc<Self> {
        let (taken, freed) = (Mutex::default(), Notify::new());
        Arc::new(Seats { most, most_of_one_address, taken, freed })
    }

    /// One for somebody of this address, if one is free for him.
    pub(super) fn try_take(self: &Arc<Self>, address: IpAddr) -> Option<Seat> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let of_address = taken.iter().filter(|taken| **taken == address).count();
        if taken.len() >= self.most || of_address >= self.most_of_one_address {
            return None;
        }
        taken.push(address);
        Some(Seat { seats: Arc::clone(self), address })
    }

    /// One for somebody of this address, as soon as there is one.
    pub(super) async fn take(self: &Arc<Self>, address: IpAddr) -> Seat {
        loop {
            // Before the look, lest what is freed meanwhile is missed.
            let freed = self.freed.notified();
            if let Some(seat) = self.try_take(address) {
                return seat;
            }
            freed.await;
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seat) = taken.iter().position(|taken| *taken == self.address) {
            taken.swap_remove(seat);
        }
        drop(taken);
        self.seats.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    #[test]
    fn nobody_takes_the_seats_of_all() {
        let seats = Seats::new(3, 2);
        let of_one = [seats.try_take(ONE), seats.try_take(ONE)];
        assert!(of_one.iter().all(Option::is_some) && seats.try_take(ONE).is_none());
        let _of_other = seats.try_take(OTHER).unwrap();
        assert!(seats.try_take(OTHER).is_none(), "all are taken");
        drop(of_one);
        assert!(seats.try_take(OTHER).is_some());
    }

    #[tokio::test]
    async fn who_waits_gets_the_seat_that_is_freed() {
        let seats = Seats::new(2, 1);
        let taken = seats.take(ONE).await;
        let waiting = tokio::spawn({
            let seats = Arc::clone(&seats);
            async move { seats.take(ONE).await.address }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(taken);
        assert_eq!(waiting.await.unwrap(), ONE);
    }
}
