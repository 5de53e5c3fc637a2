//! A gateway that misbehaves as routers in the field do, one way at a time, for tests of control points.
//!
//! ```
//! use portreeve_testkit::ScriptedGateway;
//! use portreeve_testkit::scripted::{IgdVersion, Misbehaviour, ScriptedReply};
//!
//! let gateway = ScriptedGateway::builder()
//!     .igd(IgdVersion::V1)
//!     .misbehave(Misbehaviour::OnlyPermanentLeases)
//!     .on_action("GetExternalIPAddress", |_call, _table| ScriptedReply::fault(501, "Action Failed"))
//!     .start_on_loopback();
//! // ... let a control point map a port at gateway.description_url(), or search gateway.ssdp_address() ...
//! assert!(gateway.calls("DeletePortMapping").is_empty(), "it must not delete what is not its own");
//! ```
//!
//! By default it is a faithful IGD: descriptions, SOAP, a table of mappings with leases by the wall clock
//! ([`ScriptedGateway::advance`] moves it), unicast SSDP and in a lab multicast SSDP. It moves no traffic. Any client
//! may map to any other and delete any mapping, as at many routers; see [`Misbehaviour::RefusesOtherClients`].
//! [`Misbehaviour`] is what it does wrong, [`ScriptedGatewayBuilder::on_action`] is for the rest, and
//! [`ScriptedGateway::requests`] shows what the client did.
//!
//! # What plays which row
//!
//! Each row is a behaviour seen in the field; scenarios of the control point are named by its number.
//!
//! | Row | What routers do | Played by |
//! | --- | --- | --- |
//! | R1 | `ssdp:all` finds the first device only | [`AnswersAllWithFirstDevice`](Misbehaviour::AnswersAllWithFirstDevice) |
//! | R2 | only `upnp:rootdevice` is answered | [`AnswersOnlyRootDevice`](Misbehaviour::AnswersOnlyRootDevice) |
//! | R3 | only multicast, only unicast | [`AnswersOnlyMulticast`](Misbehaviour::AnswersOnlyMulticast), [`AnswersOnlyUnicast`](Misbehaviour::AnswersOnlyUnicast) |
//! | R4 | answers from an ephemeral port | [`AnswersFromEphemeralPort`](Misbehaviour::AnswersFromEphemeralPort) |
//! | R5 | LOCATION elsewhere; a second router | [`LocationHost`](Misbehaviour::LocationHost), [`Location`](Misbehaviour::Location); a second gateway on a LAN host |
//! | R6 | trips over IPv4 and IPv6 at once | [`TripsOverBothFamilies`](Misbehaviour::TripsOverBothFamilies), in a lab |
//! | R7 | odd headers | [`OddHeaders`](Misbehaviour::OddHeaders) |
//! | R8 | UDNs that are no UUIDs | [`MalformedUdn`](Misbehaviour::MalformedUdn) |
//! | R9 | odd and changing paths | [`OddPaths`](Misbehaviour::OddPaths), [`RandomPaths`](Misbehaviour::RandomPaths) |
//! | R10 | sloppy XML, URLBase, relative URLs | [`SloppyDescription`](Misbehaviour::SloppyDescription), [`UrlBase`](Misbehaviour::UrlBase), [`RelativeUrls`](Misbehaviour::RelativeUrls) |
//! | R11 | absolute controlURL | [`ForeignControlUrl`](Misbehaviour::ForeignControlUrl), [`ControlOnOtherPort`](Misbehaviour::ControlOnOtherPort), [`LocalPresentationUrl`](Misbehaviour::LocalPresentationUrl) |
//! | R12 | HTTP/1.0 without length | [`NoContentLength`](Misbehaviour::NoContentLength) |
//! | R13 | always chunked | [`AlwaysChunked`](Misbehaviour::AlwaysChunked) |
//! | R14 | NULs and blanks | [`TrailingNuls`](Misbehaviour::TrailingNuls) |
//! | R15 | types from before the standard | [`DslForumTypes`](Misbehaviour::DslForumTypes) |
//! | R16 | types without version | [`UnversionedTypes`](Misbehaviour::UnversionedTypes) |
//! | R17 | other serviceIds | [`OddServiceIds`](Misbehaviour::OddServiceIds) |
//! | R18 | versions mixed | [`MixedVersions`](Misbehaviour::MixedVersions) |
//! | R19 | several connections | [`ScriptedGatewayBuilder::connection`], [`ScriptedGatewayBuilder::default_connection`] |
//! | R20 | first description empty | [`EmptyDescriptions`](Misbehaviour::EmptyDescriptions) |
//! | R40 | 725 | [`OnlyPermanentLeases`](Misbehaviour::OnlyPermanentLeases) |
//! | R41 | 402 for leases | [`InvalidArgsForLease`](Misbehaviour::InvalidArgsForLease) |
//! | R42 | 724 | [`SamePortRequired`](Misbehaviour::SamePortRequired) |
//! | R43 | 501 for conflicts | [`ConflictIsActionFailed`](Misbehaviour::ConflictIsActionFailed), with a foreign mapping |
//! | R44 | 718 for what is not listed | [`AlwaysConflict`](Misbehaviour::AlwaysConflict), [`HiddenRules`](Misbehaviour::HiddenRules) |
//! | R45 | 606 on some ports | [`RefusesEvenPorts`](Misbehaviour::RefusesEvenPorts) |
//! | R46 | 403 | [`PortSharingOff`](Misbehaviour::PortSharingOff) |
//! | R47 | 729 for all | [`AlwaysOtherMechanism`](Misbehaviour::AlwaysOtherMechanism) |
//! | R48 | other ends of the list | [`EndOfList`](Misbehaviour::EndOfList) |
//! | R49 | garbage in GetSpecific | [`GarbledSpecific`](Misbehaviour::GarbledSpecific) |
//! | R50 | InternalClient is a name or empty | [`ListsClientsAs`](Misbehaviour::ListsClientsAs) |
//! | R51 | lower-case protocol refused | [`RefusesLowerCaseProtocol`](Misbehaviour::RefusesLowerCaseProtocol) |
//! | R52 | low ports refused or ignored | [`RefusesLowPorts`](Misbehaviour::RefusesLowPorts), [`IgnoresLowPorts`](Misbehaviour::IgnoresLowPorts), [`LiftsLowPorts`](Misbehaviour::LiftsLowPorts) |
//! | R53 | port 0 opens all | [`OpensAllPorts`](Misbehaviour::OpensAllPorts) |
//! | R54 | 500 for a default namespace | [`RefusesDefaultNamespace`](Misbehaviour::RefusesDefaultNamespace) |
//! | R55 | `&quot;` stays | [`KeepsQuotesEscaped`](Misbehaviour::KeepsQuotesEscaped) |
//! | R56 | no chunked requests | always: 411 |
//! | R57 | odd faults | [`Faults`](Misbehaviour::Faults) with each [`FaultStyle`] |
//! | R58, R59 | odd answers | [`Answers`](Misbehaviour::Answers) with each [`AnswerStyle`] |
//! | R60 | no public address | [`Connection::ip`] or [`ScriptedGateway::set_external_address`] with that text |
//! | R61 | `Up` | [`Connection::status`] or [`ScriptedGateway::set_status`] |
//! | R62, R69 | protects mappings of others | [`RefusesOtherClients`](Misbehaviour::RefusesOtherClients) |
//! | R63 | 500 for requests in a hurry | [`NeedsPauses`](Misbehaviour::NeedsPauses) |
//! | R64 | odd counters | [`CountersRead`](Misbehaviour::CountersRead) |
//! | R65 | leases read 0; mappings lost | [`ListsZeroLeases`](Misbehaviour::ListsZeroLeases), [`ScriptedGateway::come_back`] |
//! | R66 | overwrites others | [`OverwritesOthers`](Misbehaviour::OverwritesOthers) |
//! | R67 | miniupnpd's listing and clamping | [`EmptyListing`](Misbehaviour::EmptyListing), [`AnswerStyle::Cdata`], [`ConstantUpdateId`](Misbehaviour::ConstantUpdateId), [`AddAnyKeepsLongLeases`](Misbehaviour::AddAnyKeepsLongLeases) |
//! | R68 | 501 behind a private WAN address | [`RefusesBehindPrivateWan`](Misbehaviour::RefusesBehindPrivateWan) |
//! | R70 | control reachable from the WAN | not played: concerns gateways |
//! | R80 | event before the answer | [`EventBeforeAnswer`](Misbehaviour::EventBeforeAnswer) |
//! | R81 | renewal without SID or with a new one | [`RenewsWithoutSid`](Misbehaviour::RenewsWithoutSid), [`RenewsWithNewSid`](Misbehaviour::RenewsWithNewSid) |
//! | R82 | other TIMEOUT | [`GrantsSubscriptions`](Misbehaviour::GrantsSubscriptions) |
//! | R83 | renewal fails after a reboot | [`ScriptedGateway::reboot`] |
//! | R84 | bad address in events | [`EventsAddress`](Misbehaviour::EventsAddress) |
//! | R85 | CALLBACK refused | [`CallbackMustBeCaller`](Misbehaviour::CallbackMustBeCaller) |

