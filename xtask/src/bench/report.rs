//! Figures on the screen, and as JSON.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::measures::{ALL, Measure, Results, Subject, Unit};
use super::summary::Summary;
use crate::terminal::{Look, Terminal};

/// A table with our own figures, the peer's, and the bars.
pub(super) fn table(results: &Results, terminal: &Terminal) {
    terminal.heading(&format!("{}, Go peer: {}", results.terraform, results.peer));
    let count = if results.runs == 1 { "1 run".to_owned() } else { format!("{} runs", results.runs) };
    let shown = format!("median of {count} (min – max)");
    terminal.line(&format!("{shown:<42}{:>24}{:>24}{:>8}{:>8}", "tokenferry", "Go peer", "ratio", "bar"));
    for measure in ALL {
        terminal.line(&row(results, *measure, terminal));
    }
    let missed: Vec<&str> = ALL
        .iter()
        .filter(|measure| results.met(**measure) == Some(false))
        .map(|measure| measure.name)
        .collect();
    terminal.line("");
    match missed.as_slice() {
        [] => terminal.verdict(true, "every bar is met"),
        missed => terminal.verdict(false, &format!("bars missed: {}", missed.join(", "))),
    }
}

fn row(results: &Results, measure: Measure, terminal: &Terminal) -> String {
    let (ours, peer) = (results.summary(measure, Subject::Ours), results.summary(measure, Subject::Peer));
    let ratio = match (ours, peer) {
        (Some(ours), Some(peer)) if ours.median > 0.0 => format!("{:.1}×", peer.median / ours.median),
        _ => String::new(),
    };
    let bar = measure.bar.map(|bar| format!("≤ {bar}")).unwrap_or_default();
    let mark = match results.met(measure) {
        None => String::new(),
        Some(false) => terminal.paint(Look::Bad, " ✗"),
        Some(true) => terminal.paint(Look::Good, " ✓"),
    };
    let name = format!("{}{}", measure.name, suffix(measure.unit));
    let (ours, peer) = (cell(measure.unit, ours), cell(measure.unit, peer));
    format!("{name:<42}{ours:>24}{peer:>24}{ratio:>8}{bar:>8}{mark}").trim_end().to_owned()
}

fn suffix(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "",
        Unit::Mebibytes => ", MiB",
        Unit::Milliseconds => ", ms",
    }
}

/// `1.40 (1.38 – 1.52)`; a number that is always the same stands alone.
#[expect(clippy::float_cmp, reason = "equal here means that nothing ever differed")]
fn cell(unit: Unit, summary: Option<Summary>) -> String {
    let Some(Summary { median, min, max }) = summary else { return String::new() };
    let number = |value: f64| match unit {
        Unit::Mebibytes => format!("{value:.1}"),
        Unit::Milliseconds if value < 100.0 => format!("{value:.2}"),
        Unit::Count | Unit::Milliseconds => format!("{value:.0}"),
    };
    if min == max {
        number(median)
    } else {
        format!("{} ({} – {})", number(median), number(min), number(max))
    }
}

/// One JSON object on stdout.
pub(super) fn json(results: &Results) {
    let measures: Vec<Value> = ALL.iter().map(|measure| entry(results, *measure)).collect();
    let report = json!({
        "peer": results.peer,
        "terraform": results.terraform,
        "runs": results.runs,
        "measures": measures,
    });
    writeln!(io::stdout(), "{report:#}").ok();
}

fn entry(results: &Results, measure: Measure) -> Value {
    json!({
        "name": measure.key,
        "ours": results.summary(measure, Subject::Ours),
        "peer": results.summary(measure, Subject::Peer),
        "bar": measure.bar,
        "met": results.met(measure),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_never_differs_stands_alone() {
        let cell = |unit, values: &[f64]| cell(unit, Summary::of(values));
        assert_eq!(cell(Unit::Count, &[3.0, 3.0]), "3");
        assert_eq!(cell(Unit::Milliseconds, &[1.0, 2.0, 3.0]), "2.00 (1.00 – 3.00)");
        assert_eq!(cell(Unit::Mebibytes, &[]), "");
    }
}
