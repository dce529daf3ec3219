use super::*;
use crate::error::Guidance;
use crate::{Home, Origin, Predecessor, Settings, Severity, Trial};

type Variables = std::collections::BTreeMap<String, String>;

const fn field(name: &'static str, kind: FieldKind, environment: Option<&'static str>) -> Field {
    Field { name, kind, description: "", default: None, environment, rule: None }
}

const fn system(fields: &'static [Field]) -> System {
    System {
        name: "club",
        title: "Club",
        summary: "",
        details: "",
        home: Home::ProviderBlock,
        predecessor: Predecessor::Unknown,
        documented_life: None,
        trial: Trial::Never,
        refreshes: false,
        revokes: false,
        realm: &[],
        credentials: &[
            Credential {
                name: "password",
                identity: Some("username"),
                secrets: &[&["password"]],
                settings: &[],
                variables: &[("place", "CLUB_PLACE")],
            },
            Credential {
                name: "client",
                identity: Some("client_id"),
                secrets: &[&["client_secret", "private_key"]],
                settings: &["domain"],
                variables: &[("place", "CLIENT_PLACE"), ("base_url", "CLIENT_URL")],
            },
            Credential { name: "key", identity: None, secrets: &[&["key"]], settings: &[], variables: &[] },
        ],
        fields,
        rotator_fields: &[],
        guidance: Guidance { login_refused: "", no_access: "", address: "" },
        check: None,
        build: |_, _| Err(Vec::new()),
    }
}

const USERNAME: Field = field("username", FieldKind::Text, Some("CLUB_USER"));
const PASSWORD: Field = field("password", FieldKind::Secret, Some("CLUB_PASSWORD"));
const CLIENT_ID: Field = field("client_id", FieldKind::Text, Some("CLIENT_ID"));
const CLIENT_SECRET: Field = field("client_secret", FieldKind::Secret, Some("CLIENT_SECRET"));
const PRIVATE_KEY: Field = field("private_key", FieldKind::SecretLines, Some("CLIENT_KEY"));
const DOMAIN: Field = field("domain", FieldKind::Text, Some("CLIENT_DOMAIN"));
const KEY: Field = field("key", FieldKind::Secret, Some("CLUB_KEY"));
const PLACE: Field = field("place", FieldKind::Text, None);
const BASE_URL: Field = field("base_url", FieldKind::Url, Some("CLUB_URL"));
const METHOD_FIELD: Field = field(METHOD, FieldKind::Choice(&["password", "client", "key"]), None);

static NAMELESS: System =
    system(&[USERNAME, PASSWORD, CLIENT_ID, CLIENT_SECRET, PRIVATE_KEY, DOMAIN, KEY, PLACE, BASE_URL]);
static NAMED: System = system(&[
    METHOD_FIELD,
    USERNAME,
    PASSWORD,
    CLIENT_ID,
    CLIENT_SECRET,
    PRIVATE_KEY,
    DOMAIN,
    KEY,
    PLACE,
    BASE_URL,
]);

/// `a=b` is a text, `a?` a value that is not known yet.
fn given(text: &str) -> GivenFields {
    let one = |word: &str| match word.split_once('=') {
        Some((name, value)) => (name.to_owned(), Given::from(value)),
        None => (word.trim_end_matches('?').to_owned(), Given::Unknown),
    };
    text.split_whitespace().map(one).collect()
}

fn variables(text: &str) -> Variables {
    let pair = |word: &str| word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    text.split_whitespace().filter_map(pair).collect()
}

fn resolved(system: &'static System, fields: &str, environment: &str) -> (Settings, Vec<FieldProblem>) {
    system.resolve(&given(fields), &variables(environment))
}

#[test]
fn the_credential_is_the_named_one_else_the_written_one_else_that_of_the_environment() {
    let both = "CLUB_USER=u CLUB_PASSWORD=p CLIENT_ID=c CLIENT_SECRET=s";
    let cases = [
        ("", "", Some("password")),
        ("method=key", both, Some("key")),
        ("method=client username=u password=p", both, Some("client")),
        ("username=u password=p client_id?", "", Some("password")),
        ("client_id=c private_key=k", both, Some("client")),
        ("domain=d", both, Some("client")),
        ("key=k", both, Some("key")),
        ("place=p", "CLIENT_ID=c CLIENT_SECRET=s", Some("client")),
        ("", "CLUB_KEY=k", Some("key")),
        ("", "CLIENT_KEY=k", Some("client")),
        ("", "CLUB_PASSWORD=p", Some("password")),
        ("", "CLUB_PASSWORD=p CLUB_KEY=k", Some("key")),
        ("private_key?", both, Some("client")),
        ("private_key? username?", both, None),
        ("method?", both, None),
    ];
    for (fields, environment, credential) in cases {
        let (settings, problems) = resolved(&NAMED, fields, environment);
        assert_eq!(settings.credential(), credential, "{fields} | {environment} | {problems:?}");
    }
}

