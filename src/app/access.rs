//! What a user may do with files, as the kernel sees it.
//!
//! Every component of a path is tried, so that it can be told which one is in the way. As another user than one's own
//! it is tried by a process that has become that user: mode bits alone know nothing of access lists and capabilities.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Access, AtFlags, CWD, accessat};
use serde_json::{Value, json};

use super::privileges::{Identity, Person};
use crate::process::{self, Ended, Limit, Spec};

/// The word by which the program is asked to judge as somebody else. It is no command for people.
pub const VERB: &str = "--judge-access";

/// Links that are followed, as the kernel does.
const LINKS: usize = 40;

/// What is to be done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Read it.
    Read,
    /// Run it, or enter it if it is a directory.
    Execute,
}

impl Right {
    fn access(self) -> Access {
        match self {
            Right::Read => Access::READ_OK,
            Right::Execute => Access::EXEC_OK,
        }
    }

    /// As `ls` and `chmod` have it.
    pub fn letter(self) -> char {
        match self {
            Right::Read => 'r',
            Right::Execute => 'x',
        }
    }

    fn of(letter: u8) -> Right {
        if letter == b'r' { Right::Read } else { Right::Execute }
    }
}

/// What stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// This is not there.
    Missing(PathBuf),
    /// This may not be used so.
    Denied(PathBuf, Right),
}

/// What stands in the way of this process.
pub fn obstacle(path: &Path, right: Right) -> Option<Obstacle> {
    let mut done = PathBuf::from("/");
    let mut left: VecDeque<OsString> = names(path);
    let mut links = 0;
    while let Some(name) = left.pop_front() {
        if name == ".." {
            done.pop();
            continue;
        }
        if let Err(why) = may(&done, Right::Execute) {
            return Some(in_the_way(why, done, Right::Execute));
        }
        let next = done.join(&name);
        match std::fs::read_link(&next) {
            Ok(target) if links < LINKS => {
                links += 1;
                if target.is_absolute() {
                    done = PathBuf::from("/");
                }
                for name in names(&target).into_iter().rev() {
                    left.push_front(name);
                }
            }
            _ => done = next,
        }
    }
    may(&done, right).err().map(|why| in_the_way(why, done, right))
}

fn names(path: &Path) -> VecDeque<OsString> {
    let kept = |part| matches!(part, Component::Normal(_) | Component::ParentDir);
    path.components().filter(|part| kept(*part)).map(|part| part.as_os_str().to_owned()).collect()
}

fn may(path: &Path, right: Right) -> Result<(), rustix::io::Errno> {
    accessat(CWD, path, right.access(), AtFlags::EACCESS)
}

fn in_the_way(why: rustix::io::Errno, path: PathBuf, right: Right) -> Obstacle {
    match why {
        rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR => Obstacle::Missing(path),
        _ => Obstacle::Denied(path, right),
    }
}

/// What stands in the way of somebody, for each of these.
///
/// # Errors
/// Why it can't be told: only root can become somebody else.
pub async fn obstacles(person: &Person, asked: &[(PathBuf, Right)]) -> Result<Vec<Option<Obstacle>>, String> {
    if rustix::process::geteuid().as_raw() == person.identity.uid {
        return Ok(asked.iter().map(|(path, right)| obstacle(path, *right)).collect());
    }
    let groups: Vec<_> = person.groups.iter().map(u32::to_string).collect();
    let program = std::env::current_exe().map_err(|e| format!("can't find this program again: {e}"))?;
    let mut stdin = Vec::new();
    for (path, right) in asked {
        stdin.push(right.letter() as u8);
        stdin.extend_from_slice(path.as_os_str().as_bytes());
        stdin.push(0);
    }
    let Identity { uid, gid } = person.identity;
    let spec = Spec {
        program,
        arg0: "hookbell".into(),
        args: [VERB.to_owned(), uid.to_string(), gid.to_string(), groups.join(",")].map(OsString::from).into(),
        environment: Vec::new(),
        directory: Some("/".into()),
        stdin: Some(stdin),
        output_bytes: 16 << 20,
        limit: Some(Limit { timeout: Duration::from_secs(30), grace: Duration::from_secs(1) }),
    };
    let Ended { code, output, .. } = process::run(spec, || ()).await.map_err(|e| e.to_string())?;
    let told = String::from_utf8_lossy(&output);
    let answers = serde_json::from_str::<Vec<Value>>(&told)
        .ok()
        .filter(|answers| code == Some(0) && answers.len() == asked.len());
    let answers = answers.ok_or_else(|| format!("can't act as {}: {}", person.name, told.trim()))?;
    Ok(answers.iter().map(read_obstacle).collect())
}

/// What `VERB` does: becomes the user of its arguments, and tells what stands in its way of what is asked on stdin.
///
/// # Errors
/// Why it can't become that user, or was asked wrongly.
pub fn judge(args: &[OsString]) -> Result<String, String> {
    let number = |text: &OsStr| text.to_str().and_then(|text| text.parse::<u32>().ok());
    let [uid, gid, groups] = args else { return Err("asked wrongly".to_owned()) };
    let (Some(uid), Some(gid)) = (number(uid), number(gid)) else { return Err("asked wrongly".to_owned()) };
    let groups: Vec<u32> = groups.to_string_lossy().split(',').filter_map(|group| group.parse().ok()).collect();
    Identity { uid, gid }.assume_with(&groups).map_err(|e| e.to_string())?;
    let mut asked = Vec::new();
    io::stdin().read_to_end(&mut asked).map_err(|e| e.to_string())?;
    let answers = asked.split(|byte| *byte == 0).filter_map(<[u8]>::split_first).map(|(letter, path)| {
        let path = PathBuf::from(OsString::from_vec(path.to_vec()));
        match obstacle(&path, Right::of(*letter)) {
            None => Value::Null,
            Some(Obstacle::Missing(at)) => json!({ "missing": at.to_string_lossy() }),
            Some(Obstacle::Denied(at, right)) => {
                json!({ "denied": at.to_string_lossy(), "right": right.letter().to_string() })
            }
        }
    });
    serde_json::to_string(&answers.collect::<Vec<_>>()).map_err(|e| e.to_string())
}

fn read_obstacle(answer: &Value) -> Option<Obstacle> {
    let text = |key: &str| answer[key].as_str();
    match (text("missing"), text("denied")) {
        (Some(at), _) => Some(Obstacle::Missing(at.into())),
        (None, Some(at)) => {
            let right = if text("right") == Some("r") { Right::Read } else { Right::Execute };
            Some(Obstacle::Denied(at.into(), right))
        }
        (None, None) => None,
    }
}

/// How a file is owned, as `root:adm 0640`; and its owner and group.
pub fn ownership(path: &Path) -> Option<(u32, u32, u32)> {
    let found = std::fs::metadata(path).ok()?;
    Some((found.uid(), found.gid(), found.mode() & 0o7777))
}
