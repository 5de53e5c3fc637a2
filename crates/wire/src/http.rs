//! What the gateway's web server must judge in a request's head, and how it names itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::view::View;

/// Whether a `Host` header names one of our own addresses. Host names are refused, since a web page could have made
/// them point here (DNS rebinding); a port and an IPv6 zone are ignored.
pub fn host_is_ours(header: &str, ours: &[IpAddr]) -> bool {
    host_address(header.trim()).is_some_and(|address| ours.contains(&address))
}

/// The `SERVER` string: operating system, architecture version, product. Never UPnP/2.0, which consoles and Windows 10
/// do not talk to.
pub fn server(system: &str, system_version: &str, product_version: &str) -> String {
    format!(
        "{}/{} UPnP/1.1 portreeve/{}",
        token(system),
        token(system_version),
        token(product_version)
    )
}

/// The view to show to a client that says so much about itself. The stacks of Windows and of the Xbox stop at an IGD:2
/// description (openwrt/packages#12641 and #14656); everybody else gets what was asked for.
pub fn view_for(user_agent: Option<&str>, asked: View) -> View {
    match user_agent {
        Some(agent) if is_microsoft(agent) => View::Igd1,
        _ => asked,
    }
}

/// Whether it is one of the names of Microsoft's stacks: `Microsoft-Windows/10.0 UPnP/1.0`, which the newer consoles
/// have too, `FDSSDP` (function discovery, since Vista), `Mozilla/4.0 (compatible; UPnP/1.0; Windows NT/5.1)` (XP) or
/// `Xbox/2.0.17559.0 UPnP/1.0 Xbox/2.0.17559.0` (Xbox 360).
fn is_microsoft(agent: &str) -> bool {
    let lower = agent.to_ascii_lowercase();
    let names = ["microsoft", "compatible; upnp/1.0; windows", "xbox"];
    agent.contains("FDSSDP") || names.iter().any(|name| lower.contains(name))
}

fn host_address(host: &str) -> Option<IpAddr> {
    if let Some(bracketed) = host.strip_prefix('[') {
        let (address, port) = bracketed.split_once(']')?;
        let address = address.split_once('%').map_or(address, |(address, _zone)| address);
        return is_port(port).then_some(address.parse::<Ipv6Addr>().ok()?.into());
    }
    let (address, port) = host.find(':').map_or((host, ""), |colon| host.split_at(colon));
    is_port(port).then_some(address.parse::<Ipv4Addr>().ok()?.into())
}

/// Nothing, or a colon and a port. A colon alone is legal too (RFC 3986 section 3.2.3).
fn is_port(text: &str) -> bool {
    match text.strip_prefix(':') {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.len() <= 5,
        None => text.is_empty(),
    }
}

/// The text without what would break the three-part form.
fn token(text: &str) -> String {
    let legal = |c: char| c.is_ascii_alphanumeric() || ".-_+".contains(c);
    text.chars().filter(|c| legal(*c)).take(32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_literals_of_our_own_addresses_are_ours() {
        let ours = [
            "192.168.77.1".parse().unwrap(),
            "fe80::1".parse().unwrap(),
            "fd77::1".parse().unwrap(),
        ];
        for host in [
            "192.168.77.1",
            "192.168.77.1:5000",
            " 192.168.77.1:5000 ",
            "192.168.77.1:",
            "[fd77::1]",
            "[fd77::1]:5000",
            "[FD77:0:0::1]",
            "[fe80::1%eth0]:5000",
            "[fe80::1%25eth0]",
        ] {
            assert!(host_is_ours(host, &ours), "{host}");
        }
        for host in [
            "",
            ":5000",
            "localhost",
            "gateway.example:5000",
            "192.168.77.1.example",
            "192.168.77.2",
            "192.168.77.1:5000.example",
            "192.168.77.1:500000",
            "192.168.077.1",
            "0xc0a84d01",
            "3232255233",
            "fd77::1",
            "[fd77::1",
            "[fd77::1]x",
            "[192.168.77.1]",
            "user@192.168.77.1",
            "192.168.77.1, evil.example",
        ] {
            assert!(!host_is_ours(host, &ours), "{host}");
        }
    }

    #[test]
    fn server_has_three_parts_whatever_the_system_says() {
        assert_eq!(
            server("Linux", "6.18.5", "0.1.0"),
            "Linux/6.18.5 UPnP/1.1 portreeve/0.1.0"
        );
        let odd = server("Li nux\r\nX: y", "1/2", "");
        assert_eq!(odd, "LinuxXy/12 UPnP/1.1 portreeve/");
    }

    #[test]
    fn microsoft_sees_the_older_gateway() {
        for agent in [
            "Microsoft-Windows/10.0 UPnP/1.0 Microsoft-DLNA DLNADOC/1.50",
            "microsoft xbox",
            "FDSSDP",
            "Mozilla/4.0 (compatible; UPnP/1.0; Windows 9x)",
            "Mozilla/4.0 (compatible; UPnP/1.0; Windows NT/5.1)",
            "Xbox/2.0.17559.0 UPnP/1.0 Xbox/2.0.17559.0",
        ] {
            assert_eq!(view_for(Some(agent), View::Igd2), View::Igd1, "{agent}");
        }
        for agent in [
            None,
            Some(""),
            Some("MiniUPnPc/2.2.4"),
            Some("fdssdp"),
            Some("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Gecko/20100101 Firefox/130.0"),
            Some("Windows/10.0 UPnP/1.1 Portable SDK for UPnP devices/1.14.18"),
            Some("Go-http-client/1.1"),
        ] {
            assert_eq!(view_for(agent, View::Igd2), View::Igd2, "{agent:?}");
            assert_eq!(view_for(agent, View::Igd1), View::Igd1, "{agent:?}");
        }
    }
}
