//! A mail as it is written down: headers and body as RFC 5322 and MIME have them. lettre knows how.

use std::time::{Duration, UNIX_EPOCH};

use lettre::Message;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::message::{Attachment, Body, Mailbox as Written, MultiPart, SinglePart};

use crate::dispatch::transport::answer::no_answer;
use crate::message::delivery::{Class, SendError};
use crate::provider::mail::{Mail, Mailbox};

/// Nobody's out-of-office answers this (RFC 3834), and no mailing list or Exchange server either.
const AUTO_SUBMITTED: HeaderName = HeaderName::new_from_ascii_str("Auto-Submitted");
const AUTO_RESPONSE: HeaderName = HeaderName::new_from_ascii_str("X-Auto-Response-Suppress");
const PRIORITY: HeaderName = HeaderName::new_from_ascii_str("X-Priority");
const IMPORTANCE: HeaderName = HeaderName::new_from_ascii_str("Importance");

/// The bytes of a mail: lines that all end with CRLF, none too long, all of it ASCII unless an address is not.
pub(super) fn written(mail: &Mail) -> Result<Vec<u8>, SendError> {
    let to = Mailbox { name: None, address: mail.to.clone() };
    let date = UNIX_EPOCH + Duration::from_millis(u64::try_from(mail.date.millis()).unwrap_or(0));
    let mut builder = Message::builder()
        .message_id(Some(format!("<{}>", mail.message_id)))
        .date(date)
        .from(named(&mail.from)?)
        .to(named(&to)?)
        .subject(mail.subject.as_str());
    if let Some(mailbox) = &mail.reply_to {
        builder = builder.reply_to(named(mailbox)?);
    }
    if let Some(thread) = &mail.thread {
        // To a mail that nobody has: whoever gets two answers to it shows them together, in whatever order they come.
        builder = builder.in_reply_to(format!("<{thread}>")).references(format!("<{thread}>"));
    }
    let mut headers = vec![(AUTO_SUBMITTED, "auto-generated"), (AUTO_RESPONSE, "All")];
    if let Some((priority, importance)) = mail.importance() {
        headers.extend([(PRIORITY, priority), (IMPORTANCE, importance)]);
    }
    for (name, value) in headers {
        builder = builder.raw_header(HeaderValue::new(name, value.to_owned()));
    }
    // A lone CR is no line break in a mail, and forbidden there.
    let text = mail.text.replace("\r\n", "\n").replace('\r', "\n");
    let builder = builder.header(MIME_VERSION_1_0);
    let message = match mail.attachment.as_ref().and_then(|media| Some((media, media.bytes()?))) {
        None => builder.header(ContentType::TEXT_PLAIN).body(text),
        Some((media, bytes)) => {
            // One whose type is none is some file.
            let kind = ContentType::parse(&media.mime).or_else(|_| ContentType::parse("application/octet-stream"));
            let kind = kind.map_err(|e| unwritable(&e.to_string()))?;
            // As base64 whatever it is: a log must arrive as it was, line ends and all.
            let bytes = Body::new_with_encoding(bytes.to_vec(), ContentTransferEncoding::Base64);
            let bytes = bytes.map_err(|_| unwritable("its attachment"))?;
            let file = Attachment::new(media.name.clone()).body(bytes, kind);
            builder.multipart(MultiPart::mixed().singlepart(SinglePart::plain(text)).singlepart(file))
        }
    };
    let message = message.map_err(|e| unwritable(&e.to_string()))?;
    let mut bytes = message.formatted();
    if !bytes.ends_with(b"\r\n") {
        bytes.extend_from_slice(b"\r\n");
    }
    Ok(bytes)
}

fn named(mailbox: &Mailbox) -> Result<Written, SendError> {
    let address = mailbox.address.parse().map_err(|e| unwritable(&format!("{}: {e}", mailbox.address)))?;
    Ok(Written::new(mailbox.name.clone(), address))
}

fn unwritable(why: &str) -> SendError {
    no_answer(Class::Content, "mail", format!("this can't be written as a mail: {why}"))
}
