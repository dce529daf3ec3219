//! The settings of Vault in the provider block, and what can be said of them before anybody is asked.

use tokenferry_sources::{
    ExposeSecret, Field, FieldKind, FieldProblem, Given, GivenFields, Place, Severity, allows_http,
    check_fields,
};
use tokenferry_vault::{NO_WORD, entry_path, is_word, parse_address};

/// Everything that is wrong with what is known.
pub(crate) fn check(given: &GivenFields) -> Vec<FieldProblem> {
    let mut problems = check_fields("vault", FIELDS, given);
    for problem in malformed_address(given).into_iter().chain(second_login(given)).chain(half_logins(given)) {
        if !problems.iter().any(|known| problem.is_where(known)) {
            problems.push(problem);
        }
    }
    problems
}

/// The text of a field that is known.
pub(super) fn text<'a>(given: &'a GivenFields, name: &str) -> Option<&'a str> {
    match given.get(name)? {
        Given::Text(text) => Some(text.expose_secret()),
        _ => None,
    }
}

fn malformed_address(given: &GivenFields) -> Option<FieldProblem> {
    let error = parse_address(text(given, "address")?, allows_http(given)).err()?;
    let detail = format!("The value of `vault.address` {error}: {}.", error.advice());
    Some(problem("address", Vec::new(), "Invalid `vault.address`", detail))
}

/// There is one way to log in, or none, and then the environment has it.
fn second_login(given: &GivenFields) -> Option<FieldProblem> {
    // What is not known yet may turn out to be nothing.
    let is_known = |name: &&&str| !matches!(given.get(**name), None | Some(Given::Unknown));
    let mut written = LOGINS.iter().filter(is_known);
    let (first, second) = (written.next()?, written.next()?);
    let detail = format!(
        "Both `{first}` and `{second}` are set in `vault`. Leave one of them out: there is one way to log in."
    );
    Some(problem(second, Vec::new(), "More than one login to Vault", detail))
}

fn half_logins(given: &GivenFields) -> Vec<FieldProblem> {
    let missing = |(login, needed): &(&'static str, [&'static str; 2])| {
        let Some(Given::Map(written)) = given.get(*login) else { return Vec::new() };
        let absent = needed.iter().filter(|name| !written.contains_key(**name));
        let problem = |name: &&str| {
            let detail = format!("A login to Vault by `{login}` needs `{name}`.");
            problem(
                login,
                vec![Place::Name((*name).to_owned())],
                &format!("Missing `vault.{login}.{name}`"),
                detail,
            )
        };
        absent.map(problem).collect()
    };
    [("approle", ["role_id", "secret_id"]), ("jwt", ["role", "jwt"])].iter().flat_map(missing).collect()
}

fn problem(field: &'static str, within: Vec<Place>, summary: &str, detail: String) -> FieldProblem {
    let summary = summary.to_owned();
    FieldProblem { field, within, severity: Severity::Error, summary, reason: detail.clone(), detail }
}

fn word(text: &str) -> Result<(), String> {
    if is_word(text) { Ok(()) } else { Err(format!("it {NO_WORD}")) }
}

fn token(text: &str) -> Result<(), String> {
    let is_token = text.trim().chars().all(|c| c.is_ascii_graphic());
    if is_token {
        Ok(())
    } else {
        Err("it is no Vault token: those have neither blanks nor letters with accents".to_owned())
    }
}

fn mount(text: &str) -> Result<(), String> {
    entry_path(text).map(drop).map_err(|error| format!("it {error}"))
}

const fn field(name: &'static str, kind: FieldKind, description: &'static str) -> Field {
    Field { name, kind, description, default: None, environment: None, rule: None }
}

/// The settings of Vault, described once.
pub(crate) static FIELDS: &[Field] = &[
    Field {
        environment: Some("VAULT_ADDR"),
        ..field(
            "address",
            FieldKind::Text,
            "Where Vault or OpenBao is: scheme, host and port, for example `https://vault.example:8200`.",
        )
    },
    Field {
        environment: Some("VAULT_NAMESPACE"),
        rule: Some(word),
        ..field("namespace", FieldKind::Text, "The namespace of the login and of all entries.")
    },
    Field {
        environment: Some("VAULT_CACERT"),
        ..field(
            "ca_cert_file",
            FieldKind::Text,
            "Path of a file with CA certificates in PEM form that are trusted instead of those of the operating \
             system. Default: the `ca_cert_file` of the provider, if that is set.",
        )
    },
    Field {
        default: Some("false"),
        ..field(
            "allow_http",
            FieldKind::Flag,
            "Whether `address` may be plain `http` to another machine. Tokens are then sent unprotected.",
        )
    },
    Field {
        environment: Some("VAULT_TOKEN"),
        rule: Some(token),
        ..field(
            "token",
            FieldKind::Secret,
            "A Vault token. Where no way to log in is set, the file that `vault login` and `bao login` leave is read, \
             too.",
        )
    },
    field(
        "token_file",
        FieldKind::Text,
        "Path of a file that holds a Vault token, as Vault Agent leaves it.",
    ),
    field("approle", FieldKind::Object(APPROLE), "A login by AppRole."),
    field(
        "jwt",
        FieldKind::Object(JWT),
        "A login by a JWT, such as the one that a CI system gives each of its jobs.",
    ),
];

