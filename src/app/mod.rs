//! One process, from settings to stopped.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::action::Means;
use crate::action::command::Commands;
use crate::clock::Clock;
use crate::config::load::{Loader, Sources};
use crate::config::{LiveConfig, live};
use crate::dispatch::direct::Direct;
use crate::http::Limits;
use crate::http::edge::serve;
use crate::http::listener::Listener;
use crate::http::prefix::Prefix;
use crate::http::respond::{Callbacks, Front};
use crate::http::site::Site;
use crate::http::tls::certificate::CertificateKeeper;
use crate::http::tls::handshake::Tls;
use crate::metrics::{Face, Metrics};
use crate::tasks::Tasks;

pub mod access;
pub mod admin;
mod error;
mod links;
mod listen;
pub mod opening;
pub mod pidfile;
pub mod privileges;
pub mod reload;
pub mod settings;
mod status;
pub mod systemd;
mod told;
pub mod unit;

use admin::AdminListener;
pub use error::StartError;
use listen::bind;
use reload::{Asked, Reloader};
use settings::{DEFAULT_PORT, Listen, Settings, TlsSettings};
use status::Status;
use systemd::{Inherited, Systemd};

/// A process that has all it needs and serves nobody yet.
pub struct App {
    settings: Settings,
    listener: Listener,
    callbacks: Option<Listener>,
    admin: Option<AdminListener>,
    tls: Option<Tls>,
    families: Families,
    site: Arc<Site>,
    live: LiveConfig,
    reloader: Reloader,
    systemd: Systemd,
}

/// The families of tasks, by when they are told to stop.
#[derive(Default)]
struct Families {
    /// Listeners and connections: first.
    edge: Tasks,
    /// Commands: they are only waited for.
    commands: Tasks,
    /// Reloader, watch and lanes: last.
    background: Tasks,
    /// The admin listener: when all else is done, so that a stop can be watched.
    admin: Tasks,
    /// The watchdog's pulse: never; it beats until the process ends.
    pulse: Tasks,
}

impl App {
    /// Listens. Callers wait from now on instead of failing.
    ///
    /// upstream: this comes before the process becomes another user, and opens log, pidfile, hooks and certificates.
    pub async fn listen(settings: &Settings, inherited: Option<Inherited>) -> Result<Listener, StartError> {
        match inherited {
            Some(Inherited::Tcp(socket)) => Ok(Listener::from_std_tcp(socket)?),
            Some(Inherited::Unix(socket)) => Ok(Listener::from_std_unix(socket)?),
            None => bind(&settings.listen, settings).await,
        }
    }

    /// The same for what providers call, where that is apart.
    pub async fn listen_for_callbacks(settings: &Settings) -> Result<Option<Listener>, StartError> {
        match &settings.callbacks {
            Some(listen) => bind(listen, settings).await.map(Some),
            None => Ok(None),
        }
    }

    /// Reads, compiles and opens. Nothing is answered and nothing is sent before `start`.
    pub async fn build(settings: Settings, listener: Listener, clock: Clock) -> Result<App, StartError> {
        for warning in &settings.warnings {
            tracing::warn!("{warning}");
        }
        // Nobody passes over what is written here but systemd.
        let overruled = match (&settings.listen, listener.socket_address()) {
            (Listen::Tcp { port, .. }, Some(heard)) if ![0, heard.port()].contains(port) => {
                Some(format!("-port {port}")).filter(|_| i64::from(*port) != DEFAULT_PORT)
            }
            (Listen::Unix(path), Some(_)) => Some(format!("-socket {}", path.display())),
            _ => None,
        };
        if let Some(flag) = overruled {
            let heard = listener.local_address();
            tracing::warn!("{flag} does nothing: systemd opened {heard}; set ListenStream= of hookbell.socket");
        }
        let families = Families::default();
        let metrics = Metrics::default();
        let tasks = families.commands.clone();
        let commands = Commands::new(tasks.clone(), metrics.clone());
        let direct = Direct::new(clock.clone(), families.background.clone());
        let (outbox, desks, links) = Default::default();
        let means = Means { outbox, direct, desks, commands, metrics, links, clock: clock.clone(), tasks };
        let (publisher, live) = live();
        let prefix = Prefix::new(&settings.url_prefix).unwrap_or(Prefix::Never);
        let headers = settings.headers.clone();
        let (callbacks, edge) = (settings.callback_face(), families.edge.clone());
        let site = Site::new(live.clone(), means.clone(), prefix, headers, settings.request_ids, callbacks, edge);
        let loader = Loader::new(Sources {
            named: settings.hooks.clone(),
            methods: settings.methods.as_ref().map(|all| all.iter().map(|method| method.as_str().to_owned()).collect()),
            form_memory: settings.form_memory,
            template: settings.template,
            state: Some(settings.state_dir.clone()),
            serves: true,
        });
        let systemd = Systemd::from_env();
        let (listener, tls, certificate) = match &settings.tls {
            Some(tls) => {
                let (tls, keeper) = open_tls(tls).await?;
                (listener.with_tls(tls.clone()), Some(tls), Some(keeper))
            }
            None => (listener, None, None),
        };
        let status = Status::new(systemd.clone(), listener.local_address());
        let mut reloader =
            Reloader::new(loader, publisher, site.clone(), means, status, &settings, families.background.clone())
                .with_certificate(certificate);
        let start = Tasks::new();
        systemd.starting(&start);
        let begun = reloader.first(&settings).await;
        start.stop();
        begun?;
        Ok(App { settings, listener, callbacks: None, admin: None, tls, families, site, live, reloader, systemd })
    }

