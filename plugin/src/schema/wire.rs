//! Schemas in the form of the protocol.

use tfplugin_proto::tfplugin6 as pb;
use tfplugin_proto::tfplugin6::schema as pb_schema;

use super::{Attribute, AttributeKind, NestedBlock, Nesting, Presence, Schema};

impl Schema {
    pub(crate) fn to_proto(&self) -> pb::Schema {
        pb::Schema { version: 0, block: Some(self.to_block()) }
    }

    fn to_block(&self) -> pb_schema::Block {
        pb_schema::Block {
            version: 0,
            attributes: self.attributes.iter().map(Attribute::to_proto).collect(),
            block_types: self.blocks.iter().map(NestedBlock::to_proto).collect(),
            description: self.description.clone(),
            description_kind: pb::StringKind::Markdown.into(),
            deprecated: self.deprecation.is_some(),
            deprecation_message: self.deprecation.clone().unwrap_or_default(),
            computed: false,
        }
    }
}

impl Attribute {
    fn to_proto(&self) -> pb_schema::Attribute {
        let (ty, nested_type) = match &self.kind {
            AttributeKind::Plain(ty) => (ty.to_json().to_string().into_bytes(), None),
            AttributeKind::Nested(nesting, attributes) => {
                (Vec::new(), Some(nested_object(*nesting, attributes)))
            }
        };
        pb_schema::Attribute {
            name: self.name.clone(),
            r#type: ty,
            nested_type,
            description: self.description.clone(),
            description_kind: pb::StringKind::Markdown.into(),
            required: self.presence == Presence::Required,
            optional: matches!(self.presence, Presence::Optional | Presence::OptionalComputed),
            computed: self.presence.is_computed(),
            sensitive: self.sensitive,
            deprecated: self.deprecation.is_some(),
            deprecation_message: self.deprecation.clone().unwrap_or_default(),
            write_only: false,
        }
    }
}

fn nested_object(nesting: Nesting, attributes: &[Attribute]) -> pb_schema::Object {
    use pb_schema::object::NestingMode;
    let nesting = match nesting {
        Nesting::List => NestingMode::List,
        Nesting::Map => NestingMode::Map,
        Nesting::Set => NestingMode::Set,
        Nesting::Single => NestingMode::Single,
    };
    pb_schema::Object {
        attributes: attributes.iter().map(Attribute::to_proto).collect(),
        nesting: nesting.into(),
        ..pb_schema::Object::default()
    }
}

impl NestedBlock {
    fn to_proto(&self) -> pb_schema::NestedBlock {
        use pb_schema::nested_block::NestingMode;
        let nesting = match self.nesting {
            Nesting::List => NestingMode::List,
            Nesting::Map => NestingMode::Map,
            Nesting::Set => NestingMode::Set,
            Nesting::Single => NestingMode::Single,
        };
        pb_schema::NestedBlock {
            type_name: self.name.clone(),
            block: Some(self.block.to_block()),
            nesting: nesting.into(),
            min_items: self.min_items.into(),
            max_items: self.max_items.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deprecated(name: &str) -> Attribute {
        Attribute { deprecation: Some(format!("Use `new_{name}`.")), ..Attribute::string(name).optional() }
    }

    fn told(attribute: &pb_schema::Attribute) -> (bool, &str) {
        (attribute.deprecated, &attribute.deprecation_message)
    }

    #[test]
    fn a_deprecation_reaches_the_host_with_what_to_use_instead() {
        let inner = Schema::new("").with(deprecated("c"));
        let block = Schema { deprecation: Some("Use `other`.".to_owned()), ..inner };
        let schema = Schema::new("")
            .with(deprecated("a"))
            .with(Attribute::object("o", [deprecated("b"), Attribute::string("plain")]))
            .with_block(NestedBlock::list("old", block));
        let sent = schema.to_proto().block.unwrap();
        assert_eq!((sent.deprecated, sent.deprecation_message.as_str()), (false, ""));
        assert_eq!(told(&sent.attributes[0]), (true, "Use `new_a`."));
        assert_eq!(told(&sent.attributes[1]), (false, ""));
        let nested = &sent.attributes[1].nested_type.as_ref().unwrap().attributes;
        assert_eq!(told(&nested[0]), (true, "Use `new_b`."));
        assert_eq!(told(&nested[1]), (false, ""));
        let old = sent.block_types[0].block.as_ref().unwrap();
        assert_eq!((old.deprecated, old.deprecation_message.as_str()), (true, "Use `other`."));
        assert_eq!(told(&old.attributes[0]), (true, "Use `new_c`."));
    }
}
