//! The configuration, and files that it refers to, change while the daemon runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::json;
use tokenferry_sandbox::Fault;
use tokenferry_tests::issuer::ZETTELSTORE_LOGIN;
use tokenferry_tests::openbao::Entry;
use tokenferry_tests::rotator::Daemon;
use tokenferry_tests::tls::Identity;

use crate::site::{DATA, MOUNT, PATH, REFUSED_PROOF, Site, rotation, warnings};

const CHANGED: &str = "the configuration was read again and is in force now";
const UNCHANGED: &str = "the configuration was read again; its rotations are the same";
const REFUSED: &str = "the configuration is wrong and was not taken over; the one before it stays in force";

#[tokio::test]
async fn what_is_added_is_rotated_and_what_did_not_change_is_left_alone() {
    let mut site = Site::new("reload-add").await;
    let daemon = site.rotator.start();
    daemon.says("rotated").await;
    let reads = site.openbao.count("read", DATA);
    site.configure(|config| config.more = rotation("more"));
    daemon.process.signal(Signal::SIGHUP);
    let told = daemon.says(CHANGED).await;
    assert_eq!(
        (told.text("added"), told.field("changed"), told.field("removed")),
        ("more", &json!(null), &json!(null))
    );
    entry(&site, "more").await;
    assert_eq!((site.logins(), site.vault_logins(), site.entry().await.unwrap().version), (2, 1, 1));
    assert_eq!(site.openbao.count("read", DATA), reads, "what is known is not read again");
}

#[tokio::test]
async fn a_signal_without_a_change_logs_in_nowhere() {
    let site = Site::new("reload-same").await;
    let daemon = site.rotator.start();
    daemon.says("rotated").await;
    for times in 1..=3 {
        daemon.process.signal(Signal::SIGHUP);
        said(&daemon, UNCHANGED, times).await;
    }
    // Its Vault token still works: another rotation would be noticed by its login.
    assert_eq!((site.logins(), site.vault_logins(), site.writes()), (1, 1, 1));
    assert_eq!(warnings(&daemon), 0);
}

#[tokio::test]
async fn what_takes_effect_at_the_next_start_only_is_told_once() {
    let mut site = Site::new("reload-listen").await;
    let daemon = site.rotator.start();
    daemon.says("rotated").await;
    let mut reload = async |listen: Option<&str>, times| {
        if let Some(listen) = listen {
            site.configure(|config| config.listen = listen.to_owned());
        }
        daemon.process.signal(Signal::SIGHUP);
        said(&daemon, UNCHANGED, times).await;
        daemon.count(|event| event.message().starts_with("`listen`, `page` or `allowed_hosts` has changed"))
    };
    assert_eq!((reload(Some("off"), 1).await, reload(None, 2).await), (1, 1));
    assert_eq!(reload(Some("127.0.0.1:1"), 3).await, 2);
}

#[tokio::test]
async fn a_changed_file_is_noticed_by_itself() {
    let mut site = Site::new("reload-file").await;
    let daemon = site.rotator.start();
    daemon.says("rotated").await;
    site.configure(|config| config.more = rotation("more"));
    let told = daemon.says("reading the configuration again").await;
    assert_eq!(told.text("cause"), "tokenferry.hcl has changed");
    entry(&site, "more").await;
}

#[tokio::test]
async fn a_system_is_not_logged_in_at_any_longer_once_its_file_of_certificates_does_not_name_it() {
    let mut site = Site::with_life("reload-ca", 20).await;
    let shown = Identity::of_server(&["127.0.0.1"]);
    let _relay = site.put_behind_tls(&shown, &shown).await;
    let daemon = site.rotator.start();
    daemon.says("rotated").await;
    site.rotator.write("ca.pem", &Identity::of_server(&["127.0.0.1"]).pem());
    let told = daemon.says("reading the configuration again").await;
    assert!(told.text("cause").ends_with("ca.pem has changed"), "{}", told.text("cause"));
    daemon.says(UNCHANGED).await;
    let logins = site.logins();
    let rotated = daemon.count(|event| event.message() == "rotated");
    daemon.event(|event| *event.field("class") == json!("tls")).await;
    assert_eq!(site.logins(), logins);
    // The wait after that is over with a reload that reads the right ones.
    site.rotator.write("ca.pem", &shown.pem());
    said(&daemon, "rotated", rotated + 1).await;
}

