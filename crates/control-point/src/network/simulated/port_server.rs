//! PCP and NAT-PMP of the simulated gateway, over the table that UPnP has too.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use portreeve_wire::nat_pmp::{self, Mapped, Transport};
use portreeve_wire::pcp::{self, Assigned, Map, Nonce, Operation, Received, Refused, ResultCode};
use tokio::time::Instant;

use super::gateway::{Row, SimulatedGateway};

/// What the gateway does on port 5351.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaks {
    /// Nobody listens, and the host says so.
    Nothing,
    /// Datagrams disappear.
    Silence,
    /// PCP; NAT-PMP is told that its version is not spoken.
    Pcp,
    /// PCP and NAT-PMP.
    Both,
    /// NAT-PMP; PCP is answered with its 8 octets that say so.
    NatPmp,
    /// NAT-PMP; other versions are passed over.
    NatPmpDeaf,
}

pub(crate) struct SimulatedPortServer {
    pub(crate) speaks: Speaks,
    /// Refuses every mapping by PCP.
    pub(crate) pcp_refuses: Option<Refused>,
    /// Refuses everything by NAT-PMP.
    pub(crate) nat_pmp_refuses: Option<nat_pmp::ResultCode>,
    /// Longest lifetime that is granted, in seconds.
    pub(crate) longest: u32,
    /// Grants this port and those behind it in place of what is suggested.
    pub(crate) own_ports: Option<u16>,
    /// Refuses requests with DESCRIPTION or PREFER_FAILURE.
    pub(crate) options: bool,
    /// Loses so many of the next datagrams that come.
    pub(crate) loses: u32,
    /// How often each request was answered: `ANNOUNCE`, `MAP`, `external address`, `map`.
    pub(crate) requests: BTreeMap<&'static str, u64>,
    began: Instant,
    nonces: BTreeMap<(String, u16), Nonce>,
}

impl Default for SimulatedPortServer {
    fn default() -> Self {
        Self {
            speaks: Speaks::Nothing,
            pcp_refuses: None,
            nat_pmp_refuses: None,
            longest: 86_400,
            own_ports: None,
            options: true,
            loses: 0,
            requests: BTreeMap::new(),
            began: Instant::now(),
            nonces: BTreeMap::new(),
        }
    }
}

impl SimulatedPortServer {
    /// Begins an epoch.
    pub(crate) fn begin_epoch(&mut self) {
        self.began = Instant::now();
        self.nonces.clear();
    }

    /// Requests so far.
    pub(crate) fn requests(&self, name: &str) -> u64 {
        self.requests.get(name).copied().unwrap_or(0)
    }

    fn epoch(&self) -> u32 {
        self.began.elapsed().as_secs() as u32
    }

    fn count(&mut self, name: &'static str) {
        *self.requests.entry(name).or_default() += 1;
    }
}

/// What comes back for a datagram.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Back {
    Answer(Vec<u8>),
    Silence,
    /// That nobody listens.
    Unreachable,
}

impl SimulatedGateway {
    /// A datagram to port 5351.
    pub(super) fn ask_port_server(&mut self, datagram: &[u8], source: IpAddr) -> Back {
        if !self.is_up() {
            return Back::Silence;
        }
        match self.port_server.speaks {
            Speaks::Nothing => return Back::Unreachable,
            Speaks::Silence => return Back::Silence,
            Speaks::Pcp | Speaks::Both | Speaks::NatPmp | Speaks::NatPmpDeaf => {}
        }
        if let Some(fewer) = self.port_server.loses.checked_sub(1) {
            self.port_server.loses = fewer;
            return Back::Silence;
        }
        self.expire();
        let answer = match (self.port_server.speaks, pcp::receive(datagram, source)) {
            (Speaks::Pcp | Speaks::Both, Received::Refused(refused)) => self.answer_pcp(datagram, Err(refused)),
            (Speaks::Pcp | Speaks::Both, Received::Request(request)) => {
                let outcome = self.carry_out_pcp(&request);
                self.answer_pcp(datagram, outcome)
            }
            (Speaks::Pcp, Received::NatPmp) => self.answer_pcp(datagram, Err(ResultCode::UnsuppVersion.into())),
            (Speaks::NatPmpDeaf, Received::Refused(_) | Received::Request(_)) => return Back::Silence,
            _ => match self.answer_nat_pmp(datagram, source) {
                Some(answer) => answer,
                None => return Back::Silence,
            },
        };
        Back::Answer(answer)
    }

