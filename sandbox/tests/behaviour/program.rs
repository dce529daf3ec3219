//! The binary: what it prints, how it ends.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::client::FORM;

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokenferry-sandbox"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

async fn first_line(child: &mut Child) -> String {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    timeout(Duration::from_secs(10), lines.next_line()).await.unwrap().unwrap().unwrap()
}

#[tokio::test]
async fn one_line_of_json_says_where_and_with_what() {
    for signal in ["-TERM", "-INT"] {
        let mut child = program(&["--fast", "--output", "json"]).spawn().unwrap();
        let line: Value = serde_json::from_str(&first_line(&mut child).await).unwrap();
        let url = line["url"].as_str().unwrap();
        assert!(url.starts_with("http://127.0.0.1:"));
        let expected = json!({
            "url": url,
            "environment": {
                "ZCC_CLIENT_ID": "sandbox-key",
                "ZCC_CLIENT_SECRET": "sandbox-secret",
                "ZCC_OVERRIDE_URL": format!("{url}/zscaler/papi"),
                "ZENOTI_ACCOUNT_NAME": "sandbox",
                "ZENOTI_APP_ID": "00000000-0000-4000-8000-000000000001",
                "ZENOTI_APP_SECRET": "sandbox-app-secret",
                "ZENOTI_BASE_URL": format!("{url}/zenoti"),
                "ZENOTI_PASSWORD": "sandbox-password",
                "ZENOTI_USERNAME": "sandbox",
                "ZETASAFE_ADMIN_CLIENT_ID": "sandbox-client",
                "ZETASAFE_BASE_URL": format!("{url}/zetasafe"),
                "ZETASAFE_PASSWORD": "sandbox-password",
                "ZETASAFE_USERNAME": "sandbox",
                "ZETTELSTORE_BASE_URL": format!("{url}/zettelstore/"),
                "ZETTELSTORE_PASSWORD": "sandbox-password",
                "ZETTELSTORE_USERNAME": "sandbox",
            },
            "zscaler": {
                "base_url": format!("{url}/zscaler/papi"),
                "api_key": "sandbox-key",
                "secret_key": "sandbox-secret",
                "one_api_base_url": format!("{url}/zscaler/zcc/papi"),
                "one_api_token_url": format!("{url}/zscaler/oauth2/v1/token"),
                "one_api_client_id": "sandbox-client",
                "one_api_client_secret": "sandbox-client-secret",
                "udid": "1F2E3D4C-0000-1111-2222-333344445555:501",
            },
            "zenoti": {
                "base_url": format!("{url}/zenoti"),
                "account_name": "sandbox",
                "username": "sandbox",
                "password": "sandbox-password",
                "app_id": "00000000-0000-4000-8000-000000000001",
                "app_secret": "sandbox-app-secret",
            },
            "zetasafe": {
                "base_url": format!("{url}/zetasafe"),
                "username": "sandbox",
                "password": "sandbox-password",
                "admin_client_id": "sandbox-client",
            },
            "zettelstore": {
                "base_url": format!("{url}/zettelstore/"),
                "username": "sandbox",
                "password": "sandbox-password",
            },
            "http": {
                "base_url": format!("{url}/http"),
                "username": "sandbox",
                "password": "sandbox-password",
                "totp_secret": "ONQW4ZDCN54C25DPORYC243FMNZGK5BN",
                "token_url": format!("{url}/http/oauth/token"),
                "client_id": "sandbox:client",
                "client_secret": "sandbox+secret & more",
            },
        });
        assert_eq!(line, expected);
        let id = child.id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
        let status = timeout(Duration::from_secs(10), child.wait()).await.unwrap().unwrap();
        assert_eq!(status.code(), Some(0), "{signal}");
    }
}

