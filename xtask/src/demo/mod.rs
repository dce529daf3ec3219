//! `cargo xtask demo`.

use clap::Args;

use crate::error::Result;
use crate::terminal::Terminal;

/// Not yet.
#[derive(Debug, Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_: &Arguments, _: &Terminal) -> Result {
    Ok(())
}
