//! Where the database is, as `database_url` says. Whatever is wrong with it is told without quoting it.

use std::net::IpAddr;
use std::path::PathBuf;

use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use thiserror::Error;
use tokenferry_sources::{Environment, ExposeSecret as _, certificates};
use url::Url;

use super::Settings;
use super::error::DatabaseError;

/// What is wrong with a URL.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum UrlFault {
    /// It cannot be taken apart.
    #[error("it cannot be taken apart")]
    Form,
    /// It is that of something else.
    #[error("it begins with neither postgres:// nor postgresql://")]
    Scheme,
    /// It leads to more than one server.
    #[error("it names several hosts")]
    Hosts,
    /// What should be before the host is behind it.
    #[error("no user stands before its host, but an @ behind it")]
    Misplaced,
    /// It has a part that only browsers know.
    #[error("there is a # in it")]
    Fragment,
    /// A way of using TLS that there is not.
    #[error("its sslmode is none of disable, allow, prefer, require, verify-ca and verify-full")]
    SslMode,
    /// Something that it says of TLS in addition is not known.
    #[error("a word behind its ? begins with ssl and is none that is known")]
    Tls,
    /// Something that it says in addition is not understood.
    #[error("a value behind its ? is not understood")]
    Parameter,
}

impl UrlFault {
    /// What to do about it.
    pub(super) fn advice(self) -> &'static str {
        match self {
            UrlFault::Scheme => FORM,
            UrlFault::Form | UrlFault::Misplaced | UrlFault::Fragment => ENCODE,
            UrlFault::Hosts => "name one host, which leads to the primary, also after a failover",
            UrlFault::Tls => "sslmode, sslrootcert, sslcert and sslkey say how TLS is used",
            UrlFault::SslMode => "sslmode=verify-full is the one that proves the server",
            UrlFault::Parameter => "correct it, or leave it out",
        }
    }
}

/// Reads where the database is, and looks at the certificates that it is to be known by.
pub(super) fn read(
    settings: &Settings,
    environment: &dyn Environment,
) -> Result<PgConnectOptions, DatabaseError> {
    let text = settings.database_url.read(environment).map_err(DatabaseError::Unreadable)?;
    let url = parse(text.expose_secret()).map_err(DatabaseError::NoUrl)?;
    let said = |names: &[&str]| {
        url.query_pairs().find(|(name, _)| names.contains(&&**name)).map(|(_, value)| value.into_owned())
    };
    let mut options =
        PgConnectOptions::from_url(&url).map_err(|_| DatabaseError::NoUrl(UrlFault::Parameter))?;
    let authority = settings.ca_cert_file.clone().or_else(|| said(AUTHORITY).map(PathBuf::from));
    if let Some(path) = &authority {
        let unusable = |cause| DatabaseError::Authority { path: path.clone(), cause };
        certificates(path).map_err(unusable)?;
        options = options.ssl_root_cert(path);
    }
    let mode = match options.get_ssl_mode() {
        _ if said(SSL_MODE).is_none() && !is_local(&options) => PgSslMode::VerifyFull,
        // As libpq has it: whoever names an authority wants it to be asked.
        PgSslMode::Require if authority.is_some() => PgSslMode::VerifyCa,
        mode => mode,
    };
    let is_plain = matches!(mode, PgSslMode::Allow | PgSslMode::Disable | PgSslMode::Prefer);
    if is_plain && !is_local(&options) && !settings.allow_plaintext {
        return Err(DatabaseError::Plaintext { host: options.get_host().to_owned() });
    }
    Ok(options.ssl_mode(mode))
}

/// Host and port, or the socket.
pub(super) fn place(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    }
}

/// Whether nobody else is on the way.
pub(super) fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host().trim_start_matches('[').trim_end_matches(']');
    options.get_socket().is_some()
        || host.starts_with('/')
        || host.eq_ignore_ascii_case("localhost")
        || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// What is not percent-encoded may end the host early: the rest of a password is then taken for something that is shown.
