//! The access token of a system, for every system that has a source.

use std::time::Duration;

use async_trait::async_trait;
use tfplugin::{Answer, Attribute, ConfigReader, Diagnostics, FromConfig, Object, Value};
use tokenferry_sources::{ExposeSecret, System, Token, rfc3339};

use crate::diagnostics::{of_source, of_token};
use crate::reading::{Reading, Values};
use crate::systems::Systems;

/// `tokenferry_SYSTEM_token`.
pub(crate) struct TokenReading {
    pub(crate) system: &'static System,
}

/// A token has no arguments of its own.
pub(crate) struct NoArguments;

impl FromConfig for NoArguments {
    fn from_config(_: &mut ConfigReader<'_>) -> Self {
        Self
    }
}

#[async_trait]
impl Reading for TokenReading {
    type Arguments = NoArguments;

    fn type_name(&self) -> String {
        format!("tokenferry_{}_token", self.system.name)
    }

    fn summary(&self) -> String {
        format!("An access token of {}, with how it is sent and when it ends.", self.system.title)
    }

    fn calls(&self) -> String {
        "Every plan that reads it and every apply makes one login at most, however many reads share the token."
            .to_owned()
    }

    fn details(&self) -> String {
        format!(
            "The credential stands in the provider block's `{}` attribute or in environment variables.",
            self.system.name
        )
    }

    fn minimum_lifetime(&self) -> String {
        "How long the token has to live at least when it is read, for example `15m`. A token from an earlier read \
         that has less left is replaced by one login; if a fresh one has less, the read fails and says how much it \
         has. Where the system does not say when its tokens end, this needs `ttl` in the provider block. Default: \
         any life is enough."
            .to_owned()
    }

    fn arguments(&self) -> Vec<Attribute> {
        Vec::new()
    }

    fn computed(&self) -> Vec<Attribute> {
        vec![
            Attribute::string("token").sensitive().describe("The access token itself."),
            Attribute::string("token_type").describe("What the system calls this kind of token."),
            Attribute::string("header_name").describe("The request header in which the token is sent."),
            Attribute::string("header_value")
                .sensitive()
                .describe("The value of that header: the token with whatever stands before it."),
            Attribute::string("issued_at")
                .describe("When the token was issued, in RFC 3339 form and UTC, for example `2030-01-31T12:00:00Z`."),
            Attribute::string("expires_at").describe(
                "When the token ends, in the same form: as the system reports it, or by the configured `ttl`. Null \
                 when neither says so.",
            ),
            Attribute::string("issuer").describe("The base URL of the system that issued the token. Where a token is good for one client only, \
                 it is the URL that names the client."),
            Attribute::string("subject").describe("Whose token it is: client id or user name."),
        ]
    }

    async fn read(
        &self,
        systems: &Systems,
        NoArguments: NoArguments,
        minimum_lifetime: Option<Duration>,
    ) -> Result<Answer<Values>, Diagnostics> {
        let session = systems.session(self.system)?;
        let token = session.token(minimum_lifetime).await.map_err(|error| of_source(&error))?;
        let values = Values { computed: computed(&token), expires_at: token.expires_at() };
        Ok(Answer { value: values, warnings: of_token(&token) })
    }
}

fn computed(token: &Token) -> Object {
    let entries = [
        ("token", Value::string(token.value.expose_secret())),
        ("token_type", Value::string(&*token.usage.token_type)),
        ("header_name", Value::string(&*token.usage.header_name)),
        ("header_value", Value::string(token.header_value().expose_secret())),
        ("issued_at", Value::string(rfc3339(token.issued_at))),
        ("expires_at", Value::optional_string(token.expires_at().map(rfc3339))),
        ("issuer", Value::string(token.identity.issuer.as_str())),
        ("subject", Value::string(token.identity.subject.as_str())),
    ];
    entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
