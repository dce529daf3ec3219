//! What is noted beside an entry, in its custom metadata, and outlives this process.

mod claim;
mod fingerprint;

pub use claim::Claim;
pub use fingerprint::{Fingerprint, Fingerprints, Salt};

use std::collections::BTreeMap;
use std::sync::Arc;

use tokenferry_sources::{Timestamp, parse_rfc3339, rfc3339};
use tokenferry_vault::FieldNames;

use crate::run::Class;

/// What we noted. Whatever cannot be read counts as not noted: notes are help, never a reason to fail.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Notes {
    /// The rotation that the entry belongs to.
    pub owner: Option<Arc<str>>,
    /// What the fields of the entry are called: they may have been renamed since.
    pub fields: FieldNames,
    /// The failures since the last success. Most entries have none.
    pub failure: Option<Box<NotedFailure>>,
    /// A login that is under way, where others wait for what comes of it.
    pub claim: Option<Box<Claim>>,
}

/// The failures in a row. Never free text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NotedFailure {
    /// Of the last one.
    pub class: Class,
    /// When the last one was.
    pub at: Timestamp,
    /// How many in a row.
    pub count: u32,
    /// How many refused logins of its credential in a row; 0 if it was something else that failed. Else `at` is
    /// when the last one was sent, by whichever rotation. Where a refresh failed, too, the class is that of the refresh.
    pub refusals: u32,
    /// Whether it lasts until somebody changes something.
    pub lasting: bool,
    /// When to try again, if the other side said so.
    pub retry_at: Option<Timestamp>,
    /// Of the logins that the system refused last.
    pub failed_logins: Fingerprints,
}

impl Notes {
    /// Finds ours among everybody's.
    pub fn read(custom_metadata: &BTreeMap<String, String>) -> Self {
        let owner = custom_metadata.get(OWNER).map(|owner| owner.as_str().into());
        let fields = custom_metadata.get(FIELDS).and_then(|text| field_names(text)).unwrap_or_default();
        let claim = custom_metadata.get(CLAIM).and_then(|text| Claim::parse(text)).map(Box::new);
        Notes { owner, fields, failure: NotedFailure::read(custom_metadata).map(Box::new), claim }
    }

    /// Whether anything is noted that a success takes back.
    pub fn are_passing(&self) -> bool {
        self.failure.is_some() || self.claim.is_some()
    }

    /// Puts ours in the place of those that are there, and keeps everybody else's.
    pub fn merge(&self, custom_metadata: &mut BTreeMap<String, String>) {
        custom_metadata.retain(|key, _| !OURS.contains(&key.as_str()));
        let mut put = |key: &str, value: String| {
            custom_metadata.insert(key.to_owned(), value);
        };
        if let Some(owner) = &self.owner {
            put(OWNER, owner.to_string());
        }
        let fields: serde_json::Map<_, _> =
            self.fields.renamed().map(|(field, name)| (field.to_owned(), name.into())).collect();
        let fields = Some(serde_json::Value::Object(fields).to_string());
        let can_be_noted = |text: &String| *text != "{}" && text.len() <= LONGEST;
        if let Some(fields) = fields.filter(can_be_noted) {
            put(FIELDS, fields);
        }
        if let Some(claim) = &self.claim {
            put(CLAIM, claim.to_string());
        }
        let Some(failure) = &self.failure else { return };
        put(CLASS, failure.class.to_string());
        put(AT, rfc3339(failure.at));
        put(COUNT, failure.count.to_string());
        put(LASTING, failure.lasting.to_string());
        if failure.refusals > 0 {
            put(REFUSALS, failure.refusals.to_string());
        }
        if let Some(at) = failure.retry_at {
            put(RETRY_AT, rfc3339(at));
        }
        if !failure.failed_logins.is_empty() {
            put(FAILED_LOGINS, failure.failed_logins.to_string());
        }
    }
}

impl NotedFailure {
    fn read(custom_metadata: &BTreeMap<String, String>) -> Option<Self> {
        let text = |key| custom_metadata.get(key).map(String::as_str);
        let count = |key| text(key).and_then(|text| text.parse().ok()).unwrap_or(1).max(1);
        let class = Class::noted(text(CLASS)?)?;
        Some(NotedFailure {
            refusals: match text(REFUSALS) {
                None if !class.is_refused_login() => 0,
                _ => count(REFUSALS),
            },
            class,
            at: parse_rfc3339(text(AT)?)?,
            count: count(COUNT),
            lasting: text(LASTING) == Some("true"),
            retry_at: text(RETRY_AT).and_then(parse_rfc3339),
            failed_logins: text(FAILED_LOGINS).map(Fingerprints::parse).unwrap_or_default(),
        })
    }
}

/// A refused login, noted beside an entry of another rotation of its credential. It does not go with the notes of that
/// one, but counts no longer than its time.
impl NotedFailure {
    /// What somebody left there.
    pub fn told(custom_metadata: &BTreeMap<String, String>) -> Option<Self> {
        let mut words = custom_metadata.get(TOLD)?.split(' ');
        let (class, at) = (Class::noted(words.next()?)?, parse_rfc3339(words.next()?)?);
        let (refusals, failed_logins) = (words.next()?.parse().ok()?, Fingerprints::parse(words.next()?));
        let told = class.is_refused_login();
        told.then_some(NotedFailure {
            class,
            at,
            count: 1,
            refusals,
            lasting: true,
            retry_at: None,
            failed_logins,
        })
    }