fn parse(text: &str) -> Result<Url, UrlFault> {
    let (scheme, rest) = text.split_once("://").ok_or(UrlFault::Form)?;
    if !matches!(scheme, "postgres" | "postgresql") {
        return Err(UrlFault::Scheme);
    }
    if names_several(rest) {
        return Err(UrlFault::Hosts);
    }
    let mut url = Url::parse(text).map_err(|_| UrlFault::Form)?;
    if url.fragment().is_some() {
        return Err(UrlFault::Fragment);
    }
    let is_known = |name: &str| PARAMETERS.contains(&name) || name.starts_with("options[");
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let is_odd = |(name, value): &(String, String)| !is_known(name) && (name.clone() + value).contains('@');
    if url.username().is_empty() && (url.path().contains('@') || pairs.iter().any(is_odd)) {
        return Err(UrlFault::Misplaced);
    }
    if pairs.iter().any(|(name, value)| SSL_MODE.contains(&&**name) && value.parse::<PgSslMode>().is_err()) {
        return Err(UrlFault::SslMode);
    }
    if pairs.iter().any(|(name, value)| HOST.contains(&&**name) && value.contains(',')) {
        return Err(UrlFault::Hosts);
    }
    // Whoever misspells one of these would be less safe than he wants to be.
    let is_of_tls = |name: &str| name.to_ascii_lowercase().starts_with("ssl") && !HARMLESS.contains(&name);
    if pairs.iter().any(|(name, _)| is_of_tls(name) && !is_known(name)) {
        return Err(UrlFault::Tls);
    }
    // Others are of use to other programs, and sqlx would write their values into the log.
    let known: Vec<_> = pairs.into_iter().filter(|(name, _)| is_known(name)).collect();
    url.set_query(None);
    if !known.is_empty() {
        url.query_pairs_mut().extend_pairs(known);
    }
    Ok(url)
}

/// Whether a list stands where a host should. A password with a / in it may look so.
fn names_several(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((_, hosts)) => hosts.contains(','),
        None => authority.contains(',') && !rest.contains('@'),
    }
}

