//! Being found: announcements and answers to searches on each LAN interface.

mod pending;
mod quota;
mod socket;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use portreeve_wire::description::Device;
use portreeve_wire::resource::Resource;
use portreeve_wire::ssdp::{self, Announcer, Group, Message, Received, Search};
use portreeve_wire::view::View;
use portreeve_wire::{Quirk, Quirks};
use tokio::sync::watch;
use tracing::{debug, trace};

use self::pending::Pending;
use self::quota::Quota;
use self::socket::Voice;
use crate::date::http_date;
use crate::lan_socket::Datagram;
use crate::machine::Lan;
use crate::random::Random;

pub use socket::Socket;

/// What is announced, on whichever interface.
#[derive(Debug)]
pub struct Advertised {
    /// The device tree.
    pub root: Device,
    /// The view that the tree is in.
    pub view: View,
    /// The SERVER header.
    pub server: String,
    /// CONFIGID.UPNP.ORG.
    pub config_id: u32,
    /// TCP port of the descriptions.
    pub http_port: u16,
    /// What is tolerated of searches.
    pub quirks: RwLock<Quirks>,
}

/// Announces and answers on one interface, in one address family.
#[derive(Debug)]
pub struct Presence {
    socket: Socket,
    lan: Arc<Lan>,
    advertised: Arc<Advertised>,
    boot_id: u32,
    random: Random,
    pending: Pending<Due>,
    quota: Quota,
    born: Instant,
}

/// What is to be sent at some time.
#[derive(Debug)]
enum Due {
    /// The whole set of announcements, and this many more after it.
    Alive { copies: u32 },
    /// The whole set, and again before it is forgotten.
    Refresh,
    /// An answer to a search.
    Answer { from: IpAddr, to: SocketAddr, text: String },
}

/// Before the first announcement, so that devices which woke together do not speak together (UDA 1.1 section 1.2.1).
const HUSH: Duration = Duration::from_millis(100);
/// Between the byebye that clears what was known of an earlier run, and the first alive.
const AFTER_BYEBYE: Duration = Duration::from_millis(100);
/// Datagrams get lost, so the first set is sent more than once.
const COPIES: u32 = 2;
const BETWEEN_COPIES: Duration = Duration::from_millis(250);
/// Announcements are good for 1800 s, and are to be repeated before half of that is over.
const REFRESH: (Duration, Duration) = (Duration::from_secs(400), Duration::from_secs(850));

impl Presence {
    /// Ready to announce through this socket.
    pub fn new(socket: Socket, lan: Arc<Lan>, advertised: Arc<Advertised>, boot_id: u32, random: Random) -> Self {
        Self {
            socket,
            lan,
            advertised,
            boot_id,
            random,
            pending: Pending::default(),
            quota: Quota::new(),
            born: Instant::now(),
        }
    }

