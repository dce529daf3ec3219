//! The systems, each described once.

mod check;
mod credential;
mod material;
mod resolve;
mod settings;
mod standing;

pub use check::{allows_http, fields as check_fields};
pub use credential::Credential;
pub use settings::{Origin, Settings};
pub(crate) use settings::{Reader, decided_later, no_meaning};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use self::standing::Standing;
use crate::error::Guidance;
use crate::{
    BuildContext, Environment, Field, FieldKind, FieldProblem, GivenFields, HttpClient, HttpSettings,
    Predecessor, SystemClock, TokenSource, http, zenoti, zetasafe, zettelstore, zscaler,
};

/// All systems, by name.
pub static SYSTEMS: &[&System] =
    &[&http::SYSTEM, &zenoti::SYSTEM, &zetasafe::SYSTEM, &zettelstore::SYSTEM, &zscaler::SYSTEM];

/// The system of that name.
pub fn system(name: &str) -> Option<&'static System> {
    SYSTEMS.iter().copied().find(|system| system.name == name)
}

/// One system: everything that configurations and documentation say about it comes from here.
#[derive(Debug)]
pub struct System {
    /// Its name in configurations.
    pub name: &'static str,
    /// Its name in prose.
    pub title: &'static str,
    /// What it is and what comes from it, in Markdown.
    pub summary: &'static str,
    /// What else its users should know, in paragraphs of Markdown; empty if there is nothing.
    pub details: &'static str,
    /// Where Terraform users write its settings.
    pub home: Home,
    /// What a login does to the token before it.
    pub predecessor: Predecessor,
    /// How long its tokens live if nobody changed that, as its documentation says.
    pub documented_life: Option<Duration>,
    /// Whether a fresh token can be tried out before it is published, and is.
    pub trial: Trial,
    /// Whether a login also gives what a new token can be had for later, once. That ends the token before it.
    pub refreshes: bool,
    /// Whether it can end tokens before their time.
    pub revokes: bool,
    /// The fields that tell users of one name apart.
    pub realm: &'static [&'static str],
    /// The ways to log in to it. The first is meant where nothing is said at all.
    pub credentials: &'static [Credential],
    /// Its settings.
    pub fields: &'static [Field],
    /// Settings of the rotator alone: of no use to a login.
    pub rotator_fields: &'static [Field],
    /// What to advise when something fails.
    pub guidance: Guidance,
    /// Finds what is wrong with known values that have the right form, where they depend on each other.
    pub(crate) check: Option<fn(&GivenFields) -> Vec<FieldProblem>>,
    pub(crate) build: BuildFn,
}

/// When a fresh token is tried out before it is published.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trial {
    /// Unless the configuration says otherwise: it costs nothing.
    ByDefault,
    /// Where this field says how.
    ByField(&'static str),
    /// There is no way to.
    Never,
    /// If the configuration wants it: it costs a call of a few.
    OnRequest,
}

/// Where the settings of a system stand in a Terraform configuration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Home {
    /// In the provider block, once for all reads.
    ProviderBlock,
    /// In each data source or ephemeral resource.
    Resource,
}

pub(crate) type BuildFn = fn(&Settings, &BuildContext) -> Result<Arc<dyn TokenSource>, Vec<FieldProblem>>;

impl System {
    /// Checks every value that is known, by itself and with the others, without network or credential.
    pub fn check(&'static self, given: &GivenFields) -> Vec<FieldProblem> {
        let mut problems = check::fields(self.owner(), self.fields, given);
        problems.extend(check::fields(self.owner(), self.rotator_fields, given));
        let more = self.check.map(|check| check(given)).unwrap_or_default();
        for problem in more.into_iter().chain(resolve::conflicts(self, given)) {
            if !problems.iter().any(|known| problem.is_where(known)) {
                problems.push(problem);
            }
        }
        problems
    }

    /// Completes what the user wrote by the environment and the defaults, field by field, and guards against
    /// credentials that do not belong together.
    ///
    /// The form of written values is [`System::check`]'s business; that of variables is checked by
    /// [`System::build`], where it is seen which of them are used.
    pub fn resolve(
        &'static self,
        given: &GivenFields,
        environment: &dyn Environment,
    ) -> (Settings, Vec<FieldProblem>) {
        resolve::settings(self, given, environment)
    }

    /// The source that these settings describe. Nothing is sent yet.
    ///
    /// # Errors
    /// One problem for each field that is missing, not known yet, or malformed.
    pub fn build(
        &self,
        settings: &Settings,
        context: &BuildContext,
    ) -> Result<Arc<dyn TokenSource>, Vec<FieldProblem>> {
        (self.build)(settings, context)
    }

    /// Everything that a login sends or is sent to, in a fixed order: two logins are the same if this is. References
    /// have to be read before.
    pub fn material(&self, given: &GivenFields) -> Zeroizing<Vec<u8>> {
        material::of(self, given)
    }

    /// What can be seen to stand in the way of a login without anything being read: fields that it needs and nobody
    /// wrote, and structures that are not right in themselves. What is not known yet counts as written and right; the
    /// environment is not asked.
    pub fn flaws(&'static self, given: &GivenFields) -> Vec<FieldProblem> {
        let (settings, conflicts) = self.resolve(given, &BTreeMap::new());
        let context = BuildContext {
            http: Arc::new(HttpClient::new(HttpSettings::default())),
            clock: Arc::new(SystemClock),
        };
        let found = self.check(given);
        let is_new = |problem: &FieldProblem| !found.iter().any(|known| problem.is_where(known));
        // Which fields are needed is not known yet, or cannot be because two logins are meant.
        if !settings.is_decided(self) {
            return conflicts.into_iter().filter(is_new).collect();
        }
        let mut problems = self.build(&settings, &context).err().unwrap_or_default();
        problems.retain(|problem| {
            let is_missing = match standing::of(problem, given) {
                Standing::Absent => !problem.within.is_empty() || !settings.has(problem.field),
                Standing::Known => self.field(problem.field).is_some_and(|field| field.kind.is_structured()),
                Standing::Unknown => false,
            };
            is_missing && is_new(problem)
        });
        problems
    }

    /// The name of a field in messages: with the system's before it where both are written in one place.
    pub(crate) fn qualified(&self, field: &str) -> String {
        check::qualified(self.owner(), field)
    }

    /// Its settings, with those of the rotator alone.
    pub fn all_fields(&self) -> impl Iterator<Item = &'static Field> + use<> {
        self.fields.iter().chain(self.rotator_fields)
    }

    fn owner(&self) -> &'static str {
        match self.home {
            Home::ProviderBlock => self.name,
            Home::Resource => "",
        }
    }

    /// The field of that name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.all_fields().find(|field| field.name == name)
    }
}

/// A text at the start of a sentence.
pub(crate) fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The same in every system that has a URL.
pub(crate) const ALLOW_HTTP: Field = Field {
    name: "allow_http",
    kind: FieldKind::Flag,
    description: "Whether `base_url` may be plain `http` to another machine. The credential is then sent \
                  unprotected.",
    default: Some("false"),
    environment: None,
    rule: None,
};

#[cfg(test)]
mod tests;
