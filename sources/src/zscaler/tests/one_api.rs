//! Section 4 of the fact sheet: the login with an API client of ZIdentity.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};

use super::*;
use crate::FieldProblem;
use crate::assertion::{KeyError, Signer};

const URN: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn given(pairs: &[(&str, &str)]) -> GivenFields {
    pairs.iter().map(|(name, text)| ((*name).to_owned(), Given::from(*text))).collect()
}

fn built(fields: &GivenFields) -> Result<Arc<dyn TokenSource>, Vec<FieldProblem>> {
    let (settings, mut problems) = SYSTEM.resolve(fields, &BTreeMap::<String, String>::new());
    problems.extend(SYSTEM.check(fields));
    if !problems.is_empty() {
        return Err(problems);
    }
    SYSTEM.build(&settings, &default_context())
}

fn client(server: &TestServer, more: &[(&str, &str)]) -> Arc<dyn TokenSource> {
    let (token_url, base_url) = (server.url("/oauth2/v1/token"), server.url("/zcc/papi"));
    let mut fields = given(&[
        ("client_id", "client-1"),
        ("token_url", token_url.as_str()),
        ("base_url", base_url.as_str()),
    ]);
    fields.extend(given(more));
    built(&fields).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn with_secret(server: &TestServer) -> Arc<dyn TokenSource> {
    client(server, &[("client_secret", SECRET)])
}

fn granted(expires_in: &str) -> Reply {
    status(200, &format!(r#"{{"access_token":"token-1","token_type":"Bearer"{expires_in}}}"#))
}

fn form(seen: &Seen) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(seen.body.as_bytes()).into_owned().collect()
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn a_login_with_a_secret_sends_the_documented_form() {
    let server = TestServer::scripted(vec![granted(r#","expires_in":83999"#)]).await;
    let token = with_secret(&server).login().await.unwrap();
    let seen = server.seen().pop().unwrap();
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/oauth2/v1/token"));
    assert_eq!(seen.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(seen.header("accept"), Some("application/json"));
    assert_eq!(seen.header("authorization").or(seen.header("auth-token")), None);
    let expected = [
        ("audience", "https://api.zscaler.com"),
        ("client_id", "client-1"),
        ("client_secret", SECRET),
        ("grant_type", "client_credentials"),
    ];
    assert_eq!(form(&seen), expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    assert!(seen.body.contains("audience=https%3A%2F%2Fapi.zscaler.com"), "{}", seen.body);
    assert_eq!(token.header_value().expose_secret(), "Bearer token-1");
    assert_eq!(&*token.usage.header_name, "Authorization");
    assert_eq!(
        (token.identity.issuer, token.identity.subject),
        (server.url("/zcc/papi"), "client-1".to_owned())
    );
}

#[tokio::test]
async fn a_login_with_a_key_sends_a_signed_assertion_and_no_secret() {
    let mut ids = BTreeSet::new();
    for key in [
        keys::pkcs8(),
        keys::pkcs1(),
        keys::pkcs8().replace('\n', "\\n"),
        keys::pkcs8().replace('\n', "\r\n"),
    ] {
        let server = TestServer::scripted(vec![granted("")]).await;
        client(&server, &[("private_key", &key)]).login().await.unwrap();
        let mut form = form(&server.seen()[0]);
        let assertion = form.remove("client_assertion").unwrap();
        let expected = [
            ("audience", "https://api.zscaler.com"),
            ("client_assertion_type", URN),
            ("client_id", "client-1"),
            ("grant_type", "client_credentials"),
        ];
        assert_eq!(form, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        assert_eq!(part(&assertion, 0), json!({"alg": "RS256", "typ": "JWT"}));
        let claims = part(&assertion, 1);
        for (claim, value) in [("iss", "client-1"), ("sub", "client-1"), ("aud", "https://api.zscaler.com")] {
            assert_eq!(claims[claim], value);
        }
        let now = chrono::Utc::now().timestamp();
        let issued = claims["iat"].as_i64().unwrap();
        assert!(
            (now - 5..=now).contains(&issued) && claims["exp"].as_i64() == Some(issued + 600),
            "{claims}"
        );
        assert!(
            ids.insert(claims["jti"].as_str().unwrap().to_owned()),
            "each assertion has an id of its own"
        );
        let (signed, signature) = assertion.rsplit_once('.').unwrap();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, keys::public());
        public.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    }
}

#[tokio::test]
async fn the_life_of_a_token_is_what_the_answer_says_and_is_never_invented() {
    let ends = jwt(r#"{"iat":1000,"exp":1900}"#);
    let inside = status(200, &format!(r#"{{"access_token":"{ends}"}}"#));
    let cases = [
        (granted(r#","expires_in":83999"#), None, Some(83999), "Reported"),
        (granted(r#","expires_in":"86399""#), None, Some(86399), "Reported"),
        (granted(r#","expires_in":60.9"#), None, Some(60), "Reported"),
        (granted(r#","expires_in":3600"#), Some("10m"), Some(600), "Reported"),
        (granted(r#","expires_in":300"#), Some("10m"), Some(300), "Reported"),
        (granted(r#","expires_in":"soon""#), None, None, "Unknown"),
        (granted(r#","expires_in":null"#), None, None, "Unknown"),
        (granted(""), Some("10m"), Some(600), "Assumed"),
        (granted(""), None, None, "Unknown"),
        (inside, None, Some(900), "Reported"),
    ];
    for (reply, ttl, life, expiry) in cases {
        let told = format!("{reply:?} {ttl:?}");
        let server = TestServer::scripted(vec![reply]).await;
        let ttl = ttl.map(|ttl| ("ttl", ttl));
        let fields: Vec<_> = [("client_secret", SECRET)].into_iter().chain(ttl).collect();
        let token = client(&server, &fields).login().await.unwrap();
        assert_eq!(token.life(), life.map(Duration::from_secs), "{told}");
        assert!(format!("{:?}", token.expiry).starts_with(expiry), "{told}");
    }
    for over in ["0", "0.5", "-1", r#""-1""#, r#""0""#] {
        let server = TestServer::scripted(vec![granted(&format!(r#","expires_in":{over}"#))]).await;
        let error = with_secret(&server).login().await.unwrap_err();
        assert_eq!(error.class(), FailureClass::ExpiredOnArrival, "{over}");
    }
}

#[tokio::test]
async fn refusals_of_the_token_endpoint_are_told_apart() {
    let cases = [
        (401, r#"{"error":"invalid_client"}"#, FailureClass::LoginRefused),
        (401, "", FailureClass::LoginRefused),
        (400, r#"{"error":"invalid_client","error_description":"no"}"#, FailureClass::LoginRefused),
        (400, r#"{"error":"invalid_request"}"#, FailureClass::BadRequest),
        (400, "wrong", FailureClass::BadRequest),
        (403, "{}", FailureClass::NoAccess),
        (404, "404 Not Found", FailureClass::NotFound),
        (302, "", FailureClass::UnexpectedStatus),
        (200, "<html>OneAPI</html>", FailureClass::Malformed),
        (200, r#"{"access_token":"","error":"x"}"#, FailureClass::LoginRefused),
        (200, r#"{"access_token":" "}"#, FailureClass::LoginRefused),
        (200, r#"{"access_token":" a"}"#, FailureClass::Malformed),
        (200, r#"{"token_type":"Bearer"}"#, FailureClass::LoginRefused),
        (200, r#"{"access_token":"a\nb"}"#, FailureClass::Malformed),
    ];
    for (code, body, class) in cases {
        let server = TestServer::scripted(vec![status(code, body)]).await;
        let error = with_secret(&server).login().await.unwrap_err();
        assert_eq!((error.class(), server.seen().len()), (class, 1), "{code} {body}");
    }
}

#[tokio::test]
async fn a_refusal_says_what_zidentity_said_and_that_secrets_expire_there() {
    let body = format!(r#"{{"error":"invalid_client","error_description":"{SECRET} is over"}}"#);
    let server = TestServer::scripted(vec![status(401, &body)]).await;
    let error = with_secret(&server).login().await.unwrap_err();
    assert!(error.to_string().contains("invalid_client; *** is over"), "{error}");
    let advice = error.advice();
    for word in ["`client_secret`", "ZSCALER_CLIENT_SECRET", "expire", "`vanity_domain`"] {
        assert!(advice.contains(word), "{advice}");
    }
    assert!(!advice.contains("ZCC_"), "{advice}");
    let server = TestServer::scripted(vec![status(404, "")]).await;
    let advice = with_secret(&server).login().await.unwrap_err().advice();
    assert!(advice.contains("`token_url`") && advice.contains("/oauth2/v1/token"), "{advice}");
}

#[tokio::test]
async fn calls_carry_the_bearer_token_alone() {
    let server = TestServer::start(|_, seen| match seen.path() {
        "/oauth2/v1/token" => granted(r#","expires_in":600"#),
        _ => status(200, r#"{"otp":"a1"}"#),
    })
    .await;
    let source = client(&server, &[("client_secret", SECRET), ("partner_id", "partner-7")]);
    let reader = ApiReader::new(Session::new(source, Arc::new(SystemClock))).unwrap();
    reader.otps(&Udid::try_from("A:1").unwrap(), None).await.unwrap();
    let seen = &server.seen()[1];
    assert!(seen.target.starts_with("/zcc/papi/public/v1/getOtp?udid=A%3A1&_="), "{}", seen.target);
    assert_eq!((seen.header("authorization"), seen.header("auth-token")), (Some("Bearer token-1"), None));
    assert_eq!(seen.header("x-partner-id"), Some("partner-7"));
}

#[test]
fn what_is_no_usable_key_is_refused_with_its_reason() {
    let encrypted = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n";
    let older = keys::pem("RSA PRIVATE KEY", b"x").replacen('\n', &format!("\n{encrypted}"), 1);
    let cases = [
        ("/etc/keys/zscaler.pem".to_owned(), KeyError::NotPem),
        (r#"{"kty":"RSA","n":"x"}"#.to_owned(), KeyError::Jwk),
        (keys::pem("CERTIFICATE", b"x"), KeyError::Public),
        (keys::pem("PUBLIC KEY", b"x"), KeyError::Public),
        (keys::pem("ENCRYPTED PRIVATE KEY", b"x"), KeyError::Encrypted),
        (older, KeyError::Encrypted),
        (keys::pem("EC PRIVATE KEY", b"x"), KeyError::NotRsa),
        (keys::elliptic(), KeyError::NotRsa),
        (keys::pem("PRIVATE KEY", b"x"), KeyError::Malformed),
        (keys::pem("RSA PRIVATE KEY", b"x"), KeyError::Malformed),
        (keys::pkcs8().replace("-----END", "----END"), KeyError::Malformed),
        (keys::short(), KeyError::TooShort),
    ];
    for (text, reason) in cases {
        assert_eq!(Signer::parse_rsa(&text).unwrap_err(), reason);
        let problems = SYSTEM.check(&given(&[("private_key", &text)]));
        assert!(problems[0].detail.contains(&reason.to_string()), "{}", problems[0].detail);
    }
    let several = format!("{}{}", keys::pem("CERTIFICATE", b"x"), keys::pkcs8());
    assert!(Signer::parse_rsa(&several).is_ok());
    assert!(!format!("{:?}", Signer::parse_rsa(&several)).contains("BEGIN"));
}

#[test]
fn the_hosts_follow_from_the_tenant_and_its_cloud_or_are_set() {
    let secret = [("client_id", "c"), ("client_secret", "s")];
    let issuer = |more: &[(&str, &str)]| {
        let fields = given(&[&secret, more].concat());
        built(&fields).map(|source| source.identity().issuer.clone())
    };
    assert_eq!(issuer(&[("vanity_domain", "acme")]).unwrap(), "https://api.zsapi.net/zcc/papi");
    let beta = [("vanity_domain", "acme"), ("cloud", "Beta")];
    assert_eq!(issuer(&beta).unwrap(), "https://api.beta.zsapi.net/zcc/papi");
    let own = [("token_url", "https://id.example/token"), ("base_url", "https://api.example/zcc/papi/")];
    assert_eq!(issuer(&own).unwrap(), "https://api.example/zcc/papi");
    let missing = issuer(&[]).unwrap_err();
    assert_eq!(missing[0].summary, "Missing `zscaler.vanity_domain` or `zscaler.token_url`");
    assert!(missing[0].detail.contains("ZSCALER_VANITY_DOMAIN"), "{}", missing[0].detail);
    let plain = issuer(&[("token_url", "http://id.example/token")]).unwrap_err();
    assert_eq!(plain[0].field, "token_url");
}

#[test]
fn the_vendors_variables_are_read_for_their_own_credential_only() {
    let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let zcc = [
        variable("ZCC_CLIENT_ID", "key"),
        variable("ZCC_CLIENT_SECRET", "s"),
        variable("ZCC_CLOUD", "zscloud"),
    ];
    let one_api = [
        variable("ZSCALER_CLIENT_ID", "client"),
        variable("ZSCALER_CLIENT_SECRET", "s"),
        variable("ZSCALER_VANITY_DOMAIN", "acme"),
        variable("ZSCALER_CLOUD", "beta"),
    ];
    let both: BTreeMap<String, String> = zcc.iter().chain(&one_api).cloned().collect();
    let issuer = |method: &[(&str, &str)], environment: &BTreeMap<String, String>| {
        let (settings, problems) = SYSTEM.resolve(&given(method), environment);
        assert_eq!(problems, []);
        SYSTEM.build(&settings, &default_context()).unwrap().identity().clone()
    };
    let legacy = "https://api-mobile.zscloud.net/papi";
    assert_eq!(issuer(&[], &BTreeMap::from(zcc)).issuer, legacy);
    assert_eq!(issuer(&[("method", "legacy")], &both).issuer, legacy);
    let beta = issuer(&[("method", "oneapi")], &both);
    assert_eq!(
        (beta.issuer.as_str(), beta.subject.as_str()),
        ("https://api.beta.zsapi.net/zcc/papi", "client")
    );
    assert_eq!(issuer(&[], &BTreeMap::from(one_api)), beta);
    let (_, problems) = SYSTEM.resolve(&GivenFields::new(), &both);
    assert_eq!(problems[0].field, "method");
}
