//! The Vault of one configured provider: asked when a read needs it, and for each entry once.

mod fields;
mod settings;

pub(crate) use fields::{FIELDS, check};

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tfplugin::{AttributePath, Diagnostic, Diagnostics, sentence};
use tokenferry_sources::{Clock, Environment, GivenFields, HttpSettings};
use tokenferry_vault::{KvPath, Operation, Rotated, Vault, VaultError};
use tokio::time::Instant;

use crate::diagnostics::{chain, not_known_yet};

/// Where the rotator's entries are.
pub(crate) struct Entries {
    /// What the provider block says; `None` if it is not known yet as a whole.
    given: Option<GivenFields>,
    http: HttpSettings,
    environment: Arc<dyn Environment>,
    clock: Arc<dyn Clock>,
    vault: Mutex<Option<Arc<Vault>>>,
    read: Mutex<BTreeMap<KvPath, Arc<Place>>>,
    /// What stands in the way of every read, and until when it is taken for granted.
    trouble: Mutex<Option<(Instant, VaultError)>>,
}

/// What was found at one place, and when; whoever holds the lock is the one who reads.
type Place = tokio::sync::Mutex<Option<(Instant, Outcome)>>;

type Outcome = Result<Option<Arc<Rotated>>, VaultError>;

impl Entries {
    pub(crate) fn new(
        given: Option<GivenFields>,
        http: HttpSettings,
        environment: Arc<dyn Environment>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (vault, read, trouble) = (Mutex::default(), Mutex::default(), Mutex::default());
        Entries { given, http, environment, clock, vault, read, trouble }
    }

    /// What the user should know before anything is read.
    pub(crate) fn warning(&self) -> Option<Diagnostic> {
        settings::stranger(self.given.as_ref()?, self.environment.as_ref())
    }

    /// The entry at a place; `None` if there is none. What was read before does if it `is_good`, or was read just now.
    ///
    /// # Errors
    /// When nobody can tell, with the message at `path` if it is the place that is wrong.
    pub(crate) async fn read(
        &self,
        at: &KvPath,
        path: &AttributePath,
        is_good: impl Fn(&Rotated) -> bool,
    ) -> Result<Option<Arc<Rotated>>, Diagnostics> {
        let vault = self.vault()?;
        let place = Arc::clone(locked(&self.read).entry(at.clone()).or_default());
        let mut known = place.lock().await;
        let outcome = match &*known {
            Some((read_at, outcome)) if read_at.elapsed() < JUST_NOW || does(outcome, &is_good) => {
                outcome.clone()
            }
            _ => {
                let outcome = self.ask(&vault, at).await;
                *known = Some((Instant::now(), outcome.clone()));
                outcome
            }
        };
        outcome.map_err(|error| self.of_vault(&error, path).into())
    }

    /// What stands in the way of all is waited for once: for as long as that took, nobody else tries.
    async fn ask(&self, vault: &Vault, at: &KvPath) -> Outcome {
        let begun = Instant::now();
        if let Some((until, error)) = &*locked(&self.trouble)
            && begun < *until
        {
            return Err(error.clone());
        }
        let outcome = vault.read_rotated(at).await;
        if let Err(error) = &outcome
            && error.concerns_all()
        {
            *locked(&self.trouble) = Some((Instant::now() + begun.elapsed(), error.clone()));
        }
        outcome.map(|found| found.map(Arc::new))
    }

    fn vault(&self) -> Result<Arc<Vault>, Diagnostics> {
        let mut vault = locked(&self.vault);
        if let Some(vault) = &*vault {
            return Ok(Arc::clone(vault));
        }
        let given =
            self.given.as_ref().ok_or_else(|| not_known_yet(&AttributePath::root().attribute("vault")))?;
        let settings = settings::complete(given, &self.http, self.environment.as_ref())?;
        let built = Vault::new(settings, Arc::clone(&self.environment), Arc::clone(&self.clock));
        Ok(Arc::clone(vault.insert(Arc::new(built.for_one_run()))))
    }

    /// What was attempted, what came back, what to do.
    fn of_vault(&self, error: &VaultError, path: &AttributePath) -> Diagnostic {
        let is_nobody = self.given.as_ref().is_some_and(|given| settings::login(given).is_none());
        let advice = match error {
            VaultError::Credential { .. } if is_nobody => NO_LOGIN.to_owned(),
            _ => error.advice(),
        };
        let detail = format!("{}\n\n{advice}", sentence(&chain(error)));
        let path = place(error, self.given.as_ref(), path);
        Diagnostic::error(error.summary(), detail).at(path)
    }
}

fn does(outcome: &Outcome, is_good: impl Fn(&Rotated) -> bool) -> bool {
    matches!(outcome, Ok(Some(found)) if is_good(found))
}

/// Where to look: at the place of the entry, or at a setting of Vault.
fn place(error: &VaultError, given: Option<&GivenFields>, path: &AttributePath) -> AttributePath {
    use VaultError as E;
    let here = AttributePath::root().attribute("vault");
    match error {
        E::MissingMount { operation: Operation::Read(_) }
        | E::NewerSchema { .. }
        | E::NotKv { .. }
        | E::NotOurs { .. }
        | E::Forbidden { operation: Operation::Read(_), .. } => path.clone(),
        E::BadAddress { .. } | E::Redirected { .. } | E::TimedOut { .. } | E::Unreachable { .. } => {
            here.attribute("address")
        }
        E::BadToken | E::Credential { .. } | E::LoginRefused { .. } | E::MissingMount { .. } => {
            given.and_then(settings::login).map_or(here.clone(), |login| here.attribute(login))
        }
        E::CaFile { .. } => here.attribute("ca_cert_file"),
        E::MissingNamespace { .. } => here.attribute("namespace"),
        _ => here,
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const NO_LOGIN: &str = "Nothing says how to log in to Vault. Set one of `token`, `token_file`, `approle` and `jwt` in the \
                        provider block's `vault` attribute, or the environment variable VAULT_TOKEN; or run `vault \
                        login` or `bao login`, which leave a token in that file.";

/// For so long an entry that is of no use is not read again: many reads of one run ask for the same at once.
const JUST_NOW: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
