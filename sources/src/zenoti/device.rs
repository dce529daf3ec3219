//! The id of this client where nobody configured one.

use ring::digest::{Context, SHA256};

/// An id in the form of a GUID that is always the same for one user of one app.
pub(super) fn id(account_name: &str, username: &str, app_id: &str) -> String {
    let mut context = Context::new(&SHA256);
    for part in ["tokenferry", account_name, username, app_id] {
        context.update(part.as_bytes());
        // No name contains it, so no two logins run together.
        context.update(&[0]);
    }
    let digest = context.finish();
    let bytes = digest.as_ref().iter().take(16).enumerate();
    bytes.map(|(place, byte)| format!("{}{:02x}", dash(place), marked(place, *byte))).collect()
}

fn dash(place: usize) -> &'static str {
    if matches!(place, 4 | 6 | 8 | 10) { "-" } else { "" }
}

/// Version 8 of RFC 9562, which leaves the other bits to us.
fn marked(place: usize, byte: u8) -> u8 {
    match place {
        6 => byte & 0x0f | 0x80,
        8 => byte & 0x3f | 0x80,
        _ => byte,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_a_guid_that_stays_and_differs_by_login() {
        let one = id("acme", "anna", "app");
        assert_eq!(one, "3e127b71-f638-8201-becb-60c7e065a928");
        assert_ne!(one, id("acm", "eanna", "app"));
        assert_ne!(one, id("acme", "anna", "other"));
    }
}
