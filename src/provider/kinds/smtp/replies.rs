//! What a server's reply means: who must act.
//!
//! The three digits are RFC 5321's; the enhanced code behind them, where a server sends one, is RFC 3463's with the list of
//! <https://www.iana.org/assignments/smtp-enhanced-status-codes>. Digits alone say little, and what a refusal is about
//! depends as much on what was refused: the sender, the recipient, or the mail.

use data_encoding::BASE64;

use crate::message::delivery::{Class, Scope};
use crate::provider::mail::Stage;
use crate::secret::Secret;

/// What stands in refusals of a recipient, or of a mail, that are about who sends: they meet every mail of the account.
/// Servers say them with codes that they use for recipients, too.
const ABOUT_THE_SENDER: [&str; 10] = [
    "relay",
    "authenticat",
    "authoriz",
    "log in",
    "client host",
    "helo command rejected",
    "sender address",
    "blocked using",
    "blacklist",
    "blocklist",
];

/// One reply that is no yes.
pub(super) struct Reply<'a> {
    stage: Stage,
    code: u16,
    /// Subject and detail of the enhanced code: `5.1.2` is `(1, 2)`.
    enhanced: Option<(u16, u16)>,
    words: &'a str,
}

impl<'a> Reply<'a> {
    /// The reply to a step: its digits, and the words behind them.
    pub(super) fn new(stage: Stage, code: u16, words: &'a str) -> Reply<'a> {
        Reply { stage, code, enhanced: enhanced(code, words), words }
    }

    /// The code for statistics: the enhanced one where there is one.
    pub(super) fn code(&self) -> String {
        match self.enhanced {
            Some((subject, detail)) => format!("{}.{subject}.{detail}", self.code / 100),
            None => self.code.to_string(),
        }
    }

    /// Who must act.
    pub(super) fn class(&self) -> Class {
        match (self.code, self.stage) {
            // The server closes: it is stopping, or too many are connected.
            (421, _) => wait(Scope::Account),
            // The password has to be changed (RFC 4954).
            (432, _) => Class::Account,
            (400..=499, Stage::Greeting | Stage::Hello | Stage::StartTls | Stage::Login) => wait(Scope::Account),
            (_, Stage::Greeting | Stage::Hello | Stage::StartTls | Stage::Login) => Class::Account,
            (400..=499, _) => self.for_now(),
            (500..=599, _) => self.for_good(),
            // Neither yes nor no. After the whole mail that is as good as no answer.
            (_, Stage::Content) => Class::Unknown,
            _ => Class::Fault,
        }
    }

    /// What may help; empty where the words say enough.
    pub(super) fn advice(&self) -> &'static str {
        match (self.stage, self.class()) {
            (Stage::Login, Class::Account) => " (many providers want a password made for this program alone)",
            (Stage::Sender | Stage::Recipient, Class::Account) if self.code == 530 => {
                " (set \"username\" and \"password\")"
            }
            _ => "",
        }
    }

    /// 4yz: the same may go later.
    fn for_now(&self) -> Class {
        if self.is_about_the_sender() {
            return Class::Account;
        }
        match (self.stage, self.enhanced) {
            (Stage::Sender, _) => wait(Scope::Account),
            // The server's disk, load or configuration.
            (_, Some((3, _))) => wait(Scope::Account),
            // 452 without more: no room for any mail.
            (_, None) if self.code == 452 => wait(Scope::Account),
            // Its mailbox is full or locked, or its server can't be reached; and greylisting, which is over in minutes.
            (Stage::Recipient, _) | (_, Some((1 | 2 | 4 | 7, _))) => wait(Scope::Recipient),
            _ => Class::Fault,
        }
    }

    /// 5yz: the same will never go.
    fn for_good(&self) -> Class {
        match (self.code, self.enhanced) {
            // "Authentication required", and what else is wrong with it.
            (521 | 530 | 534 | 535 | 538, _) => Class::Account,
            // Too long; 523 is what some say for that.
            (523, _) | (552, None) | (_, Some((3, 4) | (2, 3))) => Class::Content,
            // The address that mails are from, or its domain.
            (_, Some((1, 7 | 8))) => Class::Account,
            // Too many mails for today: Google has it as 5.4.5.
            (_, Some((4, 5))) => wait(Scope::Account),
            // "System not accepting mail".
            (_, Some((3, 2))) => Class::Account,
            // Passwords (8, 9, 11, 13, 14), proofs of origin (20 to 27): RFC 4954, 5248, 7372.
            (_, Some((7, 8 | 9 | 11 | 13 | 14 | 20..=27))) => Class::Account,
            _ if self.is_about_the_sender() => Class::Account,
            (_, Some((1 | 2 | 4, _))) if self.stage != Stage::Sender => Class::Recipient,
            (_, Some((6, _))) => Class::Content,
            _ => match self.stage {
                Stage::Sender => Class::Account,
                Stage::Recipient => Class::Recipient,
                _ => Class::Content,
            },
        }
    }

    fn is_about_the_sender(&self) -> bool {
        let words = self.words.to_lowercase();
        // What says that it is the recipient's is not believed to be anything else.
        let about_a_recipient = words.contains("recipient address rejected");
        !about_a_recipient && ABOUT_THE_SENDER.iter().any(|about| words.contains(about))
    }
}

fn wait(scope: Scope) -> Class {
    Class::Wait { scope, after: None }
}

/// Subject and detail of the enhanced code that the words begin with. One of another class than the digits is none.
fn enhanced(code: u16, words: &str) -> Option<(u16, u16)> {
    let word = words.split_whitespace().next()?;
    let mut parts = word.split('.');
    let mut number = || parts.next().filter(|part| part.len() <= 3)?.parse::<u16>().ok();
    let (class, subject, detail) = (number()?, number()?, number()?);
    (class == code / 100 && parts.next().is_none()).then_some((subject, detail))
}

/// The words without the password, in clear and in the forms in which it was sent.
pub(super) fn masked(words: &str, username: &str, password: &Secret) -> String {
    let clear = password.expose();
    let plain = BASE64.encode(format!("\0{username}\0{clear}").as_bytes());
    let forms = [plain, BASE64.encode(clear.as_bytes()), clear.to_owned()];
    let shown = |words: String, form: &String| words.replace(form.as_str(), "[secret]");
    forms.iter().filter(|form| !form.is_empty()).fold(words.to_owned(), shown)
}
