//! What the systems were asked.

use std::collections::BTreeMap;

use super::add;
use crate::observe::Snapshot;

/// Requests and logins of the last hour, by system; nothing if there were none yet.
pub(super) fn table(page: &mut String, snapshot: &Snapshot) {
    if snapshot.calls.is_empty() {
        return;
    }
    let mut logins: BTreeMap<&str, u64> = BTreeMap::new();
    for source in &snapshot.logins {
        *logins.entry(source.system).or_default() += source.last_hour;
    }
    page.push_str(HEAD);
    for calls in &snapshot.calls {
        let logins = logins.get(calls.system).copied().unwrap_or_default();
        add(
            page,
            format_args!(
                "<tr><th scope=\"row\">{}</th><td>{}</td><td>{logins}</td></tr>\n",
                calls.system, calls.last_hour
            ),
        );
    }
    page.push_str("</tbody>\n</table>\n");
}

const HEAD: &str = "<table class=\"systems\">\n<caption>In the last hour</caption>\n<thead><tr><th scope=\"col\">System</th>\
    <th scope=\"col\">Requests</th><th scope=\"col\">Logins</th></tr></thead>\n<tbody>\n";
