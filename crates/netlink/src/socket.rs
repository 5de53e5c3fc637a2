//! A netlink socket: bound, with extended acknowledgements, drained without blocking.

use std::io::IoSlice;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, getsockname, recv, sendmsg,
    setsockopt, socket, sockopt,
};

use crate::message::{Buffer, Message, Messages, kind};
use crate::{Error, Rejection};

/// Larger than any single datagram that the kernel builds (dumps stop at 32 KiB).
const DATAGRAM: usize = 64 << 10;

/// Room for a transaction of 100,000 elements; nothing is reserved by asking.
const SEND_BUFFER: usize = 32 << 20;

/// Room for the answers to thousands of messages, or for a burst of events.
const RECEIVE_BUFFER: usize = 16 << 20;

/// The kernel answers a request before `send` returns, so only a broken kernel makes anybody wait this long.
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Clone, Copy)]
struct ExtendedAck;
#[derive(Clone, Copy)]
struct CappedAck;
nix::setsockopt_impl!(
    ExtendedAck,
    libc::SOL_NETLINK,
    libc::NETLINK_EXT_ACK,
    bool,
    sockopt::SetBool
);
nix::setsockopt_impl!(
    CappedAck,
    libc::SOL_NETLINK,
    libc::NETLINK_CAP_ACK,
    bool,
    sockopt::SetBool
);

/// Which subsystem a socket talks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Interfaces, addresses, routes.
    Route,
    /// nftables and conntrack.
    Netfilter,
    /// Sockets of this machine.
    SocketDiag,
}

/// A set of multicast groups to listen to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Groups(u32);

/// A netlink socket with a port of its own.
#[derive(Debug)]
pub struct Socket {
    fd: OwnedFd,
    port: u32,
    next_seq: u32,
    datagram: Box<[u8]>,
}

/// Whether a dump saw one consistent state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// Nothing changed while it ran.
    Whole,
    /// Something changed meanwhile (`NLM_F_DUMP_INTR`): entries may be missing or repeated.
    Interrupted,
}

impl Groups {
    /// No events: a socket for requests.
    pub const NONE: Self = Self(0);

    /// Together with the group of this number, 1 to 32.
    pub const fn with(self, group: u32) -> Self {
        Self(self.0 | 1 << (group - 1))
    }
}

impl Socket {
    /// Opens a socket and binds it, which is what makes the kernel deliver events to it.
    pub fn open(protocol: Protocol, groups: Groups) -> Result<Self, Error> {
        let protocol = match protocol {
            Protocol::Route => SockProtocol::NetlinkRoute,
            Protocol::Netfilter => SockProtocol::NetlinkNetFilter,
            Protocol::SocketDiag => SockProtocol::NetlinkSockDiag,
        };
        let fd = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)
            .map_err(system("open a netlink socket"))?;
        bind(fd.as_raw_fd(), &NetlinkAddr::new(0, groups.0)).map_err(system("bind a netlink socket"))?;
        let address: NetlinkAddr = getsockname(fd.as_raw_fd()).map_err(system("name a netlink socket"))?;

        // The first two only make errors better, and the last two need CAP_NET_ADMIN: without it the defaults have to
        // do, and whoever sends more than fits is told so by `send`.
        let _ = setsockopt(&fd, ExtendedAck, &true);
        let _ = setsockopt(&fd, CappedAck, &true);
        let _ = setsockopt(&fd, sockopt::SndBufForce, &SEND_BUFFER);
        let _ = setsockopt(&fd, sockopt::RcvBufForce, &RECEIVE_BUFFER);

