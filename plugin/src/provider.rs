//! What an author writes: schemas and reads. Nothing here knows the protocol.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::action::ActionHandle;
use crate::config::{ConfigReader, FromConfig};
use crate::diagnostic::Diagnostics;
use crate::function::Function;
use crate::handle::{DataSourceHandle, EphemeralResourceHandle};
use crate::schema::Schema;
use crate::value::Object;

/// A provider: its block, and the lists of what it offers.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// The provider block, read.
    type Config: FromConfig;
    /// What reads work with. There is one for each connection that was configured.
    type Configured: Send + Sync + 'static;

    /// The shape of the provider block.
    fn schema(&self) -> Schema;

    /// Takes over the provider block. Values may still be unknown: that is no error here, but in the reads that
    /// need them. Nothing is to be contacted yet.
    ///
    /// # Errors
    /// When no read could work with this block.
    async fn configure(
        &self,
        config: Self::Config,
        host: &Host,
    ) -> Result<Answer<Self::Configured>, Diagnostics>;

    /// The data sources.
    fn data_sources(&self) -> Vec<DataSourceHandle<Self::Configured>>;

    /// The ephemeral resources.
    fn ephemeral_resources(&self) -> Vec<EphemeralResourceHandle<Self::Configured>>;

    /// The functions.
    fn functions(&self) -> Vec<Box<dyn Function>> {
        Vec::new()
    }

    /// The actions.
    fn actions(&self) -> Vec<ActionHandle<Self::Configured>> {
        Vec::new()
    }

    /// Gives back what was opened by way of this and not closed: Terraform 1.11 does not close after a failure. Called
    /// when the user interrupts the run, and when the connection or the process ends, so more than once perhaps. It has a
    /// second at the end of the process and after an interrupt, else half a minute, before it is dropped.
    async fn release(&self, configured: &Self::Configured) {
        let _ = configured;
    }
}

/// Values that a plan or apply reads and stores in the state, in clear text.
#[async_trait]
pub trait DataSource: Send + Sync + 'static {
    /// [`Provider::Configured`].
    type Provider: Send + Sync + 'static;
    /// The block, read.
    type Config: Send;

    /// The full name with the provider's prefix.
    fn type_name(&self) -> String;

    /// Arguments and computed attributes.
    fn schema(&self) -> Schema;

    /// Reads the block. That is also what validates it, with values that may be unknown: it must not ask anybody.
    fn config(&self, reader: &mut ConfigReader<'_>) -> Self::Config;

    /// Reads once, with a wholly known configuration, and returns the computed attributes; arguments are sent back
    /// as they came.
    ///
    /// # Errors
    /// Whatever the user has to know, with what to do.
    async fn read(
        &self,
        provider: &Self::Provider,
        config: Self::Config,
    ) -> Result<Answer<Object>, Diagnostics>;
}

/// Values that exist during one run only and are never stored.
#[async_trait]
pub trait EphemeralResource: Send + Sync + 'static {
    /// [`Provider::Configured`].
    type Provider: Send + Sync + 'static;
    /// The block, read.
    type Config: Send;

    /// The full name with the provider's prefix.
    fn type_name(&self) -> String;

    /// Arguments and computed attributes.
    fn schema(&self) -> Schema;

    /// Reads the block. That is also what validates it, with values that may be unknown: it must not ask anybody.
    fn config(&self, reader: &mut ConfigReader<'_>) -> Self::Config;

    /// Obtains the value, with a wholly known configuration.
    ///
    /// # Errors
    /// Whatever the user has to know, with what to do.
    async fn open(
        &self,
        provider: &Self::Provider,
        config: Self::Config,
    ) -> Result<Answer<Opened>, Diagnostics>;

    /// Extends the life of what was opened. The value itself cannot change any more.
    ///
    /// # Errors
    /// When it is no longer alive. Terraform 1.11 does not show this.
    async fn renew(&self, provider: &Self::Provider, private: &[u8]) -> Result<Answer<Renewed>, Diagnostics>;

    /// Releases what was opened. Called with the private bytes of Open, more than once perhaps.
    ///
    /// # Errors
    /// Fails the run: what is gone already is no error.
    async fn close(&self, provider: &Self::Provider, private: &[u8]) -> Result<Answer<()>, Diagnostics>;
}

/// What opened.
#[derive(Clone, Debug, Default)]
pub struct Opened {
    /// The computed attributes.
    pub computed: Object,
    /// What Renew and Close need. Terraform keeps it in memory only.
    pub private: Vec<u8>,
    /// When Terraform shall call Renew, if at all.
    pub renew_at: Option<DateTime<Utc>>,
}

/// What was renewed.
#[derive(Clone, Debug, Default)]
pub struct Renewed {
    /// When Terraform shall call Renew again, if at all.
    pub renew_at: Option<DateTime<Utc>>,
}

/// A result, with warnings perhaps.
#[derive(Clone, Debug, Default)]
pub struct Answer<T> {
    /// The result.
    pub value: T,
    /// What the user should know although it worked.
    pub warnings: Diagnostics,
}

impl<T> From<T> for Answer<T> {
    fn from(value: T) -> Self {
        Self { value, warnings: Diagnostics::new() }
    }
}

/// The program that started the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Version of Terraform or OpenTofu, such as `1.11.4`.
    pub version: String,
}
