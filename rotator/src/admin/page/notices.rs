//! What people should know beside how the rotations stand: each in a sentence, as HTML.

use std::time::Duration;

use tokenferry_sources::rfc3339;

use super::super::health;
use super::words::{escaped, long, moment};
use crate::cluster::{Replica, View};
use crate::observe::{Clock, Snapshot, State};
use crate::skew::is_much;

/// All that is wrong with the daemon itself, its configuration and the clocks.
pub(super) fn notices(snapshot: &Snapshot) -> Vec<String> {
    let not_ready = health::reasons(&snapshot.health);
    let not_ready = not_ready.iter().map(|reason| format!("Not ready: {}.", escaped(&reason.text)));
    let of_cluster = snapshot.cluster.iter().flat_map(|view| cluster(view, snapshot));
    not_ready
        .chain(of_cluster)
        .chain(reload(snapshot))
        .chain(clocks(snapshot))
        .chain(vault_clock(snapshot))
        .collect()
}

fn cluster(view: &View, snapshot: &Snapshot) -> Vec<String> {
    let mut notices = Vec::new();
    if !view.is_current() {
        let for_long = long((snapshot.now - view.since).to_std().unwrap_or_default());
        let is_dead = |row| State::of(row, snapshot.now) == State::Dead;
        let tokens = if snapshot.rows.iter().any(is_dead) { "" } else { " Tokens live on meanwhile." };
        notices.push(format!("It has been so for {for_long}.{tokens}"));
        return notices;
    }
    let lost = view.replicas.iter().filter(|replica| replica.is_lost);
    notices.extend(named(lost, ["Replica {} is lost.", "{} replicas are lost."]));
    notices.extend(drift(view));
    if let Some(ours) = view.replicas.iter().find(|replica| replica.is_self && replica.has_namesake) {
        let name = escaped(&ours.name);
        notices.push(format!("Another replica has the name of this one ({name}): give each its own."));
    }
    match view.dead_letters.len() {
        0 => {}
        1 => notices.push(
            "One run was given up until the next planned time of its rotation, unless something is changed."
                .to_owned(),
        ),
        count => notices.push(format!(
            "{count} runs were given up until the next planned times of their rotations, unless something is changed."
        )),
    }
    notices
}

fn drift(view: &View) -> impl Iterator<Item = String> {
    let leader = view.other_leader().map(|leader| LED_OTHERWISE.replace("{}", &escaped(&leader.name)));
    let leads = |replica: &&Replica| view.other_leader() == Some(*replica);
    let drifted = || view.replicas.iter().filter(|replica| replica.drifted && replica.is_alive());
    let configuration = named(
        drifted().filter(|replica| replica.is_apart && !leads(replica)),
        [
            "Replica {} has another configuration: no work is shared with it.",
            "{} replicas have another configuration: no work is shared with them.",
        ],
    );
    let version = named(
        drifted().filter(|replica| !replica.is_apart),
        ["Replica {} runs another version.", "{} replicas run another version."],
    );
    leader.into_iter().chain(configuration).chain(version)
}

/// The sentence for one, with its name, or for several, with their number.
fn named<'a>(replicas: impl Iterator<Item = &'a Replica>, [one, several]: [&str; 2]) -> Option<String> {
    let replicas: Vec<_> = replicas.collect();
    match replicas.as_slice() {
        [] => None,
        [only] => Some(one.replace("{}", &escaped(&only.name))),
        more => Some(several.replace("{}", &more.len().to_string())),
    }
}

fn reload(snapshot: &Snapshot) -> Option<String> {
    let reload = snapshot.reload;
    let ago = (snapshot.now - reload.at).to_std().unwrap_or_default();
    (!reload.successful).then(|| {
        format!(
            "The configuration that was read <time datetime=\"{}\" title=\"{}\">{} ago</time> is wrong, and the one \
             before it stays in force. <code>tokenferry validate</code> says why.",
            rfc3339(reload.at),
            moment(reload.at),
            long(ago)
        )
    })
}

fn clocks(snapshot: &Snapshot) -> Option<String> {
    let wrong = || snapshot.clocks.iter().filter(|clock| is_much(clock.ahead_secs));
    let Clock { source, ahead_secs } = wrong().max_by_key(|clock| clock.ahead_secs.unsigned_abs())?;
    let (name, ahead) = (&source.name, ahead(*ahead_secs));
    let which = match wrong().count() {
        1 => format!("The clock of {name} is {ahead} ours."),
        count => {
            format!(
                "The clocks of {count} sources differ from ours; that of {name} the most, it is {ahead} ours."
            )
        }
    };
    Some(format!("{which} Tokens are replaced in time all the same; have the clocks set by NTP."))
}

