//! The service `tfplugin6.Provider`: each call decoded, run, and answered. What goes wrong is a diagnostic with
//! status OK: hosts show anything else badly. Calls that are not here answer UNIMPLEMENTED.

mod actions;
mod calls;
mod functions;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tfplugin_proto::tfplugin6 as pb;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

use self::calls::validate;
use self::functions::Functions;
use super::connection::Connection;
use super::release::{Configured, release};
use crate::action::ActionHandle;
use crate::config::FromConfig;
use crate::diagnostic::Diagnostics;
use crate::handle::{DataSourceHandle, Described, EphemeralResourceHandle};
use crate::provider::{Answer, Provider};

/// Serves one provider on any number of connections.
pub(super) struct ProviderService<P: Provider> {
    provider: Arc<P>,
    /// The provider block.
    block: Described,
    data_sources: BTreeMap<String, DataSourceHandle<P::Configured>>,
    ephemeral_resources: BTreeMap<String, EphemeralResourceHandle<P::Configured>>,
    functions: Functions,
    actions: BTreeMap<String, ActionHandle<P::Configured>>,
    /// Everything that has to be released in the end.
    configured: Arc<Configured<P::Configured>>,
}

type Outcome<T> = Result<T, Diagnostics>;

impl<P: Provider> ProviderService<P> {
    pub(super) fn new(provider: Arc<P>, configured: Arc<Configured<P::Configured>>) -> Self {
        let block = Described::new("provider".to_owned(), &provider, P::schema, |_, reader| {
            drop(P::Config::from_config(reader));
        });
        let data_sources = provider.data_sources().into_iter();
        let ephemeral_resources = provider.ephemeral_resources().into_iter();
        let actions = provider.actions().into_iter();
        Self {
            data_sources: data_sources.map(|handle| (handle.described.type_name.clone(), handle)).collect(),
            ephemeral_resources: ephemeral_resources
                .map(|handle| (handle.described.type_name.clone(), handle))
                .collect(),
            functions: Functions::new(provider.functions()),
            actions: actions.map(|handle| (handle.described.type_name.clone(), handle)).collect(),
            block,
            configured,
            provider,
        }
    }
}

#[tonic::async_trait]
impl<P: Provider> pb::provider_server::Provider for ProviderService<P> {
    async fn get_metadata(
        &self,
        _: Request<pb::get_metadata::Request>,
    ) -> Result<Response<pb::get_metadata::Response>, Status> {
        use pb::get_metadata::{ActionMetadata, DataSourceMetadata, EphemeralMetadata, FunctionMetadata};
        let data_sources = self.data_sources.keys();
        let ephemeral_resources = self.ephemeral_resources.keys();
        Ok(Response::new(pb::get_metadata::Response {
            server_capabilities: Some(capabilities()),
            data_sources: data_sources.map(|name| DataSourceMetadata { type_name: name.clone() }).collect(),
            ephemeral_resources: ephemeral_resources
                .map(|name| EphemeralMetadata { type_name: name.clone() })
                .collect(),
            functions: self
                .functions
                .names()
                .map(|name| FunctionMetadata { name: name.to_owned() })
                .collect(),
            actions: self.actions.keys().map(|name| ActionMetadata { type_name: name.clone() }).collect(),
            ..pb::get_metadata::Response::default()
        }))
    }

    async fn get_provider_schema(
        &self,
        _: Request<pb::get_provider_schema::Request>,
    ) -> Result<Response<pb::get_provider_schema::Response>, Status> {
        Ok(Response::new(pb::get_provider_schema::Response {
            provider: Some(self.block.schema().to_proto()),
            server_capabilities: Some(capabilities()),
            data_source_schemas: schemas(self.data_sources.values().map(|handle| &handle.described)),
            ephemeral_resource_schemas: schemas(self.ephemeral_resources.values().map(|h| &h.described)),
            functions: self.functions.to_proto(),
            action_schemas: schemas(self.actions.values().map(|handle| &handle.described))
                .into_iter()
                .map(|(name, schema)| (name, pb::ActionSchema { schema: Some(schema) }))
                .collect(),
            ..pb::get_provider_schema::Response::default()
        }))
    }

