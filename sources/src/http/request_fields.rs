//! The settings of a request, and those of the preset that takes their place.

use crate::{Field, FieldKind};

pub(super) const REQUEST_FIELDS: &[Field] = &[
    METHOD,
    URL,
    QUERY,
    HEADERS,
    Field {
        name: "basic_auth",
        kind: FieldKind::Object(BASIC_AUTH),
        description: "User name and password for HTTP Basic authentication.",
        ..OPTIONAL
    },
    JSON,
    FORM,
    Field {
        name: "values",
        kind: FieldKind::Objects(VALUE),
        description: "What to take from the answer, by name, for `{{values.NAME}}` in later requests. `token`, \
                      `expires_in` and `expires_at` have a meaning: one of the requests has to take `token`.",
        ..OPTIONAL
    },
];

/// A request with a new token.
pub(super) const TRIAL_FIELDS: &[Field] = &[
    METHOD,
    URL,
    QUERY,
    HEADERS,
    JSON,
    FORM,
    Field {
        name: "statuses",
        kind: FieldKind::Json,
        description: "The statuses that mean that the token is good, as in `[200, 404]`. Default: every 2xx.",
        ..OPTIONAL
    },
];

const METHOD: Field = Field {
    name: "method",
    kind: FieldKind::Choice(&["GET", "POST", "PUT", "PATCH", "DELETE"]),
    description: "The method. Default `POST` with a body, else `GET`.",
    ..OPTIONAL
};

const URL: Field = Field {
    name: "url",
    kind: FieldKind::Text,
    description: "Required: the URL. Path and query values can have placeholders; scheme, host and port cannot.",
    ..OPTIONAL
};

const QUERY: Field = Field {
    name: "query",
    kind: FieldKind::Texts,
    description: "Values for the query of the URL, by name, in addition to those that it has.",
    ..OPTIONAL
};

const HEADERS: Field = Field {
    name: "headers",
    kind: FieldKind::Texts,
    description: "Headers by name. `Content-Type` is set by the body if it is not set here.",
    ..OPTIONAL
};

const JSON: Field = Field {
    name: "json",
    kind: FieldKind::Json,
    description: "The body as JSON. Texts in it can have placeholders, names cannot.",
    ..OPTIONAL
};

const FORM: Field = Field {
    name: "form",
    kind: FieldKind::Texts,
    description: "The body as a web form: values by name.",
    ..OPTIONAL
};

const BASIC_AUTH: &[Field] = &[
    Field {
        name: "username",
        kind: FieldKind::Text,
        description: "The user name. It is a credential itself where no password is given, and then has to be \
                      `{{secrets.NAME}}`, too.",
        ..OPTIONAL
    },
    Field {
        name: "password",
        kind: FieldKind::Text,
        description: "The password, as `{{secrets.NAME}}`. Without it an empty one is sent.",
        ..OPTIONAL
    },
];

const VALUE: &[Field] = &[
    Field {
        name: "json_pointer",
        kind: FieldKind::Text,
        description: "Where the value is in a JSON answer, as a JSON Pointer (RFC 6901): `/data/0/token`. It must be a \
                      text, a number, true or false.",
        ..OPTIONAL
    },
    Field {
        name: "header",
        kind: FieldKind::Text,
        description: "The header that is the value. If the answer has several of the name, the first that `regex` fits.",
        ..OPTIONAL
    },
    Field {
        name: "regex",
        kind: FieldKind::Text,
        description: "A regular expression with one group, which is the value: in the header or JSON text that is named \
                      beside it, else anywhere in the body. Classes such as `\\w` know ASCII only.",
        ..OPTIONAL
    },
];

pub(super) const PRESET_FIELDS: &[Field] = &[
    Field {
        name: "token_url",
        kind: FieldKind::Text,
        description: "Required: the URL of the token endpoint.",
        ..OPTIONAL
    },
    Field {
        name: "client_id",
        kind: FieldKind::Text,
        description: "Required: the id of the client. It is not secret: tokens show it as their `subject`, which data \
                      sources store in the state.",
        ..OPTIONAL
    },
    Field {
        name: "authentication",
        kind: FieldKind::Choice(&["basic", "body", "private_key_jwt"]),
        description: "How the client proves who it is: `basic` sends `secrets.client_secret` by HTTP Basic \
                      authentication, `body` in the form, `private_key_jwt` sends an assertion signed by \
                      `secrets.private_key` (RFC 7523), an RSA key or an EC key on the curve P-256 in PEM form. Default \
                      `basic`.",
        ..OPTIONAL
    },
    Field {
        name: "scope",
        kind: FieldKind::Text,
        description: "The scopes to ask for, with blanks between them.",
        ..OPTIONAL
    },
    Field {
        name: "audience",
        kind: FieldKind::Text,
        description: "What the token is for, sent as `audience`, where the server wants that.",
        ..OPTIONAL
    },
    Field {
        name: "assertion_audience",
        kind: FieldKind::Text,
        description: "Whom the assertion of `private_key_jwt` is for. Default: `token_url`.",
        ..OPTIONAL
    },
    Field {
        name: "key_id",
        kind: FieldKind::Text,
        description: "The id of the private key, if the server wants one in the assertion (`kid`).",
        ..OPTIONAL
    },
];

/// What most fields of a request have in common.
const OPTIONAL: Field =
    Field { name: "", kind: FieldKind::Text, description: "", default: None, environment: None, rule: None };
