//! Calls that this provider has no use for, and rules for all answers.

use tfplugin_proto::tfplugin6::provider_client::ProviderClient;
use tfplugin_proto::tfplugin6::{
    apply_resource_change, configure_state_store, delete_state, generate_resource_config, get_functions,
    get_metadata, get_resource_identity_schemas, get_states, import_resource_state, invoke_action,
    list_resource, lock_state, move_resource_state, plan_action, plan_resource_change, read_resource,
    read_state_bytes, unlock_state, upgrade_resource_identity, upgrade_resource_state,
    validate_action_config, validate_list_resource_config, validate_resource_config, validate_state_store,
    write_state_bytes,
};
use tokenferry_sandbox::Fault;
use tokenferry_tests::issuer::Issuer;
use tokenferry_tests::plugin::Plugin;
use tokenferry_tests::schema;
use tokenferry_tests::value::object;
use tonic::transport::Channel;
use tonic::{Code, Response, Status};

const TOKEN: &str = "tokenferry_zscaler_token";

macro_rules! calls {
    ($client:expr, $($call:ident($request:expr)),+ $(,)?) => {
        vec![$((stringify!($call), outcome($client.clone().$call($request).await))),+]
    };
}

#[tokio::test]
async fn case_50_calls_that_are_not_offered_are_unimplemented_or_empty() {
    let plugin = Plugin::start().await;
    for (call, code) in calls_not_offered(&plugin.provider()).await {
        assert!([Code::Ok, Code::Unimplemented].contains(&code), "{call} answered {code:?}");
    }
    plugin.validate_data(TOKEN, &object([])).await.ok();
    plugin.finish().await;
}

async fn calls_not_offered(client: &ProviderClient<Channel>) -> Vec<(&'static str, Code)> {
    calls!(
        client,
        get_resource_identity_schemas(get_resource_identity_schemas::Request::default()),
        upgrade_resource_identity(upgrade_resource_identity::Request::default()),
        generate_resource_config(generate_resource_config::Request::default()),
        list_resource(list_resource::Request::default()),
        validate_list_resource_config(validate_list_resource_config::Request::default()),
        validate_state_store_config(validate_state_store::Request::default()),
        configure_state_store(configure_state_store::Request::default()),
        read_state_bytes(read_state_bytes::Request::default()),
        write_state_bytes(tokio_stream::iter([write_state_bytes::RequestChunk::default()])),
        lock_state(lock_state::Request::default()),
        unlock_state(unlock_state::Request::default()),
        get_states(get_states::Request::default()),
        delete_state(delete_state::Request::default()),
        plan_action(plan_action::Request::default()),
        invoke_action(invoke_action::Request::default()),
        validate_action_config(validate_action_config::Request::default()),
        validate_resource_config(validate_resource_config::Request::default()),
        upgrade_resource_state(upgrade_resource_state::Request::default()),
        read_resource(read_resource::Request::default()),
        plan_resource_change(plan_resource_change::Request::default()),
        apply_resource_change(apply_resource_change::Request::default()),
        import_resource_state(import_resource_state::Request::default()),
        move_resource_state(move_resource_state::Request::default()),
    )
}

fn outcome<T>(result: Result<Response<T>, Status>) -> Code {
    result.map_or_else(|status| status.code(), |_| Code::Ok)
}

#[tokio::test]
async fn metadata_and_schema_name_the_same_things() {
    let plugin = Plugin::start().await;
    let metadata = plugin.provider().get_metadata(get_metadata::Request {}).await.unwrap().into_inner();
    let schemas = schema::all().await;
    let mut data: Vec<&str> = metadata.data_sources.iter().map(|source| source.type_name.as_str()).collect();
    data.sort_unstable();
    let mut known: Vec<&str> = schemas.data_source_schemas.keys().map(String::as_str).collect();
    known.sort_unstable();
    assert_eq!(data, known);
    assert_eq!(metadata.ephemeral_resources.len(), schemas.ephemeral_resource_schemas.len());
    let actions: Vec<&String> = metadata.actions.iter().map(|action| &action.type_name).collect();
    assert_eq!(actions, schemas.action_schemas.keys().collect::<Vec<_>>());
    assert!(schemas.server_capabilities.unwrap().get_provider_schema_optional);
    let functions = plugin.provider().get_functions(get_functions::Request {}).await.unwrap().into_inner();
    assert_eq!(functions.functions.len(), metadata.functions.len());
    plugin.finish().await;
}

#[tokio::test]
async fn case_51_every_diagnostic_has_a_severity_and_a_summary() {
    let issuer = Issuer::start("case-51").await;
    issuer.fault(Fault::status(404));
    let plugin = Plugin::start().await;
    // Every reply is held against this rule as it is read; here is one of each call.
    let bad = object([("timeout", "soon".into())]);
    assert!(!plugin.validate_provider(&bad).await.problems.is_empty());
    assert!(!plugin.configure_raw(object([("timeout", "soon".into())]).dynamic()).await.problems.is_empty());
    plugin.configure(&issuer.config()).await.ok();
    assert!(!plugin.read(TOKEN, &object([])).await.problems.is_empty());
    assert!(!plugin.open_ephemeral(TOKEN, &object([])).await.reply.problems.is_empty());
    let bad = object([("minimum_lifetime", "soon".into())]);
    assert!(!plugin.validate_data(TOKEN, &bad).await.problems.is_empty());
    assert!(!plugin.validate_ephemeral(TOKEN, &bad).await.problems.is_empty());
    plugin.finish().await;
}
