//! Answering on one interface: all that has come is taken at once and handed to the engine together, so that it shares
//! one transaction of the kernel and one wait for the disk, and each is answered when it is done.

use std::sync::Arc;
use std::time::{Duration, Instant};

use portreeve_engine::{Reply, Request};
use portreeve_wire::pcp::SERVER_PORT;
use tokio::sync::mpsc;
use tracing::{debug, trace};

use super::answer::{Reading, read, render};
use super::under_way::{Asked, Entry, UnderWay};
use super::{AskTogether, PortControl, Spoken};
use crate::lan_socket::{Datagram, LanSocket};
use crate::machine::Lan;
use crate::pace::{Buckets, Pace, Verdict};
use crate::runtime::{ReplyTo, clock};

/// Most datagrams that are taken at once: as many as the engine carries out together.
const AT_ONCE: usize = 64;
/// Room for more than the longest message (RFC 6887 section 7), so that one that is longer shows.
const LONGEST: usize = 2048;
/// Pause after an error of the socket.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers for ever.
pub(super) async fn converse<A: AskTogether>(control: &PortControl<A>, lan: &Lan, socket: &LanSocket, spoken: Spoken) {
    let (finished, mut answers) = mpsc::unbounded_channel();
    let mut desk = Desk {
        control,
        lan,
        spoken,
        buckets: Buckets::new(Pace::of_datagrams(control.terms().per_second)),
        born: Instant::now(),
        under_way: UnderWay::default(),
        finished,
    };
    let mut buffer = vec![0; LONGEST];
    let mut done = Vec::new();
    loop {
        tokio::select! {
            biased;
            // The desk has a sender.
            _ = answers.recv_many(&mut done, AT_ONCE) => {
                for (asked, reply) in done.drain(..) {
                    desk.under_way.leave(&asked);
                    if let Some(bytes) = render(&reply, &asked.bytes) {
                        socket.send(asked.destination, asked.source, &bytes).await;
                    }
                }
            }
            ready = socket.readable(), if desk.under_way.room() > 0 => {
                if let Err(error) = ready {
                    debug!(interface = %lan.interface, %error, "cannot receive requests");
                    tokio::time::sleep(PAUSE).await;
                }
                for (asked, bytes) in desk.take_in(socket, &mut buffer) {
                    socket.send(asked.destination, asked.source, &bytes).await;
                }
            }
        }
    }
}

/// Where requests are taken in.
struct Desk<'a, A> {
    control: &'a PortControl<A>,
    lan: &'a Lan,
    spoken: Spoken,
    buckets: Buckets,
    born: Instant,
    under_way: UnderWay,
    finished: mpsc::UnboundedSender<(Arc<Asked>, Reply)>,
}

impl<A: AskTogether> Desk<'_, A> {
    /// Takes what has come and has the engine carry it out. Returns what is answered without the engine.
    fn take_in(&mut self, socket: &LanSocket, buffer: &mut [u8]) -> Vec<(Asked, Vec<u8>)> {
        let epoch = self.control.told().epoch.seconds(clock::now());
        let now = self.born.elapsed();
        self.buckets
            .set_pace(Pace::of_datagrams(self.control.terms().per_second));
        let mut requests: Vec<(Request, ReplyTo)> = Vec::new();
        let mut answered = Vec::new();
        for _ in 0..AT_ONCE.min(self.under_way.room()) {
            // That nothing more is there is the usual end; an error is seen at the next wait.
            let Ok(datagram) = socket.try_receive(buffer) else {
                break;
            };
            let Some(asked) = self.admit(buffer, datagram, now) else {
                continue;
            };
            match read(&asked.bytes, asked.source.ip(), self.spoken, epoch) {
                Reading::Nothing => {}
                Reading::Answer(bytes) => answered.push((asked, bytes)),
                Reading::Ask(request) => match self.under_way.enter(asked) {
                    Entry::New(asked) => requests.push((request, self.reply_to(asked))),
                    Entry::Repeated => {}
                    Entry::TooMany => debug!("a client has too many requests under way"),
                },
            }
        }
        if !requests.is_empty() {
            self.control.engine.ask_together(requests);
        }
        answered
    }

    /// A request of a host on this LAN to one of our addresses there, unless that host makes too many. Nothing else is
    /// looked at: what was sent to a group or a network could have everybody answer (RFC 6887 section 7.2).
    fn admit(&mut self, buffer: &[u8], datagram: Datagram, now: Duration) -> Option<Asked> {
        let Datagram {
            length,
            source,
            destination,
        } = datagram;
        if !self.lan.is_near(source) || !self.lan.owns(destination) {
            trace!(%source, %destination, "a datagram from outside the LAN or not to us was dropped");
            return None;
        }
        // What comes from our own port is what we have sent ourselves.
        if source.port() == 0 || source.port() == SERVER_PORT && self.lan.owns(source.ip()) {
            return None;
        }
        if self.buckets.take(source.ip(), now) != Verdict::Go {
            debug!(%source, "requests too often");
            return None;
        }
        Some(Asked {
            source,
            destination,
            bytes: buffer.get(..length)?.into(),
        })
    }

    fn reply_to(&self, asked: Arc<Asked>) -> ReplyTo {
        let finished = self.finished.clone();
        // Nobody waits any more where the port has been closed.
        Box::new(move |reply| drop(finished.send((asked, reply))))
    }
}
