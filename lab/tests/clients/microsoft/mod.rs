//! Windows and Xbox, which cannot run here: what they send is replayed byte for byte, in their order, and each answer is
//! held against what they need.

mod wire;

use std::net::SocketAddr;
use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::upnp::description::{Device, Scpd, Service};
use portreeve_lab::upnp::gena::Listener;
use portreeve_lab::upnp::http::{Connection, Response};
use portreeve_lab::upnp::{soap, ssdp, xml};
use portreeve_testkit::{Echo, Host};

use self::wire::{Call, Stack};
use crate::support::Protocol;

const IP: &str = "urn:schemas-upnp-org:service:WANIPConnection:1";
const COMMON: &str = "urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1";
const CONTROL: &str = "urn:schemas-upnp-org:control-1-0";

/// A machine of Microsoft's on a LAN host, which has found the gateway.
struct Machine<'a> {
    stack: Stack,
    host: &'a Host,
    server: SocketAddr,
    /// The connection that is kept alive.
    kept: Option<Connection>,
}

impl<'a> Machine<'a> {
    /// Searches as the SSDP service of Windows does; gives the path of the description too.
    #[track_caller]
    fn find(stack: Stack, host: &'a Host, target: &str) -> (Self, String) {
        let heard = ssdp::send(host, ssdp::group(), &wire::search(target), Duration::from_secs(4));
        let [answer] = &heard[..] else {
            panic!("one answer to one search, not {heard:?}");
        };
        assert_eq!(answer.header("ST"), target, "byte for byte what was searched for");
        let server = answer.header("SERVER");
        assert!(server.contains("UPnP/1.1") && !server.contains("UPnP/2"), "{server}");
        let rest = answer.header("LOCATION").strip_prefix("http://").expect("an http URL");
        let (authority, path) = rest.split_once('/').expect("a path");
        let machine = Self {
            stack,
            host,
            server: authority.parse().expect("an address and a port"),
            kept: None,
        };
        (machine, format!("/{path}"))
    }

    /// Sends the bytes, on the connection that is kept if there is one.
    #[track_caller]
    fn ask(&mut self, request: &str) -> Response {
        let mut connection = self
            .kept
            .take()
            .unwrap_or_else(|| Connection::open(self.host, self.server).expect("the gateway listens"));
        connection.send(request).expect("the connection is open");
        let response = connection.response().expect("an answer");
        assert_eq!(response.version, "HTTP/1.1");
        // Old stacks know no chunks, and take a server of version 2 for none.
        assert!(response.header("Content-Length").is_some() && response.header("Transfer-Encoding").is_none());
        let server = response.header("Server").expect("SERVER is required");
        assert!(server.contains("UPnP/1.1") && !server.contains("UPnP/2"), "{server}");
        match request.to_ascii_lowercase().contains("connection: close") {
            true => assert!(connection.is_closed_within(Duration::from_secs(5)), "{request}"),
            false => self.kept = Some(connection),
        }
        response
    }

    /// Fetches a document.
    #[track_caller]
    fn document(&mut self, path: &str) -> xml::Element {
        let response = self.ask(&self.stack.get(self.server, path));
        assert_eq!(response.status, 200, "{path}");
        let kind = response.header("Content-Type").unwrap_or_default();
        assert!(kind.starts_with("text/xml"), "{kind}");
        let language = (self.stack == Stack::Windows10).then_some("de-DE");
        assert_eq!(response.header("Content-Language"), language, "the language asked for");
        xml::parse(&response.body).unwrap_or_else(|e| panic!("{path}: {e}\n{}", response.body))
    }

    /// Fetches the description and those of the services that it looks at, and finds nothing in them that these stacks
    /// stop at.
    #[track_caller]
    fn look_around(&mut self, path: &str) -> Device {
        let description = self.document(path);
        let version = description.child("specVersion").expect("required");
        assert_eq!(
            (version.text_of("major"), version.text_of("minor")),
            ("1".into(), "0".into())
        );
        assert_eq!(description.attribute("configId"), None);
        assert!(description.child("URLBase").is_none());
        let root = Device::read(description.child("device").expect("required"));
        // XP lists a gateway only if it has a page and a service in its root device.
        assert!(!root.element.text_of("presentationURL").is_empty());
        assert_eq!(root.services.len(), 1);
        for device in root.all() {
            assert!(device.device_type.ends_with(":1"), "{}", device.device_type);
            for service in &device.services {
                assert!(service.service_type.ends_with(":1"), "{}", service.service_type);
                for foreign in ["DeviceProtection", "WANIPv6FirewallControl"] {
                    assert!(!service.service_type.contains(foreign), "{foreign}");
                }
                self.look_at(service);
            }
        }
        root
    }

