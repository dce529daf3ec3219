//! What came from the systems, one line each: what it is, how it is sent, how long it lives, and what it cost.

use chrono::DateTime;
use serde::Deserialize;
use serde_json::Value;
use tokenferry_leaks::{SHORTEST, Secret};

use crate::error::{Attempt, Error, Result};
use crate::terminal::mask;

/// A token or a code, as an example tells of it.
#[derive(Debug, Deserialize)]
pub(super) struct Came {
    /// Its name for people.
    system: String,
    /// The sandbox's name of the system that counts logins; absent if there are none.
    pub(super) counted: Option<String>,
    what: String,
    /// All of it, or its beginning.
    value: String,
    /// The header, up to where the token begins; only tokens have one.
    sent_as: Option<String>,
    issued_at: Option<String>,
    expires_at: Option<String>,
}

/// Reads the list that an example gives.
pub(super) fn read(json: &str) -> Result<Vec<Came>> {
    let came: Vec<Came> = serde_json::from_str(json).attempt(|| "read what the example gave".into())?;
    if came.is_empty() || came.iter().any(|came| came.value.is_empty()) {
        return Err(Error::unexpected("the example did not give all that it asked for"));
    }
    Ok(came)
}

/// The tokens that data sources left in a state.
pub(super) fn stored(state: &str) -> Result<Vec<Came>> {
    let state: Value = serde_json::from_str(state).attempt(|| "read the state".into())?;
    let resources = state["resources"].as_array().map(Vec::as_slice).unwrap_or_default();
    let came: Vec<Came> = resources.iter().filter_map(token).collect();
    if came.is_empty() { Err(Error::unexpected("there is no token in the state")) } else { Ok(came) }
}

fn token(resource: &Value) -> Option<Came> {
    let system = resource["type"].as_str()?.strip_prefix("tokenferry_")?.strip_suffix("_token")?;
    let attributes = &resource["instances"][0]["attributes"];
    let text = |name: &str| attributes[name].as_str().map(str::to_owned);
    let alias = resource["provider"].as_str().and_then(|provider| provider.rsplit_once("\"]."));
    let (value, header_value) = (text("token")?, text("header_value")?);
    Some(Came {
        system: system.to_owned(),
        counted: Some(system.to_owned()),
        what: alias.map_or_else(|| "token".to_owned(), |(_, alias)| format!("token, {alias}")),
        sent_as: Some(format!("{}: {}", text("header_name")?, header_value.strip_suffix(&value)?)),
        value,
        issued_at: text("issued_at"),
        expires_at: text("expires_at"),
    })
}

/// How many credentials of a system were used: each token is one's own.
pub(super) fn credentials(came: &[Came], system: &str) -> u64 {
    let of_system = |one: &&Came| one.counted.as_deref() == Some(system) && one.sent_as.is_some();
    came.iter().filter(of_system).map(|_| 1).sum()
}

/// The lines of a table. The logins at each system stand in its first line.
pub(super) fn table(came: &[Came], logins: impl Fn(&str) -> u64) -> Vec<String> {
    let mut rows = vec![HEADER.map(str::to_owned)];
    let mut told: Vec<&str> = Vec::new();
    for one in came {
        let count = match one.counted.as_deref() {
            None => "-".to_owned(),
            Some(system) if told.contains(&system) => String::new(),
            Some(system) => {
                told.push(system);
                logins(system).to_string()
            }
        };
        rows.push(one.cells(count));
    }
    aligned(&rows)
}

impl Came {
    /// To look for. A code of a few digits also stands where nobody wrote it, and is left out.
    pub(super) fn secret(&self) -> Option<Secret> {
        let secret = Secret { name: format!("{} {}", self.system, self.what), value: self.value.clone() };
        (self.value.len() >= SHORTEST).then_some(secret)
    }

