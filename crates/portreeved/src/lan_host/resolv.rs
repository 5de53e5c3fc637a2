//! `/etc/resolv.conf`.

use std::net::IpAddr;

/// Whom this machine asks for names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Resolver {
    pub(super) servers: Vec<IpAddr>,
    pub(super) domain: Option<String>,
}

/// Reads the file's text. A server on this machine itself is of no use to hosts of the LAN, and left out.
pub(super) fn parse(text: &str) -> Resolver {
    let mut resolver = Resolver::default();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some("nameserver"), Some(server)) => {
                // Link-local ones have a zone, which means something here only.
                let server = server.parse().ok().filter(|server: &IpAddr| !server.is_loopback());
                resolver.servers.extend(server);
            }
            // Of several such lines the last one counts.
            (Some("domain" | "search"), Some(domain)) => resolver.domain = Some(domain.to_owned()),
            _ => {}
        }
    }
    resolver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_and_the_first_domain_of_the_last_list() {
        let text = "# made by hand\ndomain a.example\nsearch b.example c.example\nnameserver 9.9.9.9\n\
                    nameserver 127.0.0.53\nnameserver fe80::1%eth0\noptions edns0\nnameserver\n nameserver 2620:fe::fe\n";
        let expected = Resolver {
            servers: vec!["9.9.9.9".parse().unwrap(), "2620:fe::fe".parse().unwrap()],
            domain: Some("b.example".to_owned()),
        };
        assert_eq!(parse(text), expected);
        assert_eq!(parse(""), Resolver::default());
    }
}
