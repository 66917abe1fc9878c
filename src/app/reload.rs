//! The only holder of the pen: reads the files, and makes everything else follow.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use super::error::StartError;
use super::links;
use super::opening::Opening;
use super::settings::log::LogDetail;
use super::settings::{Settings, first_directory};
use super::status::{Facts, Status};
use super::told::{attempting, failed, loaded, log, named};
use crate::account::AccountName;
use crate::action::Means;
use crate::config::compile::Compiled;
use crate::config::load::{Basis, Loader, Reload};
use crate::config::watch::Watch;
use crate::config::{Config, ConfigPublisher};
use crate::diagnostic::Diagnostic;
use crate::dispatch::carry::Carriers;
use crate::dispatch::{Dispatcher, transport};
use crate::hook::catalog::Slot;
use crate::http::Limits;
use crate::http::edge::serve;
use crate::http::listener::Listener;
use crate::http::respond;
use crate::http::site::Site;
use crate::http::tls::certificate::{CertificateKeeper, Renewal};
use crate::metrics::{Face, Metrics, ReloadEnd};
use crate::outbox::Outbox;
use crate::tasks::Tasks;

/// Reloads that wait: one is enough, for a second would read the same files.
const PENDING: usize = 1;

/// Owns the configuration and whatever must follow it.
pub struct Reloader {
    loader: Arc<Mutex<Loader>>,
    certificate: Option<Arc<Mutex<CertificateKeeper>>>,
    publisher: ConfigPublisher,
    current: Arc<Config>,
    site: Arc<Site>,
    means: Means,
    status: Status,
    state: PathBuf,
    /// `-hooks`, for the log.
    named: Vec<PathBuf>,
    background: Tasks,
    opening: Opening,
    /// Made when something is to be sent.
    carriers: Option<Carriers>,
    public_url: Option<String>,
    dispatcher: Option<Dispatcher>,
    control: Control,
}

/// The control socket.
enum Control {
    Missing,
    Bound(Listener),
    Served,
}

/// The hand that asks for a reload.
pub struct Asked {
    reloads: mpsc::Sender<()>,
    means: Means,
}

impl Asked {
    /// Asks. One that waits already will read the same files.
    pub fn ask(&self) {
        self.reloads.try_send(()).ok();
    }

    /// The outbox, if one was ever needed.
    pub fn outbox(&self) -> Option<&Outbox> {
        self.means.outbox.get()
    }
}

impl Reloader {
    /// A reloader that has read nothing yet. What it starts belongs to `background`.
    pub(super) fn new(
        loader: Loader,
        publisher: ConfigPublisher,
        site: Arc<Site>,
        means: Means,
        status: Status,
        settings: &Settings,
        background: Tasks,
    ) -> Reloader {
        Reloader {
            loader: Arc::new(Mutex::new(loader)),
            certificate: None,
            publisher,
            current: Arc::default(),
            site,
            opening: Opening::new(
                settings.state_dir.clone(),
                settings.keep,
                means.clock.clone(),
                Arc::clone(&means.outbox),
                means.metrics.clone(),
            ),
            means,
            status,
            state: settings.state_dir.clone(),
            named: settings.hooks.clone(),
            background,
            carriers: None,
            public_url: settings.public_url.clone(),
            dispatcher: None,
            control: Control::Missing,
        }
    }

    /// The same, which renews the certificate too.
    pub fn with_certificate(self, keeper: Option<CertificateKeeper>) -> Reloader {
        Reloader { certificate: keeper.map(|keeper| Arc::new(Mutex::new(keeper))), ..self }
    }

    /// The load at the start: whatever can be served is.
    pub async fn first(&mut self, settings: &Settings) -> Result<(), StartError> {
        attempting("load", &self.named);
        let compiled = self.with_loader(Loader::start).await.ok_or(StartError::Internal)?;
        loaded(&compiled);
        let findings = compiled.all_findings();
        findings.iter().for_each(|finding| log(finding));
        if settings.strict && !findings.is_empty() {
            self.status.failed(&findings);
            return Err(StartError::Strict(findings.len()));
        }
        // upstream: with -verbose somebody is looking, so that starting empty is no surprise.
        let watched = settings.no_panic || settings.log.detail != LogDetail::Plain;
        if compiled.config.hooks.is_empty() && !watched {
            self.status.failed(&findings);
            return Err(StartError::NoHooks);
        }
        let quarantined = compiled.quarantined();
        if !quarantined.is_empty() {
            let ids = named(quarantined.iter());
            tracing::error!("in quarantine, answering 503 until their definition is mended: {ids}");
        }
        self.status.set(facts(&compiled.config, findings.iter().copied(), false));
        let config = self.counted(compiled.config);
        self.provide(&config).await?;
        self.with_loader(|loader| loader.keep_copies()).await;
        self.publisher.publish(config.clone());
        self.current = config;
        self.means.metrics.config_taken(self.means.clock.now().millis());
        Ok(())
    }

