use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::http::{After, Request, pause_for};
use super::misbehaviour::Purpose;
use super::place::{StopFlag, TICK, Worker};
use super::record::ReceivedRequest;
use super::respond::{Exchange, respond};
use super::soap::Call;
use super::state::Shared;

/// An HTTP server on one port; dropped, it closes the port and all its connections.
#[derive(Debug)]
pub(super) struct HttpServer {
    pub(super) port: u16,
    _worker: Worker,
}

impl HttpServer {
    pub(super) fn start(listener: TcpListener, shared: Arc<Shared>) -> Self {
        listener
            .set_nonblocking(true)
            .expect("sockets can be made non-blocking");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        Self {
            port,
            _worker: Worker::start(move |stop| accept(&listener, &shared, stop)),
        }
    }
}

fn accept(listener: &TcpListener, shared: &Shared, stop: &StopFlag) {
    let tick = PollTimeout::try_from(TICK).expect("a tick is short");
    thread::scope(|scope| {
        while !stop.is_set() {
            let _ = poll(&mut [PollFd::new(listener.as_fd(), PollFlags::POLLIN)], tick);
            while let Ok((stream, peer)) = listener.accept() {
                scope.spawn(move || serve(&stream, peer, shared, stop));
            }
        }
    });
}

fn serve(stream: &TcpStream, peer: SocketAddr, shared: &Shared, stop: &StopFlag) {
    static CONNECTIONS: AtomicU64 = AtomicU64::new(1);
    let connection = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
    let prepared = stream
        .set_nonblocking(false)
        .and_then(|()| stream.set_nodelay(true))
        .and_then(|()| stream.set_read_timeout(Some(TICK)))
        .and_then(|()| stream.set_write_timeout(Some(TICK)));
    let mut buffer = Vec::new();
    while prepared.is_ok()
        && let Some(request) = Request::read(stream, &mut buffer, stop)
    {
        let exchange = begin(shared, &request, peer, connection);
        pause_for(exchange.wait, stop);
        let sent = exchange.response.send(stream, &exchange.delivery, stop);
        if matches!(exchange.purpose, Purpose::Action(_)) {
            let mut state = shared.lock();
            state.actions_in_flight -= 1;
            state.last_action_ended = Some(Instant::now());
        }
        if !matches!(sent, Ok(After::Keep)) || exchange.after == After::Close {
            return;
        }
    }
}

/// Notes the request and decides on its answer.
fn begin(shared: &Shared, request: &Request, peer: SocketAddr, connection: u64) -> Exchange {
    let call = (request.method == "POST")
        .then(|| Call::parse(&String::from_utf8_lossy(&request.body)))
        .flatten();
    let mut state = shared.lock();
    state.requests.push(ReceivedRequest {
        at: Instant::now(),
        peer,
        connection,
        method: request.method.clone(),
        path: request.path.clone(),
        headers: request.headers.clone(),
        body: request.body.clone(),
        call: call.clone(),
    });
    let exchange = respond(&mut state, request, call.as_ref(), peer.ip());
    if matches!(exchange.purpose, Purpose::Action(_)) {
        state.actions_in_flight += 1;
        state.most_actions_in_flight = state.most_actions_in_flight.max(state.actions_in_flight);
    }
    exchange
}
