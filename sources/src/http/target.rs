//! Where a request goes: scheme, host and port are fixed, path and query may have placeholders.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::Url;
use zeroize::Zeroizing;

use super::template::{Known, Placeholder, Template, has_braces};
use crate::base_url::BaseUrl;
use crate::transport;

/// A URL with placeholders, each of which stays within its segment or its value.
pub(super) struct Target {
    origin: Url,
    segments: Vec<Template>,
    query: Option<Template>,
}

/// Where it may be.
#[derive(Clone, Copy, Default)]
pub(super) struct Reach {
    /// At another machine without encryption.
    pub(super) http: bool,
    /// At an address of the link or of a metadata service.
    pub(super) link_local: bool,
}

/// A segment that would lead somewhere else, and the placeholder in it.
#[derive(Debug)]
pub(super) struct Astray(pub(super) Placeholder);

impl Target {
    /// Reads a URL. The error says what is wrong without repeating it: it may hold a password.
    pub(super) fn parse(text: &str, reach: Reach) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or(NOT_A_URL)?;
        let (authority, tail) = rest.split_at(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()));
        if has_braces(scheme) || has_braces(authority) {
            return Err(FIXED.to_owned());
        }
        let origin = BaseUrl::parse(&format!("{scheme}://{authority}"), reach.http);
        let origin = origin.map_err(|error| error.to_string())?.join("");
        if !reach.link_local && transport::is_link_local(&origin) {
            return Err(LINK_LOCAL.to_owned());
        }
        if tail.contains('#') {
            return Err("it must end before the `#`".to_owned());
        }
        if tail.contains(['\\', ' ']) {
            return Err("it contains a backslash or a blank; write `%5C` or `%20`".to_owned());
        }
        let (path, query) = tail.split_once('?').map_or((tail, None), |(path, query)| (path, Some(query)));
        let segments = path.split('/').skip(1).map(segment).collect::<Result<_, _>>()?;
        Ok(Target { origin, segments, query: query.map(query_template).transpose()? })
    }

    /// The templates, for checks.
    pub(super) fn templates(&self) -> impl Iterator<Item = &Template> {
        self.segments.iter().chain(&self.query)
    }

    /// The path as it was written, for messages: what is filled in may be secret.
    pub(super) fn shown_path(&self) -> String {
        let segments: Vec<String> = self.segments.iter().map(Template::to_string).collect();
        format!("/{}", segments.join("/"))
    }

    /// Scheme, host and port.
    pub(super) fn origin(&self) -> &Url {
        &self.origin
    }

    /// The URL with everything filled in, and more values in its query.
    pub(super) fn fill(&self, known: &Known<'_>, query: &[(String, Template)]) -> Result<Url, Astray> {
        let mut path = Zeroizing::new(String::with_capacity(8192));
        for segment in &self.segments {
            path.push('/');
            path.push_str(&filled(segment, known)?);
        }
        let mut url = self.origin.clone();
        url.set_path(&path);
        let own = self.query.iter().map(|template| template.fill_by(known, escape));
        let more = query.iter().map(|(name, template)| {
            let mut pair = Zeroizing::new(String::with_capacity(8192));
            escape(name, &mut pair);
            pair.push('=');
            escape(&template.fill(known), &mut pair);
            pair
        });
        let pairs: Vec<Zeroizing<String>> = own.chain(more).filter(|pair| !pair.is_empty()).collect();
        if !pairs.is_empty() {
            let pairs: Vec<&str> = pairs.iter().map(|pair| pair.as_str()).collect();
            url.set_query(Some(&Zeroizing::new(pairs.join("&"))));
        }
        Ok(url)
    }
}

/// Names and literal values of the query, for the check that no credential is written there.
pub(super) fn query_pairs(url: &str) -> impl Iterator<Item = (&str, &str)> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn segment(text: &str) -> Result<Template, String> {
    if is_way(text) {
        return Err("its path must not contain `.` or `..`".to_owned());
    }
    Ok(Template::parse(text)?)
}

fn query_template(text: &str) -> Result<Template, String> {
    if query_pairs(&format!("?{text}")).any(|(name, _)| has_braces(name)) {
        return Err("a placeholder can stand for a value of its query, but not for a name".to_owned());
    }
    Ok(Template::parse(text)?)
}

fn filled(segment: &Template, known: &Known<'_>) -> Result<Zeroizing<String>, Astray> {
    let text = segment.fill_by(known, escape);
    match segment.placeholders().next() {
        Some(placeholder) if text.is_empty() || is_way(&text) => Err(Astray(placeholder.clone())),
        _ => Ok(text),
    }
}

/// Whether a segment says where to go, escaped or not.
fn is_way(segment: &str) -> bool {
    matches!(&*percent_decode_str(segment).decode_utf8_lossy(), "." | "..")
}

