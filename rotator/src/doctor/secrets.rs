//! What logins are made with, as far as it is kept on this machine; and the configuration itself.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use tokenferry_sources::cause::with_causes;
use tokenferry_sources::{ProcessEnvironment, Reference, ReferenceError};
use tokenferry_vault::{Kept, SERVICE_ACCOUNT_TOKEN, VaultAuth};

use super::Patient;
use super::finding::{Check, Finding, Group, counted};

pub(super) fn examine_configuration(patient: &Patient<'_>, path: &Path) -> Vec<Finding> {
    let (rotations, sources) = (patient.rotations.len(), patient.sources().len());
    let disabled = match patient.disabled {
        0 => String::new(),
        disabled => format!(", {disabled} more disabled"),
    };
    let (rotations, sources) = (counted(rotations, "rotation"), counted(sources, "source"));
    let found = format!("can be read; {rotations} of {sources}{disabled}");
    let subject = path.display().to_string();
    vec![match exposure(path, Kind::Configuration) {
        Some((what, advice)) => {
            Finding::warning(Group::Configuration, Check::Configuration, subject, what, advice)
        }
        None => Finding::ok(Group::Configuration, Check::Configuration, subject, found),
    }]
}

/// Where secrets are kept, each place once, with what uses it.
pub(super) fn examine(patient: &Patient<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut places: BTreeMap<String, Reference> = BTreeMap::new();
    for source in patient.sources() {
        for (way, error) in source.unreadable(&ProcessEnvironment) {
            findings.push(unreadable(format!("{}: {way}", source.name), &error));
        }
        places.extend(source.references().map(|reference| (reference.to_string(), reference.clone())));
    }
    for reference in of_login(&patient.app.config.vault.auth) {
        if let Err(error) = reference.read_lines(&ProcessEnvironment) {
            findings.push(unreadable(format!("login to Vault: {reference}"), &error));
        }
        places.insert(reference.to_string(), reference);
    }
    let database = patient.app.config.cluster.as_ref().map(|settings| settings.database_url.clone());
    places.extend(database.map(|reference| (reference.to_string(), reference)));
    findings.extend(places.into_values().filter_map(|reference| place(&reference)));
    findings
}

/// What Vault is logged in to with, as far as it is kept outside.
fn of_login(auth: &VaultAuth) -> Vec<Reference> {
    let key = match auth {
        VaultAuth::Cert { key_file, .. } => Some(Reference::File(key_file.clone())),
        _ => None,
    };
    let kept = auth.parts().filter_map(|part| match part {
        Kept::At(reference) => Some(reference.clone()),
        Kept::Here(_) => None,
    });
    kept.chain(key).collect()
}

fn unreadable(subject: String, error: &ReferenceError) -> Finding {
    let advice = match error {
        ReferenceError::Unset { .. } => "Set it for the rotator, and for this command.",
        ReferenceError::Unreadable { source, .. }
            if source.kind() == std::io::ErrorKind::PermissionDenied =>
        {
            "Let the user that the rotator runs as read it, and run this command as that user."
        }
        ReferenceError::Unreadable { .. } => "Put the secret there, or correct the path.",
        _ => "Put the secret there, and nothing else: one line, in UTF-8.",
    };
    Finding::problem(Group::Secrets, Check::Secret, subject, with_causes(error), advice)
}

/// Of what cannot be read it was said.
fn place(reference: &Reference) -> Option<Finding> {
    let subject = reference.to_string();
    let good = |found: &str| Some(Finding::ok(Group::Secrets, Check::Secret, &subject, found));
    match reference {
        Reference::Env(_) => {
            reference.read_lines(&ProcessEnvironment).ok()?;
            good("is set")
        }
        Reference::File(path) => {
            reference.read_lines(&ProcessEnvironment).ok()?;
            match exposure(path, Kind::Secret) {
                Some((what, advice)) => {
                    Some(Finding::warning(Group::Secrets, Check::Secret, &subject, what, advice))
                }
                None => good("can be read, and by nobody else"),
            }
        }
    }
}

/// What a file is for.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Configuration,
    Secret,
}

/// Who could read or change a file though nobody else should, and what to do. That its group may read it is what groups
/// are for.
fn exposure(path: &Path, kind: Kind) -> Option<(String, String)> {
    // Kubernetes alone decides about that one.
    if path == Path::new(SERVICE_ACCOUNT_TOKEN) {
        return None;
    }
    let metadata = fs::metadata(path).ok()?;
    let (mode, owner) = (metadata.mode() & 0o7777, metadata.uid());
    let fix = |rights: &str| format!("chmod {rights} {}", path.display());
    if kind == Kind::Secret && mode & 0o004 != 0 {
        return Some((format!("everybody on this machine can read it (mode {mode:04o})"), fix("o-rwx")));
    }
    // In a folder that everybody may write to it is the mark of each file that protects it.
    if mode & 0o022 != 0 && mode & 0o1000 == 0 {
        return Some((format!("others than its owner can change it (mode {mode:04o})"), fix("go-w")));
    }
    let ours = [0, rustix::process::geteuid().as_raw()];
    (!ours.contains(&owner)).then(|| {
        let what = format!("it belongs to the user {owner}, who can change it");
        (what, format!("chown {} {}", ours[1], path.display()))
    })
}
