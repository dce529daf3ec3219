//! Addresses that only the network segment or the machine itself has, and those of the metadata services of clouds.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;
use tokio::net::lookup_host;
use tokio::time::timeout;
use url::{Host, Url};

/// The address for which a request is not sent. Where no proxy is used, names are left to the [`Guard`].
pub(super) async fn refused(url: &Url, uses_proxy: bool) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(address.into()).filter(is_refused),
        Host::Ipv6(address) => Some(address.into()).filter(is_refused),
        Host::Domain(name) if uses_proxy => refused_behind_proxy(name).await,
        Host::Domain(_) => None,
    }
}

/// Whether the host of a URL is written as such an address.
pub(crate) fn is_link_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => is_refused(&address.into()),
        Some(Host::Ipv6(address)) => is_refused(&address.into()),
        Some(Host::Domain(_)) | None => false,
    }
}

/// Resolves names, but none that leads to a refused address: what it returns is what is connected to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guard;

/// A name leads to this address, which is refused.
#[derive(Clone, Copy, Debug, Error)]
#[error("the name leads to the address {0}, which is of the link or a metadata service")]
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
    match found.iter().find(|found| is_refused(&found.ip())) {
        Some(found) => Err(LinkLocal(found.ip())),
        None => Ok(found),
    }
}

/// The proxy resolves the name again, so this is as near as we come to what it finds. Where names are resolved by the
/// proxy only, those of metadata services are all that is known.
async fn refused_behind_proxy(name: &str) -> Option<IpAddr> {
    match timeout(LOOKUP, lookup_host((name, 0))).await {
        Ok(Ok(found)) => admitted(found.collect()).err().map(|LinkLocal(address)| address),
        _ => METADATA_NAMES.contains(&name.trim_end_matches('.')).then_some(METADATA.into()),
    }
}

fn is_refused(address: &IpAddr) -> bool {
    match *address {
        IpAddr::V4(address) => is_refused_v4(address),
        IpAddr::V6(address) => {
            address.is_unicast_link_local()
                || METADATA_V6.contains(&address)
                || embedded(address).is_some_and(is_refused_v4)
        }
    }
}

fn is_refused_v4(address: Ipv4Addr) -> bool {
    address.is_link_local() || METADATA_V4.contains(&address)
}

/// The IPv4 address that an IPv6 address stands for, by mapping, translation or tunnel.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        // How networks without IPv4 reach it: RFC 6052, RFC 8215, and SIIT in RFC 2765.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        // 6to4: RFC 3056.
        | [0x2002, high, low, ..] => Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))),
        _ => address.to_ipv4(),
    }
}

/// How long a name is looked up that a proxy will look up itself.
const LOOKUP: Duration = Duration::from_secs(3);
const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
/// Alibaba Cloud and Oracle Cloud.
const METADATA_V4: [Ipv4Addr; 2] = [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(192, 0, 0, 192)];
/// AWS and Google Cloud.
const METADATA_V6: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];
const METADATA_NAMES: [&str; 3] = ["instance-data", "metadata", "metadata.google.internal"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::failure;
    use crate::{Action, Attempt, FailureClass, http};

    async fn refused_host(host: &str, uses_proxy: bool) -> Option<IpAddr> {
        refused(&Url::parse(&format!("http://{host}/")).unwrap(), uses_proxy).await
    }

    #[tokio::test]
    async fn refused_addresses_are_known_in_every_spelling() {
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
            "[64:ff9b:1::a9fe:a9fe]",
            "[::ffff:0:a9fe:a9fe]",
            "[2002:a9fe:a9fe::1]",
            "[2002:6464:64c8::]",
            "[fd00:ec2::254]",
            "[fd20:ce::254]",
            "100.100.100.200",
            "192.0.0.192",
            "[::ffff:192.0.0.192]",
        ] {
            for uses_proxy in [false, true] {
                assert!(refused_host(host, uses_proxy).await.is_some(), "{host}");
            }
        }
        for host in [
            "169.253.1.1",
            "127.0.0.1",
            "[::1]",
            "[fec0::1]",
            "[64:ff9b::8.8.8.8]",
            "[2002:808:808::a9fe:a9fe]",
            "[fd00:ec2::253]",
            "100.100.100.201",
            "169.254.169.254.example",
        ] {
            assert!(refused_host(host, false).await.is_none(), "{host}");
        }
    }

    #[tokio::test]
    async fn a_name_that_only_the_proxy_can_resolve_is_refused_if_it_is_of_a_metadata_service() {
        for name in ["metadata.google.internal", "METADATA.google.internal.", "metadata", "instance-data"] {
            assert_eq!(refused_host(name, true).await, Some(METADATA.into()), "{name}");
            assert_eq!(refused_host(name, false).await, None, "{name}");
        }
        for name in ["localhost", "id.invalid", "metadata.invalid"] {
            assert_eq!(refused_host(name, true).await, None, "{name}");
        }
    }

    /// Finds a link-local address for every name.
    struct Nearby;

    impl Resolve for Nearby {
        fn resolve(&self, _: Name) -> Resolving {
            Box::pin(async {
                let found = vec![SocketAddr::from(([169, 254, 169, 254], 0))];
                Ok(Box::new(admitted(found)?.into_iter()) as Addrs)
            })
        }
    }

    #[tokio::test]
    async fn a_refused_name_is_told_as_what_it_is() {
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).dns_resolver(Nearby);
        let error = client.build().unwrap().get("http://metadata.example/").send().await.unwrap_err();
        let attempt = Attempt::new(&http::SYSTEM, Action::Login, "metadata.example".to_owned());
        let error = failure::transport(&attempt, error);
        assert_eq!(error.class(), FailureClass::LinkLocal);
        assert!(error.to_string().contains("169.254.169.254"), "{error}");
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