fn escape(text: &str, filled: &mut Zeroizing<String>) {
    filled.extend(utf8_percent_encode(text, ESCAPED));
}

/// All but what never means anything (RFC 3986, section 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const NOT_A_URL: &str = "it is not a URL; write it in full, as in \"https://host.example/path\"";
const LINK_LOCAL: &str = "its host is an address that is link-local or of a metadata service, which is not asked; if it is \
                          meant, set `allow_link_local = true`";
const FIXED: &str =
    "its scheme, host and port are fixed before anything is filled in, so no placeholder can stand there";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn fill(url: &str, secret: &str, query: &[(&str, &str)]) -> Option<String> {
        let secrets = BTreeMap::from([("a".to_owned(), secret.into())]);
        let query: Vec<(String, Template)> =
            query.iter().map(|(name, text)| ((*name).to_owned(), Template::parse(text).unwrap())).collect();
        let target = Target::parse(url, Reach::default()).unwrap();
        target.fill(&Known::new(&secrets), &query).ok().map(String::from)
    }

    #[test]
    fn a_placeholder_stays_within_its_segment() {
        let cases = [
            ("plain", "https://h.example/v1/plain/x"),
            ("a/b", "https://h.example/v1/a%2Fb/x"),
            ("a\\b", "https://h.example/v1/a%5Cb/x"),
            ("a?b#c", "https://h.example/v1/a%3Fb%23c/x"),
            ("%2e%2E", "https://h.example/v1/%252e%252E/x"),
            ("../x", "https://h.example/v1/..%2Fx/x"),
            ("ö \r\n@:", "https://h.example/v1/%C3%B6%20%0D%0A%40%3A/x"),
            ("{{secrets.a}}", "https://h.example/v1/%7B%7Bsecrets.a%7D%7D/x"),
        ];
        for (secret, url) in cases {
            assert_eq!(fill("https://h.example/v1/{{secrets.a}}/x", secret, &[]).as_deref(), Some(url));
        }
        for (url, secret) in [
            ("https://h.example/v1/{{secrets.a}}/x", ""),
            ("https://h.example/v1/{{secrets.a}}/x", "."),
            ("https://h.example/v1/{{secrets.a}}/x", ".."),
            ("https://h.example/v1/.{{secrets.a}}/x", "."),
            ("https://h.example/v1/%2e{{secrets.a}}", "."),
        ] {
            assert_eq!(fill(url, secret, &[]), None, "{url} {secret}");
        }
    }

    #[test]
    fn a_placeholder_stays_within_its_value_of_the_query() {
        assert_eq!(
            fill("https://h.example:8443/a?b={{secrets.a}}&c", "x&y=z+ #%", &[("d e", "<{{secrets.a}}>")])
                .unwrap(),
            "https://h.example:8443/a?b=x%26y%3Dz%2B%20%23%25&c&d%20e=%3Cx%26y%3Dz%2B%20%23%25%3E"
        );
        assert_eq!(fill("https://h.example", "", &[("a", "")]).unwrap(), "https://h.example/?a=");
        assert_eq!(fill("https://h.example/?", "", &[]).unwrap(), "https://h.example/");
        assert_eq!(fill("https://h.example//a//", "", &[]).unwrap(), "https://h.example//a//");
    }

    #[test]
    fn what_is_no_url_is_refused_with_its_reason() {
        let cases = [
            ("h.example/a", "not a URL"),
            ("https:/h.example", "not a URL"),
            ("https:///a", "no host"),
            ("https://h.example:0/", "port"),
            ("https://169.254.169.254/", "allow_link_local"),
            ("https://[fe80::1]/", "allow_link_local"),
            ("ftp://h.example/", "scheme must be https"),
            ("{{secrets.a}}://h.example/", "fixed"),
            ("https://{{secrets.a}}/", "fixed"),
            ("https://h.example:{{secrets.a}}/", "fixed"),
            ("https://h.example{{secrets.a}}", "fixed"),
            ("https://anna:hunter2@h.example/", "user name or password"),
            ("https://anna@h.example/", "user name or password"),
            ("http://h.example/", "allow_http"),
            ("https://h.example/a#b", "`#`"),
            ("https://h.example/a\\b", "backslash"),
            ("https://h.example/a/../b", "`..`"),
            ("https://h.example/a/%2e%2E/b", "`..`"),
            ("https://h.example/{{secret.a}}", "placeholder"),
            ("https://h.example/?{{secrets.a}}=b", "not for a name"),
        ];
        for (url, reason) in cases {
            let error = Target::parse(url, Reach::default()).err().unwrap();
            assert!(error.contains(reason) && !error.contains("hunter2"), "{url}: {error}");
        }
        assert!(Target::parse("http://h.example/", Reach { http: true, ..Reach::default() }).is_ok());
        assert!(Target::parse("http://127.0.0.1:80/", Reach::default()).is_ok());
    }
}
