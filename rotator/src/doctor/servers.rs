//! The servers that sources talk to, each once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use tokenferry_sources::cause::with_causes;
use tokenferry_sources::{
    ExposeSecret, Given, HttpClient, ProcessEnvironment, is_loopback, parse_url, rfc3339,
};
use url::Url;

use super::Patient;
use super::finding::{Check, Finding, Group};
use super::probe::{Answer, Server, Silence, probe};
use crate::proof::human;
use crate::source::{OpenError, Setting, Source};

/// Who uses a server, and how long it may take.
#[derive(Default)]
struct Use {
    names: BTreeSet<Arc<str>>,
    timeout: Duration,
}

pub(super) async fn examine(patient: &Patient<'_>, vault_is_usable: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut servers: BTreeMap<Server, Use> = BTreeMap::new();
    for source in patient.sources() {
        let roots = match open(patient, source, vault_is_usable).await {
            Ok(roots) => {
                findings.extend(kept_in_vault(source));
                roots
            }
            Err(finding) => {
                findings.extend(finding);
                written(source)
            }
        };
        for root in roots {
            let user =
                servers.entry(Server { root, ca_cert_file: source.http.ca_cert_file.clone() }).or_default();
            user.names.insert(Arc::clone(&source.name));
            user.timeout = user.timeout.max(source.http.timeout);
        }
    }
    patient.progress.expect(servers.len());
    let clock = &*patient.app.clock;
    let probes = servers.iter().map(|(server, user)| async move {
        let answer = probe(server, user.timeout, clock).await;
        patient.progress.step();
        judge(Group::Systems, server, Some(&used_by(&user.names)), answer, clock.now())
    });
    let judged: Vec<Vec<Finding>> = stream::iter(probes).buffered(AT_ONCE).collect().await;
    findings.extend(judged.into_iter().flatten());
    findings
}

/// The servers of a source; or why it cannot be told, of which something was said already if it is no finding.
async fn open(
    patient: &Patient<'_>,
    source: &Source,
    vault_is_usable: bool,
) -> Result<Vec<Url>, Option<Finding>> {
    if !vault_is_usable && source.in_vault().next().is_some() {
        return Err(None);
    }
    let http = Arc::new(HttpClient::new(source.http.clone()));
    let app = patient.app;
    let opened = source.open(&ProcessEnvironment, &app.vault, &http, &app.clock).await;
    let subject = &*source.name;
    match opened {
        Ok(opened) => Ok(opened.login.servers()),
        Err(OpenError::Unavailable { .. }) => Err(None),
        Err(OpenError::InVault { field, source: error }) => Err(Some(Finding::problem(
            Group::Secrets,
            Check::Secret,
            format!("{subject}: {field}"),
            error.to_string(),
            error.advice(),
        ))),
        Err(error) => Err(Some(Finding::problem(
            Group::Secrets,
            Check::Source,
            subject,
            with_causes(&error),
            "Correct what the variable, the file or the entry of Vault holds.",
        ))),
    }
}

/// What was read from Vault to get that far.
fn kept_in_vault(source: &Source) -> impl Iterator<Item = Finding> {
    source.in_vault().map(|(field, kept)| {
        let subject = format!("{}: {field}", source.name);
        Finding::ok(Group::Secrets, Check::Secret, subject, format!("can be read from Vault, {kept}"))
    })
}

/// The servers that are written down, where not all is known that is needed for a login.
fn written(source: &Source) -> Vec<Url> {
    let url = |setting: &Setting| match setting {
        Setting::Literal(Given::Text(text)) => parse_url(text.expose_secret()),
        _ => None,
    };
    let roots = source.settings().filter_map(|(_, setting)| url(setting)).filter(Url::has_host);
    roots.filter_map(|url| Url::parse(&url.origin().ascii_serialization()).ok()).collect()
}

/// What an answer of a server says.
pub(super) fn judge(
    group: Group,
    server: &Server,
    used_by: Option<&str>,
    answer: Result<Answer, Silence>,
    now: tokenferry_sources::Timestamp,
) -> Vec<Finding> {
    let subject = server.root.origin().ascii_serialization();
    let proxy = HttpClient::default().proxy(&server.root);
    let by_proxy = proxy.map(|proxy| format!(", by way of the proxy {proxy}")).unwrap_or_default();
    let used_by = used_by.map(|names| format!("; for {names}")).unwrap_or_default();
    let answer = match answer {
        Ok(answer) => answer,
        Err(Silence { what, advice }) => {
            let found = format!("{what}{by_proxy}{used_by}");
            return vec![Finding::problem(group, Check::Server, subject, found, advice)];
        }
    };
    let found =
        format!("answers HTTP {} in {} ms{by_proxy}{used_by}", answer.status, answer.took.as_millis());
    let mut findings = vec![Finding::ok(group, Check::Server, &subject, found)];
    findings.extend(answer.certificate_ends.and_then(|end| certificate(group, &subject, end, now)));
    findings.extend(answer.ahead.and_then(|ahead| clock(group, &subject, ahead)));
    if server.root.scheme() == "http" && !is_loopback(&server.root) {
        findings.push(Finding::warning(
            group,
            Check::PlainHttp,
            &subject,
            "plain http: whoever is on the way can read credentials and tokens",
            "Use https.",
        ));
    }
    findings
}

fn certificate(
    group: Group,
    subject: &str,
    end: tokenferry_sources::Timestamp,
    now: tokenferry_sources::Timestamp,
) -> Option<Finding> {
    let left = (end - now).num_days();
    (left < CERTIFICATE_DAYS).then(|| {
        let found = format!("its certificate ends in {left} days, at {}", rfc3339(end));
        Finding::warning(group, Check::Certificate, subject, found, "Have it renewed there in time.")
    })
}

fn clock(group: Group, subject: &str, ahead: chrono::TimeDelta) -> Option<Finding> {
    let by = ahead.abs().to_std().ok().filter(|by| *by > SKEW)?;
    let (by, side) = (
        human(Duration::from_secs(by.as_secs())),
        if ahead > chrono::TimeDelta::zero() { "ahead of" } else { "behind" },
    );
    let found = format!("its clock is {by} {side} the one of this machine");
    let advice = "Find out which of the two is wrong, and have it set (NTP): the ends of tokens are times.";
    Some(Finding::warning(group, Check::Clock, subject, found, advice))
}

/// The first few names.
fn used_by(names: &BTreeSet<Arc<str>>) -> String {
    let first: Vec<&str> = names.iter().map(|name| &**name).take(MOST_NAMED).collect();
    match names.len().saturating_sub(MOST_NAMED) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

const AT_ONCE: usize = 16;
const MOST_NAMED: usize = 3;
const CERTIFICATE_DAYS: i64 = 21;
/// What is less does not matter to tokens that live for minutes; many systems take it for granted.
const SKEW: Duration = Duration::from_secs(30);
