//! What this process and systemd tell each other: ready, reloading, stopping, alive; and the socket it hands over.

use std::ffi::{OsStr, OsString};
use std::io;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::time::Duration;

use listenfd::ListenFd;
use sd_notify::NotifyState;
use tokio::time::MissedTickBehavior;

use crate::tasks::Tasks;

/// Longest wait for systemd to take a datagram: its queue is full only when it is in trouble itself.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a start that goes on asks for, again and again, before the time it has is over (`TimeoutStartSec=`).
const START_STEP: Duration = Duration::from_secs(10);

/// The longest start: one that looks through a large outbox on a slow disk. What takes longer hangs.
const LONGEST_START: Duration = Duration::from_secs(30 * 60);

/// What a stop needs beyond the drain time, to write down where it stands.
const STOP_MARGIN: Duration = Duration::from_secs(10);

/// The service manager's ear. Where there is none, every call does nothing.
#[derive(Clone, Debug, Default)]
pub struct Systemd {
    socket: Option<OsString>,
    watchdog: Option<Duration>,
}

impl Systemd {
    /// As the environment says: `$NOTIFY_SOCKET`, `$WATCHDOG_USEC`.
    pub fn from_env() -> Systemd {
        Systemd::new(std::env::var_os("NOTIFY_SOCKET"), sd_notify::watchdog_enabled())
    }

    /// One that listens at `socket` (a path, or `@name` in the abstract namespace) and wants to hear that we live at
    /// least once in every `watchdog`.
    pub fn new(socket: Option<OsString>, watchdog: Option<Duration>) -> Systemd {
        let watchdog = watchdog.filter(|limit| !limit.is_zero());
        Systemd { socket: socket.filter(|socket| !socket.is_empty()), watchdog }
    }

    /// Whether anybody hears what is told.
    pub fn listens(&self) -> bool {
        self.socket.is_some()
    }

    /// What `systemctl status` shows from now on.
    pub fn status(&self, status: &str) {
        self.tell(&[NotifyState::Status(&one_line(status))]);
    }

    /// It can't start. systemd shows that until the next start begins.
    pub fn failed(&self, why: &str) {
        self.status(&format!("can't start: {why}"));
    }

    /// A start goes on: asks for more time for as long as the runtime turns and `tasks` are not told to end.
    pub fn starting(&self, tasks: &Tasks) {
        if !self.listens() {
            return;
        }
        let (systemd, stopping) = (self.clone(), tasks.stopping());
        tasks.spawn(async move {
            tokio::pin!(stopping);
            let steps = LONGEST_START.as_secs() / START_STEP.as_secs();
            for _ in 0..steps {
                tokio::select! {
                    biased;
                    () = &mut stopping => return,
                    () = tokio::time::sleep(START_STEP) => {}
                }
                let status = NotifyState::Status("starting: reading the files and looking through the outbox");
                systemd.tell(&[status, NotifyState::Custom(&more_time(3 * START_STEP))]);
            }
        });
    }

    /// The start, or a reload, is done. `status` is what `systemctl status` shows from now on.
    pub fn ready(&self, status: &str) {
        self.tell(&[NotifyState::Ready, NotifyState::Status(&one_line(status))]);
    }

    /// A reload begins; `ready` must follow, also where the reload is refused.
    pub fn reloading(&self) {
        // systemd 253 and later refuse a reload without the time; 252 ignores it.
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.tell(&[NotifyState::Reloading, now]),
            Err(_) => self.tell(&[NotifyState::Reloading]),
        }
    }

    /// The end begins, and takes no longer than `drain` and a little more: also where `TimeoutStopSec=` is less.
    pub fn stopping(&self, status: &str, drain: Duration) {
        let status = one_line(status);
        let more_time = more_time(drain.saturating_add(STOP_MARGIN));
        self.tell(&[NotifyState::Stopping, NotifyState::Status(&status), NotifyState::Custom(&more_time)]);
    }

    /// Tells that we live for as long as the runtime turns and `tasks` is not told to end. Give it the family that is
    /// stopped last: a drain may take longer than the watchdog's patience.
    pub fn keep_alive(&self, tasks: &Tasks) {
        let Some(limit) = self.watchdog.filter(|_| self.socket.is_some()) else { return };
        let (systemd, stopping) = (self.clone(), tasks.stopping());
        tasks.spawn(async move {
            // Twice as often as asked for, as sd_watchdog_enabled(3) advises.
            let mut beat = tokio::time::interval(limit / 2);
            beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
            tokio::pin!(stopping);
            loop {
                tokio::select! {
                    biased;
                    () = &mut stopping => return,
                    _ = beat.tick() => systemd.tell(&[NotifyState::Watchdog]),
                }
            }
        });
    }

    fn tell(&self, news: &[NotifyState<'_>]) {
        let Some(socket) = &self.socket else { return };
        let text: String = news.iter().map(|state| format!("{state}\n")).collect();
        if let Err(error) = send(socket, text.as_bytes()) {
            tracing::warn!(socket = %socket.to_string_lossy(), %error, "can't tell systemd");
        }
    }
}

/// The crate's own `notify` takes `@name` for a file's name; container managers do use abstract sockets.
fn send(socket: &OsStr, datagram: &[u8]) -> io::Result<()> {
    let to = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    let ear = UnixDatagram::unbound()?;
    ear.set_write_timeout(Some(PATIENCE))?;
    ear.send_to_addr(datagram, &to).map(drop)
}

