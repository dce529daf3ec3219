//! `tokenferry`, the rotator: logs in on a schedule and writes fresh tokens into HashiCorp Vault or OpenBao.

use std::process::ExitCode;

use clap::Parser as _;
use tokenferry_rotator::cli::Cli;
use tokenferry_rotator::{commands, logging, process};

fn main() -> ExitCode {
    let cli = Cli::parse();
    logging::install(cli.log_format.into(), cli.level());
    process::forbid_core_files();
    // One thread: a rotator waits for the network.
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(commands::execute(cli)).into(),
        Err(error) => {
            tracing::error!(%error, "cannot start the runtime");
            commands::Exit::Unexpected.into()
        }
    }
}
