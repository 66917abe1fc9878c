//! What the provider does to requests: chosen from the seed, so that the same text meets the same fate again.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::dice::Dice;

use super::house::is_refused;

/// What a request meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    /// 200.
    Taken,
    /// 429 for the address; so many seconds.
    AddressWaits(u64),
    /// 429 for the account; so many seconds.
    AccountWaits(u64),
    /// 500.
    Broken,
    /// 503 from somebody in between.
    Unavailable,
    /// No answer ever. The phone rings all the same.
    Hang,
    /// The connection is reset in place of an answer. The phone rings all the same.
    Reset,
    /// 200 with words that nobody can read.
    Garbage,
    /// 401.
    Unauthorized,
    /// 400: this address is none.
    NoSuchAddress,
    /// 400: not this text.
    BadText,
}

impl Fate {
    /// Its word, for counts.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Fate::Taken => "200",
            Fate::AddressWaits(_) => "429 for an address",
            Fate::AccountWaits(_) => "429 for an account",
            Fate::Broken => "500",
            Fate::Unavailable => "503",
            Fate::Hang => "hang",
            Fate::Reset => "reset after the body",
            Fate::Garbage => "200 with garbage",
            Fate::Unauthorized => "401",
            Fate::NoSuchAddress => "400 no such address",
            Fate::BadText => "400 bad text",
        }
    }

    /// Whether the phone may have rung.
    pub(crate) fn rings(self) -> bool {
        matches!(self, Fate::Taken | Fate::Hang | Fate::Reset | Fate::Garbage)
    }

    /// Whether the way is over by it.
    pub(crate) fn is_final(self) -> bool {
        matches!(self, Fate::NoSuchAddress | Fate::BadText)
    }
}

/// Trouble that an account has for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spell {
    /// Its token is refused.
    Unauthorized,
    /// Every request fails.
    Broken,
    /// No request is answered.
    Silent,
}

/// How well the provider is.
#[derive(Clone, Debug)]
pub(crate) struct Weather {
    /// Whether anything goes wrong by chance.
    pub(crate) faults: bool,
    /// Accounts in trouble.
    pub(crate) spells: BTreeMap<&'static str, Spell>,
}

/// A request, as far as its fate depends on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) account: &'a str,
    pub(crate) address: &'a str,
    pub(crate) text: &'a str,
    pub(crate) late: bool,
    /// How often the same came before.
    pub(crate) earlier: usize,
}

/// The fate of a request, and how long it takes.
pub(crate) fn fate(seed: u64, weather: &Weather, asked: Asked<'_>) -> (Duration, Fate) {
    let mut dice = Dice::new(seed ^ hash(asked));
    let slow = weather.faults && dice.chance(10);
    let takes = Duration::from_millis(if slow { 100 + dice.next() % 600 } else { 1 + dice.next() % 12 });
    (takes, chosen(&mut dice, weather, asked))
}

fn chosen(dice: &mut Dice, weather: &Weather, asked: Asked<'_>) -> Fate {
    if is_refused(asked.account, asked.address) {
        return Fate::NoSuchAddress;
    }
    // Until it is late: that is the curse.
    if asked.text.ends_with("cursed") && !asked.late {
        return if dice.chance(30) { Fate::Hang } else { Fate::Broken };
    }
    match weather.spells.get(asked.account) {
        Some(Spell::Unauthorized) => return Fate::Unauthorized,
        Some(Spell::Broken) => return Fate::Broken,
        Some(Spell::Silent) => return Fate::Hang,
        None if !weather.faults => return Fate::Taken,
        None => {}
    }
    match dice.below(1000) {
        0..2 => Fate::AccountWaits(1 + dice.next() % 2),
        2..14 => Fate::AddressWaits(1 + dice.next() % 2),
        14..28 => Fate::Broken,
        28..36 => Fate::Unavailable,
        36..44 => Fate::Hang,
        44..56 => Fate::Reset,
        56..62 => Fate::Garbage,
        62..67 => Fate::BadText,
        _ => Fate::Taken,
    }
}

/// FNV-1a: the standard library's own hash may be another with another compiler.
fn hash(asked: Asked<'_>) -> u64 {
    let words = format!("{} {} {} {}", asked.account, asked.address, asked.text, asked.earlier);
    words.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[test]
fn the_same_seed_sends_the_same_fate() {
    let weather = Weather { faults: true, spells: BTreeMap::new() };
    let fates = |seed| {
        let one = |n: usize| {
            let text = format!("from 1 number {n}");
            fate(seed, &weather, Asked { account: "wa", address: "1", text: &text, late: false, earlier: 0 })
        };
        (0..2000).map(one).collect::<Vec<_>>()
    };
    assert_eq!(fates(1), fates(1));
    assert_ne!(fates(1), fates(2));
    let kinds: std::collections::BTreeSet<_> = fates(1).iter().map(|(_, fate)| fate.word()).collect();
    assert_eq!(kinds.len(), 9, "every fate but a refused token and address: {kinds:?}");
}
