//! A server of PCP or NAT-PMP.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portreeve_wire::pcp::Nonce;
use portreeve_wire::pcp::client::Continuity;
use tokio::time::Instant;

use super::Carrier;
use super::ask::{Ask, ExternalPort, Granted, Seen, nonce};
use super::converse::{Way, converse};
use super::exchange::Exchange;
use super::memory::Memory;
use super::message::{Answer, Message, Refused, Told};
use super::negotiation::Negotiation;
use super::schedule::Schedule;
use crate::error::{Conversation, Error, PortControlRefusal};
use crate::network::Network;
use crate::pinhole::Transport;
use crate::random::unguessable;

/// How long an answer is waited for from a server that has answered before: five sendings of a request.
const PATIENCE: Duration = Duration::from_secs(5);

/// A server that has answered, and what is known of it. Cheap to clone; the clones are the same server.
///
/// It speaks the protocol that it was found by for as long as it exists: whether it has learned another one meanwhile is
/// found out by finding it again.
#[derive(Clone)]
pub(crate) struct PortServer {
    inner: Arc<Inner>,
}

struct Inner {
    network: Arc<dyn Network>,
    way: Way,
    carrier: Carrier,
    found_at: Instant,
    memory: Mutex<Memory>,
    /// NAT-PMP has one request under way at a time (RFC 6886 section 3.1).
    turn: tokio::sync::Mutex<()>,
    /// Of the mapping that shows the external address, lest one that could not be removed is in the way of the next.
    trial: Nonce,
}

impl PortServer {
    /// Finds out whether somebody at `server` (address, scope and port) speaks PCP or NAT-PMP to `local`, an address of
    /// ours. Asks by `carriers` in this order: the first one alone at first, the next ones when it is refused or there is
    /// silence for 250 ms. NAT-PMP is left out over IPv6, which it does not know.
    ///
    /// # Errors
    ///
    /// [`Conversation::Unreachable`] as soon as the host says that nobody listens, [`Conversation::Timeout`] after
    /// `patience`, [`Conversation::NotOffered`] if what answers speaks another version.
    pub(crate) async fn find(
        network: Arc<dyn Network>,
        server: SocketAddr,
        local: IpAddr,
        carriers: &[Carrier],
        patience: Duration,
    ) -> Result<Self, Conversation> {
        let way = Way { server, local };
        let spoken = carriers.iter().filter_map(|&carrier| {
            let message = Message::look(carrier, local)?;
            Some((carrier, message, schedule(carrier)))
        });
        let found_at = Instant::now();
        let negotiation = Negotiation::new(server, spoken, patience);
        let (carrier, answer) = converse(&*network, way, negotiation).await?;
        tracing::debug!(%server, %carrier, "found a server");
        let inner = Inner {
            network,
            way,
            carrier,
            found_at,
            memory: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            trial: nonce(),
        };
        let found = Self { inner: Arc::new(inner) };
        found.note(&answer);
        Ok(found)
    }

    /// The protocol that it is talked to by.
    pub(crate) fn carrier(&self) -> Carrier {
        self.inner.carrier
    }

    /// Where it is.
    pub(crate) fn server(&self) -> SocketAddr {
        self.inner.way.server
    }

    /// Our address, which mappings lead to.
    pub(crate) fn local(&self) -> IpAddr {
        self.inner.way.local
    }

    /// How often it has lost its state since it was found, whoever heard of it: another number than before means that all
    /// mappings are to be asked for again.
    pub(crate) fn era(&self) -> u64 {
        self.memory().era()
    }

