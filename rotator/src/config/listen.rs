//! Where the rotator can be looked at over HTTP.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::document::Noted;
use super::once;
use super::reader::Block;
use super::value::Value;

/// What is served, where, and under which names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listen {
    /// The address; `None` if nothing is served.
    pub address: Option<SocketAddr>,
    /// Whether the configuration names the address: then a start without it is none.
    pub is_chosen: bool,
    /// Whether the status page is served, too.
    pub page: bool,
    /// The names of this host, beside `localhost` and IP addresses, that requests may be made to. In lower case.
    pub allowed_hosts: Vec<String>,
}

impl Default for Listen {
    fn default() -> Self {
        Listen { address: Some(DEFAULT), is_chosen: false, page: true, allowed_hosts: Vec::new() }
    }
}

pub(super) fn read(roots: &[Block<'_>]) -> Result<Listen, Noted> {
    let address = once(roots, "listen", address);
    let page = once(roots, "page", Value::flag);
    let allowed_hosts = once(roots, "allowed_hosts", |names| {
        // All of them are looked at before the first mistake counts.
        let names: Vec<_> = names.list()?.map(host).collect();
        names.into_iter().collect::<Result<Vec<String>, Noted>>()
    });
    let chosen = address?;
    let address = chosen.unwrap_or(Some(DEFAULT));
    let is_loopback = address.is_some_and(|address| address.ip().is_loopback());
    Ok(Listen {
        address,
        is_chosen: chosen.is_some(),
        page: page?.unwrap_or(is_loopback),
        allowed_hosts: allowed_hosts?.unwrap_or_default(),
    })
}

/// An address, or `None` for none.
fn address(value: Value<'_>) -> Result<Option<SocketAddr>, Noted> {
    let text = value.text()?;
    if text == OFF {
        return Ok(None);
    }
    let port = |rest: &str| rest.strip_prefix(':')?.parse().ok();
    if let Some(port) = text.strip_prefix("localhost").and_then(port) {
        return Ok(Some(SocketAddr::new(LOOPBACK, port)));
    }
    text.parse()
        .map(Some)
        .map_err(|_| value.spot.advise("`listen` must be an IP address with a port, or \"off\"", EXAMPLE))
}

/// A name of a host as requests carry it.
fn host(value: Value<'_>) -> Result<String, Noted> {
    let name = value.text()?;
    let is_label = |label: &str| {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        !label.is_empty() && label.len() <= 63 && label.bytes().all(is_part)
    };
    if name.len() > 253 || !name.split('.').all(is_label) {
        let advice = "write it as in \"rotator.example\": no scheme, no port, no `*`";
        return Err(value.spot.advise("this is no name of a host", advice));
    }
    Ok(name.to_ascii_lowercase())
}

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const DEFAULT: SocketAddr = SocketAddr::new(LOOPBACK, 9321);
const OFF: &str = "off";
const EXAMPLE: &str =
    "write `listen = \"127.0.0.1:9321\"`, or `\"0.0.0.0:9321\"` for all of this machine's addresses";
