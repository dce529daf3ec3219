//! Where a system is: scheme, host, port and the path before the documented one.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use thiserror::Error;
use url::{Host, ParseError, Url};

/// A URL that paths can be appended to: no user info, no query, no fragment, no slash at the end.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct BaseUrl(Url);

/// Why a text is no base URL. The text itself is not repeated: it may hold a password.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub(crate) enum BaseUrlError {
    #[error("it is not a URL; write it in full, as in \"https://host.example/path\"")]
    NotAUrl,
    #[error("it has no host; write it in full, as in \"https://host.example/path\"")]
    NoHost,
    #[error("its port must be a number from 1 to 65535")]
    Port,
    #[error("its scheme must be https (or http)")]
    Scheme,
    #[error("it contains a user name or password; use the fields for the credential instead")]
    UserInfo,
    #[error("it must end before the `?` or `#`")]
    Query,
    #[error(
        "plain http sends the credential unprotected, so it is accepted for this machine only (127.0.0.1, ::1, \
         localhost); use https, or set `allow_http = true`"
    )]
    PlainHttp,
}

impl BaseUrl {
    pub(crate) fn parse(text: &str, allow_http: bool) -> Result<Self, BaseUrlError> {
        let mut url = strict(text)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BaseUrlError::UserInfo);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(BaseUrlError::Query);
        }
        if url.scheme() == "http" && !allow_http && !is_loopback(&url) {
            return Err(BaseUrlError::PlainHttp);
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(BaseUrl(url))
    }

    /// Refuses a URL that ends with what belongs to the paths below it.
    pub(crate) fn without(text: &str, end: &str) -> Result<(), String> {
        let ends_so = strict(text).is_ok_and(|url| url.path().trim_end_matches('/').ends_with(end));
        if ends_so {
            Err(format!("it must end before `{end}`, which is added to it; leave that out"))
        } else {
            Ok(())
        }
    }

    /// The URL of a path below this one.
    pub(crate) fn join(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}/{path}", self.0.path().trim_end_matches('/')));
        url
    }

    /// The URL itself, where nothing is appended to it.
    pub(crate) fn url(&self) -> &Url {
        &self.0
    }

    /// Host and port, as in messages.
    pub(crate) fn host(&self) -> String {
        host_and_port(&self.0)
    }
}

/// An http or https URL in full. The parser itself would make up the slashes that are missing.
fn strict(text: &str) -> Result<Url, BaseUrlError> {
    let (_, rest) = text.split_once("://").ok_or(BaseUrlError::NotAUrl)?;
    let url = Url::parse(text).map_err(|error| match error {
        ParseError::InvalidPort => BaseUrlError::Port,
        ParseError::EmptyHost => BaseUrlError::NoHost,
        _ => BaseUrlError::NotAUrl,
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(BaseUrlError::Scheme);
    }
    if rest.starts_with(['/', '\\', '?', '#']) {
        return Err(BaseUrlError::NoHost);
    }
    if url.port() == Some(0) { Err(BaseUrlError::Port) } else { Ok(url) }
}

/// The same for addresses that are not the base of anything.
pub fn parse_url(text: &str) -> Option<Url> {
    strict(text).ok()
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Whether requests to this URL stay on this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        // Names below it are asked of the resolver, which may send them anywhere.
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Host and port of a URL, the port only where it is written.
pub(crate) fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The URL of the root of a server.
pub(crate) fn root(url: &Url) -> Url {
    let mut root = url.clone();
    root.set_path("/");
    root.set_query(None);
    root.set_fragment(None);
    root
}

/// All but the characters that RFC 3986 calls unreserved, so that `:` becomes `%3A` and a blank `%20`.
pub(crate) const UNRESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_keeps_its_path_and_loses_its_last_slash() {
        let cases = [
            ("https://mobile.zscaler.net/papi/", "https://mobile.zscaler.net/papi/auth/v1/login"),
            ("http://127.0.0.1:8080/papi", "http://127.0.0.1:8080/papi/auth/v1/login"),
            ("http://[::1]:8080", "http://[::1]:8080/auth/v1/login"),
            ("http://127.8.9.1/", "http://127.8.9.1/auth/v1/login"),
            ("http://localhost/a%20b//", "http://localhost/a%20b/auth/v1/login"),
        ];
        for (text, joined) in cases {
            assert_eq!(BaseUrl::parse(text, false).unwrap().join("auth/v1/login").as_str(), joined);
        }
        assert_eq!(
            BaseUrl::parse("HTTPS://Host.Example:443/", false).unwrap().to_string(),
            "https://host.example"
        );
    }

    #[test]
    fn what_is_no_base_url_is_refused_with_its_reason() {
        let cases = [
            ("mobile.zscaler.net/papi", BaseUrlError::NotAUrl),
            ("localhost:8080", BaseUrlError::NotAUrl),
            ("https:host.example", BaseUrlError::NotAUrl),
            ("https://", BaseUrlError::NoHost),
            ("https:///papi", BaseUrlError::NoHost),
            ("https://host:0/", BaseUrlError::Port),
            ("https://host:65536/", BaseUrlError::Port),
            ("https://host:https/", BaseUrlError::Port),
            ("ftp://host/", BaseUrlError::Scheme),
            ("https://user:hunter2@host/", BaseUrlError::UserInfo),
            ("https://user@host/", BaseUrlError::UserInfo),
            ("https://host/?a=b", BaseUrlError::Query),
            ("https://host/#a", BaseUrlError::Query),
            ("http://host/papi", BaseUrlError::PlainHttp),
            ("http://127.0.0.1.example/", BaseUrlError::PlainHttp),
            ("http://localhost.example/", BaseUrlError::PlainHttp),
            ("http://zettel.localhost/", BaseUrlError::PlainHttp),
            ("http://localhost./", BaseUrlError::PlainHttp),
            ("http://[::ffff:10.0.0.1]/", BaseUrlError::PlainHttp),
            ("http://10.0.0.1/", BaseUrlError::PlainHttp),
        ];
        for (text, reason) in cases {
            assert_eq!(BaseUrl::parse(text, false).unwrap_err(), reason, "{text}");
        }
        assert!(BaseUrl::parse("http://host/papi", true).is_ok());
    }
}
