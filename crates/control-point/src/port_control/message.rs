//! Requests and answers of both protocols, as one kind of each.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portreeve_wire::nat_pmp::{self, client as nat_pmp_client};
use portreeve_wire::pcp::client::{self as pcp_client, Continuity, Observed};
use portreeve_wire::pcp::{self, Filter, Map, Operation};

use super::Carrier;
use super::ask::{Ask, ExternalPort};
use crate::error::Conversation;
use crate::pinhole::Transport;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message {
    Pcp(pcp::Request),
    NatPmp(nat_pmp::Request),
}

/// What a server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// Its Epoch Time or SSSoE; none if the answer says nothing of it.
    pub(super) epoch: Option<u32>,
    pub(super) outcome: Result<Told, Refused>,
}

/// What a server tells when it says yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// That it is there.
    Here,
    /// Its external address; none if it has none.
    ExternalAddress(Option<IpAddr>),
    /// What it has mapped or, with a lifetime of 0, deleted.
    Mapped {
        external_port: u16,
        external_address: Option<IpAddr>,
        lifetime: u32,
    },
}

/// How a server says no: Result Code, and for how many seconds it stays so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) code: u16,
    pub(super) lifetime: u32,
}

/// What requests are made without, since the server refuses those that have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LeftOut {
    /// DESCRIPTION (RFC 7220).
    pub(super) description: bool,
    /// PREFER_FAILURE (RFC 6887 section 13.2).
    pub(super) prefer_failure: bool,
}

impl Message {
    /// Asks a server whether it is there, and for what it tells without making anything: ANNOUNCE, or the external
    /// address. None if the protocol cannot be spoken from this address of ours.
    pub(super) fn look(carrier: Carrier, local: IpAddr) -> Option<Self> {
        match carrier {
            Carrier::Pcp => Some(Self::Pcp(pcp::Request {
                lifetime: 0,
                client: local,
                operation: Operation::Announce,
            })),
            Carrier::NatPmp => local
                .is_ipv4()
                .then_some(Self::NatPmp(nat_pmp::Request::ExternalAddress)),
            Carrier::Igd => None,
        }
    }

    /// Asks for a mapping.
    pub(super) fn map(carrier: Carrier, local: IpAddr, ask: &Ask, left_out: LeftOut) -> Result<Self, Conversation> {
        let lifetime = u32::try_from(ask.lease.as_secs()).unwrap_or(u32::MAX).max(1);
        match carrier {
            Carrier::NatPmp => nat_pmp_map(ask, lifetime),
            _ => pcp_map(local, ask, lifetime, left_out),
        }
    }

    /// Asks for the end of a mapping. Nothing is suggested (RFC 6887 section 15, RFC 6886 section 3.4).
    pub(super) fn unmap(carrier: Carrier, local: IpAddr, ask: &Ask) -> Result<Self, Conversation> {
        let ask = Ask {
            external_port: ExternalPort::Any,
            external_address: None,
            remote: None,
            description: String::new(),
            ..ask.clone()
        };
        match carrier {
            Carrier::NatPmp => nat_pmp_map(&ask, 0),
            _ => pcp_map(local, &ask, 0, LeftOut::default()),
        }
    }

    /// As it is sent.
    pub(super) fn datagram(&self) -> Vec<u8> {
        match self {
            Self::Pcp(request) => pcp_client::request(request),
            Self::NatPmp(request) => nat_pmp_client::request(*request),
        }
    }

    /// The answer to it that a datagram is; none if it is something else, which is dropped.
    ///
    /// Whoever speaks a version does not refuse it: what does is the answer to a request of the other protocol.
    pub(super) fn answer(&self, datagram: &[u8]) -> Option<Answer> {
        let (answer, is_spoken) = match self {
            Self::Pcp(request) => {
                let response = pcp_client::read(datagram).ok()?;
                let answer = response.answers(request).then(|| Answer::of_pcp(&response))?;
                (answer, response.version == pcp::VERSION)
            }
            Self::NatPmp(request) => {
                let response = nat_pmp_client::read(datagram).ok()?;
                let answer = response.answers(request).then(|| Answer::of_nat_pmp(&response))?;
                (answer, response.body == nat_pmp_client::Body::Version(NAT_PMP_VERSION))
            }
        };
        let is_of_another = is_spoken && answer.refuses_version();
        (!is_of_another).then_some(answer)
    }
}

const NAT_PMP_VERSION: u8 = 0;

fn nat_pmp_map(ask: &Ask, lifetime: u32) -> Result<Message, Conversation> {
    let lacks = |what: &str| Err(Conversation::NotOffered(format!("{what} over NAT-PMP")));
    let transport = match ask.transport {
        Transport::TCP => nat_pmp::Transport::Tcp,
        Transport::UDP => nat_pmp::Transport::Udp,
        other => return lacks(&format!("mappings of {other}")),
    };
    if ask.internal_port == 0 {
        return lacks("mappings of all ports");
    }
    if ask.remote.is_some() {
        return lacks("mappings for one remote host");
    }
    Ok(Message::NatPmp(nat_pmp::Request::Map {
        transport,
        internal_port: ask.internal_port,
        external_port: ask.external_port.suggested(),
        lifetime,
    }))
}

