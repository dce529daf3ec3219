//! One line for the headline, and what to do.

use super::{Action, Attempt, Detour, SourceError};
use crate::clock::rfc3339;
use crate::system::capitalized;
use crate::zscaler::DeviceKey;
use crate::{Field, FieldKind, HTTP_FIELDS, System};

/// What only a system itself can advise. Whole sentences, for users.
#[derive(Clone, Copy, Debug)]
pub struct Guidance {
    /// After a refused login. As in all of these, names may stand in backticks, and there is no other markup.
    pub login_refused: &'static str,
    /// After a 403.
    pub no_access: &'static str,
    /// After a 404 or a redirect: what belongs into the URL setting.
    pub address: &'static str,
}

impl SourceError {
    /// A headline: one per class and system.
    pub fn summary(&self) -> String {
        capitalized(&self.headline())
    }

    fn headline(&self) -> String {
        use SourceError as E;
        match self {
            E::AmbiguousDevice { .. } => "More than one device matches".to_owned(),
            E::AnswerTooLarge { attempt, .. } => format!("{} answered too much", title(attempt)),
            E::BadRequest { attempt, .. } => format!("{} turned the request down", title(attempt)),
            E::BrokenAnswer { attempt, .. } => format!("{} gave no complete answer", title(attempt)),
            E::CaFile { .. } => "The CA certificate file cannot be used".to_owned(),
            E::CaStore { .. } => "No CA certificates on this machine".to_owned(),
            E::ExpiredOnArrival { attempt, .. } => format!("{} issued an expired token", title(attempt)),
            E::ExpiryUnknown { system, .. } => format!("{system} does not say when its token ends"),
            E::GatewayTimedOut { attempt, .. } => {
                format!("A gateway of {} did not get an answer in time", title(attempt))
            }
            E::KeyExpired { system, .. } => format!("The API key of {system} is over"),
            E::LifetimeZero { attempt, .. } => format!("{} issues tokens without life", title(attempt)),
            E::LinkLocal { .. } => "A link-local or metadata address is not asked".to_owned(),
            E::LoginRefused { attempt, .. } | E::NoToken { attempt, .. } => {
                format!("{} refused the login", title(attempt))
            }
            E::Malformed { attempt, .. } => {
                format!("{} gave an answer that is not understood", title(attempt))
            }
            E::MissingValue { attempt, .. } => format!("{} did not answer with all values", title(attempt)),
            E::MissingOtp { .. } => "The device has no one-time password for this purpose".to_owned(),
            E::MissingPassword { .. } => "The app profile has no password for this purpose".to_owned(),
            E::Named { attempt, failure, .. } => format!("{} {}", title(attempt), failure.headline),
            E::NoAccess { attempt, .. } => format!("{} denied access", title(attempt)),
            E::NoOtp { .. } => "The device has no one-time password".to_owned(),
            E::NoSuchDevice { .. } => "There is no such device".to_owned(),
            E::NotAllowedHere { attempt, .. } => format!("{} requires OneAPI here", title(attempt)),
            E::NotFound { attempt, .. } => format!("{} was not found at this address", title(attempt)),
            E::ProxyRefused { .. } => "The proxy refused to pass the request on".to_owned(),
            E::RateLimited { attempt, .. } => format!("{} limits the rate of requests", title(attempt)),
            E::Redirected { attempt, detour: Detour::Change, .. } => {
                format!("{} is redirected", title(attempt))
            }
            E::Redirected { attempt, detour: Detour::Elsewhere, .. } => {
                format!("{} redirects elsewhere", title(attempt))
            }
            E::Redirected { attempt, detour: Detour::Loop, .. } => {
                format!("{} redirects in circles", title(attempt))
            }
            E::Redirected { attempt, detour: Detour::NotRepeatable, .. } => {
                format!("{} redirects to a page to read", title(attempt))
            }
            E::ServerError { attempt, .. } => format!("{} failed", title(attempt)),
            E::TimedOut { attempt, .. } => format!("{} did not answer in time", title(attempt)),
            E::Tls { attempt, .. } => format!("No secure connection to {}", title(attempt)),
            E::TokenRejected { attempt, .. } => format!("{} rejected a fresh token", title(attempt)),
            E::TooShortLived { system, .. } => format!("The token of {system} is too short-lived"),
            E::UnexpectedStatus { attempt, .. } => format!("{} gave an unexpected answer", title(attempt)),
            E::UnknownDevice { attempt, .. } => format!("{} does not know the device", title(attempt)),
            E::UnusableValue { attempt, .. } => format!("A value for {} cannot be used", title(attempt)),
            E::Unreachable { attempt, .. } => format!("{} cannot be reached", title(attempt)),
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> String {
        use SourceError as E;
        match self {
            E::BadRequest { attempt, .. } if attempt.action == Action::Login => {
                format!("A part of the credential may be malformed. {}", attempt.guidance.login_refused)
            }
            E::LoginRefused { attempt, .. } | E::NoToken { attempt, .. } => {
                format!("{} A refused login is not tried again.", attempt.guidance.login_refused)
            }
            E::Named { failure, .. } => failure.advice.to_owned(),
            E::NoAccess { attempt, .. } if attempt.action == Action::Removal => {
                format!("Removing devices needs a role that may write. {}", attempt.guidance.no_access)
            }
            E::NoAccess { attempt, .. } => attempt.guidance.no_access.to_owned(),
            E::NotFound { attempt, .. } | E::UnexpectedStatus { attempt, .. } => {
                with_hint(attempt.guidance.address, attempt)
            }
            E::Redirected { attempt, target, detour, .. } => {
                let setting = url_setting(attempt.system);
                format!("{} {}", detour.advice(target, setting), attempt.guidance.address)
            }
            E::UnknownDevice { attempt, status: 404, device, .. } if is_udid(device) => {
                format!("{} {}", fixed(self), with_hint(attempt.guidance.address, attempt))
            }
            E::BrokenAnswer { attempt, .. } => with_hint(&broken(attempt.system), attempt),
            E::AnswerTooLarge { attempt, .. } | E::Malformed { attempt, .. } => format!(
                "Something other than the system's API seems to answer at this address: check `{}` and any proxy in \
                 between.",
                url_setting(attempt.system)
            ),
            E::Unreachable { attempt, .. } => with_hint(&format!("{}.", network(attempt)), attempt),
            E::TimedOut { attempt, .. } => {
                with_hint(&format!("{}; raise `timeout` if the system is slow.", network(attempt)), attempt)
            }
            E::RateLimited { until: Some(until), .. } | E::ServerError { until: Some(until), .. } => {
                format!("Try again after {}. {}", rfc3339(*until), waiting())
            }
            E::RateLimited { until: None, .. } => {
                format!("Try again later, and less often. {}", waiting())
            }
            E::TooShortLived { minimum, left, .. } => format!(
                "Ask for a `minimum_lifetime` of at most {} s, or have the system issue tokens that live at least \
                 {} s.",
                left.as_secs(),
                minimum.as_secs()
            ),
            other => fixed(other).to_owned(),
        }
    }
}

/// The advice that depends on the class alone.
fn fixed(error: &SourceError) -> &'static str {
    use SourceError as E;
    match error {
        E::AmbiguousDevice { .. } => "Ask for one of them by its `udid`.",
        E::BadRequest { .. } => {
            "Check the values that were sent: one of them is not what the system expects."
        }
        E::CaFile { .. } => {
            "Check `ca_cert_file`: it must be a readable file with one or more CA certificates in PEM form \
             (`-----BEGIN CERTIFICATE-----`)."
        }
        E::CaStore { .. } => {
            "Install the CA certificates of the operating system (package `ca-certificates`), or point \
             `ca_cert_file` or the environment variable SSL_CERT_FILE to a file with them."
        }
        E::GatewayTimedOut { .. } => {
            "The system is slow or overloaded at the moment: try again later. A longer `timeout` gives it more tries."
        }
        E::ExpiredOnArrival { .. } => "Check the clock of this machine, and then the one of the issuer.",
        E::ExpiryUnknown { .. } => {
            "Set `ttl` to the life that tokens have at this system, or leave `minimum_lifetime` out."
        }
        E::KeyExpired { .. } => {
            "Make a new API key, and set `api_key` to it and `api_key_expires_at` to its end."
        }
        E::LifetimeZero { .. } => {
            "Set the server's `token-lifetime-api` to one minute or more: with 0 every token is over at once."
        }
        E::LinkLocal { .. } => {
            "Such addresses belong to services of this very machine or its cloud, which give credentials to whoever asks. \
             If this one is meant, set `allow_link_local = true`."
        }
        E::MissingValue { .. } => {
            "Look at what the service answers to this request, and put `json_pointer`, `header` or `regex` of the value \
             right. Names are case-sensitive."
        }
        E::UnusableValue { .. } => {
            "Look at where the value comes from: it is not what is needed there. Secrets have to be without a line break."
        }
        E::MissingOtp { .. } => {
            "Leave `purpose` out and take the password from `otps`, or ask for one of those that the device has."
        }
        E::MissingPassword { .. } => {
            "Leave `purpose` out and take the password from `passwords`, or ask for one of those that the profile has."
        }
        E::NoOtp { .. } => {
            "The device is known, but has no one-time password: check in the portal whether it is enrolled, and \
             whether its app profile uses passwords."
        }
        E::NotAllowedHere { .. } => {
            "This tenant or endpoint has moved to OneAPI, where API keys of the Client Connector portal are not \
             accepted. Use an API client of ZIdentity instead: set `client_id`, `vanity_domain`, and `client_secret` or \
             `private_key`."
        }
        E::ProxyRefused { .. } => {
            "Put the credentials of the proxy into its variable (HTTPS_PROXY, or HTTP_PROXY for plain http), as in \
             \"http://user:password@proxy.example:3128\", or list the host in NO_PROXY if it needs no proxy."
        }
        E::ServerError { .. } => "This is a failure of the system itself. Try again later.",
        E::Tls { certificate: true, .. } => {
            "The certificate of the server is not trusted by this machine. If it is issued by a CA of your own, \
             point `ca_cert_file` to that CA's certificate."
        }
        E::Tls { .. } => {
            "Check that the server at this address speaks https, and whether a proxy interferes."
        }
        E::TokenRejected { .. } => {
            "The login works, but its token is not accepted: check that `base_url` is that of the system that \
             issued it, and that the API key is still enabled."
        }
        E::NoSuchDevice { device } | E::UnknownDevice { device, .. } if !is_udid(device) => {
            "Check the name: a device is found only while it is enrolled, by the host name or the user that the portal \
             shows for it. Its `udid` always finds it."
        }
        E::NoSuchDevice { .. } | E::UnknownDevice { .. } => {
            "Unknown UDID? Copy it from the device's details in the portal, in full: on macOS a colon and a number \
             belong to it."
        }
        _ => "Try again later.",
    }
}

fn is_udid(device: &DeviceKey) -> bool {
    matches!(device, DeviceKey::Udid(_))
}

fn title(attempt: &Attempt) -> &'static str {
    attempt.system.title
}

