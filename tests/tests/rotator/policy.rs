//! `policy`: with what it prints everything works, and with anything less something does not.

use std::time::Duration;

use serde_json::{Value, json};
use tokenferry_sandbox::Fault;
use tokenferry_tests::issuer::ZETTELSTORE_LOGIN;
use tokenferry_tests::openbao::{Api, Audited};
use tokio::time::{Instant, sleep};

use crate::site::{MOUNT, PATH, Site, rotation};

/// A rotator that logs in at OpenBao with a token, and whose sources keep passwords in KV of both versions.
async fn site(test: &str) -> Site {
    let mut site = Site::new(test).await;
    let password = json!({"password": site.issuer.planted.password});
    site.openbao.write("sys/mounts/kv1", &json!({"type": "kv", "options": {"version": "1"}})).await;
    site.openbao.write("kv1/notes", &password).await;
    site.openbao.write_entry(MOUNT, "kept/notes", &password).await;
    let (base_url, username) = (site.issuer.zettelstore_url(), site.issuer.planted.username.clone());
    // Nobody takes turns with somebody who seems to log in elsewhere.
    let elsewhere = base_url.replace("127.0.0.1", "localhost");
    let source = |base_url: &str, mount: &str, path: &str| {
        format!(
            "base_url = \"{base_url}\"\n username = \"{username}\"\n \
             password = {{ vault = {{ mount = \"{mount}\", path = \"{path}\", field = \"password\" }} }}"
        )
    };
    let other = source(&elsewhere, "kv1", "notes");
    site.configure(|config| {
        TOKEN.clone_into(&mut config.vault);
        // What must not be written is tried for so long.
        "grace_period = \"1s\"".clone_into(&mut config.top);
        config.source = source(&base_url, MOUNT, "kept/notes");
        config.more = format!(
            "source \"zettelstore\" \"other\" {{\n {other}\n}}\n{}",
            rotation("other").replace("zettelstore.notes", "zettelstore.other")
        );
    });
    site
}

/// Gives the rotator a token that may do this, and nothing that every token may.
async fn allow(site: &Site, policy: &str) {
    site.openbao.write_policy("tested", policy).await;
    let settings = json!({"policies": ["tested"], "no_default_policy": true});
    let token = site.openbao.create_token(&settings).await;
    site.rotator.write_secret("vault-token", &token);
}

/// Everything that a rotator does there: a failure is noted where there is nothing, and a token is published where there
/// is nothing, replaced, and found again.
async fn everything(site: &Site) {
    remove_entries(site).await;
    site.issuer.fault(Fault::status(503).path(ZETTELSTORE_LOGIN));
    site.rotator.run(&["once"]).await;
    site.issuer.control().clear_faults();
    remove_entries(site).await;
    for arguments in [&["once"][..], &["once", "--force"], &["status"]] {
        site.rotator.run(arguments).await;
    }
}

async fn remove_entries(site: &Site) {
    for path in [PATH, "tokens/other"] {
        site.openbao.remove_entry(MOUNT, path).await;
    }
}

/// What was denied since.
fn denied(site: &Site, since: usize) -> Vec<Audited> {
    let audited = site.openbao.audited().into_iter().skip(since);
    audited
        .filter(|one| one.error.as_ref().is_some_and(|error| error.contains("permission denied")))
        .collect()
}

/// A policy of these paths, less one capability.
fn text(paths: &[Value], without: Option<(&Value, &Value)>) -> String {
    let mut text = String::new();
    for rule in paths {
        let (path, capabilities) = (&rule["path"], rule["capabilities"].as_array().unwrap());
        let is_left = |capability: &&Value| without != Some((path, capability));
        let left: Vec<String> = capabilities.iter().filter(is_left).map(Value::to_string).collect();
        if !left.is_empty() {
            text.extend([format!("path {path} {{ capabilities = [{}] }}\n", left.join(", "))]);
        }
    }
    text
}

