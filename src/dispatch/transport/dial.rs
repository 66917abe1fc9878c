//! Connections: straight, through an HTTP proxy or through a SOCKS proxy.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use ::http::{HeaderValue, Uri};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

/// Which proxies the surroundings name, as curl reads them: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in
/// capitals or not. The values are addresses, or empty. Its `Debug` is left out: a proxy may hold a password.
#[derive(Clone, Default)]
pub struct Proxies {
    /// For requests to `http://`.
    pub http: String,
    /// For requests to `https://`.
    pub https: String,
    /// For both.
    pub all: String,
    /// Hosts, domains and networks that are reached directly, with commas between.
    pub none: String,
}

impl Proxies {
    /// Those of this process.
    pub fn of_process() -> Proxies {
        let read = |names: [&str; 2]| names.iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default();
        Proxies {
            http: read(["HTTP_PROXY", "http_proxy"]),
            https: read(["HTTPS_PROXY", "https_proxy"]),
            all: read(["ALL_PROXY", "all_proxy"]),
            none: read(["NO_PROXY", "no_proxy"]),
        }
    }
}

impl Proxies {
    /// The variables that can't be read as a proxy's address, and so are as good as not set.
    pub(super) fn unreadable(&self) -> impl Iterator<Item = &'static str> {
        let given = [("HTTP_PROXY", &self.http), ("HTTPS_PROXY", &self.https), ("ALL_PROXY", &self.all)];
        let anywhere = Uri::from_static("http://host.invalid/");
        given.into_iter().filter_map(move |(name, value)| {
            let matcher = Matcher::builder().all(value.clone()).build();
            (!value.is_empty() && matcher.intercept(&anywhere).is_none()).then_some(name)
        })
    }
}

/// Makes connections for one account.
#[derive(Clone)]
pub(super) struct Dial {
    direct: HttpConnector,
    proxies: Arc<Matcher>,
}

impl Dial {
    /// With the account's proxy for everything, or those of the surroundings.
    pub(super) fn new(own: Option<&Uri>, proxies: &Proxies) -> Dial {
        // As curl reads it, `*` is every host; the matcher takes it for names only.
        let none_at_all = proxies.none.split(',').any(|host| host.trim() == "*");
        let matcher = match own {
            Some(proxy) => Matcher::builder().all(proxy.to_string()),
            None if none_at_all => Matcher::builder(),
            None => Matcher::builder()
                .http(proxies.http.clone())
                .https(proxies.https.clone())
                .all(proxies.all.clone())
                .no(proxies.none.clone()),
        };
        let mut direct = HttpConnector::new();
        direct.set_nodelay(true);
        // Both schemes come by here: TLS is put on top.
        direct.enforce_http(false);
        Dial { direct, proxies: Arc::new(matcher.build()) }
    }

    /// Whether there is a proxy on the way to anywhere.
    pub(super) fn has_proxy(&self) -> bool {
        self.proxy(&Uri::from_static("https://host.invalid/")).is_some()
    }

    /// The proxy on the way to `url`, as `host:port`, without its password.
    pub(super) fn proxy(&self, url: &Uri) -> Option<String> {
        // What reads it ends the password at the first `@`, which may stand in it.
        self.proxies.intercept(url)?.uri().authority()?.as_str().rsplit('@').next().map(str::to_owned)
    }

    /// What a request that names its whole URL to an HTTP proxy has to show there.
    pub(super) fn authorization(&self, url: &Uri) -> Option<HeaderValue> {
        let mut authorization = match self.proxies.intercept(url) {
            Some(proxy) if url.scheme_str() == Some("http") => proxy.basic_auth()?.clone(),
            _ => return None,
        };
        authorization.set_sensitive(true);
        Some(authorization)
    }
}

type BoxError = Box<dyn Error + Send + Sync>;

impl Service<Uri> for Dial {
    type Response = Dialed;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Dialed, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.direct.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        let (direct, proxy) = (self.direct.clone(), self.proxies.intercept(&url));
        Box::pin(async move {
            match proxy {
                Some(proxy) => through(proxy, direct, url).await,
                None => straight(direct, url).await.map(|io| Dialed { io, names_url: false }),
            }
        })
    }
}

async fn straight(mut direct: HttpConnector, url: Uri) -> Result<TokioIo<TcpStream>, BoxError> {
    Ok(direct.call(url).await?)
}

async fn through(proxy: Intercept, direct: HttpConnector, url: Uri) -> Result<Dialed, BoxError> {
    let plain = url.scheme_str() == Some("http");
    let io = match proxy.uri().scheme_str() {
        // A proxy without a port means the one of its scheme, which is what `direct` takes.
        Some("http") if plain => {
            let io = straight(direct, proxy.uri().clone()).await?;
            return Ok(Dialed { io, names_url: true });
        }
        Some("http") => {
            let mut tunnel = Tunnel::new(proxy.uri().clone(), direct);
            if let Some(authorization) = proxy.basic_auth() {
                tunnel = tunnel.with_auth(authorization.clone());
            }
            tunnel.call(url).await?
        }
        Some("socks5" | "socks5h") => {
            // The proxy looks names up in any case: whoever needs one often can't trust the names here.
            let mut socks = SocksV5::new(with_port(proxy.uri(), 1080)?, direct);
            if let Some((user, password)) = proxy.raw_auth() {
                socks = socks.with_auth(user.to_owned(), password.to_owned());
            }
            // Without a port the library means 443, whatever the scheme.
            socks.call(with_port(&url, if plain { 80 } else { 443 })?).await?
        }
        scheme => return Err(format!("a proxy by {} is not supported", scheme.unwrap_or_default()).into()),
    };
    Ok(Dialed { io, names_url: false })
}

/// The address with a port, if it has none.
fn with_port(url: &Uri, port: u16) -> Result<Uri, BoxError> {
    match (url.port(), url.host()) {
        (None, Some(host)) => {
            let authority = format!("{host}:{port}");
            Ok(Uri::builder().scheme("http").authority(authority).path_and_query("/").build()?)
        }
        _ => Ok(url.clone()),
    }
}

/// A connection.
pub(super) struct Dialed {
    io: TokioIo<TcpStream>,
    /// It ends at a proxy that has to be told the whole URL.
    names_url: bool,
}

impl Connection for Dialed {
    fn connected(&self) -> Connected {
        self.io.connected().proxy(self.names_url)
    }
}

impl Read for Dialed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl Write for Dialed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_that_can_not_be_read_is_named() {
        let [http, https] = ["http://u:p@proxy:3128", "ftp://proxy"].map(str::to_owned);
        let proxies = Proxies { http, https, all: "a proxy".to_owned(), none: String::new() };
        assert_eq!(proxies.unreadable().collect::<Vec<_>>(), ["HTTPS_PROXY", "ALL_PROXY"]);
        assert_eq!(Proxies { all: "proxy:3128".to_owned(), ..Proxies::default() }.unreadable().count(), 0);
    }
}
