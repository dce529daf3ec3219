//! The replicas that the work is shared with, and the runs that were given up.

use super::add;
use super::words::{escaped, hour, long};
use crate::cluster::{DeadLetter, Replica};
use crate::dispatch::Role;
use crate::observe::Snapshot;

/// Both tables, as far as there is anything to show.
pub(super) fn tables(page: &mut String, snapshot: &Snapshot) {
    let Some(view) = &snapshot.cluster else { return };
    if !view.replicas.is_empty() {
        let caption = match view.looked_at.filter(|_| !view.is_current()) {
            Some(at) => format!("Replicas, as far as was known at {}", hour(at, snapshot.now)),
            None => "Replicas".to_owned(),
        };
        add(
            page,
            format_args!(
                "<div class=\"replicas\" role=\"region\" aria-label=\"Replicas\" tabindex=\"0\">\n<table>\n<caption>{caption}</caption>\n{HEADINGS}"
            ),
        );
        view.replicas.iter().for_each(|replica| row(page, replica, view.is_current()));
        page.push_str("</tbody>\n</table>\n</div>\n");
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
        page.push_str("</tbody>\n</table>\n</div>\n");
    }
}

fn row(page: &mut String, replica: &Replica, is_current: bool) {
    let Replica { name, is_self, version, fingerprint, concurrency, silent_for, .. } = replica;
    let (state, mood) = state(replica, is_current);
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

/// Who leads does so whatever else is to be said of it.
fn state(replica: &Replica, is_current: bool) -> (&'static str, &'static str) {
    match replica {
        Replica { is_self: false, .. } if !is_current => ("unknown", "none"),
        Replica { is_lost: true, is_self: false, .. } => ("lost", "bad"),
        Replica { role: Role::Disconnected, .. } => ("disconnected", "bad"),
        Replica { role: Role::Leading, drifted: true, .. } => ("leads, differs", "warn"),
        Replica { role: Role::Standby, drifted: true, .. } => ("stands by, differs", "warn"),
        Replica { role: Role::Leading, reaches_vault: Some(false), .. } => {
            ("leads, cannot reach Vault", "warn")
        }
        Replica { role: Role::Standby, reaches_vault: Some(false), .. } => {
            ("stands by, cannot reach Vault", "warn")
        }
        Replica { role: Role::Leading, .. } => ("leads", "fine"),
        Replica { role: Role::Standby, .. } => ("stands by", "fine"),
    }
}

const HEADINGS: &str = "<thead><tr><th scope=\"col\">Name</th>\
    <th scope=\"col\">State</th><th scope=\"col\">Seen</th><th scope=\"col\">Version</th>\
    <th scope=\"col\">Configuration</th><th scope=\"col\">Runs at once</th></tr></thead>\n<tbody>\n";
const LETTERS: &str = "<div class=\"replicas\" role=\"region\" aria-label=\"Runs that were given up\" tabindex=\"0\">\n<table>\n<caption>Runs that were given up until the next planned time, unless something is changed</caption>\n\
    <thead><tr><th scope=\"col\">Rotation</th><th scope=\"col\">Planned for</th><th scope=\"col\">Attempt</th>\
    <th scope=\"col\">Why</th><th scope=\"col\">Ended</th><th scope=\"col\">Replica</th></tr></thead>\n<tbody>\n";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::View;
    use crate::observe::samples::{cluster, fine, minutes, rotations, snapshot};

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
            "<tr class=\"warn\"><th scope=\"row\"><span class=\"name\">rotator-1</span></th><td><span class=\"state\">leads, differs",
            "<td>0.0.9</td><td><code>0123456789abcdef</code>",
            "<span class=\"state\">lost</span></td><td>6 min 40 s ago",
            "<th scope=\"row\">held</th><td>07:20 UTC</td><td>2</td><td><code>login_refused</code></td><td>07:21 UTC</td><td>rotator-1",
        ] {
            assert!(page.contains(part), "{part} is missing in {page}");
        }
    }

    #[test]
    fn whoever_is_cut_off_does_not_pass_what_it_knew_for_news() {
        let mut snapshot = snapshot(rotations(&["only"]).into_iter().map(fine).collect());
        let mut view = View { role: Role::Disconnected, looked_at: Some(minutes(-3)), ..cluster() };
        view.replicas[0].role = Role::Disconnected;
        snapshot.cluster = Some(view.at(snapshot.now));
        let mut page = String::new();
        tables(&mut page, &snapshot);
        for part in [
            "<caption>Replicas, as far as was known at 07:57:00 UTC</caption>",
            "(this one)</span></th><td><span class=\"state\">disconnected</span></td><td>3 min 2 s ago",
            "rotator-1</span></th><td><span class=\"state\">unknown</span></td><td>3 min 2 s ago",
        ] {
            assert!(page.contains(part), "{part} is missing in {page}");
        }
        assert!(!page.contains(">leads"), "{page}");
    }
}
