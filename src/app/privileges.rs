//! `-setuid` and `-setgid`: another user from the moment on that the port is open.

use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};

/// Whom the process becomes. Neither is root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub uid: u32,
    /// Its only group.
    pub gid: u32,
}

/// Why the process is still who it was, or who it must not be.
#[derive(Debug, thiserror::Error)]
pub enum PrivilegesError {
    /// The system refuses.
    #[error("error dropping privileges: {what}: {}", why.desc())]
    Refused {
        /// What was asked of it.
        what: &'static str,
        /// What it said.
        why: nix::Error,
    },
    /// It let itself be root again.
    #[error("error dropping privileges: they can be had back")]
    Regained,
}

impl Identity {
    /// What the two flags mean: nothing where neither is given. 0 counts as not given, as with the peer. The error is
    /// the peer's where only one is.
    pub fn named(uid: i64, gid: i64) -> Result<Option<Identity>, String> {
        if (uid == 0) != (gid == 0) {
            return Err(Identity::TOGETHER.to_owned());
        }
        let id = |flag: &str, id: i64| {
            let whole = u32::try_from(id).ok().filter(|id| *id != u32::MAX);
            whole.ok_or_else(|| format!("error dropping privileges: {flag} {id} is no number of a user or group"))
        };
        if uid == 0 {
            return Ok(None);
        }
        Ok(Some(Identity { uid: id("-setuid", uid)?, gid: id("-setgid", gid)? }))
    }

    /// What is said where one of the flags is given without the other.
    pub const TOGETHER: &str = "error: setuid and setgid options must be used together";

    /// Makes all threads of the process this user's: first the supplementary groups go, then the group, then the user,
    /// for nobody but root could do the first two afterwards.
    ///
    /// These are libc's functions, which reach every thread. A bare system call would change the calling thread only.
    pub fn assume(self) -> Result<(), PrivilegesError> {
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        let refused = |what| move |why| PrivilegesError::Refused { what, why };
        setgroups(&[]).map_err(refused("clearing the supplementary groups"))?;
        setgid(gid).map_err(refused("-setgid"))?;
        setuid(uid).map_err(refused("-setuid"))?;
        if setuid(Uid::from_raw(0)).is_ok() {
            return Err(PrivilegesError::Regained);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_given_or_neither() {
        assert_eq!(Identity::named(0, 0), Ok(None));
        assert_eq!(Identity::named(33, 34), Ok(Some(Identity { uid: 33, gid: 34 })));
        for (uid, gid) in [(33, 0), (0, 33), (-1, 0)] {
            assert_eq!(Identity::named(uid, gid), Err(Identity::TOGETHER.to_owned()));
        }
        for (uid, gid) in [(-1, 33), (33, 4_294_967_295), (33, 1 << 40)] {
            assert!(Identity::named(uid, gid).unwrap_err().starts_with("error dropping privileges: -set"));
        }
    }
}
