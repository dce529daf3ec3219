//! What an ephemeral resource leaves with Terraform for its renewal and its end. Terraform keeps it in memory only.

use serde_json::{Value, json};
use tfplugin::{Answer, Diagnostic, Diagnostics, Renewed};
use tokenferry_sources::{ExposeSecret, SecretString, Timestamp, rfc3339};

use crate::systems::Systems;

/// All that a process needs that has not opened the resource itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Private {
    /// When the value ends, if that is known.
    pub(crate) expires_at: Option<Timestamp>,
    /// The token that is to be ended with the resource.
    pub(crate) revoke: Option<SecretString>,
}

impl Private {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut json = json!({ "expires_at": self.expires_at.map(|end| end.timestamp()) });
        if let Some(token) = &self.revoke {
            json["revoke"] = token.expose_secret().into();
        }
        json.to_string().into_bytes()
    }

    /// Bytes that we have not written are an error, not a panic; none at all say nothing.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Diagnostics> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let json: Value = serde_json::from_slice(bytes).map_err(|_| foreign())?;
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
        Ok(Self { expires_at, revoke })
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

fn foreign() -> Diagnostics {
    let detail = "The private data is not what this provider has returned when the resource was opened.";
    Diagnostic::error("Unknown private data", detail).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_data_survives_and_foreign_bytes_are_refused() {
        let end = Timestamp::from_timestamp(1_700_000_000, 0);
        for (expires_at, token) in [(end, None), (None, None), (end, Some("t0ken|with\"quotes"))] {
            let private = Private { expires_at, revoke: token.map(SecretString::from) };
            let read = Private::from_bytes(&private.to_bytes()).unwrap();
            assert_eq!(read.expires_at, expires_at);
            assert_eq!(read.revoke.as_ref().map(ExposeSecret::expose_secret), token);
        }
        assert!(Private::from_bytes(b"").unwrap().expires_at.is_none());
        let cases =
            [&b"\xff"[..], b"{}", b"[]", b"{\"expires_at\":\"soon\"}", b"{\"expires_at\":null,\"revoke\":1}"];
        for foreign in cases {
            assert!(Private::from_bytes(foreign).is_err());
        }
    }
}