#[tokio::test]
async fn with_the_least_policy_everything_works_and_with_anything_less_something_is_denied() {
    let site = site("least-policy").await;
    site.rotator.write_secret("vault-token", site.openbao.token());
    let shown = site.rotator.run(&["policy", "--output", "json"]).await.ok().json();
    let paths = shown["paths"].as_array().unwrap().clone();

    allow(&site, shown["policy"].as_str().unwrap()).await;
    let begin = site.openbao.audited().len();
    everything(&site).await;
    assert_eq!(denied(&site, begin), []);
    let status = site.rotator.run(&["status", "--output", "json"]).await.ok().json();
    assert_eq!(status[0]["expires_at"], site.entry().await.unwrap().text("expires_at"));
    assert_eq!(site.entry().await.unwrap().version, 2);

    let mut tried = 0;
    let is_tried =
        |rule: &&Value| rule["group"] != "own_token" && !rule["path"].to_string().contains("tokens/other");
    for rule in paths.iter().filter(is_tried) {
        for capability in rule["capabilities"].as_array().unwrap() {
            allow(&site, &text(&paths, Some((&rule["path"], capability)))).await;
            let begin = site.openbao.audited().len();
            everything(&site).await;
            let denied = denied(&site, begin);
            let is_asked = denied.iter().any(|one| rule["path"] == *one.path);
            assert!(is_asked, "{capability} on {} is not needed: {denied:?}", rule["path"]);
            tried += 1;
        }
    }
    assert_eq!(tried, 6 + 2);
}

