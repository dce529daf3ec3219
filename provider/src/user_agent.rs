//! Who asks, as servers see it: this provider, the program that started it, and what its user adds.

use tfplugin::{Diagnostic, Diagnostics, Host};
use tokenferry_sources::{Environment, user_agent};

/// What is sent as `User-Agent` with every request.
///
/// # Errors
/// When what is to be added cannot stand in a header.
pub(crate) fn of(host: &Host, environment: &dyn Environment) -> Result<String, Diagnostics> {
    let more = environment.var(VARIABLE);
    let more = more.as_deref().map(str::trim).filter(|more| !more.is_empty());
    if more.is_some_and(|more| !more.chars().all(|c| c == ' ' || c.is_ascii_graphic())) {
        let detail = format!(
            "The environment variable {VARIABLE} is added to the header `User-Agent` of every request, and it contains a \
             line break, another control character, or one that is not ASCII. Take that out, or unset the variable."
        );
        return Err(Diagnostic::error(format!("Invalid value in {VARIABLE}"), detail).into());
    }
    Ok(user_agent(Some(&host.version), more))
}

/// As other providers have it.
const VARIABLE: &str = "TF_APPEND_USER_AGENT";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn with(more: &str) -> Result<String, Diagnostics> {
        let environment = BTreeMap::from([(VARIABLE.to_owned(), more.to_owned())]);
        of(&Host { version: "1.11.4".to_owned() }, &environment)
    }

    #[test]
    fn what_is_added_stands_at_the_end() {
        assert!(with("").unwrap().ends_with(" (terraform 1.11.4)"));
        assert!(with(" pipeline/7 (team a) ").unwrap().ends_with(" (terraform 1.11.4) pipeline/7 (team a)"));
    }

    #[test]
    fn what_cannot_stand_in_a_header_is_refused() {
        for more in ["a\r\nX-Evil: b", "a\u{7}", "ä", "a\tb"] {
            let problems = with(more).unwrap_err();
            assert!(problems.iter().all(|problem| problem.summary().contains(VARIABLE)), "{more:?}");
        }
    }
}
