//! What becomes of each rotation when another configuration takes over.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use tokenferry_vault::KvPath;

use crate::rotation::Rotation;
use crate::run::RotationId;

/// The way from one list of rotations to another.
#[derive(Debug)]
pub struct Transition {
    /// What is configured now. What did not change is what it was, not a copy.
    pub rotations: Vec<Arc<Rotation>>,
    /// For each of them, as which one of the former list it carries on: it has the same login and the same
    /// destinations, so that everything known of it still holds.
    pub carries_on: Vec<Option<RotationId>>,
    /// Whether it came, changed or went, by name.
    pub changes: Changes,
    /// What was another rotation's until now, and so is refused until it is handed over.
    pub inherited: Vec<Inherited>,
}

/// A destination that had another owner.
#[derive(Debug, Eq, PartialEq)]
pub struct Inherited {
    /// Which one.
    pub at: KvPath,
    /// Whose it was.
    pub from: Arc<str>,
    /// Whose it is now.
    pub to: Arc<str>,
}

/// Which rotations are not what they were.
#[derive(Debug, Default, Eq, PartialEq)]
pub struct Changes {
    /// There was none of this name.
    pub added: Vec<Arc<str>>,
    /// It is defined in another way.
    pub changed: Vec<Arc<str>>,
    /// There is none of this name any longer.
    pub removed: Vec<Arc<str>>,
}

impl Transition {
    /// The way to `next`. Nothing carries on where Vault is another one: nothing is known of what stands there.
    pub fn new(former: &[Arc<Rotation>], next: Vec<Arc<Rotation>>, same_vault: bool) -> Self {
        let inherited = if same_vault { inherited(former, &next) } else { Vec::new() };
        let mut known: HashMap<&str, (RotationId, &Arc<Rotation>)> =
            (0..).map(RotationId).zip(former).map(|known| (&*known.1.name, known)).collect();
        let mut changes = Changes::default();
        let (mut rotations, mut carries_on) = (Vec::new(), Vec::new());
        for rotation in next {
            let before = known.remove(&*rotation.name);
            let carried = before.filter(|(_, before)| same_vault && has_same_tokens(before, &rotation));
            carries_on.push(carried.map(|(id, _)| id));
            rotations.push(match before {
                Some((_, before)) if **before == *rotation => Arc::clone(before),
                Some(_) => {
                    changes.changed.push(Arc::clone(&rotation.name));
                    rotation
                }
                None => {
                    changes.added.push(Arc::clone(&rotation.name));
                    rotation
                }
            });
        }
        let gone = former.iter().filter(|rotation| known.contains_key(&*rotation.name));
        changes.removed = gone.map(|rotation| Arc::clone(&rotation.name)).collect();
        Transition { rotations, carries_on, changes, inherited }
    }
}

fn inherited(former: &[Arc<Rotation>], next: &[Arc<Rotation>]) -> Vec<Inherited> {
    let mut destinations = HashMap::new();
    for rotation in former {
        destinations.extend(rotation.destinations.iter().map(|at| (&at.entry, &rotation.name)));
    }
    let all =
        next.iter().flat_map(|rotation| rotation.destinations.iter().map(move |at| (rotation, &at.entry)));
    let others = all.filter_map(|(rotation, at)| {
        let (from, to) = (Arc::clone(destinations.get(at)?), Arc::clone(&rotation.name));
        (from != to).then(|| Inherited { at: at.clone(), from, to })
    });
    others.collect()
}

/// Whether they differ in nothing but the times of their runs.
fn has_same_tokens(former: &Rotation, next: &Rotation) -> bool {
    let timed_alike = Rotation {
        source: Arc::clone(&next.source),
        schedule: next.schedule.clone(),
        renew_before: next.renew_before,
        reader_lag: next.reader_lag,
        reader: next.reader,
        survive_outage: next.survive_outage,
        spread: next.spread,
        ..former.clone()
    };
    former.source.is_same_but_for_rate(&next.source) && timed_alike == *next
}

/// Names for a line of the log, which is to stay readable.
pub(super) struct Names<'a, T>(pub(super) &'a [T]);

impl<T: AsRef<str>> fmt::Display for Names<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().take(MOST_NAMED).map(AsRef::as_ref).collect::<Vec<_>>().join(", "))?;
        match self.0.len().saturating_sub(MOST_NAMED) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