#[tokio::test]
async fn a_token_is_looked_up_and_renewed_with_what_the_policy_gives_for_that() {
    let looked_up = "auth/token/lookup-self";
    let renewed = "auth/token/renew-self";
    let run = async |without: Option<&str>, expected: &str, is_denied: bool| {
        let site = site(&format!("own-token-{}", without.map_or(0, str::len))).await;
        let shown = site.rotator.run(&["policy", "--offline", "--output", "json"]).await.ok().json();
        let paths = shown["paths"].as_array().unwrap().iter();
        let paths: Vec<Value> =
            paths.filter(|rule| without.is_none_or(|path| rule["path"] != path)).cloned().collect();
        site.openbao.write_policy("tested", &text(&paths, None)).await;
        let settings = json!({"policies": ["tested"], "no_default_policy": true, "ttl": "6s"});
        site.rotator.write_secret("vault-token", &site.openbao.create_token(&settings).await);
        let _daemon = site.rotator.start();
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let audited = site.openbao.audited();
            let found = audited.iter().find(|one| one.path == expected);
            if let Some(found) = found {
                assert_eq!(found.error.is_some(), is_denied, "{found:?}");
                return;
            }
            assert!(Instant::now() < deadline, "{expected} was never asked for");
            sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::join!(
        run(None, renewed, false),
        run(Some(looked_up), looked_up, true),
        run(Some(renewed), renewed, true)
    );
}

/// One source that refreshes its tokens, for as long as it can.
async fn refreshing_site(test: &str) -> Site {
    let mut site = Site::new(test).await;
    let base_url = site.issuer.zenoti_url();
    site.configure(|config| {
        TOKEN.clone_into(&mut config.vault);
        "grace_period = \"1s\"".clone_into(&mut config.top);
        let source = format!(
            "source \"zenoti\" \"salon\" {{\n base_url = \"{base_url}\"\n account_name = \"sandbox\"\n \
             username = \"sandbox\"\n password = {{ env = \"SALON\" }}\n \
             app_id = \"00000000-0000-4000-8000-000000000001\"\n app_secret = {{ env = \"APP\" }}\n \
             use_refresh_token = true\n session {{\n mount = \"{MOUNT}\"\n path = \"{SESSION}\"\n }}\n}}\n"
        );
        config.more = source + &rotation("salon").replace("zettelstore.notes", "zenoti.salon");
    });
    let rotator = site.another().secret_env("SALON", "sandbox-password");
    site.rotator = rotator.secret_env("APP", "sandbox-app-secret");
    site
}

/// A login where there is no session, a refresh by the next process, and one more. How often it logged in and refreshed.
async fn cycle(site: &Site) -> (u64, u64) {
    let counts = || {
        let counters = site.issuer.counters();
        (counters.all_logins("zenoti").attempted, counters.renewals("zenoti", "sandbox").succeeded)
    };
    for path in [SESSION, "tokens/salon"] {
        site.openbao.remove_entry(MOUNT, path).await;
    }
    let before = counts();
    for _ in 0..3 {
        site.rotator.run(&["once", "salon", "--force"]).await;
    }
    let after = counts();
    (after.0 - before.0, after.1 - before.1)
}

#[tokio::test]
async fn a_session_is_kept_and_refreshed_with_the_least_policy_and_with_nothing_less() {
    let site = refreshing_site("session-policy").await;
    site.rotator.write_secret("vault-token", site.openbao.token());
    let shown = site.rotator.run(&["policy", "salon", "--output", "json"]).await.ok().json();
    let paths = shown["paths"].as_array().unwrap().clone();
    allow(&site, shown["policy"].as_str().unwrap()).await;
    let begin = site.openbao.audited().len();
    assert_eq!(cycle(&site).await, (1, 2));
    assert_eq!(denied(&site, begin), []);
    let kept = site.openbao.read(&format!("{MOUNT}/metadata/{SESSION}")).await["data"].clone();
    // Each refresh is noted before it is sent.
    assert_eq!((&kept["current_version"], &kept["max_versions"]), (&json!(5), &json!(1)));
    assert_eq!(kept["custom_metadata"], json!({"tokenferry_session": "zenoti.salon"}));

    let of_session: Vec<&Value> = paths.iter().filter(|rule| rule["group"] == "sessions").collect();
    let needed = of_session.iter().map(|rule| (rule["path"].as_str().unwrap(), &rule["capabilities"]));
    assert_eq!(
        needed.collect::<Vec<_>>(),
        [
            ("secret/data/sessions/salon", &json!(["create", "read", "update"])),
            ("secret/metadata/sessions/salon", &json!(["read", "update"])),
        ]
    );
    for rule in of_session {
        for capability in rule["capabilities"].as_array().unwrap() {
            allow(&site, &text(&paths, Some((&rule["path"], capability)))).await;
            let begin = site.openbao.audited().len();
            let (logins, _) = cycle(&site).await;
            let denied = denied(&site, begin);
            let is_asked = denied.iter().any(|one| rule["path"] == *one.path);
            assert!(is_asked, "{capability} on {} is not needed: {denied:?}", rule["path"]);
            // Readers get their token all the same, unless nobody can tell what a refresh has ended.
            let version = site.openbao.entry(MOUNT, "tokens/salon").await.map(|entry| entry.version);
            let expected = if capability == "read" { (None, 0) } else { (Some(3), 1) };
            let came = (version, logins.min(1));
            assert_eq!(came, expected, "{capability} on {}", rule["path"]);
        }
    }
}

#[tokio::test]
async fn doctor_tells_of_a_session_that_is_of_no_use_and_a_dry_run_that_it_is_not_used() {
    let site = refreshing_site("session-doctor").await;
    site.rotator.write_secret("vault-token", site.openbao.token());
    site.rotator.run(&["once", "salon"]).await.ok();
    let counts = || site.issuer.counters().all_logins("zenoti").attempted;
    let before = counts();
    let tried = site.rotator.run(&["once", "salon", "--force", "--dry-run"]).await.ok();
    assert!(tried.stderr.contains("note: salon: a try logs in by password"), "{}", tried.stderr);
    assert_eq!(counts(), before + 1);

    let of_session = async |site: &Site| {
        let findings = site.rotator.run(&["doctor", "salon", "--output", "json"]).await.stdout;
        let findings: Value = serde_json::from_str(&findings).unwrap();
        findings.as_array().unwrap().iter().find(|finding| finding["check"] == "session").unwrap().clone()
    };
    assert_eq!(of_session(&site).await["state"], "ok");
    site.openbao.set_custom_metadata(MOUNT, SESSION, &json!({"tokenferry_session": "zenoti.other"})).await;
    let entry = site.openbao.entry(MOUNT, SESSION).await.unwrap();
    assert!(entry.version > 0);
    site.openbao.write_entry(MOUNT, SESSION, &json!({"refresh_token": "theirs"})).await;
    let foreign = of_session(&site).await;
    assert_eq!(foreign["state"], "problem");
    assert!(foreign["advice"].as_str().unwrap().contains("tokenferry_session=zenoti.salon"), "{foreign}");
}

#[tokio::test]
async fn each_path_is_there_once_in_order_and_says_what_needs_it() {
    let site = site("policy-text").await;
    site.rotator.write_secret("vault-token", site.openbao.token());
    let text = site.rotator.run(&["policy"]).await.ok().stdout;
    let paths: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("path \"")?.split('"').next()).collect();
    assert_eq!(
        paths,
        [
            "secret/data/tokens/notes",
            "secret/data/tokens/other",
            "secret/metadata/tokens/notes",
            "secret/metadata/tokens/other",
            "kv1/notes",
            "secret/data/kept/notes",
            "auth/token/lookup-self",
            "auth/token/renew-self",
        ]
    );
    for comment in
        ["# rotation \"notes\": the token\n", "# source \"zettelstore.other\": password\npath \"kv1/notes\""]
    {
        assert!(text.contains(comment), "{text}");
    }
    let one = site.rotator.run(&["policy", "notes"]).await.ok().stdout;
    assert!(
        one.contains("secret/data/tokens/notes") && !one.contains("other") && !one.contains("kv1"),
        "{one}"
    );
    assert_eq!(site.logins(), 0);
    site.rotator.run(&["policy", "nots"]).await.failed_with(2);
}

