//! Opening the socket that the settings name.

use super::error::StartError;
use super::settings::{Listen, Settings};
use crate::http::listener::Listener;

/// Listens there.
pub(super) async fn bind(listen: &Listen, settings: &Settings) -> Result<Listener, StartError> {
    Ok(match listen {
        Listen::Unix(_) if settings.identity.is_some() => return Err(StartError::SocketOfAnother),
        Listen::Unix(path) => Listener::bind_unix(path).await?,
        Listen::Tcp { host, port } => Listener::bind_tcp(host, *port).await?,
    })
}