const APPROLE: &[Field] = &[
    field("role_id", FieldKind::Text, "Required: the id of the role."),
    field("secret_id", FieldKind::Secret, "Required: the secret id of the role."),
    Field {
        default: Some("approle"),
        rule: Some(mount),
        ..field("mount", FieldKind::Text, "Where the auth method is mounted.")
    },
];

const JWT: &[Field] = &[
    field("role", FieldKind::Text, "Required: the name of the role."),
    field("jwt", FieldKind::Secret, "Required: the JWT."),
    Field {
        default: Some("jwt"),
        rule: Some(mount),
        ..field("mount", FieldKind::Text, "Where the auth method is mounted.")
    },
];

pub(super) const LOGINS: [&str; 4] = ["token", "token_file", "approle", "jwt"];

#[cfg(test)]
mod tests {
    use super::*;

    fn given(entries: &[(&str, Given)]) -> GivenFields {
        entries.iter().map(|(name, given)| ((*name).to_owned(), given.clone())).collect()
    }

    fn map(entries: &[(&str, Given)]) -> Given {
        Given::Map(given(entries))
    }

    fn shown(given: &GivenFields) -> Vec<String> {
        let place = |problem: &FieldProblem| match problem.within.first() {
            Some(Place::Name(name)) => format!("{}.{name}", problem.field),
            _ => problem.field.to_owned(),
        };
        check(given).iter().map(place).collect()
    }

    #[test]
    fn a_good_block_has_no_problems_whatever_is_unknown() {
        let role =
            map(&[("role_id", "r".into()), ("secret_id", Given::Unknown), ("mount", "auth-ci/".into())]);
        for block in [
            given(&[]),
            given(&[("address", "https://vault.example:8200".into()), ("token", "t0ken".into())]),
            given(&[("address", "http://127.0.0.1:8200".into()), ("namespace", "team/a".into())]),
            given(&[("address", "http://vault.example".into()), ("allow_http", Given::Flag(true))]),
            given(&[("address", Given::Unknown), ("approle", role)]),
            given(&[("jwt", Given::Unknown), ("token_file", Given::Unknown), ("token", "t0ken".into())]),
        ] {
            assert_eq!(shown(&block), Vec::<String>::new(), "{block:?}");
        }
    }

    #[test]
    fn each_problem_is_named_at_its_place() {
        let cases = [
            (given(&[("address", "https://vault.example/v1".into())]), "address"),
            (given(&[("address", "http://vault.example".into())]), "address"),
            (given(&[("address", "vault.example:8200".into())]), "address"),
            (given(&[("namespace", " team".into())]), "namespace"),
            (given(&[("token", "t0ken".into()), ("token_file", "/t".into())]), "token_file"),
            (
                given(&[
                    ("token_file", "/t".into()),
                    ("jwt", map(&[("role", "r".into()), ("jwt", "j".into())])),
                ]),
                "jwt",
            ),
            (given(&[("approle", map(&[("role_id", "r".into())]))]), "approle.secret_id"),
            (given(&[("jwt", map(&[("jwt", "j".into())]))]), "jwt.role"),
            (
                given(&[(
                    "jwt",
                    map(&[("role", "r".into()), ("jwt", "j".into()), ("mount", "a//b".into())]),
                )]),
                "jwt.mount",
            ),
        ];
        for (block, expected) in cases {
            assert_eq!(shown(&block), [expected], "{block:?}");
        }
    }

    #[test]
    fn no_problem_repeats_what_was_written() {
        let block = given(&[("address", "https://anna:hunter2@vault.example".into())]);
        let problems = check(&block);
        assert_eq!(problems.len(), 1);
        assert!(!format!("{problems:?}").contains("hunter2"));
    }
}
