//! `doctor`: what it finds, that it finds nothing where all is well, and that it leaves everything as it is.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tokenferry_sandbox::Fault;
use tokenferry_tests::issuer::ZETTELSTORE_LOGIN;
use tokenferry_tests::outcome::Outcome;
use tokenferry_tests::strangers::deserted_url;
use tokenferry_tests::tls::Identity;

use crate::site::{MOUNT, PATH, Site, rfc3339, rotation};

/// A site where all is well: the policy is the least one, and the proof passes.
async fn site(test: &str) -> Site {
    let mut site = Site::new(test).await;
    site.configure(|config| LAG.clone_into(&mut config.rotation));
    least(&site).await;
    site
}

async fn least(site: &Site) {
    let policy = site.rotator.run(&["policy"]).await.ok().stdout;
    site.openbao.write_policy("rotator", &policy).await;
}

/// What it finds; its exit code has to be this one.
async fn doctor(site: &Site, code: i32) -> Vec<Value> {
    let outcome = site.rotator.run(&["doctor", "--output", "json"]).await.failed_with(code);
    outcome.json().as_array().unwrap().clone()
}

/// What is not fine, as `check: found`.
fn troubles(findings: &[Value]) -> Vec<String> {
    let troubled = findings.iter().filter(|finding| finding["state"] != "ok");
    troubled
        .map(|finding| {
            format!("{} {}: {}", text(finding, "state"), text(finding, "check"), text(finding, "found"))
        })
        .collect()
}

/// The only one of this check that is not fine.
fn trouble<'a>(findings: &'a [Value], check: &str) -> &'a Value {
    let troubled: Vec<&Value> =
        findings.iter().filter(|one| one["check"] == check && one["state"] != "ok").collect();
    assert_eq!(troubled.len(), 1, "{check}: {:?}", troubles(findings));
    troubled[0]
}

fn text<'a>(finding: &'a Value, member: &str) -> &'a str {
    finding[member].as_str().unwrap_or_default()
}

fn assert_says(finding: &Value, member: &str, words: &[&str]) {
    for word in words {
        assert!(text(finding, member).contains(word), "no `{word}` in {finding}");
    }
}

#[tokio::test]
async fn where_all_is_well_nothing_is_found_and_nothing_is_touched() {
    let site = site("doctor-well").await;
    let before = doctor(&site, 0).await;
    assert_eq!(troubles(&before), [""; 0]);
    assert!(before.iter().any(|finding| text(finding, "found").contains("nothing there yet")), "{before:?}");
    assert_eq!((site.vault_logins(), site.logins(), site.writes()), (1, 0, 0));

    site.rotator.run(&["once"]).await.ok();
    let after = doctor(&site, 0).await;
    assert_eq!(troubles(&after), [""; 0]);
    assert!(
        after.iter().any(|finding| text(finding, "found").contains("version 1, its token lives 9m")),
        "{after:?}"
    );
    assert_eq!((site.logins(), site.writes()), (1, 1));
    let checks: Vec<&str> = after.iter().map(|finding| text(finding, "check")).collect();
    for check in [
        "configuration",
        "secret",
        "server",
        "health",
        "login",
        "token",
        "capability",
        "privilege",
        "mount",
        "proof",
    ] {
        assert!(checks.contains(&check), "{check}: {checks:?}");
    }
    let table = site.rotator.run(&["doctor"]).await.ok();
    assert!(
        table.stdout.ends_with("\nall is well\n") && table.stderr.is_empty(),
        "{}{}",
        table.stdout,
        table.stderr
    );
}