    /// Makes a mapping, or renews it: then with the same nonce, and the port and address that it has.
    ///
    /// A description that the server does not take is left out, and a port that is the only one wished for is given back
    /// if it turns out to be another one.
    ///
    /// # Errors
    ///
    /// [`Error::PortControl`] if it is refused, without asking where the same was refused for longer before;
    /// [`Error::Conversation`] if there is no answer, or the protocol has no words for it
    /// ([`Conversation::NotOffered`]).
    pub(crate) async fn map(&self, ask: &Ask) -> Result<Granted, Error> {
        let mut left_out = self.memory().left_out();
        let (told, epoch) = loop {
            let message = Message::map(self.carrier(), self.local(), ask, left_out)?;
            match self.exchange(message).await {
                Ok(answered) => break answered,
                Err(Error::PortControl(refusal)) => {
                    left_out = left_out.after(ask, refusal.code).ok_or(Error::PortControl(refusal))?;
                }
                Err(error) => return Err(error),
            }
        };
        let granted = self.granted(ask, told, epoch)?;
        self.memory().set_left_out(left_out);
        match ask.external_port {
            ExternalPort::Only(only) if granted.external_port != only.get() => {
                self.unmap(ask).await?;
                Err(PortControlRefusal::another_port(self.carrier()).into())
            }
            _ => Ok(granted),
        }
    }

    /// Removes a mapping. That there is none any more is no error.
    ///
    /// # Errors
    ///
    /// As [`map`](Self::map).
    pub(crate) async fn unmap(&self, ask: &Ask) -> Result<(), Error> {
        let message = Message::unmap(self.carrier(), self.local(), ask)?;
        self.exchange(message).await.map(drop)
    }

    /// Asks the server whether it is there, which shows whether it has kept its state.
    ///
    /// # Errors
    ///
    /// [`Error::Conversation`] if there is no answer; [`Error::PortControl`] if it does not speak the protocol any more.
    pub(crate) async fn look(&self) -> Result<Seen, Error> {
        let (answer, epoch) = self.ask(&self.question()).await?;
        if answer.refuses_version()
            && let Err(refused) = answer.outcome
        {
            return Err(self.refusal(refused).into());
        }
        // A refusal tells as much: servers that do not know ANNOUNCE (RFC 6887 section 14) show their epoch with it.
        Ok(Seen {
            epoch,
            external_address: self.memory().external_address(),
        })
    }

    /// The external address; none if the server has none at present.
    ///
    /// PCP has no question for it: unless a mapping has shown it in this epoch, one is made for a moment (RFC 6970
    /// section 5.6 does the same).
    ///
    /// # Errors
    ///
    /// As [`map`](Self::map).
    pub(crate) async fn external_address(&self) -> Result<Option<IpAddr>, Error> {
        let told = match self.carrier() {
            Carrier::NatPmp => self.exchange(self.question()).await.map(|_| ()),
            _ => {
                let seen = self.look().await?;
                match seen.external_address {
                    Some(address) => return Ok(Some(address)),
                    None => self.try_out().await,
                }
            }
        };
        match told {
            Err(Error::PortControl(refusal)) if refusal.is_network_failure() => Ok(None),
            Err(error) => Err(error),
            Ok(()) => Ok(self.memory().external_address()),
        }
    }

    /// Makes the shortest mapping that there is and removes it. It leads to a port of those that are nobody's for long
    /// (RFC 6335 section 6): the port that RFC 6970 takes is below 1024, which many policies refuse.
    async fn try_out(&self) -> Result<(), Error> {
        const DYNAMIC: u16 = 0xc000;
        let [high, low, ..] = self.inner.trial.0;
        let ask = Ask {
            transport: Transport::UDP,
            internal_port: DYNAMIC | u16::from_be_bytes([high, low]),
            external_port: ExternalPort::Any,
            external_address: None,
            lease: SHORTEST,
            nonce: self.inner.trial,
            remote: None,
            description: String::new(),
        };
        self.map(&ask).await?;
        self.unmap(&ask).await
    }

    fn granted(&self, ask: &Ask, told: Told, epoch: Continuity) -> Result<Granted, Conversation> {
        let malformed = |problem: &str| Conversation::Malformed {
            url: self.server().to_string(),
            expected: "what it has mapped",
            problem: problem.to_owned(),
        };
        let Told::Mapped {
            external_port,
            external_address,
            lifetime,
        } = told
        else {
            return Err(malformed("it says yes to another question"));
        };
        if lifetime == 0 {
            return Err(malformed("the mapping ends at once"));
        }
        if external_port == 0 && ask.internal_port != 0 {
            return Err(malformed("the external port is 0"));
        }
        Ok(Granted {
            external_port,
            external_address,
            lease: lease(self.carrier(), lifetime, ask.lease),
            epoch,
        })
    }

