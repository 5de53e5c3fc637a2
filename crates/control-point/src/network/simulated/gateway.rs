//! A well-behaved IGD:2 with leases on tokio's clock.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use portreeve_wire::description::{Description, Identity};
use portreeve_wire::resource::{self, Resource};
use portreeve_wire::service::Service;
use portreeve_wire::soap::{self, FAULT_STATUS};
use portreeve_wire::ssdp::{Announcer, Group, Search, advertisements, answers};
use portreeve_wire::{Call, ErrorCode, Fault, Offer, Quirks, Url, Uuid, Value, View, dispatch};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::events::Subscriptions;
use super::firewall::SimulatedFirewall;
use super::port_server::SimulatedPortServer;
use crate::network::asked::Asked;

/// The gateway's address.
pub(crate) const GATEWAY: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 1);

/// Its address on the link, which IPv6 hosts have as their router.
pub(crate) const ROUTER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

/// Its address in the network of IPv6.
pub(crate) const GATEWAY_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x77, 0, 0, 0, 0, 1);

const OFFER: Offer = Offer {
    pinholes: true,
    ppp: false,
    lan_host: false,
};

const LAST_PORT: u16 = u16::MAX;

pub(crate) struct SimulatedGateway {
    pub(super) table: BTreeMap<(String, u16), Row>,
    up: bool,
    boot_id: u32,
    /// Whether it starts anew with the same BOOTID and on the same port.
    pub(crate) unchanging: bool,
    http_port: u16,
    up_since: Instant,
    pub(super) system_update_id: u32,
    subscriptions: Subscriptions,
    pub(crate) external_address: String,
    pub(crate) nat_enabled: bool,
    pub(crate) firewall: SimulatedFirewall,
    /// Whether it speaks UPnP.
    pub(crate) igd: bool,
    pub(crate) port_server: SimulatedPortServer,
    /// How often each action was called.
    pub(crate) calls: BTreeMap<String, u64>,
    /// Mappings that have ended with their lease.
    pub(crate) expired: u64,
    pub(crate) http_connections: u64,
}

pub(super) struct Row {
    pub(super) client: String,
    pub(super) internal_port: u16,
    pub(super) description: String,
    pub(super) ends: Instant,
}

impl SimulatedGateway {
    pub(super) fn new() -> Self {
        Self {
            table: BTreeMap::new(),
            up: true,
            boot_id: 1,
            unchanging: false,
            http_port: 5000,
            up_since: Instant::now(),
            system_update_id: 0,
            subscriptions: Subscriptions::default(),
            external_address: "11.11.11.1".to_owned(),
            nat_enabled: true,
            firewall: SimulatedFirewall::default(),
            igd: true,
            port_server: SimulatedPortServer::default(),
            calls: BTreeMap::new(),
            expired: 0,
            http_connections: 0,
        }
    }

    /// The mappings now: protocol, port, client.
    pub(crate) fn mappings(&mut self) -> Vec<(String, u16, String)> {
        self.expire();
        let rows = self.table.iter();
        rows.map(|((protocol, port), row)| (protocol.clone(), *port, row.client.clone()))
            .collect()
    }

    /// Loses all mappings, as a firewall that is reloaded.
    pub(crate) fn forget_all(&mut self) {
        self.table.clear();
    }

    /// Loses the mapping of a UDP port, as when a person removes it.
    pub(crate) fn remove_one(&mut self, port: u16) {
        self.table.remove(&("UDP".to_owned(), port));
        self.system_update_id += 1;
    }

    /// Gives a UDP port to another host, whoever has it.
    pub(crate) fn give_away(&mut self, port: u16) {
        let row = Row {
            client: "192.168.77.66".to_owned(),
            internal_port: port,
            description: "theirs".to_owned(),
            ends: Instant::now() + Duration::from_secs(604_800),
        };
        self.table.insert(("UDP".to_owned(), port), row);
    }

    /// Calls so far.
    pub(crate) fn calls(&self, action: &str) -> u64 {
        self.calls.get(action).copied().unwrap_or(0)
    }

    /// Subscriptions to its events.
    pub(crate) fn subscriptions(&mut self) -> usize {
        self.subscriptions.len()
    }