    /// Tells systemd that all is served, and serves reloads from now on: those asked for, and with `watching` those that the files ask for by changing.
    pub fn start(self, watching: bool, edge: Tasks) -> Asked {
        let (reloads, asked) = mpsc::channel(PENDING);
        let means = self.means.clone();
        let background = self.background.clone();
        self.status.ready();
        self.status.follow(Arc::clone(&means.outbox), &edge);
        background.spawn(self.run(watching, edge, asked));
        Asked { reloads, means }
    }

    async fn run(mut self, watching: bool, edge: Tasks, mut asked: mpsc::Receiver<()>) {
        let (changed, mut changes) = mpsc::channel(PENDING);
        let watch = watching.then(|| Watch::start(&self.background, changed));
        let stopping = self.background.stopping();
        tokio::pin!(stopping);
        // Nothing was sent before: now somebody listens to what the lanes say.
        self.reconcile();
        loop {
            if let (Some(watch), Some(mut files)) = (&watch, self.with_loader(|loader| loader.files()).await) {
                files.extend(self.certificate_files());
                for file in &files {
                    tracing::trace!("setting up file watcher for {}", file.display());
                }
                watch.cover(files);
            }
            self.serve_control(&edge);
            let asked = tokio::select! {
                biased;
                () = &mut stopping => break,
                Some(()) = asked.recv() => Some(true),
                Some(()) = changes.recv() => Some(false),
                () = self.opening.due() => None,
                else => break,
            };
            match asked {
                Some(asked) => self.reload(asked).await,
                None => self.open_again().await,
            }
        }
        if let Some(dispatcher) = self.dispatcher.take() {
            dispatcher.stop().await;
        }
    }

    async fn reload(&mut self, asked: bool) {
        if asked {
            self.status.reloading();
        }
        self.renew_certificate(asked).await;
        let reload = self.with_loader(move |loader| loader.again(asked)).await;
        if !matches!(reload, Some(Reload::Unchanged)) {
            attempting("reload", &self.named);
        }
        match reload {
            Some(Reload::Unchanged) => {}
            Some(Reload::Refused(why)) => {
                why.iter().for_each(log);
                why.iter().filter(|finding| finding.is_error()).for_each(failed);
                tracing::debug!("reverting hooks back to the previous configuration");
                tracing::error!("reload refused: the configuration in force stays");
                self.status.set(facts(&self.current, why.iter(), true));
                self.means.metrics.reloaded(ReloadEnd::Refused);
                self.tell_refused(&why).await;
            }
            Some(Reload::Taken(compiled, basis)) => self.take(*compiled, basis).await,
            None => tracing::error!("reload failed: the configuration in force stays; please report the lines above"),
        }
        // Also after a refusal: systemd waits for it.
        if asked {
            self.status.ready();
        }
    }

    /// The certificate stands for itself: a mistake in the hooks does not hold it back, nor the other way round.
    async fn renew_certificate(&self, asked: bool) {
        let Some(keeper) = self.certificate.clone() else { return };
        let work = move || keeper.lock().unwrap_or_else(PoisonError::into_inner).renew(asked);
        match tokio::task::spawn_blocking(work).await {
            Ok(Renewal::Unchanged) => {}
            Ok(Renewal::Taken) => tracing::info!("certificate reloaded: new connections see the new one"),
            Ok(Renewal::Refused(why)) => tracing::error!("certificate refused: {why}; the old one stays"),
            Err(_) => tracing::error!("reading the certificate failed where it can't; please report the lines above"),
        }
    }

    fn certificate_files(&self) -> Vec<PathBuf> {
        let Some(keeper) = &self.certificate else { return Vec::new() };
        keeper.lock().unwrap_or_else(PoisonError::into_inner).files().map(Path::to_owned).into()
    }

    async fn take(&mut self, compiled: Compiled, basis: Basis) {
        loaded(&compiled);
        let findings = compiled.all_findings();
        findings.iter().for_each(|finding| log(finding));
        let facts = facts(&compiled.config, findings, false);
        let changes = compiled.config.hooks.changes_since(&self.current.hooks);
        let config = self.counted(compiled.config);
        if let Err(why) = self.provide(&config).await {
            tracing::error!("reload refused: {why}; the configuration in force stays");
            follow(&self.means.metrics, &self.current);
            self.means.metrics.reloaded(ReloadEnd::Refused);
            // Nobody could be told: what failed is the outbox itself.
            return;
        }
        let committed = move |loader: &mut Loader| {
            loader.commit(basis);
            loader.keep_copies();
        };
        self.with_loader(committed).await;
        let (added, changed, removed) =
            (named(changes.added.iter()), named(changes.changed.iter()), named(changes.removed.iter()));
        let accounts = config.accounts.len();
        self.publisher.publish(config.clone());
        tracing::info!(added, changed, removed, hooks = config.hooks.len(), accounts, "reloaded");
        if config.hooks.is_empty() && !changes.removed.is_empty() {
            tracing::warn!("no hook is left: every call is answered with 404");
        }
        self.current = config;
        self.status.set(facts);
        self.means.metrics.reloaded(ReloadEnd::Taken);
        self.means.metrics.config_taken(self.means.clock.now().millis());
        self.reconcile();
    }

