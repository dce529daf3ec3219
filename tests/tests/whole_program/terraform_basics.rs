//! Data sources as Terraform users meet them.

use std::collections::BTreeSet;

use tokenferry_leaks::Form;
use tokenferry_sandbox::ZscalerAccount;
use tokenferry_tests::issuer::{DEVICE, Issuer};
use tokenferry_tests::leak;
use tokenferry_tests::schema;
use tokenferry_tests::terraform::Terraform;

/// One of each data source, handed on to outputs and to a resource.
const READS: &str = r#"
data "tokenferry_zscaler_otp" "exit" {
  udid    = "0A1B2C3D-0000-1111-2222-333344445555:501"
  purpose = "logout"
}
data "tokenferry_zscaler_token" "this" {}
data "tokenferry_zettelstore_token" "this" {}
resource "terraform_data" "user" {
  input = data.tokenferry_zscaler_otp.exit.otp
}
output "otp" {
  value     = data.tokenferry_zscaler_otp.exit.otp
  sensitive = true
}
output "tokens" {
  value     = [data.tokenferry_zscaler_token.this.token, data.tokenferry_zettelstore_token.this.token]
  sensitive = true
}
"#;

#[tokio::test]
async fn case_24_validate_passes_offline_and_without_credentials() {
    let terraform = Terraform::new(&format!("provider \"tokenferry\" {{}}\n{READS}")).await;
    terraform.init().await;
    terraform.run(&["validate"]).await.ok();
    let plan = terraform.run(&["plan"]).await;
    assert!(!plan.status.success());
    for missing in ["secret_key", "api_key", "password", "username"] {
        assert!(plan.words().contains(missing), "{missing} is not in: {}", plan.words());
    }
}

#[tokio::test]
async fn case_03_terraform_connects_plans_and_applies_and_the_second_plan_is_empty() {
    let issuer = Issuer::start("case-03").await;
    issuer.issue_planted();
    let terraform = Terraform::new(&format!("{}{READS}", issuer.provider_block())).await;
    terraform.init().await;
    terraform.run(&["validate"]).await.ok();
    assert_eq!(issuer.connections(), 0, "init or validate asked somebody");

    let plan = terraform.run(&["plan", "-out=saved.plan"]).await.ok();
    let apply = terraform.run(&["apply", "saved.plan"]).await.ok();
    for shown in [plan.stdout, plan.stderr, apply.stdout, apply.stderr] {
        leak::assert_none(shown.as_bytes(), &issuer.planted.secrets(), "what Terraform shows");
    }
    // Data sources are stored, as their documentation warns; so the search of the other tests does find things.
    let is_stored = |bytes: &[u8]| leak::forms_found(bytes, &issuer.planted.otp).contains(&Form::Plain);
    assert!(is_stored(&terraform.read("terraform.tfstate")));
    assert!(
        leak::plan_members(&terraform.work().join("saved.plan")).iter().any(|(_, bytes)| is_stored(bytes))
    );

    let state = terraform.show(None).await;
    let outputs = &state["values"]["outputs"];
    assert_eq!(outputs["otp"]["value"], *issuer.planted.otp);
    assert_eq!(outputs["tokens"]["value"], serde_json::json!([issuer.planted.token, issuer.planted.token]));

    let again = terraform.run(&["plan", "-detailed-exitcode"]).await;
    assert_eq!(again.status.code(), Some(0), "not empty: {}", again.words());
}

#[tokio::test]
async fn a_real_password_stays_the_same_from_run_to_run() {
    let issuer = Issuer::start("same-password").await;
    let terraform = Terraform::new(&format!("{}{READS}", issuer.provider_block())).await;
    terraform.init().await;
    terraform.run(&["apply", "-auto-approve"]).await.ok();
    let outputs = |state: serde_json::Value| state["values"]["outputs"]["otp"]["value"].clone();
    let first = outputs(terraform.show(None).await);
    assert_eq!(first.as_str().map(str::len), Some(10));
    terraform.run(&["apply", "-auto-approve"]).await.ok();
    assert_eq!(outputs(terraform.show(None).await), first);
    // Each apply without a saved plan plans and reads once.
    assert_eq!((issuer.counters().reads("zscaler", DEVICE), issuer.zscaler_logins().attempted), (2, 2));
}

#[tokio::test]
async fn what_is_not_enabled_is_null_and_asks_nobody() {
    let configuration = r#"
data "tokenferry_zscaler_otp" "exit" {
  udid    = "0A1B2C3D-0000-1111-2222-333344445555:501"
  enabled = false
}
ephemeral "tokenferry_zettelstore_token" "this" {
  enabled = false
}
resource "terraform_data" "user" {
  input = data.tokenferry_zscaler_otp.exit.otp
  provisioner "local-exec" {
    command     = "test -z \"$TOKEN\""
    environment = { TOKEN = ephemeral.tokenferry_zettelstore_token.this.token }
  }
}
output "is_null" {
  value = data.tokenferry_zscaler_otp.exit.otp == null
  sensitive = true
}
"#;
    let issuer = Issuer::start("not-enabled").await;
    let terraform = Terraform::new(&format!("{}{configuration}", issuer.provider_block())).await;
    terraform.init().await;
    terraform.run(&["apply", "-auto-approve"]).await.ok();
    assert_eq!(terraform.show(None).await["values"]["outputs"]["is_null"]["value"], true);
    assert_eq!(issuer.connections(), 0);
}

