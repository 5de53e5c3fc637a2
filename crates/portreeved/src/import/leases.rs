//! miniupnpd's lease file: `PROTOCOL:external port:client:internal port:end:description` on each line, the end in
//! seconds since 1970, 0 for never.

use std::net::Ipv4Addr;
use std::num::NonZeroU16;
use std::time::Duration;

use portreeve_engine::{Expiry, Key, Mapping, Origin, Protocol, RemoteHost};
use portreeve_store::Clocks;

/// What the file holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) leases: Vec<Lease>,
    /// What is wrong with lines that hold none.
    pub(super) problems: Vec<String>,
}

/// A lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) protocol: Protocol,
    pub(super) external_port: NonZeroU16,
    pub(super) client: Ipv4Addr,
    pub(super) internal_port: NonZeroU16,
    /// Seconds since 1970; none: never.
    end: Option<u64>,
    description: String,
}

pub(super) fn read(text: &str) -> Found {
    let mut found = Found::default();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match lease(line) {
            Some(lease) => {
                // A lease that was renewed may be there twice; the later line is the newer one.
                let is_other =
                    |other: &Lease| (other.external_port, other.protocol) != (lease.external_port, lease.protocol);
                found.leases.retain(is_other);
                found.leases.push(lease);
            }
            None => found.problems.push(format!(
                "line {} of the lease file is left out, since it is not PROTOCOL:PORT:ADDRESS:PORT:END:DESCRIPTION",
                index + 1
            )),
        }
    }
    found
}

fn lease(line: &str) -> Option<Lease> {
    let mut parts = line.trim_end().splitn(6, ':');
    let mut next = || parts.next();
    let protocol = match next()? {
        "TCP" => Protocol::Tcp,
        "UDP" => Protocol::Udp,
        _ => return None,
    };
    let external_port = next()?.parse().ok()?;
    let client: Ipv4Addr = next()?.parse().ok()?;
    let is_host = !(client.is_unspecified() || client.is_multicast() || client.is_broadcast() || client.is_loopback());
    let internal_port = next()?.parse().ok()?;
    let end: u64 = next()?.parse().ok()?;
    let description: String = next()
        .unwrap_or_default()
        .chars()
        .filter(|char| !char.is_control())
        .collect();
    is_host.then_some(Lease {
        protocol,
        external_port,
        client,
        internal_port,
        end: (end != 0).then_some(end),
        description,
    })
}

impl Lease {
    /// The lease as it goes on here, for at most `longest` seconds; none if it has ended.
    pub(super) fn mapping(&self, clocks: Clocks, longest: u32) -> Option<Mapping> {
        let now = clocks.unix_millis / 1000;
        let left = match self.end {
            Some(end) => end.checked_sub(now).filter(|left| *left > 0)?.min(longest.into()),
            None => longest.into(),
        };
        let origin = match self.description.starts_with("NAT-PMP ") {
            true => Origin::NatPmp(self.client),
            false => Origin::Upnp(self.client.into()),
        };
        Some(Mapping {
            key: Key {
                external_port: self.external_port,
                protocol: self.protocol,
                remote_host: RemoteHost::Any,
            },
            internal_client: self.client,
            internal_port: self.internal_port,
            enabled: true,
            description: self.description.as_str().into(),
            expiry: Expiry::At(clocks.boot + Duration::from_secs(left)),
            origin,
        })
    }
}

#[cfg(test)]
mod tests {
    use portreeve_engine::Time;
    use proptest::prelude::*;

    use super::*;

    const NOW: Clocks = Clocks {
        boot: Time::from_millis(5_000),
        unix_millis: 1_700_000_000_000,
    };

    #[test]
    fn a_lease_goes_on_for_what_is_left_of_it() {
        let text =
            "TCP:8080:192.168.77.11:80:1700000060:web: server\nUDP:40000:192.168.77.12:3074:0:NAT-PMP 40000 udp\n";
        let found = read(text);
        assert_eq!(found.problems, [] as [String; 0]);
        let [web, game] = &found.leases[..] else {
            panic!("{found:?}")
        };
        let web = web.mapping(NOW, 604_800).unwrap();
        assert_eq!(
            (web.internal_client, web.internal_port.get()),
            ([192, 168, 77, 11].into(), 80)
        );
        assert_eq!(
            (&*web.description, web.origin),
            ("web: server", Origin::Upnp(web.internal_client.into()))
        );
        assert_eq!(web.expiry, Expiry::At(NOW.boot + Duration::from_secs(60)));
        let game = game.mapping(NOW, 604_800).unwrap();
        assert_eq!(game.origin, Origin::NatPmp(game.internal_client));
        assert_eq!(game.expiry, Expiry::At(NOW.boot + Duration::from_secs(604_800)));
    }

    #[test]
    fn a_lease_that_has_ended_does_not_come_back_and_the_last_of_two_counts() {
        let text = "TCP:1:10.0.0.1:1:1699999999:old\nTCP:2:10.0.0.1:2:0:first\nTCP:2:10.0.0.2:2:0:second\n";
        let found = read(text);
        assert_eq!(found.leases.len(), 2);
        assert_eq!(found.leases[0].mapping(NOW, 100), None);
        assert_eq!(found.leases[1].client, Ipv4Addr::new(10, 0, 0, 2));
    }

    #[test]
    fn what_is_no_lease_is_told_with_its_line() {
        let text =
            "TCP:1:10.0.0.1:1:0:good\nSCTP:1:10.0.0.1:1:0:x\nTCP:0:10.0.0.1:1:0:x\nTCP:1:127.0.0.1:1:0:x\nTCP:1\n";
        let found = read(text);
        assert_eq!(found.leases.len(), 1);
        let lines: Vec<_> = found.problems.iter().map(|problem| &problem[..6]).collect();
        assert_eq!(lines, ["line 2", "line 3", "line 4", "line 5"]);
    }

    proptest! {
        #[test]
        fn no_line_does_harm(text in "(TCP|UDP)?(:|[0-9.]{1,9}|.|\n){0,80}") {
            let found = read(&text);
            prop_assert!(found.leases.iter().all(|lease| !lease.description.contains('\n')));
        }
    }
}
