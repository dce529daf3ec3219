//! The calls that tests make, with configurations completed as Terraform completes them.

use prost_types::Timestamp;
use tfplugin_proto::tfplugin6::invoke_action::event::Type;
use tfplugin_proto::tfplugin6::{
    ClientCapabilities, DynamicValue, FunctionError, call_function, close_ephemeral_resource,
    configure_provider, invoke_action, open_ephemeral_resource, plan_action, read_data_source,
    renew_ephemeral_resource, stop_provider, validate_action_config, validate_data_resource_config,
    validate_ephemeral_resource_config, validate_provider_config,
};

use crate::connection::Connection;
use crate::reply::Reply;
use crate::schema;
use crate::value::Value;

/// What a host says that it can do, as seen from Terraform.
const CAPABILITIES: ClientCapabilities = ClientCapabilities {
    deferral_allowed: false,
    write_only_attributes_allowed: true,
    store_planned_private: false,
    computed_blocks_allowed: false,
};

/// The answer to the opening of an ephemeral resource.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Result and diagnostics.
    pub reply: Reply,
    /// What Renew and Close are to be given.
    pub private: Option<Vec<u8>>,
    /// When Renew is to be called.
    pub renew_at: Option<Timestamp>,
}

/// How an action went.
#[derive(Clone, Debug)]
pub struct Invoked {
    /// What it said on its way.
    pub progress: Vec<String>,
    /// What it said in the end.
    pub reply: Reply,
}

/// Every call answers with status OK, whatever happened: failures are diagnostics. Anything else panics.
impl Connection {
    /// Checks a provider block.
    pub async fn validate_provider(&self, config: &Value) -> Reply {
        let config = schema::complete_provider(config).await;
        let request = validate_provider_config::Request { config: Some(config.dynamic()) };
        let response = self.provider().validate_provider_config(request).await.expect("status OK");
        Reply::of_diagnostics(&response.into_inner().diagnostics)
    }

    /// Hands over a provider block.
    pub async fn configure(&self, config: &Value) -> Reply {
        let config = schema::complete_provider(config).await;
        self.configure_raw(config.dynamic()).await
    }

    /// Hands over a provider block as it is.
    pub async fn configure_raw(&self, config: DynamicValue) -> Reply {
        let request = configure_provider::Request {
            terraform_version: "1.11.4".to_owned(),
            config: Some(config),
            client_capabilities: Some(CAPABILITIES),
        };
        let response = self.provider().configure_provider(request).await.expect("status OK");
        Reply::of_diagnostics(&response.into_inner().diagnostics)
    }

    /// Checks a data block.
    pub async fn validate_data(&self, kind: &str, config: &Value) -> Reply {
        let config = Some(schema::complete_data(kind, config).await.dynamic());
        let request = validate_data_resource_config::Request { type_name: kind.to_owned(), config };
        let response = self.provider().validate_data_resource_config(request).await.expect("status OK");
        Reply::of_diagnostics(&response.into_inner().diagnostics)
    }

    /// Reads a data source.
    pub async fn read(&self, kind: &str, config: &Value) -> Reply {
        let config = schema::complete_data(kind, config).await;
        self.read_raw(kind, config.dynamic()).await
    }

    /// Reads a data source with a configuration as it is.
    pub async fn read_raw(&self, kind: &str, config: DynamicValue) -> Reply {
        let request = read_data_source::Request {
            type_name: kind.to_owned(),
            config: Some(config),
            provider_meta: None,
            client_capabilities: Some(CAPABILITIES),
        };
        let response = self.provider().read_data_source(request).await.expect("status OK").into_inner();
        Reply::new(response.state.as_ref(), &response.diagnostics, response.deferred.as_ref())
    }

    /// Checks an ephemeral block.
    pub async fn validate_ephemeral(&self, kind: &str, config: &Value) -> Reply {
        let config = Some(schema::complete_ephemeral(kind, config).await.dynamic());
        let request = validate_ephemeral_resource_config::Request { type_name: kind.to_owned(), config };
        let response = self.provider().validate_ephemeral_resource_config(request).await.expect("status OK");
        Reply::of_diagnostics(&response.into_inner().diagnostics)
    }

    /// Opens an ephemeral resource.
    pub async fn open_ephemeral(&self, kind: &str, config: &Value) -> Opened {
        let config = schema::complete_ephemeral(kind, config).await;
        self.open_raw(kind, config.dynamic()).await
    }

