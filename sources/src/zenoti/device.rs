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
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    guid(u128::from_be_bytes(bytes))
}

/// Version 8 of RFC 9562, which leaves all but these six bits to us.
fn guid(bits: u128) -> String {
    let bits = bits & !(0xf << 76) | 0x8 << 76;
    let bits = bits & !(0x3 << 62) | 0x2 << 62;
    let part = |from: u32, size: u32| bits >> from & ((1 << size) - 1);
    let (first, second, third) = (part(96, 32), part(80, 16), part(64, 16));
    format!("{first:08x}-{second:04x}-{third:04x}-{:04x}-{:012x}", part(48, 16), part(0, 48))
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
