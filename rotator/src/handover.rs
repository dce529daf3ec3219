//! How an entry gets another owner, with the token that stands in it: after a rotation was renamed.

use std::borrow::Cow;

use tokenferry_vault::KvPath;

/// What to do about the entry of a rotation that is called otherwise now.
pub fn advice(at: &KvPath, owner: &str, now: &str) -> String {
    format!(
        "If \"{owner}\" was renamed to \"{now}\", keep its old name, or hand the entry over, whose token lives on: `{}`. \
         If not, give \"{now}\" a destination of its own. Do not delete the entry: its token may be in use.",
        command(at, now)
    )
}

/// The same for the session of a source.
pub fn of_session(at: &KvPath, owner: &str, now: &str) -> String {
    format!(
        "If the source \"{owner}\" was renamed to \"{now}\", keep its old name, or hand its session over: `{}`. If not, \
         choose another `path` for the session.",
        patch(at, "tokenferry_session", now)
    )
}

fn command(at: &KvPath, owner: &str) -> String {
    patch(at, "tokenferry_rotation", owner)
}

fn patch(KvPath { namespace, mount, path }: &KvPath, mark: &str, owner: &str) -> String {
    let namespace =
        namespace.as_ref().map(|namespace| quoted(&format!("-namespace={namespace}")).into_owned() + " ");
    let (mount, mark) = (format!("-mount={mount}"), format!("-custom-metadata={mark}={owner}"));
    format!(
        "bao kv metadata patch {}{} {} {}",
        namespace.unwrap_or_default(),
        quoted(&mount),
        quoted(&mark),
        quoted(path)
    )
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./=".contains(letter);
    if word.chars().all(is_plain) {
        return word.into();
    }
    format!("'{}'", word.replace('\'', r"'\''")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_the_command_as_it_is_meant() {
        let plain = KvPath::new("secret", "tokens/notes");
        assert_eq!(
            command(&plain, "notes-2"),
            "bao kv metadata patch -mount=secret -custom-metadata=tokenferry_rotation=notes-2 tokens/notes"
        );
        let odd = KvPath { namespace: Some("a b".into()), ..KvPath::new("s'x", "$(id)") };
        assert_eq!(
            command(&odd, "ä"),
            r"bao kv metadata patch '-namespace=a b' '-mount=s'\''x' '-custom-metadata=tokenferry_rotation=ä' '$(id)'"
        );
    }
}
