//! What the gateway's web server has, and under which paths. Routing and the description both follow from here, so
//! that they cannot disagree.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::offer::Offer;
use crate::service::Service;
use crate::view::View;

/// Something that can be requested over HTTP. Its display form is its path.
#[derive(Clone, Copy, Debug)]
pub enum Resource {
    /// The page for people at `presentationURL`.
    Presentation,
    /// The device description.
    Description(View),
    /// A service description.
    Scpd(&'static Service, View),
    /// Where a service is controlled; the same in both views, since each request names its version.
    Control(&'static Service),
    /// Where a service's events are subscribed to; which variables there are depends on the view.
    Event(&'static Service, View),
}

impl Resource {
    /// Every resource of a gateway with this offer.
    pub fn all(offer: Offer) -> impl Iterator<Item = Self> {
        let in_view = move |service, view| {
            let event = Self::Event(service, view);
            let documents = [Some(Self::Scpd(service, view)), event.if_there()];
            documents
                .into_iter()
                .flatten()
                .filter(move |_| offer.shows(service, view))
        };
        let of_service = move |service| {
            let in_views = View::ALL.into_iter().flat_map(move |view| in_view(service, view));
            in_views.chain([Self::Control(service)])
        };
        [Self::Presentation]
            .into_iter()
            .chain(View::ALL.map(Self::Description))
            .chain(offer.services().flat_map(of_service))
    }

    /// The URL of the resource on a server at this address: always an IP literal with a port, and never with a zone,
    /// since many clients read nothing else.
    pub fn url(self, server: SocketAddr) -> String {
        let port = server.port();
        match server.ip() {
            IpAddr::V4(address) => format!("http://{address}:{port}{self}"),
            IpAddr::V6(address) => format!("http://[{address}]:{port}{self}"),
        }
    }

    /// The methods that the resource answers, as the `Allow` header lists them.
    pub const fn allowed_methods(self) -> &'static str {
        match self {
            Self::Presentation | Self::Description(_) | Self::Scpd(..) => "GET, HEAD",
            Self::Control(_) => "POST",
            Self::Event(..) => "SUBSCRIBE, UNSUBSCRIBE",
        }
    }
}

/// The resource at a path, in any letter case and with any query, if a gateway with this offer has it.
pub fn find(offer: Offer, path: &str) -> Option<Resource> {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    Resource::all(offer).find(|resource| is_made_of(path, resource.parts()))
}

fn is_made_of(path: &str, parts: [&str; 3]) -> bool {
    let mut rest = path.as_bytes();
    for part in parts {
        match rest.split_at_checked(part.len()) {
            Some((start, end)) if start.eq_ignore_ascii_case(part.as_bytes()) => rest = end,
            _ => return false,
        }
    }
    rest.is_empty()
}

impl Resource {
    /// It, unless it is where to subscribe to a service that has no events.
    pub(crate) fn if_there(self) -> Option<Self> {
        match self {
            Self::Event(service, view) => service.has_events(view.version_of(service)).then_some(self),
            _ => Some(self),
        }
    }

    const fn parts(self) -> [&'static str; 3] {
        match self {
            Self::Presentation => ["/", "", ""],
            Self::Description(View::Igd1) => ["/igd1", "", ".xml"],
            Self::Description(View::Igd2) => ["/igd2", "", ".xml"],
            Self::Scpd(service, View::Igd1) => ["/scpd1/", service.path, ".xml"],
            Self::Scpd(service, View::Igd2) => ["/scpd/", service.path, ".xml"],
            Self::Control(service) => ["/ctl/", service.path, ""],
            Self::Event(service, View::Igd1) => ["/evt1/", service.path, ""],
            Self::Event(service, View::Igd2) => ["/evt/", service.path, ""],
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts().iter().try_for_each(|part| f.write_str(part))
    }
}

impl PartialEq for Resource {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for Resource {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_resource_is_found_at_its_path_in_any_case() {
        let find = |path: &str| find(Offer::EVERYTHING, path);
        for resource in Resource::all(Offer::EVERYTHING) {
            let path = resource.to_string();
            assert_eq!(find(&path), Some(resource));
            assert_eq!(find(&path.to_uppercase()), Some(resource));
            assert_eq!(find(&format!("{path}?x=/y")), Some(resource));
            assert!(path.starts_with('/') && path.len() < 32, "{path}");
        }
    }

    #[test]
    fn urls_have_a_literal_a_port_and_no_zone() {
        let url = |server: &str| Resource::Description(View::Igd2).url(server.parse().unwrap());
        assert_eq!(url("192.168.77.1:80"), "http://192.168.77.1:80/igd2.xml");
        assert_eq!(url("[fe80::1%7]:5000"), "http://[fe80::1]:5000/igd2.xml");
    }

    #[test]
    fn nothing_else_is_found() {
        for path in [
            "",
            "//",
            "/ctl/",
            "/ctl/IPConn/",
            "/ctl",
            "/scpd/IPConn",
            "ctl/IPConn",
            "/../igd2.xml",
            "/scpd1/IPv6FwCtl.xml",
            "/evt1/IPv6FwCtl",
        ] {
            assert_eq!(find(Offer::EVERYTHING, path), None, "{path}");
        }
    }
}