/// The crate's own word ends at 71 minutes.
fn more_time(time: Duration) -> String {
    format!("EXTEND_TIMEOUT_USEC={}", u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
}

/// A line break in a status would begin a new assignment, such as `STOPPING=1`.
fn one_line(status: &str) -> String {
    status.replace(['\n', '\r'], " ")
}

/// The socket that systemd listens on for us. Still blocking.
#[derive(Debug)]
pub enum Inherited {
    /// `ListenStream=9000`
    Tcp(TcpListener),
    /// `ListenStream=/run/…`
    Unix(UnixListener),
}

/// Takes over the socket of `$LISTEN_FDS`, if it is meant for this process. Call it once, before the first thread: it
/// removes `LISTEN_PID` and `LISTEN_FDS` from the environment.
pub fn inherited() -> Result<Option<Inherited>, String> {
    // listenfd takes a missing LISTEN_PID for ours. systemd always sets it; where it is missing, a parent that was
    // activated itself has passed on half of what it got.
    if std::env::var("LISTEN_PID").ok().and_then(|pid| pid.parse().ok()) != Some(std::process::id()) {
        return Ok(None);
    }
    let mut sockets = ListenFd::from_env();
    match sockets.len() {
        0 => return Ok(None),
        1 => {}
        n => return Err(format!("received {n} sockets from systemd, but only 1 is supported")),
    }
    let unix = match sockets.take_tcp_listener(0) {
        Ok(tcp) => return Ok(tcp.map(Inherited::Tcp)),
        // Not one of TCP: it has been left in its place.
        Err(_) => sockets.take_unix_listener(0),
    };
    unix.map(|unix| unix.map(Inherited::Unix))
        .map_err(|e| format!("can't use the socket from systemd: {e}: set ListenStream= to a port or a path"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A service manager of our own: what it hears, and a daemon that speaks to it.
    fn manager(watchdog: Option<Duration>) -> (UnixDatagram, Systemd, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let ear = UnixDatagram::bind(&path).unwrap();
        ear.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        (ear, Systemd::new(Some(path.into()), watchdog), dir)
    }

    fn heard(ear: &UnixDatagram) -> String {
        let mut buffer = [0; 512];
        let length = ear.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[test]
    fn every_word_arrives_as_systemd_reads_it() {
        let (ear, systemd, _dir) = manager(None);
        systemd.ready("serving 3 hooks");
        assert_eq!(heard(&ear), "READY=1\nSTATUS=serving 3 hooks\n");
        systemd.reloading();
        let text = heard(&ear);
        let usec = text.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
        assert!(usec.trim_end().parse::<u64>().unwrap() > 0);
        systemd.stopping("draining", Duration::from_secs(90));
        assert_eq!(heard(&ear), "STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC=100000000\n");
        systemd.status("fine");
        assert_eq!(heard(&ear), "STATUS=fine\n");
    }

    #[test]
    fn a_status_cannot_smuggle_a_word_in() {
        let (ear, systemd, _dir) = manager(None);
        systemd.ready("a\nSTOPPING=1");
        assert_eq!(heard(&ear), "READY=1\nSTATUS=a STOPPING=1\n");
    }

    #[test]
    fn an_abstract_socket_is_spoken_to() {
        let name = format!("hookbell-test-{}", std::process::id());
        let ear = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        Systemd::new(Some(format!("@{name}").into()), None).ready("here");
        assert_eq!(heard(&ear), "READY=1\nSTATUS=here\n");
    }

    #[test]
    fn without_systemd_nothing_happens() {
        Systemd::new(None, None).ready("x");
        Systemd::new(Some("/nowhere/at/all".into()), None).ready("x");
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_start_asks_for_time_until_it_is_done_or_hangs() {
        let (ear, systemd, _dir) = manager(None);
        ear.set_nonblocking(true).unwrap();
        let asked = || std::iter::from_fn(|| ear.recv(&mut [0; 512]).ok()).count();
        let tasks = Tasks::new();
        systemd.starting(&tasks);
        tokio::time::sleep(Duration::from_secs(9)).await;
        assert_eq!(asked(), 0, "most starts are short");
        tokio::time::sleep(Duration::from_secs(12)).await;
        assert_eq!(asked(), 2);
        tasks.stop();
        tasks.ended().await;
        let hangs = Tasks::new();
        systemd.starting(&hangs);
        let begun = tokio::time::Instant::now();
        while hangs.alive() > 0 {
            tokio::time::sleep(Duration::from_secs(60)).await;
            assert!(asked() <= 7 && begun.elapsed() <= LONGEST_START + Duration::from_secs(60), "it hangs for ever");
        }
        assert!(begun.elapsed() >= LONGEST_START);
    }

    #[tokio::test]
    async fn the_watchdog_is_fed_until_the_tasks_are_stopped() {
        let (ear, systemd, _dir) = manager(Some(Duration::from_millis(40)));
        let (tasks, begun) = (Tasks::new(), std::time::Instant::now());
        systemd.keep_alive(&tasks);
        let three = tokio::task::spawn_blocking(move || {
            (0..3).for_each(|_| assert!(ear.recv(&mut [0; 64]).is_ok()));
            ear
        });
        let ear = three.await.unwrap();
        assert!(begun.elapsed() >= Duration::from_millis(40), "one is due every 20 ms");
        tasks.stop();
        tasks.ended().await;
        ear.set_nonblocking(true).unwrap();
        while ear.recv(&mut [0; 64]).is_ok() {}
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(ear.recv(&mut [0; 64]).is_err(), "it goes on");
    }
}
