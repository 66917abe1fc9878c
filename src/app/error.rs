//! Why a process does not start.

use super::opening::OpenError;
use crate::http::listener::ListenError;
use crate::http::tls::handshake::TlsError;

/// Why a process does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address can't be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A socket in the file system, and another user.
    #[error(
        "error listening on socket: -setuid and -setgid options are not compatible with -socket: let systemd open the socket, or start as that user"
    )]
    SocketOfAnother,
    /// There is nothing to speak TLS with.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// There is no hook at all, and nobody watches.
    #[error(
        "couldn't load any hooks from file!\naborting since no hooks were loaded: name the files with -hooks FILE, see what is wrong with them with hookbell check, or add -nopanic to start without any"
    )]
    NoHooks,
    /// `-strict`, and something was found.
    #[error("-strict: {0} findings in the hooks files, see above")]
    Strict(usize),
    /// The outbox is another process's.
    #[error(transparent)]
    Outbox(#[from] OpenError),
    /// Nobody may ask the admin listener, or everybody could.
    #[error("{0}")]
    Admin(String),
    /// A mistake of ours, not of the files.
    #[error("reading the files failed where it can't fail; please report the lines above")]
    Internal,
}
