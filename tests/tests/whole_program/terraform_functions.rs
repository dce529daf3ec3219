//! Functions as Terraform users call them.

use std::fs;

use serde_json::json;
use tokenferry_tests::issuer::Issuer;
use tokenferry_tests::terraform::Terraform;

use crate::functions::jwt;

const CALLS: &str = r#"
variable "token" {
  type      = string
  sensitive = true
}
output "claims" {
  value = nonsensitive(provider::tokenferry::jwt_claims(var.token))
}
output "big" {
  value = nonsensitive(provider::tokenferry::jwt_claims(var.token).big + 1 == 18446744073709551617)
}
output "missing" {
  value = try(nonsensitive(provider::tokenferry::jwt_claims(var.token).nobody), "none")
}
output "expires_at" {
  value = nonsensitive(provider::tokenferry::jwt_expires_at(var.token))
}
output "is_later" {
  value = nonsensitive(timecmp(provider::tokenferry::jwt_expires_at(var.token), "2027-01-01T00:00:00Z"))
}
"#;

#[tokio::test]
async fn case_48_functions_work_without_any_configuration() {
    let claims =
        r#"{"sub":"anna","exp":1800003600,"big":18446744073709551616,"x":{"https://a.example/b":[1,null]}}"#;
    let terraform = Terraform::new(CALLS).await.env("TF_VAR_token", format!("{}\n", jwt(claims)));
    terraform.init().await;
    terraform.run(&["validate"]).await.ok();
    terraform.run(&["apply", "-auto-approve"]).await.ok();
    let outputs = terraform.show(None).await["values"]["outputs"].clone();
    let value = |name: &str| outputs[name]["value"].clone();
    assert_eq!(value("claims")["sub"], "anna");
    assert_eq!(value("claims")["x"], json!({ "https://a.example/b": [1, null] }));
    assert_eq!((value("big"), value("missing")), (json!(true), json!("none")));
    assert_eq!((value("expires_at"), value("is_later")), (json!("2027-01-15T09:00:00Z"), json!(1)));
}

#[tokio::test]
async fn case_48_terraform_shows_the_argument_and_what_is_wrong_with_it() {
    let call = "output \"end\" {\n  value = provider::tokenferry::jwt_expires_at(\"Bearer planted\")\n}\n";
    let terraform = Terraform::new(call).await;
    terraform.init().await;
    let outcome = terraform.run(&["plan"]).await;
    assert!(!outcome.status.success());
    let words = outcome.words();
    assert!(words.contains("on main.tf line 2, in output \"end\""), "{words}");
    assert!(words.contains("Invalid value for \"token\" parameter: "), "{words}");
    assert!(words.contains("without `Bearer` before it.") && !words.contains(".."), "{words}");
}

#[tokio::test]
async fn what_comes_of_a_sensitive_token_is_sensitive() {
    let leak = r#"
variable "token" {
  type      = string
  sensitive = true
}
output "claims" {
  value = provider::tokenferry::jwt_claims(var.token)
}
"#;
    let terraform = Terraform::new(leak).await.env("TF_VAR_token", jwt(r#"{"sub":"planted-subject"}"#));
    terraform.init().await;
    let outcome = terraform.run(&["plan"]).await;
    assert!(outcome.words().contains("Output refers to sensitive values"), "{}", outcome.words());
    assert!(!outcome.words().contains("planted-subject"));
}

#[tokio::test]
async fn what_comes_of_an_ephemeral_token_is_ephemeral() {
    let issuer = Issuer::start("ephemeral-function").await;
    let seen = tempfile::tempdir().unwrap();
    let uses = r#"
ephemeral "tokenferry_zscaler_token" "this" {}
locals {
  end = provider::tokenferry::jwt_expires_at(ephemeral.tokenferry_zscaler_token.this.token)
}
resource "terraform_data" "user" {
  provisioner "local-exec" {
    command     = "printf '%s %s' \"$END\" \"$EXPECTED\" > \"$SEEN/end\""
    environment = { END = local.end, EXPECTED = ephemeral.tokenferry_zscaler_token.this.expires_at }
  }
}
"#;
    let configuration = format!("{}{uses}", issuer.provider_block());
    let terraform = Terraform::new(&configuration).await.env("SEEN", seen.path().display().to_string());
    terraform.init().await;
    terraform.run(&["apply", "-auto-approve"]).await.ok();
    let seen = fs::read_to_string(seen.path().join("end")).unwrap();
    let (end, expected) = seen.split_once(' ').unwrap();
    assert_eq!((end, end.len()), (expected, 20));
    terraform.write("leak.tf", "resource \"terraform_data\" \"leak\" {\n  input = local.end\n}\n");
    let outcome = terraform.run(&["plan"]).await;
    assert!(!outcome.status.success() && outcome.words().contains("phemeral"), "{}", outcome.words());
}
