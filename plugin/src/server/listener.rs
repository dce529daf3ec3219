//! Where the host connects: a socket that only its owner may use, or TCP on loopback where no socket fits.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};

use super::handshake::HostRequest;

/// `sun_path` holds 108 bytes on Linux and 104 on macOS, the final zero included.
const MAX_SOCKET_PATH: usize = 103;
const OWNER_ONLY: u32 = 0o177;
const SOCKET: &str = "socket";

/// A connection of either kind.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A bound listener. The socket is removed when this is dropped: nobody else does it.
#[derive(Debug)]
pub(super) struct Listener {
    socket: Socket,
    address: Address,
    _leftovers: Leftovers,
}

/// What the handshake line calls network and address.
#[derive(Clone, Debug)]
pub(super) enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Files to remove at the end.
#[derive(Debug, Default)]
struct Leftovers {
    socket: Option<PathBuf>,
    directory: Option<PathBuf>,
}

/// Why there is no listener.
#[derive(Debug, Error)]
pub(super) enum ListenError {
    #[error("cannot use the directory {}: {source}", path.display())]
    Directory { path: PathBuf, source: io::Error },
    #[error("there is no group {group:?} (PLUGIN_UNIX_SOCKET_GROUP)")]
    Group { group: String },
    #[error("no port between {} and {} is free on loopback", ports.start(), ports.end())]
    Ports { ports: RangeInclusive<u16> },
    #[error("cannot listen on {}: {source}. Does the directory exist, and may we write there?", path.display())]
    Socket { path: PathBuf, source: io::Error },
}

impl Listener {
    /// Listens where the host wants it.
    pub(super) fn bind(request: &HostRequest) -> Result<Self, ListenError> {
        let path = absolute(&request.socket_directory.clone().unwrap_or_else(std::env::temp_dir))?
            .join(random_name("plugin"));
        if path.as_os_str().len() > MAX_SOCKET_PATH {
            return Self::bind_tcp(&request.ports);
        }
        let listener = Self::bind_socket(&path, Leftovers::default())?;
        if let Some(group) = &request.socket_group {
            share_with_group(&path, group)?;
        }
        Ok(listener)
    }

    /// Listens in a fresh directory that only its owner can enter: this socket has no TLS.
    pub(super) fn bind_privately() -> Result<Self, ListenError> {
        let name = random_name("tfplugin");
        let mut directory = absolute(&std::env::temp_dir())?.join(&name);
        if directory.join(SOCKET).as_os_str().len() > MAX_SOCKET_PATH {
            directory = Path::new("/tmp").join(&name);
        }
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&directory)
            .map_err(|source| ListenError::Directory { path: directory.clone(), source })?;
        Self::bind_socket(&directory.join(SOCKET), Leftovers { socket: None, directory: Some(directory) })
    }

    fn bind_socket(path: &Path, mut leftovers: Leftovers) -> Result<Self, ListenError> {
        // Set before the socket exists, so that there is no moment in which others could connect.
        let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(OWNER_ONLY));
        let bound = UnixListener::bind(path);
        rustix::process::umask(before);
        let socket = bound.map_err(|source| ListenError::Socket { path: path.to_owned(), source })?;
        leftovers.socket = Some(path.to_owned());
        Ok(Self {
            socket: Socket::Unix(socket),
            address: Address::Unix(path.to_owned()),
            _leftovers: leftovers,
        })
    }

    fn bind_tcp(ports: &RangeInclusive<u16>) -> Result<Self, ListenError> {
        let taken = || ListenError::Ports { ports: ports.clone() };
        let bound =
            ports.clone().find_map(|port| std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok());
        let listener = bound.ok_or_else(taken)?;
        listener.set_nonblocking(true).map_err(|_| taken())?;
        let address = listener.local_addr().map_err(|_| taken())?;
        Ok(Self {
            socket: Socket::Tcp(TcpListener::from_std(listener).map_err(|_| taken())?),
            address: Address::Tcp(address),
            _leftovers: Leftovers::default(),
        })
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    pub(super) async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Socket::Unix(listener) => Ok(Box::new(listener.accept().await?.0)),
        }
    }
}

impl Address {
    pub(super) fn network(&self) -> &'static str {
        match self {
            Self::Tcp(_) => "tcp",
            Self::Unix(_) => "unix",
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        // Whoever cleans the directory for temporary files gets what we cannot remove.
        drop(self.socket.take().map(std::fs::remove_file));
        drop(self.directory.take().map(std::fs::remove_dir));
    }
}

/// The host may have another working directory than we.
fn absolute(directory: &Path) -> Result<PathBuf, ListenError> {
    std::path::absolute(directory)
        .map_err(|source| ListenError::Directory { path: directory.to_owned(), source })
}

fn random_name(prefix: &str) -> String {
    let random: String = std::iter::repeat_with(fastrand::alphanumeric).take(12).collect();
    format!("{prefix}{random}")
}

fn share_with_group(path: &Path, group: &str) -> Result<(), ListenError> {
    let unknown = || ListenError::Group { group: group.to_owned() };
    let id = group.parse().ok().or_else(|| group_id(group)).ok_or_else(unknown)?;
    let shared = std::os::unix::fs::chown(path, None, Some(id))
        .and_then(|()| std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660)));
    shared.map_err(|source| ListenError::Socket { path: path.to_owned(), source })
}

/// The number of a group in the local group file: `name:password:number:members`.
fn group_id(name: &str) -> Option<u32> {
    let groups = std::fs::read_to_string("/etc/group").ok()?;
    let fields = groups.lines().map(|line| line.split(':').collect::<Vec<_>>());
    fields.into_iter().find(|fields| fields.first() == Some(&name))?.get(2)?.parse().ok()
}
