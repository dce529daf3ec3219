//! The rotator's entries in Vault: tokens that somebody else keeps fresh.

pub(crate) mod place;
mod standing;

pub(crate) use standing::Standing;

use std::time::Duration;

use async_trait::async_trait;
use tfplugin::{
    Answer, Attribute, AttributePath, ConfigReader, Diagnostic, Diagnostics, Object, Type, Value,
};
use tokenferry_sources::{ExposeSecret, Timestamp, rfc3339};
use tokenferry_vault::{Entry, KvPath, Rotated};

use crate::reading::{Reading, Values};
use crate::systems::Systems;

/// `tokenferry_rotated_token`.
pub(crate) struct RotatedToken;

#[async_trait]
impl Reading for RotatedToken {
    type Arguments = Option<KvPath>;

    fn type_name(&self) -> String {
        "tokenferry_rotated_token".to_owned()
    }

    fn summary(&self) -> String {
        "An access token that the tokenferry rotator keeps fresh in HashiCorp Vault or OpenBao, with how it is sent \
         and when it ends."
            .to_owned()
    }

    fn calls(&self) -> String {
        "one login to Vault at most and one read of each entry, however many reads share it; more only where the entry \
         was absent, could not be read or did not live long enough"
            .to_owned()
    }

    fn details(&self) -> String {
        "Where Vault is and how to log in there stands in the provider block's `vault` attribute or in environment \
         variables; the system that issued the token is not asked. The least policy is `read` on `MOUNT/data/PATH`, or on `MOUNT/PATH` with KV version 1.\n\n\
         The read fails if the token has expired, and names its rotation. The entry must have the field names that \
         the rotator writes unless it is told otherwise."
            .to_owned()
    }

    fn minimum_lifetime(&self) -> String {
        "How long the token has to live at least when it is read, for example `15m`; if it has less left, the read \
         fails and says how much. Where the entry does not say when its token ends, this needs `ttl` in the \
         rotator's source. Default: any life is enough."
            .to_owned()
    }

    fn arguments(&self) -> Vec<Attribute> {
        place::arguments().into()
    }

    fn read_arguments(&self, reader: &mut ConfigReader<'_>) -> Option<KvPath> {
        place::read(reader)
    }

    fn computed(&self) -> Vec<Attribute> {
        let text = |name: &str, description: &str| Attribute::string(name).describe(description);
        let number = |name: &str, description: &str| Attribute::new(name, Type::Number).describe(description);
        vec![
            text("token", "The access token itself.").sensitive(),
            text("token_type", "What the system calls this kind of token."),
            text("header_name", "The request header in which the token is sent."),
            text("header_value", "The value of that header: the token with whatever stands before it.")
                .sensitive(),
            text(
                "issued_at",
                "When the token was issued, in RFC 3339 form and UTC, for example `2030-01-31T12:00:00Z`.",
            ),
            text("expires_at", "When the token ends, in the same form. Null when nobody knows."),
            text(
                "refresh_after",
                "From when on there is a newer token. Null when nobody knows when this one ends.",
            ),
            number("ttl", "How many seconds the token lived when it was issued. Null when nobody knows."),
            text("system", "The system that issued the token: `zscaler`, `zettelstore`, …"),
            text("issuer", "The base URL of the system that issued the token."),
            text("subject", "Whose token it is: client id or user name."),
            text("source", "The rotator's source that logged in."),
            text("rotation", "The rotation that wrote the entry."),
            text("occurrence", "The planned time of the run that wrote it."),
            text("writer", "The process that wrote it."),
            number("serial", "How many tokens this rotation has written here."),
        ]
    }

    async fn read(
        &self,
        systems: &Systems,
        at: Option<KvPath>,
        minimum: Option<Duration>,
    ) -> Result<Answer<Values>, Diagnostics> {
        // Required by the schema; absent only while the block is validated.
        let at =
            at.ok_or_else(|| Diagnostic::error("Missing required arguments", "Set `mount` and `path`."))?;
        let path = AttributePath::root().attribute("path");
        let now = systems.clock().now();
        let found = systems.entries().read(&at, &path, |found| is_fresh(found, minimum, now)).await?;
        let found = found.ok_or_else(|| absent(&at, &path))?;
        let entry = &found.entry;
        match Standing::of(entry, minimum, systems.clock().now()).problem(&at, entry, &path) {
            Some(problem) => Err(problem.into()),
            None => Ok(Values { computed: computed(entry), expires_at: entry.expires_at }.into()),
        }
    }
}

/// Whether there is no reason to look for a newer one.
pub(crate) fn is_fresh(found: &Rotated, minimum: Option<Duration>, now: Timestamp) -> bool {
    let entry = &found.entry;
    entry.refresh_after.is_none_or(|newer| now < newer) && Standing::of(entry, minimum, now) == Standing::Good
}

/// There is nothing where a token should be.
pub(crate) fn absent(at: &KvPath, path: &AttributePath) -> Diagnostic {
    let detail = format!(
        "There is no entry at {at} in Vault, or it was deleted. Check `mount` and `path` (which goes without `data/`), \
         and with `tokenferry status` whether the rotation that writes there has run."
    );
    Diagnostic::error("There is no such entry in Vault", detail).at(path.clone())
}

/// A text of an entry in a message: its form was seen to when it was read, its length was not.
pub(crate) fn shown(text: &str) -> String {
    text.chars().take(200).collect()
}

fn computed(entry: &Entry) -> Object {
    let text = |text: &str| Value::optional_string(Some(text).filter(|text| !text.is_empty()));
    let time = |time: Option<Timestamp>| Value::optional_string(time.map(rfc3339));
    let entries = [
        ("token", Value::string(entry.token.expose_secret())),
        ("token_type", text(&entry.token_type)),
        ("header_name", text(&entry.header_name)),
        ("header_value", text(entry.header_value.expose_secret())),
        ("issued_at", time(Some(entry.issued_at))),
        ("expires_at", time(entry.expires_at)),
        ("refresh_after", time(entry.refresh_after)),
        ("ttl", entry.ttl.map_or(Value::Null, Value::whole)),
        ("system", text(&entry.system)),
        ("issuer", text(&entry.issuer)),
        ("subject", text(&entry.subject)),
        ("source", text(&entry.origin.source)),
        ("rotation", text(&entry.origin.rotation)),
        ("occurrence", time(Some(entry.origin.occurrence))),
        ("writer", text(&entry.origin.writer)),
        ("serial", Value::whole(entry.origin.serial)),
    ];
    entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests;
