//! The sandbox as a program: starts, says where it is, and answers until it is told to stop.

use std::io::{self, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use serde_json::{Map, Value};
use tokenferry_sandbox::{Access, Authentication, Options, Sandbox, ZenotiForm, ZettelstoreUser};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What the vendor of Zscaler allows each hour.
const ZSCALER_CALLS_PER_HOUR: u32 = 100;

/// A stand-in for the systems that issue tokens, to try pipelines, providers and rotators on.
///
/// Plays the Zscaler Client Connector API (API keys and OneAPI, passwords and devices), Zenoti, ZetaSafe, a Zettelstore
/// server, and a service with a login in two steps, an OAuth 2 token endpoint and one-time passwords, each below a path
/// of its own on one loopback port. It answers as the real ones do: it refuses what they refuse, tokens expire,
/// Zettelstore takes half a second for a login, and a Zscaler key may make 100 calls an hour. All accounts are
/// made up, and nothing is kept when it ends.
#[derive(Debug, Parser)]
#[command(version, after_long_help = CONTROL)]
struct Arguments {
    /// Loopback address or `localhost` to listen on; port 0 takes any free port
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0", value_parser = address)]
    listen: SocketAddr,

    /// No half second for a Zettelstore login, no limit on Zscaler calls
    #[arg(long)]
    fast: bool,

    /// So many more Zettelstore users: user-1, user-2, ..., with the password of the first one
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    users: u32,

    /// Zettelstore tokens live so long, up to an hour [default: 600]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=3600))]
    token_life: Option<u64>,

    /// The Zettelstore does not authenticate: whoever asks gets the token `freeaccess`
    #[arg(long)]
    open_zettelstore: bool,

    /// The Zenoti answers as it did before 2020: flat, without dates of seven digits
    #[arg(long)]
    old_zenoti: bool,

    /// How to print the base URLs and accounts
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Output::Text)]
    output: Output,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    /// One line for machines
    Json,
    /// A few lines to read, and to paste into a shell
    Text,
}

/// The part of `--help` on the control endpoint.
const CONTROL: &str = "\
Things go wrong on request, and everything is counted. With $URL as printed at the start:

  curl $URL/_control/counters      logins by key, overlaps, reads by device, connections, ...
  curl $URL/_control/requests      the latest requests, without secrets
  curl -X POST $URL/_control/reset clears faults, counters and spent call budgets
  curl -X DELETE $URL/_control/faults
  curl $URL/_control/faults --json '{\"path\":\"/zscaler/papi/auth/\",\"times\":2,\"effect\":{\"answer\":{\"status\":500}}}'

A fault may be narrowed by `system`, `method` and `path` (a prefix), and limited by `times`. Its `effect` is one of
  {\"answer\":{\"status\":429,\"headers\":{\"Retry-After\":\"13\"},\"body\":\"\"}}
  {\"clock_skew\":{\"seconds\":-300}}      {\"cut\":{}} or {\"cut\":{\"after_bytes\":10}}
  {\"garbage\":{}}                       {\"hang\":{}}
  {\"key_revoked\":{\"key\":\"sandbox-key\"}}
  {\"large_body\":{\"bytes\":50000000,\"content_length\":true}}
  {\"latency\":{\"millis\":2000}}          {\"truncate\":{\"bytes\":20}}
  {\"redirect\":{\"status\":307,\"location\":\"http://127.0.0.1:9/\"}}

It ends on SIGINT (Ctrl-C) or SIGTERM.";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do if even this cannot be written.
            drop(writeln!(io::stderr(), "tokenferry-sandbox: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> io::Result<()> {
    // Set up first, so that a signal during the start is not lost.
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let sandbox = Sandbox::start(options(arguments)).await?;
    let announcement = match arguments.output {
        Output::Json => json(&sandbox).to_string(),
        Output::Text => text(&sandbox),
    };
    writeln!(io::stdout(), "{announcement}")?;
    stop_signal(&mut interrupt, &mut terminate).await;
    sandbox.stop().await;
    Ok(())
}

/// An address, or a name and what it stands for on this machine: IPv4 if it has both.
fn address(text: &str) -> Result<SocketAddr, String> {
    let found = text.to_socket_addrs().map_err(|error| format!("{error}; try 127.0.0.1:0"))?;
    found.min_by_key(SocketAddr::is_ipv6).ok_or_else(|| "it stands for no address".to_owned())
}

fn options(arguments: &Arguments) -> Options {
    let mut options = Options { listen: arguments.listen, ..Options::default() };
    options.zettelstore.login_delay = !arguments.fast;
    if arguments.open_zettelstore {
        options.zettelstore.authentication = Authentication::Disabled;
    }
    if arguments.old_zenoti {
        options.zenoti.form = ZenotiForm::Legacy;
    }
    add_users(&mut options.zettelstore.users, arguments.users);
    if let Some(seconds) = arguments.token_life {
        options.zettelstore.token_lifetime = Duration::from_secs(seconds);
    }
    options.zscaler.requests_per_window = (!arguments.fast).then_some(ZSCALER_CALLS_PER_HOUR);
    options
}

fn add_users(users: &mut Vec<ZettelstoreUser>, count: u32) {
    let password = users.first().map(|user| user.password.clone()).unwrap_or_default();
    users.extend((1..=count).map(|number| ZettelstoreUser::new(&format!("user-{number}"), &password)));
}

fn json(sandbox: &Sandbox) -> Value {
    let mut all = Map::from_iter([("url".to_owned(), sandbox.url().into())]);
    let environment = sandbox.access().iter().flat_map(Access::environment);
    let environment = environment.map(|(name, value)| (name.to_owned(), value.into()));
    all.insert("environment".to_owned(), Value::Object(environment.collect()));
    for access in sandbox.access() {
        let settings =
            access.settings.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into()));
        all.insert(access.system.to_owned(), Value::Object(settings.collect()));
    }
    Value::Object(all)
}

/// Where it is, and lines for the shell of whoever wants to use it.
fn text(sandbox: &Sandbox) -> String {
    let url = sandbox.url();
    let mut lines = vec![
        format!("sandbox ready at {url}; Ctrl-C ends it"),
        format!("faults and counters: {url}/_control/ (see --help)"),
        String::new(),
        "Paste into the shell in which you run Terraform:".to_owned(),
        String::new(),
    ];
    for access in sandbox.access() {
        let settings: Vec<String> =
            access.environment().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
        // A bare `export` would print all there is.
        if !settings.is_empty() {
            lines.push(format!("export {}", settings.join(" ")));
        }
    }
    lines.extend([
        String::new(),
        "What has no variable, or must not stand beside those:".to_owned(),
        String::new(),
    ]);
    lines.extend(sandbox.access().iter().flat_map(|access| {
        access.without_variable().map(|(name, value)| format!("{} {name}: {value}", access.system))
    }));
    lines.push(String::new());
    lines.extend(sandbox.access().iter().flat_map(|access| {
        access.devices.iter().map(|device| format!("{} device, udid: {device}", access.system))
    }));
    lines.join("\n")
}

/// A word as a shell reads it back.
fn quoted(value: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-._:/".contains(character);
    if value.chars().all(plain) { value.to_owned() } else { format!("'{}'", value.replace('\'', r"'\''")) }
}

async fn stop_signal(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
