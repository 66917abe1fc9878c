//! The values that labels may have, beside the names of hooks and accounts. There are no others.

use super::counts::Word;

/// An enum whose variants are the values of one label.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$of])* $variant),+
        }

        impl Word for $name {
            const WORDS: &'static [&'static str] = &[$($word),+];

            fn place(self) -> usize {
                self as usize
            }
        }
    };
}

words! {
    /// How a call of a hook ended.
    CallEnd {
        /// The hook does what it does: a message is on disk or sent, a command was started or ended well.
        Accepted = "accepted",
        /// The same message was accepted before.
        Duplicate = "duplicate",
        /// The trigger rule is not satisfied.
        Unsatisfied = "unsatisfied",
        /// No token, or a wrong one.
        Unauthorized = "unauthorized",
        /// The caller must say it otherwise.
        Refused = "refused",
        /// We could not do it, or its command failed.
        Failed = "failed",
        /// Nothing was to be done: a look, or a dry run.
        Nothing = "nothing",
    }
}

words! {
    /// How a command ended.
    CommandEnd {
        /// With exit status 0.
        Well = "ok",
        /// With another one.
        Badly = "failed",
        /// By a signal.
        Killed = "killed",
        /// It could not be started.
        NotStarted = "not-started",
    }
}

words! {
    /// What became of a message that was to be kept.
    MessageEnd {
        /// It is on disk.
        Stored = "stored",
        /// It was there already.
        Duplicate = "duplicate",
        /// It could not be stored, and was sent straight from memory.
        Direct = "sent-not-stored",
        /// It could neither be stored nor sent.
        Lost = "lost",
    }
}

words! {
    /// A state that a delivery came to.
    Stage {
        /// It waits for its turn at the account: newly accepted, come from another way, or put back by an operator.
        Queued = "queued",
        /// The provider took it.
        Sent = "sent",
        /// The provider says it arrived.
        Delivered = "delivered",
        /// The provider says it was read.
        Read = "read",
        /// No way is left.
        Failed = "failed",
        /// Its time ran out.
        Expired = "expired",
        /// An operator took it back.
        Canceled = "canceled",
    }
}

words! {
    /// How a try ended: well, or by the class of its failure.
    TryEnd {
        /// The provider took it.
        Accepted = "accepted",
        /// Come back later.
        Wait = "wait",
        /// Nothing left this host.
        Network = "network",
        /// Bytes left, no answer came.
        Unknown = "unknown",
        /// An answer that only says to try again.
        Fault = "fault",
        /// The address can't be reached.
        Recipient = "recipient",
        /// The text can't be sent.
        Content = "content",
        /// The window is closed for this form.
        Form = "form",
        /// The account can't send.
        Account = "account",
    }
}

words! {
    /// Whose rate kept a delivery waiting.
    Limit {
        /// The account's.
        Account = "account",
        /// The recipient's.
        Recipient = "recipient",
    }
}

words! {
    /// How a reload ended.
    ReloadEnd {
        /// The new configuration is in force.
        Taken = "ok",
        /// It has mistakes, and the old one stays.
        Refused = "refused",
    }
}

words! {
    /// Where a connection came in.
    Face {
        /// At the main listener.
        Hooks = "hooks",
        /// At the listener for providers.
        Callbacks = "callbacks",
        /// At the control socket.
        Control = "control",
        /// At the admin listener.
        Admin = "admin",
    }
}
