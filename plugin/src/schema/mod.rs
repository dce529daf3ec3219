//! What a provider offers, described: attributes, nested attributes and blocks.

mod rules;
mod wire;

use std::collections::BTreeMap;

use crate::value::Type;

pub use self::rules::SchemaUse;

/// The shape of a configuration block, and of the state or result that belongs to it.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// Markdown, in full sentences.
    pub description: String,
    /// In the order in which they were added.
    pub attributes: Vec<Attribute>,
    /// Blocks within.
    pub blocks: Vec<NestedBlock>,
    /// What to use instead, if the whole is deprecated.
    pub deprecation: Option<String>,
}

/// One argument or computed value.
#[derive(Clone, Debug)]
pub struct Attribute {
    /// Lower-case letters, digits and underscores.
    pub name: String,
    /// Plain, or an object with attributes of its own.
    pub kind: AttributeKind,
    /// Markdown, in full sentences.
    pub description: String,
    /// Who sets it.
    pub presence: Presence,
    /// Whether Terraform hides it on screen. It is still stored in clear text.
    pub sensitive: bool,
    /// What to use instead, if it is deprecated.
    pub deprecation: Option<String>,
}

/// What an attribute holds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum AttributeKind {
    /// Objects whose attributes are described one by one.
    Nested(Nesting, Vec<Attribute>),
    /// A value of a type.
    Plain(Type),
}

/// Who sets an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// The provider alone.
    Computed,
    /// The user may.
    Optional,
    /// The user may, else the provider does.
    OptionalComputed,
    /// The user must.
    Required,
}

/// How nested objects are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nesting {
    /// One for each place in a list.
    List,
    /// One for each key.
    Map,
    /// Several without order.
    Set,
    /// One, or none.
    Single,
}

/// Blocks of one type within a block. Prefer nested attributes: blocks can be neither computed nor sensitive.
#[derive(Clone, Debug)]
pub struct NestedBlock {
    /// The word that opens the block.
    pub name: String,
    /// How several of them are held.
    pub nesting: Nesting,
    /// What is inside.
    pub block: Schema,
    /// How many there must be at least.
    pub min_items: u32,
    /// How many there may be; 0 means any number.
    pub max_items: u32,
}

impl Schema {
    /// A schema without attributes.
    pub fn new(description: impl Into<String>) -> Self {
        Self { description: description.into(), ..Self::default() }
    }

    /// The same with one more attribute.
    #[must_use]
    pub fn with(mut self, attribute: Attribute) -> Self {
        self.attributes.push(attribute);
        self
    }

    /// The same with more attributes.
    #[must_use]
    pub fn with_all(mut self, attributes: impl IntoIterator<Item = Attribute>) -> Self {
        self.attributes.extend(attributes);
        self
    }

    /// The same with one more type of blocks.
    #[must_use]
    pub fn with_block(mut self, block: NestedBlock) -> Self {
        self.blocks.push(block);
        self
    }

    /// The type of a configuration, state or result of this schema: an object with every attribute and block.
    pub fn object_type(&self) -> Type {
        Type::Object(self.attribute_types())
    }

    pub(crate) fn attribute_types(&self) -> BTreeMap<String, Type> {
        let attributes =
            self.attributes.iter().map(|attribute| (attribute.name.clone(), attribute.value_type()));
        let blocks =
            self.blocks.iter().map(|block| (block.name.clone(), block.nesting.of(block.block.object_type())));
        attributes.chain(blocks).collect()
    }
}

impl Attribute {
    /// An attribute of a plain type, computed unless said otherwise.
    pub fn new(name: &str, ty: Type) -> Self {
        Self::of_kind(name, AttributeKind::Plain(ty))
    }

    /// Text.
    pub fn string(name: &str) -> Self {
        Self::new(name, Type::String)
    }

    /// True or false.
    pub fn bool(name: &str) -> Self {
        Self::new(name, Type::Bool)
    }

    /// One object with attributes of its own.
    pub fn object(name: &str, attributes: impl IntoIterator<Item = Attribute>) -> Self {
        Self::of_kind(name, AttributeKind::Nested(Nesting::Single, attributes.into_iter().collect()))
    }

    /// Objects by key, each with these attributes.
    pub fn objects(name: &str, attributes: impl IntoIterator<Item = Attribute>) -> Self {
        Self::of_kind(name, AttributeKind::Nested(Nesting::Map, attributes.into_iter().collect()))
    }

    fn of_kind(name: &str, kind: AttributeKind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            description: String::new(),
            presence: Presence::Computed,
            sensitive: false,
            deprecation: None,
        }
    }

    /// The user must set it.
    #[must_use]
    pub fn required(self) -> Self {
        Self { presence: Presence::Required, ..self }
    }

    /// The user may set it.
    #[must_use]
    pub fn optional(self) -> Self {
        Self { presence: Presence::Optional, ..self }
    }

    /// Terraform hides it on screen.
    #[must_use]
    pub fn sensitive(self) -> Self {
        Self { sensitive: true, ..self }
    }

    /// What it is for.
    #[must_use]
    pub fn describe(self, description: impl Into<String>) -> Self {
        Self { description: description.into(), ..self }
    }

    fn value_type(&self) -> Type {
        match &self.kind {
            AttributeKind::Plain(ty) => ty.clone(),
            AttributeKind::Nested(nesting, attributes) => {
                let types = attributes.iter().map(|inner| (inner.name.clone(), inner.value_type()));
                nesting.of(Type::Object(types.collect()))
            }
        }
    }
}

impl NestedBlock {
    /// Any number of blocks, in their order.
    pub fn list(name: &str, block: Schema) -> Self {
        Self { name: name.to_owned(), nesting: Nesting::List, block, min_items: 0, max_items: 0 }
    }
}

impl Presence {
    /// Whether the user may set it.
    pub fn is_configurable(self) -> bool {
        self != Self::Computed
    }

    /// Whether the provider may set it.
    pub fn is_computed(self) -> bool {
        matches!(self, Self::Computed | Self::OptionalComputed)
    }
}

impl Nesting {
    fn of(self, object: Type) -> Type {
        match self {
            Self::List => Type::list(object),
            Self::Map => Type::map(object),
            Self::Set => Type::set(object),
            Self::Single => object,
        }
    }
}
