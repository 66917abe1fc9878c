//! The units are sound and hardened, and the socket of a service manager is taken over.

use std::fs;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use hookbell::app::systemd::{Inherited, inherited};

use crate::source::{root, tracked};

/// What the units refer to by name, and a bare folder does not have.
const TARGETS: [&str; 7] = ["basic", "multi-user", "network", "shutdown", "sockets", "sysinit", "umount"];

/// Where units are, in a file tree.
const UNITS: &str = "etc/systemd/system";

/// A file tree with stand-ins for programs and targets.
fn bare_tree(programs: &[&str]) -> tempfile::TempDir {
    let tree = tempfile::tempdir().unwrap();
    let units = tree.path().join(UNITS);
    fs::create_dir_all(&units).unwrap();
    for program in programs {
        let program = tree.path().join(program);
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        fs::write(&program, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    for target in TARGETS {
        fs::write(units.join(format!("{target}.target")), "[Unit]\nDescription=a stand-in\n").unwrap();
    }
    tree
}

/// The same with one unit.
pub(crate) fn tree_with(name: &str, unit: &str, programs: &[&str]) -> tempfile::TempDir {
    let tree = bare_tree(programs);
    fs::write(tree.path().join(UNITS).join(name), unit).unwrap();
    tree
}

/// A file tree with the units, one drop-in, and stand-ins for what they refer to.
fn installed(drop_in: Option<&str>) -> tempfile::TempDir {
    let tree = bare_tree(&["usr/bin/hookbell", "usr/bin/kill"]);
    let units = tree.path().join(UNITS);
    let drop_ins = units.join("hookbell.service.d");
    fs::create_dir_all(&drop_ins).unwrap();
    let copy = |name: &str, to: &Path| fs::copy(root().join("systemd").join(name), to.join(name)).unwrap();
    copy("hookbell.service", &units);
    copy("hookbell.socket", &units);
    match drop_in {
        Some(name) if is_for_the_socket(name) => {
            fs::create_dir(units.join("hookbell.socket.d")).unwrap();
            copy(name, &units.join("hookbell.socket.d"));
        }
        Some(name) => {
            copy(name, &drop_ins);
        }
        None => {}
    }
    tree
}

fn is_for_the_socket(drop_in: &str) -> bool {
    crate::source::read(&format!("systemd/{drop_in}")).contains("\n[Socket]\n")
}

/// `None`, with a line that says so, where there is no systemd to ask; with CI set that is a failure.
pub(crate) fn analyze(tree: &Path, args: &[&str]) -> Option<Output> {
    match Command::new("systemd-analyze").arg("--root").arg(tree).args(args).output() {
        Ok(output) => Some(output),
        Err(error) if std::env::var_os("CI").is_none() => {
            eprintln!("skipped: systemd-analyze: {error}");
            None
        }
        Err(error) => panic!("systemd-analyze: {error}"),
    }
}

/// Every drop-in that is shipped.
fn drop_ins() -> Vec<String> {
    let files = tracked().into_iter().filter_map(|file| file.strip_prefix("systemd/").map(str::to_owned));
    files.filter(|file| file.ends_with(".conf")).collect()
}

#[test]
fn systemd_has_nothing_to_say_about_the_units() {
    // systemd 252 does not know it.
    let known = drop_ins().into_iter().filter(|name| name != "notify-reload.conf").map(Some);
    for drop_in in known.chain([None]) {
        let tree = installed(drop_in.as_deref());
        let Some(output) = analyze(tree.path(), &["verify", "hookbell.service", "hookbell.socket"]) else { return };
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(said.is_empty() && output.status.success(), "{drop_in:?}: {said}");
    }
}

#[test]
fn the_service_is_hardened() {
    let tree = installed(None);
    // In tenths: the exposure may be 2.0 at most.
    let args = ["security", "--offline=true", "--threshold=20", "hookbell.service"];
    let Some(output) = analyze(tree.path(), &args) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn every_drop_in_says_how_it_is_put_in_place_and_the_unit_names_it() {
    let unit = crate::source::read("systemd/hookbell.service");
    let drop_ins = drop_ins();
    assert!(drop_ins.len() > 5, "{drop_ins:?}");
    for name in drop_ins {
        let text = crate::source::read(&format!("systemd/{name}"));
        let is_told = text.contains("systemctl edit hookbell") || text.contains(&format!(".service.d/{name}"));
        assert!(is_told, "{name} does not say how to install it");
        assert!(unit.contains(&format!("#   {name} ")), "hookbell.service does not name {name}");
    }
}

#[test]
fn a_drain_ends_before_systemd_loses_its_patience() {
    let unit = crate::source::read("systemd/hookbell.service");
    let stop = unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")?.strip_suffix('s')).unwrap();
    assert!(stop.parse::<u64>().unwrap() > hookbell::app::settings::DEFAULT_DRAIN.as_secs());
}

/// Runs the test `heir` in a process of its own, with `socket` as descriptor 3 and what systemd would set.
fn bequeath(socket: OwnedFd, how: &str) -> String {
    let test = std::env::current_exe().unwrap();
    let heir = format!("{how} exec \"$0\" --exact systemd::heir --ignored --nocapture 3<&0 4<&0 </dev/null");
    let mut sh = Command::new("sh");
    let output = sh.arg("-c").arg(heir).arg(test).stdin(Stdio::from(socket)).output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
#[ignore = "it is started by the tests below"]
fn heir() {
    match inherited() {
        Ok(Some(Inherited::Tcp(tcp))) => println!("tcp {}", tcp.local_addr().unwrap()),
        Ok(Some(Inherited::Unix(unix))) => println!("unix {:?}", unix.local_addr().unwrap().as_pathname()),
        Ok(None) => println!("nothing"),
        Err(error) => println!("error {error}"),
    }
    println!("left {}", std::env::vars().filter(|(name, _)| name == "LISTEN_PID" || name == "LISTEN_FDS").count());
}

#[test]
fn a_socket_of_either_kind_is_taken_over() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap();
    let said = bequeath(tcp.into(), "LISTEN_PID=$$ LISTEN_FDS=1");
    assert!(said.contains(&format!("tcp {address}")) && said.contains("left 0"), "{said}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bell.sock");
    let said = bequeath(UnixListener::bind(&path).unwrap().into(), "LISTEN_PID=$$ LISTEN_FDS=1");
    assert!(said.contains(&format!("unix Some({path:?})")), "{said}");
}

#[test]
fn two_sockets_and_strange_ones_are_refused_and_anothers_left_alone() {
    let socket = || OwnedFd::from(TcpListener::bind("127.0.0.1:0").unwrap());
    let said = bequeath(socket(), "LISTEN_PID=$$ LISTEN_FDS=2");
    assert!(said.contains("error received 2 sockets from systemd, but only 1 is supported"), "{said}");
    assert!(bequeath(socket(), "LISTEN_PID=1 LISTEN_FDS=1").contains("nothing"));
    assert!(bequeath(socket(), "LISTEN_FDS=1").contains("nothing"));
    let file = fs::File::open(root().join("Cargo.toml")).unwrap();
    let said = bequeath(file.into(), "LISTEN_PID=$$ LISTEN_FDS=1");
    assert!(said.contains("error can't use the socket from systemd: fd 3 is not a socket"), "{said}");
}