fn vault_clock(snapshot: &Snapshot) -> Option<String> {
    let ahead_secs = snapshot.vault_ahead_secs.filter(|ahead| is_much(*ahead))?;
    Some(format!("Vault's clock is {} ours: have both set by NTP.", ahead(ahead_secs)))
}

fn ahead(secs: i32) -> String {
    let span = long(Duration::from_secs(secs.unsigned_abs().into()));
    format!("{span} {}", if secs < 0 { "behind" } else { "ahead of" })
}

const LED_OTHERWISE: &str = "Replica {} leads and has another configuration: no work is shared with it, and nothing is run here until \
                             they agree.";

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::dispatch::Role;
    use crate::observe::samples::{cluster, fine, minutes, rotations, snapshot};
    use crate::reload::LastReload;

    fn quiet() -> Snapshot {
        snapshot(rotations(&["only"]).into_iter().map(fine).collect())
    }

    #[test]
    fn where_nothing_is_wrong_nothing_is_said() {
        assert_eq!(notices(&quiet()), Vec::<String>::new());
    }

    #[test]
    fn trouble_with_the_other_replicas_is_told_of() {
        let mut snapshot = quiet();
        snapshot.health.role = Role::Standby;
        let alone = View { replicas: Vec::new(), dead_letters: Vec::new(), ..cluster() };
        snapshot.cluster = Some(alone.clone());
        assert_eq!(notices(&snapshot), Vec::<String>::new(), "to stand by is no trouble");
        snapshot.cluster = Some(cluster());
        let expected = [
            "Replica rotator-2 is lost.",
            "Replica rotator-1 leads and has another configuration: no work is shared with it, and nothing is run here until \
             they agree.",
            "One run was given up until the next planned time of its rotation, unless something is changed.",
        ];
        assert_eq!(notices(&snapshot), expected);
        let ours = Replica { has_namesake: true, ..cluster().replicas.swap_remove(0) };
        snapshot.cluster = Some(View { replicas: vec![ours], ..alone.clone() });
        assert!(
            notices(&snapshot).concat().starts_with("Another replica has the name of this one (rotator-0)")
        );
        (snapshot.health.role, snapshot.health.trouble) = (Role::Disconnected, Some("it is <away>".into()));
        snapshot.cluster = Some(View { role: Role::Disconnected, ..cluster() });
        let told = notices(&snapshot);
        assert!(told[0].ends_with("cannot be used: it is &lt;away&gt;."), "{told:?}");
        let expected = "It has been so for 1 h 30 min. Tokens live on meanwhile.";
        assert_eq!(told[1..], [expected], "nothing is known of the others");
        snapshot.rows[0].living = None;
        assert_eq!(notices(&snapshot)[1..], ["It has been so for 1 h 30 min."], "one is over");
    }

    #[test]
    fn a_configuration_that_was_refused_is_told_of() {
        let refused = Snapshot { reload: LastReload { successful: false, at: minutes(-12) }, ..quiet() };
        let told = notices(&refused).concat();
        assert!(
            told.contains(">12 min ago</time> is wrong") && told.contains("tokenferry validate"),
            "{told}"
        );
    }

    #[test]
    fn clocks_are_told_of_when_they_differ_much() {
        let mut snapshot = quiet();
        let source = Arc::clone(&snapshot.clocks[0].source);
        let told = |snapshot: &Snapshot| notices(snapshot).concat();
        snapshot.clocks[0].ahead_secs = 60;
        assert_eq!(told(&snapshot), "");
        snapshot.clocks[0].ahead_secs = 61;
        let text = told(&snapshot);
        assert!(text.starts_with("The clock of zettelstore.notes is 1 min 1 s ahead of ours."), "{text}");
        snapshot.clocks.push(Clock { source, ahead_secs: -3600 });
        let text = told(&snapshot);
        assert!(
            text.starts_with("The clocks of 2 sources") && text.contains("it is 1 h behind ours."),
            "{text}"
        );
        snapshot.clocks.clear();
        snapshot.vault_ahead_secs = Some(-120);
        assert_eq!(told(&snapshot), "Vault's clock is 2 min behind ours: have both set by NTP.");
    }
}