    /// The same, which hears there what providers call.
    pub fn with_callbacks(self, listener: Option<Listener>) -> App {
        let callbacks = listener.map(|listener| match &self.tls {
            Some(tls) => listener.with_tls(tls.clone()),
            None => listener,
        });
        App { callbacks, ..self }
    }

    /// The same, which answers operators and monitors there.
    pub fn with_admin(self, admin: Option<AdminListener>) -> App {
        let admin = admin.map(|admin| admin.with_tls(self.tls.as_ref()));
        App { admin, ..self }
    }

    /// Starts to serve and to send.
    pub fn start(self) -> Running {
        let App { settings, listener, callbacks, admin, tls: _, families, site, live, reloader, systemd } = self;
        let address = listener.local_address().to_owned();
        let socket = listener.socket_address();
        let config = live.current();
        let (hooks, accounts) = (config.hooks.len(), config.accounts.len());
        tracing::info!(hooks, accounts, "listening on {address}");
        let scheme = if settings.tls.is_some() { "https" } else { "http" };
        tracing::debug!("serving hooks on {scheme}://{address}{}", shown_pattern(&settings.url_prefix));
        systemd.keep_alive(&families.pulse);
        let callbacks_socket = callbacks.as_ref().and_then(Listener::socket_address);
        let metrics = site.metrics().clone();
        let admin_socket = admin.and_then(|admin| admin.serve(site.clone(), &families.admin));
        if let Some(listener) = callbacks {
            tracing::info!("listening for callbacks on {}", listener.local_address());
            let respond = Callbacks(site.clone());
            let listener = listener.counted(metrics.connections(Face::Callbacks));
            families.edge.spawn(serve(listener, respond, Limits::default(), families.edge.clone()));
        }
        let listener = listener.counted(metrics.connections(Face::Hooks));
        families.edge.spawn(serve(listener, Front(site), Limits::default(), families.edge.clone()));
        let asked = reloader.start(settings.hot_reload, families.edge.clone());
        Running { families, asked, systemd, drain: settings.drain, socket, callbacks_socket, admin_socket }
    }
}

/// Off the runtime's threads: a file may lie on a disk that sleeps.
async fn open_tls(tls: &TlsSettings) -> Result<(Tls, CertificateKeeper), StartError> {
    let TlsSettings { files, policy } = tls.clone();
    let opened = tokio::task::spawn_blocking(move || Tls::open(files, &policy)).await;
    Ok(opened.map_err(|_| StartError::Internal)??)
}

/// upstream: makeRoutePattern, as the start-up line shows it.
fn shown_pattern(prefix: &str) -> String {
    if prefix.is_empty() { "/{id}".to_owned() } else { format!("/{prefix}/{{id}}") }
}

/// A process that serves. Dropping it stops nothing: call `stop`.
#[must_use]
pub struct Running {
    families: Families,
    asked: Asked,
    systemd: Systemd,
    drain: Duration,
    socket: Option<std::net::SocketAddr>,
    callbacks_socket: Option<std::net::SocketAddr>,
    admin_socket: Option<std::net::SocketAddr>,
}

impl Running {
    /// Where calls are heard, if that is a TCP port.
    pub fn socket_address(&self) -> Option<std::net::SocketAddr> {
        self.socket
    }

    /// Where callbacks are heard, if that is a TCP port of their own.
    pub fn callbacks_address(&self) -> Option<std::net::SocketAddr> {
        self.callbacks_socket
    }

    /// Where operators and monitors are heard, if that is a TCP port.
    pub fn admin_address(&self) -> Option<std::net::SocketAddr> {
        self.admin_socket
    }

    /// Has the files read again, whatever they look like, and does not wait for it.
    pub fn ask_for_reload(&self) {
        self.asked.ask();
    }

    /// Stops, step by step, within the drain time: no new connections, requests finish, commands are waited for, lanes
    /// settle what they hold, the outbox closes. What is not done by then is left as it is: commands run on, and a try
    /// whose answer nobody heard is unknown at the next start.
    pub async fn stop(self) {
        let Running { families, asked, systemd, drain, .. } = self;
        let deadline = Instant::now() + drain;
        tracing::info!("stopping: at most {drain:?} for what is under way");
        systemd.stopping("finishing requests", drain);
        families.edge.stop();
        // A slow request must not leave the lanes without time to hear their answers.
        step("requests", deadline - drain / 4, families.edge.ended()).await;
        systemd.status("waiting for commands and messages");
        // Together: a long command is no reason to begin tries whose answers nobody would hear.
        families.background.stop();
        let commands = step("commands", deadline, families.commands.ended());
        tokio::join!(commands, step("messages", deadline, families.background.ended()));
        if let Some(outbox) = asked.outbox() {
            step("the outbox", deadline, outbox.close()).await;
        }
        families.admin.stop();
        step("the admin listener", deadline, families.admin.ended()).await;
        tracing::info!("stopped");
    }
}

async fn step(what: &str, deadline: Instant, done: impl Future<Output = ()>) {
    // Even when nothing is left of the drain time a step that needs none is taken.
    let deadline = deadline.max(Instant::now() + Duration::from_millis(100));
    if timeout_at(deadline, done).await.is_err() {
        tracing::warn!("the drain time is over: {what} are left unfinished");
    }
}
