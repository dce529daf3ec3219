//! Redirects of Vault are followed to listed nodes only: they take the Vault token along.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::site::Site;

#[tokio::test]
async fn a_redirect_to_a_node_that_is_not_listed_is_not_followed() {
    let mut site = Site::new("redirect").await;
    let elsewhere = Server::start(None).await;
    let standby = Server::start(Some(elsewhere.url())).await;
    site.configure(|config| config.address = standby.url());
    let outcome = site.rotator.run(&["once"]).await.failed_with(4);

    let said = outcome.words();
    assert!(said.contains(&format!("is a redirect to {}, which is not followed", elsewhere.url())), "{said}");
    assert!(said.contains("add it to `addresses`"), "{said}");
    assert!(standby.heard().contains("POST /v1/auth/approle/login"));
    assert_eq!(elsewhere.heard(), "", "nothing of us may go there");
}

#[tokio::test]
async fn a_redirect_to_a_listed_node_is_followed() {
    let mut site = Site::new("listed-redirect").await;
    let standby = Server::start(Some(site.openbao.url())).await;
    let active = site.openbao.url();
    site.configure(|config| {
        config.address = standby.url();
        config.vault = format!("addresses = [\"{active}\"]\n {}", config.vault);
    });
    site.rotator.run(&["once"]).await.ok();
    assert_eq!((site.entry().await.unwrap().version, site.logins()), (1, 1));
    assert!(standby.heard().contains("/v1/secret/data/tokens/notes"));
}

#[tokio::test]
async fn a_vault_token_does_not_follow_a_redirect_either() {
    let mut site = Site::new("token-redirect").await;
    let elsewhere = Server::start(None).await;
    let standby = Server::start(Some(elsewhere.url())).await;
    site.configure(|config| {
        config.address = standby.url();
        config.vault.clear();
    });
    let rotator = site.another().secret_env("VAULT_TOKEN", "planted-vault-token");
    rotator.run(&["once"]).await.failed_with(4);
    assert!(standby.heard().to_lowercase().contains("x-vault-token: planted-vault-token"));
    assert_eq!(elsewhere.heard(), "");
}

/// Notes what it hears, and sends everybody elsewhere, or answers 500.
struct Server {
    address: String,
    heard: Arc<Mutex<String>>,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(target: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heard = Arc::new(Mutex::new(String::new()));
        let task = tokio::spawn(serve(listener, target, heard.clone()));
        Self { address, heard, task }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn heard(&self) -> String {
        self.heard.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, target: Option<String>, heard: Arc<Mutex<String>>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut buffer = [0; 16 * 1024];
        let count = stream.read(&mut buffer).await.unwrap_or(0);
        let request = String::from_utf8_lossy(&buffer[..count]).into_owned();
        let path = request.split(' ').nth(1).unwrap_or_default();
        let beginning = match &target {
            Some(target) => format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {target}{path}\r\n"),
            None => "HTTP/1.1 500 Internal Server Error\r\n".to_owned(),
        };
        heard.lock().unwrap().push_str(&request);
        let answer = format!("{beginning}Content-Length: 0\r\nConnection: close\r\n\r\n");
        // The client may be gone.
        drop(stream.write_all(answer.as_bytes()).await);
    }
}
