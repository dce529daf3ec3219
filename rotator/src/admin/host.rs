//! Whom a request is meant for. A page of somebody else may have its name lead to this machine and let the browser of a
//! person ask us (DNS rebinding); such requests carry that name.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Whether requests to this `Host` are answered: to an IP address, to localhost, and to the names that are allowed.
pub(super) fn is_ours(host: &str, allowed: &[String]) -> bool {
    let Some(name) = name(host) else { return false };
    let bare = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let is_local = bare == "localhost" || bare.ends_with(".localhost");
    is_local || bare.parse::<Ipv4Addr>().is_ok() || is_ipv6(name) || allowed.contains(&bare)
}

/// Without the port.
fn name(host: &str) -> Option<&str> {
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let end = match host.strip_prefix('[') {
        Some(rest) => rest.find(']')? + 2,
        None => host.find(':').unwrap_or(host.len()),
    };
    let (name, rest) = host.split_at_checked(end)?;
    (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port)).then_some(name)
}

fn is_ipv6(name: &str) -> bool {
    let inner = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.is_some_and(|inner| inner.parse::<Ipv6Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_known_names_are_ours() {
        let allowed = ["rotator.example".to_owned()];
        let ours = [
            "localhost",
            "LocalHost:9321",
            "a.localhost",
            "localhost.",
            "127.0.0.1:9321",
            "192.0.2.7",
            "[::1]",
            "[2001:db8::1]:9321",
            "rotator.example",
            "Rotator.Example.:80",
        ];
        for host in ours {
            assert!(is_ours(host, &allowed), "{host}");
        }
        let others = [
            "",
            "evil.example",
            "rotator.example.evil.example",
            "notlocalhost",
            "127.0.0.1.evil.example",
            "127.0.0.1:",
            "127.0.0.1:80:80",
            "localhost:80@evil.example",
            "[::1",
            "[::1]x",
            "[evil.example]",
            "::1",
            "[",
        ];
        for host in others {
            assert!(!is_ours(host, &allowed), "{host}");
        }
    }
}
