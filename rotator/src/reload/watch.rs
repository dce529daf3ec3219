//! Seeing that files have changed, by looking at them now and then.
//!
//! A look at a handful of files costs microseconds and works wherever files come from: mounted, linked, renamed over,
//! swapped by Kubernetes. Watching them by way of the kernel would have to follow every link and folder in between, and
//! sees nothing on network file systems.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::Config;

/// Files, and what they looked like when they were last taken note of.
#[derive(Debug)]
pub(super) struct Watch {
    configuration: PathBuf,
    referred: Vec<PathBuf>,
    known: Look,
    /// What was seen when something began to change.
    unsettled: Option<Look>,
}

/// What files look like, each with its path.
type Look = BTreeMap<PathBuf, Option<Stamp>>;

/// What differs whenever a file was written or replaced.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Stamp {
    place: (u64, u64),
    size: u64,
    written: (i64, i64),
    changed: (i64, i64),
}

/// What a look has shown.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Seen {
    /// These files, and nothing has changed since the look before.
    Changed(Vec<PathBuf>),
    /// Nothing.
    Nothing,
    /// Something may still be changing.
    Unsettled,
}

impl Watch {
    /// Of this file or folder, as it looks now.
    pub(super) fn new(configuration: &Path) -> Self {
        let configuration = configuration.to_owned();
        let mut watch = Watch { configuration, referred: Vec::new(), known: Look::new(), unsettled: None };
        watch.known = watch.look();
        watch
    }

    /// From now on also of these files.
    pub(super) fn refer(&mut self, files: impl Iterator<Item = PathBuf>) {
        self.referred = files.collect();
        // Of what was watched before counts how it looked then.
        let known = std::mem::take(&mut self.known);
        self.known = self.look();
        for (path, before) in known {
            self.known.entry(path).and_modify(|stamp| *stamp = before);
        }
    }

    /// Looks at all of them. What has changed is told once nothing changes any more: it may be half written.
    pub(super) fn see(&mut self) -> Seen {
        let look = self.look();
        if look == self.known {
            self.unsettled = None;
            return Seen::Nothing;
        }
        if self.unsettled.as_ref() != Some(&look) {
            self.unsettled = Some(look);
            return Seen::Unsettled;
        }
        self.unsettled = None;
        let before = std::mem::replace(&mut self.known, look);
        Seen::Changed(difference(&before, &self.known))
    }

    /// Takes everything as known that looks as it does now.
    pub(super) fn take_note(&mut self) {
        self.unsettled = None;
        self.known = self.look();
    }

    /// How long to wait for the next look.
    pub(super) fn pause(&self) -> Duration {
        if self.unsettled.is_some() { SETTLING } else { LOOK_EVERY }
    }

    fn look(&self) -> Look {
        let configured = Config::files(&self.configuration);
        let configured = configured.unwrap_or_else(|_| vec![self.configuration.clone()]);
        let paths = configured.into_iter().chain(self.referred.iter().cloned());
        paths.map(|path| (stamp(&path), path)).map(|(stamp, path)| (path, stamp)).collect()
    }
}

/// Behind all links. `None` where nothing can be seen.
fn stamp(path: &Path) -> Option<Stamp> {
    let seen = fs::metadata(path).ok()?;
    Some(Stamp {
        place: (seen.dev(), seen.ino()),
        size: seen.size(),
        written: (seen.mtime(), seen.mtime_nsec()),
        changed: (seen.ctime(), seen.ctime_nsec()),
    })
}

/// The files that are not what they were.
fn difference(before: &Look, now: &Look) -> Vec<PathBuf> {
    let changed = now.iter().filter(|(path, stamp)| before.get(*path) != Some(*stamp)).map(|(path, _)| path);
    let gone = before.keys().filter(|path| !now.contains_key(*path));
    changed.chain(gone).cloned().collect()
}

