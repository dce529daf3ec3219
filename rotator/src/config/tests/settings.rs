//! What is read from files that are right, and what the environment adds.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokenferry_sources::{ExposeSecret, Given};
use tokenferry_vault::{Kept, KvPath, VaultAuth};
use url::Url;

use super::super::{Config, ConfigErrors, Listen};
use super::{EXAMPLE, RIGHT, lines, parse, problems, variables};
use crate::rate::Rate;
use crate::rotation::{Destination, RenewBefore};
use crate::source::{Reference, Setting};

fn example() -> Config {
    let file = PathBuf::from("/etc/tokenferry/tokenferry.hcl");
    Config::parse(vec![(file, EXAMPLE.to_owned())], &variables(&[])).unwrap()
}

fn with(environment: &[(&str, &str)], text: &str) -> Result<Config, ConfigErrors> {
    Config::parse(vec![(PathBuf::from("t.hcl"), text.to_owned())], &variables(environment))
}

fn text(setting: &Setting) -> &str {
    match setting {
        Setting::Literal(Given::Text(text)) => text.expose_secret(),
        other => panic!("no text: {other:?}"),
    }
}

fn file(path: &str) -> Reference {
    Reference::File(PathBuf::from(path))
}

#[test]
fn a_rotation_is_enabled_unless_it_is_not_and_a_source_has_no_rate_unless_it_has() {
    let config = parse(RIGHT).unwrap();
    assert!(config.rotations[0].enabled && config.sources[0].rate.is_none());
    let text = RIGHT.replace("  schedule", "  enabled  = false\n  schedule");
    let text = text.replace("  username", "  rate     = \"100/h\"\n  username");
    let config = parse(&text).unwrap();
    assert!(!config.rotations[0].enabled);
    assert_eq!(config.rotations[0].source.rate, Rate::parse("100/h"));
}

#[test]
fn the_vault_block_of_the_example_is_read() {
    let Config { vault, concurrency, grace_period, .. } = example();
    let hosts: Vec<_> = vault.addresses.iter().filter_map(Url::host_str).collect();
    assert_eq!(hosts, ["vault.example", "vault-1.example", "vault-2.example"]);
    assert_eq!(vault.namespace.as_deref(), Some("platform"));
    assert_eq!(vault.ca_cert_file.as_deref(), Some(Path::new("/etc/tokenferry/vault-ca.pem")));
    assert_eq!((vault.timeout, grace_period), (Duration::from_secs(10), Duration::from_secs(25)));
    assert_eq!(concurrency, 8);
    let VaultAuth::AppRole { mount, role_id: Kept::At(role_id), secret_id: Kept::At(secret_id) } = vault.auth
    else {
        panic!("no AppRole")
    };
    assert_eq!(mount, "approle");
    assert_eq!(
        (role_id, secret_id),
        (file("/run/secrets/vault-role-id"), file("/run/secrets/vault-secret-id"))
    );
}

#[test]
fn the_sources_of_the_example_are_read() {
    let sources = example().sources;
    let names: Vec<&str> = sources.iter().map(|source| &*source.name).collect();
    assert_eq!(names, ["zettelstore.notes", "zscaler.corp"]);
    let [notes, corp] = sources.as_slice() else { panic!("two sources") };
    assert_eq!((notes.ttl, corp.ttl), (None, Some(Duration::from_hours(1))));
    assert_eq!((notes.http.timeout, corp.http.timeout), (Duration::from_secs(10), Duration::from_secs(30)));
    assert_eq!((notes.http.max_wait, corp.http.max_wait), (Duration::ZERO, Duration::ZERO));
    assert_eq!(text(corp.field("cloud").unwrap()), "zscalertwo");
    let Setting::Reference(secret_key) = corp.field("secret_key").unwrap() else { panic!("no reference") };
    assert_eq!(*secret_key, file("/run/secrets/zcc-client-secret"));
    let Setting::Reference(api_key) = corp.field("api_key").unwrap() else { panic!("no reference") };
    assert_eq!(*api_key, Reference::Env("ZCC_CLIENT_ID".to_owned()));
}