#[tokio::test]
async fn a_secret_that_is_missing_or_open_to_all_is_told() {
    let mut site = site("doctor-secrets").await;
    let secret = site.rotator.directory().join("password");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    let open = doctor(&site, 0).await;
    let found = trouble(&open, "secret");
    assert_eq!(found["state"], "warning");
    assert_says(found, "found", &["everybody", "0644"]);
    assert_says(found, "advice", &["chmod o-rwx"]);
    site.rotator.run(&["doctor", "--strict"]).await.failed_with(3);

    fs::remove_file(&secret).unwrap();
    let missing = doctor(&site, 4).await;
    assert_says(trouble(&missing, "secret"), "subject", &["zettelstore.notes: password"]);
    assert!(
        missing.iter().any(|finding| finding["check"] == "server" && finding["state"] == "ok"),
        "{missing:?}"
    );

    site.configure(|config| {
        config.source = config.source.replace("{ file = \"password\" }", "{ env = \"NOTES_PASSWORD\" }");
    });
    let unset = doctor(&site, 4).await;
    assert_says(trouble(&unset, "secret"), "found", &["NOTES_PASSWORD is not set"]);
}

#[tokio::test]
async fn a_secret_in_vault_that_cannot_be_read_is_told() {
    let mut site = site("doctor-kept").await;
    site.openbao.write_entry(MOUNT, "kept/notes", &json!({"pass": "x"})).await;
    site.configure(|config| {
        config.source = config.source.replace(
            "{ file = \"password\" }",
            "{ vault = { mount = \"secret\", path = \"kept/notes\", field = \"password\" } }",
        );
    });
    let forbidden = doctor(&site, 4).await;
    assert_says(
        trouble(&forbidden, "capability"),
        "advice",
        &["path \"secret/data/kept/notes\" { capabilities = [\"read\"] }"],
    );
    assert_says(trouble(&forbidden, "secret"), "found", &["reading secret/kept/notes", "403"]);
    least(&site).await;
    assert_says(trouble(&doctor(&site, 4).await, "secret"), "found", &["no field `password`"]);
    site.openbao.write_entry(MOUNT, "kept/notes", &json!({"password": site.issuer.planted.password})).await;
    assert_eq!(troubles(&doctor(&site, 0).await), [""; 0]);
}

#[tokio::test]
async fn a_system_that_cannot_be_reached_is_told_with_the_reason() {
    let mut site = site("doctor-unreached").await;
    let here = site.issuer.zettelstore_url();
    let mut at = async |url: &str| {
        let url = url.to_owned();
        site.configure(|config| config.source = config.source.replace(&here, &url));
        let findings = doctor(&site, 4).await;
        site.configure(|config| config.source = config.source.replace(&url, &here));
        trouble(&findings, "server").clone()
    };
    assert_says(
        &at(&format!("{}/", deserted_url().await)).await,
        "found",
        &["no connection", "for zettelstore.notes"],
    );
    assert_says(&at("https://nobody.invalid/").await, "found", &["the name nobody.invalid does not resolve"]);
    let plain = here.replace("http:", "https:");
    assert_says(&at(&plain).await, "advice", &["the right one of http and https"]);
    assert_eq!(site.logins(), 0);
}

#[tokio::test]
async fn certificates_and_clocks_of_systems_are_looked_at() {
    let mut site = site("doctor-tls").await;
    let good = Identity::of_server(&["127.0.0.1"]);
    assert_eq!(troubles(&behind(&mut site, &good, &good, 0).await), [""; 0]);
    let unknown = behind(&mut site, &good, &Identity::new(), 4).await;
    assert_says(trouble(&unknown, "server"), "advice", &["ca_cert_file"]);
    let other = Identity::of_server(&["other.example"]);
    assert_says(
        trouble(&behind(&mut site, &other, &other, 4).await, "server"),
        "advice",
        &["its certificate names"],
    );
    let over = Identity::expired();
    assert_says(trouble(&behind(&mut site, &over, &over, 4).await, "server"), "advice", &["renewed"]);
    let soon = Identity::ending_in(Duration::from_hours(121));
    assert_says(
        trouble(&behind(&mut site, &soon, &soon, 0).await, "certificate"),
        "found",
        &["ends in 5 days"],
    );

    site.issuer.fault(Fault::clock_skew(-300));
    let late = behind(&mut site, &good, &good, 0).await;
    assert_says(trouble(&late, "clock"), "found", &["behind the one of this machine"]);
}

