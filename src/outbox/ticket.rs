//! What a lease is called outside of this process.

use std::fmt;
use std::str::FromStr;

use crate::message::delivery::DeliveryId;

/// More deliveries than ever go as one.
const MOST: usize = 256;

/// A lease by the numbers that the file knows it by: each delivery in it with the number of its lease, the first one first.
/// Written as `17.1`, or `17.1_18.2` where several go as one. Whoever holds it must take it for a word without a meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket(Vec<(DeliveryId, i64)>);

/// It is no ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no lease")]
pub struct NoTicket;

impl Ticket {
    pub(super) fn new(leases: Vec<(DeliveryId, i64)>) -> Ticket {
        Ticket(leases)
    }

    pub(super) fn leases(&self) -> &[(DeliveryId, i64)] {
        &self.0
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (id, number)) in self.0.iter().enumerate() {
            let between = if at == 0 { "" } else { "_" };
            write!(f, "{between}{}.{number}", id.0)?;
        }
        Ok(())
    }
}

impl FromStr for Ticket {
    type Err = NoTicket;

    fn from_str(text: &str) -> Result<Ticket, NoTicket> {
        let lease = |text: &str| {
            let (id, number) = text.split_once('.')?;
            let (id, number): (i64, i64) = (id.parse().ok()?, number.parse().ok()?);
            (id > 0 && number > 0).then_some((DeliveryId(id), number))
        };
        let leases: Option<Vec<_>> = text.split('_').take(MOST + 1).map(lease).collect();
        let leases = leases.filter(|leases| leases.len() <= MOST).ok_or(NoTicket)?;
        Ok(Ticket(leases))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_read_as_it_is_written() {
        for (text, is_one) in [
            ("17.1", true),
            ("17.1_18.2", true),
            ("", false),
            ("17", false),
            ("17.0", false),
            ("17.1_", false),
            ("-1.1", false),
        ] {
            let read = text.parse::<Ticket>();
            assert_eq!(read.map(|ticket| ticket.to_string()), if is_one { Ok(text.to_owned()) } else { Err(NoTicket) });
        }
        assert_eq!(vec!["1.1"; MOST + 1].join("_").parse::<Ticket>(), Err(NoTicket));
    }
}
