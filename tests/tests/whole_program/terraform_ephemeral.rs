//! Ephemeral values reach their user and are kept nowhere.

use std::fs;

use tempfile::TempDir;
use tokenferry_sandbox::{Answer, Fault, ZscalerAccount};
use tokenferry_tests::issuer::{Issuer, ZETTELSTORE_LOGIN};
use tokenferry_tests::leak;
use tokenferry_tests::terraform::Terraform;

/// A one-time password and a token go to a program, the token by way of a module.
const USES: &str = r#"
ephemeral "tokenferry_zscaler_otp" "logout" {
  udid    = "0A1B2C3D-0000-1111-2222-333344445555:501"
  purpose = "logout"
}
ephemeral "tokenferry_zettelstore_token" "this" {}

resource "terraform_data" "user" {
  provisioner "local-exec" {
    command     = "printf %s \"$OTP\" > \"$SEEN/otp\""
    environment = { OTP = ephemeral.tokenferry_zscaler_otp.logout.otp }
  }
}
module "child" {
  source = "./child"
  token  = ephemeral.tokenferry_zettelstore_token.this.header_value
}
"#;

const CHILD: &str = r#"
variable "token" {
  type      = string
  ephemeral = true
}
resource "terraform_data" "user" {
  provisioner "local-exec" {
    command     = "printf %s \"$TOKEN\" > \"$SEEN/token\""
    environment = { TOKEN = var.token }
  }
}
"#;

/// Terraform with the credentials in its environment, so that the configuration, which a plan file holds a copy
/// of, has none; and a directory in which the users of the values write down what they saw.
async fn terraform(issuer: &Issuer, configuration: &str, seen: &TempDir) -> Terraform {
    let terraform = Terraform::new(configuration)
        .await
        .env("ZCC_CLIENT_ID", &*issuer.planted.api_key)
        .env("ZCC_CLIENT_SECRET", &*issuer.planted.secret_key)
        .env("ZETTELSTORE_BASE_URL", issuer.zettelstore_url())
        .env("ZETTELSTORE_USERNAME", &*issuer.planted.username)
        .env("ZETTELSTORE_PASSWORD", &*issuer.planted.password)
        .env("SEEN", seen.path().display().to_string());
    terraform.write("child/main.tf", CHILD);
    terraform.init().await;
    terraform
}

fn provider(issuer: &Issuer) -> String {
    format!("provider \"tokenferry\" {{\n  zscaler = {{ base_url = \"{}\" }}\n}}\n", issuer.zscaler_url())
}

#[tokio::test]
async fn case_46_an_ephemeral_value_is_in_neither_state_nor_plan_nor_log() {
    let issuer = Issuer::start("case-46").await;
    issuer.issue_planted();
    let seen = tempfile::tempdir().unwrap();
    let terraform = terraform(&issuer, &format!("{}{USES}", provider(&issuer)), &seen).await;
    terraform.run(&["plan", "-out=saved.plan"]).await.ok();
    terraform.run(&["apply", "saved.plan"]).await.ok();

    let seen = |name: &str| fs::read_to_string(seen.path().join(name)).unwrap();
    assert_eq!(seen("otp"), issuer.planted.otp);
    assert_eq!(seen("token"), format!("Bearer {}", issuer.planted.token));

    let secrets = issuer.planted.secrets();
    let plan = leak::plan_members(&terraform.work().join("saved.plan"));
    assert!(plan.iter().any(|(name, _)| name == "tfplan"), "not a plan file");
    for (name, bytes) in plan {
        leak::assert_none(&bytes, &secrets, &format!("member {name} of the plan"));
    }
    let state = terraform.read("terraform.tfstate");
    assert!(state.windows(14).any(|text| text == b"terraform_data"), "not a state");
    let log = terraform.log();
    assert!(log.windows(10).any(|text| text == b"tokenferry"), "not a log");
    leak::assert_none(&log, &secrets, "the log");
    for path in leak::files_below(&terraform.work()) {
        leak::assert_none(&fs::read(&path).unwrap(), &secrets, &path.display().to_string());
    }
}

#[tokio::test]
async fn case_45_plan_and_apply_open_once_each_and_leave_nothing_behind() {
    let issuer = Issuer::start("case-45").await;
    let seen = tempfile::tempdir().unwrap();
    let terraform = terraform(&issuer, &format!("{}{USES}", provider(&issuer)), &seen).await;
    terraform.run(&["validate"]).await.ok();
    assert_eq!(issuer.connections(), 0, "opened in validate");
    terraform.run(&["plan", "-out=saved.plan"]).await.ok();
    assert_eq!((issuer.zscaler_logins().attempted, issuer.zettelstore_logins().attempted), (1, 1));
    terraform.run(&["apply", "saved.plan"]).await.ok();
    assert_eq!((issuer.zscaler_logins().attempted, issuer.zettelstore_logins().attempted), (2, 2));
    // A provider that was killed instead of shut down would leave its socket.
    assert_eq!(fs::read_dir(terraform.temporary()).unwrap().count(), 0);
    assert_eq!(issuer.counters().connections.open, 0);
}

#[tokio::test]
async fn an_ephemeral_token_that_configures_another_provider_stays_out_of_the_state() {
    let token = "planted-token-that-configures";
    let account = ZscalerAccount::new("planted-second-key", token);
    let issuer = Issuer::with("chained", |options| options.zscaler.accounts.push(account)).await;
    let answer = Answer::new(200).body(&format!(r#"("Bearer" "{token}" 600)"#));
    issuer.fault(Fault::answer(answer).path(ZETTELSTORE_LOGIN));
    let configuration = format!(
        r#"
ephemeral "tokenferry_zettelstore_token" "this" {{}}
provider "tokenferry" {{
  alias   = "second"
  zscaler = {{
    api_key    = "planted-second-key"
    secret_key = ephemeral.tokenferry_zettelstore_token.this.token
    base_url   = "{}"
  }}
}}
data "tokenferry_zscaler_otp" "logout" {{
  provider = tokenferry.second
  udid     = "0A1B2C3D-0000-1111-2222-333344445555:501"
  purpose  = "logout"
}}
output "otp" {{
  value     = data.tokenferry_zscaler_otp.logout.otp
  sensitive = true
}}
"#,
        issuer.zscaler_url()
    );
    let seen = tempfile::tempdir().unwrap();
    let terraform = terraform(&issuer, &configuration, &seen).await;
    let terraform = terraform.without("ZCC_CLIENT_ID").without("ZCC_CLIENT_SECRET");
    terraform.run(&["apply", "-auto-approve"]).await.ok();
    let otp = terraform.show(None).await["values"]["outputs"]["otp"]["value"].clone();
    assert_eq!(otp.as_str().map(str::len), Some(10));
    for path in leak::files_below(&terraform.work()) {
        leak::assert_none(&fs::read(&path).unwrap(), &[token], &path.display().to_string());
    }
    leak::assert_none(&terraform.log(), &[token], "the log");
}
