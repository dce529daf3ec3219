//! Looks for values in what Terraform wrote down.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use serde_json::Value;
use zip::ZipArchive;

use crate::error::{Attempt, Error, Result};

/// The ephemeral values, as the example handed them over.
pub(super) struct Handover {
    values: Vec<(&'static str, String)>,
}

impl Handover {
    /// One value a line, in the order in which the example writes them.
    pub(super) fn read(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file).attempt(|| format!("read {}", file.display()))?;
        let names = ["Zscaler OTP", "Zscaler token", "Zettelstore token"];
        let values: Vec<_> = names.into_iter().zip(text.lines().map(str::to_owned)).collect();
        if values.len() < names.len() || values.iter().any(|(_, value)| value.is_empty()) {
            return Err(Error::unexpected("Terraform did not hand over all three ephemeral values"));
        }
        Ok(Self { values })
    }

    /// What it is, and the value.
    pub(super) fn values(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.values.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

/// Something that was written down: where it stands, and all of it.
#[derive(Debug)]
pub(super) struct Record {
    place: String,
    content: Vec<u8>,
}

/// The state of a project.
pub(super) fn state(project: &Path) -> Result<Record> {
    let file = project.join("terraform.tfstate");
    let content = fs::read(&file).attempt(|| format!("read {}", file.display()))?;
    Ok(Record { place: "the state".into(), content })
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

/// The places at which a value stands.
pub(super) fn found_in<'record>(value: &str, records: &'record [Record]) -> Vec<&'record str> {
    let found = records.iter().filter(|record| contains(&record.content, value.as_bytes()));
    found.map(|record| record.place.as_str()).collect()
}

/// The places at which something stands that looks like a token of OpenBao (`s.…`) or Vault (`hvs.…`).
pub(super) fn vault_tokens(records: &[Record]) -> Vec<&str> {
    let found = records.iter().filter(|record| has_vault_token(&record.content));
    found.map(|record| record.place.as_str()).collect()
}

fn has_vault_token(content: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric();
    content.windows(26).any(|window| window.starts_with(b"s.") && window.iter().skip(2).all(is_letter))
}

fn contains(content: &[u8], value: &[u8]) -> bool {
    !value.is_empty() && content.windows(value.len()).any(|window| window == value)
}

/// An attribute of a data source, as the state has it. `address` is `data.TYPE.NAME`.
pub(super) fn stored(state: &Record, address: &str, attribute: &str) -> Result<String> {
    let state: Value = serde_json::from_slice(&state.content).attempt(|| "read the state".into())?;
    let resources = state["resources"].as_array().map(Vec::as_slice).unwrap_or_default();
    let value = resources
        .iter()
        .find(|resource| address_of(resource) == address)
        .and_then(|resource| resource["instances"][0]["attributes"][attribute].as_str());
    value
        .map(str::to_owned)
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
    fn a_value_is_found_wherever_it_stands() {
        let records = [record("a", "xx hunter2 xx"), record("b", "hunter1"), record("c", "hunter2")];
        assert_eq!(found_in("hunter2", &records), ["a", "c"]);
        assert!(found_in("", &records).is_empty());
    }

    #[test]
    fn a_token_of_the_vault_is_recognised() {
        let records = [
            record("log", r#"{"token":"s.QlF6IR8uoBl1RuZsboreASOp"}"#),
            record("other", "tokens.zettelstore.notes and https://vault.example"),
        ];
        assert_eq!(vault_tokens(&records), ["log"]);
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
