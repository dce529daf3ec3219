//! The systems of one configured provider: each with its settings at once, and its session when first needed.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tfplugin::{Answer, AttributePath, Diagnostic, Diagnostics};
use tokenferry_sources::zscaler::ApiReader;
use tokenferry_sources::{
    BuildContext, Clock, Environment, FieldProblem, GivenFields, HttpClient, Session, Settings, System,
    SystemClock, TokenSource,
};
use zeroize::Zeroizing;

use crate::block::{self, Block};
use crate::diagnostics::not_known_yet;
use crate::fields;
use crate::secrets;
use crate::token::Owed;
use crate::vault::Entries;

/// What all reads of one configured provider share. Aliases each have their own.
pub(crate) struct Systems {
    context: BuildContext,
    environment: Arc<dyn Environment>,
    /// Attributes of the provider block that are not known yet: no read that needs one can honour it.
    unknown: Vec<&'static str>,
    settings: BTreeMap<&'static str, (Settings, Vec<FieldProblem>)>,
    open: Mutex<Open>,
    entries: Entries,
    owed: Owed,
}

/// Sessions that some read has needed.
#[derive(Default)]
struct Open {
    /// Of the systems in the provider block.
    sessions: BTreeMap<&'static str, Arc<Session>>,
    /// Of logins that stand in a data source or ephemeral resource: the same one is shared, another never.
    logins: BTreeMap<Login, Arc<Session>>,
    zscaler: Option<Arc<ApiReader>>,
}

/// All that makes a login the one it is, secrets included.
#[derive(Eq, PartialEq)]
struct Login(Zeroizing<Vec<u8>>);

impl Systems {
    /// Completes the block from the environment. Nothing is built, read or sent.
    ///
    /// # Errors
    /// When what the block says of a system cannot be right.
    pub(crate) fn new(block: &Block, environment: Arc<dyn Environment>) -> Result<Answer<Self>, Diagnostics> {
        let mut diagnostics = Diagnostics::new();
        let mut settings = BTreeMap::new();
        for system in block::systems() {
            let given = block.systems.get(system.name);
            let (completed, mut problems) =
                system.resolve(given.unwrap_or(&BTreeMap::new()), environment.as_ref());
            if given.is_some() {
                // Problems of a system that only the environment mentions wait for a read that needs it.
                diagnostics.extend(problems.drain(..).map(|problem| at_system(system, problem)));
            }
            settings.insert(system.name, (completed, problems));
        }
        if diagnostics.has_errors() {
            return Err(diagnostics);
        }
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let entries = Entries::new(
            block.vault.clone(),
            block.http.clone(),
            Arc::clone(&environment),
            Arc::clone(&clock),
        );
        diagnostics.extend(entries.warning());
        let systems = Self {
            entries,
            environment,
            context: BuildContext { http: Arc::new(HttpClient::new(block.http.clone())), clock },
            unknown: block.unknown.clone(),
            settings,
            open: Mutex::default(),
            owed: Owed::default(),
        };
        Ok(Answer { value: systems, warnings: diagnostics })
    }

    /// The session of a system. The first call builds it.
    ///
    /// # Errors
    /// One message for each setting that is missing, malformed or not known yet.
    pub(crate) fn session(&self, system: &'static System) -> Result<Arc<Session>, Diagnostics> {
        self.session_in(&mut self.open(), system)
    }

    /// The session of a login that stands where it is used. The first one with these settings and secrets builds it.
    ///
    /// # Errors
    /// One message for each setting that is missing or malformed, and each secret that cannot be read.
    pub(crate) fn session_of(
        &self,
        system: &'static System,
        given: &GivenFields,
    ) -> Result<Arc<Session>, Diagnostics> {
        self.known(system)?;
        let given = secrets::read(system.fields, given, self.environment.as_ref())?;
        let login = Login(system.material(&given));
        let mut open = self.open();
        if let Some(session) = open.logins.get(&login) {
            return Ok(Arc::clone(session));
        }
        let at_field = |problem: FieldProblem| fields::placed(problem, &AttributePath::root(), system.fields);
        let (settings, problems) = system.resolve(&given, self.environment.as_ref());
        let problems: Diagnostics = problems.into_iter().map(at_field).collect();
        if problems.has_errors() {
            return Err(problems);
        }
        let source = system
            .build(&settings, &self.context)
            .map_err(|problems| problems.into_iter().map(at_field).collect::<Diagnostics>())?;
        let session = Session::new(source, Arc::clone(&self.context.clock));
        open.logins.insert(login, Arc::clone(&session));
        Ok(session)
    }

