//! A schema as Markdown: what must be set, what may be, what comes back, and what is nested in them.

use tfplugin::{Attribute, AttributeKind, NestedBlock, Nesting, Presence, Schema, Type};

/// The sections of a whole schema, without a heading above them.
pub(crate) fn sections(schema: &Schema) -> String {
    let entries = entries(schema);
    let lists = GROUPS
        .iter()
        .filter_map(|group| Some(format!("### {}\n\n{}\n", group.title(), list(&entries, *group, &[])?)));
    let lists: Vec<String> = lists.collect();
    [lists, nested(&entries, &[])].concat().join("\n")
}

/// Whoever sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Required,
    Optional,
    ReadOnly,
}

/// An attribute, or blocks of one type.
struct Entry<'schema> {
    name: &'schema str,
    group: Group,
    /// Its type, and what else there is to know before the text.
    kind: Vec<String>,
    text: String,
    /// What stands within.
    inner: Vec<Entry<'schema>>,
}

impl Group {
    fn title(self) -> &'static str {
        match self {
            Self::Required => "Required",
            Self::Optional => "Optional",
            Self::ReadOnly => "Read-Only",
        }
    }

    fn of(presence: Presence) -> Self {
        match presence {
            Presence::Computed => Self::ReadOnly,
            Presence::Optional | Presence::OptionalComputed => Self::Optional,
            Presence::Required => Self::Required,
        }
    }
}

fn entries(schema: &Schema) -> Vec<Entry<'_>> {
    let attributes = schema.attributes.iter().map(of_attribute);
    attributes.chain(schema.blocks.iter().map(of_block)).collect()
}

fn of_attribute(attribute: &Attribute) -> Entry<'_> {
    let (kind, inner) = match &attribute.kind {
        AttributeKind::Nested(nesting, inner) => {
            (objects(*nesting).to_owned(), inner.iter().map(of_attribute).collect())
        }
        AttributeKind::Plain(ty) => (type_words(ty), Vec::new()),
        other => (format!("{other:?}"), Vec::new()),
    };
    let sensitive = attribute.sensitive.then(|| "Sensitive".to_owned());
    let filled = match attribute.presence {
        Presence::OptionalComputed => " Filled in where it is not set.",
        _ => "",
    };
    Entry {
        name: &attribute.name,
        group: Group::of(attribute.presence),
        kind: [kind].into_iter().chain(sensitive).collect(),
        text: format!("{}{filled}{}", attribute.description, deprecated(attribute.deprecation.as_deref())),
        inner,
    }
}

fn of_block(block: &NestedBlock) -> Entry<'_> {
    let count = match (block.nesting, block.max_items) {
        (Nesting::Single, _) | (_, 1) => "Block",
        (Nesting::List, _) => "Blocks, in their order",
        (Nesting::Map, _) => "Blocks, each with a label",
        (Nesting::Set, _) => "Blocks, in any order",
    };
    Entry {
        name: &block.name,
        group: if block.min_items > 0 { Group::Required } else { Group::Optional },
        kind: vec![count.to_owned()],
        text: format!("{}{}", block.block.description, deprecated(block.block.deprecation.as_deref())),
        inner: entries(&block.block),
    }
}

fn deprecated(instead: Option<&str>) -> String {
    instead.map(|instead| format!(" **Deprecated:** {instead}")).unwrap_or_default()
}

/// A type as people say it.
pub(crate) fn type_words(ty: &Type) -> String {
    match ty {
        Type::Bool => "Boolean".to_owned(),
        Type::Dynamic => "Any type".to_owned(),
        Type::List(element) => format!("List of {}", type_words(element)),
        Type::Map(element) => format!("Map of {}", type_words(element)),
        Type::Number => "Number".to_owned(),
        Type::Set(element) => format!("Set of {}", type_words(element)),
        Type::String => "String".to_owned(),
        Type::Tuple(_) => "Tuple".to_owned(),
        _ => "Object".to_owned(),
    }
}