    /// Leaves this one there.
    pub fn tell(&self, custom_metadata: &mut BTreeMap<String, String>) {
        let NotedFailure { class, at, refusals, failed_logins, .. } = self;
        let told = format!("{class} {} {refusals} {failed_logins}", rfc3339(*at));
        custom_metadata.insert(TOLD.to_owned(), told);
    }
}

fn field_names(text: &str) -> Option<FieldNames> {
    let names: BTreeMap<String, String> = serde_json::from_str(text).ok()?;
    let names: Result<Vec<_>, _> =
        names.into_iter().map(|(field, name)| Ok((FieldNames::field(&field)?, name))).collect();
    names.and_then(FieldNames::new).ok()
}

/// Vault takes no longer values.
const LONGEST: usize = 512;

const OWNER: &str = "tokenferry_rotation";
const FIELDS: &str = "tokenferry_fields";
const CLASS: &str = "tokenferry_failure_class";
const AT: &str = "tokenferry_failure_at";
const COUNT: &str = "tokenferry_failure_count";
const LASTING: &str = "tokenferry_failure_lasting";
const REFUSALS: &str = "tokenferry_refusals";
const RETRY_AT: &str = "tokenferry_failure_retry_at";
const FAILED_LOGINS: &str = "tokenferry_failed_login";
const TOLD: &str = "tokenferry_refused_to_others";
const CLAIM: &str = "tokenferry_login_until";
const OURS: [&str; 10] = [OWNER, FIELDS, CLASS, AT, COUNT, LASTING, REFUSALS, RETRY_AT, FAILED_LOGINS, CLAIM];

#[cfg(test)]
mod tests {
    use super::*;

    fn failure() -> NotedFailure {
        NotedFailure {
            class: Class::new("login_refused"),
            at: Timestamp::UNIX_EPOCH,
            count: 3,
            refusals: 2,
            lasting: true,
            retry_at: Some(Timestamp::UNIX_EPOCH),
            failed_logins: Fingerprints::parse(&Fingerprint::of(Salt::of(["corp"]), b"anna").to_string()),
        }
    }

    fn foreign() -> BTreeMap<String, String> {
        BTreeMap::from([("team".to_owned(), "payments".to_owned())])
    }

    #[test]
    fn what_is_noted_is_read_again_and_foreign_notes_stay() {
        let fields = FieldNames::new([("token", "access_token".to_owned())]).unwrap();
        let claim = Some(Box::new(Claim::new(Timestamp::UNIX_EPOCH, Salt::of(["corp"]), b"anna")));
        let notes = Notes { owner: Some("corp".into()), fields, failure: Some(Box::new(failure())), claim };
        let mut metadata = foreign();
        notes.merge(&mut metadata);
        assert_eq!(Notes::read(&metadata), notes);
        assert_eq!(metadata["team"], "payments");
        assert_eq!(metadata.len(), 11);
    }

    #[test]
    fn a_cleared_failure_leaves_nothing_behind() {
        let mut metadata = foreign();
        let fields = FieldNames::new([("token", "access_token".to_owned())]).unwrap();
        let owner = Some("corp".into());
        let claim = Some(Box::new(Claim::new(Timestamp::UNIX_EPOCH, Salt::of(["corp"]), b"anna")));
        Notes { owner, fields, failure: Some(Box::new(failure())), claim }.merge(&mut metadata);
        Notes { owner: Some("corp".into()), ..Notes::default() }.merge(&mut metadata);
        assert_eq!(metadata.keys().collect::<Vec<_>>(), ["team", "tokenferry_rotation"]);
    }

    #[test]
    fn what_others_left_word_of_outlives_the_notes_of_the_rotation() {
        let mut metadata = foreign();
        let told = NotedFailure { count: 1, retry_at: None, ..failure() };
        told.tell(&mut metadata);
        Notes { owner: Some("corp".into()), ..Notes::default() }.merge(&mut metadata);
        assert_eq!(NotedFailure::told(&metadata), Some(told));
        for text in ["", "login_refused", "login_refused x 1 x", "timeout 1970-01-01T00:00:00Z 1 x"] {
            let spoilt = BTreeMap::from([(TOLD.to_owned(), text.to_owned())]);
            assert_eq!(NotedFailure::told(&spoilt), None, "{text}");
        }
    }

    #[test]
    fn garbage_counts_as_not_noted() {
        let mut metadata = BTreeMap::new();
        Notes { failure: Some(Box::new(failure())), ..Notes::default() }.merge(&mut metadata);
        for (key, loses_all) in [
            (CLASS, true),
            (AT, true),
            (COUNT, false),
            (LASTING, false),
            (REFUSALS, false),
            (RETRY_AT, false),
            (FAILED_LOGINS, false),
        ] {
            let mut spoilt = metadata.clone();
            spoilt.insert(key.to_owned(), "No such thing!".to_owned());
            assert_eq!(Notes::read(&spoilt).failure.is_none(), loses_all, "{key}");
            assert_ne!(Notes::read(&spoilt).failure.as_deref(), Some(&failure()), "{key}");
        }
        for text in ["", "{", "[]", r#"{"tokn":"a"}"#, r#"{"token":"ttl"}"#, r#"{"token":1}"#] {
            let spoilt = BTreeMap::from([(FIELDS.to_owned(), text.to_owned())]);
            assert_eq!(Notes::read(&spoilt), Notes::default(), "{text}");
        }
    }

    #[test]
    fn names_that_are_too_long_to_be_noted_are_left_out() {
        let fields = FieldNames::new([("token", "x".repeat(600))]).unwrap();
        let mut metadata = foreign();
        Notes { fields, ..Notes::default() }.merge(&mut metadata);
        assert_eq!(metadata, foreign());
    }
}
