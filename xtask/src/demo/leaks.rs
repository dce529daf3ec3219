//! Looks for values in what Terraform wrote down.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use serde_json::Value;
use tokenferry_leaks::{Search, Secret};
use zip::ZipArchive;

use crate::error::{Attempt, Error, Result};

/// Something that was written down: where it stands, and all of it.
#[derive(Debug)]
pub(super) struct Record {
    place: String,
    content: Vec<u8>,
}

/// The state of a project.
pub(super) fn state(project: &Path) -> Result<Record> {
    let content = text(&project.join("terraform.tfstate"))?.into_bytes();
    Ok(Record { place: "the state".into(), content })
}

/// A file that is text.
pub(super) fn text(file: &Path) -> Result<String> {
    fs::read_to_string(file).attempt(|| format!("read {}", file.display()))
}

/// The files of a folder.
pub(super) fn files(folder: &Path) -> Result<Vec<Record>> {
    let attempt = || format!("read {}", folder.display());
    let mut records = Vec::new();
    for entry in fs::read_dir(folder).attempt(attempt)? {
        let path = entry.attempt(attempt)?.path();
        let content = fs::read(&path).attempt(|| format!("read {}", path.display()))?;
        records.push(Record { place: path.display().to_string(), content });
    }
    Ok(records)
}

/// The members of a plan file, which is a zip archive, unpacked.
pub(super) fn plan(file: &Path) -> Result<Vec<Record>> {
    let attempt = || format!("unpack the plan file {}", file.display());
    let mut archive = ZipArchive::new(File::open(file).attempt(attempt)?).attempt(attempt)?;
    let mut records = Vec::new();
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).attempt(attempt)?;
        let mut content = Vec::new();
        member.read_to_end(&mut content).attempt(attempt)?;
        let name = member.name().attempt(attempt)?;
        records.push(Record { place: format!("the plan file's {name}"), content });
    }
    Ok(records)
}

/// Which of these stands where, in any of the usual encodings; never the value.
pub(super) fn find(secrets: &[Secret], records: &[Record]) -> Result<Vec<String>> {
    let search = Search::new(secrets).map_err(|error| Error::unexpected(error.to_string()))?;
    let mut found = Vec::new();
    for record in records {
        for leak in search.leaks_in(&record.content) {
            let name = secrets.get(leak.secret).map_or("a secret", |secret| secret.name.as_str());
            found.push(format!("{name} in {}, line {}, as {}", record.place, leak.line, leak.form));
        }
    }
    Ok(found)
}

/// The places at which something stands that looks like a token of OpenBao (`s.…`) or Vault (`hvs.…`).
pub(super) fn vault_tokens(records: &[Record]) -> Vec<String> {
    let found = records.iter().filter(|record| has_vault_token(&record.content));
    found.map(|record| format!("something like a Vault token in {}", record.place)).collect()
}

fn has_vault_token(content: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric();
    content.windows(26).any(|window| window.starts_with(b"s.") && window.iter().skip(2).all(is_letter))
}

/// An attribute of a data source, as the state has it. `address` is `data.TYPE.NAME`.
pub(super) fn stored(state: &Record, address: &str, attribute: &str) -> Result<Value> {
    let state: Value = serde_json::from_slice(&state.content).attempt(|| "read the state".into())?;
    let resources = state["resources"].as_array().map(Vec::as_slice).unwrap_or_default();
    let value = resources
        .iter()
        .find(|resource| address_of(resource) == address)
        .map(|resource| &resource["instances"][0]["attributes"][attribute]);
    value
        .filter(|value| !value.is_null())
        .cloned()
        .ok_or_else(|| Error::unexpected(format!("the state has no {attribute} of {address}")))
}

fn address_of(resource: &Value) -> String {
    let part = |name: &str| resource[name].as_str().unwrap_or_default();
    format!("{}.{}.{}", part("mode"), part("type"), part("name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(place: &str, content: &str) -> Record {
        Record { place: place.into(), content: content.into() }
    }

    #[test]
    fn a_value_is_found_wherever_and_however_it_stands() {
        let records =
            [record("a", "xx hunter2-one xx"), record("b", "hunter1-one"), record("c", "hunter2%2Done ")];
        let secret = Secret { name: "password".to_owned(), value: "hunter2-one".to_owned() };
        let found = find(&[secret], &records).unwrap();
        assert_eq!(found, ["password in a, line 1, as plain text", "password in c, line 1, as URL encoding"]);
    }

    #[test]
    fn a_token_of_the_vault_is_recognised() {
        let records = [
            record("log", r#"{"token":"s.QlF6IR8uoBl1RuZsboreASOp"}"#),
            record("other", "tokens.zettelstore.notes and https://vault.example"),
        ];
        assert_eq!(vault_tokens(&records), ["something like a Vault token in log"]);
    }

    #[test]
    fn an_attribute_of_a_data_source_is_read_from_the_state() {
        let state = r#"{"resources":[{"mode":"data","type":"t","name":"n",
            "instances":[{"attributes":{"otp":"k3x","none":null}}]}]}"#;
        assert_eq!(stored(&record("state", state), "data.t.n", "otp").unwrap(), "k3x");
        assert!(stored(&record("state", state), "data.t.n", "none").is_err());
        assert!(stored(&record("state", state), "data.t.other", "otp").is_err());
    }
}
