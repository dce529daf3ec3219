//! `tokenferry validate`.

mod notes;
mod row;

use std::collections::{BTreeMap, BTreeSet};

use self::notes::{Note, missing, missing_in_vault};
use self::row::{Row, explain, table};
use super::{CommandError, Exit, load, show, tell};
use crate::app::{App, Reading};
use crate::cli::{self, Cli, Output};
use crate::proof::{Claim, prove};
use crate::run::{Living, RotationId};

pub(super) async fn execute(cli: &Cli, arguments: &cli::Validate) -> Result<Exit, CommandError> {
    let app = load(cli)?;
    let (last_seen, unread) = if arguments.offline { (BTreeMap::new(), None) } else { last_seen(&app).await };
    let mut notes: Vec<Note> = unread.into_iter().chain(missing(&app)).collect();
    if !arguments.offline {
        notes.extend(missing_in_vault(&app).await);
    }
    for note in &notes {
        tell(cli, format_args!("note: {}", note.message), note.advice.as_deref());
    }
    let now = app.clock.now();
    let rows = app.ids().map(|(id, rotation)| {
        let proof = prove(&Claim::of(rotation, last_seen.get(&id)), now);
        Row::new(rotation, &proof, notes.iter().filter(|note| note.concerns(&rotation.source)))
    });
    let rows: Vec<Row> = rows.collect();
    show(arguments.output, &rows, table(&rows))?;
    if arguments.output == Output::Table {
        explain(&rows)?;
    }
    let fails = rows.iter().any(|row| row.fails(arguments.strict));
    Ok(if fails { Exit::Configuration } else { Exit::Fine })
}

/// The tokens that stand in Vault. A Vault that cannot be read does not make a configuration wrong.
async fn last_seen(app: &App) -> (BTreeMap<RotationId, Living>, Option<Note>) {
    let all: BTreeSet<RotationId> = app.ids().map(|(id, _)| id).collect();
    let Reading { found, error } = app.read(all.clone()).await;
    let unread = error.map(|error| Note::unread(all.len() - found.len(), &error));
    (found.into_iter().filter_map(|(id, standing)| Some((id, standing.living?))).collect(), unread)
}
