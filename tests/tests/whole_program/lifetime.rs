//! Signals, interruptions and the end of the process.

use std::fs;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokenferry_sandbox::Fault;
use tokenferry_tests::issuer::{Issuer, ZSCALER_LOGIN};
use tokenferry_tests::launch::Launch;
use tokenferry_tests::plugin::Plugin;
use tokenferry_tests::process::{self, Process};
use tokenferry_tests::value::object;
use tokio::time::timeout;

const TOKEN: &str = "tokenferry_zscaler_token";
const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn case_11_shutdown_ends_the_process_within_a_second_even_during_a_read() {
    let issuer = Issuer::start("case-11").await;
    issuer.fault(Fault::hang().path(ZSCALER_LOGIN));
    let mut plugin = Plugin::configured(&issuer.config()).await;
    let connection = plugin.connection.clone();
    let read = tokio::spawn(async move { connection.read(TOKEN, &object([])).await });
    issuer.asked(ZSCALER_LOGIN).await;
    timeout(SECOND, plugin.shutdown()).await.expect("an answer to Shutdown within a second");
    assert_eq!(plugin.process.exit(SECOND).await.code(), Some(0));
    // Whether the read was answered on the way out is left to the provider.
    drop(read.await);
}

#[tokio::test]
async fn case_12_interrupts_do_not_disturb_a_running_read() {
    let issuer = Issuer::start("case-12").await;
    issuer.fault(Fault::latency(SECOND).path(ZSCALER_LOGIN));
    let plugin = Plugin::configured(&issuer.config()).await;
    let connection = plugin.connection.clone();
    let read = tokio::spawn(async move { connection.read(TOKEN, &object([])).await });
    issuer.asked(ZSCALER_LOGIN).await;
    for signal in [Signal::SIGINT, Signal::SIGINT, Signal::SIGINT, Signal::SIGTERM] {
        plugin.process.signal(signal);
        // Signals that come at once are one.
        tokio::time::sleep(SECOND / 20).await;
    }
    assert!(!read.is_finished(), "it was over before the signals came");
    assert!(!read.await.unwrap().text("token").is_empty());
    plugin.process.signal(Signal::SIGINT);
    plugin.read(TOKEN, &object([])).await.ok();
    assert_eq!(issuer.zscaler_logins().attempted, 1);
    plugin.finish().await;
}

#[tokio::test]
async fn case_52_stopping_ends_a_slow_read_with_an_error() {
    let issuer = Issuer::start("case-52").await;
    issuer.fault(Fault::hang().path(ZSCALER_LOGIN));
    let plugin = Plugin::configured(&issuer.config()).await;
    let connection = plugin.connection.clone();
    let read = tokio::spawn(async move { connection.read(TOKEN, &object([])).await });
    issuer.asked(ZSCALER_LOGIN).await;
    assert_eq!(plugin.stop_provider().await, "");
    let reply = timeout(SECOND, read).await.expect("the read returns within a second").unwrap();
    assert!(reply.error().says(&["stop"]), "{reply:?}");
    issuer.control().clear_faults();
    plugin.read(TOKEN, &object([])).await.ok();
    plugin.finish().await;
}

#[tokio::test]
async fn stopping_ends_an_opening_and_a_wait_for_a_rate_limit_too() {
    let issuer = Issuer::start("stopping").await;
    issuer.fault(Fault::answer(tokenferry_sandbox::Answer::new(429).header("retry-after", "30")));
    let plugin = Plugin::configured(&issuer.config()).await;
    let connection = plugin.connection.clone();
    let open = tokio::spawn(async move { connection.open_ephemeral(TOKEN, &object([])).await });
    issuer.asked(ZSCALER_LOGIN).await;
    plugin.stop_provider().await;
    let opened = timeout(SECOND, open).await.expect("the opening returns within a second").unwrap();
    assert!(opened.reply.error().says(&["stop"]), "{opened:?}");
    plugin.finish().await;
}

#[tokio::test]
async fn case_53_stopping_twice_with_nothing_to_stop_is_fine() {
    let issuer = Issuer::start("case-53").await;
    let plugin = Plugin::start().await;
    assert_eq!(plugin.stop_provider().await, "");
    assert_eq!(plugin.stop_provider().await, "");
    plugin.configure(&issuer.config()).await;
    plugin.read(TOKEN, &object([])).await;
    plugin.validate_data(TOKEN, &object([])).await.ok();
    plugin.finish().await;
}

#[tokio::test]
async fn case_57_it_ends_when_its_parent_is_killed() {
    let launch = Launch::new();
    let note = launch.directory().join("note");
    let process = Process::spawn(&mut launch.command_with_parent(&note));
    // The connection stays open, so it is the parent's end alone that it can notice.
    let plugin = launch.attach(process).await;
    let orphan: u32 = fs::read_to_string(&note).unwrap().trim().parse().unwrap();
    plugin.process.signal(Signal::SIGKILL);
    let end = timeout(10 * SECOND, plugin.process.stdout.ended()).await;
    if end.is_err() {
        process::send(orphan, Signal::SIGKILL);
        panic!("still running 10 s after its parent was killed");
    }
    assert!(!plugin.handshake.socket().exists(), "it left its socket behind");
}

#[tokio::test]
async fn it_ends_by_itself_when_the_host_hangs_up() {
    let mut plugin = Plugin::start().await;
    plugin.connection = Plugin::start().await.connection;
    assert_eq!(plugin.process.exit(10 * SECOND).await.code(), Some(0));
}

#[tokio::test]
async fn no_core_file_can_be_made_of_it() {
    let plugin = Plugin::start().await;
    let limits = fs::read_to_string(format!("/proc/{}/limits", plugin.process.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let numbers: Vec<&str> = core.split_whitespace().skip(4).take(2).collect();
    assert_eq!(numbers, ["0", "0"], "{core}");
    plugin.finish().await;
}
