//! The gateway beside its model: steps that are not requests of a LAN host, and whether both tell the same.

use std::cell::Cell;

use portreeve_engine::Kept;

use super::*;

/// A gateway beside its model.
pub(super) struct World {
    pub(super) gateway: Gateway,
    pub(super) model: Model,
    pub(super) config: Config,
    pub(super) to_refuse: Rc<Cell<u32>>,
}

impl World {
    pub(super) fn new(quirks: Quirks) -> Self {
        let limits = Limits {
            mappings: TABLE,
            mappings_per_client: QUOTA,
            ..Limits::default()
        };
        let pcp = portreeve_engine::config::Pcp {
            minimum_lifetime: 1,
            ..Default::default()
        };
        let config = Config {
            limits,
            pcp,
            quirks,
            ..config()
        };
        let mut world = Self {
            gateway: Gateway::new(config.clone()),
            model: Model::default(),
            config,
            to_refuse: Rc::default(),
        };
        world.refuse_as_told();
        world
    }

    pub(super) fn refuse_as_told(&mut self) {
        let refusing = self.to_refuse.clone();
        self.gateway.refuse = Box::new(move |_| {
            let left = refusing.get();
            refusing.set(left.saturating_sub(1));
            (left > 0).then_some(Refusal::PortTaken)
        });
    }

    /// A world that plays along makes outcomes certain; one that does not may only turn success into refusal.
    pub(super) fn is_certain(&self) -> bool {
        self.to_refuse.get() == 0 && self.gateway.store_works
    }

