//! Calls a URL with the rotator's token: `reader secret tokens/notes https://notes.example/z`
//!
//! VAULT_ADDR and VAULT_TOKEN say where Vault is and who asks. It needs the crates chrono, reqwest, serde_json and tokio
//! (with `macros` and `rt`).

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, StatusCode, redirect};
use serde_json::Value;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// At least as short as `reader_lag` of the rotation.
const LAG: Duration = Duration::from_mins(1);

/// The entry that a rotation keeps, read when it is due.
pub struct RotatedToken {
    client: Client,
    url: String,
    vault_token: HeaderValue,
    entry: Option<Value>,
    look_again: DateTime<Utc>,
}

impl RotatedToken {
    /// Nothing is read yet.
    pub fn new(client: Client, address: &str, vault_token: &str, mount: &str, path: &str) -> Result<Self> {
        let url = format!("{}/v1/{mount}/data/{path}", address.trim_end_matches('/'));
        let vault_token = secret(vault_token)?;
        Ok(Self { client, url, vault_token, entry: None, look_again: Utc::now() })
    }

    /// The header to send.
    pub async fn header(&mut self) -> Result<HeaderMap> {
        if self.entry.is_none() || Utc::now() >= self.look_again {
            let read = self.read().await;
            // If Vault is away, the token that we have serves until its end.
            if self.entry.is_none() {
                read?;
            }
        }
        let entry = self.entry.as_ref().ok_or("there is no entry")?;
        if let Some(end) = time(entry, "expires_at")?.filter(|end| *end <= Utc::now()) {
            return Err(format!("the token of rotation {} ended at {end}", text(entry, "rotation")?).into());
        }
        let name: HeaderName = text(entry, "header_name")?.parse()?;
        Ok(HeaderMap::from_iter([(name, secret(text(entry, "header_value")?)?)]))
    }

    /// Reads the entry now, as is right after a 401: the token may just have been replaced.
    pub async fn read(&mut self) -> Result<()> {
        let request = self.client.get(&self.url).header("X-Vault-Token", self.vault_token.clone());
        let answer = request.send().await?.error_for_status()?.bytes().await?;
        let entry: Value = serde_json::from_slice::<Value>(&answer)?["data"]["data"].take();
        // Before that time there is no newer token that we would need; then we look until it is there.
        let newer = time(&entry, "refresh_after")?.unwrap_or_else(Utc::now);
        self.look_again = newer.max(Utc::now() + LAG);
        self.entry = Some(entry);
        Ok(())
    }
}

/// Calls the URL, and once more with a token read anew if this one is not taken.
pub async fn call(token: &mut RotatedToken, url: &str) -> Result<Vec<u8>> {
    let client = token.client.clone();
    let mut answer = client.get(url).headers(token.header().await?).send().await?;
    if answer.status() == StatusCode::UNAUTHORIZED {
        token.read().await?;
        answer = client.get(url).headers(token.header().await?).send().await?;
    }
    Ok(answer.error_for_status()?.bytes().await?.into())
}

/// A client that follows no redirect: one would take the token along to wherever it leads.
pub fn client() -> Result<Client> {
    Ok(Client::builder().redirect(redirect::Policy::none()).timeout(Duration::from_secs(10)).build()?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [mount, path, url] = arguments.as_slice() else { return Err("usage: reader MOUNT PATH URL".into()) };
    let (address, vault_token) = (std::env::var("VAULT_ADDR")?, std::env::var("VAULT_TOKEN")?);
    let mut token = RotatedToken::new(client()?, &address, &vault_token, mount, path)?;
    std::io::stdout().write_all(&call(&mut token, url).await?)?;
    Ok(())
}

/// A value that nobody prints by accident.
fn secret(text: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(text)?;
    value.set_sensitive(true);
    Ok(value)
}

fn text<'a>(entry: &'a Value, name: &str) -> Result<&'a str> {
    entry[name].as_str().ok_or_else(|| format!("the entry has no {name}").into())
}

/// A time of the entry; none where nobody knows it.
fn time(entry: &Value, name: &str) -> Result<Option<DateTime<Utc>>> {
    Ok(entry[name].as_str().map(str::parse).transpose()?)
}