    /// What it tells everybody when it has begun an epoch.
    pub(super) fn port_announcements(&self) -> Vec<Vec<u8>> {
        let epoch = self.port_server.epoch();
        let pcp = || pcp::announcement(epoch).to_vec();
        let nat_pmp = || nat_pmp::announcement(epoch, self.external_ipv4()).to_vec();
        match self.port_server.speaks {
            Speaks::Pcp => vec![pcp()],
            Speaks::Both => vec![pcp(), nat_pmp()],
            Speaks::NatPmp | Speaks::NatPmpDeaf => vec![nat_pmp()],
            Speaks::Nothing | Speaks::Silence => Vec::new(),
        }
    }

    fn external_ipv4(&self) -> Ipv4Addr {
        self.external_address.parse().unwrap_or(Ipv4Addr::UNSPECIFIED)
    }

    fn answer_pcp(&self, request: &[u8], outcome: Result<Assigned, Refused>) -> Vec<u8> {
        let epoch = self.port_server.epoch();
        pcp::answer(request, &pcp::Answer { epoch, outcome })
    }

    fn carry_out_pcp(&mut self, request: &pcp::Request) -> Result<Assigned, Refused> {
        match &request.operation {
            Operation::Announce => {
                self.port_server.count("ANNOUNCE");
                Ok(Assigned {
                    lifetime: 0,
                    external: None,
                    port_set: None,
                })
            }
            Operation::Map(map) => {
                self.port_server.count("MAP");
                if let Some(refused) = self.port_server.pcp_refuses {
                    return Err(refused);
                }
                if !self.port_server.options && (map.prefer_failure || map.description.is_some()) {
                    return Err(ResultCode::UnsuppOption.into());
                }
                match request.client {
                    IpAddr::V4(client) => self.map_by_pcp(client, map, request.lifetime),
                    IpAddr::V6(_) => Ok(self.open_by_pcp(request.client, map, request.lifetime)),
                }
            }
            Operation::Peer(_) => Err(ResultCode::UnsuppOpcode.into()),
        }
    }

    fn map_by_pcp(&mut self, client: Ipv4Addr, map: &Map, lifetime: u32) -> Result<Assigned, Refused> {
        let protocol = match map.protocol {
            6 => "TCP",
            17 => "UDP",
            _ => return Err(ResultCode::UnsuppProtocol.into()),
        };
        let client = client.to_string();
        let held = self.held(protocol, &client, map.internal_port);
        if let Some(port) = held {
            let nonce = self.port_server.nonces.get(&(protocol.to_owned(), port));
            let ours = nonce == Some(&map.nonce);
            if !ours && (lifetime == 0 || nonce.is_some()) {
                return Err(ResultCode::NotAuthorized.into());
            }
        }
        if lifetime == 0 {
            self.take_away(protocol, held);
            return Ok(Assigned {
                lifetime: 0,
                external: None,
                port_set: None,
            });
        }
        let wanted = self.wanted(map.external_port, map.internal_port);
        let port = match held {
            Some(port) => port,
            None if map.prefer_failure && !(wanted == map.external_port && self.is_free(protocol, wanted)) => {
                return Err(ResultCode::CannotProvideExternal.into());
            }
            None => self
                .free_from(protocol, wanted)
                .ok_or_else(|| Refused::from(ResultCode::NoResources))?,
        };
        let lifetime = lifetime.max(120).min(self.port_server.longest);
        let description = map.description.as_deref().unwrap_or("PCP");
        self.enter(protocol, port, (&client, map.internal_port), description, lifetime);
        if held.is_none() {
            self.port_server.nonces.insert((protocol.to_owned(), port), map.nonce);
        }
        Ok(Assigned {
            lifetime,
            external: Some((self.external_ipv4().into(), port)),
            port_set: None,
        })
    }

