//! A provider on a bad day: Meta's Graph API and Telegram's Bot API behind one port, and a book of all it was asked.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hookbell::clock::Clock;
use hookbell::tasks::Tasks;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::Counts;
use super::answer;
use super::callbacks::{Callbacks, Taken, last_word, planned};
use super::faults::{Asked, Fate, Spell, Weather, fate};
use super::house::CALLBACKS;
use super::talk::{self, gone, reset};
use crate::dice::Dice;

/// How long a request may wait for the end of the one before it, which a dead daemon left behind.
const GRACE: Duration = Duration::from_secs(3);

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) account: &'static str,
    /// The number or the chat, in digits.
    pub(crate) address: String,
    /// As it was written: without the time that a late one has before it.
    pub(crate) text: String,
    pub(crate) late: bool,
    /// In milliseconds since 1970.
    pub(crate) began_at: i64,
    /// When it was answered, or its connection ended.
    pub(crate) ended_at: Option<i64>,
    /// Whether the daemon was there to the end.
    pub(crate) was_heard: bool,
    pub(crate) fate: Fate,
    /// What was told of it later, once all of that was heard.
    pub(crate) told: Option<&'static str>,
    /// It failed later: no phone rang.
    pub(crate) failed_later: bool,
}

impl Request {
    /// Whether the phone may have rung.
    pub(crate) fn rang(&self) -> bool {
        self.fate.rings() && !self.failed_later
    }
}

/// Two requests at one account and address at one time: both texts.
#[derive(Clone, Debug)]
pub(crate) struct Overlap {
    pub(crate) place: (&'static str, String),
    pub(crate) older: String,
    pub(crate) younger: String,
}

#[derive(Default)]
struct Book {
    requests: Vec<Request>,
    /// The one under way at each account and address.
    under_way: HashMap<(&'static str, String), usize>,
    /// How often each text came to whom.
    times: HashMap<(&'static str, String, String), usize>,
    overlaps: Vec<Overlap>,
    wrong: Vec<String>,
}

/// The server. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Provider {
    address: SocketAddr,
    seed: u64,
    clock: Clock,
    book: Arc<Mutex<Book>>,
    weather: Arc<Mutex<Weather>>,
    /// Whether it is up.
    up: watch::Sender<bool>,
    callbacks: Callbacks,
    /// Those who tell what comes later.
    tellers: Tasks,
    counts: Counts,
}

impl Provider {
    /// Opens it on a port of its own; the daemon is at that other one.
    pub(crate) async fn open(seed: u64, daemon: u16, counts: Counts, tasks: &Tasks) -> Provider {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, crate::program::free_port())).await.unwrap();
        let provider = Provider {
            address: listener.local_addr().unwrap(),
            seed,
            clock: Clock::system(),
            book: Arc::default(),
            weather: Arc::new(Mutex::new(Weather { faults: true, spells: [].into() })),
            up: watch::Sender::new(true),
            callbacks: Callbacks { port: daemon, counts: counts.clone() },
            tellers: Tasks::new(),
            counts,
        };
        tasks.spawn(provider.clone().listen(listener, tasks.clone()));
        provider
    }

    /// For `base-url`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on nobody can connect, and who is connected is cut off; or all is well again.
    pub(crate) fn be_up(&self, up: bool) {
        self.up.send_replace(up);
    }

    /// Puts an account in trouble, or takes it out.
    pub(crate) fn spell(&self, account: &'static str, spell: Option<Spell>) {
        let spells = &mut self.weather.lock().unwrap().spells;
        spells.remove(account);
        spells.extend(spell.map(|spell| (account, spell)));
    }

    /// Nothing goes wrong any more.
    pub(crate) fn be_well(&self) {
        *self.weather.lock().unwrap() = Weather { faults: false, spells: [].into() };
        self.be_up(true);
    }

    /// Resolves when all that is told later was heard.
    pub(crate) async fn has_told(&self) {
        self.tellers.ended().await;
    }