#[tokio::test]
async fn case_25_two_aliases_log_in_each_for_itself() {
    let second = ZscalerAccount::new("planted-second-key", "planted-second-secret");
    let issuer = Issuer::with("case-25-aliases", |options| options.zscaler.accounts.push(second)).await;
    let configuration = format!(
        r#"{}
provider "tokenferry" {{
  alias   = "second"
  zscaler = {{
    api_key    = "planted-second-key"
    secret_key = "planted-second-secret"
    base_url   = "{}"
  }}
}}
data "tokenferry_zscaler_token" "one" {{}}
data "tokenferry_zscaler_token" "two" {{
  provider = tokenferry.second
}}
output "subjects" {{
  value = [data.tokenferry_zscaler_token.one.subject, data.tokenferry_zscaler_token.two.subject]
}}
output "differ" {{
  value     = data.tokenferry_zscaler_token.one.token != data.tokenferry_zscaler_token.two.token
  sensitive = true
}}
"#,
        issuer.provider_block(),
        issuer.zscaler_url()
    );
    let terraform = Terraform::new(&configuration).await;
    terraform.init().await;
    terraform.run(&["apply", "-auto-approve"]).await.ok();
    let outputs = &terraform.show(None).await["values"]["outputs"];
    assert_eq!(
        outputs["subjects"]["value"],
        serde_json::json!([issuer.planted.api_key, "planted-second-key"])
    );
    assert_eq!(outputs["differ"]["value"], true);
    let logins = |key: &str| issuer.counters().logins("zscaler", key).attempted;
    assert_eq!((logins(&issuer.planted.api_key), logins("planted-second-key")), (1, 1));
}

#[tokio::test]
async fn an_error_points_at_the_line_that_it_is_about() {
    let configuration =
        "data \"tokenferry_zscaler_otp\" \"exit\" {\n  udid    = \"x\"\n  purpose = \"dinner\"\n}\n";
    let terraform = Terraform::new(configuration).await;
    terraform.init().await;
    let outcome = terraform.run(&["validate"]).await;
    assert!(!outcome.status.success());
    assert!(
        outcome.words().contains(r#"on main.tf line 3, in data "tokenferry_zscaler_otp" "exit""#),
        "{}",
        outcome.words()
    );
}

#[tokio::test]
async fn case_16_every_type_is_listed_with_a_description() {
    let terraform = Terraform::new("").await;
    terraform.init().await;
    let listed = terraform.run(&["providers", "schema", "-json"]).await.ok();
    let listed: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    let provider = listed["provider_schemas"].as_object().unwrap().values().next().unwrap();
    let schemas = schema::all().await;
    for (group, known) in [
        ("data_source_schemas", &schemas.data_source_schemas),
        ("ephemeral_resource_schemas", &schemas.ephemeral_resource_schemas),
    ] {
        let listed = provider[group].as_object().unwrap();
        assert_eq!(listed.keys().collect::<BTreeSet<_>>(), known.keys().collect::<BTreeSet<_>>());
        for (name, schema) in listed {
            assert_described(&schema["block"], name);
        }
    }
    assert_described(&provider["provider"]["block"], "provider");
    let functions = provider["functions"].as_object().unwrap();
    assert_eq!(functions.keys().collect::<Vec<_>>(), ["jwt_claims", "jwt_expires_at"]);
    assert!(functions.values().all(|function| function["description"].is_string()));
}

/// The block itself, and everything in it.
fn assert_described(block: &serde_json::Value, place: &str) {
    let is_text = |value: &serde_json::Value| value.as_str().is_some_and(|text| !text.is_empty());
    assert!(is_text(&block["description"]), "{place}");
    for (name, attribute) in block["attributes"].as_object().into_iter().flatten() {
        assert!(is_text(&attribute["description"]), "{place}.{name}");
    }
}

#[tokio::test]
async fn a_hundred_reads_of_one_plan_share_a_login() {
    let reads = r#"
data "tokenferry_zscaler_token" "many" {
  count = 50
}
data "tokenferry_zettelstore_token" "many" {
  count = 50
}
"#;
    let issuer = Issuer::start("hundred").await;
    let terraform = Terraform::new(&format!("{}{reads}", issuer.provider_block())).await;
    terraform.init().await;
    terraform.run(&["plan"]).await.ok();
    assert_eq!((issuer.zscaler_logins().attempted, issuer.zettelstore_logins().attempted), (1, 1));
    assert!(issuer.connections() <= 10, "{} connections", issuer.connections());
}
