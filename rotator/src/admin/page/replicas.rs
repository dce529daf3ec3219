//! The replicas that the work is shared with, and the runs that nobody tries again.

use super::add;
use super::words::{escaped, hour, long};
use crate::cluster::{DeadLetter, Replica};
use crate::dispatch::Role;
use crate::observe::Snapshot;

/// Both tables, as far as there is anything to show.
pub(super) fn tables(page: &mut String, snapshot: &Snapshot) {
    let Some(view) = &snapshot.cluster else { return };
    if !view.replicas.is_empty() {
        page.push_str(REPLICAS);
        view.replicas.iter().for_each(|replica| row(page, replica));
        page.push_str("</tbody>\n</table>\n");
    }
    if !view.dead_letters.is_empty() {
        page.push_str(LETTERS);
        for letter in &view.dead_letters {
            let DeadLetter { rotation, occurrence, attempt, class, replica, at } = letter;
            add(
                page,
                format_args!(
                    "<tr><th scope=\"row\">{}</th><td>{}</td><td>{attempt}</td><td><code>{}</code></td><td>{}</td>\
                     <td>{}</td></tr>\n",
                    escaped(rotation),
                    hour(*occurrence, snapshot.now),
                    class.name(),
                    hour(*at, snapshot.now),
                    escaped(replica)
                ),
            );
        }
        page.push_str("</tbody>\n</table>\n");
    }
}

fn row(page: &mut String, replica: &Replica) {
    let Replica {
        name, is_self, version, fingerprint, drifted, role, concurrency, silent_for, is_lost, ..
    } = replica;
    let (state, mood) = match (is_lost, drifted, role) {
        (true, ..) => ("lost", "bad"),
        (_, true, _) => ("differs", "warn"),
        (_, _, Role::Leading) => ("leads", "fine"),
        (_, _, Role::Standby) => ("stands by", "fine"),
        (_, _, Role::Disconnected) => ("disconnected", "bad"),
    };
    let this = if *is_self { " <span class=\"none\">(this one)</span>" } else { "" };
    add(
        page,
        format_args!(
            "<tr class=\"{mood}\"><th scope=\"row\"><span class=\"name\">{}</span>{this}</th><td><span class=\"state\">{state}</span></td>\
             <td>{} ago</td><td>{}</td><td><code>{}</code></td><td>{concurrency}</td></tr>\n",
            escaped(name),
            long(*silent_for),
            escaped(version),
            escaped(fingerprint)
        ),
    );
}

const REPLICAS: &str = "<table class=\"replicas\">\n<caption>Replicas</caption>\n<thead><tr><th scope=\"col\">Name</th>\
    <th scope=\"col\">State</th><th scope=\"col\">Seen</th><th scope=\"col\">Version</th>\
    <th scope=\"col\">Configuration</th><th scope=\"col\">Runs at once</th></tr></thead>\n<tbody>\n";
const LETTERS: &str = "<table class=\"replicas\">\n<caption>Runs that nobody tries again before something is changed</caption>\n\
    <thead><tr><th scope=\"col\">Rotation</th><th scope=\"col\">Planned for</th><th scope=\"col\">Attempt</th>\
    <th scope=\"col\">Why</th><th scope=\"col\">Ended</th><th scope=\"col\">Replica</th></tr></thead>\n<tbody>\n";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::samples::{cluster, fine, rotations, snapshot};

    #[test]
    fn replicas_and_dead_letters_are_shown_where_the_work_is_shared() {
        let mut snapshot = snapshot(rotations(&["only"]).into_iter().map(fine).collect());
        let shown = |snapshot: &Snapshot| {
            let mut page = String::new();
            tables(&mut page, snapshot);
            page
        };
        assert_eq!(shown(&snapshot), "");
        snapshot.cluster = Some(cluster());
        let page = shown(&snapshot);
        for part in [
            "rotator-0</span> <span class=\"none\">(this one)</span></th><td><span class=\"state\">stands by</span></td><td>2 s ago",
            "<tr class=\"warn\"><th scope=\"row\"><span class=\"name\">rotator-1",
            "<td>0.0.9</td><td><code>0123456789abcdef</code>",
            "<span class=\"state\">lost</span></td><td>6 min 40 s ago",
            "<th scope=\"row\">held</th><td>07:20 UTC</td><td>2</td><td><code>login_refused</code></td><td>07:21 UTC</td><td>rotator-1",
        ] {
            assert!(page.contains(part), "{part} is missing in {page}");
        }
    }
}