#[tokio::test]
async fn files_of_a_folder_may_come_and_go_and_be_swapped_by_a_link() {
    let site = Site::new("reload-folder").await;
    let main = fs::read_to_string(site.rotator.directory().join("tokenferry.hcl")).unwrap();
    let at = |name: &str| site.rotator.directory().join(name);
    // As Kubernetes mounts a ConfigMap: files are links through one link that is replaced.
    let generation = |name: &str, more: &str| {
        site.rotator
            .write(&format!("conf/{name}/main.hcl"), &main.replace("= \"password\"", "= \"../password\""));
        site.rotator.write(&format!("conf/{name}/more.hcl"), more);
        symlink(name, at("conf/..data_tmp")).unwrap();
        fs::rename(at("conf/..data_tmp"), at("conf/..data")).unwrap();
    };
    site.rotator.write_secret("conf/secret_id", &site.role.secret_id);
    site.rotator.write_secret("conf/password", &site.issuer.planted.password);
    let in_folder = |text: &str| text.replace("password = { file = \"../", "password = { file = \"");
    generation("..1", &in_folder("# nothing more\n"));
    for name in ["main.hcl", "more.hcl"] {
        symlink(format!("..data/{name}"), at("conf").join(name)).unwrap();
    }
    let daemon = site.rotator.start_with(&["--config", "conf"]);
    daemon.says("rotated").await;
    generation("..2", &rotation("swapped"));
    entry(&site, "swapped").await;
    site.rotator.write("conf/added.hcl", &rotation("added"));
    entry(&site, "added").await;
    fs::remove_file(at("conf/added.hcl")).unwrap();
    let told = daemon.event(|event| event.message() == CHANGED && event.text("removed") == "added").await;
    assert_eq!(told.field("rotations"), &json!(2));
    assert_eq!((site.logins(), site.vault_logins()), (3, 1));
}

#[tokio::test]
async fn a_bad_configuration_takes_nothing_over_and_says_all_that_is_wrong() {
    let mut site = Site::with_life("reload-bad", 14).await;
    site.configure(|config| config.rotation = "renew_before = \"9s\"".to_owned());
    let daemon = site.rotator.start();
    daemon.says("rotated").await;
    let good = fs::read_to_string(site.rotator.directory().join("tokenferry.hcl")).unwrap();
    let bad =
        good.replace("renew_before = \"9s\"", "renew_before = \"planted-soon\"\n  shedule = \"planted-x\"");
    for secret in ["planted-soon", "planted-x"] {
        site.rotator.guard(secret);
    }
    site.rotator.write("tokenferry.hcl", &bad);
    daemon.process.signal(Signal::SIGHUP);
    let refused = daemon.says(REFUSED).await;
    assert_eq!((refused.level(), refused.field("problems")), ("error", &json!(2)));
    let line = |text: &str| bad.lines().position(|line| line.contains(text)).unwrap() + 1;
    for (word, text) in [("renew_before", "renew_before = ***"), ("shedule", "shedule = ***")] {
        let told = daemon.event(|event| event.message().contains(word) && event.level() == "error").await;
        assert_eq!((told.text("file"), told.field("line")), ("tokenferry.hcl", &json!(line(word))));
        assert!(told.text("text").contains(text), "{told:?}");
    }
    site.version(2).await;

    site.rotator.write("tokenferry.hcl", &good);
    daemon.process.signal(Signal::SIGHUP);
    daemon.says(UNCHANGED).await;
    site.version(3).await;
}

