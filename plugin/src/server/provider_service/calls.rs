//! What the calls do between their messages: decode by the schema, run, complete and encode.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tfplugin_proto::tfplugin6 as pb;

use super::{Outcome, ProviderService};
use crate::config::FromConfig;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::handle::{DataSourceHandle, Described, EphemeralResourceHandle, bug, complete, read_config};
use crate::path::AttributePath;
use crate::provider::{Answer, Host, Provider};
use crate::schema::Presence;
use crate::server::connection::Connection;
use crate::value::{Object, Type, Value, decode, encode};

/// Terraform calls Renew again and again when the time has passed already.
const SOONEST_RENEWAL: Duration = Duration::from_secs(5);

impl<P: Provider> ProviderService<P> {
    pub(super) fn data_source(&self, type_name: &str) -> Outcome<&DataSourceHandle<P::Configured>> {
        self.data_sources.get(type_name).ok_or_else(|| no_such("data source", type_name))
    }

    pub(super) fn ephemeral_resource(
        &self,
        type_name: &str,
    ) -> Outcome<&EphemeralResourceHandle<P::Configured>> {
        self.ephemeral_resources.get(type_name).ok_or_else(|| no_such("ephemeral resource", type_name))
    }

    pub(super) async fn configure(
        &self,
        connection: &Connection<P::Configured>,
        request: pb::configure_provider::Request,
    ) -> Outcome<Diagnostics> {
        let (config, problems) =
            read_config(&decode_config(&self.block, request.config)?, P::Config::from_config);
        if problems.has_errors() {
            return Err(problems);
        }
        let host = Host { version: request.terraform_version };
        let Answer { value, warnings } = self.provider.configure(config, &host).await?;
        let configured = Arc::new(value);
        self.configured.add(&configured);
        connection.configure(configured);
        Ok(warnings)
    }

    pub(super) async fn read(
        &self,
        connection: &Connection<P::Configured>,
        request: pb::read_data_source::Request,
    ) -> Outcome<Answer<pb::DynamicValue>> {
        let handle = self.data_source(&request.type_name)?;
        let config = decode_config(&handle.described, request.config)?;
        let configured = connection.configured()?;
        let Answer { value, warnings } = handle.inner.read(&configured, &config).await?;
        Ok(Answer { value: encode_whole(&handle.described, config, value)?, warnings })
    }

    pub(super) async fn open(
        &self,
        connection: &Connection<P::Configured>,
        request: pb::open_ephemeral_resource::Request,
    ) -> Outcome<pb::open_ephemeral_resource::Response> {
        let handle = self.ephemeral_resource(&request.type_name)?;
        let config = decode_config(&handle.described, request.config)?;
        let configured = connection.configured()?;
        let Answer { value, warnings } = handle.inner.open(&configured, &config).await?;
        Ok(pb::open_ephemeral_resource::Response {
            diagnostics: warnings.to_proto(),
            renew_at: value.renew_at.map(renewal_time),
            result: Some(encode_whole(&handle.described, config, value.computed)?),
            private: Some(value.private),
            deferred: None,
        })
    }

    pub(super) async fn renew(
        &self,
        connection: &Connection<P::Configured>,
        request: pb::renew_ephemeral_resource::Request,
    ) -> Outcome<pb::renew_ephemeral_resource::Response> {
        let handle = self.ephemeral_resource(&request.type_name)?;
        let configured = connection.configured()?;
        let private = request.private.unwrap_or_default();
        let Answer { value, warnings } = handle.inner.renew(&configured, &private).await?;
        Ok(pb::renew_ephemeral_resource::Response {
            diagnostics: warnings.to_proto(),
            renew_at: value.renew_at.map(renewal_time),
            private: Some(private),
        })
    }

    pub(super) async fn close(
        &self,
        connection: &Connection<P::Configured>,
        request: pb::close_ephemeral_resource::Request,
    ) -> Outcome<Diagnostics> {
        let handle = self.ephemeral_resource(&request.type_name)?;
        let configured = connection.configured()?;
        let private = request.private.unwrap_or_default();
        Ok(handle.inner.close(&configured, &private).await?.warnings)
    }
}

/// Reading a block is validating it.
pub(super) fn validate(described: &Described, config: Option<pb::DynamicValue>) -> Outcome<Diagnostics> {
    Ok(described.validate(&decode_config(described, config)?))
}

/// Terraform itself asks for what is required; other hosts may not.
pub(super) fn decode_config(described: &Described, message: Option<pb::DynamicValue>) -> Outcome<Object> {
    let config = decode_object(message, described.ty())?;
    let required = described.schema().attributes.iter().filter(|a| a.presence == Presence::Required);
    let missing = required.filter(|attribute| config.get(&attribute.name) == Some(&Value::Null));
    let mut problems: Diagnostics = missing.map(|attribute| missing_argument(&attribute.name)).collect();
    if problems.is_empty() {
        return Ok(config);
    }
    problems.extend(described.validate(&config));
    Err(problems)
}

fn missing_argument(name: &str) -> Diagnostic {
    let detail = format!("The argument `{name}` is required, but no value was given.");
    Diagnostic::error(format!("Missing {name}"), detail).at(AttributePath::root().attribute(name))
}

fn decode_object(message: Option<pb::DynamicValue>, ty: &Type) -> Outcome<Object> {
    match decode(message, ty)? {
        Value::Map(object) => Ok(object),
        // A host sends an object always; null, or unknown as a whole, is taken as one without values.
        Value::Null => Ok(all_attributes(ty, &Value::Null)),
        _ => Ok(all_attributes(ty, &Value::Unknown)),
    }
}

fn all_attributes(ty: &Type, value: &Value) -> Object {
    let Type::Object(attributes) = ty else { return Object::new() };
    attributes.keys().map(|name| (name.clone(), value.clone())).collect()
}

fn encode_whole(described: &Described, config: Object, computed: Object) -> Outcome<pb::DynamicValue> {
    let whole = complete(described, config, computed)?;
    encode(&whole, described.ty())
        .map_err(|error| bug(&format!("`{}` of {}: {}.", error.path, described.type_name, error.problem)))
}

pub(super) fn no_such(kind: &str, type_name: &str) -> Diagnostics {
    let detail = format!("The provider has no {kind} {type_name:?}. Is this the version that you expect?");
    Diagnostic::error(format!("Unknown {kind}"), detail).into()
}

fn renewal_time(at: DateTime<Utc>) -> prost_types::Timestamp {
    let at = at.max(Utc::now() + SOONEST_RENEWAL);
    prost_types::Timestamp {
        seconds: at.timestamp(),
        nanos: i32::try_from(at.timestamp_subsec_nanos()).unwrap_or_default(),
    }
}
