//! Requests of LAN hosts, and what the model says to their answers.

use std::net::SocketAddrV4;

use portreeve_engine::Flow;
use portreeve_wire::pcp::{Filter, Peer};

use super::*;

impl World {
    pub(super) fn upnp(&mut self, version: u8, any: bool, asked: &Asked) -> Result<(), TestCaseError> {
        let certain = self.is_certain();
        let texts = [asked.external_port, asked.internal_port].map(|port| port.to_string());
        let lease = asked.lease.to_string();
        let given = [
            ("NewRemoteHost", REMOTES[asked.remote]),
            ("NewExternalPort", texts[0].as_str()),
            ("NewProtocol", PROTOCOLS[asked.protocol].name()),
            ("NewInternalPort", texts[1].as_str()),
            ("NewEnabled", if asked.enabled { "1" } else { "0" }),
            ("NewLeaseDuration", lease.as_str()),
        ];
        let (client, any) = (CLIENTS[asked.client], any && version == 2);
        let action = if any { ADD_ANY } else { ADD };
        let outcome = self.gateway.call(client, version, action, &mapping(client, &given));
        let mut rows = asked.rows(&[asked.remote]);
        rows[0].enabled = asked.enabled;
        let claim = Claim {
            kind: Kind::Upnp,
            nonce: 0,
            rows,
            until: self.model.now + u64::from(asked.lease),
        };
        let wish = asked.external_port;
        let gets_wish = self.model.can_be_had(&claim, wish);
        match outcome {
            Ok(outputs) => {
                let port = match outputs.get("NewReservedPort") {
                    Some(Value::Ui2(port)) => *port,
                    _ => wish,
                };
                prop_assert!(self.model.can_be_had(&claim, port), "{port}");
                prop_assert!(self.model.has_room(&claim, port));
                prop_assert!(port == wish || !gets_wish || !certain);
                // UPnP leaves as it is what it shares.
                self.model.grant(&claim, port);
            }
            Err(code) if certain => {
                let is_allowed = self.model.is_allowed(&claim, wish);
                let expected = match (any, gets_wish) {
                    (false, false) => true,
                    (_, true) => !self.model.has_room(&claim, wish),
                    (true, false) => !is_allowed || !self.model.has_room(&claim, 60_000),
                };
                prop_assert!(expected, "{}", code);
            }
            Err(_) => {}
        }
        Ok(())
    }

    pub(super) fn nat_pmp(&mut self, asked: &Asked) -> Result<(), TestCaseError> {
        let certain = self.is_certain();
        let transport = [Transport::Tcp, Transport::Udp][asked.protocol];
        let (client, wish) = (CLIENTS[asked.client], asked.external_port);
        let outcome = self
            .gateway
            .nat_pmp_of(client, transport, asked.internal_port, wish, asked.lease);
        let claim = Claim {
            kind: Kind::NatPmp,
            nonce: 0,
            rows: asked.rows(&[0]),
            until: self.model.now + u64::from(asked.lease),
        };
        if let Ok((_, lifetime)) = outcome {
            prop_assert_eq!(lifetime, asked.lease);
        }
        self.chosen(&claim, wish, outcome.ok().map(|(port, _)| port), certain)
    }

    /// What must be true of a port that was chosen, or of there being none.
    pub(super) fn chosen(
        &mut self,
        claim: &Claim,
        wish: u16,
        port: Option<u16>,
        certain: bool,
    ) -> Result<(), TestCaseError> {
        let expected = self.model.expected(claim, wish);
        match port {
            Some(port) => {
                prop_assert!(self.model.can_be_had(claim, port), "{}", port);
                prop_assert!(self.model.has_room(claim, port));
                prop_assert!(
                    !certain || expected.is_empty() || expected.contains(&port),
                    "{} {:?}",
                    port,
                    expected
                );
                self.model.grant(claim, port);
            }
            None if certain => {
                let is_possible = |port: &u16| self.model.can_be_had(claim, *port) && self.model.has_room(claim, *port);
                let elsewhere = claim.rows[0].internal_port >= 1024 && self.model.has_room(claim, 60_000);
                let is_possible = match expected.as_slice() {
                    [] => elsewhere,
                    some => some.iter().all(is_possible),
                };
                prop_assert!(!is_possible);
            }
            None => {}
        }
        Ok(())
    }

