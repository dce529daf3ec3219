//! Everything that a provider offers, for those who write documentation.

use crate::function::Signature;
use crate::provider::Provider;
use crate::schema::Schema;

/// What a provider offers: names, and what belongs to each.
#[derive(Clone, Debug)]
pub struct Description {
    /// The provider block.
    pub provider: Schema,
    /// By full name, in the provider's order, as all that follow.
    pub data_sources: Vec<(String, Schema)>,
    /// Ephemeral resources.
    pub ephemeral_resources: Vec<(String, Schema)>,
    /// Functions, by their own name.
    pub functions: Vec<(String, Signature)>,
    /// Actions.
    pub actions: Vec<(String, Schema)>,
}

impl Description {
    /// Of this provider.
    pub fn of(provider: &impl Provider) -> Self {
        let data_sources = provider.data_sources();
        let ephemeral_resources = provider.ephemeral_resources();
        let (functions, actions) = (provider.functions(), provider.actions());
        let named = |name: &str, schema: &Schema| (name.to_owned(), schema.clone());
        Self {
            provider: provider.schema(),
            data_sources: data_sources.iter().map(|it| named(it.type_name(), it.schema())).collect(),
            ephemeral_resources: ephemeral_resources
                .iter()
                .map(|it| named(it.type_name(), it.schema()))
                .collect(),
            functions: functions.iter().map(|it| (it.name().to_owned(), it.signature())).collect(),
            actions: actions.iter().map(|it| named(it.type_name(), it.schema())).collect(),
        }
    }
}
