//! One connection, from its first byte to its end.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::answer::Answer;
use super::connections::{Phase, Place, Watch};
use super::{Ask, Gateway};
use crate::events::Held;
use crate::machine::Door;

/// Largest head of a request (design: guarantee 5).
const HEAD: usize = 8 * 1024;
/// How long and how much of an unwanted body is read, so that its sender gets to read why it was refused: a connection
/// closed with unread input is reset, and the answer is lost with it.
const LINGER: Duration = Duration::from_secs(5);
const LINGER_BYTES: u64 = 16 * 1024 * 1024;
/// How long an answer under way may take once the connection is to be closed.
const FAREWELL: Duration = Duration::from_secs(1);

const TIMEOUT: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nCONTENT-TYPE: text/plain\r\nCONTENT-LENGTH: 0\r\nCONNECTION: close\r\n\r\n";

/// Serves requests that come over `io` to this door of ours, until the peer, the protocol or the table of connections
/// ends it.
pub async fn serve<A, I>(io: I, gateway: Arc<Gateway<A>>, place: Place, door: Door)
where
    A: Ask,
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let watch = Arc::clone(place.watch());
    let mut connection = connect(io, gateway, &watch, door);
    let ended = tokio::select! {
        ended = poll_fn(|cx| connection.poll_without_shutdown(cx)) => ended,
        () = watch.closing() => match watch.phase().0 {
            Phase::Receiving => {
                // Nothing of an answer has been sent, and the rest of the request is not wanted.
                let mut io = connection.into_parts().io.into_inner();
                let _ = io.write_all(TIMEOUT).await;
                return linger(io).await;
            }
            Phase::Idle | Phase::Serving => {
                Pin::new(&mut connection).graceful_shutdown();
                let end = poll_fn(|cx| connection.poll_without_shutdown(cx));
                tokio::time::timeout(FAREWELL, end).await.unwrap_or(Ok(()))
            }
        },
    };
    // A protocol error has been answered already (400, 431), and its sender may still be sending.
    if ended.is_err() || watch.has_unread_body() {
        linger(connection.into_parts().io.into_inner()).await;
    } else {
        let _ = connection.into_parts().io.into_inner().shutdown().await;
    }
}

fn connect<A, I>(
    io: I,
    gateway: Arc<Gateway<A>>,
    watch: &Arc<Watch>,
    door: Door,
) -> http1::Connection<TokioIo<Watched<I>>, Requests<A>>
where
    A: Ask,
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let sent = Arc::new(Sent::default());
    let watched = Watched {
        io,
        watch: Arc::clone(watch),
        sent: Arc::clone(&sent),
    };
    let requests = Requests {
        gateway,
        watch: Arc::clone(watch),
        sent,
        door,
    };
    http1::Builder::new()
        .title_case_headers(true)
        .half_close(true)
        .max_header_size(HEAD)
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(watched), requests)
}

/// Ends our half, and reads what the peer still sends.
async fn linger(mut io: impl AsyncRead + AsyncWrite + Unpin) {
    let drain = async {
        io.shutdown().await?;
        let mut unwanted = io.take(LINGER_BYTES);
        // Few connections come here, and none is to carry the room for it from its beginning.
        let mut buffer = vec![0; 4096];
        while unwanted.read(&mut buffer).await? > 0 {}
        io::Result::Ok(())
    };
    // The peer has gone, or has had its time.
    let _ = tokio::time::timeout(LINGER, drain).await;
}

/// The requests of a connection.
struct Requests<A> {
    gateway: Arc<Gateway<A>>,
    watch: Arc<Watch>,
    sent: Arc<Sent>,
    door: Door,
}

/// What waits for the answer to be sent: the first event message of a subscription that it grants.
#[derive(Default)]
struct Sent(Mutex<Option<Arc<Held>>>);

impl<A: Ask> Service<hyper::Request<Incoming>> for Requests<A> {
    type Response = Answer;
    type Error = std::convert::Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn call(&self, request: hyper::Request<Incoming>) -> Self::Future {
        let (gateway, watch, door) = (Arc::clone(&self.gateway), Arc::clone(&self.watch), self.door);
        let sent = Arc::clone(&self.sent);
        watch.received();
        Box::pin(async move {
            let mut answer = gateway.answer(request, &watch, door).await;
            // The protocol sends the answer before it flushes again.
            sent.replace(answer.extensions_mut().remove());
            watch.enter(Phase::Idle);
            Ok(answer)
        })
    }
}

impl Sent {
    fn replace(&self, held: Option<Arc<Held>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = held;
    }
}

/// A stream that tells when bytes arrive, and when they have been sent.
struct Watched<I> {
    io: I,
    watch: Arc<Watch>,
    sent: Arc<Sent>,
}

impl<I> Watched<I> {
    fn io(self: Pin<&mut Self>) -> Pin<&mut I>
    where
        I: Unpin,
    {
        Pin::new(&mut self.get_mut().io)
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Watched<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.watch.received();
        }
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Watched<I> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.io().poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        self.sent.replace(None);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io().poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.io().poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
