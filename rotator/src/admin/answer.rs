//! Which request gets which answer.

use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde::Serialize;

use super::body::Content;
use super::health::{Reason, reasons};
use super::host;
use super::metrics::{self, Exposition};
use super::page::{self, Query};
use super::server::{Admin, Visit};

type Answer = Response<Content>;

impl Admin {
    /// Answers a request. Its body, if there is one, is never read.
    pub(super) async fn answer<B>(&self, request: Request<B>, visit: &Visit) -> Answer {
        if !self.is_meant(&request) {
            return text(StatusCode::MISDIRECTED_REQUEST, NOT_OURS);
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "Nothing can be changed here: use GET.\n");
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        match request.uri().path() {
            "/" if self.page => self.page(request.uri().query(), visit).await,
            "/" => text(StatusCode::NOT_FOUND, NO_PAGE),
            "/healthz" => self.alive().await,
            "/icon.svg" if self.page => content(StatusCode::OK, "image/svg+xml", page::ICON.to_owned()),
            "/metrics" => self.metrics(visit).await,
            "/readyz" => self.ready().await,
            "/style.css" if self.page => {
                content(StatusCode::OK, "text/css; charset=utf-8", page::STYLE.to_owned())
            }
            _ => text(StatusCode::NOT_FOUND, "There is /, /metrics, /healthz and /readyz.\n"),
        }
    }

    /// By the target of the request where that names a host, else by its header. HTTP/1.0 knows neither.
    fn is_meant<B>(&self, request: &Request<B>) -> bool {
        let mut headers = request.headers().get_all(header::HOST).iter();
        let of_header = headers.next().map(|host| host.to_str().unwrap_or_default());
        let of_target = request.uri().authority().map(hyper::http::uri::Authority::as_str);
        let is_ours = |named: &str| host::is_ours(named, &self.allowed_hosts);
        headers.next().is_none()
            && of_header.or(of_target).is_some()
            && of_header.is_none_or(is_ours)
            && of_target.is_none_or(is_ours)
    }

    /// The daemon answers: that is all that is asked. One that stops in order is alive, too.
    async fn alive(&self) -> Answer {
        match self.health().await {
            Err(reason) if reason != Reason::stopping() => unready(vec![reason]),
            _ => text(StatusCode::OK, "ok\n"),
        }
    }

    async fn ready(&self) -> Answer {
        let found = match self.health().await {
            Ok(health) => reasons(&health),
            Err(reason) => vec![reason],
        };
        if found.is_empty() {
            json(StatusCode::OK, &Readiness { ready: true, reasons: found })
        } else {
            unready(found)
        }
    }

    async fn metrics(&self, visit: &Visit) -> Answer {
        match self.snapshot(visit).await {
            Ok(picture) => answer(
                StatusCode::OK,
                metrics::CONTENT_TYPE,
                Content::Metrics(Box::new(Exposition::new(picture, self.started))),
            ),
            Err(reason) => unready(vec![reason]),
        }
    }

    async fn page(&self, query: Option<&str>, visit: &Visit) -> Answer {
        match self.snapshot(visit).await {
            Ok(picture) => {
                let page = page::page(&picture.snapshot, &Query::parse(query.unwrap_or_default()));
                content(StatusCode::OK, HTML, page)
            }
            Err(reason) => content(StatusCode::SERVICE_UNAVAILABLE, HTML, page::without_answer(&reason)),
        }
    }
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    reasons: Vec<Reason>,
}

fn unready(reasons: Vec<Reason>) -> Answer {
    json(StatusCode::SERVICE_UNAVAILABLE, &Readiness { ready: false, reasons })
}

fn json(status: StatusCode, what: &impl Serialize) -> Answer {
    // Made of texts only: it always has a JSON form.
    content(status, "application/json", serde_json::to_string(what).unwrap_or_default() + "\n")
}

fn text(status: StatusCode, text: &str) -> Answer {
    content(status, "text/plain; charset=utf-8", text.to_owned())
}

fn content(status: StatusCode, kind: &'static str, text: String) -> Answer {
    answer(status, kind, text.into())
}

fn answer(status: StatusCode, kind: &'static str, content: Content) -> Answer {
    let mut answer = Response::new(content);
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// With every answer. No script runs, nothing is loaded from elsewhere, nobody frames it, nobody keeps it.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CACHE_CONTROL, "no-store"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'",
    ),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
];
const HTML: &str = "text/html; charset=utf-8";
const NOT_OURS: &str =
    "This request is for another host. If this one has that name, list it in `allowed_hosts`.\n";
const NO_PAGE: &str = "The status page is off. `page = true` in the configuration switches it on; it is on by itself only \
                       where `listen` is a loopback address.\n";