const MOST_NAMED: usize = 20;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::Config;

    fn rotations(blocks: &str) -> Vec<Arc<Rotation>> {
        rotations_with("", blocks)
    }

    /// All with this in their first source.
    fn rotations_with(line: &str, blocks: &str) -> Vec<Arc<Rotation>> {
        let text = format!(
            "vault {{\n address = \"https://vault.example\"\n}}\n\
             source \"zettelstore\" \"one\" {{\n username = \"anna\"\n password = {{ env = \"P\" }}\n {line}\n}}\n\
             source \"zettelstore\" \"two\" {{\n username = \"ben\"\n password = {{ env = \"P\" }}\n}}\n{blocks}"
        );
        Config::parse(vec![("test.hcl".into(), text)], &BTreeMap::new()).unwrap().rotations
    }

    fn rotation(name: &str, source: &str, schedule: &str, path: &str) -> String {
        format!(
            "rotation \"{name}\" {{\n source = \"zettelstore.{source}\"\n schedule = \"{schedule}\"\n \
             destination {{\n mount = \"kv\"\n path = \"{path}\"\n }}\n}}\n"
        )
    }

    fn names(names: &[Arc<str>]) -> Vec<&str> {
        names.iter().map(|name| &**name).collect()
    }

    #[test]
    fn what_carries_on_is_what_logs_in_and_writes_as_before() {
        let before = ["same", "timed", "moved", "relogged", "gone"]
            .map(|name| rotation(name, "one", "@hourly", name))
            .concat();
        let after = [
            rotation("new", "one", "@hourly", "new"),
            rotation("relogged", "two", "@hourly", "relogged"),
            rotation("moved", "one", "@hourly", "elsewhere"),
            rotation("timed", "one", "@daily", "timed"),
            rotation("same", "one", "@hourly", "same"),
        ]
        .concat();
        let former = rotations(&before);
        let Transition { rotations: next, carries_on, changes, .. } =
            Transition::new(&former, rotations(&after), true);
        assert_eq!(carries_on, [None, None, None, Some(RotationId(1)), Some(RotationId(0))]);
        assert_eq!(names(&changes.added), ["new"]);
        assert_eq!(names(&changes.changed), ["relogged", "moved", "timed"]);
        assert_eq!(names(&changes.removed), ["gone"]);
        assert!(Arc::ptr_eq(&next[4], &former[0]), "what did not change is not kept twice");
    }

    #[test]
    fn a_rate_that_is_added_changed_or_removed_makes_nobody_begin_anew() {
        let text = rotation("limited", "one", "@hourly", "limited");
        for (before, after) in [("", "2/h"), ("2/h", "3/h"), ("3/h", "")] {
            let [before, after] = [before, after].map(|rate| match rate {
                "" => rotations_with("", &text),
                rate => rotations_with(&format!("rate = \"{rate}\""), &text),
            });
            let transition = Transition::new(&before, after, true);
            assert_eq!(transition.carries_on, [Some(RotationId(0))]);
            assert_eq!(names(&transition.changes.changed), ["limited"]);
        }
    }

    #[test]
    fn nothing_carries_on_in_another_vault_but_nothing_has_changed_either() {
        let text = rotation("same", "one", "@hourly", "same");
        let transition = Transition::new(&rotations(&text), rotations(&text), false);
        assert_eq!(transition.carries_on, [None]);
        assert_eq!(transition.changes, Changes::default());
    }

    #[test]
    fn a_destination_that_was_another_rotations_is_told() {
        let [kept, old] = ["kept", "old"].map(|name| rotation(name, "one", "@hourly", name));
        let former = rotations(&(kept.clone() + &old));
        let renamed = || rotations(&(kept.clone() + &rotation("new", "one", "@hourly", "old")));
        let inherited = Transition::new(&former, renamed(), true).inherited;
        let at = KvPath::new("kv", "old");
        assert_eq!(inherited, [Inherited { at, from: "old".into(), to: "new".into() }]);
        assert_eq!(Transition::new(&former, renamed(), false).inherited, []);
    }

    #[test]
    fn long_lists_of_names_are_cut() {
        let names: Vec<Arc<str>> = (0..22).map(|number| number.to_string().into()).collect();
        assert_eq!(Names(&names[..2]).to_string(), "0, 1");
        assert!(Names(&names).to_string().ends_with("18, 19 and 2 more"));
    }
}