#[tokio::test]
async fn many_users_and_short_lives_are_to_be_had() {
    let mut child = program(&["--users", "3", "--token-life", "2", "--output", "json"]).spawn().unwrap();
    let line: Value = serde_json::from_str(&first_line(&mut child).await).unwrap();
    let address = line["url"].as_str().unwrap().trim_start_matches("http://");
    let answer = log_in(address, "user-3").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(" 2)"), "{answer}");
    let answer = log_in(address, "user-4").await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
}

#[tokio::test]
async fn other_manners_are_to_be_had() {
    let mut child = program(&["--open-zettelstore", "--output", "json"]).spawn().unwrap();
    let line: Value = serde_json::from_str(&first_line(&mut child).await).unwrap();
    let address = line["url"].as_str().unwrap().trim_start_matches("http://");
    let answer = log_in(address, "nobody").await;
    assert!(answer.ends_with(r#"("Bearer" "freeaccess" 316224000)"#), "{answer}");

    let mut child = program(&["--old-zenoti", "--output", "json"]).spawn().unwrap();
    let line: Value = serde_json::from_str(&first_line(&mut child).await).unwrap();
    let address = line["url"].as_str().unwrap().trim_start_matches("http://");
    let login = json!({
        "account_name": "sandbox", "user_name": "sandbox", "password": "sandbox-password",
        "grant_type": "password", "app_id": line["zenoti"]["app_id"],
        "app_secret": "sandbox-app-secret", "device_id": "any",
    });
    let answer = post(address, "/zenoti/v1/tokens", "application/json", &login.to_string()).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(r#""expires_in":86400"#), "{answer}");
}

#[tokio::test]
async fn text_says_where_it_is_and_what_to_paste() {
    let mut child = program(&["--listen", "localhost:0"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = Vec::new();
    while !said.iter().any(|line: &String| line.ends_with(":502")) {
        let line = timeout(Duration::from_secs(10), lines.next_line()).await.unwrap().unwrap();
        said.push(line.expect("more lines"));
    }
    let url = said[0].split([' ', ';']).find(|word| word.starts_with("http://127.0.0.1:")).unwrap();
    for line in [
        format!(
            "export ZCC_CLIENT_ID=sandbox-key ZCC_CLIENT_SECRET=sandbox-secret \
             ZCC_OVERRIDE_URL={url}/zscaler/papi"
        ),
        format!(
            "export ZETTELSTORE_BASE_URL={url}/zettelstore/ ZETTELSTORE_USERNAME=sandbox \
             ZETTELSTORE_PASSWORD=sandbox-password"
        ),
        format!("zscaler one_api_token_url: {url}/zscaler/oauth2/v1/token"),
        format!("http base_url: {url}/http"),
        "zscaler device, udid: 1F2E3D4C-0000-1111-2222-333344445555:501".to_owned(),
    ] {
        assert!(said.contains(&line), "{line} in {said:#?}");
    }
    let is_bare = |line: &&String| line.trim_end() == "export";
    assert_eq!(said.iter().find(is_bare), None, "it would print everything that the shell knows");
}

#[tokio::test]
async fn addresses_that_others_can_reach_are_refused() {
    let said = refusal(&["--listen", "0.0.0.0:0"]).await;
    assert!(said.contains("loopback addresses only, and 0.0.0.0 is not one"), "{said}");
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = refusal(&["--listen", &address]).await;
    assert!(said.contains(&format!("cannot listen on {address}: ")), "{said}");
}

/// The whole answer to a login at Zettelstore.
async fn log_in(address: &str, username: &str) -> String {
    let form = format!("username={username}&password=sandbox-password");
    post(address, "/zettelstore/a", FORM, &form).await
}

/// The whole answer to this.
async fn post(address: &str, path: &str, content_type: &str, body: &str) -> String {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: sandbox\r\nconnection: close\r\ncontent-type: {content_type}\r\ncontent-length: {}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(Duration::from_secs(10), stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

/// What it says when it does not start.
async fn refusal(arguments: &[&str]) -> String {
    let output = timeout(Duration::from_secs(10), program(arguments).output());
    let output = output.await.expect("it ends by itself").unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}