#[tokio::test]
async fn where_nobody_tells_the_version_of_kv_both_paths_are_there_with_a_note() {
    let mut site = site("policy-offline").await;
    site.configure(|config| config.address = "http://127.0.0.1:1".to_owned());
    for arguments in [&["policy", "--offline"][..], &["policy"]] {
        let outcome = site.rotator.run(arguments).await.ok();
        for path in ["\"kv1/data/notes\"", "\"kv1/notes\""] {
            assert!(outcome.stdout.contains(path), "{}", outcome.stdout);
        }
        assert!(outcome.stdout.contains("# note: kv1/data/notes is for KV version 2"), "{}", outcome.stdout);
        assert_eq!(outcome.stderr.contains("could not be asked"), arguments.len() == 1, "{}", outcome.stderr);
    }
    assert_eq!(site.vault_logins(), 0);
}

#[tokio::test]
async fn readers_may_read_tokens_and_nothing_else() {
    let site = Site::new("reader-policy").await;
    site.rotator.run(&["once"]).await.ok();
    let policy = site.rotator.run(&["policy", "--reader", "notes"]).await.ok().stdout;
    site.openbao.write_policy("reader", &policy).await;
    let token = site.openbao.create_token(&json!({"policies": ["reader"]})).await;
    let reader = site.openbao.with_token(token);
    let status = async |method: &str, path: &str| ask(&reader, method, path).await;
    assert_eq!(status("GET", "secret/data/tokens/notes").await, 200);
    for (method, path) in [
        ("POST", "secret/data/tokens/notes"),
        ("DELETE", "secret/data/tokens/notes"),
        ("GET", "secret/metadata/tokens/notes"),
        ("GET", "secret/data/tokens/other"),
    ] {
        assert_eq!(status(method, path).await, 403, "{method} {path}");
    }
}