    /// Announces, answers and refreshes until `stop` changes, then takes leave. A changed `boot_id` is announced before
    /// it is used (UDA 1.1 section 1.2.4).
    pub async fn run(mut self, mut boot_id: watch::Receiver<u32>, mut stop: watch::Receiver<bool>) {
        let hush = self.random.between(Duration::ZERO, HUSH);
        tokio::time::sleep(hush).await;
        // Clients that know us from an earlier run, which may have ended without a word, forget it.
        self.byebye().await;
        let now = Instant::now();
        self.pending.push(now + AFTER_BYEBYE, Due::Alive { copies: COPIES });
        self.schedule_refresh();
        let mut buffer = vec![0; 2048];
        loop {
            let next = self.pending.next().unwrap_or_else(|| Instant::now() + REFRESH.1);
            tokio::select! {
                received = self.socket.receive(&mut buffer) => match received {
                    Ok(datagram) => self.take(&buffer[..datagram.length], datagram),
                    Err(error) => {
                        debug!(interface = %self.lan.interface, %error, "cannot receive searches");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
                () = tokio::time::sleep_until(next.into()) => self.send_due().await,
                changed = boot_id.changed() => {
                    let next = *boot_id.borrow_and_update();
                    if changed.is_ok() {
                        self.change_boot_id(next).await;
                    }
                }
                _ = stop.changed() => break,
            }
        }
        self.byebye().await;
    }

    /// Takes in a datagram: a search of a host on this LAN is answered, everything else is dropped.
    fn take(
        &mut self,
        bytes: &[u8],
        Datagram {
            source, destination, ..
        }: Datagram,
    ) {
        if !self.lan.is_near(source) {
            return trace!(%source, "a datagram from outside the LAN was dropped");
        }
        // Who asks one of our addresses alone is answered from there; a group, from an address of the asker's kind.
        let (own, received) = if self.lan.owns(destination) {
            (Some(destination), Received::Unicast)
        } else if self.is_group(destination) {
            (self.lan.address_towards(source.ip()), Received::Multicast)
        } else {
            return;
        };
        let Some(own) = own.filter(|_| source.port() != 0) else {
            return;
        };
        let quirks = *self.advertised.quirks.read().unwrap_or_else(PoisonError::into_inner);
        let search = match ssdp::parse(bytes, quirks) {
            Ok(Message::Search(search)) => search,
            Ok(Message::Notify(_) | Message::Response(_)) => return,
            Err(dropped) => return trace!(%source, %dropped, "a datagram was dropped"),
        };
        let Some(window) = ssdp::window(&search, received, quirks) else {
            return;
        };
        if !self.quota.admits(source.ip(), self.born.elapsed()) {
            return debug!(%source, "searches too often");
        }
        self.answer(&search, window, own, source, quirks);
    }

    fn answer(&mut self, search: &Search, window: Duration, own: IpAddr, source: SocketAddr, quirks: Quirks) {
        let Advertised { root, view, .. } = &*self.advertised;
        let answers = ssdp::answers(root, *view, &search.target, &search.st, quirks);
        let numbers: Vec<u32> = answers.iter().map(|_| self.random.number()).collect();
        let (now, date) = (Instant::now(), http_date(SystemTime::now()));
        for (answer, delay) in answers.iter().zip(ssdp::spread(window, numbers)) {
            let view = match own {
                IpAddr::V6(_) if quirks.has(Quirk::SearchIpv6Newest) => *view,
                _ => answer.view.min(*view),
            };
            let text = self.announcer().response(&self.location(own, view), &date, answer);
            let due = Due::Answer {
                from: own,
                to: source,
                text,
            };
            self.pending.push(now + delay, due);
        }
    }

    async fn send_due(&mut self) {
        while let Some(due) = self.pending.pop(Instant::now()) {
            match due {
                Due::Alive { copies } => {
                    self.alive().await;
                    if copies > 1 {
                        let copies = copies - 1;
                        self.pending
                            .push(Instant::now() + BETWEEN_COPIES, Due::Alive { copies });
                    }
                }
                Due::Refresh => {
                    self.alive().await;
                    self.schedule_refresh();
                }
                Due::Answer { from, to, text } => self.socket.send(from, to, text.as_bytes()).await,
            }
        }
    }

    fn schedule_refresh(&mut self) {
        let pause = self.random.between(REFRESH.0, REFRESH.1);
        self.pending.push(Instant::now() + pause, Due::Refresh);
    }

    async fn change_boot_id(&mut self, next: u32) {
        let advertised = Arc::clone(&self.advertised);
        self.announce(
            |announcer, group, location, what| announcer.update(group, location, what, next),
            &advertised,
        )
        .await;
        self.boot_id = next;
        self.alive().await;
    }

    async fn alive(&mut self) {
        let advertised = Arc::clone(&self.advertised);
        self.announce(
            |announcer, group, location, what| announcer.alive(group, location, what),
            &advertised,
        )
        .await;
    }

    async fn byebye(&mut self) {
        let advertised = Arc::clone(&self.advertised);
        self.announce(|announcer, group, _, what| announcer.byebye(group, what), &advertised)
            .await;
    }

    async fn announce(
        &mut self,
        render: impl Fn(&Announcer<'_>, Group, &str, &ssdp::Advertisement) -> String,
        advertised: &Advertised,
    ) {
        for Voice { group, from } in self.socket.voices() {
            let location = self.location(*from, advertised.view);
            for what in ssdp::advertisements(&advertised.root) {
                let text = render(&self.announcer(), *group, &location, &what);
                self.socket.send(*from, group.address(), text.as_bytes()).await;
            }
        }
    }

    fn is_group(&self, destination: IpAddr) -> bool {
        let mut voices = self.socket.voices().iter();
        voices.any(|voice| voice.group.address().ip() == destination)
    }

    fn announcer(&self) -> Announcer<'_> {
        Announcer {
            server: &self.advertised.server,
            boot_id: self.boot_id,
            config_id: self.advertised.config_id,
        }
    }

    /// Where the description is. A link-local literal goes without its zone, which means something to us alone (UDA 2.0
    /// annex A).
    fn location(&self, own: IpAddr, view: View) -> String {
        let server = SocketAddr::new(own, self.advertised.http_port);
        format!("http://{server}{}", Resource::Description(view))
    }
}