fn pcp_map(local: IpAddr, ask: &Ask, lifetime: u32, left_out: LeftOut) -> Result<Message, Conversation> {
    let lacks = |what: String| Err(Conversation::NotOffered(format!("{what} over PCP")));
    let protocol = match (ask.transport, ask.transport.number()) {
        (Transport::ALL, _) if ask.internal_port != 0 => {
            return lacks("mappings of one port of all protocols".to_owned());
        }
        (Transport::ALL, _) => 0,
        // 0 stands for all.
        (other, 0) => return lacks(format!("mappings of {other}")),
        (other, number) => match u8::try_from(number) {
            Ok(number) => number,
            Err(_) => return lacks(format!("mappings of {other}")),
        },
    };
    let only = matches!(ask.external_port, ExternalPort::Only(_));
    // Whoever wants a certain port wants it on whatever address there is now.
    let external_address = ask.external_address.filter(|_| !only);
    let description = Some(&*ask.description).filter(|text| !text.is_empty() && !left_out.description);
    let map = Map {
        nonce: ask.nonce,
        protocol,
        internal_port: ask.internal_port,
        external_port: ask.external_port.suggested(),
        external_address: external_address.unwrap_or_else(|| unspecified_like(local)),
        third_party: None,
        prefer_failure: only && !left_out.prefer_failure,
        filters: ask.remote.map(only_from).into_iter().collect(),
        description: description.map(Into::into),
        port_set: None,
    };
    Ok(Message::Pcp(pcp::Request {
        lifetime,
        client: local,
        operation: Operation::Map(map),
    }))
}

fn unspecified_like(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

fn only_from((address, port): (IpAddr, u16)) -> Filter {
    let prefix = Some(if address.is_ipv4() { 32 } else { 128 });
    Filter { address, prefix, port }
}

fn specified(address: IpAddr) -> Option<IpAddr> {
    Some(address.to_canonical()).filter(|address| !address.is_unspecified())
}

impl Answer {
    fn of_pcp(response: &pcp_client::Response) -> Self {
        let outcome = match (response.result, &response.body) {
            (Err(failure), _) => Err(Refused {
                code: failure.number().into(),
                lifetime: response.lifetime,
            }),
            (Ok(()), pcp_client::Body::Map(map)) => Ok(Told::Mapped {
                external_port: map.external_port,
                external_address: specified(map.external_address),
                lifetime: response.lifetime,
            }),
            (Ok(()), _) => Ok(Told::Here),
        };
        // Another version counts from another beginning.
        let epoch = (response.version == pcp::VERSION).then_some(response.epoch);
        Self { epoch, outcome }
    }

    fn of_nat_pmp(response: &nat_pmp_client::Response) -> Self {
        let outcome = match (response.result, response.body) {
            (Err(failure), _) => Err(Refused {
                code: failure.number(),
                lifetime: 0,
            }),
            (Ok(()), nat_pmp_client::Body::ExternalAddress(address)) => {
                Ok(Told::ExternalAddress(specified(address.into())))
            }
            (
                Ok(()),
                nat_pmp_client::Body::Map {
                    external_port,
                    lifetime,
                    ..
                },
            ) => Ok(Told::Mapped {
                external_port,
                external_address: None,
                lifetime,
            }),
            (Ok(()), _) => Ok(Told::Here),
        };
        Self {
            epoch: response.epoch,
            outcome,
        }
    }

    /// Whether it says that the protocol is not spoken there: UNSUPP_VERSION has the same number in both.
    pub(super) fn refuses_version(&self) -> bool {
        const UNSUPP_VERSION: u16 = 1;
        matches!(
            self.outcome,
            Err(Refused {
                code: UNSUPP_VERSION,
                ..
            })
        )
    }
}

/// What a server tells everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Announcement {
    pub(super) carrier: Carrier,
    pub(super) epoch: u32,
    /// Its external address, as NAT-PMP has it, or only that it is there.
    pub(super) told: Told,
}

impl Announcement {
    /// Reads a datagram; none if it is something else, which is dropped.
    pub(super) fn read(datagram: &[u8]) -> Option<Self> {
        if let Ok(response) = nat_pmp_client::read(datagram) {
            let nat_pmp_client::Body::ExternalAddress(address) = response.body else {
                return None;
            };
            // A gateway that has no address announces that as a failure.
            let address = specified(address.into()).filter(|_| response.result.is_ok());
            return Some(Self {
                carrier: Carrier::NatPmp,
                epoch: response.epoch?,
                told: Told::ExternalAddress(address),
            });
        }
        let response = pcp_client::read(datagram).ok()?;
        let announces = response.result.is_ok() && response.body == pcp_client::Body::Announce;
        announces.then_some(Self {
            carrier: Carrier::Pcp,
            epoch: response.epoch,
            told: Told::Here,
        })
    }
}

impl LeftOut {
    /// What else to leave out of requests after this refusal of one without these; none if that will not help.
    pub(super) fn after(self, ask: &Ask, code: u16) -> Option<Self> {
        const MALFORMED_REQUEST: u16 = pcp::ResultCode::MalformedRequest.number() as u16;
        const UNSUPP_OPTION: u16 = pcp::ResultCode::UnsuppOption.number() as u16;
        const MALFORMED_OPTION: u16 = pcp::ResultCode::MalformedOption.number() as u16;
        let described = !ask.description.is_empty() && !self.description;
        let only = matches!(ask.external_port, ExternalPort::Only(_)) && !self.prefer_failure;
        match code {
            MALFORMED_REQUEST | UNSUPP_OPTION | MALFORMED_OPTION if described => Some(Self {
                description: true,
                ..self
            }),
            UNSUPP_OPTION if only => Some(Self {
                prefer_failure: true,
                ..self
            }),
            _ => None,
        }
    }
}

/// Judges an epoch by the rule of the protocol.
pub(super) fn continuity(carrier: Carrier, previous: Option<Observed>, now: Observed) -> Continuity {
    match carrier {
        Carrier::NatPmp => nat_pmp_client::continuity(previous, now),
        _ => pcp_client::continuity(previous, now),
    }
}
