//! The unit, and what the daemon tells systemd.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use nix::sys::signal::Signal;
use tempfile::TempDir;
use tokenferry_tests::binaries;
use tokio::net::UnixDatagram;
use tokio::time::timeout;

use crate::site::Site;

#[tokio::test]
async fn systemd_hears_of_start_life_reload_and_end() {
    let site = Site::new("systemd").await;
    let socket = site.rotator.directory().join("notify");
    let systemd = Systemd(UnixDatagram::bind(&socket).unwrap());
    let rotator = site.another().env("NOTIFY_SOCKET", socket.display().to_string());
    let rotator = rotator.env("WATCHDOG_USEC", "2000000");
    let mut daemon = rotator.start();
    let ready = systemd.heard("READY=1").await;
    assert!(ready.contains("STATUS=1 rotations"), "{ready}");
    for _ in 0..2 {
        systemd.heard("WATCHDOG=1").await;
    }

    daemon.process.signal(Signal::SIGHUP);
    let reloading = systemd.heard("RELOADING=1").await;
    let time = reloading.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
    assert!(time.unwrap().parse::<u64>().unwrap() > 0, "{reloading}");
    systemd.heard("READY=1").await;

    rotator.write("tokenferry.hcl", "no = configuration");
    daemon.process.signal(Signal::SIGHUP);
    systemd.heard("RELOADING=1").await;
    let ready = systemd.heard("READY=1").await;
    assert!(ready.ends_with("; the changed configuration is wrong"), "{ready}");

    daemon.process.signal(Signal::SIGTERM);
    let stopping = systemd.heard("STOPPING=1").await;
    assert!(stopping.contains("EXTEND_TIMEOUT_USEC=30000000"), "{stopping}");
    assert_eq!(daemon.exit().await.code(), Some(0));
}

#[tokio::test]
async fn the_watchdog_of_another_process_hears_nothing() {
    let site = Site::new("systemd-frozen").await;
    let socket = site.rotator.directory().join("notify");
    let systemd = Systemd(UnixDatagram::bind(&socket).unwrap());
    let rotator = site.another().env("NOTIFY_SOCKET", socket.display().to_string());
    let rotator = rotator.env("WATCHDOG_USEC", "1000000").env("WATCHDOG_PID", "1");
    let daemon = rotator.start();
    systemd.heard("READY=1").await;
    daemon.says("rotated").await;
    assert!(systemd.hears_nothing().await, "that watchdog is another one's");
}

#[test]
fn the_unit_is_right_and_closes_what_it_can() {
    let (_folder, unit) = unit();
    let verified = analyze(&["verify", "--man=no"], &unit);
    assert_eq!((verified.status.code(), text(&verified).as_str()), (Some(0), ""));
    // Ten times the exposure that systemd reckons: at most 1.5 of 10.
    let judged = analyze(&["security", "--no-pager", "--offline=true", "--threshold=15"], &unit);
    assert!(judged.status.success(), "{}", text(&judged));
}

#[test]
fn a_unit_with_a_mistake_or_with_little_protection_is_noticed() {
    let (folder, unit) = unit();
    let written = fs::read_to_string(&unit).unwrap();
    fs::write(&unit, written.replace("DynamicUser=yes", "DynamicUsers=yes")).unwrap();
    assert!(text(&analyze(&["verify", "--man=no"], &unit)).contains("DynamicUsers"));
    let open: Vec<&str> = written.lines().filter(|line| !line.starts_with("Protect")).collect();
    fs::write(&unit, open.join("\n")).unwrap();
    let judged = analyze(&["security", "--no-pager", "--offline=true", "--threshold=15"], &unit);
    assert!(!judged.status.success());
    drop(folder);
}

/// The program has to stop by itself at what does not get better, and be given the time that it needs.
#[test]
fn the_unit_fits_the_program() {
    let (_folder, unit) = unit();
    let unit = fs::read_to_string(unit).unwrap();
    for line in ["Type=notify", "RestartPreventExitStatus=2", "WatchdogSec=60s", "LimitCORE=0"] {
        assert!(unit.lines().any(|found| found == line), "{line}");
    }
    let stop = unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")?.strip_suffix('s'));
    assert!(stop.unwrap().parse::<u64>().unwrap() > 25, "the default of `grace_period`");
}

/// What listens where systemd would.
struct Systemd(UnixDatagram);

impl Systemd {
    /// The next message that begins so; those of the watchdog may come between.
    async fn heard(&self, first: &str) -> String {
        loop {
            let message = timeout(PATIENCE, self.next()).await.expect(first);
            if message.starts_with(first) {
                return message;
            }
            assert!(message.starts_with("WATCHDOG=1"), "{first} was expected, not {message}");
        }
    }

    async fn hears_nothing(&self) -> bool {
        timeout(Duration::from_secs(2), self.next()).await.is_err()
    }

    async fn next(&self) -> String {
        let mut buffer = [0; 4096];
        let length = self.0.recv(&mut buffer).await.unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }
}

/// The unit as an installation would have it, with the program where it is here.
fn unit() -> (TempDir, PathBuf) {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/deploy/systemd/tokenferry.service");
    let text = fs::read_to_string(example).unwrap();
    let program = binaries::rotator().display().to_string();
    assert!(text.contains("/usr/local/bin/tokenferry run"));
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("tokenferry.service");
    fs::write(&unit, text.replace("/usr/local/bin/tokenferry run", &format!("{program} run"))).unwrap();
    (folder, unit)
}

fn analyze(arguments: &[&str], unit: &Path) -> Output {
    let output = Command::new("systemd-analyze").args(arguments).arg(unit).output();
    output.expect("this test needs the Debian package systemd, which `cargo xtask test` sees to")
}

fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

const PATIENCE: Duration = Duration::from_mins(1);
