//! The access token of a system, for every system that has a source.

mod ephemeral;
mod owed;
mod prefer;

pub(crate) use ephemeral::EphemeralToken;
pub(crate) use owed::{Opening, Owed};

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tfplugin::{Answer, Attribute, ConfigReader, Diagnostics, NestedBlock, Object, Value};
use tokenferry_sources::{ExposeSecret, Field, GivenFields, Home, Session, System, Token, rfc3339};

use crate::diagnostics::{of_source, of_token};
use crate::fields;
use crate::reading::{Reading, Values};
use crate::systems::Systems;

/// `tokenferry_SYSTEM_token`.
pub(crate) struct TokenReading {
    pub(crate) system: &'static System,
}

/// What a token has as arguments of its own: the settings of its system, where they do not stand in the provider
/// block.
#[derive(Debug, Default)]
pub(crate) struct TokenArguments(GivenFields);

#[async_trait]
impl Reading for TokenReading {
    type Arguments = TokenArguments;

    fn type_name(&self) -> String {
        format!("tokenferry_{}_token", self.system.name)
    }

    fn summary(&self) -> String {
        let issuer = match self.system.home {
            Home::ProviderBlock => self.system.title,
            Home::Resource => "an HTTP service",
        };
        format!("An access token of {issuer}, with how it is sent and when it ends.")
    }

    fn calls(&self) -> String {
        match self.system.home {
            Home::ProviderBlock => "one login at most, however many reads share the token",
            Home::Resource => "one login at most, however many reads with the same settings share the token",
        }
        .to_owned()
    }

    fn details(&self) -> String {
        let System { name, summary, details, home, .. } = self.system;
        let first = match home {
            Home::ProviderBlock => format!(
                "The credential stands in the provider block's `{name}` attribute or in environment variables."
            ),
            Home::Resource => (*summary).to_owned(),
        };
        [first.as_str(), details].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n")
    }

    fn minimum_lifetime(&self) -> String {
        let place = match self.system.home {
            Home::ProviderBlock => " in the provider block",
            Home::Resource => "",
        };
        format!(
            "How long the token has to live at least when it is read, for example `15m`. A token from an earlier read \
             that has less left is replaced by one login; if a fresh one has less, the read fails and says how much \
             it has. Where the system does not say when its tokens end, this needs `ttl`{place}. Default: any life is \
             enough."
        )
    }

    fn arguments(&self) -> Vec<Attribute> {
        fields::attributes(self.own_fields())
    }

    fn blocks(&self) -> Vec<NestedBlock> {
        fields::blocks(self.own_fields())
    }

    fn read_arguments(&self, reader: &mut ConfigReader<'_>) -> TokenArguments {
        let given = fields::read(self.own_fields(), reader);
        if self.system.home == Home::Resource {
            let problems = self.system.check(&given).into_iter().chain(self.system.flaws(&given));
            fields::report(reader, self.own_fields(), problems.collect());
        }
        TokenArguments(given)
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
            Attribute::string("issuer").describe(
                "The base URL of the system that issued the token; where a token is good for one client only, the URL \
                 that names the client.",
            ),
            Attribute::string("subject").describe("Whose token it is: client id or user name."),
        ]
    }

    async fn read(
        &self,
        systems: &Systems,
        arguments: TokenArguments,
        minimum_lifetime: Option<Duration>,
    ) -> Result<Answer<Values>, Diagnostics> {
        let session = self.session(systems, &arguments)?;
        let token = session.token(minimum_lifetime).await.map_err(|error| of_source(&error))?;
        let values = Values { computed: computed(&token), expires_at: token.expires_at() };
        Ok(Answer { value: values, warnings: of_token(&token) })
    }
}

impl TokenReading {
    fn session(&self, systems: &Systems, arguments: &TokenArguments) -> Result<Arc<Session>, Diagnostics> {
        match self.system.home {
            Home::ProviderBlock => systems.session(self.system),
            Home::Resource => systems.session_of(self.system, &arguments.0),
        }
    }

    /// The fields that are written where the token is read.
    fn own_fields(&self) -> &'static [Field] {
        match self.system.home {
            Home::ProviderBlock => &[],
            Home::Resource => self.system.fields,
        }
    }
}

/// What is known of a token, as computed attributes.
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