    #[track_caller]
    fn look_at(&mut self, service: &Service) {
        let scpd = Scpd::read(&self.document(&service.scpd_url));
        assert!(!scpd.actions.is_empty(), "{}", service.scpd_url);
        // With GetListOfPortMappings in sight they go no further (miniupnp/miniupnp#539).
        for newer in ["AddAnyPortMapping", "DeletePortMappingRange", "GetListOfPortMappings"] {
            assert!(scpd.action(newer).is_none(), "{newer}");
        }
        assert!(scpd.actions.iter().all(|action| !action.name.starts_with("X_")));
    }

    /// Calls an action; its answer.
    #[track_caller]
    fn call(&mut self, root: &Device, namespace: &str, action: &str, arguments: &[(&str, &str, &str)]) -> soap::Answer {
        let call = Call {
            namespace,
            action,
            arguments,
        };
        let path = control_url(root, namespace);
        let response = self.ask(&self.stack.post(self.server, &path, &call));
        soap::read(&response, namespace, action).unwrap_or_else(|fault| panic!("{action}: {fault}"))
    }

    /// AddPortMapping as the library for programs on Windows makes it: without an end.
    #[track_caller]
    fn map(&mut self, root: &Device, port: u16, protocol: Protocol) {
        let (own, port, protocol) = (self.host.ipv4().to_string(), port.to_string(), protocol.name());
        let description = format!("Teredo {own}:{port}->{port} {protocol}");
        let arguments = [
            ("NewRemoteHost", "string", ""),
            ("NewExternalPort", "ui2", &port),
            ("NewProtocol", "string", protocol),
            ("NewInternalPort", "ui2", &port),
            ("NewInternalClient", "string", &own),
            ("NewEnabled", "boolean", "1"),
            ("NewPortMappingDescription", "string", &description),
            ("NewLeaseDuration", "ui4", "0"),
        ];
        let answer = self.call(root, IP, "AddPortMapping", &arguments);
        assert!(answer.0.is_empty());
    }
}

/// Where a service is controlled: in the description it is of version 1, as these stacks want it.
#[track_caller]
fn control_url(root: &Device, namespace: &str) -> String {
    let name = match namespace {
        CONTROL => "WANIPConnection:1",
        other => other.rsplit("service:").next().unwrap_or_default(),
    };
    root.service(name)
        .unwrap_or_else(|| panic!("no {name}"))
        .control_url
        .clone()
}

/// Bytes from the Internet arrive at the host.
#[track_caller]
fn reaches(bed: &Bed, protocol: Protocol, port: u16, host: &Host) {
    let reply = protocol.reach(bed, port).expect("the port is open");
    assert_eq!(reply.server, host.name());
}

/// What Windows XP shows of a gateway in its list of network connections, and how it learns of changes.
#[test]
fn windows_xp_shows_the_connection_and_maps() {
    let Some(bed) = Bed::shared() else { return };
    let host = bed.lan_host(1);
    let (mut xp, path) = Machine::find(Stack::Xp, host, ssdp::IGD_1);
    let root = xp.look_around(&path);

    let listener = Listener::on(host);
    let event_url = root
        .service("WANIPConnection:1")
        .expect("it is there")
        .event_sub_url
        .clone();
    let granted = xp.ask(&xp.stack.subscribe(xp.server, &event_url, &listener.callback()));
    assert_eq!((granted.status, granted.header("Timeout")), (200, Some("Second-1800")));
    let sid = granted.header("SID").expect("a SID").to_owned();
    let first = listener.next();
    assert_eq!((first.header("SID"), first.header("SEQ")), (sid.as_str(), "0"));
    assert_eq!(first.value("ConnectionStatus").as_deref(), Some("Connected"));
    assert_eq!(first.value("SystemUpdateID"), None, "that is of version 2");

    let kind = xp.call(&root, IP, "GetConnectionTypeInfo", &[]);
    assert_eq!(kind.get("NewConnectionType"), "IP_Routed");
    assert_eq!(xp.call(&root, IP, "GetNATRSIPStatus", &[]).get("NewNATEnabled"), "1");
    for action in [
        "GetTotalBytesSent",
        "GetTotalBytesReceived",
        "GetTotalPacketsSent",
        "GetTotalPacketsReceived",
    ] {
        let name = action.replacen("Get", "New", 1);
        let total = xp.call(&root, COMMON, action, &[]).number(&name);
        assert!(u32::try_from(total).is_ok(), "a ui4: {total}");
    }
    let link = xp.call(&root, COMMON, "GetCommonLinkProperties", &[]);
    assert_eq!(link.get("NewPhysicalLinkStatus"), "Up");
    assert_eq!(
        xp.call(&root, IP, "GetStatusInfo", &[]).get("NewConnectionStatus"),
        "Connected"
    );
    let address = xp.call(&root, IP, "GetExternalIPAddress", &[]);
    assert_eq!(address.get("NewExternalIPAddress"), "11.11.11.2");
    let queried = xp.call(
        &root,
        CONTROL,
        "QueryStateVariable",
        &[("m:varName", "", "ConnectionStatus")],
    );
    assert_eq!(queried.get("return"), "Connected");

    let echo = Echo::tcp(host, bed.port());
    xp.map(&root, echo.port(), Protocol::Tcp);
    reaches(&bed, Protocol::Tcp, echo.port(), host);
    let index = xp.call(
        &root,
        IP,
        "GetGenericPortMappingEntry",
        &[("NewPortMappingIndex", "ui2", "0")],
    );
    assert_eq!(index.get("NewInternalClient"), host.ipv4().to_string());
    let port = echo.port().to_string();
    let key = [
        ("NewRemoteHost", "string", ""),
        ("NewExternalPort", "ui2", port.as_str()),
        ("NewProtocol", "string", "TCP"),
    ];
    xp.call(&root, IP, "DeletePortMapping", &key);

    let renewed = xp.ask(&xp.stack.again("SUBSCRIBE", xp.server, &event_url, &sid));
    assert_eq!((renewed.status, renewed.header("SID")), (200, Some(sid.as_str())));
    let ended = xp.ask(&xp.stack.again("UNSUBSCRIBE", xp.server, &event_url, &sid));
    assert_eq!(ended.status, 200);
}

