//! The settings of all requests.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::ExposeSecret;

use super::user_agent;
use crate::system::check_fields;
use crate::{Field, FieldKind, FieldProblem, Given, GivenFields, parse_duration};

/// What holds for all requests of one configuration.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct HttpSettings {
    /// The only CA certificates to trust, instead of those of this machine.
    pub ca_cert_file: Option<PathBuf>,
    /// How long one exchange may take, with all its tries.
    pub timeout: Duration,
    /// How long it may be waited, on top of that, when a system asks to come back later.
    pub max_wait: Duration,
    /// Whether a request that failed in passing is sent again. Not for those who have a schedule for that.
    pub retries: bool,
    /// What is sent as `User-Agent`.
    pub user_agent: String,
}

impl Default for HttpSettings {
    fn default() -> Self {
        HttpSettings {
            ca_cert_file: None,
            timeout: Duration::from_secs(30),
            max_wait: Duration::from_mins(1),
            retries: true,
            user_agent: user_agent(None, None),
        }
    }
}

impl HttpSettings {
    /// Reads the values of [`HTTP_FIELDS`]; unknown ones count as left out.
    ///
    /// # Errors
    /// One problem for each malformed value.
    pub fn from_given(given: &GivenFields) -> Result<Self, Vec<FieldProblem>> {
        let problems = check_fields("", HTTP_FIELDS, given);
        if !problems.is_empty() {
            return Err(problems);
        }
        let text = |name| match given.get(name) {
            Some(Given::Text(text)) => Some(text.expose_secret()),
            _ => None,
        };
        let duration = |name| text(name).and_then(|text| parse_duration(text).ok());
        let default = HttpSettings::default();
        Ok(HttpSettings {
            ca_cert_file: text("ca_cert_file").map(PathBuf::from),
            timeout: duration("timeout").unwrap_or(default.timeout),
            max_wait: duration("max_wait").unwrap_or(default.max_wait),
            ..default
        })
    }
}

/// The settings of all requests, described once.
pub static HTTP_FIELDS: &[Field] = &[
    Field {
        name: "ca_cert_file",
        kind: FieldKind::Text,
        description: "Path of a file with CA certificates in PEM form. They replace the CA certificates of the \
                      operating system for all systems of this configuration. The file is read at the first https \
                      request.",
        default: None,
        environment: None,
        rule: None,
    },
    Field {
        name: "timeout",
        kind: FieldKind::Duration,
        description: "How long one exchange with a system may take, with all its retries, for example `30s`. Time \
                      that a system asks to wait does not count.",
        default: Some("30s"),
        environment: None,
        rule: Some(positive),
    },
    Field {
        name: "max_wait",
        kind: FieldKind::Duration,
        description: "How long to wait, in all, when a system limits the rate of requests and asks to come back \
                      later. If it asks for more, the read fails at once and says when to try again. `0s` never \
                      waits.",
        default: Some("60s"),
        environment: None,
        rule: None,
    },
];

/// A rule for durations that cannot be zero.
pub(crate) fn positive(text: &str) -> Result<(), String> {
    match parse_duration(text) {
        Ok(Duration::ZERO) => Err("it must be longer than zero, as in \"30s\" or \"1h30m\"".to_owned()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_the_ca_file_are_read() {
        let given = GivenFields::from([
            ("ca_cert_file".to_owned(), "ca.pem".into()),
            ("timeout".to_owned(), "1m".into()),
            ("max_wait".to_owned(), "0s".into()),
        ]);
        let settings = HttpSettings::from_given(&given).unwrap();
        assert_eq!(settings.ca_cert_file, Some(PathBuf::from("ca.pem")));
        assert_eq!((settings.timeout, settings.max_wait), (Duration::from_mins(1), Duration::ZERO));
    }

    #[test]
    fn defaults_are_those_of_the_descriptions() {
        let described = |name: &str| {
            let field = HTTP_FIELDS.iter().find(|field| field.name == name).unwrap();
            parse_duration(field.default.unwrap()).unwrap()
        };
        let unknown = GivenFields::from([("timeout".to_owned(), Given::Unknown)]);
        let settings = HttpSettings::from_given(&unknown).unwrap();
        assert_eq!(settings, HttpSettings::default());
        assert_eq!((settings.timeout, settings.max_wait), (described("timeout"), described("max_wait")));
    }

    #[test]
    fn every_malformed_value_is_one_problem() {
        let given = GivenFields::from([
            ("ca_cert_file".to_owned(), "".into()),
            ("timeout".to_owned(), "0s".into()),
            ("max_wait".to_owned(), "300".into()),
        ]);
        let problems = HttpSettings::from_given(&given).unwrap_err();
        let fields: Vec<&str> = problems.iter().map(|problem| problem.field).collect();
        assert_eq!(fields, ["ca_cert_file", "timeout", "max_wait"]);
    }
}
