//! The figures in the operator's guide: a table and a chart, both written by the benchmark.

use std::fs;

use super::chart::{self, Group, thousands};
use super::measures::{
    EMPTY_RATES, FAILOVER_LOST, FAILOVER_OVERLAPS, LEADER, LEADS, LOST, OTHER, OVERLAPS, PEAKS, REAL_RATES,
    TWICE, WALLS,
};
use crate::bench::measures::{Bar, Measure, Results, Subject};
use crate::cargo;
use crate::error::{Attempt, Error, Result};
use crate::mirror;

/// Writes both.
pub(super) fn write(results: &Results) -> Result {
    let (table, drawn) = (table(results)?, chart(results)?);
    let guide = cargo::root().join(GUIDE);
    let text = fs::read_to_string(&guide).attempt(|| format!("read {GUIDE}"))?;
    let text = put(&text, &table)
        .ok_or_else(|| Error::unexpected(format!("{GUIDE} has no place for figures: {BEGIN} … {END}")))?;
    mirror::write(&cargo::root().join(FOLDER).join(CHART), &drawn)?;
    mirror::write(&guide, &text).map(drop)
}

/// Puts the figures between the two marks.
fn put(guide: &str, figures: &str) -> Option<String> {
    let (before, rest) = guide.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{figures}{END}{after}"))
}

/// With heading and chart.
fn table(results: &Results) -> Result<String> {
    let context = results.context.iter().map(|(word, name)| format!("{word}: {name}"));
    let context = context.collect::<Vec<_>>().join(", ");
    let row = |measures: [Measure; 3], write: fn(f64) -> String| -> Result<String> {
        let cells = measures.map(|measure| Ok(write(median(results, measure)?)));
        Ok(cells.into_iter().collect::<Result<Vec<String>>>()?.join(" | "))
    };
    let one = |measure: Measure| median(results, measure);
    Ok(format!(
        "## Measured\n\n\
         ![Runs a second with one, two and three replicas]({CHART})\n\n\
         | | 1 replica | 2 replicas | 3 replicas |\n| --- | --- | --- | --- |\n\
         | empty runs a second: queue, lock, outcome | {} |\n\
         | runs a second with login and KV v2 write | {} |\n\
         | all due at once: until the last is written | {} |\n\
         | memory of the largest replica, peak | {} |\n\n\
         | with all of these | |\n| --- | --- |\n\
         | credentials used by two at one time | {} |\n| planned times lost | {} |\n\
         | planned times written more than once | {} |\n\
         | leader killed: until another leads | {} |\n\
         | leader killed: until what it had begun is written | {} |\n\
         | another killed: until what it had begun is written | {} |\n\n\
         Medians of `cargo xtask bench cluster` ({context}). Replicas, PostgreSQL, OpenBao and the issuer share the\n\
         machine, so more replicas have less of it each; the dashed lines are our bars. Run it on yours.\n",
        row(EMPTY_RATES, thousands)?,
        row(REAL_RATES, thousands)?,
        row(WALLS, |value| format!("{value:.1} s"))?,
        row(PEAKS, |value| format!("{value:.1} MiB"))?,
        thousands(one(OVERLAPS)? + one(FAILOVER_OVERLAPS)?),
        thousands(one(LOST)? + one(FAILOVER_LOST)?),
        thousands(one(TWICE)?),
        seconds(one(LEADS)?),
        seconds(one(LEADER)?),
        seconds(one(OTHER)?),
    ))
}

fn chart(results: &Results) -> Result<String> {
    let group = |title, measures: [Measure; 3]| -> Result<Group> {
        let mut bars = Vec::new();
        for (name, measure) in NAMES.into_iter().zip(measures) {
            bars.push((name, median(results, measure)?));
        }
        let bar = measures[0].bar.map_or(0.0, |(Bar::AtLeast(bar) | Bar::AtMost(bar))| bar);
        Ok(Group { title, bars, bar })
    };
    let groups = [
        group("Empty runs a second: queue, lock of the credential, outcome", EMPTY_RATES)?,
        group("Runs a second with login and KV v2 write", REAL_RATES)?,
    ];
    Ok(chart::svg("Runs a second with one, two and three replicas", &groups))
}

fn median(results: &Results, measure: Measure) -> Result<f64> {
    let summary = results.summary(measure, Subject::Ours);
    let missing = || Error::unexpected(format!("{} was not measured", measure.key));
    summary.map(|summary| summary.median).ok_or_else(missing)
}

fn seconds(value: f64) -> String {
    format!("{value:.1} s")
}

const FOLDER: &str = "docs/rotator";
const GUIDE: &str = "docs/rotator/cluster.md";
const CHART: &str = "cluster-rates.svg";
const NAMES: [&str; 3] = ["1 replica", "2 replicas", "3 replicas"];
const BEGIN: &str = "<!-- Figures of `cargo xtask bench cluster --write`: -->";
const END: &str = "<!-- End of the figures. -->";

#[cfg(test)]
mod tests {
    use super::super::measures::SECTIONS;
    use super::*;

    #[test]
    fn figures_take_the_place_of_earlier_ones() {
        let guide = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let written = put(&guide, "new\n").unwrap();
        assert_eq!(written, format!("before\n{BEGIN}\nnew\n{END}\nafter\n"));
        assert_eq!(put(&written, "new\n").unwrap(), written);
        assert_eq!(put("nothing", "new"), None);
    }

    #[test]
    fn the_guide_has_a_place_for_figures() {
        let guide = fs::read_to_string(cargo::root().join(GUIDE)).unwrap();
        assert!(put(&guide, "").is_some());
    }

    #[test]
    fn table_and_chart_have_the_medians() {
        let mut results = Results::new(vec![("openbao", "OpenBao v2".into())], SECTIONS, 1);
        assert!(table(&results).is_err(), "nothing was measured");
        for (value, measure) in (1..).zip(SECTIONS.iter().flat_map(|section| section.measures)) {
            results.add(*measure, Subject::Ours, f64::from(1000 + value));
        }
        let table = table(&results).unwrap();
        assert!(table.contains("outcome | 1,001 | 1,002 | 1,003 |"), "{table}");
        assert!(table.contains("is written | 1007.0 s | 1008.0 s | 1009.0 s |"), "{table}");
        assert!(table.contains("two at one time | 2,032 |"), "13 and 19: {table}");
        assert!(chart(&results).unwrap().contains(">1,006</text>"));
    }
}