    /// Pinholes of PCP belong to those of UPnP.
    fn open_by_pcp(&mut self, client: IpAddr, map: &Map, lifetime: u32) -> Assigned {
        let remote = map.filters.first();
        let ends_of = [
            remote.map(|filter| filter.address.to_string()).unwrap_or_default(),
            remote.map_or(0, |filter| filter.port).to_string(),
            client.to_string(),
            map.internal_port.to_string(),
            map.protocol.to_string(),
        ];
        let lifetime = if lifetime == 0 {
            self.firewall.close(&ends_of[2..]);
            0
        } else {
            let lifetime = lifetime.max(120).min(self.port_server.longest);
            self.firewall.open(ends_of, lifetime);
            lifetime
        };
        Assigned {
            lifetime,
            external: Some((client, map.internal_port)),
            port_set: None,
        }
    }

    fn answer_nat_pmp(&mut self, datagram: &[u8], source: IpAddr) -> Option<Vec<u8>> {
        let epoch = self.port_server.epoch();
        let request = match nat_pmp::receive(datagram) {
            nat_pmp::Received::Ignore => return None,
            nat_pmp::Received::Unsupported(what) => return Some(nat_pmp::unsupported(datagram, what, epoch)),
            nat_pmp::Received::Request(request) => request,
        };
        let outcome = match (self.port_server.nat_pmp_refuses, request) {
            (Some(code), _) => Err(code),
            (None, nat_pmp::Request::ExternalAddress) => {
                self.port_server.count("external address");
                match self.external_ipv4() {
                    address if address.is_unspecified() => Err(nat_pmp::ResultCode::NetworkFailure),
                    address => Ok(Mapped::ExternalAddress(address)),
                }
            }
            (None, request) => {
                self.port_server.count("map");
                self.map_by_nat_pmp(request, &source.to_string())
            }
        };
        Some(nat_pmp::answer(datagram, &nat_pmp::Answer { epoch, outcome }))
    }

    fn map_by_nat_pmp(&mut self, request: nat_pmp::Request, client: &str) -> Result<Mapped, nat_pmp::ResultCode> {
        let nat_pmp::Request::Map {
            transport,
            internal_port,
            external_port,
            lifetime,
        } = request
        else {
            return Err(nat_pmp::ResultCode::UnsupportedOpcode);
        };
        let protocol = match transport {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
        };
        let held = self.held(protocol, client, internal_port);
        if lifetime == 0 {
            self.take_away(protocol, held);
            return Ok(Mapped::Port {
                external_port: 0,
                lifetime: 0,
            });
        }
        let wanted = self.wanted(external_port, internal_port);
        let port = held.or_else(|| self.free_from(protocol, wanted));
        let port = port.ok_or(nat_pmp::ResultCode::OutOfResources)?;
        let lifetime = lifetime.min(self.port_server.longest);
        self.enter(protocol, port, (client, internal_port), "NAT-PMP", lifetime);
        Ok(Mapped::Port {
            external_port: port,
            lifetime,
        })
    }

    /// The external port that this port of this client has.
    fn held(&self, protocol: &str, client: &str, internal_port: u16) -> Option<u16> {
        let mut rows = self.table.iter();
        let found = rows.find(|((carries, _), row)| {
            carries == protocol && row.client == client && row.internal_port == internal_port
        });
        found.map(|((_, port), _)| *port)
    }

    fn wanted(&self, suggested: u16, internal: u16) -> u16 {
        let suggested = if suggested == 0 { internal } else { suggested };
        self.port_server.own_ports.unwrap_or(suggested)
    }

    fn is_free(&self, protocol: &str, port: u16) -> bool {
        !self.table.contains_key(&(protocol.to_owned(), port))
    }

    fn free_from(&self, protocol: &str, wanted: u16) -> Option<u16> {
        let mut ports = (wanted..=u16::MAX).chain(1024..wanted);
        ports.find(|port| self.is_free(protocol, *port))
    }

    fn enter(
        &mut self,
        protocol: &str,
        port: u16,
        (client, internal_port): (&str, u16),
        description: &str,
        lifetime: u32,
    ) {
        let row = Row {
            client: client.to_owned(),
            internal_port,
            description: description.to_owned(),
            ends: Instant::now() + Duration::from_secs(lifetime.into()),
        };
        self.table.insert((protocol.to_owned(), port), row);
        self.system_update_id += 1;
    }

    fn take_away(&mut self, protocol: &str, port: Option<u16>) {
        let Some(port) = port else { return };
        let key = (protocol.to_owned(), port);
        self.table.remove(&key);
        self.port_server.nonces.remove(&key);
        self.system_update_id += 1;
    }
}