mod actions;
mod builder;
mod connection;
mod description;
mod dress;
mod events;
mod http;
mod mapping_reads;
mod mapping_writes;
mod misbehaviour;
mod pinholes;
mod place;
mod record;
mod refusals;
mod reply;
mod respond;
mod server;
mod services;
mod soap;
mod ssdp;
mod state;
mod table;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use builder::ScriptedGatewayBuilder;
pub use connection::{Connection, Nat};
pub use misbehaviour::{AnswerStyle, FaultStyle, Misbehaviour, On};
pub use record::{ReceivedRequest, ReceivedSearch, SearchRoute};
pub use reply::ScriptedReply;
pub use soap::Call;
pub use table::{MappingTable, PortMapping};

use place::{Place, SSDP_PORT, SsdpSockets, Worker};
use server::HttpServer;
use ssdp::{Announcement, SsdpServer};
use state::{Radio, Shared};

/// Version of the InternetGatewayDevice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IgdVersion {
    /// InternetGatewayDevice:1 with WANIPConnection:1.
    V1,
    /// InternetGatewayDevice:2 with WANIPConnection:2.
    V2,
}

/// A fake router that runs until it is dropped; then its threads have ended and its sockets are closed.
///
/// Dropped, it says no byebye, as a router whose plug is pulled.
pub struct ScriptedGateway {
    // Dropped first: the threads.
    http: Mutex<Listeners>,
    ssdp: SsdpServer,
    _events: Worker,
    place: Arc<Place>,
    shared: Arc<Shared>,
    address: Ipv4Addr,
}

