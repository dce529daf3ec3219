//! The settings of the system, and the source they describe.

use std::sync::Arc;
use std::time::Duration;

use super::login::{self, Method, Zettelstore};
use crate::error::Guidance;
use crate::system::{ALLOW_HTTP, Reader};
use crate::{
    BuildContext, Credential, Field, FieldKind, FieldProblem, Home, Predecessor, Settings, System,
    TokenSource, Trial,
};

/// Zettelstore.
pub static SYSTEM: System = System {
    name: "zettelstore",
    title: "Zettelstore",
    summary: "A Zettelstore server. Gives an access token of its API for a user name and password. The server tells \
              how long the token lives, 10 minutes by default; the tokens before it live on until their own end.",
    details: "A token is renewed by way of the old one (`PUT`), and where the server does not do that, by a login. \
              While less than a quarter of its life has passed, the server gives the same token again, with what is \
              left of its life.\n\n\
              A server whose authentication is switched off gives the token `freeaccess` to whoever asks, for 3660 \
              days, and checks neither user name nor password. By default that is a warning; with \
              `require_authentication = true` it is an error.\n\n\
              A server speaks plain `http`, by default on the machine it runs on; `https` takes a proxy in front \
              of it. A login takes it about half a second, so `timeout` should be 5 seconds or more.\n\n\
              All releases are understood except 0.0.14, whose tokens come from another path.",
    home: Home::ProviderBlock,
    predecessor: Predecessor::LivesOn,
    documented_life: Some(Duration::from_mins(10)),
    trial: Trial::ByDefault,
    refreshes: false,
    revokes: false,
    realm: &[],
    credentials: &[Credential {
        name: "password",
        identity: Some(USERNAME.name),
        secrets: &[&[PASSWORD.name]],
        settings: &[],
        variables: &[],
    }],
    fields: &[BASE_URL, USERNAME, PASSWORD, METHOD, REQUIRE_AUTHENTICATION, ALLOW_HTTP],
    rotator_fields: &[],
    guidance: Guidance {
        login_refused: "Check `username` and `password` (ZETTELSTORE_USERNAME and ZETTELSTORE_PASSWORD). User names \
                        are case-sensitive: it is the `user-id` of the user's zettel.",
        no_access: "The server does not let this user log in. Check the rights of the user, and any proxy in front \
                    of the server.",
        address: "Check `base_url` (ZETTELSTORE_BASE_URL): it is everything before the final `a` of the endpoint. If the \
                  server has a `url-prefix`, it belongs to it, as in \"https://zettel.example/notes/\".",
    },
    check: None,
    build,
};

fn build(settings: &Settings, context: &BuildContext) -> Result<Arc<dyn TokenSource>, Vec<FieldProblem>> {
    let mut reader = Reader::new(&SYSTEM, settings);
    let base_url = reader.url(BASE_URL.name);
    let username = reader.text(USERNAME.name);
    let password = reader.secret(PASSWORD.name);
    let method = reader.optional(METHOD.name, |text| Ok(Method::of(text, &username)));
    let credential = login::Credential { username, password, method: method.unwrap_or(Method::Basic) };
    let protected = reader.flag(REQUIRE_AUTHENTICATION.name);
    reader.finish(|| {
        let source = Zettelstore::new(credential, base_url?, protected, context.clone());
        Some(Arc::new(source) as Arc<dyn TokenSource>)
    })
}

const BASE_URL: Field = Field {
    name: "base_url",
    kind: FieldKind::Url,
    description: "The URL of the server, with its `url-prefix` if it has one, as in \
                  `https://zettel.example/notes/`.",
    default: Some("http://127.0.0.1:23123/"),
    environment: Some("ZETTELSTORE_BASE_URL"),
    rule: None,
};

const USERNAME: Field = Field {
    name: "username",
    kind: FieldKind::Text,
    description: "The name of the user, which is the `user-id` of the user's zettel. Case-sensitive. It is \
                  not secret: tokens show it as their `subject`, which data sources store in the state.",
    default: None,
    environment: Some("ZETTELSTORE_USERNAME"),
    rule: None,
};

const PASSWORD: Field = Field {
    name: "password",
    kind: FieldKind::Secret,
    description: "The password of the user.",
    default: None,
    environment: Some("ZETTELSTORE_PASSWORD"),
    rule: None,
};

const METHOD: Field = Field {
    name: "method",
    kind: FieldKind::Choice(&["basic", "form"]),
    description: "How the credential is sent: `basic` as HTTP Basic authentication, `form` as a web form. A user \
                  name with a colon is always sent as a form, because HTTP Basic authentication cannot carry it.",
    default: Some("basic"),
    environment: None,
    rule: None,
};

const REQUIRE_AUTHENTICATION: Field = Field {
    name: "require_authentication",
    kind: FieldKind::Flag,
    description: "Whether to refuse the token `freeaccess`, which a server without authentication gives to whoever \
                  asks. Otherwise it is passed on with a warning.",
    default: Some("false"),
    environment: None,
    rule: None,
};
