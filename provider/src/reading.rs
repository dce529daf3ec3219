//! One thing that can be read: what becomes a data source and an ephemeral resource of the same name.

use std::time::Duration;

use async_trait::async_trait;
use tfplugin::{Answer, Attribute, ConfigReader, Diagnostics, NestedBlock, Object, Schema};
use tokenferry_sources::{Timestamp, parse_duration};

use crate::systems::Systems;

/// Arguments, computed attributes, and a read.
#[async_trait]
pub(crate) trait Reading: Send + Sync + 'static {
    /// The arguments beyond those that every reading has, read.
    type Arguments: Send + Sync;

    /// The full type name.
    fn type_name(&self) -> String;

    /// What it gives and for what: one sentence.
    fn summary(&self) -> String;

    /// Whether there is an ephemeral resource of the same name: for everything secret.
    fn has_twin(&self) -> bool {
        true
    }

    /// What reading it costs in logins and calls, as the object of a sentence.
    fn calls(&self) -> String;

    /// What else there is to know, in paragraphs.
    fn details(&self) -> String;

    /// What `minimum_lifetime` demands of this reading.
    fn minimum_lifetime(&self) -> String;

    /// The arguments beyond those that every reading has.
    fn arguments(&self) -> Vec<Attribute>;

    /// Those of them that are blocks.
    fn blocks(&self) -> Vec<NestedBlock> {
        Vec::new()
    }

    /// Reads the arguments, and checks them without asking anybody.
    fn read_arguments(&self, reader: &mut ConfigReader<'_>) -> Self::Arguments;

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

impl<A> ReadingConfig<A> {
    /// Reads the configuration of a reading that has these arguments.
    pub(crate) fn read(
        reader: &mut ConfigReader<'_>,
        arguments: impl FnOnce(&mut ConfigReader<'_>) -> A,
    ) -> Self {
        Self {
            enabled: reader.bool("enabled").known().unwrap_or(true),
            minimum_lifetime: reader.parse("minimum_lifetime", parse_duration).known(),
            arguments: arguments(reader),
        }
    }
}

/// Every argument and computed attribute of a reading, with `enabled` explained for its kind.
pub(crate) fn schema(reading: &impl Reading, description: String, enabled: &str) -> Schema {
    let schema = Schema::new(description)
        .with_all(reading.arguments())
        .with_all(common_arguments(enabled, reading.minimum_lifetime()))
        .with_all(reading.computed());
    reading.blocks().into_iter().fold(schema, Schema::with_block)
}

/// Whether to read at all.
pub(crate) fn enabled_argument(hint: &str) -> Attribute {
    Attribute::bool("enabled").optional().describe(format!(
        "Whether to read at all. When `false`, nothing is sent and every computed attribute is null. {hint} \
         Default: `true`."
    ))
}

fn common_arguments(enabled: &str, minimum_lifetime: String) -> [Attribute; 2] {
    [enabled_argument(enabled), Attribute::string("minimum_lifetime").optional().describe(minimum_lifetime)]
}
