//! Ctrl-C ends the child that runs in the foreground; the command then cleans up on its ordinary way out.
//!
//! Children have process groups of their own, so the terminal's signal reaches only us, and each child gets
//! exactly one: Terraform takes two interrupts for "drop everything".

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::error::{Attempt, Error, Result};

static RECEIVED: AtomicUsize = AtomicUsize::new(0);
static FOREGROUND: Mutex<Option<Pid>> = Mutex::new(None);

/// Takes over SIGINT, SIGTERM and SIGHUP for the rest of the process.
pub(crate) fn watch() -> Result {
    let mut signals =
        Signals::new([SIGHUP, SIGINT, SIGTERM]).attempt(|| "install the handler for Ctrl-C".into())?;
    thread::spawn(move || {
        for _ in signals.forever() {
            let earlier = RECEIVED.fetch_add(1, Ordering::SeqCst);
            pass_on(if earlier == 0 { Signal::SIGINT } else { Signal::SIGKILL });
        }
    });
    Ok(())
}

/// An error once somebody asked us to end.
pub(crate) fn check() -> Result {
    if RECEIVED.load(Ordering::SeqCst) == 0 { Ok(()) } else { Err(Error::Interrupted) }
}

/// The child that gets the signals, as long as this value lives.
#[derive(Debug)]
pub(crate) struct Foreground;

impl Foreground {
    /// `leader` is a child with a process group of its own.
    pub(crate) fn enter(leader: Pid) -> Self {
        *lock() = Some(leader);
        if check().is_err() {
            pass_on(Signal::SIGINT);
        }
        Self
    }
}

impl Drop for Foreground {
    fn drop(&mut self) {
        *lock() = None;
    }
}

fn pass_on(signal: Signal) {
    if let Some(leader) = *lock() {
        // An error means that the child has just ended, which is what was wanted.
        killpg(leader, signal).ok();
    }
}

fn lock() -> std::sync::MutexGuard<'static, Option<Pid>> {
    FOREGROUND.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
