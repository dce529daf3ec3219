//! Data sources and ephemeral resources with their types erased, so that the server can hold them in one list; and
//! what the protocol asks of every reply, done here once.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;

use crate::config::ConfigReader;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::provider::{Answer, DataSource, EphemeralResource, Opened, Renewed};
use crate::schema::Schema;
use crate::value::{Object, Type, Value};

/// Any [`DataSource`] of a provider.
pub struct DataSourceHandle<P> {
    pub(crate) described: Described,
    pub(crate) inner: Arc<dyn ErasedDataSource<P>>,
}

impl<P: Send + Sync + 'static> DataSourceHandle<P> {
    /// The full name with the provider's prefix.
    pub fn type_name(&self) -> &str {
        &self.described.type_name
    }

    /// Arguments and computed attributes.
    pub fn schema(&self) -> &Schema {
        self.described.schema()
    }

    /// Takes in a data source.
    pub fn new<T: DataSource<Provider = P>>(data_source: T) -> Self {
        let inner = Arc::new(data_source);
        let read = |inner: &T, reader: &mut ConfigReader<'_>| drop(inner.config(reader));
        let described = Described::new(inner.type_name(), &inner, T::schema, read);
        Self { described, inner }
    }
}

/// Any [`EphemeralResource`] of a provider.
pub struct EphemeralResourceHandle<P> {
    pub(crate) described: Described,
    pub(crate) inner: Arc<dyn ErasedEphemeralResource<P>>,
}

impl<P: Send + Sync + 'static> EphemeralResourceHandle<P> {
    /// The full name with the provider's prefix.
    pub fn type_name(&self) -> &str {
        &self.described.type_name
    }

    /// Arguments and computed attributes.
    pub fn schema(&self) -> &Schema {
        self.described.schema()
    }

    /// Takes in an ephemeral resource.
    pub fn new<T: EphemeralResource<Provider = P>>(resource: T) -> Self {
        let inner = Arc::new(resource);
        let read = |inner: &T, reader: &mut ConfigReader<'_>| drop(inner.config(reader));
        let described = Described::new(inner.type_name(), &inner, T::schema, read);
        Self { described, inner }
    }
}

/// What all blocks have in common: a name, a schema that is made when first needed, and a validation.
pub(crate) struct Described {
    pub(crate) type_name: String,
    validate: Box<dyn Fn(&Object) -> Diagnostics + Send + Sync>,
    schema: Box<dyn Fn() -> Schema + Send + Sync>,
    shape: OnceLock<(Schema, Type)>,
}

impl Described {
    pub(crate) fn new<T: Send + Sync + 'static>(
        type_name: String,
        described: &Arc<T>,
        schema: fn(&T) -> Schema,
        read: fn(&T, &mut ConfigReader<'_>),
    ) -> Self {
        let (for_schema, for_validation) = (Arc::clone(described), Arc::clone(described));
        Self {
            type_name,
            validate: Box::new(move |config| read_config(config, |reader| read(&for_validation, reader)).1),
            schema: Box::new(move || schema(&for_schema)),
            shape: OnceLock::new(),
        }
    }

    /// What is wrong with a configuration.
    pub(crate) fn validate(&self, config: &Object) -> Diagnostics {
        (self.validate)(config)
    }

    pub(crate) fn schema(&self) -> &Schema {
        &self.shape().0
    }

    pub(crate) fn ty(&self) -> &Type {
        &self.shape().1
    }

    fn shape(&self) -> &(Schema, Type) {
        self.shape.get_or_init(|| {
            let schema = (self.schema)();
            let ty = schema.object_type();
            (schema, ty)
        })
    }
}

#[async_trait]
pub(crate) trait ErasedDataSource<P>: Send + Sync {
    /// The computed attributes.
    async fn read(&self, provider: &P, config: &Object) -> Result<Answer<Object>, Diagnostics>;
}

#[async_trait]
impl<T: DataSource> ErasedDataSource<T::Provider> for T {
    async fn read(&self, provider: &T::Provider, config: &Object) -> Result<Answer<Object>, Diagnostics> {
        let config = checked_config(config, |reader| self.config(reader))?;
        DataSource::read(self, provider, config).await
    }
}

#[async_trait]
pub(crate) trait ErasedEphemeralResource<P>: Send + Sync {
    async fn open(&self, provider: &P, config: &Object) -> Result<Answer<Opened>, Diagnostics>;
    async fn renew(&self, provider: &P, private: &[u8]) -> Result<Answer<Renewed>, Diagnostics>;
    async fn close(&self, provider: &P, private: &[u8]) -> Result<Answer<()>, Diagnostics>;
}

#[async_trait]
impl<T: EphemeralResource> ErasedEphemeralResource<T::Provider> for T {
    async fn open(&self, provider: &T::Provider, config: &Object) -> Result<Answer<Opened>, Diagnostics> {
        let config = checked_config(config, |reader| self.config(reader))?;
        EphemeralResource::open(self, provider, config).await
    }

    async fn renew(&self, provider: &T::Provider, private: &[u8]) -> Result<Answer<Renewed>, Diagnostics> {
        EphemeralResource::renew(self, provider, private).await
    }

    async fn close(&self, provider: &T::Provider, private: &[u8]) -> Result<Answer<()>, Diagnostics> {
        EphemeralResource::close(self, provider, private).await
    }
}

/// Reads a configuration with everything that is wrong with it.
pub(crate) fn read_config<C>(
    config: &Object,
    read: impl FnOnce(&mut ConfigReader<'_>) -> C,
) -> (C, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    let config = read(&mut ConfigReader::new(config, &mut diagnostics));
    (config, diagnostics)
}

/// A configuration that is good enough to be read with. Warnings were shown when it was validated.
pub(crate) fn checked_config<C>(
    config: &Object,
    read: impl FnOnce(&mut ConfigReader<'_>) -> C,
) -> Result<C, Diagnostics> {
    let unknown = config.iter().find(|(_, value)| !value.is_wholly_known());
    if let Some((name, _)) = unknown {
        let detail =
            format!("`{name}` is not known yet. Terraform should read only when all arguments are known.");
        let path = crate::path::AttributePath::root().attribute(name);
        return Err(Diagnostic::error("Argument not known yet", detail).at(path).into());
    }
    let (config, diagnostics) = read_config(config, read);
    if diagnostics.has_errors() { Err(diagnostics) } else { Ok(config) }
}

/// The whole object that the protocol wants back: every attribute of the schema, arguments exactly as they came,
/// everything else from `computed`.
///
/// # Errors
/// When the author computed what the user had set, what the schema does not have, or nothing known: a bug.
pub(crate) fn complete(
    described: &Described,
    config: Object,
    computed: Object,
) -> Result<Value, Diagnostics> {
    let mut whole = config;
    for (name, value) in computed {
        if !value.is_wholly_known() {
            return Err(bug(&format!("`{name}` of {} is not known after the read.", described.type_name)));
        }
        match whole.insert(name.clone(), value) {
            Some(Value::Null) => {}
            Some(_) => {
                return Err(bug(&format!(
                    "`{name}` of {} replaces what was configured.",
                    described.type_name
                )));
            }
            None => {
                return Err(bug(&format!("{} has no attribute `{name}`.", described.type_name)));
            }
        }
    }
    Ok(Value::Map(whole))
}

/// What is wrong with a result is not the user's fault.
pub(crate) fn bug(problem: &str) -> Diagnostics {
    let detail = format!("{problem} This is a bug in the provider: please report it.");
    Diagnostic::error("Provider produced an invalid result", detail).into()
}
