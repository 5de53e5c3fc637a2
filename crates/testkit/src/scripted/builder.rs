use std::net::SocketAddr;
use std::sync::Arc;

use super::connection::Connection;
use super::misbehaviour::Misbehaviour;
use super::place::{Place, SsdpSockets};
use super::reply::ScriptedReply;
use super::soap::Call;
use super::state::{Firewall, Hook, Plan, Shared, State};
use super::table::{MappingTable, PortMapping};
use super::{IgdVersion, ScriptedGateway};
use crate::host::Host;

/// A gateway to be: an IGD:2 with one connected WANIPConnection at 11.11.11.2 unless said otherwise.
pub struct ScriptedGatewayBuilder {
    plan: Plan,
    http_port: u16,
    connections: Vec<Connection>,
    misbehaviours: Vec<Misbehaviour>,
    hooks: Vec<(String, Hook)>,
    mappings: Vec<PortMapping>,
}

impl ScriptedGatewayBuilder {
    pub(super) fn new() -> Self {
        Self {
            plan: Plan {
                igd: IgdVersion::V2,
                friendly_name: "Scripted gateway".to_owned(),
                page_limit: usize::MAX,
                capacity: usize::MAX,
                default_connection: 0,
                firewall: Firewall::Absent,
                announce_to: Vec::new(),
            },
            http_port: 0,
            connections: Vec::new(),
            misbehaviours: Vec::new(),
            hooks: Vec::new(),
            mappings: Vec::new(),
        }
    }

    /// Version of the InternetGatewayDevice and of its WANIPConnection.
    #[must_use]
    pub fn igd(mut self, version: IgdVersion) -> Self {
        self.plan.igd = version;
        self
    }

    /// friendlyName.
    #[must_use]
    pub fn friendly_name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.plan.friendly_name);
        self
    }

    /// Adds a connection; the first one replaces the one that is there by default.
    #[must_use]
    pub fn connection(mut self, connection: Connection) -> Self {
        self.connections.push(connection);
        self
    }

    /// Which connection, counted from 0, Layer3Forwarding names as the default.
    #[must_use]
    pub fn default_connection(mut self, index: usize) -> Self {
        self.plan.default_connection = index;
        self
    }

    /// Adds a WANIPv6FirewallControl to each WANConnectionDevice.
    #[must_use]
    pub fn ipv6_firewall(mut self) -> Self {
        self.plan.firewall = Firewall::Present;
        self
    }

    /// How many entries GetListOfPortMappings gives at most; unlimited by default.
    #[must_use]
    pub fn page_limit(mut self, entries: usize) -> Self {
        self.plan.page_limit = entries;
        self
    }

    /// How many mappings a connection holds before it answers 728; unlimited by default.
    #[must_use]
    pub fn capacity(mut self, mappings: usize) -> Self {
        self.plan.capacity = mappings;
        self
    }

    /// A TCP port to serve HTTP on; by default any that is free.
    #[must_use]
    pub fn http_port(mut self, port: u16) -> Self {
        self.http_port = port;
        self
    }

    /// Where NOTIFY goes besides the multicast group; on loopback it goes only there.
    #[must_use]
    pub fn announce_to(mut self, address: SocketAddr) -> Self {
        self.plan.announce_to.push(address);
        self
    }

    /// Adds a mapping to the first connection's table from the start.
    #[must_use]
    pub fn mapping(mut self, mapping: PortMapping) -> Self {
        self.mappings.push(mapping);
        self
    }

    /// Adds a misbehaviour; several play together. Of two that contradict each other the first wins.
    #[must_use]
    pub fn misbehave(mut self, misbehaviour: Misbehaviour) -> Self {
        self.misbehaviours.push(misbehaviour);
        self
    }

    /// Lets a test answer an action of any service itself, and look at or change the table of the connection. Of
    /// several hooks for one action all are asked in their order until one does not pass.
    #[must_use]
    pub fn on_action(
        mut self,
        action: &str,
        hook: impl FnMut(&Call, &mut MappingTable) -> ScriptedReply + Send + 'static,
    ) -> Self {
        self.hooks.push((action.to_owned(), Box::new(hook)));
        self
    }

    /// Starts on a loopback address that no other gateway has. Searches are answered there on UDP port 1900; nothing
    /// is multicast.
    ///
    /// # Panics
    /// If something else listens on UDP port 1900 of all addresses.
    pub fn start_on_loopback(self) -> ScriptedGateway {
        let (address, sockets) = SsdpSockets::on_loopback();
        let http_port = self.http_port;
        let shared = self.into_shared();
        shared.lock().address = address;
        ScriptedGateway::start(Place::Loopback, shared, sockets, http_port)
    }

    /// Starts in a lab, on the LAN address of `host`, where it answers multicast and unicast searches and announces
    /// itself.
    ///
    /// # Panics
    /// If UDP port 1900 of that address is taken.
    pub fn start_in(self, host: &Host) -> ScriptedGateway {
        let address = host.ipv4();
        let sockets = host
            .run(|| SsdpSockets::on_lan(address))
            .unwrap_or_else(|e| panic!("cannot serve SSDP on {address}: {e}"));
        let http_port = self.http_port;
        let shared = self.into_shared();
        shared.lock().address = address;
        ScriptedGateway::start(Place::Namespace(host.duplicate()), shared, sockets, http_port)
    }

    fn into_shared(mut self) -> Arc<Shared> {
        if self.connections.is_empty() {
            self.connections.push(Connection::ip("11.11.11.2"));
        }
        let mut state = State::new(self.plan, self.connections, self.misbehaviours, self.hooks);
        for mapping in self.mappings {
            state.links[0].table.put(mapping);
        }
        Arc::new(Shared::new(state))
    }
}
