//! The control endpoint: what [`Control`] offers, over HTTP.

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};

use super::Control;
use super::fault::Fault;
use crate::answer::plain_line;

/// Everything below `/_control/`.
pub(crate) fn router(control: Control) -> Router {
    Router::new()
        .route("/_control/counters", get(counters))
        .route("/_control/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/_control/requests", get(requests))
        .route("/_control/reset", post(reset))
        .fallback(nothing_here)
        .with_state(control)
}

async fn counters(State(control): State<Control>) -> Response {
    Json(control.counters()).into_response()
}

async fn faults(State(control): State<Control>) -> Response {
    Json(control.faults()).into_response()
}

async fn add_fault(State(control): State<Control>, fault: Result<Json<Fault>, JsonRejection>) -> Response {
    let fault = match fault {
        Ok(Json(fault)) => fault,
        Err(rejection) => return plain_line(rejection.status(), &rejection.body_text()),
    };
    let names: Vec<_> = control.systems().iter().map(|system| system.name()).collect();
    if let Some(problem) = fault.problem(&names) {
        return plain_line(StatusCode::UNPROCESSABLE_ENTITY, &problem);
    }
    control.fault(fault);
    StatusCode::NO_CONTENT.into_response()
}

async fn clear_faults(State(control): State<Control>) -> StatusCode {
    control.clear_faults();
    StatusCode::NO_CONTENT
}

async fn requests(State(control): State<Control>) -> Response {
    Json(control.requests()).into_response()
}

async fn reset(State(control): State<Control>) -> StatusCode {
    control.reset();
    StatusCode::NO_CONTENT
}

async fn nothing_here() -> Response {
    plain_line(
        StatusCode::NOT_FOUND,
        "below /_control/ there are faults (GET, POST, DELETE), counters (GET), requests (GET), reset (POST)",
    )
}
