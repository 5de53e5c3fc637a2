//! Where gateways have their description, for one that is silent when it is searched.

use std::net::Ipv4Addr;

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

/// The description that this gateway most likely has.
pub(crate) fn likely_description_at(address: Ipv4Addr) -> Option<Url> {
    let (port, path) = LIKELY;
    url(address, port, path)
}

/// The descriptions that this gateway might have.
pub(crate) fn descriptions_at(address: Ipv4Addr) -> impl Iterator<Item = Url> {
    PLACES.iter().filter_map(move |(port, path)| url(address, *port, path))
}

fn url(address: Ipv4Addr, port: u16, path: &str) -> Option<Url> {
    Url::parse(&format!("http://{address}:{port}{path}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_guess_is_at_the_gateway_and_no_other() {
        let address = Ipv4Addr::new(192, 168, 77, 1);
        let mut guesses: Vec<_> = descriptions_at(address).map(|url| url.to_string()).collect();
        assert_eq!(guesses.len(), PLACES.len());
        assert_eq!(guesses[0], "http://192.168.77.1:5000/igd2.xml");
        assert!(guesses.iter().all(|url| url.starts_with("http://192.168.77.1:")));
        assert!(PLACES.contains(&LIKELY));
        guesses.sort_unstable();
        guesses.dedup();
        assert_eq!(guesses.len(), PLACES.len());
    }
}
