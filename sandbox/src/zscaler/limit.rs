//! The budget of calls per key, as each of the two worlds tells it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use tokio::time::Instant;

use super::World;
use crate::answer::empty;

const LEGACY_REMAINING: &str = "x-rate-limit-remaining";
const LEGACY_RETRY_AFTER: &str = "x-rate-limit-retry-after-seconds";

/// The budgets of all keys.
#[derive(Debug)]
pub(crate) struct Budgets {
    per_window: Option<u32>,
    window: Duration,
    spent: Mutex<HashMap<String, Spent>>,
}

#[derive(Debug)]
struct Spent {
    window: Window,
    calls: u32,
}

/// When a window began: with the first call, or by the clock.
#[derive(Clone, Copy, Debug)]
enum Window {
    Aligned(i64),
    Since(Instant),
}

/// What is left of a budget, and of its window.
#[derive(Clone, Copy)]
struct Balance {
    allowed: bool,
    calls: u32,
    time: Duration,
}

impl Budgets {
    pub(crate) fn new(per_window: Option<u32>, window: Duration) -> Self {
        Self { per_window, window, spent: Mutex::default() }
    }

    /// Takes one call and gives `answer`, with what is left told in headers; or refuses if nothing is.
    pub(crate) fn spend(
        &self,
        world: World,
        key: &str,
        now: i64,
        answer: impl FnOnce() -> Response,
    ) -> Response {
        let Some(limit) = self.per_window else { return answer() };
        let balance = self.charge(world, key, now, limit);
        let response = if balance.allowed { answer() } else { empty(StatusCode::TOO_MANY_REQUESTS) };
        match world {
            World::Legacy => legacy_headers(response, balance),
            World::OneApi => self.one_api_headers(response, balance, limit),
        }
    }

    fn charge(&self, world: World, key: &str, now: i64, limit: u32) -> Balance {
        let mut all = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.window(world, now);
        let spent = all.entry(key.to_owned()).or_insert(Spent { window: current, calls: 0 });
        if self.left(spent.window, now).is_zero() {
            *spent = Spent { window: current, calls: 0 };
        }
        let allowed = spent.calls < limit;
        spent.calls += u32::from(allowed);
        Balance { allowed, calls: limit - spent.calls, time: self.left(spent.window, now) }
    }

    fn window(&self, world: World, now: i64) -> Window {
        match world {
            World::Legacy => Window::Since(Instant::now()),
            World::OneApi => Window::Aligned(now - now.rem_euclid(self.seconds())),
        }
    }

    fn left(&self, window: Window, now: i64) -> Duration {
        match window {
            Window::Since(since) => self.window.saturating_sub(since.elapsed()),
            Window::Aligned(start) => {
                let left = start.saturating_add(self.seconds()).saturating_sub(now);
                Duration::from_secs(u64::try_from(left).unwrap_or_default())
            }
        }
    }

    fn seconds(&self) -> i64 {
        i64::try_from(self.window.as_secs()).unwrap_or(i64::MAX).max(1)
    }

    fn one_api_headers(&self, mut response: Response, balance: Balance, limit: u32) -> Response {
        let headers = response.headers_mut();
        let all = format!("{limit}, {limit};w={0}, {limit};w={0}", self.seconds());
        headers.extend(HeaderValue::from_str(&all).ok().map(|all| (LIMIT, all)));
        headers.insert("x-ratelimit-remaining", HeaderValue::from(balance.calls));
        headers.insert("x-ratelimit-reset", HeaderValue::from(balance.time.as_secs()));
        response
    }

    /// Gives every key its full budget back.
    pub(crate) fn restore(&self) {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn legacy_headers(mut response: Response, balance: Balance) -> Response {
    let headers = response.headers_mut();
    headers.insert(LEGACY_REMAINING, HeaderValue::from(balance.calls));
    if !balance.allowed {
        // Rounded up: who comes back after the whole seconds announced must be let in.
        let seconds = balance.time.as_secs() + u64::from(balance.time.subsec_nanos() > 0);
        headers.insert(LEGACY_RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

const LIMIT: axum::http::HeaderName = axum::http::HeaderName::from_static("x-ratelimit-limit");

#[cfg(test)]
mod tests {
    use super::*;

    fn told(response: &Response, header: &str) -> Option<u64> {
        response.headers().get(header).map(|value| value.to_str().unwrap().parse().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_as_long_as_told_is_let_in() {
        let budgets = Budgets::new(Some(1), Duration::from_millis(1500));
        let call = || budgets.spend(World::Legacy, "key", 0, || empty(StatusCode::OK));
        assert_eq!(call().status(), StatusCode::OK);
        let wait = told(&call(), LEGACY_RETRY_AFTER).unwrap();
        assert_eq!(wait, 2, "rounded up to whole seconds");
        tokio::time::advance(Duration::from_secs(wait)).await;
        assert_eq!(call().status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn windows_of_one_api_end_with_the_full_hour() {
        let budgets = Budgets::new(Some(2), Duration::from_hours(1));
        let call = |now| budgets.spend(World::OneApi, "client", now, || empty(StatusCode::OK));
        let hour = 3600 * 490_000;
        for (now, status, left, reset) in [
            (hour + 100, 200, 1, 3500),
            (hour + 3000, 200, 0, 600),
            (hour + 3599, 429, 0, 1),
            (hour + 3600, 200, 1, 3600),
        ] {
            let reply = call(now);
            assert_eq!(reply.status(), status);
            assert_eq!(reply.headers()["x-ratelimit-limit"], "2, 2;w=3600, 2;w=3600");
            assert_eq!(told(&reply, "x-ratelimit-remaining"), Some(left));
            assert_eq!(told(&reply, "x-ratelimit-reset"), Some(reset));
            assert_eq!(told(&reply, LEGACY_RETRY_AFTER), None);
        }
    }
}
