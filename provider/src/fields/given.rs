//! From a configuration to what the sources take. Anything in it may be unknown, at any depth.

use std::path::PathBuf;

use tfplugin::{Attribute, ConfigReader, Diagnostic, Setting};
use tokenferry_sources::{Field, FieldKind, Given, GivenFields, Reference};

/// Reads what the user wrote.
pub(crate) fn read(fields: &'static [Field], reader: &mut ConfigReader<'_>) -> GivenFields {
    let entries = fields.iter().filter_map(|field| {
        let given = written(read_field(field, reader))?;
        Some((field.name.to_owned(), given))
    });
    entries.collect()
}

/// Where a secret is kept.
pub(super) fn reference_attributes() -> Vec<Attribute> {
    vec![
        Attribute::string(ENV)
            .optional()
            .describe("The name of the environment variable that holds the secret."),
        Attribute::string(FILE)
            .optional()
            .describe("Path of the file that holds the secret. A line break at its end does not count."),
    ]
}

fn read_field(field: &'static Field, reader: &mut ConfigReader<'_>) -> Setting<Given> {
    let name = field.name;
    match field.kind {
        FieldKind::Blocks(inner) => reader.blocks(name, |block| read_block(inner, block)).map(all_known),
        FieldKind::Flag => reader.bool(name).map(Given::Flag),
        FieldKind::Object(inner) => reader.object(name).map(|object| read_object(inner, object)),
        FieldKind::Objects(inner) => {
            let objects =
                reader.objects(name, |_, object| written(object.map(|object| read_object(inner, object))));
            objects.map(by_name)
        }
        FieldKind::Secrets => reader.objects(name, |_, secret| read_secret(secret)).map(by_name),
        FieldKind::Texts => reader.texts(name).map(|texts| {
            by_name(texts.into_iter().map(|(key, text)| (key, written(text.map(Given::from)))).collect())
        }),
        _ => reader.string(name).map(Given::from),
    }
}

fn read_object(fields: &'static [Field], mut reader: ConfigReader<'_>) -> Given {
    Given::Map(read(fields, &mut reader))
}

fn read_block(fields: &'static [Field], block: Setting<ConfigReader<'_>>) -> Option<GivenFields> {
    match block {
        Setting::Known(mut block) => Some(read(fields, &mut block)),
        Setting::Null => Some(GivenFields::new()),
        Setting::Unknown => None,
    }
}

/// What stands for a secret that there was a message about: it is there, after all.
const REFUSED: Option<Given> = Some(Given::Unknown);

/// Where one block is unknown as a whole, nothing can be said about how it goes together with the others.
fn all_known(blocks: Vec<Option<GivenFields>>) -> Given {
    blocks.into_iter().collect::<Option<Vec<_>>>().map_or(Given::Unknown, Given::List)
}

fn read_secret(secret: Setting<ConfigReader<'_>>) -> Option<Given> {
    match secret {
        Setting::Known(mut secret) => read_reference(&mut secret),
        Setting::Null => None,
        Setting::Unknown => Some(Given::Unknown),
    }
}

fn read_reference(reader: &mut ConfigReader<'_>) -> Option<Given> {
    let reference = match (reader.string(ENV), reader.string(FILE)) {
        (Setting::Known(_), Setting::Null) => reader.parse(ENV, variable).known().map(Reference::Env),
        (Setting::Null, Setting::Known(_)) => reader.parse(FILE, path).known().map(Reference::File),
        (Setting::Null, Setting::Null) | (Setting::Known(_), Setting::Known(_)) => {
            let detail = "Say where the secret is kept: set either `env` or `file`, and not both.";
            let diagnostic =
                Diagnostic::error("Not exactly one of `env` and `file`", detail).at(reader.here().clone());
            reader.report(diagnostic);
            return REFUSED;
        }
        _ => return Some(Given::Unknown),
    };
    reference.map_or(REFUSED, |reference| Some(Given::Reference(reference)))
}

fn variable(text: &str) -> Result<String, &'static str> {
    let is_name =
        !text.is_empty() && !text.contains(|c: char| c == '=' || c.is_whitespace() || c.is_control());
    is_name.then(|| text.to_owned()).ok_or(
        "it is no name of an environment variable; write one such as `ACME_PASSWORD`: letters, digits and `_`",
    )
}

fn path(text: &str) -> Result<PathBuf, &'static str> {
    let is_path = !text.trim().is_empty() && !text.contains(char::is_control);
    is_path
        .then(|| PathBuf::from(text))
        .ok_or("it is no path of a file; write one such as `/run/secrets/acme`")
}

fn by_name(entries: Vec<(&str, Option<Given>)>) -> Given {
    let entries = entries.into_iter().filter_map(|(name, given)| Some((name.to_owned(), given?)));
    Given::Map(entries.collect())
}

/// Null is the same as left out.
fn written(setting: Setting<Given>) -> Option<Given> {
    match setting {
        Setting::Known(given) => Some(given),
        Setting::Null => None,
        Setting::Unknown => Some(Given::Unknown),
    }
}

const ENV: &str = "env";
const FILE: &str = "file";