fn objects(nesting: Nesting) -> &'static str {
    match nesting {
        Nesting::List => "List of objects",
        Nesting::Map => "Map of objects",
        Nesting::Set => "Set of objects",
        Nesting::Single => "Object",
    }
}

/// One line for each entry of the group; nothing if there is none.
fn list(entries: &[Entry<'_>], group: Group, place: &[&str]) -> Option<String> {
    let of_group = entries.iter().filter(|entry| entry.group == group);
    let lines: Vec<String> = of_group.map(|entry| line(entry, place)).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn line(entry: &Entry<'_>, place: &[&str]) -> String {
    let below = format!("[see below](#{})", anchor(&within(place, entry.name)));
    let marks = entry.kind.iter().cloned().chain((!entry.inner.is_empty()).then_some(below));
    let marks: Vec<String> = marks.collect();
    format!("- `{}` ({}) {}", entry.name, marks.join(", "), entry.text.replace("\n\n", " "))
}

/// What stands within these entries, each under a heading of its own.
fn nested(entries: &[Entry<'_>], place: &[&str]) -> Vec<String> {
    let below = |entry: &Entry<'_>| {
        let place = within(place, entry.name);
        let lists = GROUPS.iter().filter_map(|group| {
            Some(format!("{}:\n\n{}\n", group.title(), list(&entry.inner, *group, &place)?))
        });
        let heading =
            format!("<a id=\"{}\"></a>\n### Nested schema for `{}`\n", anchor(&place), place.join("."));
        let section = [heading].into_iter().chain(lists).collect::<Vec<_>>().join("\n");
        [vec![section], nested(&entry.inner, &place)].concat()
    };
    entries.iter().filter(|entry| !entry.inner.is_empty()).flat_map(below).collect()
}

fn within<'a>(place: &[&'a str], name: &'a str) -> Vec<&'a str> {
    [place, &[name]].concat()
}

fn anchor(place: &[&str]) -> String {
    format!("nested--{}", place.join("--"))
}

const GROUPS: [Group; 3] = [Group::Required, Group::Optional, Group::ReadOnly];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_attribute_stands_in_its_group_with_its_marks() {
        let old = Attribute {
            deprecation: Some("use `new`.".to_owned()),
            ..Attribute::new("old", Type::map(Type::Number)).optional().describe("Old.")
        };
        let either = Attribute {
            presence: Presence::OptionalComputed,
            ..Attribute::bool("either").describe("Either.")
        };
        let schema = Schema::new("Text.")
            .with(Attribute::string("token").sensitive().describe("The token."))
            .with(old)
            .with(either)
            .with(Attribute::string("udid").required().describe("The id."));
        let expected = "### Required\n\n- `udid` (String) The id.\n\n\
                        ### Optional\n\n- `old` (Map of Number) Old. **Deprecated:** use `new`.\n\
                        - `either` (Boolean) Either. Filled in where it is not set.\n\n\
                        ### Read-Only\n\n- `token` (String, Sensitive) The token.\n";
        assert_eq!(sections(&schema), expected);
    }

    #[test]
    fn what_is_nested_has_a_heading_that_its_line_links_to() {
        let value = Attribute::objects("values", [Attribute::string("header").optional().describe("H.")]);
        let request = Schema::new("A request.").with(value.optional().describe("V."));
        let text = sections(&Schema::new("").with_block(NestedBlock::list("request", request)));
        for expected in [
            "- `request` (Blocks, in their order, [see below](#nested--request)) A request.\n",
            "<a id=\"nested--request\"></a>\n### Nested schema for `request`\n\nOptional:\n\n- `values` (Map of objects, \
             [see below](#nested--request--values)) V.\n",
            "<a id=\"nested--request--values\"></a>\n### Nested schema for `request.values`\n\nOptional:\n\n- `header` (String) H.\n",
        ] {
            assert!(text.contains(expected), "{expected}\nis not in\n{text}");
        }
    }
}
