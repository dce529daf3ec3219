//! `tokenferry validate`.

mod notes;
mod row;

use std::collections::BTreeMap;

use self::notes::{Note, doubts, missing, missing_in_vault, not_ours};
use self::row::{Row, explain, table};
use super::{CommandError, Exit, load, show, tell};
use crate::app::{App, Reading};
use crate::cli::{self, Cli, Output};
use crate::proof::{Claim, prove};
use crate::run::{Living, RotationId};
use crate::spared::is_spared;
use crate::terminal::Terminal;

pub(super) async fn execute(cli: &Cli, arguments: &cli::Validate) -> Result<Exit, CommandError> {
    let app = load(cli)?;
    let spares = !arguments.offline && is_spared(&app.config.vault.auth);
    let asks = !arguments.offline && !spares;
    let (last_seen, unread) = if asks { last_seen(&app).await } else { (BTreeMap::new(), None) };
    let mut notes: Vec<Note> = spares
        .then(Note::spared)
        .into_iter()
        .chain(unread)
        .chain(doubts(&app))
        .chain(missing(&app))
        .collect();
    if asks {
        notes.extend(missing_in_vault(&app).await);
        notes.extend(not_ours(&app, app.ids().map(|(id, _)| id)).await);
    }
    for note in &notes {
        tell(cli, format_args!("note: {}", note.message), note.advice.as_deref());
    }
    let now = app.clock.now();
    let seen = |index: usize| last_seen.get(&RotationId(index.try_into().ok()?));
    let claims = Claim::of_all(&app.config.rotations, seen, now);
    let rows = app.config.rotations.iter().zip(&claims).map(|(rotation, claim)| {
        let of_it = notes.iter().filter(|note| note.concerns(rotation));
        Row::new(rotation, &prove(claim, now), of_it)
    });
    let rows: Vec<Row> = rows.collect();
    show(arguments.output, &rows, table(&rows).on(Terminal::stdout()))?;
    if arguments.output == Output::Table {
        explain(&rows)?;
    }
    let fails = rows.iter().any(|row| row.fails(arguments.strict));
    Ok(if fails { Exit::Configuration } else { Exit::Fine })
}

/// The tokens that stand in Vault. A Vault that cannot be read does not make a configuration wrong.
async fn last_seen(app: &App) -> (BTreeMap<RotationId, Living>, Option<Note>) {
    let all = app.enabled(&app.ids().map(|(id, _)| id).collect());
    let Reading { found, error } = app.read(all.clone()).await;
    let unread = error.map(|error| Note::unread(all.len() - found.len(), app.vault.address(), &error));
    (found.into_iter().filter_map(|(id, standing)| Some((id, standing.living?))).collect(), unread)
}
