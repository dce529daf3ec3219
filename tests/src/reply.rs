//! What a provider answered, held against the rules that hold for every answer.

use std::fs::File;
use std::io::Write;
use std::sync::LazyLock;

use tfplugin_proto::tfplugin6::attribute_path::step::Selector;
use tfplugin_proto::tfplugin6::diagnostic::Severity;
use tfplugin_proto::tfplugin6::{AttributePath, Deferred, Diagnostic, DynamicValue};
use tokenferry_leaks::open_log;

use crate::value::Value;

/// A diagnostic in readable form.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Whether the command fails for it.
    pub is_error: bool,
    /// The headline.
    pub summary: String,
    /// The explanation.
    pub detail: String,
    /// The attribute that it points at, as `a.b["c"]`; empty if it points nowhere.
    pub path: String,
}

impl Problem {
    /// Summary and detail in one text.
    pub fn text(&self) -> String {
        format!("{}\n{}", self.summary, self.detail)
    }

    /// Whether every one of `words` stands in the text, in any case.
    pub fn says(&self, words: &[&str]) -> bool {
        let text = self.text().to_lowercase();
        words.iter().all(|word| text.contains(&word.to_lowercase()))
    }
}

/// The answer to a call: a value, diagnostics, or both.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The value, null if there is none.
    pub value: Value,
    /// The diagnostics in their order.
    pub problems: Vec<Problem>,
}

impl Reply {
    /// Reads an answer.
    ///
    /// # Panics
    ///
    /// If it breaks a rule that holds for all of them: a severity and a headline in each diagnostic, nothing
    /// deferred, nothing unknown, and a value unless there is an error.
    pub fn new(
        value: Option<&DynamicValue>,
        diagnostics: &[Diagnostic],
        deferred: Option<&Deferred>,
    ) -> Self {
        let value = value.map_or(Ok(Value::Null), Value::from_dynamic).unwrap();
        assert!(deferred.is_none(), "the provider deferred its answer");
        assert!(!value.has_unknown(), "an unknown in the answer");
        Self { value, problems: problems(diagnostics) }
    }

    /// An answer that carries no value.
    pub fn of_diagnostics(diagnostics: &[Diagnostic]) -> Self {
        Self::new(None, diagnostics, None)
    }

    /// The diagnostics that make the command fail.
    pub fn errors(&self) -> Vec<&Problem> {
        self.problems.iter().filter(|problem| problem.is_error).collect()
    }

    /// The value of a call that succeeded.
    ///
    /// # Panics
    ///
    /// If there are errors.
    pub fn ok(&self) -> &Value {
        assert!(self.errors().is_empty(), "unexpected: {:#?}", self.problems);
        &self.value
    }

    /// The text of the member `name` of a call that succeeded.
    ///
    /// # Panics
    ///
    /// If there are errors, or the member is not a text.
    pub fn text(&self, name: &str) -> &str {
        self.ok().member(name).text().unwrap_or_else(|| panic!("`{name}` is not a text"))
    }

    /// The one error of a call that failed.
    ///
    /// # Panics
    ///
    /// If there is none, or more than one.
    pub fn error(&self) -> &Problem {
        match self.errors()[..] {
            [error] => error,
            ref other => panic!("{} errors instead of one: {other:#?}", other.len()),
        }
    }
}

fn problems(diagnostics: &[Diagnostic]) -> Vec<Problem> {
    diagnostics.iter().map(problem).collect()
}

fn problem(diagnostic: &Diagnostic) -> Problem {
    assert_ne!(diagnostic.severity(), Severity::Invalid, "a diagnostic without severity: {diagnostic:?}");
    assert!(!diagnostic.summary.trim().is_empty(), "a diagnostic without summary: {diagnostic:?}");
    assert!(!diagnostic.summary.ends_with('.'), "a full stop ends the summary: {diagnostic:?}");
    let problem = Problem {
        is_error: diagnostic.severity() == Severity::Error,
        summary: diagnostic.summary.clone(),
        detail: diagnostic.detail.clone(),
        path: diagnostic.attribute.as_ref().map(path).unwrap_or_default(),
    };
    keep(&problem);
    problem
}

/// Puts it into a log: what users are told is searched for secrets as well.
fn keep(Problem { summary, detail, path, .. }: &Problem) {
    static LOG: LazyLock<Option<File>> = LazyLock::new(|| open_log("reply").unwrap().map(|(_, log)| log));
    if let Some(mut log) = LOG.as_ref() {
        log.write_all(format!("{summary}\n{detail}\n{path}\n").as_bytes()).unwrap();
    }
}

fn path(path: &AttributePath) -> String {
    let steps =
        path.steps.iter().map(|step| match step.selector.as_ref().expect("a step selects something") {
            Selector::AttributeName(name) => format!(".{name}"),
            Selector::ElementKeyString(key) => format!("[{key:?}]"),
            Selector::ElementKeyInt(index) => format!("[{index}]"),
        });
    steps.collect::<String>().trim_start_matches('.').to_owned()
}
