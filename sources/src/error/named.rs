//! Failures that only one system knows. Each system lists its own in its folder.

use super::FailureClass;

/// One of them. All texts are for users; names may stand in backticks, and there is no other markup.
#[derive(Debug)]
pub struct NamedFailure {
    /// Its kind, as logs and metrics count it. It also decides whether another try makes sense.
    pub class: FailureClass,
    /// The headline after the system's title: a predicate without a full stop, as in `does not know the role`.
    pub headline: &'static str,
    /// What is wrong: no capital letter at the start, no full stop.
    pub text: &'static str,
    /// What to do, in whole sentences.
    pub advice: &'static str,
}