#[tokio::test]
async fn a_run_under_way_ends_as_it_began_and_overlaps_with_nothing() {
    let mut site = Site::new("reload-running").await;
    let daemon = in_login(&site).await;
    site.configure(|config| {
        config.source = config.source.clone() + "\n timeout = \"20s\"";
        config.more = rotation("more");
    });
    daemon.process.signal(Signal::SIGHUP);
    let told = daemon.says(CHANGED).await;
    assert_eq!((told.text("added"), told.text("changed")), ("more", "notes"));
    assert!(site.entry().await.is_none(), "the run is still under way");
    let first = site.version(1).await;
    entry(&site, "more").await;
    daemon.event(|event| event.message() == "next run" && event.text("rotation") == "notes").await;
    assert_eq!(site.entry().await.unwrap().text("token"), first.text("token"));
    let logins = site.issuer.zettelstore_logins();
    assert_eq!((logins.attempted, logins.peak), (2, 1), "one for each rotation, one after the other");
}

#[tokio::test]
async fn what_is_issued_for_a_removed_rotation_is_stored_and_its_entry_stays() {
    let site = Site::new("reload-removed").await;
    let mut daemon = in_login(&site).await;
    let text = fs::read_to_string(site.rotator.directory().join("tokenferry.hcl")).unwrap();
    let text = text.replace("rotation \"notes\"", "rotation \"other\"").replace(PATH, "tokens/elsewhere");
    site.rotator.write("tokenferry.hcl", &text);
    daemon.process.signal(Signal::SIGHUP);
    let told = daemon.says(CHANGED).await;
    assert_eq!((told.text("added"), told.text("removed")), ("other", "notes"));
    assert_eq!(site.version(1).await.text("rotation"), "notes");
    assert_eq!(entry(&site, "elsewhere").await.text("rotation"), "other");
    assert_eq!(daemon.stop().await.code(), Some(0));
    let logins = site.issuer.zettelstore_logins();
    assert_eq!((logins.attempted, logins.peak, site.entry().await.unwrap().version), (2, 1, 1));
}

#[tokio::test]
async fn a_token_that_waits_for_vault_outlives_the_definition_that_it_was_issued_under() {
    let mut site = Site::new("reload-waiting").await;
    let daemon = in_login(&site).await;
    site.openbao.seal().await;
    daemon.event(|event| event.text("class") == "vault_sealed").await;
    site.configure(|config| config.source = config.source.clone() + "\n timeout = \"20s\"");
    daemon.process.signal(Signal::SIGHUP);
    assert_eq!(daemon.says(CHANGED).await.text("changed"), "notes");
    site.openbao.unseal().await;
    daemon.says("stored the token that was issued before").await;
    site.version(1).await;
    daemon.event(|event| event.message() == "next run" && event.text("reason") == "expiry").await;
    assert_eq!((site.logins(), site.entry().await.unwrap().version), (1, 1), "it is as good as a new one");
}

#[tokio::test]
async fn a_stop_stores_what_was_issued_under_a_former_definition() {
    let mut site = Site::on_disk("reload-and-stop", 600).await;
    let mut daemon = in_login(&site).await;
    site.openbao.seal().await;
    daemon.event(|event| event.text("class") == "vault_sealed").await;
    site.configure(|config| config.source = config.source.clone() + "\n timeout = \"20s\"");
    daemon.process.signal(Signal::SIGHUP);
    daemon.says(CHANGED).await;
    daemon.process.signal(Signal::SIGTERM);
    daemon.event(|event| event.message().starts_with("stopping")).await;
    site.openbao.unseal().await;
    assert_eq!(daemon.exit().await.code(), Some(0));
    site.openbao.kv_ready(MOUNT).await;
    assert_eq!((site.entry().await.unwrap().version, site.logins()), (1, 1));
}

