//! `tokenferry`, the rotator: logs in on a schedule and writes fresh tokens into HashiCorp Vault or OpenBao.

use std::process::ExitCode;

use clap::Parser as _;
use tokenferry_rotator::cli::Cli;
use tokenferry_rotator::{commands, logging, process};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return commands::report_usage(&error, &arguments).into(),
    };
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
