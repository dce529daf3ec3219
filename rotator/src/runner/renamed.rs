//! Reading entries whose fields may have had other names when they were written.

use serde_json::{Map, Value};
use tokenferry_vault::{Data, Entry, EntryError, FIELDS, FieldNames};

/// The entry, and whether it stands there under other names than those that it has `now`: those that were noted
/// `before`, or those that fields have by themselves.
pub(super) fn stored(
    data: &Data,
    now: &FieldNames,
    before: &FieldNames,
) -> (Result<Entry, EntryError>, bool) {
    let fields = data.fields();
    let known = [now, before, FieldNames::NONE];
    let fits =
        |names: &&FieldNames| FIELDS.into_iter().all(|field| !is_elsewhere(fields, field, names, &known));
    let read = |names| Entry::from_json(fields, names);
    let mut fitting = known.into_iter().filter(fits);
    let current = read(now);
    let Some(first) = fitting.next() else { return (current, false) };
    if first != now {
        let former = read(first);
        let is_ours = !matches!(former, Err(EntryError::Incomplete { .. }));
        return if is_ours { (former, true) } else { (current, false) };
    }
    // Names that were swapped tell nothing: what is taken for the token might be something else.
    let is_certain = fitting.all(|names| same(&current, &read(names)));
    (if is_certain { current } else { Err(EntryError::Incomplete { field: "token" }) }, false)
}

/// Whether a field is missing under its name, but is there under another one that it has or had.
fn is_elsewhere(fields: &Map<String, Value>, field: &str, names: &FieldNames, known: &[&FieldNames]) -> bool {
    let is_of_another = |name: &str| FIELDS.into_iter().any(|other| names.of(other) == name);
    let is_there = |other: &&FieldNames| {
        let name = other.of(field);
        fields.contains_key(name) && !is_of_another(name)
    };
    !fields.contains_key(names.of(field)) && known.iter().any(is_there)
}

fn same(one: &Result<Entry, EntryError>, other: &Result<Entry, EntryError>) -> bool {
    match (one, other) {
        (Ok(one), Ok(other)) => one.to_json(FieldNames::NONE) == other.to_json(FieldNames::NONE),
        // What cannot be read under other names is not there under them.
        (_, other) => other.is_err(),
    }
}

#[cfg(test)]
mod tests {
    use tokenferry_sources::ExposeSecret;

    use super::*;

    fn names(renamed: &[(&'static str, &str)]) -> FieldNames {
        FieldNames::new(renamed.iter().map(|(field, name)| (*field, (*name).to_owned()))).unwrap()
    }

    fn written(names: &FieldNames) -> Data {
        let time = "2030-01-31T12:00:00Z";
        let fields = serde_json::json!({
            "token": "t0ken", "issued_at": time, "expires_at": time, "occurrence": time, "rotation": "notes",
            "serial": 1, "schema": 1, "subject": "anna",
        });
        let entry = Entry::from_json(fields.as_object().unwrap(), FieldNames::NONE).unwrap();
        Data::from(entry.to_json(names))
    }

    fn read(data: &Data, now: &FieldNames, before: &FieldNames) -> Option<bool> {
        let (entry, is_renamed) = stored(data, now, before);
        let entry = entry.ok()?;
        assert_eq!(
            (entry.token.expose_secret(), &*entry.subject, entry.expires_at.is_some()),
            ("t0ken", "anna", true)
        );
        Some(is_renamed)
    }

    #[test]
    fn an_entry_is_known_under_the_names_that_it_was_written_with() {
        let none = FieldNames::NONE;
        for renamed in [
            vec![("token", "access_token")],
            vec![("expires_at", "exp")],
            vec![("subject", "who")],
            vec![
                ("schema", "v"),
                ("serial", "n"),
                ("rotation", "r"),
                ("occurrence", "o"),
                ("issued_at", "i"),
            ],
        ] {
            let (now, other) = (names(&renamed), names(&[("token", "other"), ("ttl", "x")]));
            assert_eq!(read(&written(&now), &now, &now), Some(false), "{renamed:?}");
            assert_eq!(read(&written(none), &now, none), Some(true), "{renamed:?}");
            assert_eq!(read(&written(&now), none, &now), Some(true), "{renamed:?}");
            assert_eq!(read(&written(&now), &other, &now), Some(true), "{renamed:?}");
            // As after a crash between data and note.
            assert_eq!(read(&written(&now), &now, &other), Some(false), "{renamed:?}");
        }
    }

    #[test]
    fn swapped_names_are_not_guessed_at() {
        let swapped = names(&[("token", "subject"), ("subject", "token")]);
        assert_eq!(read(&written(&swapped), &swapped, &swapped), None);
        let (entry, _) = stored(&written(&swapped), &swapped, FieldNames::NONE);
        assert_eq!(entry.unwrap_err(), EntryError::Incomplete { field: "token" });
    }
}
