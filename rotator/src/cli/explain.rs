//! `tokenferry explain`.

use clap::Args;

use super::Output;

/// Explain why and when a rotation runs, or does not
///
/// Tells what stands in Vault, the next time of the schedule, when the token's end demands a run, which of both comes
/// first, what stands in the way after a failure and what would lift that, and how long everything may be down before a
/// reader holds a dead token.
///
/// With --at: why it ran or did not run at that moment, as far as Vault remembers its versions; for a moment to come,
/// what it will do then if all logins succeed. Exit code 3: Vault could not be read.
/// A wrapping token (`wrapped = true`) is left to the rotator: then it is as with --offline.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Explain {
    /// The rotation
    #[arg(value_name = "ROTATION")]
    pub rotation: String,

    /// A moment: 2026-11-22T10:00:00Z, or in the rotation's time zone 2026-11-22T10:00, or 10:00 for today
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,

    /// Do not ask Vault: explain the schedule alone
    #[arg(long)]
    pub offline: bool,

    /// How to print
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Output::Table)]
    pub output: Output,
}