    /// The same, whose hooks and accounts are counted from now on.
    fn counted(&self, mut config: Config) -> Arc<Config> {
        follow(&self.means.metrics, &config);
        config.hooks.count_in(&self.means.metrics);
        Arc::new(config)
    }

    fn reconcile(&mut self) {
        if let Some(dispatcher) = &mut self.dispatcher {
            dispatcher.alarms().heard_by(self.current.on_failure.clone());
            dispatcher.expect(Arc::clone(&self.current.expected));
            dispatcher.knows(Arc::clone(&self.current.directory));
            dispatcher.reconcile(&self.current.accounts);
        }
    }

    /// Has the contacts of `on-failure` hear of a refused reload.
    async fn tell_refused(&self, why: &[Diagnostic]) {
        let Some(dispatcher) = &self.dispatcher else { return };
        let errors: Vec<String> = why.iter().filter(|finding| finding.is_error()).map(ToString::to_string).collect();
        let text = match errors.as_slice() {
            [] => "see the log".to_owned(),
            [only] => only.clone(),
            [first, others @ ..] => format!("{first} (and {} more errors, see the log)", others.len()),
        };
        dispatcher.alarms().refused_reload(text).await;
    }

    /// Opens what a configuration that sends needs: state directory, outbox, dispatcher, control socket. Without an outbox
    /// messages are sent straight from memory; only one that is another process's is an error.
    async fn provide(&mut self, config: &Config) -> Result<(), StartError> {
        if !config.needs_outbox() {
            return Ok(());
        }
        let carriers = self.carriers.get_or_insert_with(transport::carriers).clone();
        if let Some(outbox) = self.opening.open(&self.background).await? {
            let links = links::open(self.public_url.as_deref(), &self.state);
            links.iter().for_each(|links| self.site.answer_links(links.clone()));
            let clock = self.means.clock.clone();
            let dispatcher = Dispatcher::start(outbox, clock, &self.background, Arc::clone(&carriers));
            self.dispatcher = Some(dispatcher.with_links(links).with_desks(self.means.desks.clone()));
        }
        self.means.direct.follow(&config.accounts, &carriers);
        self.means.direct.heard_by(&config.on_failure);
        if matches!(self.control, Control::Missing) {
            self.control = self.bind_control().await;
        }
        Ok(())
    }

    async fn open_again(&mut self) {
        let config = Arc::clone(&self.current);
        match self.provide(&config).await {
            Ok(()) => self.reconcile(),
            Err(why) => tracing::error!("{why}"),
        }
    }

    /// The control socket, beside the state or where systemd keeps such things. Without it only the command line suffers.
    async fn bind_control(&self) -> Control {
        let folder = first_directory(std::env::var_os("RUNTIME_DIRECTORY")).unwrap_or_else(|| self.state.clone());
        let path = folder.join("control.sock");
        let bound = Listener::bind_unix(&path).await.map_err(|e| e.to_string());
        let opened = bound.and_then(|listener| {
            let mode = fs::Permissions::from_mode(0o660);
            fs::set_permissions(&path, mode).map(|()| listener).map_err(|e| e.to_string())
        });
        match opened {
            Ok(listener) => Control::Bound(listener.counted(self.means.metrics.connections(Face::Control))),
            Err(why) => {
                tracing::warn!("no control socket at {}: {why}; `hookbell send` will not work", path.display());
                Control::Missing
            }
        }
    }

    fn serve_control(&mut self, edge: &Tasks) {
        if !matches!(self.control, Control::Bound(_)) {
            return;
        }
        if let Control::Bound(listener) = std::mem::replace(&mut self.control, Control::Served) {
            tracing::debug!("control socket at {}", listener.local_address());
            edge.spawn(serve(listener, respond::Control(self.site.clone()), Limits::default(), edge.clone()));
        }
    }

    /// Reading and compiling belong off the runtime's threads: a file may lie on a disk that sleeps. `None` after a panic,
    /// which must not end reloading for ever.
    async fn with_loader<T: Send + 'static>(&self, work: impl FnOnce(&mut Loader) -> T + Send + 'static) -> Option<T> {
        let loader = self.loader.clone();
        let work = move || work(&mut loader.lock().unwrap_or_else(PoisonError::into_inner));
        tokio::task::spawn_blocking(work).await.ok()
    }
}

/// For `systemctl status`.
fn facts<'a>(config: &Config, findings: impl IntoIterator<Item = &'a Diagnostic>, is_refused: bool) -> Facts {
    let errors = findings.into_iter().filter(|finding| finding.is_error()).count();
    Facts { hooks: config.hooks.len(), errors, is_refused }
}

/// Has counted what a configuration has, and nothing else.
fn follow(metrics: &Metrics, config: &Config) {
    let runs = |slot: &Slot| matches!(slot, Slot::Ready(hook) if hook.action.runs());
    let hooks = config.hooks.iter().map(|(id, slot)| (id.as_str(), runs(slot)));
    metrics.follow(hooks, config.accounts.keys().map(AccountName::as_str));
}
