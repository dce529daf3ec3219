//! The rotator as its users meet it, with real OpenBao; and the harness that starts OpenBao for it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod harness;