    /// Has no events from now on, and says so.
    pub(crate) fn refuse_subscriptions(&mut self) {
        self.subscriptions.forget_all();
        self.subscriptions.refuses = true;
    }

    pub(super) fn publish(&mut self) {
        if self.up {
            let state = [
                ("ConnectionStatus", "Connected".into()),
                ("ExternalIPAddress", self.external_address.as_str().into()),
                ("PortMappingNumberOfEntries", (self.table.len() as u16).into()),
                ("SystemUpdateID", self.system_update_id.into()),
            ];
            self.subscriptions.publish(&state);
        }
    }

    pub(super) fn kill(&mut self) {
        self.up = false;
        self.subscriptions.forget_all();
        self.table.clear();
        self.firewall.forget_all();
    }

    /// On another port than before.
    pub(super) fn start(&mut self) {
        self.table.clear();
        self.firewall.forget_all();
        self.port_server.begin_epoch();
        self.up = true;
        if !self.unchanging {
            self.boot_id += 1;
            self.http_port += 1;
        }
        self.up_since = Instant::now();
        self.system_update_id = 0;
    }

    pub(super) fn is_up(&self) -> bool {
        self.up
    }

    pub(super) fn listens_at(&mut self, address: SocketAddr) -> bool {
        let ours = [GATEWAY.into(), ROUTER.into(), GATEWAY_V6.into()];
        let listens = self.up && self.igd && ours.contains(&address.ip()) && address.port() == self.http_port;
        self.http_connections += u64::from(listens);
        listens
    }

    pub(super) fn alive(&self) -> String {
        let root = &self.description(View::Igd2).device;
        let location = Resource::Description(View::Igd2).url(self.at(GATEWAY.into()));
        self.announcer().alive(Group::Ipv4, &location, &advertisements(root)[0])
    }

    /// Answers to a search, with its description at this address of its own.
    pub(super) fn answer(&self, search: &Search, at: IpAddr) -> Vec<String> {
        if !self.up || !self.igd {
            return Vec::new();
        }
        let root = self.description(View::Igd2).device;
        let found = answers(&root, View::Igd2, &search.target, &search.st, Quirks::default());
        let render = |answer| {
            let location = Resource::Description(View::Igd2).url(self.at(at));
            self.announcer()
                .response(&location, "Thu, 01 Jan 2026 00:00:00 GMT", answer)
        };
        found.iter().map(render).collect()
    }