    /// All requests in the order in which they began.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.book.lock().unwrap().requests.clone()
    }

    /// Two at one address at one time.
    pub(crate) fn overlaps(&self) -> Vec<Overlap> {
        self.book.lock().unwrap().overlaps.clone()
    }

    /// What was wrong by itself: a request that nobody can read, a callback that was answered wrongly.
    pub(crate) fn wrong(&self) -> Vec<String> {
        self.book.lock().unwrap().wrong.clone()
    }

    async fn listen(self, first: TcpListener, tasks: Tasks) {
        let mut up = self.up.subscribe();
        let mut dice = Dice::new(self.seed ^ 0xface);
        let mut listener = Some(first);
        while !tasks.is_stopping() {
            let Some(open) = &listener else {
                tokio::select! {
                    () = tasks.stopping() => return,
                    _ = up.wait_for(|up| *up) => {}
                }
                listener = TcpListener::bind(self.address).await.ok();
                continue;
            };
            tokio::select! {
                () = tasks.stopping() => return,
                _ = up.wait_for(|up| !*up) => listener = None,
                Ok((stream, _)) = open.accept() => {
                    if self.weather.lock().unwrap().faults && dice.chance(2) {
                        self.counts.add("fault: reset before anything was read");
                        reset(stream);
                    } else {
                        tasks.spawn(self.clone().serve(stream, tasks.clone()));
                    }
                }
            }
        }
    }

    async fn serve(self, mut stream: TcpStream, tasks: Tasks) {
        let mut up = self.up.subscribe();
        let mut under_way = None;
        tokio::select! {
            () = tasks.stopping() => {}
            _ = up.wait_for(|up| !*up) => {}
            () = self.talk(&mut stream, &mut under_way) => {}
        }
        // Cut off: whatever was under way has no answer.
        under_way.into_iter().for_each(|number| self.end(number, false));
        reset(stream);
    }

    async fn talk(&self, stream: &mut TcpStream, under_way: &mut Option<usize>) {
        let mut rest = Vec::new();
        while let Ok(heard) = talk::next(stream, &mut rest).await {
            let request = match answer::read(&heard) {
                Ok(asked) => asked,
                Err(why) => {
                    self.book.lock().unwrap().wrong.push(why);
                    return;
                }
            };
            let (number, takes, fate) = self.begin(request).await;
            *under_way = Some(number);
            tokio::select! {
                biased;
                () = gone(stream) => return,
                () = tokio::time::sleep(takes) => {}
            }
            match fate {
                Fate::Hang => return gone(stream).await,
                Fate::Reset => return,
                _ => {}
            }
            let bytes = answer::written(&heard, number, fate);
            // Before the answer: the next request may come right behind it.
            *under_way = None;
            self.end(number, true);
            if stream.write_all(&bytes).await.is_err() {
                return;
            }
        }
    }

    /// Writes a request down, and chooses its fate.
    async fn begin(&self, read: answer::Read) -> (usize, Duration, Fate) {
        let place = (read.account, read.address.clone());
        let began_at = self.clock.now().millis();
        self.wait_for_the_one_before(&place, &read.text).await;
        let mut book = self.book.lock().unwrap();
        let times = book.times.entry((read.account, read.address.clone(), read.text.clone())).or_default();
        let earlier = std::mem::replace(times, *times + 1);
        let answer::Read { account, address, text, late, key } = read;
        let asked = Asked { account, address: &address, text: &text, late, earlier };
        let (takes, fate) = fate(self.seed, &self.weather.lock().unwrap(), asked);
        self.counts.add(match fate {
            Fate::Taken => "taken by the provider".to_owned(),
            fault => format!("fault: {}", fault.word()),
        });
        let number = book.requests.len();
        let (ended_at, told) = (None, None);
        let failed_later = self.report(number, account, key, fate);
        let was_heard = false;
        let request = Request { account, address, text, late, began_at, ended_at, was_heard, fate, told, failed_later };
        book.requests.push(request);
        book.under_way.insert(place, number);
        (number, takes, fate)
    }

    /// At one address one request at a time. What a killed daemon left behind is over once its connection is seen to end.
    async fn wait_for_the_one_before(&self, place: &(&'static str, String), text: &str) {
        let came = Instant::now();
        let mut other = None;
        loop {
            {
                let mut book = self.book.lock().unwrap();
                let under_way = book.under_way.get(place).copied();
                let ended_well = other.is_some_and(|other: usize| book.requests[other].was_heard);
                if under_way.is_none() && !ended_well {
                    return;
                }
                other = under_way.or(other);
                let waits_on = under_way.is_some() && came.elapsed() < GRACE;
                if let (Some(other), false) = (other, waits_on) {
                    let (older, younger) = (book.requests[other].text.clone(), text.to_owned());
                    book.overlaps.push(Overlap { place: place.clone(), older, younger });
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Has the daemon called for a request. Tells whether that is to say that it failed.
    fn report(&self, number: usize, account: &'static str, key: String, fate: Fate) -> bool {
        if !CALLBACKS || key.is_empty() || !fate.rings() {
            return false;
        }
        let mut dice = Dice::new(self.seed ^ (number as u64) << 20);
        let reports = planned(&mut dice);
        let (last, lies) = (last_word(&reports), dice.chance(2));
        let (provider, taken) = (self.clone(), Taken { account, id: answer::id(number), key });
        self.tellers.spawn(async move {
            let lied = if lies { provider.callbacks.lie(&taken).await } else { Ok(()) };
            let told = provider.callbacks.tell(&taken, reports).await;
            let mut book = provider.book.lock().unwrap();
            match lied.and(told) {
                Ok(()) => book.requests[number].told = last,
                Err(why) => book.wrong.push(why),
            }
        });
        last == Some("failed")
    }

    fn end(&self, number: usize, was_heard: bool) {
        let mut book = self.book.lock().unwrap();
        let now = self.clock.now().millis();
        let request = &mut book.requests[number];
        (request.ended_at, request.was_heard) = (Some(now), was_heard);
        let place = (request.account, request.address.clone());
        if book.under_way.get(&place) == Some(&number) {
            book.under_way.remove(&place);
        }
    }
}
