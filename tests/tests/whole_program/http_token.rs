//! Tokens of any HTTP service: the simulated Zscaler takes the part of one that nobody knows.

use tfplugin_proto::tfplugin6::schema::NestedBlock;
use tokenferry_sandbox::ZscalerAccount;
use tokenferry_tests::issuer::Issuer;
use tokenferry_tests::launch::{Launch, Reattachable};
use tokenferry_tests::leak;
use tokenferry_tests::plugin::Plugin;
use tokenferry_tests::schema;
use tokenferry_tests::terraform::Terraform;
use tokenferry_tests::value::{Value, object};
use tokio::task::JoinSet;

const HTTP: &str = "tokenferry_http_token";
const SECOND: (&str, &str) = ("planted-second-key", "planted-second-secret");

/// A login of this client, whose secret is in this variable.
fn login(issuer: &Issuer, key: &str, variable: &str) -> Value {
    let json = r#"{"apiKey":"{{secrets.api_key}}","secretKey":"{{secrets.secret_key}}"}"#;
    let token =
        object([("json_pointer", "/jwtToken".into()), ("header", Value::Null), ("regex", Value::Null)]);
    let request = object([
        ("url", format!("{}/auth/v1/login", issuer.zscaler_url()).into()),
        ("json", json.into()),
        ("values", object([("token", token)])),
    ]);
    let env = |name: &str| object([("env", name.into()), ("file", Value::Null)]);
    object([
        ("request", Value::List(vec![request])),
        ("secrets", object([("api_key", env(key)), ("secret_key", env(variable))])),
        ("header", "auth-token".into()),
        ("scheme", "none".into()),
        ("account", "somebody".into()),
    ])
}

async fn issuer(test: &str) -> Issuer {
    let second = ZscalerAccount::new(SECOND.0, SECOND.1);
    Issuer::with(test, |options| options.zscaler.accounts.push(second)).await
}

fn launch(issuer: &Issuer, launch: Launch) -> Launch {
    launch
        .env("ONE_KEY", &*issuer.planted.api_key)
        .env("ONE_SECRET", &*issuer.planted.secret_key)
        .env("TWO_KEY", SECOND.0)
        .env("TWO_SECRET", SECOND.1)
}

async fn plugin(issuer: &Issuer) -> Plugin {
    let plugin = launch(issuer, Launch::new()).start().await;
    plugin.configure(&object([])).await.ok();
    plugin
}

#[tokio::test]
async fn case_26_blocks_come_back_as_lists_empty_ones_too() {
    let issuer = issuer("case-26-blocks").await;
    let plugin = plugin(&issuer).await;
    let config = login(&issuer, "ONE_KEY", "ONE_SECRET");
    let client = object([
        ("token_url", format!("{}/token", issuer.zscaler_url()).into()),
        ("client_id", "somebody".into()),
    ]);
    let secret = object([("env", "ONE_SECRET".into()), ("file", Value::Null)]);
    let secrets = object([("client_secret", secret)]);
    let preset =
        object([("secrets", secrets), ("oauth2_client_credentials", client), ("enabled", false.into())]);
    let block = schema::data(HTTP).await;
    assert!(!block.block_types.is_empty());
    let results = [
        plugin.read(HTTP, &config).await.ok().clone(),
        plugin.open_ephemeral(HTTP, &config).await.reply.ok().clone(),
        plugin.read(HTTP, &preset).await.ok().clone(),
    ];
    for (result, requests) in results.iter().zip([1, 1, 0]) {
        for NestedBlock { type_name, .. } in &block.block_types {
            let Value::List(blocks) = result.member(type_name) else { panic!("`{type_name}` is no list") };
            assert_eq!(blocks.len(), if type_name == "request" { requests } else { 0 }, "`{type_name}`");
        }
    }
    plugin.finish().await;
}

#[tokio::test]
async fn reads_with_the_same_settings_share_a_login_and_others_never() {
    let issuer = issuer("http-sharing").await;
    let plugin = plugin(&issuer).await;
    let mut reads = JoinSet::new();
    for number in 0..32 {
        let connection = plugin.connection.clone();
        let name = if number % 2 == 0 { ("ONE_KEY", "ONE_SECRET") } else { ("TWO_KEY", "TWO_SECRET") };
        let config = login(&issuer, name.0, name.1);
        reads.spawn(async move { (name.0, connection.read(HTTP, &config).await.text("token").to_owned()) });
    }
    let tokens: std::collections::BTreeSet<_> = reads.join_all().await.into_iter().collect();
    assert_eq!(tokens.len(), 2, "one token for each login");
    let logins = |key: &str| issuer.counters().logins("zscaler", key).attempted;
    assert_eq!((logins(&issuer.planted.api_key), logins(SECOND.0)), (1, 1));
    let opened = plugin.open_ephemeral(HTTP, &login(&issuer, "ONE_KEY", "ONE_SECRET")).await.reply;
    assert!(tokens.contains(&("ONE_KEY", opened.text("token").to_owned())));
    assert_eq!((opened.text("header_name"), opened.text("subject")), ("auth-token", "somebody"));
    assert_eq!(issuer.zscaler_logins().attempted, 2);
    plugin.finish().await;
}

