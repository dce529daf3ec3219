//! The source: one account at one service.

use std::fmt;

use async_trait::async_trait;
use tracing::debug;
use url::Url;

use super::chain;
use super::plan::{Plan, Way};
use crate::base_url::{host_and_port, root};
use crate::{
    Action, Attempt, BuildContext, Identity, SourceError, Token, TokenSource, TokenUsage, Verification,
};

/// One account at one service.
pub(super) struct HttpService {
    plan: Plan,
    context: BuildContext,
}

impl HttpService {
    pub(super) fn new(plan: Plan, context: BuildContext) -> Self {
        HttpService { plan, context }
    }
}

#[async_trait]
impl TokenSource for HttpService {
    fn identity(&self) -> &Identity {
        &self.plan.terms.identity
    }

    /// What the answer to a login says about it is not known before.
    fn usage(&self) -> TokenUsage {
        self.plan.terms.usage(None)
    }

    fn servers(&self) -> Vec<Url> {
        match &self.plan.way {
            Way::Chain(requests) => requests.iter().map(|request| root(request.origin())).collect(),
            Way::ClientCredentials(preset) => vec![root(preset.url())],
        }
    }

    async fn login(&self) -> Result<Token, SourceError> {
        let Plan { way, terms, allow_link_local, .. } = &self.plan;
        debug!(system = super::SYSTEM.name, issuer = %terms.identity.issuer, "logging in");
        match way {
            Way::Chain(requests) => chain::login(&self.plan, requests, &self.context).await,
            Way::ClientCredentials(preset) => {
                let attempt = Attempt::new(&super::SYSTEM, Action::Login, host_and_port(preset.url()));
                preset.login(&self.context, terms, attempt, *allow_link_local).await
            }
        }
    }

    async fn verify(&self, token: &Token) -> Result<Verification, SourceError> {
        match &self.plan.trial {
            Some(trial) => trial.of(token, &self.plan, &self.context).await,
            None => Ok(Verification::CannotTell),
        }
    }
}

/// Even what is no secret by itself could hold one that nobody recognized.
impl fmt::Debug for HttpService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpService").field("identity", &self.plan.terms.identity).finish_non_exhaustive()
    }
}
