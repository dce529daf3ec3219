//! The calls of a small provider that does everything a provider may do wrong.

mod actions;
mod functions;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use tfplugin_proto::tfplugin6 as pb;
use tfplugin_proto::tfplugin6::provider_server::Provider as _;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::Request;

use super::{Connection, ProviderService};
use crate::{
    ActionHandle, Answer, Attribute, ConfigReader, DataSource, DataSourceHandle, Diagnostic, Diagnostics,
    EphemeralResource, EphemeralResourceHandle, FromConfig, Function, Host, Number, Object, Opened, Provider,
    Renewed, Schema, Type, Value,
};

/// `demo_sum`: what it does is told by `mode`.
struct Sum;

struct SumConfig {
    mode: String,
    number: Option<i64>,
}

impl SumConfig {
    fn read(reader: &mut ConfigReader<'_>) -> Self {
        Self {
            mode: reader.string("mode").known().unwrap_or_default().to_owned(),
            number: reader.integer("number").known(),
        }
    }
}

fn schema() -> Schema {
    Schema::new("Adds one.")
        .with(Attribute::string("mode").optional().describe("What to do."))
        .with(Attribute::new("number", Type::Number).optional().describe("What to add to."))
        .with(Attribute::new("names", Type::list(Type::String)).optional().describe("Names."))
        .with(Attribute::string("tag").required().describe("A mark."))
        .with(Attribute::new("sum", Type::Number).describe("The sum."))
}

fn sum(config: &SumConfig) -> Result<Answer<Object>, Diagnostics> {
    let sum = config.number.map_or(Value::Null, |number| Value::Number(Number::Integer(number + 1)));
    let computed = |name: &str, value| Ok(Object::from([(name.to_owned(), value)]).into());
    match config.mode.as_str() {
        "panic" => panic!("planted"),
        "unknown" => computed("sum", Value::Unknown),
        "overwrite" => computed("mode", Value::string("other")),
        "surplus" => computed("surplus", Value::Null),
        "type" => computed("sum", Value::Bool(true)),
        "warn" => Ok(Answer {
            value: Object::new(),
            warnings: Diagnostic::warning("Careful", "It works, but.").into(),
        }),
        _ => computed("sum", sum),
    }
}

#[async_trait]
impl DataSource for Sum {
    type Provider = ();
    type Config = SumConfig;

    fn type_name(&self) -> String {
        "demo_sum".to_owned()
    }

    fn schema(&self) -> Schema {
        schema()
    }

    fn config(&self, reader: &mut ConfigReader<'_>) -> SumConfig {
        SumConfig::read(reader)
    }

    async fn read(&self, (): &(), config: SumConfig) -> Result<Answer<Object>, Diagnostics> {
        if config.mode == "hang" {
            std::future::pending::<()>().await;
        }
        sum(&config)
    }
}

#[async_trait]
impl EphemeralResource for Sum {
    type Provider = ();
    type Config = SumConfig;

    fn type_name(&self) -> String {
        "demo_sum".to_owned()
    }

    fn schema(&self) -> Schema {
        schema()
    }

    fn config(&self, reader: &mut ConfigReader<'_>) -> SumConfig {
        SumConfig::read(reader)
    }

    async fn open(&self, (): &(), config: SumConfig) -> Result<Answer<Opened>, Diagnostics> {
        let computed = sum(&config)?.value;
        let long_ago = chrono::DateTime::from_timestamp(1, 0);
        Ok(Opened { computed, private: b"private".to_vec(), renew_at: long_ago }.into())
    }

    async fn renew(&self, (): &(), _: &[u8]) -> Result<Answer<Renewed>, Diagnostics> {
        Ok(Renewed::default().into())
    }

    async fn close(&self, (): &(), private: &[u8]) -> Result<Answer<()>, Diagnostics> {
        assert_eq!(private, b"private");
        Ok(().into())
    }
}

struct Demo;

struct NoConfig;

impl FromConfig for NoConfig {
    fn from_config(_: &mut ConfigReader<'_>) -> Self {
        Self
    }
}

#[async_trait]
impl Provider for Demo {
    type Config = NoConfig;
    type Configured = ();

    fn schema(&self) -> Schema {
        Schema::new("A provider.")
    }

    async fn configure(&self, _: NoConfig, host: &Host) -> Result<Answer<()>, Diagnostics> {
        assert_eq!(host.version, "1.11.4");
        Ok(().into())
    }