    fn cells(&self, logins: String) -> [String; 6] {
        let sent_as = self.sent_as.as_ref().map_or_else(|| "-".to_owned(), |header| format!("{header}…"));
        let life = self.life().map_or_else(|| "-".to_owned(), life);
        [self.system.clone(), self.what.clone(), mask(&self.value), sent_as, life, logins]
    }

    fn life(&self) -> Option<u64> {
        let time = |text: &Option<String>| DateTime::parse_from_rfc3339(text.as_deref()?).ok();
        (time(&self.expires_at)? - time(&self.issued_at)?).num_seconds().try_into().ok()
    }
}

/// Seconds for people, in the largest unit that divides them.
pub(super) fn life(seconds: u64) -> String {
    match seconds {
        hours if hours > 0 && hours % 3600 == 0 => format!("{} h", hours / 3600),
        minutes if minutes > 0 && minutes % 60 == 0 => format!("{} min", minutes / 60),
        seconds => format!("{seconds} s"),
    }
}

/// Cells in columns that are as wide as they have to be.
fn aligned(rows: &[[String; 6]]) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    let line = |row: &[String; 6]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}  "));
        cells.collect::<String>().trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

const HEADER: [&str; 6] = ["SYSTEM", "WHAT", "BEGINS", "SENT AS", "LIVES", "LOGINS"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_shows_what_came_without_its_values() {
        let came = r#"[
            {"system":"Zscaler","counted":"zscaler","what":"token","value":"eyJhbGci","sent_as":"auth-token: ",
             "issued_at":"2030-01-31T12:00:00Z","expires_at":"2030-01-31T13:00:00Z"},
            {"system":"Zscaler","counted":"zscaler","what":"OTP","value":"k3xq081ab7"},
            {"system":"TOTP","what":"code","value":"123456","expires_at":null}]"#;
        let expected = [
            "SYSTEM   WHAT   BEGINS  SENT AS       LIVES  LOGINS",
            "Zscaler  token  ey…     auth-token: …  1 h    2",
            "Zscaler  OTP    k3…     -              -",
            "TOTP     code   12…     -              -      -",
        ];
        let table = table(&read(came).unwrap(), |_| 2);
        assert_eq!(table[1..], expected[1..]);
        assert_eq!(table[0].split_whitespace().collect::<Vec<_>>().len(), 7);
    }

    #[test]
    fn tokens_of_data_sources_are_read_from_the_state() {
        let state = r#"{"resources":[{"type":"tokenferry_zscaler_otp","instances":[{"attributes":{"otp":"x"}}]},
            {"type":"tokenferry_zenoti_token","instances":[{"attributes":{"token":"AN:x","header_value":"bearer AN:x",
            "header_name":"Authorization","issued_at":"2030-01-31T12:00:00Z","expires_at":null}}]},
            {"type":"tokenferry_zenoti_token","provider":"provider[\"registry/a/b\"].other","instances":[{"attributes":
            {"token":"AN:y","header_value":"bearer AN:y","header_name":"Authorization"}}]}]}"#;
        let came = stored(state).unwrap();
        let lines = table(&came, |_| 1);
        assert!(lines[1].contains("zenoti  token         AN…     Authorization: bearer …"), "{lines:?}");
        assert!(lines[2].contains("zenoti  token, other  AN…"), "{lines:?}");
        assert_eq!([credentials(&came, "zenoti"), credentials(&came, "zscaler")], [2, 0]);
        assert!(stored(r#"{"resources":[]}"#).is_err());
    }

    #[test]
    fn a_value_that_did_not_come_is_an_error() {
        assert!(read(r#"[{"system":"Zscaler","what":"token","value":""}]"#).is_err() && read("[]").is_err());
    }

    #[test]
    fn lives_are_told_in_their_largest_unit() {
        assert_eq!(
            [0, 30, 90, 600, 3600, 86_400].map(life),
            ["0 s", "30 s", "90 s", "10 min", "1 h", "24 h"]
        );
    }
}