    /// The reader of what Zscaler has besides tokens, on the session that its tokens come from.
    ///
    /// # Errors
    /// As [`Systems::session`].
    pub(crate) fn zscaler(&self) -> Result<Arc<ApiReader>, Diagnostics> {
        let mut open = self.open();
        if let Some(reader) = &open.zscaler {
            return Ok(Arc::clone(reader));
        }
        let session = self.session_in(&mut open, &tokenferry_sources::zscaler::SYSTEM)?;
        let reader = ApiReader::new(session).ok_or_else(|| {
            Diagnostic::error("Not Zscaler", "This session is not one of Zscaler Client Connector.")
        })?;
        Ok(Arc::clone(open.zscaler.insert(Arc::new(reader))))
    }

    /// Looks whether there is a login for a system, as far as that is known yet.
    ///
    /// # Errors
    /// One message for each setting that is missing or malformed.
    pub(crate) fn foresee(&self, system: &'static System) -> Result<(), Diagnostics> {
        match self.known(system) {
            Ok(()) => self.session(system).map(drop),
            Err(_) => Ok(()),
        }
    }

    /// The rotator's entries.
    pub(crate) fn entries(&self) -> &Entries {
        &self.entries
    }

    /// Tokens that have to be ended.
    pub(crate) fn owed(&self) -> &Owed {
        &self.owed
    }

    /// The clock that expiry is reckoned by.
    pub(crate) fn clock(&self) -> &dyn Clock {
        self.context.clock.as_ref()
    }

    fn session_in(&self, open: &mut Open, system: &'static System) -> Result<Arc<Session>, Diagnostics> {
        if let Some(session) = open.sessions.get(system.name) {
            return Ok(Arc::clone(session));
        }
        let source = self.source(system)?;
        let session = Session::new(source, Arc::clone(&self.context.clock));
        open.sessions.insert(system.name, Arc::clone(&session));
        Ok(session)
    }

    fn source(&self, system: &'static System) -> Result<Arc<dyn TokenSource>, Diagnostics> {
        self.known(system)?;
        let Some((settings, problems)) = self.settings.get(system.name) else {
            return Err(Diagnostic::error(
                "Unknown system",
                format!("This provider has no settings for {}.", system.title),
            )
            .into());
        };
        let deferred: Diagnostics =
            problems.iter().map(|problem| at_system(system, problem.clone())).collect();
        if deferred.has_errors() {
            return Err(deferred);
        }
        system
            .build(settings, &self.context)
            .map_err(|problems| problems.into_iter().map(|problem| at_system(system, problem)).collect())
    }

    /// # Errors
    /// When something in the provider block that this system needs is not known yet.
    fn known(&self, system: &System) -> Result<(), Diagnostics> {
        let is_needed = |name: &&&str| **name == system.name || !is_system(name);
        let unknown = self.unknown.iter().filter(is_needed);
        let path = |name: &&str| AttributePath::root().attribute(name);
        let unknown: Diagnostics = unknown.map(|name| not_known_yet(&path(name))).collect();
        if unknown.is_empty() { Ok(()) } else { Err(unknown) }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ord for Login {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.as_slice().cmp(other.0.as_slice())
    }
}

impl PartialOrd for Login {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn at_system(system: &System, problem: FieldProblem) -> Diagnostic {
    fields::placed(problem, &AttributePath::root().attribute(system.name), system.fields)
}

fn is_system(name: &str) -> bool {
    tokenferry_sources::system(name).is_some()
}

#[cfg(test)]
mod tests;
