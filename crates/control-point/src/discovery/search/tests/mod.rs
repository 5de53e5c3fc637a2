//! The rules of the search, in virtual time. The rows (R1, R2, ...) are those of the field's quirks.

mod deciding;
mod families;
mod following;
mod properties;
mod sending;
mod servers;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::*;
use crate::discovery::origin::Origin;
use crate::discovery::target::EVERYONE;

pub(super) const GATEWAY: IpAddr = ip(192, 168, 77, 1);
pub(super) const SECOND_ROUTER: IpAddr = ip(192, 168, 77, 2);
pub(super) const IGD_1: &str = "urn:schemas-upnp-org:device:InternetGatewayDevice:1";
pub(super) const IGD_2: &str = "urn:schemas-upnp-org:device:InternetGatewayDevice:2";

/// A search that is driven, and what it did.
pub(super) struct Driven {
    pub(super) search: Search,
    now: Duration,
    /// What was sent: when, from which origin, where to, what for.
    pub(super) sent: Vec<(Duration, usize, SocketAddr, String)>,
    /// What is being examined.
    pub(super) examining: Vec<(LeadId, String, Option<IpAddr>)>,
    /// Who was asked for PCP and NAT-PMP: when, where, from which address of ours, and for how long.
    pub(super) asked: Vec<(Duration, ServerId, SocketAddr, IpAddr, Duration)>,
    /// How each search went out, in full.
    pub(super) datagrams: Vec<String>,
}

impl Driven {
    pub(super) fn new(plan: Plan) -> Self {
        let mut driven = Self {
            search: Search::new(plan),
            now: Duration::ZERO,
            sent: Vec::new(),
            examining: Vec::new(),
            asked: Vec::new(),
            datagrams: Vec::new(),
        };
        driven.obey();
        driven
    }

    /// Lets time pass, with the search called whenever it wants to be.
    pub(super) fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            let next = self.search.poll_timeout();
            if self.search.verdict().is_some() || next > until {
                break;
            }
            assert!(next > self.now, "it would be called again and again");
            self.now = next;
            self.search.handle_timeout(next);
            self.obey();
        }
        self.now = until;
        self.search.handle_timeout(until);
        self.obey();
    }

    pub(super) fn wait_ms(&mut self, milliseconds: u64) {
        self.wait(Duration::from_millis(milliseconds));
    }

    /// An answer to a search from the first origin.
    pub(super) fn answer(&mut self, from: IpAddr, st: &str, location: &str) {
        self.answer_to(0, from, st, location);
    }

    pub(super) fn answer_to(&mut self, origin: usize, from: IpAddr, st: &str, location: &str) {
        let answer = Response {
            st: Some(st.to_owned()),
            usn: Some(format!("uuid:x::{st}")),
            location: location.to_owned(),
            max_age: Some(1),
            server: Some("x".to_owned()),
            boot_id: Some(7),
            config_id: None,
        };
        self.search.handle_answer(origin, from, &answer, self.now);
        self.obey();
    }

    /// Ends the examination of this location.
    pub(super) fn examined(&mut self, location: &str, result: Result<Findings, Conversation>) -> LeadId {
        let position = self.examining.iter().position(|(_, examined, _)| examined == location);
        let position = position.unwrap_or_else(|| panic!("{location} is not among {:?}", self.examining));
        let (id, ..) = self.examining.remove(position);
        self.search.handle_examined(id, result, self.now);
        self.obey();
        id
    }

    pub(super) fn good(&mut self, location: &str) -> LeadId {
        self.examined(location, Ok(findings(Standing::UpPublic)))
    }

    /// The locations that are being examined.
    pub(super) fn locations(&self) -> Vec<&str> {
        self.examining
            .iter()
            .map(|(_, location, _)| location.as_str())
            .collect()
    }

    #[track_caller]
    pub(super) fn assert_open(&self) {
        assert_eq!(self.search.verdict(), None);
    }

    #[track_caller]
    pub(super) fn assert_found(&self, ids: &[LeadId]) {
        let leads = |choices: Vec<Choice>| {
            choices
                .into_iter()
                .map(|choice| choice.lead)
                .collect::<Option<Vec<_>>>()
        };
        assert_eq!(self.search.verdict().and_then(leads).as_deref(), Some(ids));
    }

    fn obey(&mut self) {
        while let Some(command) = self.search.poll_command() {
            match command {
                Command::Send { origin, to, datagram } => {
                    let target = datagram.lines().find_map(|line| line.strip_prefix("ST: "));
                    self.sent.push((self.now, origin, to, target.unwrap().to_owned()));
                    self.datagrams.push(datagram);
                }
                Command::Ask {
                    id,
                    server,
                    from,
                    patience,
                } => self.asked.push((self.now, id, server, from, patience)),
                Command::Examine { id, location, from } => self.examining.push((id, location.to_string(), from)),
            }
        }
    }
}

pub(super) fn findings(standing: Standing) -> Findings {
    Findings {
        standing,
        version: 2,
        udn: "uuid:1".to_owned(),
    }
}

pub(super) fn refused() -> Conversation {
    Conversation::Unreachable {
        address: "x".to_owned(),
        reason: "refused".to_owned(),
    }
}

/// One LAN with a default gateway, and loopback.
pub(super) fn plan() -> Plan {
    Plan {
        origins: vec![lan(), loopback()],
        wanted: Wanted::Any,
        order: vec![Carrier::Igd, Carrier::Pcp, Carrier::NatPmp],
        remembered: Vec::new(),
        timeout: Duration::from_secs(1),
        until: Until::Certain,
        user_agent: "x".to_owned(),
    }
}

pub(super) fn lan() -> Origin {
    Origin {
        interface: "eth0".to_owned(),
        index: 3,
        address: ip(192, 168, 77, 10),
        prefix_len: 24,
        gateway: Some(GATEWAY),
        loopback: false,
        multicast: true,
    }
}

pub(super) fn second_lan() -> Origin {
    Origin {
        interface: "wlan0".to_owned(),
        index: 4,
        address: ip(10, 0, 0, 10),
        gateway: Some(ip(10, 0, 0, 1)),
        ..lan()
    }
}

pub(super) fn loopback() -> Origin {
    Origin {
        interface: "lo".to_owned(),
        index: 1,
        address: ip(127, 0, 0, 1),
        prefix_len: 8,
        gateway: None,
        loopback: true,
        multicast: false,
    }
}

pub(super) fn at(host: IpAddr, path: &str) -> String {
    format!("http://{}{path}", SocketAddr::new(host, 5000))
}

pub(super) const fn ip(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}