    async fn get_resource_identity_schemas(
        &self,
        _: Request<pb::get_resource_identity_schemas::Request>,
    ) -> Result<Response<pb::get_resource_identity_schemas::Response>, Status> {
        // Terraform 1.12 and later ask right after the schema; there are no managed resources.
        Ok(Response::new(pb::get_resource_identity_schemas::Response::default()))
    }

    async fn validate_provider_config(
        &self,
        request: Request<pb::validate_provider_config::Request>,
    ) -> Result<Response<pb::validate_provider_config::Response>, Status> {
        let connection = connection::<P::Configured, _>(&request)?;
        let config = request.into_inner().config;
        let work = async { validate(&self.block, config) };
        let diagnostics = connection.run("ValidateProviderConfig", "", work).await;
        Ok(Response::new(pb::validate_provider_config::Response { diagnostics: all(diagnostics) }))
    }

    async fn validate_data_resource_config(
        &self,
        request: Request<pb::validate_data_resource_config::Request>,
    ) -> Result<Response<pb::validate_data_resource_config::Response>, Status> {
        let connection = connection::<P::Configured, _>(&request)?;
        let pb::validate_data_resource_config::Request { type_name, config } = request.into_inner();
        let work = async { validate(&self.data_source(&type_name)?.described, config) };
        let diagnostics = connection.run("ValidateDataResourceConfig", &type_name, work).await;
        Ok(Response::new(pb::validate_data_resource_config::Response { diagnostics: all(diagnostics) }))
    }

    async fn validate_ephemeral_resource_config(
        &self,
        request: Request<pb::validate_ephemeral_resource_config::Request>,
    ) -> Result<Response<pb::validate_ephemeral_resource_config::Response>, Status> {
        let connection = connection::<P::Configured, _>(&request)?;
        let pb::validate_ephemeral_resource_config::Request { type_name, config } = request.into_inner();
        let work = async { validate(&self.ephemeral_resource(&type_name)?.described, config) };
        let diagnostics = connection.run("ValidateEphemeralResourceConfig", &type_name, work).await;
        Ok(Response::new(pb::validate_ephemeral_resource_config::Response { diagnostics: all(diagnostics) }))
    }

    async fn configure_provider(
        &self,
        request: Request<pb::configure_provider::Request>,
    ) -> Result<Response<pb::configure_provider::Response>, Status> {
        let connection = connection::<P::Configured, _>(&request)?;
        let work = self.configure(&connection, request.into_inner());
        let diagnostics = connection.run("ConfigureProvider", "", work).await;
        Ok(Response::new(pb::configure_provider::Response { diagnostics: all(diagnostics) }))
    }

    async fn read_data_source(
        &self,
        request: Request<pb::read_data_source::Request>,
    ) -> Result<Response<pb::read_data_source::Response>, Status> {
        let connection = connection::<P::Configured, _>(&request)?;
        let request = request.into_inner();
        let type_name = request.type_name.clone();
        let work = self.read(&connection, request);
        let (state, diagnostics) = match connection.run("ReadDataSource", &type_name, work).await {
            Ok(Answer { value, warnings }) => (Some(value), warnings),
            Err(diagnostics) => (None, diagnostics),
        };
        let diagnostics = diagnostics.to_proto();
        Ok(Response::new(pb::read_data_source::Response { state, diagnostics, deferred: None }))
    }

    async fn open_ephemeral_resource(
        &self,
        request: Request<pb::open_ephemeral_resource::Request>,
    ) -> Result<Response<pb::open_ephemeral_resource::Response>, Status> {
        let connection = connection::<P::Configured, _>(&request)?;
        let request = request.into_inner();
        let type_name = request.type_name.clone();
        let work = self.open(&connection, request);
        let opened = connection.run("OpenEphemeralResource", &type_name, work).await;
        Ok(Response::new(opened.unwrap_or_else(|problems| pb::open_ephemeral_resource::Response {
            diagnostics: problems.to_proto(),
            ..pb::open_ephemeral_resource::Response::default()
        })))
    }

    async fn renew_ephemeral_resource(
        &self,
        request: Request<pb::renew_ephemeral_resource::Request>,
    ) -> Result<Response<pb::renew_ephemeral_resource::Response>, Status> {
        let connection = connection::<P::Configured, _>(&request)?;
        let request = request.into_inner();
        let type_name = request.type_name.clone();
        let work = self.renew(&connection, request);
        let renewed = connection.run("RenewEphemeralResource", &type_name, work).await;
        Ok(Response::new(renewed.unwrap_or_else(|problems| pb::renew_ephemeral_resource::Response {
            diagnostics: problems.to_proto(),
            ..pb::renew_ephemeral_resource::Response::default()
        })))
    }

