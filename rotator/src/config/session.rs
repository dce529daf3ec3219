//! Refreshing instead of logging in, and where the refresh token is kept for it.

use tokenferry_sources::{Given, GivenFields};
use tokenferry_vault::KvPath;

use super::document::{Noted, Spot};
use super::reader::{Block, Found};
use super::value::Value;
use super::words::SESSION;

/// The entry of the refresh token with its place, if one is to be used.
pub(super) fn read<'a>(
    block: &Block<'a>,
    written: &GivenFields,
) -> Result<Option<(KvPath, Spot<'a>)>, Noted> {
    let wanted = block.optional("use_refresh_token", |value| Ok((value.flag()?, value.spot)));
    let session = session(block);
    match (wanted?, session?) {
        (Some((true, spot)), _) if is_key(written) => {
            Err(spot.advise("an API key is never refreshed", "leave `use_refresh_token` and `session` out"))
        }
        (Some((true, spot)), None) => Err(spot.advise(
            "`use_refresh_token` needs a `session`, where the refresh token is kept",
            "write `session { … }` with `mount` and `path` in it",
        )),
        (Some((true, _)), session) => Ok(session),
        (_, Some((_, spot))) => Err(spot.advise(
            "a `session` is of use with `use_refresh_token = true` only",
            "set that, or leave `session` out",
        )),
        (_, None) => Ok(None),
    }
}

fn session<'a>(block: &Block<'a>) -> Result<Option<(KvPath, Spot<'a>)>, Noted> {
    let mut found = block.blocks(&SESSION).into_iter();
    let first = found.next().map(|first| first.and_then(entry));
    let others: Vec<_> = found.collect();
    let mut several = Ok(());
    for (other, _) in others.into_iter().flatten() {
        several = Err(other.header.note("there is more than one `session` here"));
        drop(entry((other, Ok([]))));
    }
    several.and(first.transpose())
}

fn entry((block, header): Found<'_, 0>) -> Result<(KvPath, Spot<'_>), Noted> {
    let spot = block.header;
    let entry = self::path(&block);
    block.finish();
    header.and(entry).map(|entry| (entry, spot))
}

/// Which entry a block names.
pub(super) fn path(block: &Block<'_>) -> Result<KvPath, Noted> {
    let mount = block.required("mount", "\"secret\"", Value::kv_path);
    let path = block.required("path", "\"…\"", Value::kv_path);
    let namespace = block.optional("namespace", Value::namespace);
    Ok(KvPath { namespace: namespace?, mount: mount?, path: path? })
}

/// Whether the login is one that nothing is logged in with.
fn is_key(written: &GivenFields) -> bool {
    let method = match written.get("method") {
        Some(Given::Text(method)) => {
            Some(tokenferry_sources::ExposeSecret::expose_secret(method) == "api_key")
        }
        _ => None,
    };
    method.unwrap_or_else(|| written.contains_key("api_key"))
}
