//! `tokenferry policy`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;
use tokenferry_vault::KvPath;

use super::{CommandError, Exit, asks_vault, load, show, tell};
use crate::app::App;
use crate::cli::{self, Cli};
use crate::policy::{Policy, Program, Reach, Rule, Versions, of_readers, of_rotator, place};
use crate::rotation::Rotation;
use crate::run::RotationId;

pub(super) async fn execute(cli: &Cli, arguments: &cli::Policy) -> Result<Exit, CommandError> {
    let app = load(cli)?;
    let selected = app.select(&arguments.rotations)?;
    let reach = Reach::of(&app.config.vault);
    let policy = if arguments.reader {
        of_readers(rotations(&app, &selected), reach)
    } else {
        let ask = !arguments.offline;
        let versions = if ask { versions(cli, &app, &selected).await } else { Versions::new() };
        of_rotator(rotations(&app, &selected), &versions, reach)
    };
    let text = policy.to_string();
    let namespace = policy.namespace.as_deref();
    let shown = Shown { program: policy.program, namespace, paths: &policy.rules, policy: &text };
    show(arguments.output.into(), &shown, &text)?;
    tell_remarks(cli, &policy);
    Ok(Exit::Fine)
}

/// For machines.
#[derive(Serialize)]
struct Shown<'a> {
    program: Program,
    namespace: Option<&'a str>,
    paths: &'a [Rule],
    policy: &'a str,
}

fn rotations<'a>(
    app: &'a App,
    selected: &'a BTreeSet<RotationId>,
) -> impl Iterator<Item = &'a Arc<Rotation>> {
    selected.iter().filter_map(|id| app.rotation(*id))
}

/// Which versions of KV hold the secrets of sources. Vault is asked only if there are any; that it cannot be asked is
/// no failure: before there is a policy, it will not tell.
async fn versions(cli: &Cli, app: &App, selected: &BTreeSet<RotationId>) -> Versions {
    let sources = rotations(app, selected).map(|rotation| &rotation.source);
    let kept = sources.flat_map(|source| source.in_vault());
    let mounts: BTreeMap<_, &KvPath> = kept.map(|(_, kept)| (place(&kept.entry), &kept.entry)).collect();
    let mut versions = Versions::new();
    if mounts.is_empty() || !asks_vault(cli, app, false) {
        return versions;
    }
    for (place, entry) in mounts {
        match app.vault.mount(entry).await {
            Ok(found) => {
                let version = found.and_then(|found| found.kv_version());
                versions.extend(version.map(|version| (place, version)));
            }
            Err(error) => {
                tell(
                    cli,
                    format_args!(
                        "note: Vault could not be asked which version of KV {} is: {error}",
                        entry.mount
                    ),
                    None,
                );
                if error.concerns_all() {
                    break;
                }
            }
        }
    }
    versions
}

/// The policy goes into a pipe as a rule: what is worth a look is said beside it.
fn tell_remarks(cli: &Cli, policy: &Policy) {
    for rule in &policy.rules {
        for remark in &rule.remarks {
            tell(cli, format_args!("note: {}: {remark}", rule.path), None);
        }
    }
}
