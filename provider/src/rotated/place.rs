//! Where an entry of the rotator is, as an argument.

use std::sync::Arc;

use tfplugin::{Attribute, ConfigReader, Diagnostic, Setting};
use tokenferry_vault::{KvPath, entry_path};

/// The arguments that name an entry.
pub(crate) fn arguments() -> [Attribute; 2] {
    [
        Attribute::string("mount").required().describe(
            "Where the KV secrets engine is mounted in Vault, as in the rotation's `destination`. Both versions of KV \
             can be read.",
        ),
        Attribute::string("path").required().describe(
            "The path of the entry below `mount`, as in the rotation's `destination`: without `data/`.",
        ),
    ]
}

/// Reads them. `None` where one is not known yet, or there was a message about it.
pub(crate) fn read(reader: &mut ConfigReader<'_>) -> Option<KvPath> {
    let mount = part("mount", reader);
    let path = part("path", reader);
    Some(KvPath::new(mount?, path?))
}

fn part(name: &str, reader: &mut ConfigReader<'_>) -> Option<Arc<str>> {
    // Terraform asks for what is required; at the top, so do we for other hosts. Nested objects are looked at here.
    if reader.string(name) == Setting::Null {
        let detail = format!("An entry in Vault is required to have `mount` and `path`: set `{name}`.");
        let path = reader.path(name);
        let summary = format!("Missing required argument `{}`", path.in_words());
        reader.report(Diagnostic::error(summary, detail).at(path));
        return None;
    }
    reader
        .parse(name, |text| {
            let path = entry_path(text).map_err(|error| format!("`{name}` {error}"))?;
            if name == "mount" && path.ends_with("/data") {
                return Err("`mount` goes without `/data`, which is added to it; leave that out".to_owned());
            }
            Ok(path)
        })
        .known()
        .map(Arc::from)
}