#[tokio::test]
async fn another_way_to_log_in_to_vault_makes_a_new_login_and_nothing_else() {
    let mut site = Site::with_life("reload-vault", 14).await;
    site.configure(|config| config.rotation = "renew_before = \"9s\"".to_owned());
    let daemon = site.rotator.start();
    daemon.says("rotated").await;
    let token = site.openbao.create_token(&json!({"policies": ["rotator"], "ttl": "20m"})).await;
    site.rotator.write_secret("vault-token", &token);
    site.configure(|config| {
        config.vault = "auth \"token\" {\n token = { file = \"vault-token\" }\n }".to_owned();
    });
    let reads = site.openbao.count("read", DATA);
    daemon.process.signal(Signal::SIGHUP);
    daemon.says(UNCHANGED).await;
    // What the old login may no longer do, the new one does.
    site.revoke_vault_tokens().await;
    site.version(2).await;
    assert_eq!((site.vault_logins(), site.openbao.count("read", DATA)), (1, reads));
}

#[tokio::test]
async fn a_changed_login_file_of_vault_lifts_a_refused_login_within_seconds() {
    let site = Site::new("reload-secret-id").await;
    site.rotator.write_secret("secret_id", "planted-wrong-secret-id");
    let daemon = site.rotator.start();
    daemon.event(|event| event.text("class") == "vault_login_refused").await;
    site.rotator.write_secret("secret_id", &site.role.secret_id);
    let told = daemon.says("reading the configuration again").await;
    assert_eq!(told.text("cause"), "secret_id has changed");
    daemon.says("rotated").await;
    assert_eq!((site.vault_logins(), site.logins()), (2, 1));
}

#[tokio::test]
async fn a_refused_login_is_not_tried_again_for_a_reload() {
    let mut site = Site::new("reload-refused").await;
    site.rotator.write_secret("password", "planted-wrong-password");
    let daemon = site.rotator.start();
    daemon.event(|event| event.text("class") == "login_refused").await;
    site.noted("tokenferry_failed_login").await;
    daemon.process.signal(Signal::SIGHUP);
    daemon.says(UNCHANGED).await;
    site.configure(|config| config.source = config.source.clone() + "\n timeout = \"20s\"");
    daemon.process.signal(Signal::SIGHUP);
    daemon.says(CHANGED).await;
    daemon.says("its last run failed").await;
    assert_eq!(site.logins(), 1);
}

#[tokio::test]
async fn settings_of_the_daemon_itself_take_effect() {
    let mut site = Site::new("reload-grace").await;
    let mut daemon = site.rotator.start();
    daemon.says("rotated").await;
    site.issuer.fault(Fault::hang().path(ZETTELSTORE_LOGIN));
    site.configure(|config| {
        config.top = "grace_period = \"1s\"".to_owned();
        config.more = rotation("one") + &rotation("two");
    });
    daemon.process.signal(Signal::SIGHUP);
    site.issuer.asked_times(ZETTELSTORE_LOGIN, 2).await;
    assert_eq!(daemon.stop().await.code(), Some(3), "the login that hangs is not waited for");
    let given_up = daemon.event(|event| event.message().starts_with("the grace period is over")).await;
    assert_eq!(given_up.field("running"), &json!(1));
}

#[tokio::test]
async fn certificates_that_cannot_be_used_are_not_taken_over() {
    let mut site = Site::new("reload-certificates").await;
    site.rotator.write("ca.pem", "this is no certificate");
    let mut daemon = site.rotator.start();
    daemon.says("rotated").await;
    site.configure(|config| config.source = config.source.clone() + "\n ca_cert_file = \"ca.pem\"");
    daemon.process.signal(Signal::SIGHUP);
    daemon.says(REFUSED).await;
    let told = daemon.event(|event| event.text("file").ends_with("ca.pem")).await;
    assert!(told.message().starts_with("the certificates cannot be used"), "{}", told.message());
    assert_eq!(daemon.stop().await.code(), Some(0));
}