    fn data_sources(&self) -> Vec<DataSourceHandle<()>> {
        vec![DataSourceHandle::new(Sum)]
    }

    fn ephemeral_resources(&self) -> Vec<EphemeralResourceHandle<()>> {
        vec![EphemeralResourceHandle::new(Sum)]
    }

    fn functions(&self) -> Vec<Box<dyn Function>> {
        vec![Box::new(functions::Add)]
    }

    fn actions(&self) -> Vec<ActionHandle<()>> {
        vec![ActionHandle::new(actions::Act)]
    }
}

/// The service and one connection to it.
struct Served {
    service: ProviderService<Demo>,
    connection: Arc<Connection<()>>,
}

fn connection() -> Arc<Connection<()>> {
    Arc::new(Connection::new(&CancellationToken::new(), mpsc::unbounded_channel().0))
}

impl Served {
    fn new() -> Self {
        Self { service: ProviderService::new(Arc::new(Demo), Arc::default()), connection: connection() }
    }

    async fn configured() -> Self {
        let served = Self::new();
        let message = pb::configure_provider::Request {
            terraform_version: "1.11.4".to_owned(),
            ..pb::configure_provider::Request::default()
        };
        let reply = served.service.configure_provider(served.request(message)).await.unwrap().into_inner();
        assert_eq!(reply.diagnostics, []);
        served
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.extensions_mut().insert(Arc::clone(&self.connection));
        request
    }

    async fn read_bytes(&self, type_name: &str, msgpack: Vec<u8>) -> pb::read_data_source::Response {
        let config = Some(pb::DynamicValue { msgpack, json: Vec::new() });
        let message = pb::read_data_source::Request {
            type_name: type_name.to_owned(),
            config,
            ..pb::read_data_source::Request::default()
        };
        self.service.read_data_source(self.request(message)).await.unwrap().into_inner()
    }

    async fn read(&self, mode: &str, number: &[u8]) -> pb::read_data_source::Response {
        self.read_bytes("demo_sum", config(mode, number)).await
    }

    /// The summary of the only error of a read.
    async fn refused(&self, mode: &str, number: &[u8]) -> String {
        only_error(self.read(mode, number).await.diagnostics)
    }
}

fn config(mode: &str, number: &[u8]) -> Vec<u8> {
    let mode_length = u8::try_from(mode.len()).unwrap();
    [b"\x83\xa3tag\xa1t\xa4mode", &[0xa0 | mode_length][..], mode.as_bytes(), b"\xa6number", number].concat()
}

fn only_error(diagnostics: Vec<pb::Diagnostic>) -> String {
    let [error] = <[_; 1]>::try_from(diagnostics).unwrap();
    assert_eq!(error.severity, 1);
    error.summary
}

fn state(reply: pb::read_data_source::Response) -> BTreeMap<String, Value> {
    assert_eq!(reply.diagnostics, []);
    let Ok(Value::Map(state)) = crate::value::decode(reply.state, &schema().object_type()) else {
        panic!("no state")
    };
    state
}

#[tokio::test]
async fn case_26_a_result_has_every_attribute_and_unset_ones_are_null() {
    let served = Served::configured().await;
    let state = state(served.read("", b"\x02").await);
    assert_eq!(state.keys().collect::<Vec<_>>(), ["mode", "names", "number", "sum", "tag"]);
    assert_eq!(state["names"], Value::Null);
    assert_eq!(state["sum"], Value::Number(Number::Integer(3)));
}

#[tokio::test]
async fn case_27_arguments_come_back_in_the_form_in_which_they_came() {
    let served = Served::configured().await;
    for (wire, number) in [
        (&b"\x02"[..], Number::Integer(2)),
        (b"\xa12", Number::Decimal("2".into())),
        (b"\xcb\x40\0\0\0\0\0\0\0", Number::Float(2.0)),
    ] {
        let state = state(served.read("caf\u{e9}", wire).await);
        assert_eq!(state["number"], Value::Number(number));
        assert_eq!(state["mode"], Value::string("caf\u{e9}"));
    }
}

#[tokio::test]
async fn case_28_an_unknown_type_name_is_a_diagnostic() {
    let served = Served::configured().await;
    let reply = served.read_bytes("demo_nothing", config("", b"\x02")).await;
    assert_eq!(only_error(reply.diagnostics), "Unknown data source");
}

