//! The sockets that connections come from: TCP by address, a unix socket by path, or one that was inherited.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream, lookup_host};

use super::Peer;
use super::tls::handshake::Tls;
use crate::metrics::Connections;

/// Connections that the kernel completes ahead of us; it lowers this to its own limit. The usual 128 is too few for an
/// alert storm: who finds it full is not refused but waits a second and more for a repeated SYN.
const BACKLOG: u32 = 4096;

/// A socket could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// A TCP address.
    #[error("error listening on port: listen tcp {address}: {cause}")]
    Tcp {
        /// Host and port as asked for.
        address: String,
        /// What the system said.
        cause: io::Error,
    },
    /// A unix socket.
    #[error("error listening on socket: listen unix {path}: {cause}")]
    Unix {
        /// Its path as asked for.
        path: String,
        /// What the system said.
        cause: io::Error,
    },
    /// A socket that another process opened.
    #[error("error listening on socket: {0}")]
    Inherited(#[source] io::Error),
}

/// A socket that accepts connections.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    shown: String,
    tls: Option<Tls>,
    connections: Connections,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    /// Dropping the file removes it, where we made one.
    Unix {
        socket: UnixListener,
        _file: Option<SocketFile>,
    },
}

impl Listener {
    /// Listens on a host: an address, IPv6 bare or in brackets, or a name. `0.0.0.0` and the empty host take IPv6
    /// connections as well, as upstream does. Port 0 is a free port.
    pub async fn bind_tcp(host: &str, port: u16) -> Result<Listener, ListenError> {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let bound = if matches!(bare, "0.0.0.0" | "") { bind_everywhere(port) } else { bind_host(bare, port).await };
        let shown = |port| if bare.contains(':') { format!("[{bare}]:{port}") } else { format!("{bare}:{port}") };
        match bound.and_then(|socket| Ok((socket.local_addr()?, socket))) {
            Ok((address, socket)) => Ok(Listener {
                socket: Socket::Tcp(socket),
                shown: shown(address.port()),
                tls: None,
                connections: Connections::default(),
            }),
            Err(cause) => Err(ListenError::Tcp { address: shown(port), cause }),
        }
    }

    /// Listens on a unix socket; `@name` is an abstract one. A socket file on which nobody answers is a dead
    /// process's and is replaced; one that answers is an error. The file goes when the listener does.
    pub async fn bind_unix(path: &Path) -> Result<Listener, ListenError> {
        let shown = format!("{{unix:{}}}", path.display());
        let bound = match path.as_os_str().as_bytes() {
            [b'@', name @ ..] => bind_abstract(name).map(|socket| Socket::Unix { socket, _file: None }),
            _ => bind_file(path).await.map(|socket| Socket::Unix { socket, _file: SocketFile::at(path) }),
        };
        match bound {
            Ok(socket) => Ok(Listener { socket, shown, tls: None, connections: Connections::default() }),
            Err(cause) => Err(ListenError::Unix { path: path.display().to_string(), cause }),
        }
    }

    /// Listens on a TCP socket that another process opened.
    pub fn from_std_tcp(socket: std::net::TcpListener) -> Result<Listener, ListenError> {
        socket.set_nonblocking(true).map_err(ListenError::Inherited)?;
        let socket = TcpListener::from_std(socket).map_err(ListenError::Inherited)?;
        let shown = socket.local_addr().map_err(ListenError::Inherited)?.to_string();
        Ok(Listener { socket: Socket::Tcp(socket), shown, tls: None, connections: Connections::default() })
    }

    /// Listens on a unix socket that another process opened, and owns: its file stays.
    pub fn from_std_unix(socket: std::os::unix::net::UnixListener) -> Result<Listener, ListenError> {
        socket.set_nonblocking(true).map_err(ListenError::Inherited)?;
        let address = socket.local_addr().map_err(ListenError::Inherited)?;
        let shown = match (address.as_pathname(), address.as_abstract_name()) {
            (Some(path), _) => format!("{{unix:{}}}", path.display()),
            (_, Some(name)) => format!("{{unix:@{}}}", name.escape_ascii()),
            _ => "{unix:@}".to_owned(),
        };
        let socket = UnixListener::from_std(socket).map_err(ListenError::Inherited)?;
        Ok(Listener {
            socket: Socket::Unix { socket, _file: None },
            shown,
            tls: None,
            connections: Connections::default(),
        })
    }

