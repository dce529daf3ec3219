//! The provider started by hand: `--debug` and `--version`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokenferry_sandbox::ZscalerAccount;
use tokenferry_tests::binaries;
use tokenferry_tests::issuer::Issuer;
use tokenferry_tests::launch::{Launch, Reattachable};
use tokenferry_tests::process::Process;
use tokenferry_tests::terraform::Terraform;
use tokenferry_tests::value::object;
use tokio::process::Command;

const TOKEN: &str = "tokenferry_zscaler_token";
const PATIENCE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn version_says_name_and_version_and_nothing_else() {
    let mut process = Process::spawn(Command::new(binaries::provider()).arg("--version").env_clear());
    assert_eq!(process.exit(PATIENCE).await.code(), Some(0));
    let expected = format!("terraform-provider-tokenferry {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(process.stdout.whole(PATIENCE).await, expected);
}

#[tokio::test]
async fn an_unknown_argument_is_refused() {
    let mut process = Process::spawn(Command::new(binaries::provider()).arg("--bogus").env_clear());
    assert!(!process.exit(PATIENCE).await.success());
    assert_eq!(process.stdout.whole(PATIENCE).await, "");
    assert!(process.stderr.whole(PATIENCE).await.contains("--bogus"));
}

#[tokio::test]
async fn the_printed_variable_is_what_hosts_read() {
    let server = Reattachable::start(Launch::by_hand()).await;
    let (address, entry) = server.only_entry();
    assert!(address == "tokenferry/tokenferry" || address.ends_with("/tokenferry/tokenferry"), "{address}");
    assert_eq!(entry["Protocol"], "grpc");
    assert_eq!(entry["ProtocolVersion"], 6);
    assert_eq!(entry["Pid"], server.process.id());
    assert_eq!(entry["Test"], true, "a host panics if it is false");
    assert_eq!(entry["Addr"]["Network"], "unix");
}

#[tokio::test]
async fn the_unencrypted_socket_lies_in_a_directory_of_its_own_with_a_warning() {
    let server = Reattachable::start(Launch::by_hand()).await;
    let socket = server.handshake().socket().to_owned();
    let directory = socket.parent().unwrap();
    assert_ne!(directory, server.launch.directory());
    assert_eq!(fs::metadata(directory).unwrap().permissions().mode() & 0o777, 0o700);
    let warning = server.process.stderr.line_that(PATIENCE, |line| line.contains("encrypt")).await;
    assert!(warning.is_some(), "no warning in: {}", server.process.stderr.text());
}

#[tokio::test]
async fn an_interrupt_ends_it_and_its_socket() {
    let mut server = Reattachable::start(Launch::by_hand()).await;
    let socket = server.handshake().socket().to_owned();
    server.process.signal(Signal::SIGINT);
    assert!(server.process.exit(PATIENCE).await.success());
    assert!(!socket.parent().unwrap().exists(), "{} is still there", socket.display());
}

#[tokio::test]
async fn case_15_two_connections_work_at_once_and_share_nothing() {
    let second = ZscalerAccount::new("planted-second-key", "planted-second-secret");
    let issuer = Issuer::with("case-15", |options| options.zscaler.accounts.push(second)).await;
    let server = Reattachable::start(Launch::by_hand()).await;
    let (one, other) = (server.connect().await, server.connect().await);
    one.configure(&issuer.config()).await.ok();
    let theirs = object([
        ("api_key", "planted-second-key".into()),
        ("secret_key", "planted-second-secret".into()),
        ("base_url", issuer.zscaler_url().into()),
    ]);
    other.configure(&object([("zscaler", theirs)])).await.ok();
    let settings = object([]);
    let (ours, theirs) = tokio::join!(one.read(TOKEN, &settings), other.read(TOKEN, &settings));
    assert_ne!(ours.text("token"), theirs.text("token"));
    assert_eq!(ours.text("subject"), issuer.planted.api_key);
    assert_eq!(theirs.text("subject"), "planted-second-key");
    drop(one);
    other.read(TOKEN, &settings).await.ok();
    assert_eq!(issuer.zscaler_logins().attempted, 2);
}

#[tokio::test]
async fn case_58_the_printed_variable_serves_two_plans_in_a_row() {
    let issuer = Issuer::start("case-58").await;
    let mut server = Reattachable::start(Launch::by_hand()).await;
    let configuration = format!("{}\ndata \"{TOKEN}\" \"this\" {{}}\n", issuer.provider_block());
    let terraform = Terraform::new(&configuration).await.env("TF_REATTACH_PROVIDERS", &*server.variable);
    for _ in 0..2 {
        let plan = terraform.run(&["plan", "-detailed-exitcode"]).await;
        assert_eq!(plan.status.code(), Some(0), "{}", plan.words());
    }
    assert!(server.process.is_running());
    assert!(issuer.zscaler_logins().succeeded >= 1);
}