    pub(super) fn pcp(
        &mut self,
        asked: &Asked,
        nonce: u8,
        prefer: bool,
        filters: &[usize],
    ) -> Result<(), TestCaseError> {
        let certain = self.is_certain();
        let map = Map {
            nonce: Nonce([nonce; 12]),
            protocol: PROTOCOLS[asked.protocol].number(),
            external_port: asked.external_port,
            prefer_failure: prefer,
            filters: filters.iter().map(|remote| filter(*remote)).collect(),
            ..tcp(asked.internal_port)
        };
        let outcome = self.gateway.map(CLIENTS[asked.client], asked.lease, map);
        let own: Vec<Promise> = self
            .model
            .of_socket(asked.rows(&[0])[0])
            .filter(|there| there.kind == Kind::Pcp)
            .cloned()
            .collect();
        let mut remotes: BTreeSet<usize> = own
            .iter()
            .map(|there| there.row.remote)
            .filter(|remote| *remote > 0)
            .collect();
        for filter in filters {
            match filter {
                0 => remotes.clear(),
                host => drop(remotes.insert(*host)),
            }
        }
        if remotes.is_empty() {
            remotes.insert(0);
        }
        let claim = Claim {
            kind: Kind::Pcp,
            nonce,
            rows: asked.rows(&remotes.into_iter().collect::<Vec<_>>()),
            until: self.model.now + u64::from(asked.lease),
        };
        let is_tolerant = self.config.quirks.has(Quirk::PcpFreshNonce);
        if own.iter().any(|there| there.nonce != nonce) && !is_tolerant {
            prop_assert_eq!(outcome, Err(ResultCode::NotAuthorized));
            return Ok(());
        }
        let wish = asked.external_port;
        let port = outcome.ok().map(|assigned| assigned.external.unwrap().1);
        if !prefer {
            return self.chosen(&claim, wish, port, certain);
        }
        let is_possible = own.iter().all(|there| there.port == wish)
            && self.model.can_be_had(&claim, wish)
            && self.model.has_room(&claim, wish);
        prop_assert!(
            port.is_some() == is_possible || port.is_none() && !certain,
            "{:?}",
            outcome
        );
        if let Some(port) = port {
            prop_assert_eq!(port, wish);
            self.model.grant(&claim, port);
        }
        Ok(())
    }

    pub(super) fn peer(&mut self, asked: &Asked, nonce: u8) -> Result<(), TestCaseError> {
        let certain = self.is_certain();
        let remote_address = REMOTES[asked.remote].parse().unwrap();
        let client: Ipv4Addr = CLIENTS[asked.client].parse().unwrap();
        let peer = Peer {
            nonce: Nonce([nonce; 12]),
            protocol: PROTOCOLS[asked.protocol].number(),
            internal_port: asked.internal_port,
            external_port: asked.external_port,
            external_address: ANYWHERE,
            remote_port: 443,
            remote_address: IpAddr::V4(remote_address),
            third_party: None,
            description: None,
        };
        // The kernel knows of no such flow.
        let flow = Flow {
            protocol: PROTOCOLS[asked.protocol],
            source: SocketAddrV4::new(client, asked.internal_port),
            destination: SocketAddrV4::new(remote_address, 443),
        };
        self.gateway.engine.handle_flow(flow, None);
        let outcome = self
            .gateway
            .pcp(CLIENTS[asked.client], asked.lease, Operation::Peer(peer));
        let claim = Claim {
            kind: Kind::Peer,
            nonce,
            rows: asked.rows(&[asked.remote]),
            until: self.model.now + u64::from(asked.lease),
        };
        let row = claim.rows[0];
        let is_own =
            |there: &Promise| there.kind == Kind::Peer && leads_to(there.row, row) && there.row.remote == row.remote;
        let mut own = self.model.promises.iter().filter(|there| is_own(there));
        let is_tolerant = self.config.quirks.has(Quirk::PcpFreshNonce) && asked.lease > 0;
        if own.any(|there| there.nonce != nonce) && !is_tolerant {
            prop_assert_eq!(outcome.map_err(|refused| refused.code), Err(ResultCode::NotAuthorized));
            return Ok(());
        }
        if asked.lease > 0 {
            let port = outcome.ok().map(|assigned| assigned.external.unwrap().1);
            return self.chosen(&claim, asked.external_port, port, certain);
        }
        prop_assert!(outcome.is_ok() || !certain, "{:?}", outcome);
        if outcome.is_ok() {
            self.model.forget(is_own);
        }
        Ok(())
    }

    pub(super) fn pcp_delete(
        &mut self,
        client: usize,
        protocol: usize,
        port: u16,
        nonce: u8,
    ) -> Result<(), TestCaseError> {
        let certain = self.is_certain();
        let map = Map {
            nonce: Nonce([nonce; 12]),
            protocol: PROTOCOLS[protocol].number(),
            ..tcp(port)
        };
        let outcome = self.gateway.map(CLIENTS[client], 0, map);
        let is_meant = |there: &Promise| {
            (there.row.client, there.row.protocol) == (client, protocol)
                && (port == 0 || there.row.internal_port == port)
        };
        let is_ours = |there: &Promise| is_meant(there) && there.kind == Kind::Pcp && there.nonce == nonce;
        let meant = || self.model.promises.iter().filter(|there| is_meant(there));
        let has_ours = meant().any(is_ours);
        let has_strangers = meant().any(|there| there.kind == Kind::Pcp && there.nonce != nonce);
        // PEER manages its own.
        let has_others = meant().any(|there| {
            let mut same = meant().filter(|other| other.key() == there.key());
            self.model.owners[&there.key()] != Kind::Peer && same.all(|other| other.kind != Kind::Pcp)
        });
        let is_refused = match port {
            0 => has_strangers && !has_ours,
            _ => has_strangers || has_others && !has_ours,
        };
        prop_assert!(
            outcome.is_ok() != is_refused || outcome.is_err() && !certain,
            "{:?}",
            outcome
        );
        if outcome.is_ok() {
            self.model.forget(is_ours);
        }
        Ok(())
    }
}

pub(super) fn filter(remote: usize) -> Filter {
    Filter {
        address: REMOTES[remote].parse().unwrap_or(ANYWHERE),
        prefix: (remote > 0).then_some(32),
        port: 0,
    }
}
