//! Every request passes here: it is recorded, faults are applied, and its system answers.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::DATE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Request, StatusCode};
use axum::response::Response;
use chrono::DateTime;
use hyper::body::Incoming;
use tokio::time::sleep;
use tower::ServiceExt;

use crate::answer;
use crate::conditions::Conditions;
use crate::control::effect::{self, Cut};
use crate::control::fault::Effect;
use crate::control::plan::Plan;
use crate::control::{Control, http};
use crate::passing;
use crate::system::{Act, System};

/// No request to an issuer is anywhere near this size.
const BODY_LIMIT: usize = 1024 * 1024;

/// The way in.
#[derive(Debug)]
pub(crate) struct Gate {
    control: Control,
    control_router: Router,
    /// One for each system, in the order of [`Control::systems`].
    routers: Vec<Router>,
}

impl Gate {
    pub(crate) fn new(control: Control) -> Self {
        let control_router = http::router(control.clone());
        let routers = control.systems().iter().map(|system| Arc::clone(system).router()).collect();
        Self { control, control_router, routers }
    }

    pub(crate) fn control(&self) -> &Control {
        &self.control
    }

    /// Answers one request, or says that the connection is to be cut.
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Result<Response, Cut> {
        let request = request.map(Body::new);
        if request.uri().path().starts_with("/_control/") {
            return Ok(route(&self.control_router, request).await);
        }
        let (head, body) = request.into_parts();
        let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
            return Ok(answer::empty(StatusCode::PAYLOAD_TOO_LARGE));
        };
        let found = self.find(head.uri.path());
        if let Err(error) = passing::note_presented(&head, &body) {
            return Ok(cannot_note(&error));
        }
        let act = found.map_or(Act::Other, |(system, _)| system.act(&head, &body));
        let mut visit = self.control.ledger().arrive(&head, found.map(|(system, _)| system.name()), act);
        let plan = self.control.plan(&head);
        let response = carry_out(plan, found.map(|(_, router)| router), head, body).await?;
        visit.answered(&response);
        Ok(passing::note_issued(response).await.unwrap_or_else(|error| cannot_note(&error)))
    }

    /// The system that lives at this path.
    fn find(&self, path: &str) -> Option<(&dyn System, &Router)> {
        let name = path.split('/').nth(1)?;
        let mut all = self.control.systems().iter().map(Arc::as_ref).zip(&self.routers);
        all.find(|(system, _)| system.name() == name)
    }
}

/// Loudly: who asked for the secrets relies on having all of them.
fn cannot_note(error: &io::Error) -> Response {
    answer::plain_line(StatusCode::INTERNAL_SERVER_ERROR, &format!("cannot note a secret: {error}"))
}

async fn carry_out(plan: Plan, router: Option<&Router>, head: Parts, body: Bytes) -> Result<Response, Cut> {
    if !plan.latency.is_zero() {
        sleep(plan.latency).await;
    }
    let honest = honest(router, plan.conditions, head, body);
    match plan.effect {
        None => Ok(honest.await),
        Some(Effect::Cut { after_bytes: Some(sent) }) => effect::cut_after(honest.await, sent).await,
        Some(Effect::Truncate { bytes }) => effect::truncate(honest.await, bytes).await,
        Some(effect) => effect::instead(effect).await,
    }
}

/// What the system itself has to say.
async fn honest(router: Option<&Router>, conditions: Conditions, head: Parts, body: Bytes) -> Response {
    let date = (conditions.skew_secs != 0).then(|| http_date(conditions.now())).flatten();
    let mut response = match router {
        Some(router) => {
            let mut request = Request::from_parts(head, Body::from(body));
            request.extensions_mut().insert(Arc::new(conditions));
            route(router, request).await
        }
        None => answer::plain_line(StatusCode::NOT_FOUND, "no system of the sandbox lives at this path"),
    };
    if let Some(date) = date {
        response.headers_mut().insert(DATE, date);
    }
    response
}

async fn route(router: &Router, request: Request<Body>) -> Response {
    match router.clone().oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

fn http_date(unix_secs: i64) -> Option<HeaderValue> {
    let text = DateTime::from_timestamp(unix_secs, 0)?.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    HeaderValue::from_str(&text).ok()
}