        Ok(Self {
            fd,
            port: address.pid(),
            next_seq: 1,
            datagram: vec![0; DATAGRAM].into_boxed_slice(),
        })
    }

    /// The port that marks this socket's own doing in events (`nlmsg_pid`).
    pub const fn port(&self) -> u32 {
        self.port
    }

    /// Numbers the messages and sends them as one datagram; the answer is the first sequence number.
    pub fn send(&mut self, messages: &mut Buffer) -> Result<u32, Error> {
        let seq = self.next_seq;
        let count = u32::try_from(messages.count()).expect("far fewer than 2^32 messages");
        self.next_seq = seq.wrapping_add(count);
        messages.number_from(seq);
        let content = [IoSlice::new(messages.as_bytes())];
        let kernel = NetlinkAddr::new(0, 0);
        sendmsg(self.fd.as_raw_fd(), &content, &[], MsgFlags::empty(), Some(&kernel)).map_err(system("send"))?;
        Ok(seq)
    }

    /// The next datagram that is there already, or `None`.
    pub fn receive(&mut self) -> Result<Option<Messages<'_>>, Error> {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_TRUNC;
        loop {
            match recv(self.fd.as_raw_fd(), &mut self.datagram, flags) {
                Ok(len) => {
                    let datagram = self.datagram.get(..len).ok_or(Error::Overrun)?;
                    return Ok(Some(Messages::new(datagram)));
                }
                Err(Errno::EAGAIN) => return Ok(None),
                Err(Errno::EINTR) => {}
                Err(Errno::ENOBUFS) => return Err(Error::Overrun),
                Err(errno) => return Err(system("receive")(errno)),
            }
        }
    }

    /// Waits until something can be received; `false` if the time ran out first.
    pub fn wait(&self, timeout: Duration) -> Result<bool, Error> {
        wait_any([self.as_fd()], Some(timeout)).map(|[ready]| ready)
    }

    /// Sends one request and waits for its acknowledgement. Whatever the kernel sends before that goes to `each`.
    pub fn request(&mut self, request: &mut Buffer, each: impl FnMut(&Message<'_>)) -> Result<(), Error> {
        request.add_flags(0, kind::ACK);
        self.exchange(request, each).map(drop)
    }

    /// Sends one dump request and hands every entry to `each`.
    pub fn dump(&mut self, request: &mut Buffer, each: impl FnMut(&Message<'_>)) -> Result<Consistency, Error> {
        request.add_flags(0, kind::DUMP);
        self.exchange(request, each)
    }

    fn exchange(&mut self, request: &mut Buffer, mut each: impl FnMut(&Message<'_>)) -> Result<Consistency, Error> {
        let seq = self.send(request)?;
        let mut consistency = Consistency::Whole;
        loop {
            let Some(messages) = self.receive()? else {
                if !self.wait(REPLY_TIMEOUT)? {
                    return Err(Error::NoReply);
                }
                continue;
            };
            for message in messages {
                let message = message?;
                if message.seq != seq {
                    continue;
                }
                if message.flags & kind::DUMP_INTERRUPTED != 0 && message.kind != kind::ERROR {
                    consistency = Consistency::Interrupted;
                }
                match message.outcome() {
                    None => each(&message),
                    Some(Ok(())) => return Ok(consistency),
                    Some(Err((errno, text))) => {
                        return Err(Error::Rejected(Rejection {
                            message: 0,
                            errno,
                            text,
                        }));
                    }
                }
            }
        }
    }
}

/// Waits until one of the descriptors can be read or was closed at its other end, and tells which; none if the time
/// ran out first. Without a timeout it waits for ever.
pub fn wait_any<const N: usize>(fds: [BorrowedFd<'_>; N], timeout: Option<Duration>) -> Result<[bool; N], Error> {
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    let mut fds = fds.map(|fd| PollFd::new(fd, PollFlags::POLLIN));
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        // Rounded up, so that the last stretch is slept through and not spun through.
        let limit = left.map_or(PollTimeout::NONE, |left| {
            PollTimeout::from(u16::try_from(left.as_micros().div_ceil(1000)).unwrap_or(u16::MAX))
        });
        match poll(&mut fds, limit) {
            Ok(0) if left.is_some_and(|left| left.is_zero()) => return Ok([false; N]),
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(fds.each_ref().map(|fd| fd.any().unwrap_or(true))),
            Err(errno) => return Err(system("poll")(errno)),
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn system(call: &'static str) -> impl Fn(Errno) -> Error {
    move |errno| Error::System { call, errno }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_comes_with_the_kernels_words() {
        // RTM_GETSTATS without saying which.
        let mut request = Buffer::new();
        request.message(94, kind::REQUEST, &[0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0], |_| {});
        let mut socket = Socket::open(Protocol::Route, Groups::NONE).unwrap();
        let refused = socket.request(&mut request, |_| {}).unwrap_err();
        let Error::Rejected(Rejection { errno, text, .. }) = refused else {
            panic!("{refused}");
        };
        assert_eq!(errno, Errno::EINVAL);
        assert!(text.is_some_and(|text| text.contains("stats")));
    }
}
