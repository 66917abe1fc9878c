//! Listening: addresses, unix sockets, and what happens when descriptors run out.

use std::fs::File;
use std::path::Path;
use std::process::Command;

use hookbell::http::Limits;
use hookbell::http::listener::Listener;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

use super::LAST;
use super::world::{Client, House};

async fn ask(mut socket: UnixStream) -> String {
    socket.write_all(format!("GET /peer{LAST}").as_bytes()).await.unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn the_default_host_takes_both_families() {
    let listener = Listener::bind_tcp("0.0.0.0", 0).await.unwrap();
    let port = listener.socket_address().unwrap().port();
    assert_eq!(listener.local_address(), format!("0.0.0.0:{port}"));
    let has_ipv6 = listener.socket_address().unwrap().is_ipv6();
    let _house = House::on(listener, Limits::default());
    for (host, shown) in [("127.0.0.1", "\r\n\r\n127.0.0.1:"), ("::1", "\r\n\r\n[::1]:")] {
        if host == "::1" && !has_ipv6 {
            continue;
        }
        let mut client = Client(TcpStream::connect((host, port)).await.unwrap());
        client.send(format!("GET /peer{LAST}")).await;
        let text = client.rest().await;
        assert!(text.contains(shown), "{text}");
    }
}

#[tokio::test]
async fn hosts_are_addresses_or_names() {
    for host in ["127.0.0.1", "localhost", "::1", "[::1]", ""] {
        match Listener::bind_tcp(host, 0).await {
            Ok(listener) => drop(TcpStream::connect(listener.socket_address().unwrap()).await.unwrap()),
            Err(error) => assert!(host.contains("::1") && error.to_string().contains("[::1]:0"), "{error}"),
        }
    }
}

#[tokio::test]
async fn an_address_in_use_is_an_error_of_the_known_form() {
    let first = Listener::bind_tcp("127.0.0.1", 0).await.unwrap();
    let port = first.socket_address().unwrap().port();
    for host in ["127.0.0.1", "0.0.0.0"] {
        let error = Listener::bind_tcp(host, port).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("error listening on port: listen tcp {host}:{port}: Address")), "{error}");
    }
}

#[tokio::test]
async fn a_unix_socket_serves_and_goes_with_its_listener() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bell.sock");
    let house = House::on(Listener::bind_unix(&path).await.unwrap(), Limits::default());
    assert_eq!(house.address, format!("{{unix:{}}}", path.display()));
    assert!(ask(UnixStream::connect(&path).await.unwrap()).await.ends_with("\r\n\r\n@"));
    let error = Listener::bind_unix(&path).await.unwrap_err().to_string();
    assert!(error.starts_with("error listening on socket: listen unix /"), "{error}");
    house.stop().await;
    assert!(!path.exists());
}

#[tokio::test]
async fn a_dead_process_s_socket_is_replaced_and_anything_else_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bell.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let replaced = Listener::bind_unix(&path).await.unwrap();
    // A successor's file is not ours to remove.
    std::fs::remove_file(&path).unwrap();
    let successor = Listener::bind_unix(&path).await.unwrap();
    drop(replaced);
    assert!(path.exists());
    drop(successor);
    std::fs::write(&path, "a file").unwrap();
    assert!(Listener::bind_unix(&path).await.is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "a file");
}

#[tokio::test]
async fn an_abstract_socket_has_no_file() {
    use std::os::linux::net::SocketAddrExt as _;
    let name = format!("hookbell-test-{}", std::process::id());
    let _house = House::on(Listener::bind_unix(Path::new(&format!("@{name}"))).await.unwrap(), Limits::default());
    let address = std::os::unix::net::SocketAddr::from_abstract_name(name).unwrap();
    let socket = std::os::unix::net::UnixStream::connect_addr(&address).unwrap();
    socket.set_nonblocking(true).unwrap();
    assert!(ask(UnixStream::from_std(socket).unwrap()).await.ends_with("@"));
}

#[tokio::test]
async fn inherited_sockets_serve() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bell.sock");
    let listener = Listener::from_std_unix(std::os::unix::net::UnixListener::bind(&path).unwrap()).unwrap();
    let house = House::on(listener, Limits::default());
    assert!(ask(UnixStream::connect(&path).await.unwrap()).await.ends_with("@"));
    house.stop().await;
    assert!(path.exists(), "it belongs to whoever made it");
    let listener = Listener::from_std_tcp(std::net::TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
    let house = House::on(listener, Limits::default());
    assert!(house.exchange(format!("GET /x{LAST}")).await.ends_with("/x"));
}

#[tokio::test]
async fn a_thousand_quick_connections_are_all_answered() {
    let house = House::open().await;
    let mut clients = Vec::new();
    for _ in 0..1000 {
        let mut client = house.client().await;
        client.send(format!("GET /x{LAST}")).await;
        clients.push(client);
    }
    for mut client in clients {
        assert!(client.rest().await.ends_with("/x"));
    }
}

#[tokio::test]
async fn a_connection_too_many_waits_for_its_turn() {
    let house = House::with(Limits { connections: 1, ..Limits::default() }).await;
    let (first, mut second) = (house.client().await, house.client().await);
    second.send(format!("GET /x{LAST}")).await;
    house.logged(&["WARN", "every permitted connection", "limit=1"]).await;
    drop(first);
    assert!(second.rest().await.ends_with("/x"));
}

/// Runs in a process of its own, for it takes every descriptor there is.
#[tokio::test]
#[ignore = "run by the test below"]
async fn alone_without_descriptors() {
    let house = House::open().await;
    let limit = rustix::process::Rlimit { current: Some(64), maximum: Some(64) };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    let mut held: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    // One for the client's own end; the server has none for its own.
    held.pop();
    let mut client = house.client().await;
    client.send(format!("GET /x{LAST}")).await;
    house.logged(&["ERROR", "connections can't be accepted", "Too many open files"]).await;
    held.clear();
    assert!(client.rest().await.ends_with("/x"));
}

#[test]
fn running_out_of_descriptors_is_survived() {
    let test = "edge::sockets::alone_without_descriptors";
    let output = Command::new(std::env::current_exe().unwrap()).args([test, "--exact", "--ignored"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}
