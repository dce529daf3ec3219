//! Planted secrets: nothing that can be printed shows them, in any encoding, whatever a system answers.
#![expect(clippy::unwrap_used, reason = "these are tests, their helpers included")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokenferry_sources::zscaler::{ApiReader, Udid};
use tokenferry_sources::{
    BuildContext, Given, GivenFields, HttpClient, HttpSettings, Session, SystemClock, system,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

const SECRET: &str = "Pl4nted?>~secret";
const TOKEN: &str = "t0ken?>~planted";
const OTP: &str = "0tp?>~planted";

/// Answers every request, whatever it is, with the same status and body.
async fn server(status: u16, body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 8192];
            // The client may have gone already.
            drop(stream.read(&mut request).await);
            let head =
                format!("HTTP/1.1 {status} {SECRET}\r\nContent-Length: {}\r\nX-Echo: {SECRET}", body.len());
            drop(stream.write_all(format!("{head}\r\nConnection: close\r\n\r\n{body}").as_bytes()).await);
        }
    });
    format!("http://{address}/")
}

/// Every form in which a secret would still be one.
fn forms(secret: &str) -> [String; 8] {
    let escaped = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    let hex: String = secret.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    [
        secret.to_owned(),
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
        STANDARD_NO_PAD.encode(format!("anna:{secret}")),
        escaped.replace("%3F%3E", "%3f%3e"),
        escaped,
        hex.to_uppercase(),
        hex,
    ]
}

/// Everything that can be printed on the way from settings to values.
async fn printed(name: &str, base_url: &str) -> String {
    let system = system(name).unwrap();
    let text = |name: &str| match name {
        "base_url" => base_url,
        "app_secret" | "secret_key" | "password" => SECRET,
        _ => "anna",
    };
    let given: GivenFields = [
        "base_url",
        "username",
        "password",
        "admin_client_id",
        "account_name",
        "app_id",
        "app_secret",
        "secret_key",
    ]
    .into_iter()
    .chain((name == "zscaler").then_some("api_key"))
    .filter(|name| system.field(name).is_some())
    .map(|name| (name.to_owned(), Given::from(text(name))))
    .collect();
    let (settings, problems) = system.resolve(&given, &BTreeMap::<String, String>::new());
    let http = Arc::new(HttpClient::new(HttpSettings::default()));
    let context = BuildContext { http, clock: Arc::new(SystemClock) };
    let source = system.build(&settings, &context).unwrap();
    let session = Session::new(source, Arc::new(SystemClock));
    let mut all = format!("{given:?} {settings:?} {problems:?} {context:?}");
    match session.token(None).await {
        Ok(token) => write!(all, "{token:?} {token:#?} {:?}", token.header_value()).unwrap(),
        Err(error) => write!(all, "{error} {error:?} {} {}", error.summary(), error.advice()).unwrap(),
    }
    if let Some(reader) = ApiReader::new(Arc::clone(&session)) {
        match reader.otps(&Udid::try_from("A:1").unwrap(), None).await {
            Ok(set) => write!(all, "{set:?} {:?}", set.iter().collect::<Vec<_>>()).unwrap(),
            Err(error) => write!(all, "{error} {error:?} {} {}", error.summary(), error.advice()).unwrap(),
        }
        write!(all, "{reader:?}").unwrap();
    }
    write!(all, "{session:?}").unwrap();
    all
}

#[tokio::test]
async fn no_secret_can_be_printed_or_logged() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let echoes: Vec<String> = [SECRET, TOKEN, OTP].iter().flat_map(|secret| forms(secret)).collect();
    let mut answers = vec![
        (200, format!(r#"{{"jwtToken":"{TOKEN}","message":"{SECRET}","otp":"{OTP}"}}"#)),
        (200, format!(r#"{{"token":"{TOKEN}","expires_in":600}}"#)),
        (200, format!(r#"{{"credentials":{{"access_token":"{TOKEN}","refresh_token":"{TOKEN}"}}}}"#)),
        (200, format!(r#"{{"error":{{"code":"{SECRET}","message":"x {SECRET}","field":"{TOKEN}"}}}}"#)),
        (200, format!(r#"{{"token":null,"admins":["{SECRET}"],"{SECRET}":"{SECRET}"}}"#)),
        (400, format!(r#"{{"PASSWORD_EXPIRED":"{SECRET}","LOCKED":"x {SECRET}","admins":["{SECRET}"]}}"#)),
        (200, format!(r#"("Bearer" "{TOKEN}" 600) {SECRET}"#)),
        (200, SECRET.to_owned()),
    ];
    for status in [200, 400, 401, 403, 404, 418] {
        answers.push((status, SECRET.to_owned()));
        answers.extend(forms(SECRET).map(|form| {
            (status, format!(r#"{{"message":"{form}","error":"x {form} y","error_description":"{form}"}}"#))
        }));
    }
    for (status, body) in answers {
        let base_url = server(status, body.clone()).await;
        for name in ["zenoti", "zetasafe", "zettelstore", "zscaler"] {
            let all = printed(name, &base_url).await;
            let shown = echoes.iter().find(|form| all.contains(form.as_str()));
            assert_eq!(shown, None, "{name} {status} {body}");
        }
    }
    let log = log.0.lock().unwrap();
    assert!(log.contains("logging in"));
    assert_eq!(echoes.iter().find(|form| log.contains(form.as_str())), None);
}

/// Takes in every event of our crate, at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("tokenferry_sources")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Line(&mut self.0.lock().unwrap()));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        writeln!(self.0, "{field}={value:?}").unwrap();
    }
}
