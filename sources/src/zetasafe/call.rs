//! The two calls that give a token.

use percent_encoding::utf8_percent_encode;
use url::Url;

use crate::base_url::{BaseUrl, UNRESERVED};

/// What the token is asked for.
#[derive(Debug)]
pub(super) enum Call {
    /// The work with one role, which may be at one of several clients.
    Role { role_id: Option<String>, client_id: Option<String> },
    /// The user's work as an admin of one client.
    UserClient { admin_client_id: String },
}

impl Call {
    /// The URL with the query that says for what.
    pub(super) fn url(&self, base_url: &BaseUrl) -> Url {
        let (path, arguments) = match self {
            Call::Role { role_id, client_id } => {
                let role = role_id.as_deref().map(|id| ("roleId", id));
                let client = client_id.as_deref().map(|id| ("clientId", id));
                ("ext/x-auth/get", [Some(("id", ROLE_CALL)), role, client])
            }
            Call::UserClient { admin_client_id } => (
                "ext/userclientauthtoken/get",
                [Some(("adminClientId", admin_client_id.as_str())), None, None],
            ),
        };
        let mut url = base_url.join(path);
        let escaped = |(name, value)| format!("{name}={}", utf8_percent_encode(value, UNRESERVED));
        let arguments: Vec<String> = arguments.into_iter().flatten().map(escaped).collect();
        url.set_query(Some(&arguments.join("&")));
        url
    }
}

/// The same for everybody, and documented as such.
const ROLE_CALL: &str = "7e67e260-202c-4bf5-b486-98502508cfe0";

#[cfg(test)]
mod tests {
    use super::*;

    fn url(call: &Call) -> String {
        call.url(&BaseUrl::parse("https://api.zetasafe.net/dev/", false).unwrap()).to_string()
    }

    #[test]
    fn ids_are_escaped_and_left_out_where_there_are_none() {
        let id = |text: &str| Some(text.to_owned());
        let role = "https://api.zetasafe.net/dev/ext/x-auth/get?id=7e67e260-202c-4bf5-b486-98502508cfe0";
        let cases = [
            (
                Call::UserClient { admin_client_id: "a b&c=ö/%".to_owned() },
                "https://api.zetasafe.net/dev/ext/userclientauthtoken/get?adminClientId=a%20b%26c%3D%C3%B6%2F%25"
                    .to_owned(),
            ),
            (Call::Role { role_id: None, client_id: None }, role.to_owned()),
            (Call::Role { role_id: id("r 1"), client_id: None }, format!("{role}&roleId=r%201")),
            (Call::Role { role_id: None, client_id: id("2") }, format!("{role}&clientId=2")),
            (Call::Role { role_id: id("r"), client_id: id("c") }, format!("{role}&roleId=r&clientId=c")),
        ];
        for (call, expected) in cases {
            assert_eq!(url(&call), expected);
        }
    }
}
