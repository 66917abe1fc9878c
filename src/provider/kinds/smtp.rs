//! `smtp`: mail, by a server that takes it from us: a provider's, or the host's own (RFC 5321, RFC 6409).

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::account::{AddressKind, Limits, Rate, Takes};
use crate::message::delivery::{Class, Receipt, SendError};
use crate::message::media::MediaKind;
use crate::node::{Node, Reader, rows};
use crate::provider::capabilities::{Capabilities, MediaLimit};
use crate::provider::mail::{Mail, Mailbox, Server, Stage};
use crate::provider::markup::{PLAIN, render};
use crate::provider::probe::{Inquiry, Learned};
use crate::provider::text::{cut_characters, harmless, one_line};
use crate::provider::{Answer, Kind, Next, Open, Opened, Outgoing, Probe, Provider, Request};

mod address;
mod properties;
mod replies;

use address::ascii;
use replies::Reply;

/// The row of the table. The protocol knows no limits; those who run servers close accounts that send hundreds of mails
/// in minutes. So: twenty at once and two a second, and for one mailbox ten at once and ten a minute.
pub(super) const KIND: Kind = Kind {
    name: "smtp",
    limits: Limits {
        rate: Some(Rate::per(2, Duration::from_secs(1)).burst(20)),
        per_recipient: Some(Rate::per(10, Duration::from_secs(60)).burst(10)),
        ..Limits::NONE
    },
    can: Capabilities { media: Cow::Borrowed(FILES), ..Capabilities::TEXT },
    help: "Mail, by a server that takes it: a provider's, or the host's own.",
    properties: || rows(properties::PROPERTIES),
    open: Open::Mail(open),
};

/// The largest file, in bytes: in base64 it fits into the 10,240,000 bytes of a mail that Postfix takes where nobody said
/// otherwise (`message_size_limit`).
const FILE: u64 = 7 * 1024 * 1024;

/// A mail takes files of all types.
const FILES: &[MediaLimit] = &[
    MediaLimit::sent(MediaKind::Image, &[], FILE),
    MediaLimit::sent(MediaKind::Video, &[], FILE),
    MediaLimit::sent(MediaKind::Audio, &[], FILE),
    MediaLimit::sent(MediaKind::Document, &[], FILE),
];

/// Characters of a subject: what a list of mails has room for, and more.
const SUBJECT: usize = 120;

/// Characters of a server's words that are kept.
const WORDS_KEPT: usize = 500;

fn open(node: &Node, reader: &mut Reader<'_>) -> Option<Opened> {
    let (server, from, reply_to) = properties::read(node, reader)?;
    let takes = Takes::Kinds(vec![AddressKind::new("email")]);
    Some(Opened { takes, provider: Box::new(Smtp { server: Arc::new(server), from, reply_to }) })
}

struct Smtp {
    server: Arc<Server>,
    from: Mailbox,
    reply_to: Option<Mailbox>,
}

impl Provider for Smtp {
    fn converse(&self, out: &Outgoing, answers: &[Answer]) -> Result<Next, SendError> {
        match answers {
            [.., Answer::Mail { stage: Stage::Content, code: 200..=299, .. }] => {
                Ok(Next::Done(Receipt { id: Some(self.message_id(out)), advice: None }))
            }
            [.., Answer::Mail { stage, code, text }] => Err(self.refused(*stage, *code, text)),
            _ => Ok(Next::Ask(Request::Mail(self.mail(out)?))),
        }
    }

    /// Connects, encrypts and logs in.
    fn probe(&self, _: &Inquiry, answers: &[Answer]) -> Result<Probe, SendError> {
        match answers {
            [.., Answer::Mail { code: 200..=299, .. }] => {
                let login = if self.server.login.is_some() { " and the password" } else { "" };
                Ok(Probe::Done(Learned::well(format!("{} takes the connection{login}", self.server))))
            }
            [.., Answer::Mail { stage, code, text }] => Err(self.refused(*stage, *code, text)),
            _ => Ok(Probe::Ask(Request::Login(Arc::clone(&self.server)))),
        }
    }
}

impl Smtp {
    fn mail(&self, out: &Outgoing) -> Result<Mail, SendError> {
        let Some(to) = ascii(&out.address.text) else {
            // The next way may have an address that can be written to.
            let detail = format!("\"{}\" is no mail address", harmless(&one_line(&out.address.text)));
            return Err(SendError { class: Class::Recipient, code: "address".to_owned(), detail });
        };
        Ok(Mail {
            server: Arc::clone(&self.server),
            from: self.from.clone(),
            reply_to: self.reply_to.clone(),
            to,
            subject: subject(out),
            text: render(&out.text, out.format, &PLAIN),
            attachment: out.media.clone(),
            message_id: self.message_id(out),
            thread: out.thread.as_ref().map(|thread| format!("thread-{thread}@{}", self.from.domain())),
            date: out.accepted_at,
            priority: out.priority,
        })
    }

    /// The same for every try of a delivery by this account.
    fn message_id(&self, out: &Outgoing) -> String {
        format!("{}@{}", out.key, self.from.domain())
    }

    fn refused(&self, stage: Stage, code: u16, text: &str) -> SendError {
        let reply = Reply::new(stage, code, text);
        let words = match &self.server.login {
            // Some repeat what they were sent, and that is base64 here.
            Some(login) => replies::masked(text, &login.username, &login.password),
            None => text.to_owned(),
        };
        let words = cut_characters(&harmless(&one_line(&words)), WORDS_KEPT);
        let advice = reply.advice();
        let detail = format!("{} refused at {}: {code} {words}{advice}", self.server, stage.as_str());
        SendError { class: reply.class(), code: reply.code(), detail }
    }
}

/// The title; without one the first line of the text.
fn subject(out: &Outgoing) -> String {
    let first_line = || out.text.lines().find(|line| !line.trim().is_empty());
    let line = out.title.as_deref().or_else(first_line).unwrap_or("hookbell");
    cut_characters(&harmless(&one_line(&render(line, out.format, &PLAIN))), SUBJECT)
}
