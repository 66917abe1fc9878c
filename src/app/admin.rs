//! The admin listener: where it is, and who may ask it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use super::error::StartError;
use super::listen::bind;
use super::settings::{Listen, Settings};
use crate::http::Limits;
use crate::http::admin::Admin;
use crate::http::admin::gate::{Gate, TokenFile};
use crate::http::edge::serve;
use crate::http::listener::Listener;
use crate::http::site::Site;
use crate::http::tls::handshake::Tls;
use crate::metrics::Face;
use crate::tasks::Tasks;

/// Operators and monitors are few.
const CONNECTIONS: usize = 64;

/// systemd's name for the token: `LoadCredential=admin-token:FILE`.
const CREDENTIAL: &str = "admin-token";

/// A listener that nobody is answered on yet.
pub struct AdminListener {
    listener: Listener,
    gate: Gate,
    local: bool,
}

impl AdminListener {
    /// Listens where the settings say, if they do. `credentials` is `$CREDENTIALS_DIRECTORY`, whose token stands in where
    /// `-admin-token-file` names none.
    pub async fn bind(settings: &Settings, credentials: Option<PathBuf>) -> Result<Option<AdminListener>, StartError> {
        let Some(listen) = &settings.admin else { return Ok(None) };
        let credential = credentials.map(|folder| folder.join(CREDENTIAL)).filter(|path| path.exists());
        let token = settings.admin_token_file.clone().or(credential).map(TokenFile::open).transpose();
        let token = token.map_err(|why| StartError::Admin(format!("no admin token: {why}")))?;
        let listener = bind(listen, settings).await?;
        let local = listener.socket_address().is_none_or(|address| address.ip().to_canonical().is_loopback());
        if !local && token.is_none() {
            return Err(StartError::Admin(format!(
                "-admin {}: other hosts reach it, so that it needs a token: add -admin-token-file FILE, or \
                 LoadCredential={CREDENTIAL}:FILE to the unit; or listen on 127.0.0.1",
                listener.local_address()
            )));
        }
        let host = if let Listen::Tcp { host, .. } = listen { host.as_str() } else { "" };
        Ok(Some(AdminListener { gate: Gate::new(token, local, host), local, listener }))
    }

    /// The same, which speaks TLS where other hosts reach it and the hooks' listener does, too.
    pub(super) fn with_tls(self, tls: Option<&Tls>) -> AdminListener {
        let listener = match tls.filter(|_| !self.local) {
            Some(tls) => self.listener.with_tls(tls.clone()),
            None => self.listener,
        };
        AdminListener { listener, ..self }
    }

    /// Answers from now on, until `tasks` are told to stop. Yields where, if that is a TCP port.
    pub(super) fn serve(self, site: Arc<Site>, tasks: &Tasks) -> Option<SocketAddr> {
        let AdminListener { listener, gate, .. } = self;
        tracing::info!("listening for operators and monitors on {}", listener.local_address());
        let address = listener.socket_address();
        let listener = listener.counted(site.metrics().connections(Face::Admin));
        let limits = Limits { connections: CONNECTIONS, ..Limits::default() };
        tasks.spawn(serve(listener, Admin::new(site, gate), limits, tasks.clone()));
        address
    }
}
