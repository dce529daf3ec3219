//! The provider as a raw protocol client sees it, as a process with a connection.

use std::time::Duration;

use tempfile::TempDir;
use tfplugin_proto::goplugin::Empty;

use crate::connection::Connection;
use crate::launch::{Handshake, Launch};
use crate::process::Process;
use crate::tls::Identity;
use crate::value::Value;

/// Longer than any provider takes to end, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running provider with one connection to it. The process dies with this value.
#[derive(Debug)]
pub struct Plugin {
    /// The process.
    pub process: Process,
    /// What it printed.
    pub handshake: Handshake,
    /// The connection.
    pub connection: Connection,
    /// The certificate that it expects of us.
    pub identity: Option<Identity>,
    /// What it takes for the system's temporary directory.
    pub directory: TempDir,
}

impl Plugin {
    /// Starts one as Terraform does.
    pub async fn start() -> Self {
        Launch::new().start().await
    }

    /// Starts one and configures it.
    ///
    /// # Panics
    ///
    /// If it does not take the configuration.
    pub async fn configured(config: &Value) -> Self {
        let plugin = Self::start().await;
        plugin.configure(config).await.ok();
        plugin
    }

    /// Asks the process to end, as Terraform does.
    pub async fn shutdown(&self) {
        self.connection.controller().shutdown(Empty {}).await.expect("an answer to Shutdown");
    }

    /// Everything that it wrote to the standard streams until now.
    pub fn output(&self) -> String {
        format!("{}{}", self.process.stdout.text(), self.process.stderr.text())
    }

    /// Ends the process in good order.
    ///
    /// # Panics
    ///
    /// If it does not end well, or wrote more than its one line to the standard output.
    pub async fn finish(mut self) {
        self.shutdown().await;
        let status = self.process.exit(PATIENCE).await;
        assert!(status.success(), "ended with {status}");
        let stdout = self.process.stdout.whole(PATIENCE).await;
        assert_eq!(stdout, format!("{}\n", self.handshake.line));
    }
}

impl std::ops::Deref for Plugin {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}