    async fn close_ephemeral_resource(
        &self,
        request: Request<pb::close_ephemeral_resource::Request>,
    ) -> Result<Response<pb::close_ephemeral_resource::Response>, Status> {
        let connection = connection::<P::Configured, _>(&request)?;
        let request = request.into_inner();
        let type_name = request.type_name.clone();
        let work = self.close(&connection, request);
        let diagnostics = connection.run("CloseEphemeralResource", &type_name, work).await;
        Ok(Response::new(pb::close_ephemeral_resource::Response { diagnostics: all(diagnostics) }))
    }

    async fn get_functions(
        &self,
        _: Request<pb::get_functions::Request>,
    ) -> Result<Response<pb::get_functions::Response>, Status> {
        let functions = self.functions.to_proto();
        Ok(Response::new(pb::get_functions::Response { functions, diagnostics: Vec::new() }))
    }

    async fn call_function(
        &self,
        request: Request<pb::call_function::Request>,
    ) -> Result<Response<pb::call_function::Response>, Status> {
        Ok(Response::new(self.functions.call(request.into_inner())))
    }

    async fn validate_action_config(
        &self,
        request: Request<pb::validate_action_config::Request>,
    ) -> Result<Response<pb::validate_action_config::Response>, Status> {
        let connection = connection::<P::Configured, _>(&request)?;
        let pb::validate_action_config::Request { type_name, config } = request.into_inner();
        let work = async { validate(&self.action(&type_name)?.described, config) };
        let diagnostics = connection.run("ValidateActionConfig", &type_name, work).await;
        Ok(Response::new(pb::validate_action_config::Response { diagnostics: all(diagnostics) }))
    }

    async fn plan_action(
        &self,
        request: Request<pb::plan_action::Request>,
    ) -> Result<Response<pb::plan_action::Response>, Status> {
        let connection = connection::<P::Configured, _>(&request)?;
        let request = request.into_inner();
        let action_type = request.action_type.clone();
        let work = self.look_ahead(&connection, request);
        let diagnostics = connection.run("PlanAction", &action_type, work).await;
        Ok(Response::new(pb::plan_action::Response { diagnostics: all(diagnostics), deferred: None }))
    }

    async fn invoke_action(
        &self,
        request: Request<pb::invoke_action::Request>,
    ) -> Result<Response<BoxStream<pb::invoke_action::Event>>, Status> {
        let connection = connection::<P::Configured, _>(&request)?;
        Ok(Response::new(self.act(connection, request.into_inner())))
    }

    async fn stop_provider(
        &self,
        request: Request<pb::stop_provider::Request>,
    ) -> Result<Response<pb::stop_provider::Response>, Status> {
        let connection = connection::<P::Configured, _>(&request)?;
        connection.stop();
        // Terraform 1.11 does not close after an interrupt.
        if let Ok(configured) = connection.configured() {
            release(&*self.provider, &configured).await;
        }
        Ok(Response::new(pb::stop_provider::Response { error: String::new() }))
    }
}

/// With `get_provider_schema_optional` Terraform asks for the schema once a command, not once a process.
fn capabilities() -> pb::ServerCapabilities {
    pb::ServerCapabilities { get_provider_schema_optional: true, ..pb::ServerCapabilities::default() }
}

fn schemas<'a>(described: impl Iterator<Item = &'a Described>) -> HashMap<String, pb::Schema> {
    described.map(|described| (described.type_name.clone(), described.schema().to_proto())).collect()
}

fn connection<C: Send + Sync + 'static, T>(request: &Request<T>) -> Result<Arc<Connection<C>>, Status> {
    let connection = request.extensions().get::<Arc<Connection<C>>>();
    connection.cloned().ok_or_else(|| Status::internal("the call belongs to no connection"))
}

fn all(diagnostics: Outcome<Diagnostics>) -> Vec<pb::Diagnostic> {
    diagnostics.unwrap_or_else(|problems| problems).to_proto()
}

#[cfg(test)]
mod tests;
