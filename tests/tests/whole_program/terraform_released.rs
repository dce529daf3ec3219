//! Runs that end badly and leave no token behind.

use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokenferry_tests::issuer::Issuer;
use tokenferry_tests::terraform::Terraform;
use tokio::time::{Instant, sleep};

use crate::revoke_on_close::{REVOKE, issuer};

/// Terraform with a token that is to end with the run, and a command that works with it.
async fn terraform(test: &str, command: &str) -> (Issuer, Terraform) {
    let (issuer, config) = issuer(test).await;
    let zenoti = config.member("zenoti");
    let setting = |name: &str| format!("{name} = {:?}", zenoti.member(name).text().unwrap());
    let settings = zenoti.names().into_iter().map(setting).collect::<Vec<_>>().join("\n");
    let configuration = format!(
        r#"
provider "tokenferry" {{
  zenoti = {{
    {settings}
  }}
}}
ephemeral "tokenferry_zenoti_token" "this" {{
  revoke_on_close = true
}}
resource "terraform_data" "user" {{
  provisioner "local-exec" {{
    command     = {command:?}
    environment = {{ TOKEN = ephemeral.tokenferry_zenoti_token.this.token }}
  }}
}}
"#
    );
    let terraform = Terraform::new(&configuration).await;
    terraform.init().await;
    (issuer, terraform)
}

/// Plan and apply have each opened one token, and each ended it.
fn assert_nothing_left(issuer: &Issuer) {
    assert_eq!(issuer.counters().all_logins("zenoti").succeeded, 2);
    assert_eq!(issuer.counters().requests(REVOKE, 200), 2);
}

#[tokio::test]
async fn case_45_a_token_that_is_to_end_does_so_in_plan_and_apply() {
    let (issuer, terraform) = terraform("released-well", "test -n \"$TOKEN\"").await;
    terraform.run(&["plan", "-out=saved.plan"]).await.ok();
    assert_eq!(
        (issuer.counters().all_logins("zenoti").succeeded, issuer.counters().requests(REVOKE, 200)),
        (1, 1)
    );
    terraform.run(&["apply", "saved.plan"]).await.ok();
    assert_nothing_left(&issuer);
}

#[tokio::test]
async fn case_47_a_failed_apply_leaves_no_token_behind() {
    let (issuer, terraform) = terraform("released-failed", "exit 3").await;
    let outcome = terraform.run(&["apply", "-auto-approve"]).await;
    assert!(outcome.words().contains("exit status 3"), "{}", outcome.words());
    assert_nothing_left(&issuer);
}

#[tokio::test]
async fn case_47_an_interrupted_apply_leaves_no_token_behind() {
    let (issuer, terraform) = terraform("released-interrupted", "touch started; sleep 60").await;
    let mut apply = terraform.start(&["apply", "-auto-approve"]);
    let deadline = Instant::now() + Duration::from_mins(1);
    while !terraform.work().join("started").exists() {
        assert!(Instant::now() < deadline, "the command was not started");
        sleep(Duration::from_millis(20)).await;
    }
    killpg(Pid::from_raw(apply.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    assert!(!apply.exit(Duration::from_secs(10)).await.success());
    assert_nothing_left(&issuer);
}