#[test]
fn two_credentials_at_once_are_an_error_that_names_both_and_the_way_out() {
    let cases: [(&'static System, &str, &str, &str, &[&str]); 4] = [
        (
            &NAMED,
            "username=u client_secret=s",
            "",
            "client_secret",
            &["`club.username`", "`password`", "`method`"],
        ),
        (&NAMELESS, "username=u key=s", "", "key", &["`club.username`", "`club.key`", "Leave"]),
        (&NAMED, "", "CLUB_USER=u CLIENT_ID=c", "method", &["CLUB_USER", "CLIENT_ID", "Set `method`"]),
        (&NAMELESS, "", "CLUB_USER=u CLUB_KEY=c", "key", &["CLUB_USER", "CLUB_KEY", "unset"]),
    ];
    for (system, fields, environment, field, words) in cases {
        let (settings, problems) = resolved(system, fields, environment);
        assert_eq!(settings.credential(), None);
        let [problem] = problems.as_slice() else { panic!("{problems:?}") };
        assert_eq!((problem.field, problem.severity), (field, Severity::Error));
        assert!(words.iter().all(|word| problem.detail.contains(word)), "{}", problem.detail);
    }
}

#[test]
fn what_belongs_to_another_credential_is_neither_read_nor_missed() {
    let environment = "CLUB_USER=u CLUB_PASSWORD=p CLUB_PLACE=here CLIENT_ID=c CLIENT_SECRET=s CLIENT_PLACE=there \
                       CLIENT_DOMAIN=d CLUB_URL=https://club.example CLIENT_URL=https://client.example";
    let (settings, problems) = resolved(&NAMED, "method=password client_id? client_secret=x", environment);
    assert_eq!(problems, []);
    let origin = |field| settings.origin(field);
    assert_eq!(origin("place"), Some(Origin::Environment("CLUB_PLACE")));
    assert_eq!(origin("base_url"), Some(Origin::Environment("CLUB_URL")));
    assert!(["client_id", "client_secret", "domain"].iter().all(|field| !settings.has(field)));

    let (settings, problems) = resolved(&NAMED, "method=client", environment);
    assert_eq!(problems, []);
    assert_eq!(settings.origin("place"), Some(Origin::Environment("CLIENT_PLACE")));
    assert_eq!(settings.origin("base_url"), Some(Origin::Environment("CLIENT_URL")));
    assert_eq!(settings.origin("domain"), Some(Origin::Environment("CLIENT_DOMAIN")));
    assert!(["username", "password"].iter().all(|field| !settings.has(field)));
}

#[test]
fn one_secret_of_a_group_is_enough_and_two_are_too_many() {
    let (settings, problems) = resolved(&NAMED, "client_id=c private_key=k", "CLIENT_SECRET=s CLIENT_KEY=k");
    assert_eq!(problems, []);
    assert!(!settings.has("client_secret"), "what is written wins");

    let (_, problems) = resolved(&NAMED, "client_id=c client_secret=s private_key=k", "");
    assert_eq!(problems[0].summary, "Both `club.client_secret` and `club.private_key`");
    let (_, problems) = resolved(&NAMED, "client_id=c", "CLIENT_SECRET=s CLIENT_KEY=k");
    let detail = &problems[0].detail;
    assert!(detail.contains("CLIENT_SECRET") && detail.contains("CLIENT_KEY"), "{detail}");

    let (_, problems) = resolved(&NAMED, "client_id=c", "");
    assert_eq!(problems[0].summary, "Missing `club.client_secret` or `club.private_key`");
}

#[test]
fn the_guards_hold_for_each_credential() {
    let environment = "CLUB_USER=u CLUB_PASSWORD=p CLIENT_ID=theirs CLIENT_KEY=hunter2";
    let (settings, problems) = resolved(&NAMED, "client_id=ours", environment);
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].field, "private_key");
    assert!(problems[0].detail.contains("CLIENT_KEY") && !settings.has("private_key"));

    let (_, problems) = resolved(&NAMED, "method=client base_url=https://elsewhere.example", environment);
    assert_eq!((problems[0].field, problems[0].severity), ("base_url", Severity::Warning));
    assert!(problems[0].detail.contains("CLIENT_URL"), "{}", problems[0].detail);

    let (_, problems) = resolved(&NAMED, "key=k", environment);
    assert_eq!(problems, [], "a key alone proves who logs in");
}

#[test]
fn the_documentation_of_a_field_names_every_variable() {
    assert_eq!(NAMED.variables(&USERNAME), [("CLUB_USER", None)]);
    assert_eq!(NAMED.variables(&METHOD_FIELD), []);
    assert_eq!(NAMED.variables(&PLACE), [("CLUB_PLACE", Some("password")), ("CLIENT_PLACE", Some("client"))]);
    let url = [("CLUB_URL", Some("password")), ("CLIENT_URL", Some("client")), ("CLUB_URL", Some("key"))];
    assert_eq!(NAMED.variables(&BASE_URL), url);
}
