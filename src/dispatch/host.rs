//! The host we run on, as people know it.

/// What this host is called, for those who find its messages on a phone.
pub fn name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