    pub(super) fn take(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Upnp { version, any, asked } => self.upnp(version, any, &asked)?,
            Step::UpnpDelete {
                client,
                remote,
                port,
                protocol,
            } => {
                let number = port.to_string();
                let key = [
                    ("NewRemoteHost", REMOTES[remote]),
                    ("NewExternalPort", number.as_str()),
                    ("NewProtocol", PROTOCOLS[protocol].name()),
                ];
                let certain = self.is_certain();
                let outcome = self.gateway.call(CLIENTS[client], 2, "DeletePortMapping", &key);
                let is_it =
                    |there: &Promise| (there.port, there.row.protocol, there.row.remote) == (port, protocol, remote);
                let there = self.model.promises.iter().find(|there| is_it(there));
                let may = there.is_some_and(|there| {
                    there.kind != Kind::Static
                        && there.row.client == client
                        && there.port >= 1024
                        && there.row.internal_port >= 1024
                });
                prop_assert!(outcome.is_ok() == may || outcome.is_err() && !certain, "{:?}", outcome);
                if outcome.is_ok() {
                    self.model.forget(is_it);
                }
            }
            Step::UpnpDeleteRange { client, protocol } => {
                let range = [
                    ("NewStartPort", "1024"),
                    ("NewEndPort", "65535"),
                    ("NewProtocol", PROTOCOLS[protocol].name()),
                    ("NewManage", "0"),
                ];
                let outcome = self.gateway.call(CLIENTS[client], 2, "DeletePortMappingRange", &range);
                if outcome.is_ok() {
                    self.model.forget(|there| {
                        there.kind != Kind::Static && (there.row.client, there.row.protocol) == (client, protocol)
                    });
                }
            }
            Step::NatPmp { asked } => self.nat_pmp(&asked)?,
            Step::NatPmpDelete {
                client,
                protocol,
                internal_port,
            } => {
                let certain = self.is_certain();
                let transport = [Transport::Tcp, Transport::Udp][protocol];
                let outcome = self.gateway.nat_pmp_of(CLIENTS[client], transport, internal_port, 0, 0);
                let is_meant = |there: &Promise| {
                    (there.row.client, there.row.protocol) == (client, protocol)
                        && (internal_port == 0 || there.row.internal_port == internal_port)
                };
                let fixed = |there: &Promise| there.kind == Kind::Static && is_meant(there);
                let is_fixed = self.model.promises.iter().any(fixed);
                prop_assert!(
                    outcome.is_ok() != is_fixed || outcome.is_err() && !certain,
                    "{:?}",
                    outcome
                );
                // What can be deleted is deleted, whatever the answer, if the world plays along.
                if outcome.is_ok() || certain || outcome == Err(NatPmpCode::NotAuthorized) {
                    self.model.forget(|there| there.kind == Kind::NatPmp && is_meant(there));
                }
            }
            Step::Pcp {
                asked,
                nonce,
                prefer_failure,
                filters,
            } => self.pcp(&asked, nonce, prefer_failure, &filters)?,
            Step::PcpDelete {
                client,
                protocol,
                internal_port,
                nonce,
            } => self.pcp_delete(client, protocol, internal_port, nonce)?,
            Step::Peer { asked, nonce } => self.peer(&asked, nonce)?,
            Step::Statics(which) => {
                let config = Config {
                    statics: statics(which),
                    ..self.config.clone()
                };
                match self.gateway.ask(Request::Reconfigure(Box::new(config.clone()))) {
                    Reply::Reconfigured(Ok(())) => {
                        self.config = config;
                        self.enter_statics();
                    }
                    Reply::Reconfigured(Err(_)) => {}
                    other => panic!("{other:?}"),
                }
            }
            Step::Pass { seconds } => {
                // Leases end only where kernel and disk play along; both are tried again until they do.
                self.to_refuse.set(0);
                self.gateway.store_works = true;
                self.gateway.pass(Duration::from_secs(seconds));
                self.gateway.pass(Duration::ZERO);
                self.model.now += seconds;
                let now = self.model.now;
                self.model.promises.retain(|promise| promise.until > now);
                let left: BTreeSet<RowKey> = self.model.promises.iter().map(Promise::key).collect();
                self.model.owners.retain(|key, _| left.contains(key));
            }
            Step::Restart => self.restart(),
            Step::Refuse { changes } => self.to_refuse.set(changes),
            Step::StoreWorks(works) => self.gateway.store_works = works,
        }
        self.compare()
    }

    /// What the administrator writes down comes first, and what was in its way goes.
    pub(super) fn enter_statics(&mut self) {
        self.model.forget(|there| there.kind == Kind::Static);
        for mapping in &self.config.statics {
            let port = mapping.key.external_port.get();
            let row = Row {
                protocol: 0,
                remote: 0,
                client: 0,
                internal_port: mapping.internal_port.get(),
                enabled: true,
            };
            self.model.forget(|there| {
                let is_beside = there.row.remote != row.remote && leads_to(there.row, row);
                there.port == port && there.row.protocol == row.protocol && !is_beside
            });
            self.model.promises.push(Promise {
                kind: Kind::Static,
                nonce: 0,
                port,
                row,
                until: u64::MAX,
            });
            self.model.settle([(port, 0, 0)]);
        }
    }

    /// The store keeps whose a row is, and until when; not who shares it.
    pub(super) fn restart(&mut self) {
        let now = self.gateway.now;
        let rows: Vec<Arc<Mapping>> = self.gateway.engine.mappings().cloned().collect();
        let left = |mapping: &Arc<Mapping>| {
            let nonce = match mapping.origin {
                Origin::Pcp(origin) => origin.nonce.0[0],
                _ => 0,
            };
            let (port, row, left, kind) = seen(mapping, now);
            let until = match kind {
                Kind::Static => u64::MAX,
                _ => self.model.now + left,
            };
            Promise {
                kind,
                nonce,
                port,
                row,
                until,
            }
        };
        self.model.promises = rows.iter().map(left).collect();
        let kept = Kept {
            mappings: rows.into_iter().filter(|row| row.origin != Origin::Static).collect(),
            system_update_id: self.gateway.engine.system_update_id(),
            epoch: self.gateway.engine.epoch(),
            external_address: self.gateway.engine.told_address(),
            ..Kept::default()
        };
        let store_works = self.gateway.store_works;
        self.gateway = Gateway::restarted(self.config.clone(), kept);
        (self.gateway.now, self.gateway.store_works) = (now, store_works);
        self.refuse_as_told();
    }

    /// Table, kernel and model tell the same, and no port has two owners.
    pub(super) fn compare(&mut self) -> Result<(), TestCaseError> {
        let now = self.gateway.now;
        let rows: Vec<Arc<Mapping>> = self.gateway.engine.mappings().cloned().collect();
        let table: BTreeSet<_> = rows.iter().map(|mapping| seen(mapping, now)).collect();
        prop_assert_eq!(&table, &self.model.table());
        prop_assert!(self.gateway.in_force.values().eq(rows.iter()));
        for one in &rows {
            for other in rows.iter().filter(|other| {
                (other.key.external_port, other.key.protocol) == (one.key.external_port, one.key.protocol)
            }) {
                prop_assert_eq!(one.internal_client, other.internal_client, "two hosts have one port");
                let same_protocol = one.origin.name() == other.origin.name();
                let is_upnp = matches!(one.origin, Origin::Upnp(_));
                prop_assert!(
                    same_protocol && is_upnp || one.internal_port == other.internal_port,
                    "two sockets have one port by two protocols"
                );
            }
        }
        Ok(())
    }
}
