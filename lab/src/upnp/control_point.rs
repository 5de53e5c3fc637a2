use std::net::{IpAddr, SocketAddr};
use std::sync::OnceLock;
use std::time::Duration;

use portreeve_testkit::Host;

use super::description::{Device, Scpd, Service};
use super::http::{self, Response};
use super::soap::{self, Answer, Fault};
use super::{ssdp, xml};

/// User-Agent of a stack that gets the IGD:1 view.
pub const MICROSOFT: &str = "Microsoft-Windows/10.0 UPnP/1.0";
/// Namespace of QueryStateVariable and of faults.
const CONTROL: &str = "urn:schemas-upnp-org:control-1-0";
/// User-Agent of this control point.
const OURS: &str = "Lab/1.0 UPnP/1.1 Test/1.0";

/// A control point on one host that knows the gateway.
#[derive(Debug)]
pub struct ControlPoint<'a> {
    host: &'a Host,
    location: String,
    root: OnceLock<Device>,
}

impl<'a> ControlPoint<'a> {
    /// Finds the gateway by a unicast search for IGD:2, or for IGD:1 where there is no other.
    ///
    /// # Panics
    /// If the gateway answers neither.
    pub fn discover(host: &'a Host, gateway: impl Into<IpAddr>) -> Self {
        let to = SocketAddr::new(gateway.into(), ssdp::PORT);
        let found = [ssdp::IGD_2, ssdp::IGD_2, ssdp::IGD_1, ssdp::IGD_1]
            .into_iter()
            .find_map(|target| ssdp::ask_once(host, to, target, Duration::from_secs(1)))
            .expect("the gateway answers a search");
        Self {
            host,
            location: found.header("LOCATION").to_owned(),
            root: OnceLock::new(),
        }
    }

    /// Takes the gateway whose description is at that URL.
    pub fn at(host: &'a Host, location: &str) -> Self {
        Self {
            host,
            location: location.to_owned(),
            root: OnceLock::new(),
        }
    }

    /// The host that it runs on.
    pub fn host(&self) -> &'a Host {
        self.host
    }

    /// Address of that host, as InternalClient wants it.
    pub fn address(&self) -> String {
        self.host.ipv4().to_string()
    }

    /// LOCATION of the gateway.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Where the gateway's HTTP server listens; a link-local address has the scope of the host's interface.
    ///
    /// # Panics
    /// If LOCATION holds no literal with a port.
    #[track_caller]
    pub fn server(&self) -> SocketAddr {
        let mut server = split(&self.location).0;
        if let SocketAddr::V6(server) = &mut server
            && server.ip().is_unicast_link_local()
        {
            server.set_scope_id(self.host.link_local("eth0").scope_id());
        }
        server
    }

    /// The same as the `Host` header has it: without a scope.
    ///
    /// # Panics
    /// As [`ControlPoint::server`].
    #[track_caller]
    pub fn authority(&self) -> String {
        split(&self.location).0.to_string()
    }

    /// Fetches a path.
    ///
    /// # Panics
    /// If the server does not answer.
    #[track_caller]
    pub fn get(&self, path: &str) -> Response {
        http::get(self.host, self.server(), path, OURS).expect("the HTTP server answers")
    }

    /// The root device as this control point sees it; fetched once.
    #[track_caller]
    pub fn root_device(&self) -> &Device {
        self.root.get_or_init(|| self.root_device_as(OURS))
    }

    /// The root device as a control point with that User-Agent sees it.
    #[track_caller]
    pub fn root_device_as(&self, user_agent: &str) -> Device {
        let document = self.document(split(&self.location).1, user_agent);
        Device::read(document.child("device").expect("the description holds a device"))
    }

    /// Fetches a document and parses it.
    ///
    /// # Panics
    /// If it is missing or malformed.
    #[track_caller]
    pub fn document(&self, path: &str, user_agent: &str) -> xml::Element {
        let response = http::get(self.host, self.server(), path, user_agent).expect("the HTTP server answers");
        assert_eq!(response.status, 200, "{path}");
        xml::parse(&response.body).unwrap_or_else(|e| panic!("{path}: {e}\n{}", response.body))
    }

    /// The description of a service: `WANIPConnection:2` and the like.
    #[track_caller]
    pub fn scpd(&self, service_type: &str) -> Scpd {
        Scpd::read(&self.document(&self.service(service_type).scpd_url, OURS))
    }

    /// A service of the gateway. A service that is described in version 2 only is found for version 1, too: superset.
    #[track_caller]
    pub fn service(&self, service_type: &str) -> Service {
        let root = self.root_device();
        let newer = service_type.replace(":1", ":2");
        let found = root.service(service_type).or_else(|| root.service(&newer));
        found
            .unwrap_or_else(|| panic!("no {service_type} in the description"))
            .clone()
    }

    /// Calls an action of WANIPConnection:2.
    ///
    /// # Errors
    /// The gateway's fault.
    #[track_caller]
    pub fn call(&self, action: &str, arguments: &[(&str, &str)]) -> Result<Answer, Fault> {
        self.call_service("WANIPConnection:2", action, arguments)
    }

    /// Calls an action of WANIPConnection:1, as most clients do.
    ///
    /// # Errors
    /// The gateway's fault.
    #[track_caller]
    pub fn call_v1(&self, action: &str, arguments: &[(&str, &str)]) -> Result<Answer, Fault> {
        self.call_service("WANIPConnection:1", action, arguments)
    }

    /// Calls an action of any service.
    ///
    /// # Errors
    /// The gateway's fault.
    #[track_caller]
    pub fn call_service(&self, service_type: &str, action: &str, arguments: &[(&str, &str)]) -> Result<Answer, Fault> {
        let urn = format!("urn:schemas-upnp-org:service:{service_type}");
        let response = self.post(
            &self.service(service_type).control_url,
            &format!("{urn}#{action}"),
            &soap::body(&urn, action, arguments),
        );
        soap::read(&response, &urn, action)
    }

    /// Reads a state variable by QueryStateVariable (UDA 1.0 section 3.3).
    ///
    /// # Errors
    /// The gateway's fault.
    #[track_caller]
    pub fn query(&self, service_type: &str, variable: &str) -> Result<String, Fault> {
        let response = self.post(
            &self.service(service_type).control_url,
            &format!("{CONTROL}#QueryStateVariable"),
            &soap::body(CONTROL, "QueryStateVariable", &[("u:varName", variable)]),
        );
        soap::read(&response, CONTROL, "QueryStateVariable").map(|answer| answer.get("return").to_owned())
    }

    /// Posts a SOAP body to a path.
    ///
    /// # Panics
    /// If the server does not answer.
    #[track_caller]
    pub fn post(&self, path: &str, soap_action: &str, body: &str) -> Response {
        let request = soap::request(&self.authority(), path, soap_action, body);
        self.exchange(&request)
    }

    /// Sends a request as it is, on a connection of its own.
    ///
    /// # Panics
    /// If the server does not answer.
    #[track_caller]
    pub fn exchange(&self, request: &str) -> Response {
        http::exchange(self.host, self.server(), request).expect("the HTTP server answers")
    }
}

/// `http://address:port/path` in its parts.
#[track_caller]
fn split(location: &str) -> (SocketAddr, &str) {
    let rest = location
        .strip_prefix("http://")
        .unwrap_or_else(|| panic!("no http URL: {location:?}"));
    let end = rest.find('/').unwrap_or(rest.len());
    let server = rest[..end].parse().unwrap_or_else(|e| panic!("{location:?}: {e}"));
    (server, if end == rest.len() { "/" } else { &rest[end..] })
}
