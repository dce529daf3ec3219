//! The address that is listened to.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use thiserror::Error;
use tokio::net::TcpListener;
use tracing::{info, warn};

use crate::config::Listen;

/// Why the address of the configuration cannot be had.
#[derive(Debug, Error)]
#[error("cannot listen to {address}: {source}\nhelp: {}", self.advice())]
pub struct ListenError {
    address: SocketAddr,
    source: io::Error,
}

impl ListenError {
    fn advice(&self) -> &'static str {
        match self.source.kind() {
            ErrorKind::AddrInUse => {
                "another program listens there, perhaps another tokenferry: choose another port in `listen`, or \"off\""
            }
            ErrorKind::AddrNotAvailable => {
                "this machine does not have that address: choose one that it has, or \"0.0.0.0\" for all of them"
            }
            ErrorKind::PermissionDenied => "choose a port above 1023 in `listen`",
            _ => "choose another address in `listen`, or \"off\"",
        }
    }
}

/// Begins to listen, if anything is to be served. An address that the configuration names must be had; without the
/// default one the daemon does its work all the same.
///
/// # Errors
/// When the address that the configuration names cannot be had.
pub async fn listener(listen: &Listen) -> Result<Option<TcpListener>, ListenError> {
    let Some(address) = listen.address else { return Ok(None) };
    let bound = match TcpListener::bind(address).await {
        // With port 0 it is another one.
        Ok(listener) => listener.local_addr().map(|address| (listener, address)),
        Err(error) => Err(error),
    };
    match bound {
        Ok((listener, address)) => {
            info!(%address, page = listen.page, "listening");
            Ok(Some(listener))
        }
        Err(source) if listen.is_chosen => Err(ListenError { address, source }),
        Err(error) => {
            warn!(
                %address,
                %error,
                advice = "set `listen` to another address, or to \"off\"",
                "no metrics and no status page: the default address cannot be had"
            );
            Ok(None)
        }
    }
}