/// What is found where TLS stands before the system.
async fn behind(site: &mut Site, identity: &Identity, trusted: &Identity, code: i32) -> Vec<Value> {
    let _relay = site.put_behind_tls(identity, trusted).await;
    doctor(site, code).await
}

#[tokio::test]
async fn a_vault_that_cannot_be_used_is_told_and_the_rest_is_looked_at() {
    let mut site = site("doctor-vault").await;
    site.rotator.run(&["once"]).await.ok();
    let address = site.openbao.url();
    site.configure(|config| config.address = "http://127.0.0.1:1".to_owned());
    let away = doctor(&site, 4).await;
    assert_says(trouble(&away, "server"), "found", &["no connection"]);
    assert_says(trouble(&away, "destination"), "found", &["nobody can tell what readers find"]);
    assert!(away.iter().any(|finding| finding["group"] == "systems" && finding["state"] == "ok"));
    assert!(away.iter().any(|finding| finding["check"] == "proof" && finding["state"] == "ok"));

    site.configure(|config| config.address = address);
    site.openbao.destroy_secret_id(&site.role).await;
    assert_says(trouble(&doctor(&site, 4).await, "login"), "found", &["refused the login"]);
    site.openbao.seal().await;
    assert_says(trouble(&doctor(&site, 4).await, "health"), "found", &["version", "sealed"]);
}

#[tokio::test]
async fn a_token_that_will_end_or_may_too_much_is_told() {
    let mut site = site("doctor-token").await;
    site.configure(|config| {
        config.vault = "auth \"token\" {\n token = { file = \"vault-token\" }\n }".to_owned();
    });
    let with = async |settings: Value| {
        site.rotator.write_secret("vault-token", &site.openbao.create_token(&settings).await);
        doctor(&site, 0).await
    };
    let of = |more: Value| {
        let mut settings = json!({"policies": ["rotator"]});
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        settings
    };
    assert_eq!(troubles(&with(of(json!({"period": "1h"}))).await), [""; 0]);
    let fixed = with(of(json!({"renewable": false, "ttl": "1h"}))).await;
    assert_says(trouble(&fixed, "token"), "found", &["cannot be renewed"]);
    let limited = with(of(json!({"explicit_max_ttl": "2h"}))).await;
    assert_says(trouble(&limited, "token"), "found", &["however often it is renewed"]);
    assert_says(
        trouble(&with(of(json!({}))).await, "token"),
        "found",
        &["no further than the greatest life"],
    );
    let root = with(json!({"policies": ["root"]})).await;
    assert_says(trouble(&root, "privilege"), "found", &["root token"]);
    let blind = with(of(json!({"no_default_policy": true, "period": "1h"}))).await;
    assert_eq!(trouble(&blind, "capability")["state"], "warning");

    let counted = of(json!({"num_uses": 50, "period": "1h"}));
    site.rotator.write_secret("vault-token", &site.openbao.create_token(&counted).await);
    assert_says(trouble(&doctor(&site, 4).await, "token"), "found", &["requests only"]);
    let dead = site.openbao.create_token(&of(json!({"period": "1h"}))).await;
    site.rotator.write_secret("vault-token", &dead);
    site.openbao.revoke_token(&dead).await;
    assert_says(trouble(&doctor(&site, 4).await, "login"), "found", &["does not take the token"]);
}

