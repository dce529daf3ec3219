//! What goes to standard error.

use serde_json::Value as Json;
use tokenferry_sandbox::Fault;
use tokenferry_tests::issuer::{DEVICE, Issuer};
use tokenferry_tests::launch::Launch;
use tokenferry_tests::leak;
use tokenferry_tests::plugin::Plugin;
use tokenferry_tests::value::object;

const LEVELS: [&str; 5] = ["trace", "debug", "info", "warn", "error"];

/// The crates whose events may be logged.
const OURS: [&str; 4] =
    ["terraform_provider_tokenferry", "tfplugin", "tokenferry_sources", "tokenferry_vault"];

#[tokio::test]
async fn case_55_at_trace_each_line_is_an_object_without_secrets() {
    let issuer = Issuer::start("case-55").await;
    let plugin = Launch::new().without("TF_LOG").env("TF_LOG_PROVIDER", "TRACE").start().await;
    plugin.configure(&issuer.config()).await.ok();
    use_everything(&plugin).await;
    issuer.issue_planted();
    plugin.configure(&issuer.config()).await.ok();
    use_everything(&plugin).await;
    issuer.control().clear_faults();
    issuer.fault(Fault::status(401));
    plugin.configure(&issuer.config()).await.ok();
    use_everything(&plugin).await;
    plugin.shutdown().await;
    plugin.process.stderr.ended().await;
    let text = plugin.process.stderr.text();
    assert!(!text.is_empty(), "nothing is logged at TRACE");
    text.lines().for_each(assert_log_line);
    leak::assert_none(text.as_bytes(), &issuer.planted.secrets(), "the log");
}

#[tokio::test]
async fn tokens_that_were_really_issued_are_not_logged_either() {
    let issuer = Issuer::start("issued").await;
    let plugin = Launch::new().start().await;
    plugin.configure(&issuer.config()).await.ok();
    let secrets = use_everything(&plugin).await;
    plugin.shutdown().await;
    plugin.process.stderr.ended().await;
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    assert_eq!(secrets.len(), 3);
    leak::assert_none(plugin.process.stderr.text().as_bytes(), &secrets, "the log");
}

#[tokio::test]
async fn only_what_was_asked_for_is_logged() {
    let issuer = Issuer::start("levels").await;
    for (name, level) in [("TF_LOG_PROVIDER", "OFF"), ("TF_LOG", ""), ("TF_LOG", "ERROR")] {
        let plugin = Launch::new().env(name, level).start().await;
        plugin.configure(&issuer.config()).await.ok();
        use_everything(&plugin).await;
        plugin.shutdown().await;
        plugin.process.stderr.ended().await;
        assert_eq!(plugin.process.stderr.text(), "", "with {name}={level}");
    }
    let plugin = Launch::new().env("TF_LOG_PROVIDER", "OFF").start().await;
    use_everything(&plugin).await;
    assert_eq!(plugin.process.stderr.text(), "", "TF_LOG_PROVIDER goes before TF_LOG");
}

#[tokio::test]
async fn words_that_are_no_level_mean_everything() {
    let issuer = Issuer::start("all-levels").await;
    for level in ["JSON", "loud", "debug"] {
        let plugin = Launch::new().env("TF_LOG_PROVIDER", level).start().await;
        plugin.configure(&issuer.config()).await.ok();
        use_everything(&plugin).await;
        plugin.shutdown().await;
        plugin.process.stderr.ended().await;
        assert!(plugin.process.stderr.text().contains(r#""@level":"debug""#), "with {level}");
    }
}

#[tokio::test]
async fn no_other_variable_switches_logging_on() {
    let issuer = Issuer::start("no-switch").await;
    let plugin =
        Launch::new().without("TF_LOG").env("RUST_LOG", "trace").env("RUST_BACKTRACE", "1").start().await;
    plugin.configure(&issuer.config()).await.ok();
    use_everything(&plugin).await;
    plugin.shutdown().await;
    plugin.process.stderr.ended().await;
    assert_eq!(plugin.process.stderr.text(), "");
}

/// Reads one of everything; gives the secrets that came back.
async fn use_everything(plugin: &Plugin) -> Vec<String> {
    let otp = object([("udid", DEVICE.into()), ("purpose", "logout".into())]);
    let replies = [
        plugin.read("tokenferry_zscaler_token", &object([])).await,
        plugin.open_ephemeral("tokenferry_zettelstore_token", &object([])).await.reply,
        plugin.read("tokenferry_zscaler_otp", &otp).await,
    ];
    let values = replies.iter().zip(["token", "token", "otp"]);
    values.filter_map(|(reply, name)| reply.value.member(name).text().map(str::to_owned)).collect()
}

fn assert_log_line(line: &str) {
    let Ok(Json::Object(entry)) = serde_json::from_str(line) else { panic!("not an object: {line}") };
    assert!(entry["@message"].is_string(), "{line}");
    assert!(LEVELS.contains(&entry["@level"].as_str().unwrap_or_default()), "{line}");
    if let Some(time) = entry.get("@timestamp") {
        let time = time.as_str().expect("a text as time");
        let fraction = time.split_once('.').expect("a fraction in the time").1;
        assert_eq!(fraction.find(|character: char| !character.is_ascii_digit()), Some(6), "{line}");
    }
    let module = entry.get("@module").and_then(Json::as_str).expect("each line names its module");
    let root = module.split("::").next().unwrap_or_default();
    assert!(OURS.contains(&root), "not ours: {line}");
}
