//! The fact sheets of the systems, walked through table by table against the sandbox.
#![cfg_attr(test, expect(clippy::unwrap_used, reason = "these are tests, their helpers included"))]

#[cfg(test)]
mod desk;
#[cfg(test)]
mod zenoti;
#[cfg(test)]
mod zetasafe;
#[cfg(test)]
mod zettelstore;
