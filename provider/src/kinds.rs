//! A [`Reading`] as a data source and as an ephemeral resource.

use async_trait::async_trait;
use serde_json::json;
use tfplugin::{
    Answer, DataSource, Diagnostic, Diagnostics, EphemeralResource, Object, Opened, Renewed, Schema,
};
use tokenferry_sources::{Timestamp, rfc3339};

use crate::reading::{Reading, ReadingConfig, Values, common_arguments};
use crate::systems::Systems;

/// Read by plans, stored in the state.
pub(crate) struct AsDataSource<R>(pub(crate) R);

/// Opened during a run, never stored.
pub(crate) struct AsEphemeralResource<R>(pub(crate) R);

#[async_trait]
impl<R: Reading> DataSource for AsDataSource<R> {
    type Provider = Systems;
    type Config = ReadingConfig<R::Arguments>;

    fn type_name(&self) -> String {
        self.0.type_name()
    }

    fn schema(&self) -> Schema {
        let description = format!(
            "{} Its values are stored in the state and in plan files in clear text{} {}\n\n{}",
            self.0.summary(),
            twin(&self.0),
            self.0.calls(),
            self.0.details(),
        );
        let enabled = "Set it from a variable; `terraform.applying` can be used in ephemeral resources only.";
        schema(&self.0, description, enabled)
    }

    async fn read(&self, systems: &Systems, config: Self::Config) -> Result<Answer<Object>, Diagnostics> {
        let Answer { value, warnings } = read(&self.0, systems, config).await?;
        Ok(Answer { value: value.computed, warnings })
    }
}

#[async_trait]
impl<R: Reading> EphemeralResource for AsEphemeralResource<R> {
    type Provider = Systems;
    type Config = ReadingConfig<R::Arguments>;

    fn type_name(&self) -> String {
        self.0.type_name()
    }

    fn schema(&self) -> Schema {
        let description = format!(
            "{} Its values are in neither state nor plan file. Terraform opens it in every plan and again in every \
             apply. {}\n\n{}",
            self.0.summary(),
            self.0.calls(),
            self.0.details(),
        );
        let enabled = "With `enabled = terraform.applying` a plan neither logs in nor reads.";
        schema(&self.0, description, enabled)
    }

    async fn open(&self, systems: &Systems, config: Self::Config) -> Result<Answer<Opened>, Diagnostics> {
        let Answer { value, warnings } = read(&self.0, systems, config).await?;
        let private = to_private(value.expires_at);
        // No renewal is asked for: it could not hand out a new value.
        Ok(Answer { value: Opened { computed: value.computed, private, renew_at: None }, warnings })
    }

    async fn renew(&self, systems: &Systems, private: &[u8]) -> Result<Answer<Renewed>, Diagnostics> {
        match from_private(private)? {
            Some(end) if end <= systems.clock().now() => {
                let detail = format!(
                    "The value of {} ended at {}, and Terraform cannot take a new one into a run. Ask for a longer \
                     `minimum_lifetime`, or split the run.",
                    self.0.type_name(),
                    rfc3339(end)
                );
                Err(Diagnostic::error("The value has expired", detail).into())
            }
            _ => Ok(Renewed::default().into()),
        }
    }

    async fn close(&self, _: &Systems, _: &[u8]) -> Result<Answer<()>, Diagnostics> {
        // The token may be shared with other reads, and none of these systems can revoke a single one.
        Ok(().into())
    }
}

/// What to use instead where values are secret.
fn twin(reading: &impl Reading) -> String {
    if !reading.has_twin() {
        return "; none of them is a password or a token.".to_owned();
    }
    format!(", secret ones too: use the ephemeral resource `{}` wherever it fits.", reading.type_name())
}

fn schema(reading: &impl Reading, description: String, enabled: &str) -> Schema {
    Schema::new(description)
        .with_all(reading.arguments())
        .with_all(common_arguments(enabled, reading.minimum_lifetime()))
        .with_all(reading.computed())
}

async fn read<R: Reading>(
    reading: &R,
    systems: &Systems,
    config: ReadingConfig<R::Arguments>,
) -> Result<Answer<Values>, Diagnostics> {
    if !config.enabled {
        return Ok(Values::default().into());
    }
    reading.read(systems, config.arguments, config.minimum_lifetime).await
}

fn to_private(expires_at: Option<Timestamp>) -> Vec<u8> {
    json!({ "expires_at": expires_at.map(|end| end.timestamp()) }).to_string().into_bytes()
}

/// Bytes that we have not written are an error, not a panic; none at all say nothing.
fn from_private(private: &[u8]) -> Result<Option<Timestamp>, Diagnostics> {
    if private.is_empty() {
        return Ok(None);
    }
    let foreign = || {
        let detail = "The private data is not what this provider has returned when the resource was opened.";
        Diagnostics::from(Diagnostic::error("Unknown private data", detail))
    };
    let json: serde_json::Value = serde_json::from_slice(private).map_err(|_| foreign())?;
    match json.get("expires_at") {
        Some(serde_json::Value::Null) => Ok(None),
        Some(end) => {
            end.as_i64().and_then(|end| Timestamp::from_timestamp(end, 0)).map(Some).ok_or_else(foreign)
        }
        None => Err(foreign()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_data_survives_and_foreign_bytes_are_refused() {
        let end = Timestamp::from_timestamp(1_700_000_000, 0);
        assert_eq!(from_private(&to_private(end)), Ok(end));
        assert_eq!(from_private(&to_private(None)), Ok(None));
        assert_eq!(from_private(b""), Ok(None));
        for foreign in [&b"\xff"[..], b"{}", b"[]", b"{\"expires_at\":\"soon\"}"] {
            assert!(from_private(foreign).is_err());
        }
    }
}
