//! An action that does what its mode says.

use async_trait::async_trait;
use futures_util::StreamExt as _;
use tfplugin_proto::tfplugin6 as pb;
use tfplugin_proto::tfplugin6::invoke_action::event::Type as Event;
use tfplugin_proto::tfplugin6::provider_server::Provider as _;

use super::{Served, only_error};
use crate::{Action, Answer, Attribute, ConfigReader, Diagnostic, Diagnostics, Progress, Schema};

pub(super) struct Act;

#[async_trait]
impl Action for Act {
    type Provider = ();
    type Config = String;

    fn type_name(&self) -> String {
        "demo_act".to_owned()
    }

    fn schema(&self) -> Schema {
        Schema::new("Acts.").with(Attribute::string("mode").optional().describe("What to do."))
    }

    fn config(&self, reader: &mut ConfigReader<'_>) -> String {
        reader.parse("mode", mode).known().unwrap_or_default()
    }

    async fn plan(&self, (): &(), config: String) -> Result<Answer<()>, Diagnostics> {
        if config == "unplanned" { Err(problem()) } else { Ok(().into()) }
    }

    async fn invoke(&self, (): &(), config: String, progress: &Progress) -> Result<Answer<()>, Diagnostics> {
        progress.say("Begun.");
        tokio::task::yield_now().await;
        match config.as_str() {
            "fail" => return Err(problem()),
            "hang" => {
                progress.unless_stopped(std::future::pending::<()>()).await;
                return Err(problem());
            }
            "panic" => panic!("planted"),
            _ => progress.say("Half done."),
        }
        Ok(Answer { value: (), warnings: Diagnostic::warning("Careful", "It works, but.").into() })
    }
}

fn mode(text: &str) -> Result<String, &'static str> {
    if text == "bad" { Err("this mode is bad") } else { Ok(text.to_owned()) }
}

fn problem() -> Diagnostics {
    Diagnostic::error("Failed", "Planted.").into()
}

fn config(mode: &[u8]) -> pb::DynamicValue {
    pb::DynamicValue { msgpack: [b"\x81\xa4mode", mode].concat(), json: Vec::new() }
}

impl Served {
    async fn validate(&self, mode: &[u8]) -> Vec<pb::Diagnostic> {
        let type_name = "demo_act".to_owned();
        let message = pb::validate_action_config::Request { type_name, config: Some(config(mode)) };
        self.service.validate_action_config(self.request(message)).await.unwrap().into_inner().diagnostics
    }

    async fn plan(&self, mode: &[u8]) -> Vec<pb::Diagnostic> {
        let action_type = "demo_act".to_owned();
        let message =
            pb::plan_action::Request { action_type, config: Some(config(mode)), client_capabilities: None };
        self.service.plan_action(self.request(message)).await.unwrap().into_inner().diagnostics
    }

    async fn invoke(&self, action_type: &str, mode: &[u8]) -> Vec<Event> {
        let action_type = action_type.to_owned();
        let message =
            pb::invoke_action::Request { action_type, config: Some(config(mode)), client_capabilities: None };
        let events = self.service.invoke_action(self.request(message)).await.unwrap().into_inner();
        events.map(|event| event.unwrap().r#type.unwrap()).collect().await
    }

    /// The summary of the error that an action ends with.
    async fn failed(&self, mode: &[u8]) -> String {
        match self.invoke("demo_act", mode).await.pop() {
            Some(Event::Completed(completed)) => only_error(completed.diagnostics),
            other => panic!("not completed: {other:?}"),
        }
    }
}

#[tokio::test]
async fn progress_comes_while_it_goes_on_and_the_outcome_last() {
    let events = Served::configured().await.invoke("demo_act", b"\xc0").await;
    let [Event::Progress(begun), Event::Progress(half), Event::Completed(completed)] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!((&*begun.message, &*half.message), ("Begun.", "Half done."));
    assert_eq!(completed.diagnostics[0].severity, 2);
}

#[tokio::test]
async fn an_action_that_goes_wrong_says_so_at_its_end() {
    let served = Served::configured().await;
    assert_eq!(served.failed(b"\xa4fail").await, "Failed");
    assert_eq!(served.failed(b"\xa5panic").await, "The provider panicked");
    assert_eq!(served.failed(b"\xa3bad").await, "Invalid `mode`");
    assert_eq!(served.failed(b"\xd4\x00\x00").await, "Argument not known yet");
    assert!(matches!(&served.invoke("demo_other", b"\xc0").await[..], [Event::Completed(_)]));
    assert!(matches!(&Served::new().invoke("demo_act", b"\xc0").await[..], [Event::Completed(_)]));
}

#[tokio::test]
async fn an_action_is_told_to_stop_and_has_the_last_word() {
    let served = Served::configured().await;
    let (summary, ()) = tokio::join!(served.failed(b"\xa4hang"), async {
        tokio::task::yield_now().await;
        served.connection.stop();
    });
    assert_eq!(summary, "Failed");
}

#[tokio::test]
async fn a_plan_looks_at_what_is_known_only() {
    let served = Served::configured().await;
    assert_eq!(served.plan(b"\xc0").await, []);
    assert_eq!(served.plan(b"\xd4\x00\x00").await, []);
    assert_eq!(only_error(served.plan(b"\xa9unplanned").await), "Failed");
    assert_eq!(only_error(served.plan(b"\xa3bad").await), "Invalid `mode`");
}

#[tokio::test]
async fn a_block_is_checked_without_a_configured_provider() {
    assert_eq!(Served::new().validate(b"\xd4\x00\x00").await, []);
    assert_eq!(only_error(Served::new().validate(b"\xa3bad").await), "Invalid `mode`");
}
