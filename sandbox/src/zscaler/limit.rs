//! The budget of calls per key.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use tokio::time::Instant;

use crate::answer::empty;

const REMAINING: &str = "x-rate-limit-remaining";
const RETRY_AFTER: &str = "x-rate-limit-retry-after-seconds";

/// The budgets of all keys.
#[derive(Debug)]
pub(crate) struct Budgets {
    per_window: Option<u32>,
    window: Duration,
    spent: Mutex<HashMap<String, Spent>>,
}

#[derive(Debug)]
struct Spent {
    since: Instant,
    calls: u32,
}

enum Charge {
    Left(u32),
    Wait(Duration),
}

impl Budgets {
    pub(crate) fn new(per_window: Option<u32>, window: Duration) -> Self {
        Self { per_window, window, spent: Mutex::default() }
    }

    /// Takes one call and gives `answer`, with what is left told in a header; or refuses if nothing is.
    pub(crate) fn spend(&self, key: &str, answer: impl FnOnce() -> Response) -> Response {
        let Some(limit) = self.per_window else { return answer() };
        match self.charge(key, limit) {
            Charge::Left(calls) => telling(answer(), calls),
            Charge::Wait(time) => too_many(time),
        }
    }

    fn charge(&self, key: &str, limit: u32) -> Charge {
        let now = Instant::now();
        let mut all = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let spent = all.entry(key.to_owned()).or_insert(Spent { since: now, calls: 0 });
        if now.duration_since(spent.since) >= self.window {
            *spent = Spent { since: now, calls: 0 };
        }
        if spent.calls >= limit {
            return Charge::Wait(self.window.saturating_sub(now.duration_since(spent.since)));
        }
        spent.calls += 1;
        Charge::Left(limit - spent.calls)
    }

    /// Gives every key its full budget back.
    pub(crate) fn restore(&self) {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn telling(mut response: Response, left: u32) -> Response {
    response.headers_mut().insert(REMAINING, HeaderValue::from(left));
    response
}

fn too_many(wait: Duration) -> Response {
    // Rounded up: who comes back after the whole seconds announced must be let in.
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let mut response = telling(empty(StatusCode::TOO_MANY_REQUESTS), 0);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_waits_as_long_as_told_is_let_in() {
        let budgets = Budgets::new(Some(1), Duration::from_millis(1500));
        let call = || budgets.spend("key", || empty(StatusCode::OK));
        let mut wait = None;
        while wait.is_none() {
            let reply = call();
            wait = reply.headers().get(RETRY_AFTER).map(|seconds| seconds.to_str().unwrap().parse().unwrap());
        }
        assert!(wait >= Some(1), "never zero");
        tokio::time::advance(Duration::from_secs(wait.unwrap())).await;
        assert_eq!(call().status(), StatusCode::OK);
    }

    #[test]
    fn the_wait_is_rounded_up_to_whole_seconds() {
        for (millis, told) in [(1, "1"), (1_000, "1"), (1_001, "2"), (3_600_000, "3600")] {
            assert_eq!(too_many(Duration::from_millis(millis)).headers()[RETRY_AFTER], told);
        }
    }
}
