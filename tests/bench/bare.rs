//! A bare hyper server that answers everything with `OK`, and `/hooks/true` with the output of `/bin/true`: what `.ci/peer-bench`
//! measures hookbell's own work against. Its one argument is the port.
#![allow(clippy::disallowed_methods, reason = "it is as bare as can be, and is stopped by a signal")]

use std::convert::Infallible;
use std::process::Stdio;

use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::process::Command;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let port = std::env::args().nth(1).unwrap_or_default().parse()?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let connection =
            http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(socket), service_fn(answer));
        tokio::spawn(connection);
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = if request.uri().path() == "/hooks/true" { run().await.unwrap_or_default() } else { Bytes::from("OK") };
    Ok(Response::new(Full::from(body)))
}

async fn run() -> std::io::Result<Bytes> {
    let mut command = Command::new("/bin/true");
    let output = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).output().await?;
    Ok(output.stdout.into())
}