#[tokio::test]
async fn case_30_a_number_behaves_the_same_as_integer_float_and_decimal_text() {
    let served = Served::configured().await;
    for number in [&b"\x02"[..], b"\xcb\x40\0\0\0\0\0\0\0", b"\xa12", b"\xa32e0"] {
        assert_eq!(state(served.read("", number).await)["sum"], Value::Number(Number::Integer(3)));
    }
    for number in [&b"\xcb\x40\x04\0\0\0\0\0\0"[..], b"\xa32.5"] {
        assert_eq!(served.refused("", number).await, "Invalid number");
    }
}

#[tokio::test]
async fn case_31_damaged_values_are_diagnostics() {
    let served = Served::configured().await;
    for bytes in [&b"\x82\xa4mode"[..], b"\x93\x01\x02\x03", b"\xc1", b"\xa1x"] {
        let reply = served.read_bytes("demo_sum", bytes.to_vec()).await;
        assert_eq!(only_error(reply.diagnostics), "Invalid value from the host", "{bytes:?}");
    }
}

#[tokio::test]
async fn case_42_a_renewal_that_is_due_already_is_put_off() {
    let served = Served::configured().await;
    let message = pb::open_ephemeral_resource::Request {
        type_name: "demo_sum".to_owned(),
        config: Some(pb::DynamicValue { msgpack: config("", b"\x02"), json: Vec::new() }),
        ..pb::open_ephemeral_resource::Request::default()
    };
    let before = chrono::Utc::now().timestamp();
    let reply = served.service.open_ephemeral_resource(served.request(message)).await.unwrap().into_inner();
    assert!(reply.renew_at.unwrap().seconds >= before + 5);
    let close =
        pb::close_ephemeral_resource::Request { type_name: "demo_sum".into(), private: reply.private };
    let reply = served.service.close_ephemeral_resource(served.request(close)).await.unwrap().into_inner();
    assert_eq!(reply.diagnostics, []);
}

#[tokio::test]
async fn case_56_a_panic_is_an_error_of_that_call_only() {
    let served = Served::configured().await;
    assert_eq!(served.refused("panic", b"\x02").await, "The provider panicked");
    assert_eq!(state(served.read("", b"\x02").await)["sum"], Value::Number(Number::Integer(3)));
}

#[tokio::test]
async fn what_an_author_computes_wrongly_is_named_as_a_bug_and_never_sent() {
    let served = Served::configured().await;
    for mode in ["unknown", "overwrite", "surplus", "type"] {
        assert_eq!(served.refused(mode, b"\x02").await, "Provider produced an invalid result", "{mode}");
    }
}

#[tokio::test]
async fn a_warning_does_not_cost_the_result() {
    let served = Served::configured().await;
    let reply = served.read("warn", b"\x02").await;
    assert_eq!(reply.diagnostics[0].severity, 2);
    assert!(reply.state.is_some());
}

#[tokio::test]
async fn an_unknown_argument_is_never_read_with() {
    let served = Served::configured().await;
    assert_eq!(served.refused("", b"\xd4\x00\x00").await, "Argument not known yet");
}

#[tokio::test]
async fn a_missing_required_argument_is_named_also_when_the_host_does_not_check() {
    let served = Served::configured().await;
    for bytes in [&b"\x80"[..], b"\x81\xa3tag\xc0", b"\xc0"] {
        let reply = served.read_bytes("demo_sum", bytes.to_vec()).await;
        assert_eq!(only_error(reply.diagnostics), "Missing tag");
    }
    let reply = served.read_bytes("demo_sum", b"\x81\xa6number\xa30.5".to_vec()).await;
    let summaries: Vec<_> = reply.diagnostics.iter().map(|problem| problem.summary.as_str()).collect();
    assert_eq!(summaries, ["Missing tag", "Invalid number"]);
}

#[tokio::test]
async fn nothing_is_read_before_the_provider_is_configured() {
    assert_eq!(Served::new().refused("", b"\x02").await, "Provider not configured");
}

#[tokio::test]
async fn stopping_reaches_the_calls_of_this_connection_only() {
    let served = Served::configured().await;
    let other = connection();
    let mut request = Request::new(pb::stop_provider::Request {});
    request.extensions_mut().insert(Arc::clone(&other));
    let hanging = served.read("hang", b"\x02");
    tokio::pin!(hanging);
    assert!(futures_util::poll!(&mut hanging).is_pending());
    served.service.stop_provider(request).await.unwrap();
    assert!(futures_util::poll!(&mut hanging).is_pending());
    served.service.stop_provider(served.request(pb::stop_provider::Request {})).await.unwrap();
    assert_eq!(only_error(hanging.await.diagnostics), "Stopped");
}
