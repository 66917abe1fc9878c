//! Asking the thread for something, and waiting until it is on disk.

use std::sync::mpsc::TrySendError;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Op, Order, Pen, Writer};
use crate::outbox::error::OutboxError;
use crate::outbox::step::Moment;

/// How soon to ask again for the end, where the writer is behind.
const CLOSE_AGAIN: Duration = Duration::from_millis(10);

/// An operation that is answered with its own failure, if it has one, or else with that of its transaction.
pub(super) fn boxed<T: Send + 'static>(
    op: impl FnOnce(&Pen<'_>) -> Result<T, OutboxError> + Send + 'static,
    reply: oneshot::Sender<Result<T, OutboxError>>,
) -> Op {
    Box::new(move |pen| {
        let result = pen.and_then(op);
        // The caller may have gone; what it asked for is done all the same.
        Box::new(move |committed| drop(reply.send(result.and_then(|done| committed.map(|()| done)))))
    })
}

impl Writer {
    /// Runs `op` on the thread. The answer comes after the commit, never before. A failure takes back its own changes
    /// only.
    pub(in crate::outbox) async fn run<T: Send + 'static>(
        &self,
        op: impl FnOnce(&Pen<'_>) -> Result<T, OutboxError> + Send + 'static,
    ) -> Result<T, OutboxError> {
        self.ask(move |pen| pen.apart(op)).await
    }

    /// The same for an operation that fails before its first change, if at all: else only where the disk does, and then
    /// all that share its transaction fail, too.
    pub(in crate::outbox) async fn run_together<T: Send + 'static>(
        &self,
        op: impl FnOnce(&Pen<'_>) -> Result<T, OutboxError> + Send + 'static,
    ) -> Result<T, OutboxError> {
        self.ask(move |pen| pen.together(op)).await
    }

    async fn ask<T: Send + 'static>(
        &self,
        op: impl FnOnce(&Pen<'_>) -> Result<T, OutboxError> + Send + 'static,
    ) -> Result<T, OutboxError> {
        let result = self.answer(op).await;
        if result.is_err() {
            self.metrics.outbox_failed();
        }
        result
    }

    async fn answer<T: Send + 'static>(
        &self,
        op: impl FnOnce(&Pen<'_>) -> Result<T, OutboxError> + Send + 'static,
    ) -> Result<T, OutboxError> {
        let (reply, answer) = oneshot::channel();
        let order = Order::Op(Moment { now: self.clock.now(), steady: Instant::now() }, boxed(op, reply));
        self.orders.try_send(order).map_err(|e| match e {
            TrySendError::Full(_) => OutboxError::Busy,
            TrySendError::Disconnected(_) => OutboxError::closed(),
        })?;
        answer.await.unwrap_or_else(|_| Err(OutboxError::closed()))
    }

    /// Ends the thread after what it already has, and waits for it.
    pub(in crate::outbox) async fn close(&self) {
        loop {
            let (reply, closed) = oneshot::channel();
            match self.orders.try_send(Order::Close(reply)) {
                Ok(()) => return closed.await.unwrap_or_default(),
                Err(TrySendError::Disconnected(_)) => return,
                Err(TrySendError::Full(_)) => tokio::time::sleep(CLOSE_AGAIN).await,
            }
        }
    }
}
