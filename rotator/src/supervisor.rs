//! Telling systemd how we are, if it started us so that it listens: `sd_notify(3)`.
//!
//! Each message is one datagram, so no library is needed. Whether anybody listens makes no difference to the work.

use std::io;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokenferry_sources::Environment;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, warn};

/// Who started us and wants to hear of us; perhaps nobody.
#[derive(Debug, Default)]
pub struct Supervisor {
    line: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Watchdog>,
}

/// Whoever ends us when nothing is heard of us for too long.
#[derive(Debug)]
struct Watchdog {
    every: Duration,
    next: Instant,
}

impl Supervisor {
    /// The one that the environment names.
    pub fn new(environment: &dyn Environment) -> Self {
        let Some(socket) = environment.var("NOTIFY_SOCKET") else { return Supervisor::default() };
        match dial(&socket) {
            Ok(line) => Supervisor { line: Some(line), watchdog: Watchdog::new(environment) },
            Err(error) => {
                warn!(%error, "cannot tell the supervisor anything: NOTIFY_SOCKET names nothing usable");
                Supervisor::default()
            }
        }
    }

    /// The configuration is read, and work has begun; or goes on, after [`Supervisor::reloading`].
    pub fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={status}"));
    }

    /// The configuration is being read again.
    pub fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let microseconds = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000;
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}\nSTATUS=reading the configuration"));
    }

    /// The end is near: it may take as long as this.
    pub fn stopping(&self, within: Duration) {
        let extension = (within + SLACK).as_micros();
        self.tell(&format!("STOPPING=1\nEXTEND_TIMEOUT_USEC={extension}\nSTATUS=storing what was issued"));
    }

    /// Waits until the watchdog has to hear of us again; where there is none, for ever.
    pub async fn alarm(&self) {
        match &self.watchdog {
            Some(watchdog) => sleep_until(watchdog.next).await,
            None => std::future::pending().await,
        }
    }

    /// Tells the watchdog that we are alive, if we are well: it ends who is alive and does nothing, too.
    pub fn beat(&mut self, is_well: bool, status: &str) {
        let Some(watchdog) = &mut self.watchdog else { return };
        watchdog.next = Instant::now() + watchdog.every;
        if is_well {
            self.tell(&format!("WATCHDOG=1\nSTATUS={status}"));
        } else {
            warn!("what is due is not begun: the watchdog is not told that all is well");
        }
    }

    fn tell(&self, message: &str) {
        let Some((socket, listener)) = &self.line else { return };
        if let Err(error) = socket.send_to_addr(message.as_bytes(), listener) {
            debug!(%error, "the supervisor does not listen");
        }
    }
}

impl Watchdog {
    /// Half of what is allowed, so that one message may be late.
    fn new(environment: &dyn Environment) -> Option<Self> {
        let is_for_us = |process: String| process.parse() == Ok(std::process::id());
        if !environment.var("WATCHDOG_PID").is_none_or(is_for_us) {
            return None;
        }
        let allowed: u64 = environment.var("WATCHDOG_USEC")?.parse().ok().filter(|allowed| *allowed > 0)?;
        let every = Duration::from_micros(allowed) / 2;
        Some(Watchdog { every, next: Instant::now() })
    }
}

fn dial(socket: &str) -> io::Result<(UnixDatagram, SocketAddr)> {
    let listener = match socket.strip_prefix('@') {
        Some(name) => abstract_address(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    let ours = UnixDatagram::unbound()?;
    // A supervisor that does not read is no reason to wait.
    ours.set_nonblocking(true)?;
    Ok((ours, listener))
}

#[cfg(target_os = "linux")]
fn abstract_address(name: &str) -> io::Result<SocketAddr> {
    use std::os::linux::net::SocketAddrExt as _;
    SocketAddr::from_abstract_name(name)
}

#[cfg(not(target_os = "linux"))]
fn abstract_address(_: &str) -> io::Result<SocketAddr> {
    Err(io::ErrorKind::Unsupported.into())
}

/// For what comes after the last token is stored.
const SLACK: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn environment(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    struct Listener(UnixDatagram, tempfile::TempDir);

    impl Listener {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            Listener(socket, folder)
        }

        fn supervisor(&self, more: &[(&str, &str)]) -> Supervisor {
            let path = self.1.path().join("notify").display().to_string();
            Supervisor::new(&environment(&[&[("NOTIFY_SOCKET", &*path)], more].concat()))
        }

        fn heard(&self) -> String {
            heard(&self.0)
        }
    }

    fn heard(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 1024];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[tokio::test]
    async fn a_supervisor_hears_of_start_reload_and_end() {
        let listener = Listener::new();
        let supervisor = listener.supervisor(&[]);
        supervisor.ready("2 rotations");
        assert_eq!(listener.heard(), "READY=1\nSTATUS=2 rotations");
        supervisor.reloading();
        let heard = listener.heard();
        let time = heard.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap().split('\n').next().unwrap();
        assert!(time.parse::<u64>().unwrap() > 0, "{heard}");
        supervisor.stopping(Duration::from_secs(25));
        assert!(listener.heard().starts_with("STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000\n"));
    }

    #[tokio::test(start_paused = true)]
    async fn the_watchdog_hears_of_us_at_half_of_its_patience_and_only_if_we_are_well() {
        let listener = Listener::new();
        let mut supervisor = listener.supervisor(&[("WATCHDOG_USEC", "30000000")]);
        let start = Instant::now();
        let mut times = Vec::new();
        for is_well in [true, false, true] {
            supervisor.alarm().await;
            times.push(start.elapsed().as_secs());
            supervisor.beat(is_well, if is_well { "well" } else { "not well" });
        }
        assert_eq!(times, [0, 15, 30]);
        assert_eq!([listener.heard(), listener.heard()], ["WATCHDOG=1\nSTATUS=well"; 2]);
        supervisor.ready("");
        assert!(listener.heard().starts_with("READY=1"), "nothing else was said");
    }

    #[tokio::test(start_paused = true)]
    async fn a_watchdog_of_another_process_or_none_is_never_told_anything() {
        let listener = Listener::new();
        let other = [("WATCHDOG_USEC", "30000000"), ("WATCHDOG_PID", "1")];
        for variables in [&other[..], &[("WATCHDOG_USEC", "0")], &[("WATCHDOG_USEC", "soon")], &[]] {
            let supervisor = listener.supervisor(variables);
            let alarm = tokio::time::timeout(Duration::from_hours(1), supervisor.alarm()).await;
            assert!(alarm.is_err(), "{variables:?}");
        }
        let own = std::process::id().to_string();
        let supervisor = listener.supervisor(&[("WATCHDOG_USEC", "30000000"), ("WATCHDOG_PID", &own)]);
        supervisor.alarm().await;
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_socket_may_have_a_name_without_a_file() {
        use std::os::linux::net::SocketAddrExt as _;
        let name = format!("tokenferry-test-{}", std::process::id());
        let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        let supervisor = Supervisor::new(&environment(&[("NOTIFY_SOCKET", &*format!("@{name}"))]));
        supervisor.ready("here");
        assert_eq!(heard(&socket), "READY=1\nSTATUS=here");
    }

    #[tokio::test]
    async fn who_does_not_listen_or_cannot_be_found_is_no_reason_to_fail() {
        let too_long = "/".repeat(200);
        for socket in ["/nonexistent/socket", &too_long] {
            let supervisor = Supervisor::new(&environment(&[("NOTIFY_SOCKET", socket)]));
            supervisor.ready("alone");
        }
        Supervisor::new(&environment(&[])).ready("alone");
    }
}
