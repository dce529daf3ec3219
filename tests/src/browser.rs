//! A real browser without a window: chromedriver, and the commands of WebDriver that tests need.

use std::io;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

use crate::binaries;
use crate::process::Process;

/// Longer than a browser takes to start, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// A browser with one window. It ends with this value, and its profile with it.
#[derive(Debug)]
pub struct Browser {
    address: String,
    session: String,
    /// The driver; the browser is a child of it, and ends with it.
    _driver: Process,
    _profile: TempDir,
}

impl Browser {
    /// Starts one with a profile of its own.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub async fn start() -> Self {
        let profile = tempfile::Builder::new().prefix("browser").tempdir().unwrap();
        let (driver, address) = start_driver(profile.path()).await;
        let folder = format!("--user-data-dir={}", profile.path().display());
        let arguments: Vec<&str> = ARGUMENTS.into_iter().chain([folder.as_str()]).collect();
        let options = json!({"args": arguments, "binary": binaries::chromium()});
        let wanted = json!({"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
        }});
        let opened = exchange(&address, "POST", "/session", Some(&json!({"capabilities": wanted}))).await;
        let session =
            opened["sessionId"].as_str().unwrap_or_else(|| panic!("no browser: {opened}")).to_owned();
        Self { address, session, _driver: driver, _profile: profile }
    }

    /// Opens a page.
    pub async fn open(&self, url: &str) {
        self.post("url", &json!({"url": url})).await;
    }

    /// What a script in the page returns.
    pub async fn evaluate(&self, script: &str) -> Value {
        self.post("execute/sync", &json!({"script": script, "args": []})).await
    }

    /// The text of the first element that fits, as people see it.
    pub async fn text(&self, selector: &str) -> String {
        let found = self.post("element", &json!({"using": "css selector", "value": selector})).await;
        let id = found[ELEMENT].as_str().unwrap_or_else(|| panic!("nothing fits {selector}: {found}"));
        let text = self.call("GET", &format!("element/{id}/text"), None).await;
        text.as_str().unwrap().to_owned()
    }

    /// Clicks on the first element that fits.
    pub async fn click(&self, selector: &str) {
        let found = self.post("element", &json!({"using": "css selector", "value": selector})).await;
        let id = found[ELEMENT].as_str().unwrap_or_else(|| panic!("nothing fits {selector}: {found}"));
        self.post(&format!("element/{id}/click"), &json!({})).await;
    }

    /// What the browser complained about since it was asked last.
    pub async fn complaints(&self) -> Vec<String> {
        let lines = self.post("se/log", &json!({"type": "browser"})).await;
        lines.as_array().unwrap().iter().map(|line| line["message"].as_str().unwrap().to_owned()).collect()
    }

    /// Shows pages as on a screen that is light or dark.
    pub async fn prefer(&self, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.devtools("Emulation.setEmulatedMedia", &json!({"features": features})).await;
    }

    /// Shows pages in a window of this size.
    pub async fn resize(&self, width: u32, height: u32) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", &size).await;
    }

    /// Runs no script of a page from now on.
    pub async fn disable_scripts(&self) {
        self.devtools("Emulation.setScriptExecutionDisabled", &json!({"value": true})).await;
    }

    /// What the window shows, as a PNG.
    pub async fn screenshot(&self) -> Vec<u8> {
        let picture = self.call("GET", "screenshot", None).await;
        STANDARD.decode(picture.as_str().unwrap()).unwrap()
    }

    async fn devtools(&self, command: &str, parameters: &Value) {
        self.post("goog/cdp/execute", &json!({"cmd": command, "params": parameters})).await;
    }

    async fn post(&self, command: &str, body: &Value) -> Value {
        self.call("POST", command, Some(body)).await
    }

    async fn call(&self, method: &str, command: &str, body: Option<&Value>) -> Value {
        let path = format!("/session/{}/{command}", self.session);
        let value = exchange(&self.address, method, &path, body).await;
        assert!(value.get("error").is_none(), "{method} {command}: {value}");
        value
    }
}

/// The driver, and where it listens. It takes a free port of IPv4 and wants the same one of IPv6, which may be in use:
/// then it ends, and another one has better luck.
async fn start_driver(home: &Path) -> (Process, String) {
    let mut said = String::new();
    for _ in 0..TRIES {
        let mut command = Command::new(binaries::chromedriver());
        command.arg("--port=0").env("HOME", home).env("TMPDIR", home);
        let driver = Process::spawn(&mut command);
        let line = driver.stdout.line_that(PATIENCE, |line| line.contains(STARTED)).await;
        if let Some((_, port)) = line.as_deref().and_then(|line| line.split_once(STARTED)) {
            let address = format!("127.0.0.1:{}", port.trim_end_matches('.'));
            return (driver, address);
        }
        said = driver.stderr.text();
    }
    panic!("chromedriver does not start:\n{said}")
}

async fn exchange(address: &str, method: &str, path: &str, body: Option<&Value>) -> Value {
    let asked = timeout(PATIENCE, ask(address, method, path, body)).await;
    let answer = asked.unwrap_or_else(|_| panic!("{method} {path}: no answer"));
    answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
}

/// The driver keeps connections, so an answer ends where its length says.
async fn ask(address: &str, method: &str, path: &str, body: Option<&Value>) -> io::Result<Value> {
    let body = body.map(Value::to_string).unwrap_or_default();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    let mut answer = Vec::new();
    loop {
        if let Some(value) = whole(&answer) {
            return Ok(value);
        }
        if stream.read_buf(&mut answer).await? == 0 {
            return Err(io::Error::other(format!("no answer, but `{}`", String::from_utf8_lossy(&answer))));
        }
    }
}

/// The value in an answer that has come as a whole.
fn whole(answer: &[u8]) -> Option<Value> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length: usize =
        head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())?;
    let body: Value = serde_json::from_slice(answer.get(end..end + length)?).ok()?;
    Some(body["value"].clone())
}

const TRIES: usize = 5;
const STARTED: &str = "was started successfully on port ";
/// WebDriver's own name for the id of an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
const ARGUMENTS: [&str; 12] = [
    "--headless=new",
    // It may run as root, and shows only what the test serves.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--hide-scrollbars",
    "--password-store=basic",
    "--force-color-profile=srgb",
];
