//! Figures on the screen, and as JSON.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::measures::{Bar, Measure, Results, Section, Subject, Unit};
use super::summary::Summary;
use crate::terminal::{Look, Terminal};

/// A table with our own figures, those of others, and the bars.
pub(super) fn table(results: &Results, terminal: &Terminal) {
    let context = results.context.iter().map(|(word, name)| format!("{word}: {name}"));
    terminal.heading(&context.collect::<Vec<_>>().join(", "));
    for section in results.sections {
        let count = match results.most_values(section) {
            0 => continue,
            1 => "1 run".to_owned(),
            count => format!("{count} runs"),
        };
        let shown = format!("median of {count} (min – max)");
        if !section.heading.is_empty() {
            terminal.heading(section.heading);
        }
        let subjects: Vec<String> =
            section.subjects.iter().map(|subject| format!("{:>24}", subject.name())).collect();
        let ratio = if compares_two(section) { "   ratio" } else { "" };
        terminal.line(&format!("{shown:<42}{}{ratio}     bar", subjects.concat()));
        for measure in section.measures {
            terminal.line(&row(results, section, *measure, terminal));
        }
    }
    terminal.line("");
    match results.missed().as_slice() {
        [] => terminal.verdict(true, "every bar is met"),
        missed => terminal.verdict(false, &format!("bars missed: {}", missed.join(", "))),
    }
}

fn row(results: &Results, section: &Section, measure: Measure, terminal: &Terminal) -> String {
    let summaries: Vec<Option<Summary>> =
        section.subjects.iter().map(|subject| results.summary(measure, *subject)).collect();
    let cells: Vec<String> =
        summaries.iter().map(|summary| format!("{:>24}", cell(measure.unit, *summary))).collect();
    let cells = cells.concat();
    let ratio = match summaries.as_slice() {
        [Some(ours), Some(peer)] if ours.median > 0.0 => format!("{:.1}×", peer.median / ours.median),
        _ => String::new(),
    };
    let ratio = if compares_two(section) { format!("{ratio:>8}") } else { String::new() };
    let bar = match measure.bar {
        None => String::new(),
        Some(Bar::AtLeast(bar)) => format!("≥ {bar}"),
        Some(Bar::AtMost(bar)) => format!("≤ {bar}"),
    };
    let mark = match results.met(measure) {
        None => String::new(),
        Some(false) => terminal.paint(Look::Bad, " ✗"),
        Some(true) => terminal.paint(Look::Good, " ✓"),
    };
    let name = format!("{}{}", measure.name, suffix(measure.unit));
    format!("{name:<42}{cells}{ratio}{bar:>8}{mark}").trim_end().to_owned()
}

fn compares_two(section: &Section) -> bool {
    section.subjects.len() == 2
}

fn suffix(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "",
        Unit::Mebibytes => ", MiB",
        Unit::Milliseconds => ", ms",
        Unit::Percent => ", %",
        Unit::PerSecond => " per s",
        Unit::Seconds => ", s",
    }
}

/// `1.40 (1.38 – 1.52)`; a number that is always the same stands alone.
#[expect(clippy::float_cmp, reason = "equal here means that nothing ever differed")]
fn cell(unit: Unit, summary: Option<Summary>) -> String {
    let Some(Summary { median, min, max }) = summary else { return String::new() };
    let number = |value: f64| match unit {
        Unit::Milliseconds | Unit::Percent if value < 1.0 => format!("{value:.3}"),
        Unit::Milliseconds | Unit::Seconds if value < 100.0 => format!("{value:.2}"),
        Unit::Mebibytes | Unit::Percent => format!("{value:.1}"),
        Unit::Count | Unit::Milliseconds | Unit::PerSecond | Unit::Seconds => format!("{value:.0}"),
    };
    if min == max {
        number(median)
    } else {
        format!("{} ({} – {})", number(median), number(min), number(max))
    }
}

/// One JSON object on stdout.
pub(super) fn json(results: &Results) {
    let mut report: Map<String, Value> =
        results.context.iter().map(|(word, name)| ((*word).to_owned(), name.as_str().into())).collect();
    report.insert("runs".to_owned(), results.runs.into());
    report
        .insert("measures".to_owned(), results.sections.iter().flat_map(|of| entries(results, of)).collect());
    writeln!(io::stdout(), "{:#}", Value::Object(report)).ok();
}

fn entries(results: &Results, section: &'static Section) -> impl Iterator<Item = Value> {
    section.measures.iter().map(|measure| entry(results, section.subjects, *measure))
}

fn entry(results: &Results, subjects: &[Subject], measure: Measure) -> Value {
    let (bound, bar) = match measure.bar {
        None => (None, None),
        Some(Bar::AtLeast(bar)) => (Some("at_least"), Some(bar)),
        Some(Bar::AtMost(bar)) => (Some("at_most"), Some(bar)),
    };
    let mut entry = json!({"name": measure.key, "bar": bar, "bound": bound, "met": results.met(measure)});
    for subject in subjects {
        entry[subject.key()] = json!(results.summary(measure, *subject));
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_never_differs_stands_alone() {
        let cell = |unit, values: &[f64]| cell(unit, Summary::of(values));
        assert_eq!(cell(Unit::Count, &[3.0, 3.0]), "3");
        assert_eq!(cell(Unit::Milliseconds, &[1.0, 2.0, 3.0]), "2.00 (1.00 – 3.00)");
        assert_eq!(cell(Unit::Milliseconds, &[0.25]), "0.250");
        assert_eq!(cell(Unit::PerSecond, &[1845.4]), "1845");
        assert_eq!(cell(Unit::Mebibytes, &[]), "");
    }
}
