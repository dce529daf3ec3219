//! The rules that Terraform holds a schema to. It refuses every command when one is broken, so a provider checks
//! its schemas in a test with [`Schema::problems`].

use std::collections::BTreeSet;

use super::{Attribute, AttributeKind, NestedBlock, Nesting, Schema};

/// Where a schema is used: some names mean something to Terraform itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaUse {
    /// A provider block.
    Provider,
    /// A data source, ephemeral resource or managed resource.
    Resource,
}

const PROVIDER_ARGUMENTS: &[&str] =
    &["alias", "count", "depends_on", "for_each", "lifecycle", "locals", "source", "version"];
const RESOURCE_ARGUMENTS: &[&str] =
    &["connection", "count", "depends_on", "for_each", "lifecycle", "locals", "provider", "provisioner"];

impl Schema {
    /// Everything that Terraform would refuse, or that no user could set. Empty for a good schema.
    pub fn problems(&self, schema_use: SchemaUse) -> Vec<String> {
        let mut problems = Vec::new();
        let reserved = match schema_use {
            SchemaUse::Provider => PROVIDER_ARGUMENTS,
            SchemaUse::Resource => RESOURCE_ARGUMENTS,
        };
        let names = self.attributes.iter().map(|a| &a.name).chain(self.blocks.iter().map(|b| &b.name));
        for name in names.filter(|name| reserved.contains(&name.as_str())) {
            problems.push(format!("{name}: Terraform uses this name itself"));
        }
        check_block(self, "", &mut problems);
        problems
    }
}

fn check_block(schema: &Schema, place: &str, problems: &mut Vec<String>) {
    check_attributes(&schema.attributes, place, problems);
    let mut names: BTreeSet<&str> =
        schema.attributes.iter().map(|attribute| attribute.name.as_str()).collect();
    for block in &schema.blocks {
        let place = format!("{place}{}", block.name);
        if !names.insert(&block.name) {
            problems.push(format!("{place}: the name is used twice"));
        }
        check_name(&block.name, &place, problems);
        check_counts(block, &place, problems);
        if block.nesting == Nesting::Set && block.block.object_type().contains_dynamic() {
            problems.push(format!("{place}: a set cannot hold dynamic values"));
        }
        check_block(&block.block, &format!("{place}."), problems);
    }
}

fn check_attributes(attributes: &[Attribute], place: &str, problems: &mut Vec<String>) {
    let mut names = BTreeSet::new();
    for attribute in attributes {
        let place = format!("{place}{}", attribute.name);
        if !names.insert(&attribute.name) {
            problems.push(format!("{place}: the name is used twice"));
        }
        check_name(&attribute.name, &place, problems);
        if attribute.description.trim().is_empty() {
            problems.push(format!("{place}: there is no description"));
        }
        if let AttributeKind::Nested(nesting, inner) = &attribute.kind {
            if *nesting == Nesting::Set && attribute.value_type().contains_dynamic() {
                problems.push(format!("{place}: a set cannot hold dynamic values"));
            }
            check_attributes(inner, &format!("{place}."), problems);
        }
    }
}

fn check_name(name: &str, place: &str, problems: &mut Vec<String>) {
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase());
    let continues_well = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !(starts_well && continues_well) {
        problems.push(format!("{place}: a name is lower-case letters, digits and underscores"));
    }
}

fn check_counts(block: &NestedBlock, place: &str, problems: &mut Vec<String>) {
    let (min, max) = (block.min_items, block.max_items);
    let fits = match block.nesting {
        Nesting::Single => min == max && max <= 1,
        Nesting::List | Nesting::Set => max == 0 || min <= max,
        Nesting::Map => min == 0 && max == 0,
    };
    if !fits {
        problems.push(format!("{place}: min_items and max_items do not fit the nesting"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Type;

    fn attribute(name: &str) -> Attribute {
        Attribute::string(name).describe("Text.")
    }

    fn block(name: &str, nesting: Nesting, min_items: u32, max_items: u32) -> NestedBlock {
        NestedBlock { name: name.to_owned(), nesting, block: Schema::default(), min_items, max_items }
    }

    fn problems(schema: &Schema) -> String {
        schema.problems(SchemaUse::Resource).join("; ")
    }

    #[test]
    fn a_good_schema_has_no_problems() {
        let inner = Attribute::object("inner", [attribute("x")]).describe("An object.");
        let mut schema = Schema::new("Text.").with(attribute("a_1")).with(inner);
        schema.blocks.push(block("many", Nesting::List, 1, 0));
        assert_eq!(problems(&schema), "");
    }

    #[test]
    fn each_broken_rule_is_named_with_its_place() {
        let mut schema = Schema::new("")
            .with(attribute("Bad-Name"))
            .with(attribute("count"))
            .with(attribute("twice"))
            .with(attribute("twice"))
            .with(Attribute::string("mute"))
            .with(Attribute::object("inner", [attribute("9")]).describe("An object."));
        schema.blocks.push(block("twice", Nesting::Single, 0, 2));
        schema.blocks.push(block("many", Nesting::Map, 1, 1));
        let all = problems(&schema);
        for expected in [
            "Bad-Name: a name is",
            "count: Terraform uses",
            "twice: the name is used twice",
            "mute: there is no description",
            "inner.9: a name is",
            "twice: min_items",
            "many: min_items",
        ] {
            assert!(all.contains(expected), "{expected} is not in: {all}");
        }
    }

    #[test]
    fn a_set_with_dynamic_values_is_refused() {
        let dynamic = Attribute::new("any", Type::Dynamic).describe("Anything.");
        let kind = AttributeKind::Nested(Nesting::Set, vec![dynamic]);
        let set = Attribute { kind, ..attribute("set") };
        assert_eq!(problems(&Schema::new("").with(set)), "set: a set cannot hold dynamic values");
    }

    #[test]
    fn names_that_only_a_provider_block_reserves_are_free_elsewhere() {
        let schema = Schema::new("").with(attribute("alias"));
        assert_eq!(schema.problems(SchemaUse::Resource), Vec::<String>::new());
        assert_eq!(schema.problems(SchemaUse::Provider).len(), 1);
    }
}