    /// Asks, unless the answer is known already.
    async fn exchange(&self, message: Message) -> Result<(Told, Continuity), Error> {
        let known = self.memory().refusal(&message, self.now()).cloned();
        if let Some(refusal) = known {
            return Err(refusal.into());
        }
        let (answer, epoch) = self.ask(&message).await?;
        match answer.outcome {
            Ok(told) => Ok((told, epoch)),
            Err(refused) => {
                let refusal = self.refusal(refused);
                self.memory().remember(&message, &refusal, self.now());
                Err(refusal.into())
            }
        }
    }

    async fn ask(&self, message: &Message) -> Result<(Answer, Continuity), Conversation> {
        let Inner { network, way, turn, .. } = &*self.inner;
        let _turn = match self.carrier() {
            Carrier::NatPmp => Some(turn.lock().await),
            _ => None,
        };
        let exchange = Exchange::new(
            way.server,
            message.clone(),
            schedule(self.carrier()),
            (Duration::ZERO, PATIENCE),
        );
        let answer = converse(&**network, *way, exchange).await?;
        let epoch = self.note(&answer);
        Ok((answer, epoch))
    }

    /// Learns from an answer.
    fn note(&self, answer: &Answer) -> Continuity {
        let mut memory = self.memory();
        let epoch = match answer.epoch {
            Some(epoch) => memory.hear(self.carrier(), epoch, self.now()),
            None => Continuity::Continues,
        };
        match answer.outcome {
            Ok(Told::ExternalAddress(address)) => drop(memory.set_external_address(address)),
            Ok(Told::Mapped {
                external_address: Some(address),
                lifetime: 1..,
                ..
            }) => drop(memory.set_external_address(Some(address))),
            Err(refused) if self.refusal(refused).is_network_failure() => drop(memory.set_external_address(None)),
            Ok(_) | Err(_) => {}
        }
        epoch
    }

    pub(super) fn memory(&self) -> MutexGuard<'_, Memory> {
        // Nothing panics half-way through a change.
        self.inner.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn network(&self) -> &dyn Network {
        &*self.inner.network
    }

    pub(super) fn way(&self) -> Way {
        self.inner.way
    }

    fn refusal(&self, refused: Refused) -> PortControlRefusal {
        PortControlRefusal::new(self.carrier(), refused)
    }

    fn question(&self) -> Message {
        Message::look(self.carrier(), self.local()).expect("it was found by this question")
    }

    /// How long ago it was found.
    pub(super) fn now(&self) -> Duration {
        self.inner.found_at.elapsed()
    }
}

/// The lifetime that servers grant at least (RFC 6887 section 15).
const SHORTEST: Duration = Duration::from_secs(120);

/// Longest lease of PCP that is believed (RFC 6887 section 7.2): a server that says more would be left alone for too long.
const DAY: Duration = Duration::from_secs(86_400);

/// The lease that a lifetime stands for. NAT-PMP servers grant what was asked for at most (RFC 6886 section 3.3).
fn lease(carrier: Carrier, lifetime: u32, asked: Duration) -> Duration {
    let lifetime = Duration::from_secs(lifetime.into());
    match carrier {
        Carrier::NatPmp => lifetime.min(asked),
        _ => lifetime.min(DAY),
    }
}

fn schedule(carrier: Carrier) -> Schedule {
    match carrier {
        Carrier::NatPmp => Schedule::nat_pmp(),
        _ => {
            let [draw] = unguessable::<1>();
            Schedule::pcp(f64::from(draw) / 127.5 - 1.0)
        }
    }
}

impl fmt::Debug for PortServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PortServer")
            .field("carrier", &self.inner.carrier)
            .field("way", &self.inner.way)
            .finish_non_exhaustive()
    }
}