#[test]
fn the_rotations_of_the_example_are_read() {
    let rotations = example().rotations;
    let [corp, notes] = rotations.as_slice() else { panic!("two rotations") };
    assert_eq!((&*corp.name, &*corp.source.name), ("zscaler-corp", "zscaler.corp"));
    assert_eq!(corp.renew_before, RenewBefore::Duration(Duration::from_mins(15)));
    assert_eq!((corp.reader_lag, corp.spread), (Duration::from_mins(5), Duration::from_mins(2)));
    assert_eq!((corp.verify, notes.verify), (false, true));
    let entry = |mount: &str, path: &str| Destination::new(KvPath::new(mount, path));
    assert_eq!(corp.destinations, [entry("secret", "tokens/zscaler/corp")]);
    let [first, second] = notes.destinations.as_slice() else { panic!("two destinations") };
    assert_eq!(*first, entry("secret", "tokens/zettelstore/notes"));
    let in_namespace = KvPath { namespace: Some("team-a".into()), ..KvPath::new("team-a", "zettelstore") };
    assert_eq!((&second.entry, second.adopt), (&in_namespace, true));
    let renamed: Vec<_> = second.fields.renamed().collect();
    assert_eq!(renamed, [("expires_at", "exp"), ("token", "access_token")]);
}

#[test]
fn what_is_left_out_has_its_default() {
    let Config { rotations, sources, concurrency, grace_period, .. } = parse(RIGHT).unwrap();
    let rotation = &rotations[0];
    assert_eq!((concurrency, grace_period), (8, Duration::from_secs(25)));
    assert_eq!(rotation.renew_before, RenewBefore::Percent(30));
    assert_eq!((rotation.reader_lag, rotation.spread), (Duration::from_mins(5), Duration::ZERO));
    assert!(rotation.verify && !rotation.destinations[0].adopt);
    assert_eq!(sources[0].fields.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["username", "password"]);
    let percent =
        parse(&RIGHT.replace("  schedule", "  renew_before = \"99%\"\n  verify = false\n  schedule"))
            .unwrap();
    assert_eq!(percent.rotations[0].renew_before, RenewBefore::Percent(99));
    assert!(!percent.rotations[0].verify);
}

#[test]
fn the_page_is_served_on_loopback_unless_the_configuration_says_otherwise() {
    let listen = |top: &str| {
        let Listen { address, is_chosen, page, .. } = parse(&format!("{top}{RIGHT}")).unwrap().listen;
        (address.map_or_else(|| "off".to_owned(), |address| address.to_string()), is_chosen, page)
    };
    let cases = [
        ("", "127.0.0.1:9321", false, true),
        ("page = false", "127.0.0.1:9321", false, false),
        ("listen = \"127.0.0.1:0\"", "127.0.0.1:0", true, true),
        ("listen = \"localhost:80\"", "127.0.0.1:80", true, true),
        ("listen = \"[::1]:80\"", "[::1]:80", true, true),
        ("listen = \"0.0.0.0:80\"", "0.0.0.0:80", true, false),
        ("page = true\nlisten = \"[::]:80\"", "[::]:80", true, true),
        ("listen = \"off\"", "off", true, false),
    ];
    for (top, address, is_chosen, page) in cases {
        assert_eq!(listen(top), (address.to_owned(), is_chosen, page), "{top}");
    }
    assert_eq!(parse(RIGHT).unwrap().listen, Listen::default());
    let named = parse(&format!("allowed_hosts = [\"Rotator.Example\", \"rotator\"]{RIGHT}")).unwrap();
    assert_eq!(named.listen.allowed_hosts, ["rotator.example", "rotator"]);
}

#[test]
fn a_named_reader_brings_its_lag() {
    let rotation = |more: &str| {
        let config = parse(&RIGHT.replace("  schedule", &format!("  {more}\n  schedule")));
        Arc::clone(&config.unwrap().rotations[0])
    };
    let named = rotation("reader = \"external-secrets\"\n  survive_outage = \"15m\"");
    assert_eq!(named.reader.map(|reader| reader.name), Some("external-secrets"));
    assert_eq!((named.reader_lag, named.survive_outage), (Duration::from_hours(1), Duration::from_mins(15)));
    let plain = rotation("reader_lag = \"90s\"");
    assert_eq!((plain.reader, plain.reader_lag), (None, Duration::from_secs(90)));
    assert_eq!(plain.survive_outage, Duration::ZERO);
}

