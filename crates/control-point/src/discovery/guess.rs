//! Where gateways have their description, for one that is silent when it is searched.

use std::net::SocketAddr;

use portreeve_wire::Url;

/// Port, path, and who has it there. Ours first; then what makes of gateways have by default, the common ones first.
const PLACES: &[(u16, &str)] = &[
    (5000, "/igd2.xml"),                // portreeved
    (5000, "/rootDesc.xml"),            // miniupnpd: OpenWrt, ASUS, TP-Link, UniFi, pfSense's default
    (2189, "/rootDesc.xml"),            // miniupnpd: pfSense, OPNsense
    (49000, "/igddesc.xml"),            // FRITZ!Box
    (1900, "/igd.xml"),                 // TP-Link
    (1900, "/rootDesc.xml"),            // miniupnpd on the port of searches
    (49152, "/gatedesc.xml"),           // linux-igd, and what is made from it
    (2828, "/gateway_description.xml"), // MikroTik
    (80, "/rootDesc.xml"),              // behind the gateway's own pages
    (80, "/upnp/IGD.xml"),              // Broadcom: Netgear, D-Link
];

/// The one place where most gateways that let searchers wait have it: miniupnpd answers after 50 ms.
const LIKELY: (u16, &str) = (5000, "/rootDesc.xml");

/// The description that the gateway at this address most likely has, on whichever port.
pub(crate) fn likely_description_at(address: SocketAddr) -> Option<Url> {
    let (port, path) = LIKELY;
    url(address, port, path)
}

/// The descriptions that the gateway at this address might have, on whichever port.
pub(crate) fn descriptions_at(address: SocketAddr) -> impl Iterator<Item = Url> {
    PLACES.iter().filter_map(move |(port, path)| url(address, *port, path))
}

fn url(address: SocketAddr, port: u16, path: &str) -> Option<Url> {
    let url = Url::parse(&format!("http://{}{path}", SocketAddr::new(address.ip(), port))).ok()?;
    Some(match address {
        SocketAddr::V4(_) => url,
        SocketAddr::V6(address) => url.with_scope(address.scope_id()),
    })
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddrV6;

    use super::*;

    #[test]
    fn every_guess_is_at_the_gateway_and_no_other() {
        let address = SocketAddr::from(([192, 168, 77, 1], 1900));
        let mut guesses: Vec<_> = descriptions_at(address).map(|url| url.to_string()).collect();
        assert_eq!(guesses.len(), PLACES.len());
        assert_eq!(guesses[0], "http://192.168.77.1:5000/igd2.xml");
        assert!(guesses.iter().all(|url| url.starts_with("http://192.168.77.1:")));
        assert!(PLACES.contains(&LIKELY));
        guesses.sort_unstable();
        guesses.dedup();
        assert_eq!(guesses.len(), PLACES.len());
        let scoped = SocketAddrV6::new("fe80::1".parse().unwrap(), 1900, 0, 3);
        let guess = likely_description_at(scoped.into()).unwrap();
        assert_eq!(
            (guess.authority(), guess.path()),
            ("[fe80::1%3]:5000".parse().unwrap(), "/rootDesc.xml")
        );
    }
}