/// A policy of the login's namespace reaches those within, whose names its paths begin with.
#[tokio::test]
async fn a_policy_belongs_to_the_namespace_of_the_login_and_reaches_those_within() {
    let mut site = Site::new("policy-namespaces").await;
    let team = site.openbao.create_namespace("team").await;
    team.enable_kv(MOUNT).await;
    team.write("sys/namespaces/part", &json!({})).await;
    site.openbao.in_namespace("team/part").enable_kv(MOUNT).await;
    let of = |namespace: &str, name: &str| {
        rotation(name).replace("mount =", &format!("namespace = \"{namespace}\"\n mount ="))
    };
    site.configure(|config| {
        config.vault = format!("namespace = \"team\"\n{TOKEN}");
        config.more = of("team/part", "inner");
    });
    let policy = site.rotator.run(&["policy"]).await.ok().stdout;
    assert!(policy.contains("bao policy write -namespace=team NAME -"), "{policy}");
    team.write_policy("tested", &policy).await;
    let settings = json!({"policies": ["tested"], "period": "1h"});
    site.rotator.write_secret("vault-token", &team.create_token(&settings).await);
    site.rotator.run(&["once"]).await.ok();
    let lines: Vec<&str> = policy.lines().filter(|line| line.starts_with("path \"part/")).collect();
    assert_eq!(lines.len(), 2, "{policy}");
    let looked = site.rotator.run(&["doctor", "--output", "json"]).await.failed_with(2).json();
    let found =
        |check: &str| looked.as_array().unwrap().iter().find(|one| one["check"] == check).unwrap().clone();
    assert_eq!((&found("capability")["state"], &found("privilege")["state"]), (&json!("ok"), &json!("ok")));

    site.configure(|config| config.more = of("elsewhere", "inner"));
    let outcome = site.rotator.run(&["policy"]).await.ok();
    assert!(outcome.stderr.contains("elsewhere is not within that of the login"), "{}", outcome.stderr);
}

#[tokio::test]
async fn a_login_outside_of_the_namespace_of_the_entries_has_its_policy_there() {
    let mut site = Site::new("policy-outside").await;
    site.openbao.create_namespace("team").await.enable_kv(MOUNT).await;
    site.configure(|config| {
        config.rotation = "reader_lag = \"1m\"".to_owned();
        config.vault = format!(
            "namespace = \"team\"\n{}",
            config.vault.replace("role_id", "namespace = \"root\"\n role_id")
        );
    });
    let policy = site.rotator.run(&["policy"]).await.ok().stdout;
    assert!(
        policy.contains("path \"team/secret/data/tokens/notes\"") && !policy.contains("-namespace"),
        "{policy}"
    );
    site.openbao.write_policy("rotator", &policy).await;
    site.rotator.run(&["once"]).await.ok();
    let report = site.rotator.run(&["doctor"]).await.ok().stdout;
    assert!(report.ends_with("\nall is well\n"), "{report}");
}

async fn ask(api: &Api, method: &str, path: &str) -> u16 {
    let body = json!({"data": {"token": "x"}});
    api.request(method, path, Some(&body).filter(|_| method == "POST")).await.unwrap().status
}

#[tokio::test]
async fn paths_with_characters_that_mean_something_in_policies_work_and_are_told() {
    let mut site = Site::new("odd-paths").await;
    let odd = ["a+*b", "{{x}}", "$${y", "q\\\"u\\\\o", "+", "star*", "b*c/+d", "ä b"];
    let rotations = odd.iter().enumerate().map(|(index, path)| {
        rotation(&format!("odd{index}")).replace(&format!("tokens/odd{index}"), &format!("odd{index}/{path}"))
    });
    site.configure(|config| {
        TOKEN.clone_into(&mut config.vault);
        config.more = rotations.collect();
    });
    let outcome = site.rotator.run(&["policy"]).await.ok();
    allow(&site, &outcome.stdout).await;
    site.rotator.run(&["once"]).await.ok();
    let told = |path: &str| outcome.stderr.contains(&format!("note: secret/data/{path}: matches more"));
    assert!(told("odd0/+") && told("odd1/+") && told("odd2/+") && told("odd4/+") && told("odd5/star*"));
    assert!(!told("odd3") && !told("odd6/b*c/+d"), "{}", outcome.stderr);
}

const SESSION: &str = "sessions/salon";
const TOKEN: &str = "auth \"token\" {\n token = { file = \"vault-token\" }\n }";
