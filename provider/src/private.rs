//! What an ephemeral resource leaves with Terraform for its renewal and its end. Terraform keeps it in memory only.

use serde_json::{Value, json};
use tfplugin::{Answer, Diagnostic, Diagnostics, Renewed};
use tokenferry_sources::{ExposeSecret, Identity, SecretString, Timestamp, rfc3339};

use crate::systems::Systems;
use crate::token::Opening;

/// All that a process needs that has not opened the resource itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Private {
    /// The type of the resource. Empty only where there are no bytes.
    type_name: String,
    /// Issuer and subject of the token, if it is one of a login.
    owner: Option<(String, String)>,
    /// When the value ends, if that is known.
    pub(crate) expires_at: Option<Timestamp>,
    /// The token that is to be ended with the resource.
    pub(crate) revoke: Option<SecretString>,
    /// Which opening in this process owes that.
    pub(crate) opening: Option<Opening>,
}

impl Private {
    /// That of a resource of this type, whose value ends then.
    pub(crate) fn new(type_name: String, expires_at: Option<Timestamp>) -> Self {
        Self { type_name, expires_at, ..Self::default() }
    }

    /// The same for the token of a login, which an opening may owe to revoke.
    pub(crate) fn of_token(self, identity: &Identity, revoke: Option<(Opening, SecretString)>) -> Self {
        let (opening, revoke) = revoke.unzip();
        Self { owner: Some((identity.issuer.clone(), identity.subject.clone())), revoke, opening, ..self }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut json =
            json!({ "type": self.type_name, "expires_at": self.expires_at.map(|end| end.timestamp()) });
        if let Some((issuer, subject)) = &self.owner {
            json["issuer"] = issuer.as_str().into();
            json["subject"] = subject.as_str().into();
        }
        if let Some(token) = &self.revoke {
            json["revoke"] = token.expose_secret().into();
            json["opening"] = self.opening.into();
        }
        json.to_string().into_bytes()
    }

    /// What a resource of this type has left. Bytes that we have not written, or for another one, are an error, not a
    /// panic; none at all say nothing.
    pub(crate) fn from_bytes(bytes: &[u8], type_name: &str) -> Result<Self, Diagnostics> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let json: Value = serde_json::from_slice(bytes).map_err(|_| foreign())?;
        let text = |name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
        let type_name = text("type").filter(|written| written == type_name).ok_or_else(foreign)?;
        let owner = text("issuer").zip(text("subject"));
        let expires_at = match json.get("expires_at") {
            Some(Value::Null) => None,
            Some(end) => {
                let end = end.as_i64().and_then(|end| Timestamp::from_timestamp(end, 0));
                Some(end.ok_or_else(foreign)?)
            }
            None => return Err(foreign()),
        };
        let revoke = match json.get("revoke") {
            None => None,
            Some(token) => Some(token.as_str().ok_or_else(foreign)?.into()),
        };
        let opening = json.get("opening").and_then(Value::as_u64);
        Ok(Self { type_name, owner, expires_at, revoke, opening })
    }

    /// The token to be ended, if there is one.
    ///
    /// # Errors
    /// When it is of another login than this one.
    pub(crate) fn to_revoke(&self, identity: &Identity) -> Result<Option<&SecretString>, Diagnostics> {
        let is_ours =
            |(issuer, subject): &(String, String)| *issuer == identity.issuer && *subject == identity.subject;
        match &self.revoke {
            Some(_) if !self.owner.as_ref().is_some_and(is_ours) => Err(foreign()),
            revoke => Ok(revoke.as_ref()),
        }
    }

    /// The answer to a renewal, which cannot hand out anything new.
    ///
    /// # Errors
    /// When the value has ended.
    pub(crate) fn still_good(
        &self,
        systems: &Systems,
        type_name: &str,
    ) -> Result<Answer<Renewed>, Diagnostics> {
        match self.expires_at {
            Some(end) if end <= systems.clock().now() => {
                let detail = format!(
                    "The value of {type_name} ended at {}, and Terraform cannot take a new one into a run. Ask for a \
                     longer `minimum_lifetime`, or split the run.",
                    rfc3339(end)
                );
                Err(Diagnostic::error("The value has expired", detail).into())
            }
            _ => Ok(Renewed::default().into()),
        }
    }
}

/// The answer to bytes that cannot be from us.
pub(crate) fn foreign() -> Diagnostics {
    let detail = "The private data is not what this provider has returned when the resource was opened.";
    Diagnostic::error("Unknown private data", detail).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "tokenferry_zenoti_token";

    fn identity(subject: &str) -> Identity {
        Identity { system: "zenoti", issuer: "https://one.example/".to_owned(), subject: subject.to_owned() }
    }

    #[test]
    fn private_data_survives_and_foreign_bytes_are_refused() {
        let end = Timestamp::from_timestamp(1_700_000_000, 0);
        for (expires_at, token) in [(end, None), (None, None), (end, Some("t0ken|with\"quotes"))] {
            let private = Private::new(TYPE.to_owned(), expires_at);
            let private = private.of_token(&identity("anna"), token.map(|token| (u64::MAX, token.into())));
            let read = Private::from_bytes(&private.to_bytes(), TYPE).unwrap();
            assert_eq!((read.expires_at, read.opening), (expires_at, token.map(|_| u64::MAX)));
            let revoke = read.to_revoke(&identity("anna")).unwrap();
            assert_eq!(revoke.map(ExposeSecret::expose_secret), token);
        }
        assert!(Private::from_bytes(b"", TYPE).unwrap().expires_at.is_none());
        let cases = [
            &b"\xff"[..],
            b"{}",
            b"[]",
            b"{\"expires_at\":null}",
            b"{\"type\":\"tokenferry_zenoti_token\"}",
            b"{\"type\":\"tokenferry_zenoti_token\",\"expires_at\":\"soon\"}",
            b"{\"type\":\"tokenferry_zenoti_token\",\"expires_at\":null,\"revoke\":1}",
        ];
        for foreign in cases {
            assert!(Private::from_bytes(foreign, TYPE).is_err());
        }
    }

    #[test]
    fn what_another_resource_or_login_has_left_is_foreign() {
        let private =
            Private::new(TYPE.to_owned(), None).of_token(&identity("anna"), Some((1, "t0ken".into())));
        assert!(Private::from_bytes(&private.to_bytes(), "tokenferry_zscaler_token").is_err());
        let read = Private::from_bytes(&private.to_bytes(), TYPE).unwrap();
        assert!(read.to_revoke(&identity("bert")).is_err());
        let other = Identity { issuer: "https://other.example/".to_owned(), ..identity("anna") };
        assert!(read.to_revoke(&other).is_err());
        let nobody = Private { revoke: Some("t0ken".into()), ..Private::new(TYPE.to_owned(), None) };
        assert!(nobody.to_revoke(&identity("anna")).is_err());
    }
}