/// UDA 1.0 lets a gateway refuse POST with 405; then the call comes again as M-POST. Ours takes either.
#[test]
fn windows_xp_may_repeat_a_call_as_m_post() {
    let Some(bed) = Bed::shared() else { return };
    let (mut xp, path) = Machine::find(Stack::Xp, bed.lan_host(1), ssdp::IGD_1);
    let root = xp.look_around(&path);
    let call = Call {
        namespace: IP,
        action: "GetExternalIPAddress",
        arguments: &[],
    };
    let url = control_url(&root, IP);
    let answers = [
        xp.stack.post(xp.server, &url, &call),
        xp.stack.m_post(xp.server, &url, &call),
    ]
    .map(|request| xp.ask(&request).body);
    assert_eq!(answers[0], answers[1]);
    assert!(answers[1].contains("11.11.11.2"));
}

/// Function discovery takes the LOCATION of an advertisement, which leads to version 2, and sees version 1 all the same.
#[test]
fn function_discovery_sees_version_1_wherever_it_looks() {
    let Some(bed) = Bed::shared() else { return };
    let (mut discovery, path) = Machine::find(Stack::FunctionDiscovery, bed.lan_host(1), "upnp:rootdevice");
    let others = bed.client(1);
    assert!(others.location().ends_with(&path), "what everybody else is led to");
    discovery.look_around(&path);
}

/// BITS, Teredo and games on Windows 10 go this way.
#[test]
fn windows_10_maps_and_hears_of_it() {
    let Some(bed) = Bed::shared() else { return };
    let host = bed.lan_host(2);
    let (mut windows, path) = Machine::find(Stack::Windows10, host, ssdp::IGD_1);
    let root = windows.look_around(&path);
    let listener = Listener::on(host);
    let event_url = root
        .service("WANIPConnection:1")
        .expect("it is there")
        .event_sub_url
        .clone();
    let granted = windows.ask(
        &windows
            .stack
            .subscribe(windows.server, &event_url, &listener.callback()),
    );
    assert_eq!(granted.status, 200);
    let sid = granted.header("SID").expect("a SID").to_owned();
    assert_eq!(listener.next().header("SEQ"), "0");

    windows.call(&root, IP, "GetStatusInfo", &[]);
    windows.call(&root, IP, "GetExternalIPAddress", &[]);
    let echo = Echo::udp(host, bed.port());
    windows.map(&root, echo.port(), Protocol::Udp);
    reaches(&bed, Protocol::Udp, echo.port(), host);
    assert!(listener.next().value("PortMappingNumberOfEntries").is_some());
    // The same again: an update, and no conflict.
    windows.map(&root, echo.port(), Protocol::Udp);
    let ended = windows.ask(&windows.stack.again("UNSUBSCRIBE", windows.server, &event_url, &sid));
    assert_eq!(ended.status, 200);
}

/// The sequence by which consoles decide on their NAT type. The Xbox 360 leaves the port out of Host.
#[test]
fn an_xbox_opens_its_port() {
    let Some(bed) = Bed::shared() else { return };
    for (number, stack) in [(1, Stack::Xbox360), (2, Stack::Windows10)] {
        let host = bed.lan_host(number);
        let (mut xbox, path) = Machine::find(stack, host, ssdp::IGD_1);
        let root = xbox.look_around(&path);
        xbox.call(&root, IP, "GetConnectionTypeInfo", &[]);
        assert_eq!(xbox.call(&root, IP, "GetNATRSIPStatus", &[]).get("NewNATEnabled"), "1");
        let echo = Echo::udp(host, bed.port());
        xbox.map(&root, echo.port(), Protocol::Udp);
        reaches(&bed, Protocol::Udp, echo.port(), host);
    }
}