#[tokio::test]
async fn two_connections_of_one_process_share_no_login() {
    let issuer = issuer("http-reattach").await;
    let server = Reattachable::start(launch(&issuer, Launch::by_hand())).await;
    let config = login(&issuer, "ONE_KEY", "ONE_SECRET");
    for _ in 0..2 {
        let connection = server.connect().await;
        connection.configure(&object([])).await.ok();
        connection.read(HTTP, &config).await.ok();
    }
    assert_eq!(issuer.zscaler_logins().attempted, 2);
}

#[tokio::test]
async fn secrets_are_read_when_they_are_needed_and_shown_nowhere() {
    let issuer = issuer("http-secrets").await;
    let plugin = plugin(&issuer).await;
    let config = login(&issuer, "ONE_KEY", "NOWHERE");
    plugin.validate_data(HTTP, &config).await.ok();
    let reply = plugin.read(HTTP, &config).await;
    assert_eq!(reply.error().path, "secrets[\"secret_key\"]");
    assert!(reply.error().says(&["NOWHERE"]));
    let swapped = plugin.read(HTTP, &login(&issuer, "ONE_KEY", "TWO_SECRET")).await;
    leak::assert_none(
        swapped.error().text().as_bytes(),
        &[&issuer.planted.secret_key, SECOND.1],
        "the error",
    );
    plugin.finish().await;
}

#[tokio::test]
async fn what_is_wrong_is_shown_where_it_stands_and_what_is_unknown_passes() {
    let issuer = issuer("http-checks").await;
    let plugin = Plugin::start().await;
    let Value::Object(good) = login(&issuer, "ONE_KEY", "ONE_SECRET") else { panic!("an object") };
    let with = |name: &str, value: Value| {
        let mut config = good.clone();
        config.insert(name.to_owned(), value);
        Value::Object(config)
    };
    let both = object([("env", "A".into()), ("file", "/a".into())]);
    let token = || object([("token", object([("json_pointer", "/t".into())]))]);
    let request = |url: Value, values: Value| Value::List(vec![object([("url", url), ("values", values)])]);
    for (config, path) in [
        (with("ttl", "soon".into()), "ttl"),
        (with("secrets", object([("api_key", both)])), "secrets[\"api_key\"]"),
        (with("request", request("ftp://x".into(), token())), "request[0].url"),
    ] {
        let reply = plugin.validate_data(HTTP, &config).await;
        assert!(reply.errors().iter().any(|error| error.path == path), "{path}: {:?}", reply.problems);
        assert!(!plugin.validate_ephemeral(HTTP, &config).await.errors().is_empty());
    }
    for config in [
        with("request", Value::unknown()),
        with("request", Value::List(vec![Value::unknown()])),
        with("request", request(Value::unknown(), token())),
        with("request", request(Value::unknown_with_prefix("https://"), Value::unknown())),
        with("secrets", Value::unknown()),
        with("secrets", object([("api_key", Value::unknown()), ("secret_key", Value::unknown())])),
        with("ttl", Value::unknown()),
    ] {
        plugin.validate_data(HTTP, &config).await.ok();
        plugin.validate_ephemeral(HTTP, &config).await.ok();
    }
    assert_eq!(issuer.connections(), 0);
    plugin.finish().await;
}

#[tokio::test]
async fn terraform_reads_and_opens_a_token_of_any_service() {
    let issuer = issuer("http-terraform").await;
    let block = |header: &str| {
        format!(
            r#"
{header} {{
  secrets = {{
    api_key    = {{ env = "ONE_KEY" }}
    secret_key = {{ env = "ONE_SECRET" }}
  }}
  request {{
    url  = "{}/auth/v1/login"
    json = jsonencode({{ apiKey = "{{{{secrets.api_key}}}}", secretKey = "{{{{secrets.secret_key}}}}" }})
    values = {{
      token = {{ json_pointer = "/jwtToken" }}
    }}
  }}
}}
"#,
            issuer.zscaler_url()
        )
    };
    let uses = r#"
resource "terraform_data" "user" {
  provisioner "local-exec" {
    command     = "printf %s \"$TOKEN\" > token"
    environment = { TOKEN = ephemeral.tokenferry_http_token.this.token }
  }
}
output "token" {
  value     = data.tokenferry_http_token.this.token
  sensitive = true
}
"#;
    let kinds = [r#"data "tokenferry_http_token" "this""#, r#"ephemeral "tokenferry_http_token" "this""#];
    let configuration = kinds.map(block).concat() + uses;
    let terraform = Terraform::new(&configuration)
        .await
        .env("ONE_KEY", &*issuer.planted.api_key)
        .env("ONE_SECRET", &*issuer.planted.secret_key);
    terraform.init().await;
    terraform.run(&["validate"]).await.ok();
    assert_eq!(issuer.connections(), 0);
    terraform.run(&["plan", "-out=saved.plan"]).await.ok();
    assert_eq!(issuer.zscaler_logins().attempted, 1);
    terraform.run(&["apply", "saved.plan"]).await.ok();
    assert_eq!(issuer.zscaler_logins().attempted, 2);
    let stored = terraform.show(None).await["values"]["outputs"]["token"]["value"].clone();
    assert!(stored.as_str().is_some_and(|token| !token.is_empty()));
    assert_ne!(terraform.read("token"), b"");
    for path in leak::files_below(&terraform.work()) {
        let place = path.display().to_string();
        leak::assert_none(&std::fs::read(&path).unwrap(), &[&issuer.planted.secret_key], &place);
    }
}
