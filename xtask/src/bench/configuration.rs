//! Configurations of the rotator with as many rotations as are wanted.

use std::fmt::Write;

use crate::openbao::Api;
use crate::sandbox::Access;

/// The variables to which the configuration refers, and which the scripts read.
pub(super) fn environment(access: &Access, api: &Api) -> Vec<(&'static str, String)> {
    let path = std::env::var("PATH").unwrap_or_default();
    vec![
        ("PATH", path),
        ("VAULT_ADDR", api.url()),
        ("VAULT_TOKEN", api.token.clone()),
        ("ZETTELSTORE_BASE_URL", access.zettelstore.base_url.clone()),
        ("ZETTELSTORE_PASSWORD", access.zettelstore.password.clone()),
    ]
}

/// Rotations of `user-1`, `user-2` and so on into `secret/FOLDER/USER`, each with a source of its own: runs of one
/// credential never overlap.
#[derive(Clone, Debug)]
pub(super) struct Rotations {
    pub(super) folder: String,
    pub(super) count: u32,
    /// How many run at once.
    pub(super) concurrency: u32,
    pub(super) schedule: String,
    /// Over how many seconds the times of the schedule are spread.
    pub(super) spread: u32,
}

impl Rotations {
    /// Their schedule is New Year, so that nothing but the age of the token makes them due.
    pub(super) fn new(folder: &str, count: u32, concurrency: u32) -> Self {
        Self { folder: folder.to_owned(), count, concurrency, schedule: "0 0 1 1 *".to_owned(), spread: 0 }
    }

    /// The file.
    pub(super) fn text(&self, access: &Access, api: &Api) -> String {
        let Self { folder, count, concurrency, schedule, spread } = self;
        let mut text = format!(
            "concurrency = {concurrency}\n\nvault {{\n  address = {:?}\n  auth \"token\" {{\n    token = {{ env = \"VAULT_TOKEN\" }}\n  }}\n}}\n",
            api.url()
        );
        let base_url = &access.zettelstore.base_url;
        for user in 1..=*count {
            // Writing into a string does not fail.
            write!(
                text,
                r#"
source "zettelstore" "user-{user}" {{
  base_url = {base_url:?}
  username = "user-{user}"
  password = {{ env = "ZETTELSTORE_PASSWORD" }}
}}
rotation "user-{user}" {{
  source   = "zettelstore.user-{user}"
  schedule = {schedule:?}
  spread   = "{spread}s"
  verify   = false
  destination {{
    mount = "secret"
    path  = "{folder}/user-{user}"
  }}
}}
"#
            )
            .ok();
        }
        text
    }
}
