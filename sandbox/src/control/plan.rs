//! What is done to one request, drawn from the faults in force.

use std::collections::VecDeque;
use std::time::Duration;

use super::fault::{Effect, Fault};
use crate::conditions::Conditions;

/// What is done to one request.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) latency: Duration,
    pub(crate) conditions: Conditions,
    /// What decides the answer; nothing, and the system itself does.
    pub(crate) effect: Option<Effect>,
}

impl Plan {
    /// Takes what concerns this request, and counts down what is limited.
    pub(crate) fn draw(faults: &mut VecDeque<Fault>, method: &str, path: &str) -> Self {
        let mut plan = Self::default();
        if faults.is_empty() {
            return plan;
        }
        for fault in faults.iter_mut().filter(|fault| fault.concerns(method, path)) {
            if plan.take(&fault.effect) {
                fault.times = fault.times.map(|times| times - 1);
            }
        }
        faults.retain(|fault| fault.times != Some(0));
        plan
    }

    /// Adds an effect, unless the answer is already decided by another.
    fn take(&mut self, effect: &Effect) -> bool {
        match effect {
            Effect::Latency { millis } => self.latency += Duration::from_millis(*millis),
            Effect::ClockSkew { seconds } => {
                self.conditions.skew_secs = self.conditions.skew_secs.saturating_add(*seconds);
            }
            Effect::KeyRevoked { key } => self.conditions.revoked.push(key.clone()),
            _ if self.effect.is_some() => return false,
            other => self.effect = Some(other.clone()),
        }
        true
    }
}
