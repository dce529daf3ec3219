//! One exchange: a request, its retries and its waits, until there is an answer or a reason.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::debug;
use url::Url;
use zeroize::Zeroizing;

use super::message::{Answer, Patience, Request};
use super::{failure, link_local, redirect, wait};
use crate::{BuildContext, Detour, SourceError};

/// Sends a request until it is answered with something that another try would not change.
///
/// # Errors
/// When no such answer comes within the time that the settings allow.
pub(crate) async fn send(context: &BuildContext, request: &Request) -> Result<Answer, SourceError> {
    let mut budget = Budget::new(context, request);
    let tries = if context.http.settings().retries { request.patience.tries() } else { 1 };
    let mut tries_made = 0;
    loop {
        tries_made += 1;
        let outcome = budget.bound(request, follow(context, request)).await;
        let meant = outcome.as_ref().ok().and_then(|answer| (request.passing)(answer));
        let setback = match (outcome, meant) {
            (Ok(answer), Some(meant)) => {
                let pause = Pause::after(&answer, meant, tries_made);
                if tries_made >= tries || !budget.pause(pause).await {
                    return Ok(budget.charge(answer));
                }
                debug!(system = request.attempt.system.name, tries_made, "trying again");
                continue;
            }
            (Ok(answer), None) => match Setback::from_answer(request, answer, tries_made) {
                Ok(answer) => return Ok(budget.charge(answer)),
                Err(setback) => setback,
            },
            (Err(error), _) => Setback::from_error(request, error, tries_made),
        };
        let error = *setback.error;
        if tries_made >= tries || !budget.pause(setback.pause).await {
            return Err(error);
        }
        debug!(system = request.attempt.system.name, class = %error.class(), tries_made, "trying again");
    }
}

/// Why a try did not count, and how long to wait before the next.
struct Setback {
    error: Box<SourceError>,
    pause: Pause,
}

enum Pause {
    /// The system asks for it; does not count as time spent.
    Asked(Duration),
    /// We think it better.
    Backoff(Duration),
    /// Another try is of no use.
    Never,
}

impl Pause {
    /// Before the try after an answer that means this status.
    fn after(answer: &Answer, meant: u16, tries_made: u32) -> Self {
        let backoff = wait::backoff(tries_made);
        match wait::asked(answer, meant) {
            Some(asked) => Pause::Asked(asked),
            None if meant == 429 => Pause::Asked(backoff + wait::MARGIN),
            None => Pause::Backoff(backoff),
        }
    }
}

impl Setback {
    /// The answer, if it is one to keep.
    fn from_answer(request: &Request, answer: Answer, tries_made: u32) -> Result<Answer, Self> {
        if !request.patience.bears(answer.status.as_u16()) {
            return Ok(answer);
        }
        let error = answer.failure(&request.attempt, &request.secrets);
        Err(Setback {
            error: Box::new(error),
            pause: Pause::after(&answer, answer.status.as_u16(), tries_made),
        })
    }

    fn from_error(request: &Request, error: SourceError, tries_made: u32) -> Self {
        let again = match error {
            SourceError::Unreachable { .. } => true,
            SourceError::BrokenAnswer { .. } | SourceError::Tls { certificate: false, .. } => {
                request.patience != Patience::Change
            }
            _ => false,
        };
        let pause = if again { Pause::Backoff(wait::backoff(tries_made)) } else { Pause::Never };
        Setback { error: Box::new(error), pause }
    }
}

impl Patience {
    fn tries(self) -> u32 {
        match self {
            Patience::Once => 1,
            Patience::Change | Patience::Login | Patience::Read => 3,
        }
    }

    /// Whether an answer with this status is one that another try may better.
    fn bears(self, status: u16) -> bool {
        match self {
            Patience::Change => status == 429,
            Patience::Login | Patience::Once => matches!(status, 429 | 500 | 502..=504),
            Patience::Read => matches!(status, 408 | 429 | 500 | 502..=504),
        }
    }
}

/// The time one exchange has.
struct Budget {
    timeout: Duration,
    deadline: Instant,
    max_wait: Duration,
    waited: Duration,
}

impl Budget {
    fn new(context: &BuildContext, request: &Request) -> Self {
        let settings = context.http.settings();
        let least =
            |allowed: Duration, left: Option<Duration>| left.map_or(allowed, |left| left.min(allowed));
        let timeout = least(settings.timeout, request.limit);
        let max_wait = least(settings.max_wait, request.max_wait);
        let now = Instant::now();
        // A timeout beyond the end of time is none.
        let deadline = now.checked_add(timeout).unwrap_or(now + Duration::from_hours(8760));
        Budget { timeout, deadline, max_wait, waited: Duration::ZERO }
    }

