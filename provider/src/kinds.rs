//! A [`Reading`] as a data source and as an ephemeral resource.

use async_trait::async_trait;
use tfplugin::{
    Answer, ConfigReader, DataSource, Diagnostics, EphemeralResource, Object, Opened, Renewed, Schema,
};

use crate::private::Private;
use crate::reading::{Reading, ReadingConfig, Values, schema};
use crate::systems::Systems;

/// Read by plans, stored in the state.
pub(crate) struct AsDataSource<R>(pub(crate) R);

/// Opened during a run, never stored.
pub(crate) struct AsEphemeralResource<R>(pub(crate) R);

#[async_trait]
impl<R: Reading> DataSource for AsDataSource<R> {
    type Provider = Systems;
    type Config = ReadingConfig<R::Arguments>;

    fn type_name(&self) -> String {
        self.0.type_name()
    }

    fn schema(&self) -> Schema {
        let description = format!(
            "{} Its values are stored in the state and in plan files in clear text{} Each plan that reads it costs {}. \
             Applying a saved plan costs nothing more, unless the read had to wait for the apply.\n\n{}",
            self.0.summary(),
            twin(&self.0),
            self.0.calls(),
            self.0.details(),
        );
        let enabled = "Set it from a variable; `terraform.applying` can be used in ephemeral resources only.";
        schema(&self.0, description, enabled)
    }

    fn config(&self, reader: &mut ConfigReader<'_>) -> Self::Config {
        ReadingConfig::read(reader, |reader| self.0.read_arguments(reader))
    }

    async fn read(&self, systems: &Systems, config: Self::Config) -> Result<Answer<Object>, Diagnostics> {
        let Answer { value, warnings } = read(&self.0, systems, config).await?;
        Ok(Answer { value: value.computed, warnings })
    }
}

#[async_trait]
impl<R: Reading> EphemeralResource for AsEphemeralResource<R> {
    type Provider = Systems;
    type Config = ReadingConfig<R::Arguments>;

    fn type_name(&self) -> String {
        self.0.type_name()
    }

    fn schema(&self) -> Schema {
        let description = ephemeral_description(&self.0.summary(), &self.0.calls(), &self.0.details());
        schema(&self.0, description, ENABLED_IN_EPHEMERALS)
    }

    fn config(&self, reader: &mut ConfigReader<'_>) -> Self::Config {
        ReadingConfig::read(reader, |reader| self.0.read_arguments(reader))
    }

    async fn open(&self, systems: &Systems, config: Self::Config) -> Result<Answer<Opened>, Diagnostics> {
        let Answer { value, warnings } = read(&self.0, systems, config).await?;
        let private = Private::new(self.type_name(), value.expires_at).to_bytes();
        // No renewal is asked for: it could not hand out a new value.
        Ok(Answer { value: Opened { computed: value.computed, private, renew_at: None }, warnings })
    }

    async fn renew(&self, systems: &Systems, private: &[u8]) -> Result<Answer<Renewed>, Diagnostics> {
        let type_name = self.type_name();
        Private::from_bytes(private, &type_name)?.still_good(systems, &type_name)
    }

    async fn close(&self, _: &Systems, private: &[u8]) -> Result<Answer<()>, Diagnostics> {
        // The token may be shared with other reads, and none of these systems can revoke a single one.
        Private::from_bytes(private, &self.type_name()).map(|_| ().into())
    }
}

/// What it is, and what an ephemeral resource is.
pub(crate) fn ephemeral_description(summary: &str, calls: &str, details: &str) -> String {
    format!(
        "{summary} Its values are in neither state nor plan file. Terraform opens it in every plan and again in \
         every apply, and each costs {calls}.\n\n{details}"
    )
}

/// What to use instead where values are secret.
fn twin(reading: &impl Reading) -> String {
    if !reading.has_twin() {
        return "; none of them is a password or a token.".to_owned();
    }
    format!(", secret ones too: use the ephemeral resource `{}` wherever it fits.", reading.type_name())
}

/// Why an ephemeral resource has `enabled`.
pub(crate) const ENABLED_IN_EPHEMERALS: &str =
    "With `enabled = terraform.applying` a plan neither logs in nor reads.";

async fn read<R: Reading>(
    reading: &R,
    systems: &Systems,
    config: ReadingConfig<R::Arguments>,
) -> Result<Answer<Values>, Diagnostics> {
    if !config.enabled {
        return Ok(Values::default().into());
    }
    reading.read(systems, config.arguments, config.minimum_lifetime).await
}
