//! A request's body: read whole, within a size and a time, or not at all.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Bytes, Incoming};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::stream::Notes;

/// A body that is left unread is taken off the connection by the parser if it is this small, and the connection stays
/// of use; else the answer closes it, for reading on would cost more than a new connection.
const WORTH_SKIPPING: u64 = 64 * 1024;

/// The first allocation for a body that arrives in pieces; the size a caller announces is not yet paid for.
const FIRST_PIECE: usize = 64 * 1024;

/// What each body of a stranger may have beside the room that all of them share.
const SMALL: usize = 64 * 1024;

/// The room that all bodies share which strangers are sending, in KiB.
static ROOM: Semaphore = Semaphore::const_new(256 * 1024);

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// It has more bytes than it may. The rest of it was not read.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// How many it may have.
        limit: usize,
    },
    /// It was not complete in time.
    #[error("the body did not arrive in time")]
    TooSlow,
    /// Too many others were being read.
    #[error("too many large bodies are being received")]
    Crowded,
    /// The client broke off, or did not keep to the form it announced.
    #[error("the client broke off in the body")]
    Cut,
}

/// A body that has not been read yet. Dropped unread, it makes the answer the last one of its connection where it is
/// too large to be skipped.
#[derive(Debug)]
pub struct Body {
    incoming: Incoming,
    /// Whether its end has been seen; `incoming` can't tell for a chunked one.
    complete: bool,
    /// Whether its caller has shown nothing yet, and so must share the room with all others: so it is until somebody says
    /// otherwise.
    stranger: bool,
    notes: Arc<Notes>,
}

impl Body {
    pub(super) fn new(incoming: Incoming, notes: Arc<Notes>) -> Body {
        Body { complete: incoming.is_end_stream(), incoming, stranger: true, notes }
    }

    /// The body of a caller who has shown who he is, if that is so: for all others there is only so much room.
    pub(super) fn known_if(mut self, is_known: bool) -> Body {
        self.stranger = !is_known;
        self
    }

    /// All of it, if it has at most `limit` bytes and they arrive before `deadline` is over. A body that announces
    /// more is refused before a byte is read.
    pub async fn read(mut self, limit: usize, deadline: Duration) -> Result<Bytes, BodyFault> {
        if self.complete {
            return Ok(Bytes::new());
        }
        if self.incoming.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
            return Err(BodyFault::TooLarge { limit });
        }
        match tokio::time::timeout(deadline, self.gather(limit)).await {
            Ok(read) => read,
            Err(_elapsed) => Err(BodyFault::TooSlow),
        }
    }

    async fn gather(&mut self, limit: usize) -> Result<Bytes, BodyFault> {
        let mut first = Bytes::new();
        let mut whole = Vec::new();
        let mut share = Share::default();
        while let Some(frame) = self.incoming.frame().await {
            let Ok(piece) = frame.map_err(|_| BodyFault::Cut)?.into_data() else { continue };
            if piece.len() > limit - first.len().max(whole.len()) {
                return Err(BodyFault::TooLarge { limit });
            }
            if self.stranger {
                share.grow(&ROOM, first.len().max(whole.len()) + piece.len())?;
            }
            if first.is_empty() && whole.is_empty() {
                // One piece is the usual case: no copy.
                first = piece;
                continue;
            }
            if whole.is_empty() {
                let expected = usize::try_from(self.incoming.size_hint().lower()).unwrap_or(limit);
                whole.reserve_exact(first.len() + piece.len() + expected.min(FIRST_PIECE));
                whole.extend_from_slice(&std::mem::take(&mut first));
            }
            whole.extend_from_slice(&piece);
        }
        self.complete = true;
        Ok(if whole.is_empty() { first } else { Bytes::from(whole) })
    }
}

/// What one body takes up of the room.
#[derive(Default)]
struct Share<'r>(Option<SemaphorePermit<'r>>);

impl<'r> Share<'r> {
    /// Takes what so many bytes need by now.
    fn grow(&mut self, room: &'r Semaphore, bytes: usize) -> Result<(), BodyFault> {
        let needed = bytes.saturating_sub(SMALL).div_ceil(1024);
        let more = needed.saturating_sub(self.0.as_ref().map_or(0, SemaphorePermit::num_permits));
        if more == 0 {
            return Ok(());
        }
        let more = u32::try_from(more).ok().and_then(|more| room.try_acquire_many(more).ok());
        let more = more.ok_or(BodyFault::Crowded)?;
        match &mut self.0 {
            Some(share) => share.merge(more),
            None => self.0 = Some(more),
        }
        Ok(())
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if !self.complete {
            self.notes.unread(self.incoming.size_hint().upper().is_none_or(|left| left > WORTH_SKIPPING));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_share_a_room_and_small_bodies_need_none() {
        let room = Semaphore::new(10);
        let (mut one, mut other, mut small) = (Share::default(), Share::default(), Share::default());
        assert_eq!((one.grow(&room, SMALL + 1), one.grow(&room, SMALL + 6 * 1024)), (Ok(()), Ok(())));
        assert_eq!((room.available_permits(), other.grow(&room, SMALL + 5 * 1024)), (4, Err(BodyFault::Crowded)));
        assert_eq!((small.grow(&room, SMALL), other.grow(&room, SMALL + 4 * 1024)), (Ok(()), Ok(())));
        drop((one, other));
        assert_eq!(room.available_permits(), 10);
    }
}
