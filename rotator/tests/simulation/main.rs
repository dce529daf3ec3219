//! The rotator in virtual time: years of runs with everything that goes wrong.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod one;
mod outages;
mod rates;
mod source;
mod storms;
