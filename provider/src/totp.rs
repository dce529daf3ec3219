//! Time-based one-time passwords, reckoned here and now: nobody is asked.

use std::time::Duration;

use async_trait::async_trait;
use tfplugin::{
    Answer, Attribute, ConfigReader, Diagnostic, Diagnostics, EphemeralResource, Object, Opened, Renewed,
    Schema, Setting, Type, Value, sentence,
};
use tokenferry_sources::totp::TotpError;
use tokenferry_sources::{ExposeSecret, FieldProblem, Given, GivenFields, parse_duration, rfc3339, totp};
use zeroize::Zeroizing;

use crate::fields;
use crate::private::Private;
use crate::reading::enabled_argument;
use crate::systems::Systems;

/// `tokenferry_totp`. There is no data source: a stored code is of no use to anybody but a thief.
pub(crate) struct Totp;

/// Which code.
pub(crate) struct TotpConfig {
    enabled: bool,
    minimum: Duration,
    max_wait: Duration,
    /// `None` only while something is not known yet, or after a message.
    totp: Option<totp::Totp>,
}

#[async_trait]
impl EphemeralResource for Totp {
    type Provider = Systems;
    type Config = TotpConfig;

    fn type_name(&self) -> String {
        "tokenferry_totp".to_owned()
    }

    fn schema(&self) -> Schema {
        Schema::new(DESCRIPTION)
            .with_all(fields::attributes(totp::FIELDS))
            .with(Attribute::string(URI).optional().sensitive().describe(
                "The URI behind the QR code, as in `otpauth://totp/…?secret=…`, instead of `secret`.",
            ))
            .with(Attribute::new(MINIMUM, Type::Number).optional().describe(
                "How many seconds the code has to hold at least. If the current one holds less, the next one is waited \
                 for: at most one `period`, and at most `max_wait`. Default: any time is enough.",
            ))
            .with(Attribute::string(MAX_WAIT).optional().describe(
                "How long to wait for the next code at most, for example `90s`. If that comes later, opening fails at \
                 once, and says when it comes. Default `2m`.",
            ))
            .with(enabled_argument("With `enabled = terraform.applying` a plan neither waits nor makes a code."))
            .with(Attribute::string("code").sensitive().describe("The one-time password, with leading zeros."))
            .with(
                Attribute::new("seconds_left", Type::Number)
                    .describe("How many whole seconds the code still held when it was made."),
            )
            .with(Attribute::string("expires_at").describe(
                "When the next code takes its place, in RFC 3339 form and UTC, for example `2030-01-31T12:00:00Z`.",
            ))
    }

    fn config(&self, reader: &mut ConfigReader<'_>) -> TotpConfig {
        let totp = read(reader);
        TotpConfig {
            enabled: reader.bool("enabled").known().unwrap_or(true),
            minimum: minimum(reader, totp.as_ref()),
            max_wait: reader.parse(MAX_WAIT, parse_duration).known().unwrap_or(DEFAULT_MAX_WAIT),
            totp,
        }
    }

    async fn open(&self, systems: &Systems, config: TotpConfig) -> Result<Answer<Opened>, Diagnostics> {
        if !config.enabled {
            let private = Private::new(self.type_name(), None).to_bytes();
            return Ok(Opened { private, ..Opened::default() }.into());
        }
        let totp = config.totp.ok_or_else(|| Diagnostic::error("Missing `secret` or `uri`", NO_SECRET))?;
        let code = totp.wait_for(config.minimum, config.max_wait, systems.clock()).await;
        let code = code.map_err(|error| no_such_code(&error))?;
        let seconds_left = code.seconds_left(systems.clock().now());
        let computed = Object::from([
            ("code".to_owned(), Value::string(code.value.expose_secret())),
            ("seconds_left".to_owned(), Value::whole(seconds_left)),
            ("expires_at".to_owned(), Value::string(rfc3339(code.expires_at))),
        ]);
        let private = Private::new(self.type_name(), Some(code.expires_at)).to_bytes();
        Ok(Opened { computed, private, renew_at: None }.into())
    }

    async fn renew(&self, systems: &Systems, private: &[u8]) -> Result<Answer<Renewed>, Diagnostics> {
        let type_name = self.type_name();
        Private::from_bytes(private, &type_name)?.still_good(systems, &type_name)
    }

