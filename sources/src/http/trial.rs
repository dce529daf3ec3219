//! Trying a new token out: one request that carries it.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, HeaderName};
use secrecy::ExposeSecret;
use url::Url;

use super::fields::VERIFY;
use super::notes::{Notes, Spot};
use super::plan::{Plan, Secrets};
use super::reading::{Scope, text};
use super::request::RequestPlan;
use super::target::Reach;
use super::template::Known;
use crate::base_url::host_and_port;
use crate::transport;
use crate::{Action, Attempt, BuildContext, Given, GivenFields, Said, SourceError, Token, Verification};

/// The request, and which answers are good.
pub(super) struct Trial {
    request: RequestPlan,
    /// Every 2xx, if there is none.
    statuses: Vec<u16>,
}

impl Trial {
    /// Scheme, host and port of where it goes.
    pub(super) fn origin(&self) -> &Url {
        self.request.origin()
    }

    /// `None` if there is none, or not yet, or something is wrong with it, which is noted.
    pub(super) fn read(
        given: &GivenFields,
        secrets: &Secrets,
        reach: Reach,
        notes: &mut Notes,
    ) -> Option<Self> {
        let spot = Spot::field(VERIFY);
        let Given::Map(trial) = given.get(VERIFY)? else {
            notes.unknown(&spot);
            return None;
        };
        let before = notes.count();
        let mut scope = Scope { secrets: secrets.names.clone(), values: Some(BTreeSet::new()), reach };
        let request = RequestPlan::read(trial, &spot, &mut scope, notes);
        let statuses = statuses(trial, &spot, notes);
        let carrier = match given.get("header") {
            Some(Given::Text(header)) => header.expose_secret().parse::<HeaderName>().ok(),
            Some(_) => None,
            None => Some(AUTHORIZATION),
        };
        if let (Some(request), Some(carrier)) = (&request, carrier)
            && request.headers.iter().any(|(name, _)| *name == carrier)
        {
            notes.wrong(&spot.name("headers"), "the token itself is sent in this header; leave it out");
        }
        let request = request?;
        (notes.count() == before).then_some(Trial { request, statuses })
    }

    /// Only a plain "no" is one: anything else says nothing about the token.
    pub(super) async fn of(
        &self,
        token: &Token,
        plan: &Plan,
        context: &BuildContext,
    ) -> Result<Verification, SourceError> {
        let host = host_and_port(self.request.origin());
        let attempt = Attempt::new(&super::SYSTEM, Action::Verify, host);
        let mut request = self.request.fill(&Known::new(&plan.secrets), attempt.clone())?;
        request.refuse_link_local = !plan.allow_link_local;
        if let Ok(carrier) = token.usage.header_name.parse::<HeaderName>() {
            request.secret_header(carrier, &token.header_value());
        }
        request.secrets.push(token.value.clone());
        let answer = transport::send(context, &request).await?;
        if self.is_good(answer.status) {
            return Ok(Verification::Good);
        }
        Err(match answer.status.as_u16() {
            status @ (401 | 403) => {
                let said = Said::from_body(&answer.body, &request.secrets);
                SourceError::TokenRejected { attempt, status, said }
            }
            _ => answer.failure(&attempt, &request.secrets),
        })
    }

    fn is_good(&self, status: StatusCode) -> bool {
        if self.statuses.is_empty() { status.is_success() } else { self.statuses.contains(&status.as_u16()) }
    }
}

fn statuses(trial: &GivenFields, spot: &Spot, notes: &mut Notes) -> Vec<u16> {
    let Some(text) = text(trial, STATUSES, spot, notes) else { return Vec::new() };
    let statuses: Option<Vec<u16>> = serde_json::from_str(text).ok();
    let is_status = |status: &u16| (200..500).contains(status);
    match statuses {
        Some(statuses) if !statuses.is_empty() && statuses.iter().all(is_status) => statuses,
        _ => {
            notes.wrong(
                &spot.name(STATUSES),
                "it must be a list of statuses from 200 to 499, such as [200, 404]",
            );
            Vec::new()
        }
    }
}

const STATUSES: &str = "statuses";