/// Waits until this was said so many times.
#[tokio::test]
async fn what_a_destination_of_somebody_else_misses_is_told_with_the_next_configuration_too() {
    let mut site = Site::new("reload-foreign").await;
    site.openbao.write_entry(MOUNT, "tokens/theirs", &json!({"password": "theirs"})).await;
    let more = format!("destination {{\n mount = \"{MOUNT}\"\n path = \"tokens/theirs\"\n }}");
    site.configure(|config| config.rotation.clone_from(&more));
    let daemon = site.rotator.start();
    daemon.event(|event| *event.field("class") == json!("foreign_entry")).await;
    entry(&site, "notes").await;
    site.configure(|config| config.rotation = format!("verify = false\n {more}"));
    daemon.says(CHANGED).await;
    let told = daemon.says("its last run failed").await;
    assert_eq!(told.text("class"), "foreign_entry");
    let told = daemon.says("the token that was issued before stands in some of its destinations only").await;
    assert_eq!(*told.field("missed"), json!(1));
    assert_eq!((site.logins(), site.entry().await.unwrap().version), (1, 1));
    assert_eq!(daemon.count(|event| event.level() == "error"), 0);
}

#[tokio::test]
async fn what_cannot_be_proven_is_told_once_for_each_definition() {
    let mut site = Site::new("reload-refused").await;
    let lag = |lag: &str| format!("reader_lag = \"{lag}\"");
    site.configure(|config| config.rotation = lag("10s"));
    let daemon = site.rotator.start();
    daemon.says("rotated").await;
    assert_eq!(daemon.count(|event| event.level() == "warn"), 0);
    site.configure(|config| config.rotation = lag("1h"));
    let told = daemon.says(REFUSED_PROOF).await;
    assert_eq!((told.level(), told.text("rotation")), ("warn", "notes"));
    assert!(told.text("proof").contains("1h reader_lag"), "{}", told.text("proof"));
    daemon.process.signal(Signal::SIGHUP);
    said(&daemon, UNCHANGED, 1).await;
    site.configure(|config| {
        config.more = rotation("more").replace("renew_before", "enabled = false\n renew_before");
    });
    said(&daemon, CHANGED, 2).await;
    assert_eq!(daemon.count(|event| event.message() == REFUSED_PROOF), 1);
    let mut again = site.rotator.start();
    again.says(REFUSED_PROOF).await;
    assert_eq!(again.stop().await.code(), Some(0));
}

#[tokio::test]
async fn what_vault_lost_is_noticed_for_all_by_the_first_that_writes() {
    let mut site = Site::with_life("lost", 20).await;
    site.configure(|config| {
        config.rotation = "renew_before = \"10s\"".to_owned();
        config.more = rotation("slow").replace("6s", "1s");
    });
    let daemon = site.rotator.start();
    said(&daemon, "rotated", 2).await;
    for path in [PATH, "tokens/slow"] {
        site.openbao.delete(&format!("{MOUNT}/metadata/{path}")).await;
    }
    let told = daemon.says("Vault has lost what stood in an entry; the others are read again").await;
    assert_eq!(told.level(), "warn");
    let again = daemon.event(|event| {
        event.message() == "rotated"
            && event.text("rotation") == "slow"
            && event.text("reason") == "no_token"
            && *event.field("attempt") == json!(1)
    });
    again.await;
    entry(&site, "slow").await;
}

async fn said(daemon: &Daemon, message: &str, times: usize) {
    let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
    while daemon.count(|event| event.message() == message) < times {
        assert!(tokio::time::Instant::now() < deadline, "{message} was not said {times} times");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The entry below `tokens/` of another rotation, once there is one.
async fn entry(site: &Site, name: &str) -> Entry {
    let entry = site.openbao.entry_that(MOUNT, &format!("tokens/{name}"), |_| true).await;
    site.rotator.guard(entry.text("token"));
    entry
}

/// A daemon whose first login takes a while.
async fn in_login(site: &Site) -> Daemon {
    site.issuer.fault(Fault::latency(Duration::from_secs(3)).path(ZETTELSTORE_LOGIN));
    let daemon = site.rotator.start();
    site.issuer.asked(ZETTELSTORE_LOGIN).await;
    daemon
}