const HOST: &[&str] = &["host", "hostaddr"];
const SSL_MODE: &[&str] = &["sslmode", "ssl-mode"];
const AUTHORITY: &[&str] = &["sslrootcert", "ssl-root-cert", "ssl-ca"];
const PARAMETERS: &[&str] = &[
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "options",
];
/// What libpq knows and nothing gets less safe without.
const HARMLESS: &[&str] = &["sslcertmode", "sslcompression", "sslnegotiation", "sslsni"];
const FORM: &str = "write it as postgres://USER:PASSWORD@HOST:5432/DATABASE?sslmode=verify-full";
const ENCODE: &str = "write it as postgres://USER:PASSWORD@HOST:5432/DATABASE?sslmode=verify-full, with user and password \
                      percent-encoded: / is %2F, ? is %3F, # is %23, @ is %40";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use tokenferry_sources::Reference;

    use super::super::Database;
    use super::*;

    fn settings(change: impl FnOnce(&mut Settings)) -> Settings {
        let mut settings = Settings::new(Reference::Env("URL".into()));
        change(&mut settings);
        settings
    }

    fn options(url: &str, change: impl FnOnce(&mut Settings)) -> Result<PgConnectOptions, DatabaseError> {
        let environment: BTreeMap<String, String> = [("URL".to_owned(), url.to_owned())].into();
        read(&settings(change), &environment)
    }

    fn mode(url: &str) -> PgSslMode {
        options(url, |_| {}).unwrap().get_ssl_mode()
    }

    #[test]
    fn a_database_on_another_machine_is_talked_to_with_tls_or_not_at_all() {
        assert!(matches!(mode("postgres://u:p@db.internal/t"), PgSslMode::VerifyFull));
        assert!(matches!(mode("postgres://u:p@db.internal/t?sslmode=require"), PgSslMode::Require));
        for sslmode in ["disable", "allow", "prefer"] {
            let url = format!("postgres://u:hunter2@db.internal/t?sslmode={sslmode}");
            let error = options(&url, |_| {}).unwrap_err();
            assert!(matches!(&error, DatabaseError::Plaintext { host } if host == "db.internal"), "{error}");
            assert!(options(&url, |settings| settings.allow_plaintext = true).is_ok());
        }
    }

    #[test]
    fn on_the_same_machine_nothing_has_to_be_encrypted() {
        for host in ["127.0.0.1", "[::1]", "localhost", "%2Frun%2Fpostgresql"] {
            assert!(options(&format!("postgres://u@{host}/t?sslmode=disable"), |_| {}).is_ok(), "{host}");
        }
        for host in ["localhost.evil.example", "127.evil.example"] {
            assert!(options(&format!("postgres://u@{host}/t?sslmode=disable"), |_| {}).is_err(), "{host}");
        }
    }

    #[test]
    fn an_authority_that_is_named_is_asked_and_has_to_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let (empty, authority) = (folder.path().join("empty.pem"), folder.path().join("ca.pem"));
        std::fs::write(&empty, "none").unwrap();
        let certificate = rcgen::generate_simple_self_signed([]).unwrap().cert;
        let certificate = STANDARD.encode(certificate.der());
        let pem = format!("-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----\n");
        std::fs::write(&authority, pem).unwrap();
        let url = "postgres://u@db.internal/t?sslmode=require";
        let named = options(url, |settings| settings.ca_cert_file = Some(authority.clone())).unwrap();
        assert!(matches!(named.get_ssl_mode(), PgSslMode::VerifyCa));
        let by_url = format!("{url}&sslrootcert={}", authority.display());
        assert!(matches!(mode(&by_url), PgSslMode::VerifyCa));
        for (file, cause) in [
            (folder.path().join("none.pem"), "No such file or directory"),
            (folder.path().to_owned(), "Is a directory"),
            (empty, "it contains no certificate"),
        ] {
            let error = options(url, |settings| settings.ca_cert_file = Some(file.clone())).unwrap_err();
            let told = error.to_string();
            assert!(told.contains(&file.display().to_string()) && told.contains(cause), "{told}");
        }
    }

    #[test]
    fn what_is_no_url_of_postgresql_is_refused_with_its_cause_and_nothing_tells_the_password() {
        for (url, fault) in [
            ("hunter2", UrlFault::Form),
            ("postgres://u:hunter2/p@h:5432/d", UrlFault::Form),
            ("mysql://u:hunter2@h/d", UrlFault::Scheme),
            ("postgres://u:hunter2@h/d?sslmode=hunter2", UrlFault::SslMode),
            ("postgres://u:hunter2@h/d?port=hunter2", UrlFault::Parameter),
            ("postgres://tokenferry:12/hunter2@db.example:5432/tokenferry", UrlFault::Misplaced),
            ("postgres://tokenferry:12?hunter2@db.example:5432/tokenferry", UrlFault::Misplaced),
            ("postgres://tokenferry:12#hunter2@db.example:5432/tokenferry", UrlFault::Fragment),
            ("postgres://u:12@h/d#hunter2", UrlFault::Fragment),
            ("postgres://u:hunter2@one:5432,two:5432/d", UrlFault::Hosts),
            ("postgres://one,two/d?password=hunter2", UrlFault::Hosts),
            ("postgres://u:hunter2@h/d?host=one,two", UrlFault::Hosts),
            ("postgres://tokenferry:1,2/hunter2@db.example:5432/tokenferry", UrlFault::Form),
            ("postgres://u:hunter2@h/d?sslmod=verify-full", UrlFault::Tls),
            ("postgres://u:hunter2@h/d?SSLMODE=hunter2", UrlFault::Tls),
            ("postgres://u:hunter2@h/d?sslcrl=hunter2", UrlFault::Tls),
        ] {
            let error = options(url, |_| {}).unwrap_err();
            assert!(matches!(error, DatabaseError::NoUrl(found) if found == fault), "{url}: {error}");
            assert!(!format!("{error} {error:?} {}", error.advice()).contains("hunter2"), "{error:?}");
        }
        for fine in [
            "postgres://u:p%2Fa%23@h/d",
            "postgres://u:p,q@h/d",
            "postgres://h/d?user=me@tenant&channel_binding=require&sslnegotiation=postgres",
        ] {
            assert!(options(fine, |_| {}).is_ok(), "{fine}");
        }
    }

    #[test]
    fn a_database_is_shown_without_user_and_password() {
        let url = "postgres://u:hunter2@localhost:5433/t";
        let environment: BTreeMap<String, String> = [("URL".to_owned(), url.to_owned())].into();
        let database = Database::new(&settings(|_| {}), &environment).unwrap();
        assert_eq!(database.to_string(), "localhost:5433/t");
        assert!(!format!("{database:?}").contains("hunter2"));
    }
}