fn with_hint(text: &str, attempt: &Attempt) -> String {
    attempt.hint.as_ref().map_or_else(|| text.to_owned(), |hint| format!("{text} {hint}"))
}

/// What stands between us and a host, the likeliest cause first. There is a hint where the host follows from
/// another setting than the URL.
fn network(attempt: &Attempt) -> String {
    let url = attempt.system.fields.iter().find(|field| matches!(field.kind, FieldKind::Url));
    match url {
        Some(url) if attempt.hint.is_none() => {
            format!("Check {}, then {NETWORK}", with_sources(attempt.system, url))
        }
        _ => format!("Check {NETWORK}"),
    }
}

/// A setting, and where its value comes from if it is not set.
fn with_sources(system: &System, field: &Field) -> String {
    let variables = system.variables(field).into_iter();
    let variables = variables.map(|(variable, _)| format!("environment variable {variable}"));
    let default = field.default.map(|default| format!("default {default}"));
    let sources: Vec<String> = variables.chain(default).collect();
    let name = field.name;
    if sources.is_empty() { format!("`{name}`") } else { format!("`{name}` ({})", sources.join(", ")) }
}

/// The setting that says where the system is.
fn url_setting(system: &System) -> &'static str {
    if system.field("base_url").is_some() { "base_url" } else { "url" }
}

fn broken(system: &System) -> String {
    format!(
        "The host is there, but the connection was closed too early, or something that does not speak HTTP answers: \
         check the port in `{}`, and any proxy in between. If it worked before, try again later.",
        url_setting(system)
    )
}

fn waiting() -> String {
    let max_wait = HTTP_FIELDS.iter().find(|field| field.name == "max_wait");
    let default = max_wait.and_then(|field| field.default).unwrap_or_default();
    format!(
        "A run waits by itself for up to `max_wait` (default {default}); raise it to let a run wait longer."
    )
}

const NETWORK: &str = "the network, name resolution and the proxy variables (HTTPS_PROXY, NO_PROXY)";
