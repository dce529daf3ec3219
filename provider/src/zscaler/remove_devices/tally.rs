//! How far a removal has come, and what there is to say in the end.

use tfplugin::{Answer, Diagnostic, Diagnostics, sentence};
use tokenferry_sources::zscaler::{RemovalFailure, Removed};

use super::devices;
use crate::diagnostics::chain;

/// What was done up to now.
pub(super) struct Tally {
    /// How many devices are to be removed.
    asked: usize,
    /// How many are.
    removed: u64,
    /// What the system said besides.
    said: Vec<String>,
}

impl Tally {
    /// The tally of a removal that has not begun.
    pub(super) fn of(asked: usize) -> Self {
        Tally { asked, removed: 0, said: Vec::new() }
    }

    /// Counts what a call removed that was to remove so many. If it was more, nothing else is to be removed.
    pub(super) fn add(&mut self, removed: &Removed, asked: usize) -> Result<(), Diagnostics> {
        self.removed += removed.count;
        self.said.extend(removed.said.text().map(str::to_owned));
        let is_more = u64::try_from(asked).is_ok_and(|asked| removed.count > asked);
        if is_more { Err(self.more_than(asked, removed.count)) } else { Ok(()) }
    }

    /// The beginning of a sentence.
    pub(super) fn so_far(&self) -> String {
        format!("Removed {} of {}", self.removed, devices(self.asked))
    }

    /// The message when the user wants no more of it.
    pub(super) fn interrupted(&self) -> Diagnostics {
        let detail = match self.removed {
            0 => "The run was interrupted before any device was removed.".to_owned(),
            _ => format!(
                "{} before the run was interrupted. The others were left alone: invoke the action again to remove them.",
                self.so_far()
            ),
        };
        Diagnostic::error("Stopped", detail).into()
    }

    /// The message for a call that failed, which was to remove so many.
    pub(super) fn failed(&self, failure: &RemovalFailure, in_doubt: usize) -> Diagnostics {
        match failure {
            RemovalFailure::NothingRemoved(error) => {
                let detail =
                    format!("{}\n\n{}\n\n{}", sentence(&chain(error)), error.advice(), self.before());
                Diagnostic::error(error.summary(), detail).into()
            }
            RemovalFailure::Unconfirmed(error) => self.in_doubt(&sentence(&chain(error)), in_doubt),
        }
    }

    /// The message for a call that was to remove so many, and whose answer is not waited for any longer.
    pub(super) fn given_up(&self, in_doubt: usize) -> Diagnostics {
        self.in_doubt("The run was interrupted, and the answer to the last call did not come soon.", in_doubt)
    }

    fn in_doubt(&self, happened: &str, in_doubt: usize) -> Diagnostics {
        let detail = format!(
            "{happened}\n\nThe call to remove {} was sent and may have been carried out, so it is not sent again. Look \
             at the devices in the portal or with the data source `tokenferry_zscaler_devices`. To invoke the action \
             again does no harm: it lists the devices anew and removes those that are still there.\n\n{}",
            devices(in_doubt),
            self.before()
        );
        Diagnostic::error("Nobody knows whether the devices were removed", detail).into()
    }

    fn before(&self) -> String {
        match self.removed {
            0 => "No device was removed before that.".to_owned(),
            _ => format!("{} before that.", self.so_far()),
        }
    }

    fn more_than(&self, asked: usize, removed: u64) -> Diagnostics {
        let detail = format!(
            "The call was to remove {}, by their UDIDs alone, and Zscaler says that it removed {removed}.{} No other call \
             was made after it. Look at the devices in the portal: others may be gone, or a device counts once for each \
             user who enrolled it.",
            devices(asked),
            self.words()
        );
        Diagnostic::error("More devices were removed than asked for", detail).into()
    }

    /// What the system said, to follow another sentence.
    fn words(&self) -> String {
        match self.said.as_slice() {
            [] => String::new(),
            said => format!(" It says: {}.", said.join("; ").trim_end_matches('.')),
        }
    }

    /// Less than was asked for is worth a word, and nothing at all is a failure.
    pub(super) fn finish(self) -> Result<Answer<()>, Diagnostics> {
        if u64::try_from(self.asked).is_ok_and(|asked| asked == self.removed) {
            return Ok(().into());
        }
        let detail = format!(
            "Zscaler was asked to remove {}, and says that it removed {}.{} Look at the devices in the portal or with \
             the data source `tokenferry_zscaler_devices`.",
            devices(self.asked),
            self.removed,
            self.words()
        );
        if self.removed == 0 {
            return Err(Diagnostic::error("No device was removed", detail).into());
        }
        let warning = Diagnostic::warning("Not as many devices were removed as asked for", detail);
        Ok(Answer { value: (), warnings: warning.into() })
    }
}
