//! A login by a chain of requests: what one answer gives, the next request can use.

use std::time::Duration;

use super::issue::{Taken, end, life};
use super::plan::{Plan, TOKEN};
use super::request::RequestPlan;
use super::template::Known;
use crate::base_url::host_and_port;
use crate::error::Step;
use crate::expiry::{Arrival, Stated};
use crate::transport::{self, Answer};
use crate::{Action, Attempt, BuildContext, Said, SourceError, Token};

/// Sends one request after the other. They share the time, and the waits, that one exchange has, and none is sent
/// again because a later one failed.
pub(super) async fn login(
    plan: &Plan,
    requests: &[RequestPlan],
    context: &BuildContext,
) -> Result<Token, SourceError> {
    let mut known = Known::new(&plan.secrets);
    let settings = context.http.settings();
    let (mut left, mut waits_left) = (settings.timeout, settings.max_wait);
    for (index, step) in requests.iter().enumerate() {
        let here = at(step, index, requests.len());
        let mut request = step.fill(&known, here.clone())?;
        request.limit = (index > 0).then(|| in_millis(left));
        request.max_wait = Some(waits_left);
        request.refuse_link_local = !plan.allow_link_local;
        let answer = transport::send(context, &request).await?;
        left = left.saturating_sub(answer.spent);
        waits_left = waits_left.saturating_sub(answer.waited);
        if !answer.status.is_success() {
            return Err(answer.failure(&here, &request.secrets));
        }
        take(step, &answer, &here, &mut known)?;
    }
    token(plan, &known)
}

/// Messages name the limit.
fn in_millis(limit: Duration) -> Duration {
    Duration::from_millis(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX))
}

fn at(step: &RequestPlan, index: usize, of: usize) -> Attempt {
    let short = |number| u16::try_from(number).unwrap_or(u16::MAX);
    let attempt = Attempt::new(&super::SYSTEM, Action::Login, host_and_port(step.origin()));
    Attempt { step: Some(Step { index: short(index), of: short(of) }), ..attempt }
}

fn take(
    step: &RequestPlan,
    answer: &Answer,
    attempt: &Attempt,
    known: &mut Known<'_>,
) -> Result<(), SourceError> {
    let arrival = Arrival::of(answer);
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
