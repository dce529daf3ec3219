use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokenferry_sources::{Clock, ExposeSecret, Given, HttpClient, ProcessEnvironment, SystemClock, system};
use tokenferry_vault::{DEFAULT_TIMEOUT, Kept, Vault, VaultAuth, VaultSettings};

use super::{OpenError, Opened, Reference, ReferenceError, Setting, Settings, Source};

fn source(name: &str, fields: &[(&'static str, Setting)]) -> Source {
    Source {
        name: format!("{name}.test").into(),
        system: system(name).unwrap(),
        fields: fields.into(),
        http: Arc::default(),
        ttl: None,
        rate: None,
        session: None,
    }
}

fn literal(text: &str) -> Setting {
    Setting::Literal(Given::from(text))
}

fn variable(name: &str) -> Setting {
    Setting::Reference(Reference::Env(name.to_owned()))
}

fn open(source: &Source, variables: &[(&str, &str)]) -> Result<Opened, OpenError> {
    let environment: BTreeMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let http = Arc::new(HttpClient::new((*source.http).clone()));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let vault = vault();
    let opening = source.open(&environment, &vault, &http, &clock);
    // Nothing is kept in Vault, so that there is nothing to wait for.
    opening.now_or_never().unwrap()
}

fn vault() -> Vault {
    let settings = VaultSettings {
        addresses: Vec::new(),
        namespace: None,
        ca_cert_file: None,
        timeout: DEFAULT_TIMEOUT,
        user_agent: String::new(),
        auth: VaultAuth::Token(Kept::Here("t0ken".into())),
        auth_namespace: None,
    };
    Vault::new(settings, Arc::new(ProcessEnvironment), Arc::new(SystemClock))
}

fn notes() -> Source {
    notes_of("anna", &[])
}

fn notes_of(user: &str, more: &[(&'static str, Setting)]) -> Source {
    let user = [("username", literal(user)), ("password", variable("PASSWORD"))];
    source("zettelstore", &[&user, more].concat())
}

#[test]
fn a_source_is_opened_with_what_its_references_hold_now() {
    let opened = open(&notes(), &[("PASSWORD", "hunter2")]).unwrap();
    assert_eq!(opened.login.identity().subject, "anna");
    assert!(!format!("{opened:?}").contains("hunter2"));
    let shown = String::from_utf8_lossy(&opened.material).into_owned();
    for part in ["zettelstore", "username", "anna", "password", "hunter2", "http://127.0.0.1:23123/", "basic"]
    {
        assert!(shown.contains(part), "{part}");
    }
}

#[test]
fn a_key_may_have_several_lines_and_a_password_may_not() {
    let key = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
    let client = [
        ("client_id", literal("client")),
        ("private_key", variable("KEY")),
        ("vanity_domain", literal("acme")),
    ];
    let error = open(&source("zscaler", &client), &[("KEY", key)]).unwrap_err();
    assert!(error.to_string().contains("the private key is needed"), "{error}");
    let error = open(&notes(), &[("PASSWORD", "a\nb")]).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("line break"), "{cause}");
}

#[test]
fn the_material_changes_with_each_setting_and_with_nothing_else() {
    let material = |source: &Source, password| open(source, &[("PASSWORD", password)]).unwrap().material;
    let first = material(&notes(), "hunter2");
    assert_eq!(first, material(&notes(), "hunter2"));
    assert_ne!(first, material(&notes(), "hunter3"));
    let other = notes_of("anna2", &[]);
    assert_ne!(first, material(&other, "hunter2"));
    let moved = notes_of("anna", &[("method", literal("form"))]);
    assert_ne!(first, material(&moved, "hunter2"));
}

#[test]
fn parts_of_the_material_cannot_be_taken_for_each_other() {
    let material = |username: &str, password: &str| {
        let source = source("zettelstore", &[("username", literal(username)), ("password", variable("P"))]);
        open(&source, &[("P", password)]).unwrap().material
    };
    assert_ne!(material("anna", "bpasswordc"), material("annapasswordb", "c"));
    let both = material("a", "b");
    let length = "zettelstore".len();
    assert_eq!(both[..8], (length as u64).to_be_bytes());
}

fn service(secret: &str, authentication: &str) -> Source {
    let texts =
        [("token_url", "https://id.example/token"), ("client_id", "ci"), ("authentication", authentication)];
    let preset = texts.map(|(name, value)| (name.to_owned(), literal(value)));
    let secrets = Settings::from([(secret.to_owned(), variable("SECRET"))]);
    let fields =
        [("secrets", Setting::Map(secrets)), ("oauth2_client_credentials", Setting::Map(preset.into()))];
    source("http", &fields)
}

#[test]
fn what_is_referred_to_within_a_structure_is_read_too() {
    let material = |secret| open(&service("client_secret", "basic"), &[("SECRET", secret)]).unwrap().material;
    assert_ne!(material("hunter2"), material("hunter3"));
    let error = open(&service("client_secret", "basic"), &[]).unwrap_err();
    assert_eq!(error.to_string(), "cannot read `secrets`");
}

#[test]
fn a_secret_by_name_may_be_a_key_of_several_lines() {
    let error =
        open(&service("private_key", "private_key_jwt"), &[("SECRET", "no\nkey\nhunter2")]).unwrap_err();
    assert_eq!(error.class().name(), "bad_setting", "the lines were read, and are no key: {error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[test]
fn what_cannot_be_read_is_named_with_its_way_and_a_key_of_several_lines_can() {
    let unreadable = |secret: &str, variables: &[(&str, &str)]| -> Vec<String> {
        let variables: BTreeMap<String, String> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let found = service(secret, "private_key_jwt").unreadable(&variables);
        found.into_iter().map(|(way, _)| way).collect()
    };
    assert_eq!(unreadable("private_key", &[]), ["secrets.private_key"]);
    assert!(unreadable("private_key", &[("SECRET", "no\nkey")]).is_empty());
    let key = source("zscaler", &[("private_key", variable("KEY")), ("client_id", variable("ID"))]);
    let lines = BTreeMap::from(["KEY", "ID"].map(|name| (name.to_owned(), "a\nb".to_owned())));
    let ways: Vec<String> = key.unreadable(&lines).into_iter().map(|(way, _)| way).collect();
    assert_eq!(ways, ["client_id"]);
}

#[test]
fn a_setting_out_of_vault_that_is_wrong_is_named_with_its_entry() {
    let entry = tokenferry_vault::KvPath::new("kv", "app");
    let kept = super::VaultField { entry, field: "login".to_owned() };
    let notes = source("zettelstore", &[("password", Setting::InVault(Box::new(kept)))]);
    let given = [("password".to_owned(), Given::from("a\nb"))].into();
    let error = notes.bad_settings(&notes.system.check(&given));
    assert!(error.to_string().ends_with("(read from Vault: kv/app#login)"), "{error}");
}

#[test]
fn what_is_not_there_is_named_and_classed() {
    let error = open(&notes(), &[]).unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.class().name()),
        ("cannot read `password`", "secret_unavailable")
    );
    let OpenError::Unavailable { source, .. } = error else { panic!("{error}") };
    assert_eq!(source.to_string(), "the environment variable PASSWORD is not set, or empty");
}

#[test]
fn what_was_read_is_checked_without_being_shown() {
    let cases = [
        ("base_url", "https://planted@host.example"),
        ("cloud", "planted host"),
        ("ttl", "5 planted"),
        ("ttl", "44444"),
    ];
    for (field, value) in cases {
        let fields = [
            ("api_key", literal("id")),
            ("secret_key", variable("SECRET")),
            ("cloud", literal("zscaler")),
            (field, variable("READ")),
        ];
        let error = open(&source("zscaler", &fields), &[("SECRET", "s"), ("READ", value)]).unwrap_err();
        assert_eq!(error.class().name(), "bad_setting");
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(field) && !shown.contains("planted") && !shown.contains("44444"), "{shown}");
    }
}

fn read(path: &Path) -> Result<String, ReferenceError> {
    let read = Reference::File(path.to_owned()).read(&BTreeMap::new());
    read.map(|secret| secret.expose_secret().to_owned())
}

#[test]
fn a_file_is_read_without_its_last_line_break_and_anew_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    for (content, secret) in
        [("hunter2", "hunter2"), ("hunter2\n", "hunter2"), ("hunter2\r\n", "hunter2"), (" h \n", " h ")]
    {
        fs::write(&path, content).unwrap();
        assert_eq!(read(&path).unwrap(), secret);
    }
    fs::write(&path, "a".repeat(64 * 1024)).unwrap();
    assert_eq!(read(&path).unwrap().len(), 64 * 1024);
}

#[test]
fn a_file_that_holds_no_secret_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    let too_large = vec![b'a'; 64 * 1024 + 1];
    let cases: [(&[u8], &str); 8] = [
        (b"", " is empty"),
        (b"\n", " is empty"),
        (b"hunter\n\n", " contains a line break before its end, or a NUL"),
        (b"hunter\r", " contains a line break before its end, or a NUL"),
        (b"hun\nter", " contains a line break before its end, or a NUL"),
        (b"hunter\0", " contains a line break before its end, or a NUL"),
        (b"hunter\xff", " is not UTF-8"),
        (&too_large, " is larger than 64 KiB"),
    ];
    for (content, reason) in cases {
        fs::write(&path, content).unwrap();
        let error = read(&path).unwrap_err();
        assert_eq!(error.to_string(), format!("the file {}{reason}", path.display()));
        assert!(!format!("{error:?}").contains("hun"));
    }
    assert!(matches!(read(folder.path()), Err(ReferenceError::NoFile { .. })));
    assert!(matches!(read(&PathBuf::from("/nowhere/secret")), Err(ReferenceError::Unreadable { .. })));
}

#[test]
fn a_variable_with_several_lines_is_no_secret() {
    let environment = BTreeMap::from([("A".to_owned(), "hunter\n2".to_owned())]);
    let error = Reference::Env("A".to_owned()).read(&environment).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the environment variable A contains a line break before its end, or a NUL"
    );
}

#[test]
fn nothing_is_documented_of_the_life_of_a_key_that_is_passed_on() {
    let day = Duration::from_hours(24);
    let by_password = source("zenoti", &[("username", literal("anna")), ("password", variable("PASSWORD"))]);
    let by_key = source("zenoti", &[("api_key", variable("KEY"))]);
    assert_eq!((by_password.documented_life(), by_key.documented_life()), (Some(day), None));
}
