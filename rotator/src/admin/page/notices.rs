//! What people should know beside how the rotations stand: each in a sentence, as HTML.

use std::time::Duration;

use tokenferry_sources::rfc3339;

use super::super::health;
use super::words::{escaped, long, moment};
use crate::observe::{Clock, Snapshot};
use crate::skew::is_much;

/// All that is wrong with the daemon itself, its configuration and the clocks.
pub(super) fn notices(snapshot: &Snapshot) -> Vec<String> {
    let not_ready = health::reasons(snapshot.health);
    let not_ready = not_ready.iter().map(|reason| format!("Not ready: {}.", escaped(&reason.text)));
    not_ready.chain(reload(snapshot)).chain(clocks(snapshot)).chain(vault_clock(snapshot)).collect()
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::observe::samples::{fine, minutes, rotations, snapshot};
    use crate::reload::LastReload;

    fn quiet() -> Snapshot {
        snapshot(rotations(&["only"]).into_iter().map(fine).collect())
    }

    #[test]
    fn where_nothing_is_wrong_nothing_is_said() {
        assert_eq!(notices(&quiet()), Vec::<String>::new());
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
