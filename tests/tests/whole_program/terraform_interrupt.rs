//! Ctrl-C.

use std::fs;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokenferry_sandbox::Fault;
use tokenferry_tests::issuer::{Issuer, ZSCALER_LOGIN};
use tokenferry_tests::terraform::Terraform;

const READ: &str = "data \"tokenferry_zscaler_token\" \"this\" {}\n";

#[tokio::test]
async fn case_52_a_plan_ends_within_three_seconds_of_an_interrupt() {
    let issuer = Issuer::start("case-52-plan").await;
    issuer.fault(Fault::hang().path(ZSCALER_LOGIN));
    let terraform = Terraform::new(&format!("{}{READ}", issuer.provider_block())).await;
    terraform.init().await;
    let mut plan = terraform.start(&["plan"]);
    issuer.asked(ZSCALER_LOGIN).await;
    // Ctrl-C reaches everybody in the group, the provider too.
    killpg(Pid::from_raw(plan.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    let status = plan.exit(Duration::from_secs(3)).await;
    assert!(!status.success());
    assert_eq!(issuer.zscaler_logins().attempted, 1);
    assert_eq!(fs::read_dir(terraform.temporary()).unwrap().count(), 0, "a provider was killed");
}
