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
/// credential never overlap. Their schedule is New Year, so that nothing but the age of the token makes them due.
pub(super) fn text(access: &Access, api: &Api, folder: &str, rotations: u32, concurrency: u32) -> String {
    let mut text = format!(
        "concurrency = {concurrency}\n\nvault {{\n  address = {:?}\n  auth \"token\" {{\n    token = {{ env = \"VAULT_TOKEN\" }}\n  }}\n}}\n",
        api.url()
    );
    let base_url = &access.zettelstore.base_url;
    for user in 1..=rotations {
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
  schedule = "0 0 1 1 *"
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
