//! People and rooms that can be reached: contacts, lists, phone numbers, and the ways a message may take to one.

use crate::account::{AccountName, Address};

/// One way for a message to reach a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// The account that sends it.
    pub account: AccountName,
    /// The address it is sent to.
    pub address: Address,
}

/// A contact with the ways to reach it, for one message. There is at least one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// The contact's name, or the phone number that the caller gave.
    pub contact: String,
    /// In order of preference; never empty.
    pub ways: Vec<Way>,
}
