//! One thing that can be read: what becomes a data source and an ephemeral resource of the same name.

use std::time::Duration;

use async_trait::async_trait;
use tfplugin::{Answer, Attribute, ConfigReader, Diagnostics, FromConfig, Object};
use tokenferry_sources::{Timestamp, parse_duration};

use crate::systems::Systems;

/// Arguments, computed attributes, and a read.
#[async_trait]
pub(crate) trait Reading: Send + Sync + 'static {
    /// The arguments beyond those that every reading has.
    type Arguments: FromConfig + Sync;

    /// The full type name.
    fn type_name(&self) -> String;

    /// What it gives and for what: one sentence.
    fn summary(&self) -> String;

    /// Whether there is an ephemeral resource of the same name: for everything secret.
    fn has_twin(&self) -> bool {
        true
    }

    /// How many calls it costs: one sentence.
    fn calls(&self) -> String;

    /// What else there is to know, in paragraphs.
    fn details(&self) -> String;

    /// What `minimum_lifetime` demands of this reading.
    fn minimum_lifetime(&self) -> String;

    /// The arguments beyond those that every reading has.
    fn arguments(&self) -> Vec<Attribute>;

    /// The computed attributes.
    fn computed(&self) -> Vec<Attribute>;

    /// Reads.
    ///
    /// # Errors
    /// One message, with what to do.
    async fn read(
        &self,
        systems: &Systems,
        arguments: Self::Arguments,
        minimum_lifetime: Option<Duration>,
    ) -> Result<Answer<Values>, Diagnostics>;
}

/// What was read.
#[derive(Default)]
pub(crate) struct Values {
    /// The computed attributes.
    pub(crate) computed: Object,
    /// When the value ends, if that is known.
    pub(crate) expires_at: Option<Timestamp>,
}

/// The configuration of a reading.
pub(crate) struct ReadingConfig<A> {
    /// Whether to read at all.
    pub(crate) enabled: bool,
    /// How long the token has to live at least.
    pub(crate) minimum_lifetime: Option<Duration>,
    /// The arguments of this reading.
    pub(crate) arguments: A,
}

impl<A: FromConfig> FromConfig for ReadingConfig<A> {
    fn from_config(reader: &mut ConfigReader<'_>) -> Self {
        Self {
            enabled: reader.bool("enabled").known().unwrap_or(true),
            minimum_lifetime: reader.parse("minimum_lifetime", parse_duration).known(),
            arguments: A::from_config(reader),
        }
    }
}

/// The arguments that every reading has.
pub(crate) fn common_arguments(enabled: &str, minimum_lifetime: String) -> [Attribute; 2] {
    let enabled = format!(
        "Whether to read at all. When `false`, nothing is sent and every computed attribute is null. {enabled} \
         Default: `true`."
    );
    [
        Attribute::bool("enabled").optional().describe(enabled),
        Attribute::string("minimum_lifetime").optional().describe(minimum_lifetime),
    ]
}
