//! Mails to servers: a few connections for each account, which are used again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::answer::no_answer;
use super::dial::{Dial, Proxies};
use super::trust;
use crate::message::delivery::{Class, SendError};
use crate::provider::mail::{Mail, Server};
use crate::provider::{Answer, Transport};
use crate::tasks::Tasks;

mod compose;
mod session;
mod wire;

use session::{Session, Stop};

/// Connections to one server at once. Some refuse a client's fifth.
const CONNECTIONS: usize = 4;
/// How long one stays open while there is nothing to send: a server may close it after five minutes (RFC 5321, 4.5.3.2.7),
/// and the address translators on the way after less.
const IDLE_TIME: Duration = Duration::from_secs(30);
/// Mails by one connection. Many servers close it after a hundred.
const MAILS: u32 = 50;
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// The mail client of one account.
pub(super) struct Client {
    dial: Dial,
    extra_ca: Vec<CertificateDer<'static>>,
    /// Made for the first connection that needs it.
    tls: OnceCell<Arc<ClientConfig>>,
    slots: Semaphore,
    idle: Arc<Mutex<Idle>>,
    tasks: Tasks,
}

/// Connections that nobody uses now, the one that was used last at the end.
#[derive(Default)]
struct Idle {
    sessions: Vec<(Session, Instant)>,
    /// Whether somebody will come and close them.
    watched: bool,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.tasks.stop();
    }
}

impl Client {
    /// The error says what is wrong with the account's own certificates. The surroundings' proxies are for HTTP.
    pub(super) fn new(transport: &Transport) -> Result<Client, String> {
        let extra_ca = match &transport.extra_ca {
            Some(pem) => trust::certificates(pem)?,
            None => Vec::new(),
        };
        let dial = Dial::new(transport.proxy.as_ref(), &Proxies::default());
        let (slots, idle) = (Semaphore::new(CONNECTIONS), Arc::default());
        Ok(Client { dial, extra_ca, tls: OnceCell::new(), slots, idle, tasks: Tasks::new() })
    }

    /// Hands the mail in, all in `timeout`. The answer is the one that decides: to the whole mail, or to the step that was
    /// refused.
    pub(super) async fn carry(&self, mail: Mail, timeout: Duration) -> Result<Answer, SendError> {
        let content = compose::written(&mail)?;
        // Those before it are out of time some day, too.
        let slot = self.slots.acquire().await;
        let deadline = Instant::now() + timeout;
        let mut session = match self.rested(&mail.server, deadline).await {
            Some(session) => session,
            None => match self.connect(&mail.server, deadline).await {
                Ok(session) => session,
                Err(stop) => return stop.told(),
            },
        };
        let outcome = session.submit(&mail, &content, deadline).await;
        // What failed or was refused half way is closed: the next one begins anew.
        match &outcome {
            Ok(_) if session.mails() < MAILS => self.lay_by(session),
            Ok(_) | Err(Stop::Refused(_)) => drop(tokio::time::timeout(GOODBYE, session.goodbye()).await),
            Err(Stop::Failed(_)) => {}
        }
        drop(slot);
        outcome.or_else(Stop::told)
    }

    /// Whether the account would work: connects, encrypts and logs in, and sends nothing. The answer is a refusal, or the
    /// one to `NOOP`.
    pub(super) async fn probe(&self, server: &Arc<Server>, timeout: Duration) -> Result<Answer, SendError> {
        let deadline = Instant::now() + timeout;
        match self.connect(server, deadline).await {
            Ok(mut session) => {
                let answer = session.noop(deadline).await;
                drop(tokio::time::timeout(GOODBYE, session.goodbye()).await);
                answer.or_else(Stop::told)
            }
            Err(stop) => stop.told(),
        }
    }

    async fn connect(&self, server: &Arc<Server>, deadline: Instant) -> Result<Session, Stop> {
        let tls = || async {
            let made =
                self.tls.get_or_try_init(|| async { trust::tls_config(self.extra_ca.clone()).await.map(Arc::new) });
            match timeout_at(deadline, made).await {
                Ok(made) => made.cloned().map_err(|why| no_answer(Class::Account, "tls", why)),
                Err(_) => {
                    Err(no_answer(Class::Network, "timeout", "the certificates could not be read in time".into()))
                }
            }
        };
        Session::open(server, self.dial.clone(), tls, deadline).await
    }

    /// A connection that was used before and still stands. The others that don't are closed.
    async fn rested(&self, server: &Arc<Server>, deadline: Instant) -> Option<Session> {
        loop {
            let last = self.idle().sessions.pop();
            let (mut session, since) = last?;
            if since.elapsed() < IDLE_TIME && session.is_with(server) && session.is_alive(deadline).await {
                return Some(session);
            }
        }
    }

    fn lay_by(&self, session: Session) {
        let mut idle = self.idle();
        idle.sessions.push((session, Instant::now()));
        if !std::mem::replace(&mut idle.watched, true) {
            self.tasks.spawn(close_the_idle(Arc::clone(&self.idle), self.tasks.clone()));
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes what has been idle for long enough, until none is left.
async fn close_the_idle(idle: Arc<Mutex<Idle>>, tasks: Tasks) {
    loop {
        tokio::select! {
            biased;
            () = tasks.stopping() => {}
            () = tokio::time::sleep(IDLE_TIME) => {}
        }
        let (old, is_last) = {
            let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
            let is_old = |since: &Instant| tasks.is_stopping() || since.elapsed() >= IDLE_TIME;
            let old: Vec<Session> =
                idle.sessions.extract_if(.., |(_, since)| is_old(since)).map(|(old, _)| old).collect();
            idle.watched = !idle.sessions.is_empty();
            (old, idle.sessions.is_empty())
        };
        for mut session in old {
            drop(tokio::time::timeout(GOODBYE, session.goodbye()).await);
        }
        if is_last {
            return;
        }
    }
}
