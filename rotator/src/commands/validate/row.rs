//! What `validate` prints for each rotation.

use std::time::Duration;

use serde::Serialize;

use super::notes::Note;
use crate::commands::CommandError;
use crate::commands::print::{budget, print};
use crate::proof::{Life, Proof, Sum, Verdict, human};
use crate::rotation::Rotation;
use crate::table::Table;

/// One rotation.
#[derive(Debug, Serialize)]
pub(super) struct Row<'a> {
    rotation: String,
    verdict: &'static str,
    life_seconds: Option<u64>,
    life_basis: Option<&'static str>,
    replaced_at_age_seconds: Option<u64>,
    reader: Option<&'static str>,
    reader_lag_seconds: u64,
    survive_outage_seconds: u64,
    /// How long source or Vault may be away at the worst moment before a reader holds a dead token.
    outage_budget_seconds: Option<i64>,
    /// What a reader holds at most, less the life: negative where a reader can hold a dead token.
    margin_seconds: Option<i64>,
    renew_before_that_passes_seconds: Option<u64>,
    explanation: String,
    /// What is worth a word beside the proof.
    notes: Vec<&'a Note>,
}

impl<'a> Row<'a> {
    pub(super) fn new(rotation: &Rotation, proof: &Proof, notes: impl Iterator<Item = &'a Note>) -> Self {
        let (sum, life, remedy) = match &proof.verdict {
            Verdict::NotProvable { .. } => (None, None, None),
            Verdict::Proven { sum, life, .. } => (Some(sum), Some(life), None),
            Verdict::Refused { sum, life, remedy } => (Some(sum), Some(life), Some(remedy)),
        };
        let margin = |(sum, life): (&Sum, &Life)| {
            let total = i64::try_from(sum.total().as_secs()).ok()?;
            i64::try_from(life.duration.as_secs()).ok()?.checked_sub(total)
        };
        Row {
            rotation: rotation.name.to_string(),
            verdict: proof.verdict.name(),
            life_seconds: life.map(|life| life.duration.as_secs()),
            life_basis: life.map(|life| life.basis.name()),
            replaced_at_age_seconds: sum.map(|sum| sum.age().as_secs()),
            reader: rotation.reader.map(|reader| reader.name),
            reader_lag_seconds: rotation.reader_lag.as_secs(),
            survive_outage_seconds: rotation.survive_outage.as_secs(),
            outage_budget_seconds: proof.verdict.outage_budget().map(|budget| budget.num_seconds()),
            margin_seconds: sum.zip(life).and_then(margin),
            renew_before_that_passes_seconds: remedy
                .zip(life)
                .and_then(|(remedy, life)| remedy.suggested_renew_before(life.duration))
                .map(|before| before.as_secs()),
            explanation: proof.to_string(),
            notes: notes.collect(),
        }
    }

    /// Whether it makes the command fail.
    pub(super) fn fails(&self, strict: bool) -> bool {
        self.verdict == "refused" || (strict && self.verdict == "not_provable")
    }
}

pub(super) fn table(rows: &[Row<'_>]) -> Table<7> {
    let mut table =
        Table::new(["ROTATION", "VERDICT", "LIFE", "AS", "REPLACED AT AGE", "READER LAG", "OUTAGE BUDGET"]);
    for row in rows {
        let seconds = |seconds: Option<u64>| {
            seconds.map_or_else(|| "-".to_owned(), |seconds| human(Duration::from_secs(seconds)))
        };
        table.row([
            row.rotation.clone(),
            row.verdict.replace('_', " "),
            seconds(row.life_seconds),
            row.life_basis.unwrap_or("-").replace('_', " "),
            seconds(row.replaced_at_age_seconds),
            seconds(Some(row.reader_lag_seconds)),
            row.outage_budget_seconds.map_or_else(|| "-".to_owned(), budget),
        ]);
    }
    table
}

/// What the table has no room for.
pub(super) fn explain(rows: &[Row<'_>]) -> Result<(), CommandError> {
    for row in rows {
        print(format_args!("\n{}: {}\n", row.rotation, row.explanation.replace('\n', "\n  ")))?;
    }
    Ok(())
}