    /// Opens an ephemeral resource with a configuration as it is.
    pub async fn open_raw(&self, kind: &str, config: DynamicValue) -> Opened {
        let request = open_ephemeral_resource::Request {
            type_name: kind.to_owned(),
            config: Some(config),
            client_capabilities: Some(ClientCapabilities::default()),
        };
        let response =
            self.provider().open_ephemeral_resource(request).await.expect("status OK").into_inner();
        let reply = Reply::new(response.result.as_ref(), &response.diagnostics, response.deferred.as_ref());
        Opened { reply, private: response.private, renew_at: response.renew_at }
    }

    /// Renews an ephemeral resource; the new `private` and time come with the diagnostics.
    pub async fn renew_ephemeral(&self, kind: &str, private: Option<Vec<u8>>) -> Opened {
        let request = renew_ephemeral_resource::Request { type_name: kind.to_owned(), private };
        let response =
            self.provider().renew_ephemeral_resource(request).await.expect("status OK").into_inner();
        let reply = Reply::of_diagnostics(&response.diagnostics);
        Opened { reply, private: response.private, renew_at: response.renew_at }
    }

    /// Closes an ephemeral resource.
    pub async fn close_ephemeral(&self, kind: &str, private: Option<Vec<u8>>) -> Reply {
        let request = close_ephemeral_resource::Request { type_name: kind.to_owned(), private };
        let response = self.provider().close_ephemeral_resource(request).await.expect("status OK");
        Reply::of_diagnostics(&response.into_inner().diagnostics)
    }

    /// Calls a function. A dynamic result is a list of its type and its value.
    ///
    /// # Errors
    ///
    /// What the function refuses.
    pub async fn call_function(&self, name: &str, arguments: &[Value]) -> Result<Value, FunctionError> {
        let arguments = arguments.iter().map(Value::dynamic).collect();
        let request = call_function::Request { name: name.to_owned(), arguments };
        let response = self.provider().call_function(request).await.expect("status OK").into_inner();
        match response.error {
            Some(error) => Err(error),
            None => Ok(Value::from_dynamic(&response.result.expect("a result")).unwrap()),
        }
    }

    /// Checks the configuration of an action.
    pub async fn validate_action(&self, kind: &str, config: &Value) -> Reply {
        let config = Some(schema::complete_action(kind, config).await.dynamic());
        let request = validate_action_config::Request { type_name: kind.to_owned(), config };
        let response = self.provider().validate_action_config(request).await.expect("status OK");
        Reply::of_diagnostics(&response.into_inner().diagnostics)
    }

    /// Plans an action.
    pub async fn plan_action(&self, kind: &str, config: &Value) -> Reply {
        let config = Some(schema::complete_action(kind, config).await.dynamic());
        let client_capabilities = Some(CAPABILITIES);
        let request = plan_action::Request { action_type: kind.to_owned(), config, client_capabilities };
        let response = self.provider().plan_action(request).await.expect("status OK").into_inner();
        Reply::new(None, &response.diagnostics, response.deferred.as_ref())
    }

    /// Invokes an action and follows it to its end.
    pub async fn invoke_action(&self, kind: &str, config: &Value) -> Invoked {
        let config = schema::complete_action(kind, config).await;
        self.invoke_raw(kind, config.dynamic()).await
    }

    /// Invokes an action with a configuration as it is.
    pub async fn invoke_raw(&self, kind: &str, config: DynamicValue) -> Invoked {
        let (action_type, config) = (kind.to_owned(), Some(config));
        let request = invoke_action::Request { action_type, config, client_capabilities: Some(CAPABILITIES) };
        let mut events = self.provider().invoke_action(request).await.expect("status OK").into_inner();
        let mut progress = Vec::new();
        loop {
            let event = events.message().await.expect("status OK").expect("events until it is completed");
            match event.r#type.expect("an event says what it is") {
                Type::Progress(said) => progress.push(said.message),
                Type::Completed(completed) => {
                    assert!(events.message().await.expect("status OK").is_none(), "nothing follows the end");
                    return Invoked { progress, reply: Reply::of_diagnostics(&completed.diagnostics) };
                }
            }
        }
    }

    /// Tells the provider that the user interrupted the command; gives the text of its answer.
    pub async fn stop_provider(&self) -> String {
        let response = self.provider().stop_provider(stop_provider::Request {}).await.expect("status OK");
        response.into_inner().error
    }
}
