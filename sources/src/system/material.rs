//! Every setting of a login as one sequence of bytes, to tell logins apart.

use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::System;
use crate::{Given, GivenFields};

/// The system's name and its settings in the order of their descriptions, each part with its length before it.
pub(super) fn of(system: &System, given: &GivenFields) -> Zeroizing<Vec<u8>> {
    let mut parts = vec![system.name.as_bytes()];
    for field in system.fields {
        match (given.get(field.name), field.default) {
            (Some(Given::Unknown) | None, None) => {}
            (Some(Given::Unknown) | None, Some(default)) => {
                parts.extend([field.name.as_bytes(), default.as_bytes()]);
            }
            (Some(given), _) => collect(field.name, given, &mut parts),
        }
    }
    // Of its final size from the start: a vector that grows leaves copies behind.
    let mut material = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| 8 + part.len()).sum()));
    for part in parts {
        material.extend_from_slice(&(part.len() as u64).to_be_bytes());
        material.extend_from_slice(part);
    }
    material
}

fn collect<'a>(name: &'a str, given: &'a Given, parts: &mut Vec<&'a [u8]>) {
    parts.push(name.as_bytes());
    match given {
        Given::Text(text) => parts.push(text.expose_secret().as_bytes()),
        Given::Flag(flag) => parts.push(if *flag { b"true" } else { b"false" }),
        Given::Map(inner) => in_order(inner, parts),
        Given::List(blocks) => blocks.iter().for_each(|block| {
            parts.push(b"[");
            in_order(block, parts);
        }),
        // What a reference leads to is a text by the time of a login.
        Given::Reference(_) | Given::Unknown => {}
    }
}

fn in_order<'a>(inner: &'a GivenFields, parts: &mut Vec<&'a [u8]>) {
    parts.push(b"{");
    for (name, given) in inner {
        collect(name, given, parts);
    }
    parts.push(b"}");
}