    async fn close(&self, _: &Systems, private: &[u8]) -> Result<Answer<()>, Diagnostics> {
        Private::from_bytes(private, &self.type_name()).map(|_| ().into())
    }
}

fn no_such_code(error: &TotpError) -> Diagnostic {
    let (argument, remedy) = match error {
        TotpError::WaitTooLong { .. } => (MAX_WAIT, " Run it then, or allow a longer `max_wait`."),
        _ => (MINIMUM, ""),
    };
    let detail = format!("{}{remedy}", sentence(&error.to_string()));
    Diagnostic::error("No code holds that long", detail)
        .at(tfplugin::AttributePath::root().attribute(argument))
}

/// The account, from its secret or its URI.
fn read(reader: &mut ConfigReader<'_>) -> Option<totp::Totp> {
    let mut given = fields::read(totp::FIELDS, reader);
    let named = secret_argument(reader, &mut given)?;
    let problems = totp::check(&given);
    if !problems.is_empty() {
        let problems = problems.into_iter().map(|problem| at(named, problem)).collect();
        fields::report(reader, totp::FIELDS, problems);
        return None;
    }
    if is_wholly_known(&given) { totp::from_given(&given).ok() } else { None }
}

/// Takes a URI for the secret, and says which argument it was. `None` if there is none yet, or a message about it.
fn secret_argument(reader: &mut ConfigReader<'_>, given: &mut GivenFields) -> Option<&'static str> {
    let uri = reader.parse(URI, otpauth);
    let was_refused = uri == Setting::Null && reader.string(URI) != Setting::Null;
    match (given.get(SECRET), uri) {
        (_, Setting::Null) if was_refused => None,
        (Some(_), Setting::Null) => Some(SECRET),
        (None, Setting::Known(uri)) => {
            given.insert(SECRET.to_owned(), uri.as_str().into());
            Some(URI)
        }
        (None, Setting::Null) => {
            let path = reader.path(SECRET);
            reader.report(Diagnostic::error("Missing `secret` or `uri`", NO_SECRET).at(path));
            None
        }
        // What is not known yet may turn out to be nothing.
        (_, Setting::Unknown) | (Some(Given::Unknown), Setting::Known(_)) => None,
        (Some(_), Setting::Known(_)) => {
            let detail = "Set either `secret` or `uri`: the URI has the secret in it.";
            let path = reader.path(URI);
            reader.report(Diagnostic::error("Conflicting arguments", detail).at(path));
            None
        }
    }
}

fn is_wholly_known(given: &GivenFields) -> bool {
    !given.values().any(|given| matches!(given, Given::Unknown))
}

/// What is wrong with the secret is shown where it was written.
fn at(named: &'static str, problem: FieldProblem) -> FieldProblem {
    if problem.field != SECRET || named == SECRET {
        return problem;
    }
    FieldProblem {
        field: named,
        summary: format!("Invalid `{named}`"),
        detail: sentence(&problem.reason),
        ..problem
    }
}

fn otpauth(text: &str) -> Result<Zeroizing<String>, &'static str> {
    let is_uri = text.trim().get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("otpauth:"));
    if is_uri { Ok(text.to_owned().into()) } else { Err("it is no URI that begins with `otpauth:`") }
}

fn minimum(reader: &mut ConfigReader<'_>, totp: Option<&totp::Totp>) -> Duration {
    let Setting::Known(seconds) = reader.integer(MINIMUM) else { return Duration::ZERO };
    let minimum = u64::try_from(seconds).map(Duration::from_secs);
    let detail = match (&minimum, totp) {
        (Err(_), _) => "`minimum_seconds` cannot be negative.".to_owned(),
        (Ok(minimum), Some(totp)) if *minimum > totp.period() => {
            format!("A code holds for {} s only: no code ever has {seconds} s left.", totp.period().as_secs())
        }
        _ => return minimum.unwrap_or_default(),
    };
    let path = reader.path(MINIMUM);
    reader.report(Diagnostic::error("Invalid `minimum_seconds`", detail).at(path));
    Duration::ZERO
}

const DESCRIPTION: &str = "\
A time-based one-time password (RFC 6238), as authenticator apps show it, reckoned from its secret without asking \
anybody. Its values are in neither state nor plan file. Terraform opens it in every plan and again in every apply: each \
gets the code of its time.

