//! Desks: where a device fetches what its account is to send, and says what became of it.
//!
//! A desk stands in the place of an account's lane. It claims what is due when the device asks, as a lane does when a slot is
//! free; what was fetched is leased in the outbox alone, so that the device may answer after a restart, too.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use self::desk::{Asked, Desk, Fetch};
use super::lane::Common;
use crate::account::AccountName;
use crate::clock::Timestamp;
use crate::outbox::{Answered, OutboxError, Settlement, Ticket};
use crate::provider::Account;
use crate::provider::pull::{Item, Said};
use crate::tasks::Tasks;

mod desk;

/// Calls of a device that wait for its desk: it makes one after the other.
const PENDING: usize = 16;

/// All desks. Clones are the same.
#[derive(Clone, Default)]
pub struct Desks(Arc<RwLock<HashMap<AccountName, Seat>>>);

/// A device's side of a desk.
#[derive(Clone)]
pub struct Seat {
    account: Arc<Account>,
    common: Common,
    asked: mpsc::Sender<Asked>,
}

/// What a device wants.
#[derive(Clone, Copy, Debug)]
pub struct Wants {
    /// How many items at most.
    pub most: usize,
    /// How long it has for them.
    pub lease: Duration,
    /// How long it waits, should nothing be due.
    pub wait: Duration,
}

impl Desks {
    /// Opens the desk of an account. It lends nothing before its predecessor has left.
    pub(super) fn open(&self, account: Arc<Account>, common: Common, tasks: Tasks, predecessor: Option<Tasks>) {
        let (asked, asks) = mpsc::channel(PENDING);
        let seat = Seat { account: Arc::clone(&account), common: common.clone(), asked };
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(account.name.clone(), seat);
        let family = tasks.clone();
        tasks.spawn(async move {
            if let Some(predecessor) = predecessor {
                predecessor.ended().await;
            }
            Desk::new(account, common, asks).run(&family).await;
        });
    }

    /// Nobody finds it any more.
    pub(super) fn close(&self, account: &AccountName) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(account);
    }

    /// The desk of an account; `None` while there is none, for the outbox can't be opened.
    pub fn of(&self, account: &AccountName) -> Option<Seat> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(account).cloned()
    }
}

impl Seat {
    /// Notes that the device is there.
    pub async fn is_seen(&self) {
        self.asked.send(Asked::Nothing).await.ok();
    }

    /// What is due, leased to the device; nothing, should its time be over before something is, or the desk close. Dropping
    /// this takes the question back.
    pub async fn fetch(&self, wants: Wants) -> Vec<Item> {
        let (reply, replied) = oneshot::channel();
        let until = Instant::now() + wants.wait;
        let fetch = Fetch { most: wants.most, lease: wants.lease, until, reply };
        if self.asked.send(Asked::Fetch(fetch)).await.is_err() {
            return Vec::new();
        }
        replied.await.unwrap_or_default()
    }

    /// Writes down what the device says of an item.
    ///
    /// # Errors
    /// It can't be written: the device is to say it again.
    pub async fn answer(&self, item: String, ticket: Ticket, said: Said) -> Result<Answered, OutboxError> {
        let outcome = said.outcome(&item);
        let name = &self.account.name;
        if let Err(error) = &outcome {
            tracing::warn!(account = %name, class = error.class.as_str(), "the phone did not send: {}", error.detail);
        }
        let settlement = Settlement { outcome, on_unknown: self.account.on_unknown };
        let answered = self.common.outbox.answer(name, item, ticket, settlement).await?;
        if let Answered::Settled(settled) = &answered {
            self.common.see_off(settled);
        }
        Ok(answered)
    }

    /// Gives the device more time for an item. Yields until when; `None` if it is not the device's any more.
    ///
    /// # Errors
    /// It can't be written.
    pub async fn extend(
        &self,
        item: String,
        ticket: Ticket,
        lease: Duration,
    ) -> Result<Option<Timestamp>, OutboxError> {
        self.common.outbox.extend(&self.account.name, item, ticket, lease).await
    }
}