#[derive(Debug, Default)]
struct Listeners {
    main: Option<HttpServer>,
    control: Option<HttpServer>,
}

impl ScriptedGateway {
    /// A gateway to be.
    pub fn builder() -> ScriptedGatewayBuilder {
        ScriptedGatewayBuilder::new()
    }

    fn start(place: Place, shared: Arc<Shared>, sockets: SsdpSockets, http_port: u16) -> Self {
        let address = shared.lock().address;
        let place = Arc::new(place);
        let gateway = Self {
            _events: events::start(Arc::clone(&place), Arc::clone(&shared)),
            http: Mutex::default(),
            ssdp: SsdpServer::start(sockets, &shared),
            place,
            shared,
            address,
        };
        gateway.listen(http_port);
        gateway.announce(Announcement::Alive);
        gateway
    }

    /// Its address.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Where it hears unicast searches.
    pub fn ssdp_address(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.address, SSDP_PORT)
    }

    /// Where it serves HTTP now.
    pub fn http_address(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.address, self.shared.lock().http_port)
    }

    /// Where its description is now, whatever its LOCATION says.
    pub fn description_url(&self) -> String {
        self.shared.lock().description_url()
    }

    // --- What it does from now on ---

    /// Adds a misbehaviour.
    pub fn misbehave(&self, misbehaviour: Misbehaviour) {
        let separate_control = misbehaviour == Misbehaviour::ControlOnOtherPort;
        self.shared.lock().misbehaviours.push(misbehaviour);
        if separate_control {
            self.open_control_port();
        }
    }

    /// Ends all misbehaviours; hooks stay.
    pub fn behave(&self) {
        self.shared.lock().misbehaviours.clear();
    }

    /// Sets ConnectionStatus and LastConnectionError of the first connection.
    pub fn set_status(&self, status: &str, last_error: &str) {
        self.change_connection(0, |connection| {
            status.clone_into(&mut connection.status);
            last_error.clone_into(&mut connection.last_error);
        });
    }

    /// Sets ExternalIPAddress of the first connection to any text.
    pub fn set_external_address(&self, address: &str) {
        self.change_connection(0, |connection| address.clone_into(&mut connection.external_address));
    }

    /// Changes a connection, counted from 0; Uptime starts again when its status changes.
    pub fn change_connection(&self, index: usize, change: impl FnOnce(&mut Connection)) {
        let mut state = self.shared.lock();
        let now = state.now();
        let link = &mut state.links[index];
        let status = link.connection.status.clone();
        change(&mut link.connection);
        if link.connection.status != status {
            link.since = now;
        }
    }

    /// Moves the gateway's clock: leases run out and Uptime grows.
    pub fn advance(&self, time: Duration) {
        self.shared.lock().advance(time);
    }

    // --- Comings and goings ---

    /// Pulls the plug: connections break, the HTTP port is closed and searches find nothing. Says no byebye.
    pub fn go_silent(&self) {
        self.shared.lock().radio = Radio::Silent;
        *self.listeners() = Listeners::default();
    }

    /// After [`ScriptedGateway::go_silent`]: answers again as if only a cable had been out.
    pub fn resume(&self) {
        let port = self.shared.lock().http_port;
        self.listen(port);
        self.shared.lock().radio = Radio::On;
    }

    /// Starts again, on the same HTTP port, with empty tables, Uptime 0 and the next BOOTID, and announces itself.
    pub fn come_back(&self) {
        self.shared.lock().power_cut();
        self.resume();
        self.announce(Announcement::Alive);
    }

    /// Restarts in good order: byebye, silence, and then as [`ScriptedGateway::come_back`].
    pub fn reboot(&self) {
        self.announce(Announcement::ByeBye);
        self.go_silent();
        self.come_back();
    }

    /// Moves HTTP, and so the control URLs, to another port; the old one is closed. Announces itself again.
    pub fn change_http_port(&self) {
        // The old listener is open until the new one has its port, which is therefore another one.
        let _old = self.listeners().main.take();
        self.listen(0);
        self.announce(Announcement::Alive);
    }

    /// Sends NOTIFY ssdp:alive for everything that it has.
    pub fn announce_alive(&self) {
        self.announce(Announcement::Alive);
    }

    /// Sends NOTIFY ssdp:byebye for everything that it has.
    pub fn announce_byebye(&self) {
        self.announce(Announcement::ByeBye);
    }

    // --- Mappings ---

    /// Mappings of all connections, first connection first.
    pub fn mappings(&self) -> Vec<PortMapping> {
        let mut state = self.shared.lock();
        state.expire();
        let tables = state.links.iter().map(|link| link.table.entries());
        tables.flatten().cloned().collect()
    }

    /// Mappings of one connection, counted from 0.
    pub fn mappings_of(&self, connection: usize) -> Vec<PortMapping> {
        let mut state = self.shared.lock();
        state.expire();
        state.links[connection].table.entries().to_vec()
    }

    /// Adds a mapping to the first connection behind the client's back.
    pub fn add_foreign_mapping(&self, mapping: PortMapping) {
        self.with_table(0, |table| table.put(mapping));
    }

    /// Removes a mapping of the first connection behind the client's back; tells whether there was one.
    pub fn forget_mapping(&self, protocol: &str, external_port: u16) -> bool {
        let removed = self.with_table(0, |table| {
            table.remove_where(|entry| entry.shares_port(external_port, protocol))
        });
        removed > 0
    }

    /// Looks at or changes the table of a connection, counted from 0.
    pub fn with_table<T>(&self, connection: usize, work: impl FnOnce(&mut MappingTable) -> T) -> T {
        let mut state = self.shared.lock();
        state.expire();
        work(&mut state.links[connection].table)
    }

    // --- What it received ---

    /// All HTTP requests since the start or [`ScriptedGateway::forget_requests`], in the order in which they were read.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.shared.lock().requests.clone()
    }

    /// Those requests that called an action.
    pub fn calls(&self, action: &str) -> Vec<ReceivedRequest> {
        let state = self.shared.lock();
        let calls = state.requests.iter().filter(|request| request.action() == Some(action));
        calls.cloned().collect()
    }

    /// All M-SEARCH messages, also the unanswered ones.
    pub fn searches(&self) -> Vec<ReceivedSearch> {
        self.shared.lock().searches.clone()
    }

    /// Forgets the requests and searches received until now.
    pub fn forget_requests(&self) {
        let mut state = self.shared.lock();
        state.requests.clear();
        state.searches.clear();
    }

    /// How many subscriptions to events there are.
    pub fn subscriptions(&self) -> usize {
        let mut state = self.shared.lock();
        state.expire();
        state.subscriptions.len()
    }

    /// The largest number of actions that were being answered at the same time.
    pub fn most_actions_at_once(&self) -> usize {
        self.shared.lock().most_actions_in_flight
    }

    fn announce(&self, announcement: Announcement) {
        let state = self.shared.lock();
        if state.radio == Radio::On && !state.plays(&Misbehaviour::UpnpOff) {
            self.ssdp.announce(&state, announcement);
        }
    }

    fn listen(&self, port: u16) {
        let listener = place::listen(&self.place, self.address, port);
        let server = HttpServer::start(listener, Arc::clone(&self.shared));
        self.shared.lock().http_port = server.port;
        self.listeners().main = Some(server);
        if self.shared.lock().plays(&Misbehaviour::ControlOnOtherPort) {
            self.open_control_port();
        }
    }

    fn open_control_port(&self) {
        let listener = place::listen(&self.place, self.address, 0);
        let server = HttpServer::start(listener, Arc::clone(&self.shared));
        self.shared.lock().control_port = Some(server.port);
        self.listeners().control = Some(server);
    }

    fn listeners(&self) -> std::sync::MutexGuard<'_, Listeners> {
        self.http.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ScriptedGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedGateway")
            .field("address", &self.address)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}
