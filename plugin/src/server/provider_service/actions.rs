//! Actions: planned like a read, invoked with a stream of progress that ends with the outcome.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use tfplugin_proto::tfplugin6 as pb;
use tfplugin_proto::tfplugin6::invoke_action::Event;
use tfplugin_proto::tfplugin6::invoke_action::event::{self, Type};
use tokio::sync::mpsc;
use tonic::codegen::BoxStream;

use super::calls::{decode_config, no_such};
use super::{Outcome, ProviderService, all};
use crate::action::{ActionHandle, ErasedAction, Progress};
use crate::diagnostic::Diagnostics;
use crate::provider::Provider;
use crate::server::connection::Connection;
use crate::value::Object;

/// An action that may begin.
struct Ready<C> {
    action: Arc<dyn ErasedAction<C>>,
    configured: Arc<C>,
    config: Object,
}

impl<P: Provider> ProviderService<P> {
    pub(super) fn action(&self, type_name: &str) -> Outcome<&ActionHandle<P::Configured>> {
        self.actions.get(type_name).ok_or_else(|| no_such("action", type_name))
    }

    pub(super) async fn look_ahead(
        &self,
        connection: &Connection<P::Configured>,
        request: pb::plan_action::Request,
    ) -> Outcome<Diagnostics> {
        let Ready { action, configured, config } =
            self.ready(connection, &request.action_type, request.config)?;
        Ok(action.plan(&configured, &config).await?.warnings)
    }

    /// Begins, and returns what there is to tell until the end. It goes on if nobody listens any more.
    pub(super) fn act(
        &self,
        connection: Arc<Connection<P::Configured>>,
        request: pb::invoke_action::Request,
    ) -> BoxStream<Event> {
        let pb::invoke_action::Request { action_type, config, .. } = request;
        let ready = self.ready(&connection, &action_type, config);
        let (progress, messages) = Progress::channel(connection.stopped());
        let (finish, mut finished) = mpsc::channel(1);
        tokio::spawn(async move {
            let work = async move {
                let Ready { action, configured, config } = ready?;
                Ok(action.invoke(&configured, &config, &progress).await?.warnings)
            };
            let outcome = connection.run_action("InvokeAction", &action_type, work).await;
            drop(finish.send(outcome).await);
        });
        // The messages end when the work is done or given up, so the outcome comes last.
        let messages =
            stream::unfold(messages, async |mut messages| Some((messages.recv().await?, messages)));
        let outcome = stream::once(async move { finished.recv().await }).filter_map(std::future::ready);
        Box::pin(messages.map(said).chain(outcome.map(completed)).map(Ok))
    }

    fn ready(
        &self,
        connection: &Connection<P::Configured>,
        type_name: &str,
        config: Option<pb::DynamicValue>,
    ) -> Outcome<Ready<P::Configured>> {
        let handle = self.action(type_name)?;
        let config = decode_config(&handle.described, config)?;
        Ok(Ready { action: Arc::clone(&handle.inner), configured: connection.configured()?, config })
    }
}

fn said(message: String) -> Event {
    Event { r#type: Some(Type::Progress(event::Progress { message })) }
}

fn completed(outcome: Outcome<Diagnostics>) -> Event {
    Event { r#type: Some(Type::Completed(event::Completed { diagnostics: all(outcome) })) }
}
