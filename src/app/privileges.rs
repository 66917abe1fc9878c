//! `-setuid` and `-setgid`: another user from the moment on that the port is open.

use std::ffi::CString;

use nix::unistd::{Gid, Group, Uid, User, getgrouplist, setgid, setgroups, setuid};

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
        self.assume_with(&[])
    }

    /// The same, with these supplementary groups.
    pub fn assume_with(self, groups: &[u32]) -> Result<(), PrivilegesError> {
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        let refused = |what| move |why| PrivilegesError::Refused { what, why };
        let groups: Vec<Gid> = groups.iter().copied().map(Gid::from_raw).collect();
        setgroups(&groups).map_err(refused("clearing the supplementary groups"))?;
        setgid(gid).map_err(refused("-setgid"))?;
        setuid(uid).map_err(refused("-setuid"))?;
        if setuid(Uid::from_raw(0)).is_ok() {
            return Err(PrivilegesError::Regained);
        }
        Ok(())
    }
}

/// Somebody with rights: a user and its groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The user's name, or its number where it has none.
    pub name: String,
    /// The user and its first group.
    pub identity: Identity,
    /// All its groups.
    pub groups: Vec<u32>,
}

impl Person {
    /// The first of those numbers that systemd gives to users made for a run: nobody who owns anything.
    const NOBODY: u32 = 61_184;

    /// The user of this name or number. The error says why it can't be looked up.
    pub fn named(name: &str) -> Result<Option<Person>, String> {
        let found = match name.parse() {
            Ok(uid) => User::from_uid(Uid::from_raw(uid)),
            Err(_) => User::from_name(name),
        };
        let Some(user) = found.map_err(|e| format!("can't look up the user {name}: {}", e.desc()))? else {
            return Ok(None);
        };
        let own = CString::new(user.name.as_str()).ok().and_then(|name| getgrouplist(&name, user.gid).ok());
        let groups = own.unwrap_or_default().into_iter().map(Gid::as_raw).collect();
        let identity = Identity { uid: user.uid.as_raw(), gid: user.gid.as_raw() };
        Ok(Some(Person { name: user.name, identity, groups }))
    }

    /// This process's own user.
    pub fn own() -> Person {
        let uid = Uid::effective();
        let named = Person::named(&uid.as_raw().to_string()).ok().flatten();
        named.unwrap_or_else(|| Person {
            name: uid.to_string(),
            identity: Identity { uid: uid.as_raw(), gid: Gid::effective().as_raw() },
            groups: Vec::new(),
        })
    }

    /// A user that is made when it is needed, and owns nothing before.
    pub fn to_come(name: &str) -> Person {
        let identity = Identity { uid: Person::NOBODY, gid: Person::NOBODY };
        Person { name: name.to_owned(), identity, groups: Vec::new() }
    }

    /// The same, in one more group, if there is such a group.
    pub fn also_in(mut self, group: &str) -> Person {
        let named = Group::from_name(group).ok().flatten().map(|group| group.gid.as_raw());
        self.groups.extend(named.or_else(|| group.parse().ok()));
        self
    }
}

/// A user's name and a group's: their numbers where they have none.
pub fn names_of(uid: u32, gid: u32) -> (String, String) {
    let user = User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name);
    let group = Group::from_gid(Gid::from_raw(gid)).ok().flatten().map(|group| group.name);
    (user.unwrap_or_else(|| uid.to_string()), group.unwrap_or_else(|| gid.to_string()))
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