    /// Where it listens, for people: `0.0.0.0:9000` with the port it really has, or `{unix:/run/bell.sock}`.
    pub fn local_address(&self) -> &str {
        &self.shown
    }

    /// Its TCP address; none for a unix socket.
    pub fn socket_address(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Tcp(socket) => socket.local_addr().ok(),
            Socket::Unix { .. } => None,
        }
    }

    /// The same socket, on which every connection begins with TLS.
    pub fn with_tls(self, tls: Tls) -> Listener {
        Listener { tls: Some(tls), ..self }
    }

    /// The same socket, whose connections are counted there.
    pub fn counted(self, connections: Connections) -> Listener {
        Listener { connections, ..self }
    }

    /// Where its connections are counted.
    pub(super) fn connections(&self) -> &Connections {
        &self.connections
    }

    /// What its connections begin with, if that is TLS.
    pub(super) fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// The next connection.
    pub(super) async fn accept(&self) -> io::Result<(Accepted, Peer)> {
        match &self.socket {
            Socket::Tcp(socket) => {
                let (stream, address) = socket.accept().await?;
                // Answers are small and whole: waiting to fill a packet only delays them. Where the option can't be
                // set the client is gone already, which reading will tell.
                stream.set_nodelay(true).ok();
                Ok((Accepted::Tcp(stream), Peer::from(address)))
            }
            Socket::Unix { socket, .. } => {
                let (stream, _) = socket.accept().await?;
                Ok((Accepted::Unix(stream), Peer { shown: "@".to_owned(), ip: None, operator: false }))
            }
        }
    }
}

/// On every address of the machine, IPv6 included, where the system's IPv6 sockets take IPv4 connections as well
/// (its default). Otherwise IPv4, which is what was asked for by name.
fn bind_everywhere(port: u16) -> io::Result<TcpListener> {
    let both = match std::fs::read_to_string("/proc/sys/net/ipv6/bindv6only") {
        Ok(only) if only.trim() != "0" => Err(io::ErrorKind::Unsupported.into()),
        _ => bind_address(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))),
    };
    match both {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse && error.kind() != io::ErrorKind::PermissionDenied => {
            bind_address(SocketAddr::from(([0, 0, 0, 0], port)))
        }
        both => both,
    }
}

/// On the first address of a host that can be had, IPv4 first, as upstream does.
async fn bind_host(host: &str, port: u16) -> io::Result<TcpListener> {
    let mut addresses: Vec<_> = lookup_host((host, port)).await?.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    let mut first_error = None;
    for address in addresses {
        match bind_address(address) {
            Ok(socket) => return Ok(socket),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(first_error.unwrap_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address")))
}

fn bind_address(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Else a restart would wait for the last connections of the process before to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn bind_abstract(name: &[u8]) -> io::Result<UnixListener> {
    let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
    let socket = std::os::unix::net::UnixListener::bind_addr(&address)?;
    socket.set_nonblocking(true)?;
    UnixListener::from_std(socket)
}

async fn bind_file(path: &Path) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_stale(path).await => {
            std::fs::remove_file(path)?;
            UnixListener::bind(path)
        }
        bound => bound,
    }
}

/// Whether `path` is a socket that nobody listens on any more. Anything else, also what we may not touch, is not ours
/// to remove.
async fn is_stale(path: &Path) -> bool {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket());
    is_socket && UnixStream::connect(path).await.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// The file of a unix socket: removed at the end, unless somebody else has put theirs in its place.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    fn at(path: &Path) -> Option<SocketFile> {
        // The working directory may be another one when it is removed.
        let path = std::path::absolute(path).ok()?;
        let identity = SocketFile::identity(&path)?;
        Some(SocketFile { path, identity })
    }

    fn identity(path: &Path) -> Option<(u64, u64)> {
        std::fs::symlink_metadata(path).ok().map(|meta| (meta.dev(), meta.ino()))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if SocketFile::identity(&self.path) == Some(self.identity)
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "the socket's file could not be removed");
        }
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Peer {
        let ip: IpAddr = address.ip().to_canonical();
        // The zone of a link-local address is kept for people; rules compare without it.
        let shown = if ip == address.ip() { address } else { SocketAddr::new(ip, address.port()) }.to_string();
        Peer { shown, ip: Some(ip), operator: false }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// A connection that was accepted.
#[derive(Debug)]
pub(super) enum Accepted {
    Tcp(TcpStream),
    Unix(UnixStream),
}
