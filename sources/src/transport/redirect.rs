//! Redirects, which are followed within one scheme, host and port only.

use url::Url;

use super::message::{Answer, Patience, Request};
use crate::base_url::host_and_port;
use crate::{Detour, Said, SourceError};

/// How many are followed.
pub(super) const MOST: usize = 5;

/// Where an answer sends us, if it does; an error if that is somewhere we do not go.
pub(super) fn target(request: &Request, url: &Url, answer: &Answer) -> Result<Option<Url>, SourceError> {
    let status = answer.status.as_u16();
    let Some(location) = answer.header("location") else { return Ok(None) };
    if !matches!(status, 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Ok(target) = url.join(location) else {
        return Err(answer.malformed(&request.attempt, "its Location is not a URL"));
    };
    let brings_credential = !target.username().is_empty() || target.password().is_some();
    if target.origin() != url.origin() || brings_credential {
        return Err(refused(request, status, &target, Detour::Elsewhere));
    }
    // Whoever redirects may have carried it out before.
    if request.patience == Patience::Change {
        return Err(refused(request, status, &target, Detour::Change));
    }
    // After a 303 the login would have to become a read without its credential: not what was asked for.
    if status == 303 && request.method != reqwest::Method::GET {
        return Err(refused(request, status, &target, Detour::NotRepeatable));
    }
    Ok(Some(target))
}

/// The error that names the target by scheme, host and port: path and query may hold anything. The host may hold
/// what was sent, too.
pub(super) fn refused(request: &Request, status: u16, target: &Url, detour: Detour) -> SourceError {
    let target = Said::of([format!("{}://{}", target.scheme(), host_and_port(target))], &request.secrets);
    let target = target.text().unwrap_or_default().to_owned();
    SourceError::Redirected { attempt: request.attempt.clone(), status, target, detour }
}
