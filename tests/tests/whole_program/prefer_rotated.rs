//! Ephemeral tokens that the rotator keeps fresh, in place of a login.

use serde_json::Value as Json;
use tokenferry_tests::issuer::Issuer;
use tokenferry_tests::leak;
use tokenferry_tests::openbao::OpenBao;
use tokenferry_tests::plugin::Plugin;
use tokenferry_tests::reply::Reply;
use tokenferry_tests::terraform::Terraform;
use tokenferry_tests::value::{Value, object};

use crate::entries::{PATH, TOKEN, endless, entry, reader, server, vault};

const ZETTELSTORE: &str = "tokenferry_zettelstore_token";
const DATA: &str = "secret/data/tokens/notes";

/// A token that prefers the entry at `path`.
fn preferring(path: &str, on_miss: Option<&str>, minimum: Option<&str>) -> Value {
    let optional = |text: Option<&str>| text.map_or(Value::Null, Value::from);
    let prefer = object([("mount", "secret".into()), ("path", path.into()), ("on_miss", optional(on_miss))]);
    object([("prefer_rotated", prefer), ("minimum_lifetime", optional(minimum))])
}

async fn open(issuer: &Issuer, server: &OpenBao, token: &str, config: &Value) -> Reply {
    let provider = object([("zettelstore", issuer.zettelstore()), ("vault", vault(server, token))]);
    let plugin = Plugin::configured(&provider).await;
    let opened = plugin.open_ephemeral(ZETTELSTORE, config).await;
    plugin.close_ephemeral(ZETTELSTORE, opened.private).await.ok();
    plugin.finish().await;
    opened.reply
}

#[tokio::test]
async fn a_living_entry_of_the_same_login_is_used_and_nobody_logs_in() {
    let issuer = Issuer::start("prefer-hit").await;
    let server = server(&entry(&issuer, 600)).await;
    let reader = reader(&server, DATA).await;
    let reply = open(&issuer, &server, &reader, &preferring(PATH, Some("error"), Some("5m"))).await;
    assert_eq!(reply.text("token"), TOKEN);
    assert_eq!(reply.ok().member("from_vault"), &Value::Bool(true));
    // How it is sent is for the system to say, whatever stands in Vault.
    assert_eq!(reply.text("header_name"), "Authorization");
    assert_eq!(reply.text("header_value"), format!("Bearer {TOKEN}"));
    assert_eq!(reply.text("token_type"), "Bearer");
    assert_eq!(reply.text("subject"), issuer.planted.username);
    assert_eq!(issuer.connections(), 0);
}

#[tokio::test]
async fn an_entry_that_is_absent_or_too_old_is_missed() {
    let issuer = Issuer::start("prefer-miss").await;
    let server = server(&entry(&issuer, 60)).await;
    server.write_entry("secret", "tokens/dead", &entry(&issuer, -1)).await;
    for (path, minimum) in [("tokens/none", None), ("tokens/dead", None), (PATH, Some("5m"))] {
        let before = issuer.zettelstore_logins().attempted;
        for on_miss in [None, Some("login")] {
            let reply = open(&issuer, &server, server.token(), &preferring(path, on_miss, minimum)).await;
            assert_ne!(reply.text("token"), TOKEN);
            assert_eq!(reply.ok().member("from_vault"), &Value::Bool(false));
        }
        let reply = open(&issuer, &server, server.token(), &preferring(path, Some("error"), minimum)).await;
        assert!(reply.error().says(&["secret/tokens/"]), "{:?}", reply.error());
        assert_eq!(issuer.zettelstore_logins().attempted, before + 2);
    }
}

#[tokio::test]
async fn a_token_of_another_login_is_never_used() {
    let issuer = Issuer::start("prefer-mismatch").await;
    let server = server(&entry(&issuer, 600)).await;
    for (member, other) in [("system", "zenoti"), ("issuer", "https://other.example/"), ("subject", "bert")] {
        let mut entry = entry(&issuer, 600);
        entry[member] = Json::from(other);
        server.write_entry("secret", PATH, &entry).await;
        let reply = open(&issuer, &server, server.token(), &preferring(PATH, None, None)).await;
        let ours = match member {
            "system" => "zettelstore".to_owned(),
            "issuer" => issuer.zettelstore_url(),
            _ => issuer.planted.username.clone(),
        };
        assert!(reply.error().says(&[member, other, &ours, "`notes`"]), "{:?}", reply.error());
        assert_eq!(reply.error().path, "prefer_rotated");
        leak::assert_none(reply.error().text().as_bytes(), &[TOKEN], "the error");
    }
    assert_eq!(issuer.connections(), 0);
}

