//! Addresses that only the network segment or the machine itself has, as the metadata services of clouds do.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;
use tokio::net::lookup_host;
use url::{Host, Url};

/// The address of a host that is written as one, if it is link-local.
pub(super) fn literal(url: &Url) -> Option<IpAddr> {
    let address = match url.host()? {
        Host::Ipv4(address) => IpAddr::V4(address),
        Host::Ipv6(address) => IpAddr::V6(address),
        Host::Domain(_) => return None,
    };
    is_link_local(address).then_some(address)
}

/// Resolves names, but none that leads to a link-local address: what it returns is what is connected to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guard;

/// A name leads to this address.
#[derive(Clone, Copy, Debug, Error)]
#[error("the name leads to the link-local address {0}")]
pub(super) struct LinkLocal(pub(super) IpAddr);

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(admitted(found)?.into_iter()) as Addrs)
        })
    }
}

/// One such address is enough to refuse the name: which of several is taken is nobody's to choose.
fn admitted(found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, LinkLocal> {
    match found.iter().find(|found| is_link_local(found.ip())) {
        Some(found) => Err(LinkLocal(found.ip())),
        None => Ok(found),
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_unicast_link_local() || embedded(address).is_some_and(|inner| inner.is_link_local())
        }
    }
}

/// The IPv4 address that is mapped to, or translated from, an IPv6 address.
fn embedded(address: Ipv6Addr) -> Option<std::net::Ipv4Addr> {
    match address.segments() {
        // RFC 6052: how networks without IPv4 reach it.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
            Some([a, b, c, d].into())
        }
        _ => address.to_ipv4(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_local_addresses_are_known_in_every_spelling() {
        for host in [
            "169.254.169.254",
            "169.254.0.1:80",
            "2852039166",
            "0xa9fea9fe",
            "0251.0376.0251.0376",
            "[fe80::1]",
            "[febf::1]:8080",
            "[::ffff:169.254.169.254]",
            "[::169.254.169.254]",
            "[64:ff9b::169.254.169.254]",
        ] {
            assert!(literal(&Url::parse(&format!("http://{host}/")).unwrap()).is_some(), "{host}");
        }
        for host in [
            "169.253.1.1",
            "127.0.0.1",
            "[::1]",
            "[fec0::1]",
            "[64:ff9b::8.8.8.8]",
            "169.254.169.254.example",
        ] {
            assert!(literal(&Url::parse(&format!("http://{host}/")).unwrap()).is_none(), "{host}");
        }
    }

    #[test]
    fn a_name_with_one_such_address_is_refused() {
        let addresses =
            |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let refused = admitted(addresses(&["192.0.2.1:0", "169.254.169.254:0"])).unwrap_err();
        assert_eq!(refused.0.to_string(), "169.254.169.254");
        assert_eq!(admitted(addresses(&["192.0.2.1:0", "[2001:db8::1]:0"])).unwrap().len(), 2);
    }
}
