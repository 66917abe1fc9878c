//! A bare hyper server that answers everything with `OK`: what `.ci/peer-bench` measures hookbell's own work against.
//! Its one argument is the port.
#![allow(clippy::disallowed_methods, reason = "it is as bare as can be, and is stopped by a signal")]

use std::convert::Infallible;

use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let port = std::env::args().nth(1).unwrap_or_default().parse()?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let connection =
            http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(socket), service_fn(ok));
        tokio::spawn(connection);
    }
}

async fn ok(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::from("OK")))
}