#[tokio::test]
async fn a_vault_that_does_not_tell_is_an_error_whatever_a_miss_means() {
    let issuer = Issuer::start("prefer-trouble").await;
    let server = server(&entry(&issuer, 600)).await;
    let config = preferring(PATH, Some("login"), None);
    let other = reader(&server, "secret/data/other").await;
    assert!(open(&issuer, &server, &other, &config).await.error().says(&["denied access"]));
    let refused = open(&issuer, &server, "planted-bad-token", &config).await;
    assert!(refused.error().says(&["vault"]), "{:?}", refused.error());
    server.write_entry("secret", "tokens/endless", &endless(&issuer)).await;
    let unknown = preferring("tokens/endless", Some("login"), Some("1s"));
    assert!(open(&issuer, &server, server.token(), &unknown).await.error().says(&["`ttl`"]));
    server.seal().await;
    assert!(open(&issuer, &server, server.token(), &config).await.error().says(&["sealed"]));
    assert_eq!(issuer.connections(), 0);
}

#[tokio::test]
async fn the_argument_is_checked_without_asking_anybody() {
    let plugin = Plugin::start().await;
    for (config, path) in [
        (preferring("a//b", None, None), "prefer_rotated.path"),
        (preferring(PATH, Some("shrug"), None), "prefer_rotated.on_miss"),
        (object([("prefer_rotated", object([("mount", "secret".into())]))]), "prefer_rotated.path"),
    ] {
        assert_eq!(plugin.validate_ephemeral(ZETTELSTORE, &config).await.error().path, path);
    }
    let unknown =
        object([("mount", "secret".into()), ("path", Value::unknown()), ("on_miss", Value::unknown())]);
    for prefer in [unknown, Value::unknown()] {
        plugin.validate_ephemeral(ZETTELSTORE, &object([("prefer_rotated", prefer)])).await.ok();
    }
    plugin.finish().await;
}

#[tokio::test]
async fn terraform_hands_the_rotated_token_on_and_keeps_it_nowhere() {
    let issuer = Issuer::start("prefer-terraform").await;
    let server = server(&entry(&issuer, 600)).await;
    let configuration = format!(
        r#"
provider "tokenferry" {{
  zettelstore = {{ base_url = "{}" }}
  vault       = {{ address = "{}" }}
}}
ephemeral "tokenferry_zettelstore_token" "this" {{
  prefer_rotated = {{ mount = "secret", path = "{PATH}", on_miss = "error" }}
}}
ephemeral "tokenferry_rotated_token" "this" {{
  mount            = "secret"
  path             = "{PATH}"
  minimum_lifetime = "1m"
}}
resource "terraform_data" "user" {{
  provisioner "local-exec" {{
    command     = "printf '%s %s' \"$ONE\" \"$TWO\" > \"$SEEN\""
    environment = {{
      ONE = ephemeral.tokenferry_zettelstore_token.this.token
      TWO = ephemeral.tokenferry_rotated_token.this.token
    }}
  }}
}}
"#,
        issuer.zettelstore_url(),
        server.url()
    );
    let seen = tempfile::tempdir().unwrap();
    let seen = seen.path().join("seen");
    let terraform = Terraform::new(&configuration)
        .await
        .env("ZETTELSTORE_USERNAME", &*issuer.planted.username)
        .env("ZETTELSTORE_PASSWORD", &*issuer.planted.password)
        .env("VAULT_TOKEN", server.token())
        .env("SEEN", seen.display().to_string())
        .env("TF_LOG", "trace")
        .env("TF_LOG_PATH", "trace.log");
    terraform.init().await;
    terraform.run(&["plan", "-out=saved.plan"]).await.ok();
    terraform.run(&["apply", "saved.plan"]).await.ok();
    assert_eq!(std::fs::read_to_string(&seen).unwrap(), format!("{TOKEN} {TOKEN}"));
    let secrets = [TOKEN, server.token(), issuer.planted.password.as_str()];
    for (name, bytes) in leak::plan_members(&terraform.work().join("saved.plan")) {
        leak::assert_none(&bytes, &secrets, &format!("member {name} of the plan"));
    }
    for path in leak::files_below(&terraform.work()) {
        leak::assert_none(&std::fs::read(&path).unwrap(), &secrets, &path.display().to_string());
    }
    // One in the plan, one in the apply.
    assert_eq!(issuer.connections(), 0);
}