    async fn bound(
        &self,
        request: &Request,
        work: impl Future<Output = Result<Answer, SourceError>>,
    ) -> Result<Answer, SourceError> {
        let timed_out = || SourceError::TimedOut { attempt: request.attempt.clone(), limit: self.timeout };
        timeout_at(self.deadline, work).await.unwrap_or_else(|_| Err(timed_out()))
    }

    /// The answer, with what is gone of the time for it.
    fn charge(&self, answer: Answer) -> Answer {
        let left = self.deadline.saturating_duration_since(Instant::now());
        Answer { spent: self.timeout.saturating_sub(left), waited: self.waited, ..answer }
    }

    /// Waits, if there is time for it.
    async fn pause(&mut self, pause: Pause) -> bool {
        let pause = match pause {
            Pause::Asked(pause) if pause <= self.max_wait.saturating_sub(self.waited) => {
                self.waited += pause;
                self.deadline += pause;
                pause
            }
            Pause::Backoff(pause) if Instant::now() + pause < self.deadline => pause,
            Pause::Asked(_) | Pause::Backoff(_) | Pause::Never => return false,
        };
        sleep(pause).await;
        true
    }
}

/// One try, with the redirects that stay where they are.
async fn follow(context: &BuildContext, request: &Request) -> Result<Answer, SourceError> {
    let mut url = request.url.clone();
    let mut followed = 0;
    loop {
        let answer = once(context, request, &url).await?;
        let Some(target) = redirect::target(request, &url, &answer)? else { return Ok(answer) };
        if followed == redirect::MOST {
            return Err(redirect::refused(request, answer.status.as_u16(), &target, Detour::Loop));
        }
        followed += 1;
        url = target;
    }
}

async fn once(context: &BuildContext, request: &Request, url: &Url) -> Result<Answer, SourceError> {
    let mut url = url.clone();
    if request.bust_caches && !url.query_pairs().any(|(name, _)| name == "_") {
        url.query_pairs_mut().append_pair("_", &fastrand::u64(..).to_string());
    }
    if request.refuse_link_local
        && let Some(address) = link_local::refused(&url, context.http.uses_proxy(&url)).await
    {
        return Err(SourceError::LinkLocal { attempt: request.attempt.clone(), address });
    }
    let mut builder = context
        .http
        .client(&url, request.refuse_link_local)
        .await?
        .request(request.method.clone(), url)
        .headers(request.headers.clone());
    builder = match &request.body {
        Some(body) if request.headers.contains_key(CONTENT_TYPE) => builder.body(body.bytes.to_vec()),
        Some(body) => builder.header(CONTENT_TYPE, body.content_type).body(body.bytes.to_vec()),
        // Where a body is usual, some proxies wait for one, or answer 411, until its length is stated.
        None if request.method != Method::GET => builder.header(CONTENT_LENGTH, "0"),
        None => builder,
    };
    context.http.count(request.attempt.system);
    let response = builder.send().await.map_err(|error| failure::transport(&request.attempt, error))?;
    read(context, request, response).await
}

/// Takes in an answer of bearable size.
async fn read(
    context: &BuildContext,
    request: &Request,
    mut response: reqwest::Response,
) -> Result<Answer, SourceError> {
    let received_at = context.clock.now();
    let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
    let body = match body(request, &mut response).await {
        Ok(body) => body,
        // The body of a failure does not matter: its status says enough.
        Err(_) if !status.is_success() => Zeroizing::default(),
        Err(error) => return Err(error),
    };
    let path = request.shown_path.clone().unwrap_or_else(|| request.url.path().into());
    Ok(Answer { path, status, headers, body, received_at, spent: Duration::ZERO, waited: Duration::ZERO })
}

async fn body(
    request: &Request,
    response: &mut reqwest::Response,
) -> Result<Zeroizing<Vec<u8>>, SourceError> {
    let limit = request.largest;
    let too_large = || SourceError::AnswerTooLarge { attempt: request.attempt.clone(), limit };
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let mut body = Zeroizing::new(Vec::new());
    loop {
        let chunk = response.chunk().await.map_err(|error| failure::transport(&request.attempt, error))?;
        match chunk {
            Some(chunk) if body.len() + chunk.len() > limit => return Err(too_large()),
            Some(chunk) => body.extend_from_slice(&chunk),
            None => return Ok(body),
        }
    }
}