    /// Status, header fields and body; `send` sends messages to a place.
    pub(super) fn respond(
        &mut self,
        request: &Asked,
        peer: IpAddr,
        send: impl FnOnce(Url) -> mpsc::UnboundedSender<String>,
    ) -> (u16, Vec<(&'static str, String)>, String) {
        let (status, body) = match resource::find(OFFER, &request.path) {
            Some(Resource::Event(service, _)) if service.name == "WANIPConnection" => {
                *self.calls.entry(request.method.clone()).or_default() += 1;
                let (status, fields) = self.subscriptions.answer(request, send);
                return (status, fields, String::new());
            }
            Some(Resource::Description(view)) => (200, self.description(view).render()),
            Some(Resource::Control(service)) => self.control(service, request, peer),
            _ => (404, String::new()),
        };
        (status, Vec::new(), body)
    }

    fn control(&mut self, service: &'static Service, request: &Asked, peer: IpAddr) -> (u16, String) {
        let parsed = soap::parse(request.soap_action.as_deref(), &request.body, Quirks::default());
        match parsed.unwrap() {
            soap::Request::Query { variable } => {
                *self.calls.entry(variable.clone()).or_default() += 1;
                let value: Value = match &*variable {
                    "SystemUpdateID" => self.system_update_id.into(),
                    "PortMappingNumberOfEntries" => (self.table.len() as u16).into(),
                    other => panic!("{other}"),
                };
                (200, soap::variable_response(&value))
            }
            soap::Request::Action {
                service_type,
                action,
                arguments,
            } => {
                let (service, version) = dispatch(OFFER, service, &service_type, &action, Quirks::default()).unwrap();
                let call = Call::parse(service, version, &action, &arguments, Quirks::default()).unwrap();
                *self.calls.entry(action).or_default() += 1;
                match self.carry_out(&call, peer) {
                    Ok(values) => (200, soap::response(service, version, call.action, &values)),
                    Err(code) => (FAULT_STATUS, soap::fault(&Fault::from(code))),
                }
            }
        }
    }

    fn carry_out(&mut self, call: &Call, peer: IpAddr) -> Result<Vec<Value>, ErrorCode> {
        self.expire();
        match call.action.name {
            "GetStatusInfo" => {
                let uptime = self.up_since.elapsed().as_secs() as u32;
                Ok(vec!["Connected".into(), "ERROR_NONE".into(), uptime.into()])
            }
            "GetNATRSIPStatus" => Ok(vec![false.into(), self.nat_enabled.into()]),
            "GetExternalIPAddress" => Ok(vec![self.external_address.as_str().into()]),
            "AddPortMapping" => self.add(call, call.ui2("NewExternalPort")).map(|()| Vec::new()),
            "AddAnyPortMapping" => {
                let wanted = call.ui2("NewExternalPort");
                let ports = [wanted].into_iter().chain(1024..=LAST_PORT);
                let mut free = ports.filter(|port| self.may_have(call, *port));
                let port = free.next().ok_or(ErrorCode::NoPortMapsAvailable)?;
                self.add(call, port)?;
                Ok(vec![port.into()])
            }
            "DeletePortMapping" => {
                let removed = self.table.remove(&key(call, call.ui2("NewExternalPort")));
                self.system_update_id += 1;
                removed.map(|_| Vec::new()).ok_or(ErrorCode::NoSuchEntryInArray)
            }
            "GetSpecificPortMappingEntry" => {
                let row = self.table.get(&key(call, call.ui2("NewExternalPort")));
                let row = row.ok_or(ErrorCode::NoSuchEntryInArray)?;
                let left = row.ends.saturating_duration_since(Instant::now()).as_secs() as u32;
                Ok(vec![
                    row.internal_port.into(),
                    row.client.as_str().into(),
                    true.into(),
                    row.description.as_str().into(),
                    left.into(),
                ])
            }
            "GetListOfPortMappings" => Err(ErrorCode::PortMappingNotFound),
            "GetGenericPortMappingEntry" => Err(ErrorCode::SpecifiedArrayIndexInvalid),
            _ => self.firewall.carry_out(call, peer),
        }
    }

    fn may_have(&self, call: &Call, port: u16) -> bool {
        let row = self.table.get(&key(call, port));
        row.is_none_or(|row| row.client == call.text("NewInternalClient"))
    }

    fn add(&mut self, call: &Call, port: u16) -> Result<(), ErrorCode> {
        if !self.may_have(call, port) {
            return Err(ErrorCode::ConflictInMappingEntry);
        }
        let lease = match call.ui4("NewLeaseDuration") {
            0 => 604_800,
            lease => lease,
        };
        let row = Row {
            client: call.text("NewInternalClient").to_owned(),
            internal_port: call.ui2("NewInternalPort"),
            description: call.text("NewPortMappingDescription").to_owned(),
            ends: Instant::now() + Duration::from_secs(lease.into()),
        };
        self.table.insert(key(call, port), row);
        self.system_update_id += 1;
        Ok(())
    }

    pub(super) fn expire(&mut self) {
        let (before, now) = (self.table.len(), Instant::now());
        self.table.retain(|_, row| row.ends > now);
        self.expired += (before - self.table.len()) as u64;
    }

    fn at(&self, address: IpAddr) -> SocketAddr {
        SocketAddr::new(address, self.http_port)
    }

    fn description(&self, view: View) -> Description {
        let identity = Identity {
            uuid: Uuid::from_u128(0x77),
            friendly_name: "simulated".to_owned(),
            model_number: "1".to_owned(),
            serial_number: None,
        };
        Description::of(&identity, OFFER, view, 1)
    }

    fn announcer(&self) -> Announcer<'static> {
        Announcer {
            server: "simulated",
            boot_id: self.boot_id,
            config_id: 1,
        }
    }
}

fn key(call: &Call, port: u16) -> (String, u16) {
    (call.text("NewProtocol").to_owned(), port)
}
