//! A gateway in memory, for tests: a function from requests to answers.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use portreeve_wire::Url;
use portreeve_wire::service::Service;
use tokio::io::{AsyncWriteExt, BufReader, DuplexStream};

use super::Endpoint;
use crate::http;
use crate::network::asked::{self, Asked};
use crate::network::{BoxFuture, Connected, Datagrams, Interface, Listener, Network};

/// An answer: status and body.
pub(crate) enum Told {
    /// All of it.
    Whole(u16, String),
    /// The body, and then the end of the connection before the end that was announced.
    CutOff(u16, String),
}

type Respond = Arc<dyn Fn(&Asked) -> Told + Send + Sync>;

/// The network that leads to the gateway, and nowhere else.
pub(crate) struct Loopback {
    respond: Respond,
}

impl Loopback {
    /// An HTTP client that reaches nothing but this gateway.
    pub(crate) fn client(respond: impl Fn(&Asked) -> Told + Send + Sync + 'static) -> Arc<http::Client> {
        let network = Self {
            respond: Arc::new(respond),
        };
        Arc::new(http::Client::new(Arc::new(network), http::Settings::default()))
    }

    /// A service of this gateway, in a version.
    pub(crate) fn endpoint(
        service: &'static Service,
        version: u8,
        respond: impl Fn(&Asked) -> Told + Send + Sync + 'static,
    ) -> Endpoint {
        let control = Url::parse("http://192.168.77.1:5000/control").unwrap();
        let local = Ipv4Addr::new(192, 168, 77, 2).into();
        Endpoint::new(
            service,
            service.urn(version),
            version,
            control,
            Self::client(respond),
            local,
        )
    }
}

impl fmt::Debug for Loopback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loopback").finish_non_exhaustive()
    }
}

impl Network for Loopback {
    fn interfaces(&self) -> io::Result<Vec<Interface>> {
        Ok(Vec::new())
    }

    fn connect(&self, _to: SocketAddr, from: Option<IpAddr>) -> BoxFuture<'_, io::Result<Connected>> {
        let (near, far) = tokio::io::duplex(64 * 1024);
        tokio::spawn(serve(far, Arc::clone(&self.respond)));
        let local = SocketAddr::new(from.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), 40000);
        Box::pin(async move {
            let stream = Box::new(near);
            Ok(Connected { stream, local })
        })
    }

    fn search_socket(&self, _from: SocketAddr) -> io::Result<Box<dyn Datagrams>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn announcement_socket(&self, _on: &[Ipv4Addr]) -> io::Result<Box<dyn Datagrams>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn announcement_socket_v6(&self, _on: u32) -> io::Result<Box<dyn Datagrams>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn listen(&self, _at: SocketAddr) -> io::Result<Box<dyn Listener>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

async fn serve(stream: DuplexStream, respond: Respond) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(asked) = asked::read(&mut stream).await? {
        let (status, body, missing) = match respond(&asked) {
            Told::Whole(status, body) => (status, body, 0),
            Told::CutOff(status, body) => (status, body, 1),
        };
        let length = body.len() + missing;
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
        stream.flush().await?;
        if missing > 0 {
            break;
        }
    }
    Ok(())
}