/// As often as a login that was refused is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Nobody takes longer from one part of a file to the next.
const SETTLING: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    fn folder(files: &[&str]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            fs::write(folder.path().join(file), "one").unwrap();
        }
        folder
    }

    /// What two looks show, the second of which finds everything at rest.
    fn seen(watch: &mut Watch) -> Option<String> {
        match watch.see() {
            Seen::Nothing => return None,
            Seen::Unsettled => {}
            Seen::Changed(paths) => panic!("{paths:?} were not waited for"),
        }
        let Seen::Changed(paths) = watch.see() else { panic!("it does not come to rest") };
        assert_eq!(watch.see(), Seen::Nothing);
        let names = paths.iter().map(|path| path.file_name().unwrap().to_string_lossy());
        Some(names.collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn a_file_that_is_still_being_written_is_waited_for() {
        let folder = folder(&["a.hcl"]);
        let path = folder.path().join("a.hcl");
        let mut watch = Watch::new(&path);
        assert_eq!((watch.see(), watch.pause()), (Seen::Nothing, LOOK_EVERY));
        for text in ["", "longer", "the longest"] {
            fs::write(&path, text).unwrap();
            assert_eq!((watch.see(), watch.pause()), (Seen::Unsettled, SETTLING));
        }
        assert_eq!(watch.see(), Seen::Changed(vec![path]));
        assert_eq!((watch.see(), watch.pause()), (Seen::Nothing, LOOK_EVERY));
    }

    #[test]
    fn files_of_a_folder_may_change_come_go_and_be_renamed_over() {
        let folder = folder(&["a.hcl", "b.hcl"]);
        let at = |name: &str| folder.path().join(name);
        let mut watch = Watch::new(folder.path());
        fs::write(at("c.hcl"), "new").unwrap();
        assert_eq!(seen(&mut watch).as_deref(), Some("c.hcl"));
        fs::remove_file(at("a.hcl")).unwrap();
        fs::write(at("c.hcl"), "newer").unwrap();
        assert_eq!(seen(&mut watch).as_deref(), Some("c.hcl, a.hcl"));
        fs::write(at("b.tmp"), "two").unwrap();
        fs::rename(at("b.tmp"), at("b.hcl")).unwrap();
        assert_eq!(seen(&mut watch).as_deref(), Some("b.hcl"));
        fs::write(at("b.hcl"), "three").unwrap();
        fs::remove_file(at("c.hcl")).unwrap();
        assert_eq!(seen(&mut watch).as_deref(), Some("b.hcl, c.hcl"), "all of them are told");
    }

    #[test]
    fn what_editors_leave_in_a_folder_changes_nothing() {
        let folder = folder(&["a.hcl"]);
        let mut watch = Watch::new(folder.path());
        for name in [".a.hcl.swp", "a.hcl~", "4913", ".#a.hcl", "README"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        assert_eq!(seen(&mut watch), None);
    }

    #[test]
    fn a_folder_that_kubernetes_swaps_by_a_link_has_changed() {
        let folder = folder(&[]);
        let at = |name: &str| folder.path().join(name);
        let generation = |name: &str| {
            fs::create_dir(at(name)).unwrap();
            fs::write(at(name).join("a.hcl"), "same size").unwrap();
        };
        generation("..1");
        symlink("..1", at("..data")).unwrap();
        symlink("..data/a.hcl", at("a.hcl")).unwrap();
        let mut watches = [Watch::new(folder.path()), Watch::new(&at("a.hcl"))];
        generation("..2");
        symlink("..2", at("..data_tmp")).unwrap();
        fs::rename(at("..data_tmp"), at("..data")).unwrap();
        for watch in &mut watches {
            assert_eq!(seen(watch).as_deref(), Some("a.hcl"));
        }
    }

    #[test]
    fn what_a_configuration_refers_to_counts_from_when_it_was_first_seen() {
        let folder = folder(&["a.hcl", "ca.pem", "token"]);
        let at = |name: &str| folder.path().join(name);
        let mut watch = Watch::new(&at("a.hcl"));
        fs::write(at("ca.pem"), "before it counted").unwrap();
        watch.refer([at("ca.pem")].into_iter());
        assert_eq!(seen(&mut watch), None);
        fs::write(at("ca.pem"), "after").unwrap();
        watch.refer([at("ca.pem"), at("token")].into_iter());
        assert_eq!(seen(&mut watch).as_deref(), Some("ca.pem"));
        fs::remove_file(at("token")).unwrap();
        assert_eq!(seen(&mut watch).as_deref(), Some("token"));
        watch.refer(std::iter::empty());
        fs::write(at("ca.pem"), "nobody reads it").unwrap();
        assert_eq!(seen(&mut watch), None);
    }
}
