//! Every status and error that Infobip documents of messages, and who must act.
//! <https://www.infobip.com/docs/essentials/api-essentials/response-status-and-error-codes>; the classes are our reading.

use std::time::Duration;

use crate::message::delivery::{Class, Scope};

/// What a flooding filter counts by: so many messages to a number in an hour.
const HOUR: u64 = 3600;

const fn wait(scope: Scope, seconds: u64) -> Class {
    Class::Wait { scope, after: Some(Duration::from_secs(seconds)) }
}

/// The class of a status by which a message failed; none for one that is not of messages.
pub(super) fn of_status(id: u32) -> Option<Class> {
    Some(match id {
        // The sender, the credit, the package, no route for the account.
        11 | 12 | 13 | 17 | 19 => Class::Account,
        // A network or a prefix that is not reached, do not disturb, blocklisted, not on a trial's list, no destination.
        6 | 8 | 10 | 14 | 18 | 51 | 52 => Class::Recipient,
        // Its time was over: another way may still reach whom this one did not.
        15 | 29 => Class::Recipient,
        20 => wait(Scope::Recipient, HOUR),
        // The header of its parts, its length.
        24 | 25 | 55 | 77 => Class::Content,
        56 | 57 => Class::Account,
        87 => wait(Scope::Account, HOUR),
        // The operator did not take or deliver it; it was canceled; the system.
        4 | 9 | 21 | 31 | 96..=100 => Class::Fault,
        _ => return None,
    })
}

/// The class of an error; none for one that is not of messages by SMS and WhatsApp.
pub(super) fn of_error(id: u32, permanent: bool) -> Option<Class> {
    of_chat(id).or_else(|| of_account(id)).or_else(|| of_content(id)).or_else(|| of_phone(id, permanent))
}

/// WhatsApp, and what stands between it and us.
fn of_chat(id: u32) -> Option<Class> {
    Some(match id {
        // The application, the key, what it may do, the account, Meta's bill, the sender, how it is set up.
        7001 | 7004 | 7005 | 7007 | 7011 | 7019 | 7034 | 7038 | 7081 | 7083 | 7084 | 7281 => Class::Account,
        // Unknown, blocked, an old client, another identity, opted out, capped, a device that can't.
        7002 | 7003 | 7021 | 7023 | 7025 | 7029 | 7030 | 7032 | 7033 | 7102 | 7201 => Class::Recipient,
        7006 | 7008 | 7009 | 7015 | 7018 | 7020 | 7022 | 7026 | 7027 | 7031 => Class::Content,
        7010 => Class::Form,
        // Too many people blocked or reported the sender.
        7016 => wait(Scope::Sender, HOUR),
        7017 => Class::Wait { scope: Scope::Account, after: None },
        // Not now by the law of that country.
        7024 => wait(Scope::Recipient, HOUR),
        // A template that is being copied is there within ten minutes.
        7036 => wait(Scope::Account, 600),
        7012..=7014 | 7035 | 7037 | 7050..=7052 | 7080 | 7082 => Class::Fault,
        _ => return None,
    })
}

/// The sender and its registration, and how much it may send.
fn of_account(id: u32) -> Option<Class> {
    Some(match id {
        368 | 375 | 433 | 488 | 562..=564 | 571 | 572 | 574 | 592 | 594 | 597 | 601 | 2053 => Class::Account,
        541 | 542 | 608 | 609 | 4099 | 4202 => wait(Scope::Account, HOUR),
        // India's registry: of templates it is the text that is not allowed, else it is who sends.
        4111 | 4126..=4129 | 4131..=4137 | 4143 | 4144 | 4149..=4151 | 4153 => Class::Content,
        4106 | 4108..=4110 | 4112..=4125 | 4130 | 4139 | 4140 | 4142 | 4146..=4148 | 4154..=4158 => Class::Account,
        4138 => wait(Scope::Recipient, HOUR),
        4107 | 4141 => Class::Fault,
        _ => return None,
    })
}

/// What it says.
fn of_content(id: u32) -> Option<Class> {
    Some(match id {
        71 | 323 | 355 | 561 | 598 | 603 | 607 | 4096 => Class::Content,
        _ => return None,
    })
}

/// The phone, and the networks on the way to it.
fn of_phone(id: u32, permanent: bool) -> Option<Class> {
    Some(match id {
        // Unknown, barred, blocked, suspended, without credit; no such network; not on a demo's list.
        1 | 5 | 7..=13 | 21 | 258 | 261 | 262 | 345 | 351 | 352 | 560 | 565 | 566 | 568 | 569 | 573 => Class::Recipient,
        577..=581 | 604 | 629 | 633 | 2049 | 2050 | 2052 | 3041 => Class::Recipient,
        // Too many messages to the number, or too often the same.
        4103 | 4104 => wait(Scope::Recipient, HOUR),
        // Switched off, busy, full; congested, timed out, not passed on; canceled, or not in time.
        1..=36 | 51 | 255..=262 | 500..=509 | 628 | 630..=632 | 810 | 811 | 815 => Class::Fault,
        1024..=1796 | 2048 | 2051 | 4097 | 4098 | 4100..=4102 => Class::Fault,
        // Of those that no list has, and that Infobip will not deliver.
        _ if permanent => Class::Recipient,
        _ => return None,
    })
}
