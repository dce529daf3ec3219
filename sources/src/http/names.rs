//! Names that carry credentials, and headers that are not for users to set.

/// Whether a member of a form, a query or a JSON object is known to carry a credential.
pub(super) fn carries_credential(name: &str) -> bool {
    let name = bare(name);
    is_one(&name) || name.strip_suffix('s').is_some_and(is_one)
}

fn is_one(name: &str) -> bool {
    let is_token = name.ends_with("token") && !is_forgery_token(name);
    is_token || WHOLE.contains(&name) || ENDS.iter().any(|end| name.ends_with(end))
}

/// Whether a member of an object that stands for a credential only says of what kind or whose it is.
pub(super) fn describes(name: &str) -> bool {
    DESCRIBING.contains(&bare(name).as_str())
}

/// Whether a header is known to carry a credential.
pub(super) fn header_carries_credential(name: &str) -> bool {
    HEADERS.contains(&bare(name).as_str()) || carries_credential(name)
}

/// Whether a header belongs to the connection, or is written by the HTTP library.
pub(super) fn is_refused_header(name: &str) -> bool {
    CONNECTION.iter().any(|refused| refused.eq_ignore_ascii_case(name))
}

/// Tokens against forged requests: `fetch` is what some services want in their place at first.
fn is_forgery_token(name: &str) -> bool {
    name.contains("csrf") || name.contains("xsrf")
}

/// In lower case, without what separates words.
fn bare(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

const HEADERS: [&str; 3] = ["authorization", "proxyauthorization", "cookie"];
const WHOLE: [&str; 3] = ["otp", "pass", "pin"];
const ENDS: [&str; 16] = [
    "accesskey",
    "apikey",
    "assertion",
    "authkey",
    "credential",
    "jwt",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "pwd",
    "secret",
    "secretid",
    "secretkey",
    "subscriptionkey",
];
const DESCRIBING: [&str; 7] = ["algorithm", "format", "kind", "name", "type", "user", "username"];
const CONNECTION: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_credentials_are_known_in_every_spelling() {
        for name in [
            "password",
            "Password",
            "user_password",
            "passwd",
            "pwd",
            "secret",
            "client_secret",
            "clientSecret",
            "api_key",
            "apikey",
            "API-Key",
            "token",
            "refresh_token",
            "access-token",
            "private_key",
            "assertion",
            "client_assertion",
            "credential",
            "passphrase",
            "passcode",
            "jwt",
            "accessKey",
            "subscription-key",
            "secret_id",
            "passwords",
            "api_keys",
            "tokens",
            "credentials",
        ] {
            assert!(carries_credential(name), "{name}");
        }
        for name in [
            "username",
            "grant_type",
            "token_type",
            "client_assertion_type",
            "subject_token_type",
            "scope",
            "csrf_token",
            "secret_id_ttl",
            "passport",
            "csrf_tokens",
            "access_key_id",
        ] {
            assert!(!carries_credential(name), "{name}");
        }
    }

    #[test]
    fn headers_of_credentials_are_known() {
        for name in [
            "Authorization",
            "Proxy-Authorization",
            "Cookie",
            "X-Api-Key",
            "X-Auth-Token",
            "X-Vault-Token",
            "PRIVATE-TOKEN",
            "X-Auth-Key",
            "Ocp-Apim-Subscription-Key",
            "X-Access-Key",
        ] {
            assert!(header_carries_credential(name), "{name}");
        }
        for name in ["Accept", "X-CSRF-Token", "X-Requested-With", "X-Tenant"] {
            assert!(!header_carries_credential(name), "{name}");
        }
        assert!(
            is_refused_header("HOST")
                && is_refused_header("Transfer-Encoding")
                && !is_refused_header("Accept")
        );
    }
}