A code holds for its period, 30 seconds mostly, and many systems take each one only once: use it where it is needed \
early in a run, and ask for `minimum_seconds`.";
const NO_SECRET: &str =
    "A code is made from the secret of the account. Set `secret`, or `uri`, which has it inside.";
/// Longer than almost every code holds.
const DEFAULT_MAX_WAIT: Duration = Duration::from_mins(2);
const MAX_WAIT: &str = "max_wait";
const MINIMUM: &str = "minimum_seconds";
const SECRET: &str = "secret";
const URI: &str = "uri";

#[cfg(test)]
mod tests {
    use tfplugin::Number;

    use super::*;

    /// `12345678901234567890`, the secret of the RFC, in base32.
    const RFC_SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn read_config(entries: &[(&str, Value)]) -> (TotpConfig, Vec<String>) {
        let object: Object =
            entries.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let mut diagnostics = Diagnostics::new();
        let config = Totp.config(&mut ConfigReader::new(&object, &mut diagnostics));
        assert!(!format!("{diagnostics:?}").contains("GEZDGNBV"));
        let paths = diagnostics.iter().map(|problem| problem.path().to_string()).collect();
        (config, paths)
    }

    fn uri(arguments: &str) -> Value {
        Value::string(format!("otpauth://totp/Example:anna?secret={RFC_SECRET}{arguments}"))
    }

    #[test]
    fn secret_and_uri_mean_the_same_account() {
        let from_secret =
            read_config(&[("secret", Value::string(RFC_SECRET)), ("digits", Value::string("8"))]);
        let from_uri = read_config(&[("uri", uri("&digits=8"))]);
        for (config, problems) in [from_secret, from_uri] {
            assert_eq!(problems, Vec::<String>::new());
            let now = tokenferry_sources::Timestamp::from_timestamp(59, 0).unwrap();
            // From appendix B of the RFC.
            assert_eq!(config.totp.unwrap().code_at(now).value.expose_secret(), "94287082");
        }
    }

    #[test]
    fn each_problem_is_shown_at_its_argument() {
        let secret = || ("secret", Value::string(RFC_SECRET));
        let seconds = |seconds: i64| ("minimum_seconds", Value::Number(Number::Integer(seconds)));
        let cases: [(&[(&str, Value)], &str); 11] = [
            (&[secret(), ("max_wait", Value::string("90"))], "max_wait"),
            (&[secret(), ("algorithm", Value::string("MD5"))], "algorithm"),
            (&[secret(), ("period", Value::string("0s"))], "period"),
            (&[], "secret"),
            (&[("secret", Value::string("not base32!"))], "secret"),
            (&[secret(), ("uri", uri(""))], "uri"),
            (&[("uri", Value::string("https://example.com"))], "uri"),
            (&[("uri", Value::string("otpauth://totp/x"))], "uri"),
            (&[secret(), ("digits", Value::string("9"))], "digits"),
            (&[secret(), seconds(31)], "minimum_seconds"),
            (&[secret(), seconds(-1)], "minimum_seconds"),
        ];
        for (entries, expected) in cases {
            assert_eq!(read_config(entries).1, [expected]);
        }
    }

    #[test]
    fn a_wait_has_an_end_and_beyond_it_the_next_code_is_announced() {
        let patience = |entries: &[(&str, Value)]| read_config(entries).0.max_wait.as_secs();
        assert_eq!(patience(&[]), 120);
        assert_eq!(patience(&[("max_wait", Value::string("5m"))]), 300);
        let next = tokenferry_sources::Timestamp::from_timestamp(86_400, 0).unwrap();
        let error = no_such_code(&TotpError::WaitTooLong { next, max_wait: Duration::from_mins(2) });
        assert_eq!(error.path().to_string(), "max_wait");
        assert!(format!("{error:?}").contains("1970-01-02T00:00:00Z"), "{error:?}");
    }

    #[test]
    fn what_is_not_known_yet_is_no_problem() {
        for entries in [
            &[("secret", Value::Unknown)][..],
            &[("uri", Value::Unknown)],
            &[("secret", Value::Unknown), ("uri", uri(""))],
            &[("secret", Value::string(RFC_SECRET)), ("uri", Value::Unknown)],
            &[("uri", uri("")), ("digits", Value::Unknown)],
            &[("secret", Value::string(RFC_SECRET)), ("minimum_seconds", Value::Unknown)],
        ] {
            assert_eq!(read_config(entries).1, Vec::<String>::new());
        }
    }
}
