//! The outbox on disks that are full, read-only or locked, and from files that are damaged.

mod daemon;
mod damage;
pub(crate) mod disk;
mod retention;

use std::path::Path;
use std::time::Duration;

use hookbell::clock::Clock;
use hookbell::message::{MessageId, Priority};
use hookbell::outbox::{Outbox, OutboxError};

use crate::outbox::{START, message, recipient};

const HOUR: Duration = Duration::from_secs(3600);

/// Opens the store, once its last owner's thread has given the lock back.
fn open(dir: &Path) -> Result<Outbox, OutboxError> {
    let clock = Clock::following_runtime(START);
    loop {
        match Outbox::open(dir, clock.clone()) {
            Err(OutboxError::InUse(_)) => std::thread::yield_now(),
            opened => return opened,
        }
    }
}

/// What refuses to be a store, in words.
fn refused(dir: &Path) -> String {
    match open(dir) {
        Ok(_) => panic!("opened"),
        Err(why) => why.to_string(),
    }
}

/// Stores a message to one contact by one account.
async fn accept(outbox: &Outbox, text: &str, contact: &str) -> Result<MessageId, OutboxError> {
    let message = message(text, Priority::Normal, START, HOUR);
    let id = message.id;
    outbox.enqueue(message, vec![recipient(contact, &["a", "b"])]).await.map(|()| id)
}
