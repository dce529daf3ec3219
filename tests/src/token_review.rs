//! As much of Kubernetes as Vault asks about a service account.

use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Answers token reviews on loopback until it is dropped.
#[derive(Debug)]
pub struct TokenReview {
    /// Its URL.
    pub url: String,
    good: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl TokenReview {
    /// Starts one that knows no token.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let good = Arc::<Mutex<Vec<String>>>::default();
        let known = Arc::clone(&good);
        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(answer(client, Arc::clone(&known)));
            }
        });
        Self { url, good, serving }
    }

    /// The one good token of the service account `rotator` from now on, as projected volumes have it.
    pub fn issue(&self, serial: u32) -> String {
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let claims = json!({
            "aud": ["vault"],
            "exp": 4_102_444_800_u64,
            "iat": 1_700_000_000 + serial,
            "iss": "https://kubernetes.default.svc",
            "kubernetes.io": {
                "namespace": "tokens",
                "serviceaccount": { "name": "rotator", "uid": "0e1d" },
            },
            "sub": SUBJECT,
        });
        let token = format!("{}.{}.{}", part(&json!({ "alg": "RS256" })), part(&claims), "c2lnbmF0dXJl");
        *self.good.lock().unwrap() = vec![token.clone()];
        token
    }
}

impl Drop for TokenReview {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// One request for each connection.
async fn answer(client: TcpStream, good: Arc<Mutex<Vec<String>>>) -> Option<()> {
    let mut client = BufReader::new(client);
    let (mut first, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        client.read_line(&mut line).await.ok()?;
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        match line.as_str() {
            "" => break,
            line if first.is_empty() => line.clone_into(&mut first),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    client.read_exact(&mut body).await.ok()?;
    let review: Value = serde_json::from_slice(&body).ok()?;
    let known = review["spec"]["token"].as_str().is_some_and(|token| {
        first.starts_with("post /apis/authentication.k8s.io/v1/tokenreviews ")
            && good.lock().unwrap().iter().any(|good| good == token)
    });
    let text = reviewed(known, &review["spec"]["audiences"]).to_string();
    let head =
        format!("HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: {}", text.len());
    client.write_all(format!("{head}\r\nconnection: close\r\n\r\n{text}").as_bytes()).await.ok()
}

fn reviewed(known: bool, audiences: &Value) -> Value {
    let status = if known {
        let groups = ["system:serviceaccounts", "system:serviceaccounts:tokens", "system:authenticated"];
        let user = json!({ "username": SUBJECT, "uid": "0e1d", "groups": groups });
        json!({ "authenticated": true, "audiences": audiences, "user": user })
    } else {
        json!({ "authenticated": false, "error": "the token was invalidated" })
    };
    json!({ "kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "status": status })
}

const SUBJECT: &str = "system:serviceaccount:tokens:rotator";
