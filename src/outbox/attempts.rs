//! The rows of `attempts`: one for each try, for what was told of it, and for an end that came without one.

use rusqlite::params;

use super::error::OutboxError;
use super::rows::{self, Leased};
use super::writer::Pen;
use crate::clock::Timestamp;
use crate::message::delivery::DeliveryId;

/// One row.
pub(super) struct Entry<'a> {
    pub(super) delivery: DeliveryId,
    /// Which of its ways, from 0.
    pub(super) way: usize,
    pub(super) account: &'a str,
    pub(super) began: Timestamp,
    /// What came of it: `accepted`, a class of failure, a report's word, or how it ended.
    pub(super) class: &'a str,
    /// The provider's own; may be empty.
    pub(super) code: &'a str,
    pub(super) detail: &'a str,
    /// Reports find the delivery by it, wherever that goes.
    pub(super) receipt: Option<&'a str>,
}

impl<'a> Entry<'a> {
    /// What came of the try that `tried` is in, or was in; without one it is as if it had begun now.
    pub(super) fn of(pen: &Pen<'_>, tried: &'a Leased, class: &'a str) -> Entry<'a> {
        Entry {
            delivery: tried.delivery.id,
            way: tried.delivery.way,
            account: tried.delivery.current_way().map_or("", |way| way.account.as_str()),
            began: tried.since.unwrap_or(pen.now),
            class,
            code: "",
            detail: "",
            receipt: None,
        }
    }

    /// Writes it down.
    pub(super) fn write(&self, pen: &Pen<'_>) -> Result<(), OutboxError> {
        let Entry { delivery, way, account, began, class, code, detail, receipt } = self;
        let (way, began, now) = (rows::number(*way), began.millis(), pen.now.millis());
        pen.prepare(
            "INSERT INTO attempts (delivery, way, account, started_at, ended_at, class, code, detail, receipt)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![delivery.0, way, account, began, now, class, code, detail, receipt])?;
        Ok(())
    }
}