#[test]
fn nothing_of_the_environment_is_read_for_sources() {
    let environment = [("VAULT_ADDR", "https://v.example"), ("ZETTELSTORE_USERNAME", "anna")];
    let errors = with(&environment, &RIGHT.replace("  username = \"anna\"\n", "")).unwrap_err();
    assert_eq!(lines(&errors), ["2:1 missing `username`"]);
    assert!(!errors.to_string().contains("ZETTELSTORE"), "{errors}");
}

#[test]
fn the_environment_says_where_vault_is_and_who_we_are() {
    let environment = [
        ("VAULT_ADDR", "https://v.example:8200"),
        ("VAULT_NAMESPACE", "team"),
        ("VAULT_CACERT", "ca.pem"),
        ("VAULT_TOKEN", "hunter2"),
        ("HOME", "/users/anna"),
        ("VAULT_SKIP_VERIFY", "False"),
    ];
    let vault = with(&environment, RIGHT).unwrap().vault;
    assert_eq!(vault.addresses, [Url::parse("https://v.example:8200").unwrap()]);
    assert_eq!(
        (vault.namespace.as_deref(), vault.ca_cert_file),
        (Some("team"), Some(PathBuf::from("ca.pem")))
    );
    assert!(matches!(vault.auth, VaultAuth::Token(Kept::At(Reference::Env(name))) if name == "VAULT_TOKEN"));
    let auth = |environment: &[(&str, &str)]| with(environment, RIGHT).unwrap().vault.auth;
    let VaultAuth::Token(Kept::At(token)) = auth(&[environment[0], environment[4]]) else {
        panic!("no token")
    };
    assert_eq!(token, file("/users/anna/.vault-token"));
    let VaultAuth::Token(Kept::At(token)) = auth(&[environment[0]]) else { panic!("no token") };
    assert_eq!(token, Reference::Env("VAULT_TOKEN".to_owned()));
}

#[test]
fn a_jwt_logs_in_at_its_default_mount_or_at_another() {
    let auth = |more: &str| {
        let block =
            format!("auth \"jwt\" {{\n role = \"rotator\"\n jwt = {{ file = \"/run/jwt\" }}\n {more}\n}}");
        let text = format!("vault {{\n address = \"https://v.example\"\n {block}\n}}\n{RIGHT}");
        parse(&text).unwrap().vault.auth
    };
    for (more, expected) in [("", "jwt"), ("mount = \"/ci/runners/\"", "ci/runners")] {
        let VaultAuth::Jwt { mount, role, jwt: Kept::At(jwt) } = auth(more) else { panic!("no JWT") };
        assert_eq!((mount.as_str(), role.as_str(), jwt), (expected, "rotator", file("/run/jwt")));
    }
}

#[test]
fn the_file_goes_before_the_environment() {
    let text = "vault {\n  address = \"http://127.0.0.1:8200\"\n  namespace = \"here\"\n  ca_cert_file = \"own.pem\"\n  \
                timeout = \"1m\"\n  auth \"token\" {\n    token = { file = \"token\" }\n  }\n}\n";
    let environment = [
        ("VAULT_ADDR", "https://v.example"),
        ("VAULT_NAMESPACE", "there"),
        ("VAULT_CACERT", "other.pem"),
        ("VAULT_TOKEN", "hunter2"),
    ];
    let vault = with(&environment, &format!("{text}{RIGHT}")).unwrap().vault;
    assert_eq!(vault.addresses[0].host_str(), Some("127.0.0.1"));
    assert_eq!((vault.namespace.as_deref(), vault.timeout), (Some("here"), Duration::from_mins(1)));
    assert_eq!(vault.ca_cert_file, Some(PathBuf::from("own.pem")));
    assert!(matches!(vault.auth, VaultAuth::Token(Kept::At(token)) if token == file("token")));
}

