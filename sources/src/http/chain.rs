//! A login by a chain of requests: what one answer gives, the next request can use.

use super::issue::{Taken, arrival, end, life};
use super::plan::{Plan, TOKEN};
use super::request::RequestPlan;
use super::template::Known;
use crate::base_url::host_and_port;
use crate::error::Step;
use crate::expiry::Stated;
use crate::transport::{self, Answer};
use crate::{Action, Attempt, BuildContext, Said, SourceError, Token};

/// Sends one request after the other. They share the time that one exchange has, and none is sent again because a
/// later one failed.
pub(super) async fn login(
    plan: &Plan,
    requests: &[RequestPlan],
    context: &BuildContext,
) -> Result<Token, SourceError> {
    let mut known = Known::new(&plan.secrets);
    let mut left = context.http.settings().timeout;
    for (index, step) in requests.iter().enumerate() {
        let here = at(step, index + 1, requests.len());
        let mut request = step.fill(&known, here.clone())?;
        request.limit = (index > 0).then_some(left);
        request.refuse_link_local = !plan.allow_link_local;
        let answer = transport::send(context, &request).await?;
        left = left.saturating_sub(answer.spent);
        if !answer.status.is_success() {
            return Err(answer.failure(&here, &request.secrets));
        }
        take(step, &answer, &here, &mut known)?;
    }
    token(plan, &known)
}

fn at(step: &RequestPlan, number: usize, of: usize) -> Attempt {
    let attempt = Attempt::new(&super::SYSTEM, Action::Login, host_and_port(step.origin()));
    Attempt { step: Some(Step { number, of }), ..attempt }
}

fn take(
    step: &RequestPlan,
    answer: &Answer,
    attempt: &Attempt,
    known: &mut Known<'_>,
) -> Result<(), SourceError> {
    let arrival = arrival(answer);
    for value in &step.values {
        let text = value.take(answer, attempt)?;
        let taken = Taken { text, arrival, attempt: attempt.clone() };
        known.values.insert(value.name().to_string(), taken);
    }
    Ok(())
}

fn token(plan: &Plan, known: &Known<'_>) -> Result<Token, SourceError> {
    let stated = |name, read: fn(&Taken) -> Result<Stated, SourceError>| {
        let taken = known.values.get(name);
        taken.map(|taken| Ok((read(taken)?, taken.arrival))).transpose()
    };
    // A life does not depend on any clock.
    let stated = match stated("expires_in", life)? {
        None => stated("expires_at", end)?,
        life => life,
    };
    // That one of the requests takes it was checked with the settings.
    let token = known.values.get(TOKEN).ok_or_else(|| {
        let attempt = Attempt::new(&super::SYSTEM, Action::Login, plan.terms.identity.issuer.clone());
        SourceError::NoToken { attempt, status: 200, said: Said::default() }
    })?;
    plan.terms.token(token, stated, None)
}