#[tokio::test]
async fn a_wrapping_token_is_left_to_the_rotator() {
    let mut site = site("doctor-wrapped").await;
    let config = "secret_id = { file = \"secret_id\" }";
    site.configure(|parts| {
        parts.vault = parts.vault.replace(config, "secret_id = { file = \"secret_id\", wrapped = true }");
    });
    let findings = doctor(&site, 4).await;
    assert_says(trouble(&findings, "login"), "found", &["would use up the wrapping token"]);
    let unseen = trouble(&findings, "destination");
    assert_eq!(unseen["state"], "problem", "nobody looked, so nobody may take it for fine");
    assert_says(unseen, "advice", &["`doctor --offline`"]);
    let offline = |strict: &[&'static str]| [&["doctor", "--offline", "--output", "json"], strict].concat();
    let findings = site.rotator.run(&offline(&[])).await.ok().json();
    let findings = findings.as_array().unwrap().clone();
    assert_eq!(trouble(&findings, "destination")["state"], "warning");
    assert_says(trouble(&findings, "login"), "found", &["`--offline`"]);
    site.rotator.run(&offline(&["--strict"])).await.failed_with(3);
    assert_eq!(site.openbao.count("update", "sys/wrapping/unwrap") + site.vault_logins(), 0);
}

#[tokio::test]
async fn what_the_policy_lacks_is_told_with_the_line_to_add() {
    let site = site("doctor-lacks").await;
    let policy = site.rotator.run(&["policy"]).await.ok().stdout;
    let metadata = "path \"secret/metadata/tokens/notes\" { capabilities = [";
    assert!(policy.contains(metadata), "{policy}");
    let less = policy
        .replace(&format!("{metadata}\"create\", \"read\", \"update\"]"), &format!("{metadata}\"read\"]"));
    site.openbao.write_policy("rotator", &less).await;
    let findings = doctor(&site, 4).await;
    let found = trouble(&findings, "capability");
    assert_eq!((text(found, "state"), text(found, "subject")), ("problem", "secret/metadata/tokens/notes"));
    assert_says(found, "found", &["lacks create, update", "rotation \"notes\""]);
    let line = "path \"secret/metadata/tokens/notes\" { capabilities = [\"create\", \"read\", \"update\"] }";
    assert_says(found, "advice", &[line]);
}

#[tokio::test]
async fn a_policy_that_is_older_than_the_configuration_is_one_problem_and_not_one_for_each_path() {
    let mut site = site("doctor-old-policy").await;
    let policy = site.rotator.run(&["policy"]).await.ok().stdout;
    let other =
        |name: &str| rotation("other").replace("other", name).replace("6s\"", &format!("6s\"\n {LAG}"));
    site.configure(|config| config.more = ["one", "two", "three"].map(other).concat());
    site.openbao.write_policy("rotator", &policy).await;
    let findings = doctor(&site, 4).await;
    let problems: Vec<_> = findings
        .iter()
        .filter(|finding| finding["state"] == "problem" && finding["check"] != "proof")
        .collect();
    let [lacking, unread] = problems.as_slice() else { panic!("{problems:#?}") };
    assert_says(lacking, "found", &["lacks what is needed at 6 paths: secret/data/tokens/"]);
    assert_says(lacking, "advice", &["tokenferry policy |"]);
    assert_says(unread, "found", &["(3 destinations)"]);
    assert_eq!((text(unread, "subject"), text(unread, "check")), ("policies", "capability"));
}

#[tokio::test]
async fn what_the_policy_allows_beyond_need_is_told_with_the_paths() {
    let site = site("doctor-too-much").await;
    let all = json!(["create", "read", "update", "delete", "list"]).to_string();
    let paths = ["secret/*", "sys/policies/acl/*", "auth/token/create", "auth/approle/role/*", "sys/mounts"];
    let more: String = paths.map(|path| format!("path \"{path}\" {{ capabilities = {all} }}\n")).concat();
    let policy = site.rotator.run(&["policy"]).await.ok().stdout;
    let policy = policy.replace("\"update\"]", "\"update\", \"delete\"]");
    site.openbao.write_policy("rotator", &format!("{policy}{more}")).await;
    let findings = doctor(&site, 0).await;
    let told = troubles(&findings).join("\n");
    for expected in [
        "delete where that is not needed: secret/data/tokens/notes",
        "delete versions: secret/delete/tokens/notes",
        "destroy versions: secret/destroy/tokens/notes",
        "write or read beside its destinations: secret/data/tokens/",
        "change policies: sys/policies/acl/",
        "make tokens: auth/token/create",
        "change who may log in: auth/approle/role/",
        "see all mounts: sys/mounts",
    ] {
        assert!(told.contains(expected), "no `{expected}` in:\n{told}");
    }
    assert!(findings.iter().all(|finding| finding["state"] != "problem"), "{told}");
    assert!(!told.contains("asks-only"), "nothing is called so:\n{told}");
}

#[tokio::test]
async fn a_mount_that_cannot_be_used_is_told() {
    let mut site = site("doctor-mounts").await;
    site.openbao.write("sys/mounts/kv1", &json!({"type": "kv", "options": {"version": "1"}})).await;
    site.openbao.enable_kv("short").await;
    site.openbao.write("short/config", &json!({"delete_version_after": "1h"})).await;
    let at = |mount: &str| {
        rotation("other")
            .replace("\"secret\"", &format!("\"{mount}\""))
            .replace("6s\"", &format!("6s\"\n {LAG}"))
    };
    let mut with = async |mount: &str, code| {
        site.configure(|config| config.more = at(mount));
        let policy = site.rotator.run(&["policy"]).await.ok().stdout;
        let config = format!("path \"{mount}/config\" {{ capabilities = [\"read\"] }}");
        site.openbao.write_policy("rotator", &format!("{policy}{config}")).await;
        let findings = doctor(&site, code).await;
        findings.iter().find(|one| one["check"] == "mount" && one["state"] != "ok").unwrap().clone()
    };
    assert_says(&with("kv1", 4).await, "found", &["KV version 1"]);
    assert_says(&with("nosuch", 4).await, "found", &["nothing is mounted there (1 destination)"]);
    let short = with("short", 2).await;
    assert_eq!(short["state"], "warning");
    assert_says(&short, "found", &["deletes each version after 1h"]);
}

#[tokio::test]
async fn entries_that_are_not_ours_or_hold_no_living_token_are_told() {
    let site = site("doctor-entries").await;
    site.openbao.write_entry(MOUNT, PATH, &json!({"token": "theirs"})).await;
    let foreign = doctor(&site, 4).await;
    assert_says(trouble(&foreign, "destination"), "advice", &["adopt = true"]);
    site.openbao.set_custom_metadata(MOUNT, PATH, &json!({"tokenferry_rotation": "elsewhere"})).await;
    assert_says(
        trouble(&doctor(&site, 4).await, "destination"),
        "found",
        &["belongs to the rotation \"elsewhere\""],
    );

    site.openbao.remove_entry(MOUNT, PATH).await;
    site.rotator.run(&["once"]).await.ok();
    let entry = site.entry().await.unwrap();
    let write = async |member: &str, value: Value| {
        let mut data = entry.data.clone();
        data.insert(member.to_owned(), value);
        site.openbao.write_entry(MOUNT, PATH, &Value::Object(data)).await;
        doctor(&site, 4).await
    };
    let past = rfc3339(SystemTime::now() - Duration::from_mins(5));
    assert_says(
        trouble(&write("expires_at", past.into()).await, "destination"),
        "found",
        &["is over for 5m", "readers hold a dead one"],
    );
    assert_says(trouble(&write("schema", 99.into()).await, "destination"), "found", &["newer version"]);
    site.openbao.delete_latest(MOUNT, PATH).await;
    assert_says(trouble(&doctor(&site, 4).await, "destination"), "found", &["version 3 was deleted"]);
    assert_eq!(site.logins(), 1);
}

#[tokio::test]
async fn an_entry_that_will_vanish_before_its_token_ends_is_told() {
    let site = site("doctor-vanishing").await;
    site.openbao.write("secret/metadata/tokens/notes", &json!({"delete_version_after": "5m"})).await;
    site.rotator.run(&["once"]).await.ok();
    let findings = doctor(&site, 2).await;
    assert_says(trouble(&findings, "destination"), "found", &["vanishes in 4m", "before its token ends"]);
}

#[tokio::test]
async fn a_failing_run_is_told_with_what_it_means_and_until_when_the_login_is_held() {
    let site = site("doctor-failing").await;
    site.rotator.run(&["once"]).await.ok();
    site.issuer.fault(Fault::status(503).path(ZETTELSTORE_LOGIN));
    site.rotator.run(&["once", "--force"]).await.failed_with(3);
    let failing = doctor(&site, 3).await;
    assert_says(
        trouble(&failing, "last_run"),
        "found",
        &[
            "failed once",
            "class server_error, because the system itself failed",
            "lives 9m",
            "tried again at",
        ],
    );

    site.issuer.control().clear_faults();
    site.rotator.write_secret("password", "planted-wrong-password");
    site.rotator.run(&["once", "--force"]).await.failed_with(3);
    let refused = doctor(&site, 3).await;
    let found = trouble(&refused, "last_run");
    assert_says(found, "found", &["2 times in a row", "login_refused", "is held until"]);
    assert_says(found, "advice", &["Put the right secret"]);
    site.rotator.write_secret("password", &site.issuer.planted.password);
    assert_says(trouble(&doctor(&site, 3).await, "last_run"), "found", &["the login was changed since"]);
    assert_eq!(site.logins(), 3);
}

#[tokio::test]
async fn a_refused_proof_alone_is_a_matter_of_the_configuration() {
    let mut site = site("doctor-proof").await;
    site.configure(|config| config.rotation = "reader_lag = \"1h\"".to_owned());
    let findings = doctor(&site, 2).await;
    assert_says(trouble(&findings, "proof"), "found", &["refused: a reader may hold a token for"]);
    site.configure(|config| config.rotation = "enabled = false".to_owned());
    let disabled = doctor(&site, 0).await;
    assert_says(&disabled[0], "found", &["0 rotations", "1 more disabled"]);
    site.rotator.write("tokenferry.hcl", "rotation \"notes\" {}");
    site.rotator.run(&["doctor"]).await.failed_with(2);
    site.rotator.run(&["doctor", "nots"]).await.failed_with(2);
}

#[tokio::test]
async fn what_is_fine_of_a_hundred_rotations_is_summed_up_and_what_is_not_is_told_each() {
    let mut site = site("doctor-hundred").await;
    let rotations =
        (0..100).map(|index| rotation(&format!("r{index}")).replace("6s\"", &format!("6m\"\n {LAG}")));
    site.configure(|config| config.more = rotations.collect());
    least(&site).await;
    for path in ["tokens/r7", "tokens/r77"] {
        site.openbao.write_entry(MOUNT, path, &json!({"token": "theirs"})).await;
    }
    let Outcome { stdout, .. } = site.rotator.run(&["doctor"]).await.failed_with(4);
    assert!(stdout.contains("99 destinations ") && stdout.contains("101 proofs"), "{stdout}");
    for name in ["r7: secret/tokens/r7 ", "r77: secret/tokens/r77 "] {
        assert!(stdout.contains(name), "{stdout}");
    }
    assert!(stdout.lines().count() < 40 && stdout.ends_with("\n2 problems, 0 warnings\n"), "{stdout}");
    assert_eq!(site.openbao.count("update", "sys/capabilities-self"), 1);
    let some = site.rotator.run(&["doctor", "r1"]).await.ok().stdout;
    assert!(some.contains("r1: secret/tokens/r1") && !some.contains("r2"), "{some}");
}

const LAG: &str = "reader_lag = \"1m\"";