#[test]
fn each_node_of_vault_counts_once() {
    let nodes = "[\"https://b.example/\", \"https://a.example\", \"https://b.example\"]";
    let text = format!("vault {{\n  address = \"https://a.example\"\n  addresses = {nodes}\n}}\n{RIGHT}");
    let addresses = with(&[], &text).unwrap().vault.addresses;
    assert_eq!(addresses.iter().filter_map(Url::host_str).collect::<Vec<_>>(), ["a.example", "b.example"]);
}

#[test]
fn plain_http_to_another_machine_has_to_be_allowed() {
    let text = format!("vault {{\n  address = \"http://vault.example\"\n  allow_http = true\n}}\n{RIGHT}");
    assert_eq!(with(&[], &text).unwrap().vault.addresses[0].scheme(), "http");
    assert!(with(&[], &text.replace("true", "false")).is_err());
}

#[test]
fn what_is_wrong_with_the_environment_is_said_without_its_values() {
    let vault = ("VAULT_ADDR", "https://v.example");
    let bad_namespace = "the environment variable VAULT_NAMESPACE is empty, begins or ends with white space, or \
                         contains a control character";
    let bad_path = "the environment variable VAULT_CACERT: a path is not empty and has no control characters";
    let cases: [(&[(&str, &str)], &str); 8] = [
        (
            &[("VAULT_ADDR", "https://v\n.example")],
            "the environment variable VAULT_ADDR is not an http or https URL",
        ),
        (&[vault, ("VAULT_NAMESPACE", "hunter2\nb")], bad_namespace),
        (&[vault, ("VAULT_NAMESPACE", " hunter2")], bad_namespace),
        (&[vault, ("VAULT_CACERT", "hunter2\n")], bad_path),
        (&[], "nothing says where Vault is"),
        (&[("VAULT_ADDR", "hunter2")], "the environment variable VAULT_ADDR is not an http or https URL"),
        (
            &[("VAULT_ADDR", "https://hunter2@v.example")],
            "the environment variable VAULT_ADDR has a user name or password in it",
        ),
        (
            &[("VAULT_ADDR", "https://v.example"), ("VAULT_SKIP_VERIFY", "hunter2")],
            "VAULT_SKIP_VERIFY is set, but certificates are always verified",
        ),
    ];
    for (environment, message) in cases {
        let errors = with(environment, RIGHT).unwrap_err();
        assert_eq!(lines(&errors), [message]);
        assert!(!format!("{errors} {errors:?}").contains("hunter2"));
        let block = format!("vault {{\n}}{RIGHT}");
        assert_eq!(lines(&with(environment, &block).unwrap_err()), [format!("1:1 {message}")]);
    }
}

#[test]
fn a_name_in_quotes_says_as_well_where_a_secret_is_kept() {
    let config = parse(&RIGHT.replace("{ env =", "{ \"env\" =")).unwrap();
    let Setting::Reference(password) = config.sources[0].field("password").unwrap() else {
        panic!("no reference")
    };
    assert_eq!(*password, Reference::Env("ZETTELSTORE_PASSWORD".to_owned()));
}

#[test]
fn debug_of_a_configuration_hides_every_text_that_may_be_a_secret() {
    let text = RIGHT.replace("\"anna\"", "\"hunter2\"");
    let auth =
        "vault {\n  auth \"approle\" {\n    role_id = \"hunter3\"\n    secret_id = { env = \"ID\" }\n  }\n}";
    let config = parse(&format!("{auth}{text}")).unwrap();
    let shown = format!("{config:?} {config:#?}");
    assert!(!shown.contains("hunter"), "{shown}");
}

#[test]
fn two_logins_in_one_source_are_one_too_many() {
    let zscaler = r#"
source "zscaler" "corp" {
  base_url      = "https://mobile.example/papi"
  api_key       = "key"
  secret_key    = { env = "KEY" }
  client_id     = "client"
  client_secret = { env = "SECRET" }
}"#;
    let found = lines(&problems(&format!("{RIGHT}{zscaler}"))).join("\n");
    assert!(found.contains("only one of them can be used") && found.contains("`method`"), "{found}");
}
