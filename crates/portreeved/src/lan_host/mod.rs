//! How hosts of the LANs are set up, read from the files of the programs that set them up (for
//! LANHostConfigManagement:1).

mod dnsmasq;
mod odhcpd;
mod resolv;

use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use portreeve_engine::lan_host::{Dhcp, LanHosts};
use portreeve_engine::policy::Network;

use crate::machine::Lan;

/// No file of this kind is larger; what is beyond is not looked at.
const LARGEST_FILE: u64 = 256 * 1024;

/// Whether a DHCP server runs on this machine. What the file of one that does not run says holds for nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DhcpServer {
    /// It does.
    Running,
    /// It does not.
    Absent,
}

/// How hosts of each LAN with an IPv4 address are set up, by the files below `root`.
pub(crate) fn survey(root: &Path, lans: &[Lan], server: DhcpServer) -> Vec<LanHosts> {
    let resolver = resolv::parse(&read(&root.join("etc/resolv.conf")).unwrap_or_default());
    let sources = match server {
        DhcpServer::Running => Some((dnsmasq::Settings::read(root), odhcpd::Settings::read(root))),
        DhcpServer::Absent => None,
    };
    let of_lan = |lan: &Lan| {
        let (network, router) = lan.addresses.iter().find_map(|own| match own.address {
            IpAddr::V4(address) => Some((own.network, address)),
            IpAddr::V6(_) => None,
        })?;
        let at = At {
            interface: &lan.interface,
            network,
            router,
        };
        let offer = sources.as_ref().and_then(|(dnsmasq, odhcpd)| {
            let found = dnsmasq.offer(&at);
            found.or_else(|| odhcpd.offer(&at))
        });
        let (dhcp, dns_servers, domain) = match offer {
            Some(Offer { dhcp, dns, domain }) => (Some(dhcp), dns, domain),
            None => (None, resolver.servers.clone(), None),
        };
        Some(LanHosts {
            network,
            mask: network.mask()?,
            router,
            dns_servers,
            domain: domain.or_else(|| resolver.domain.clone()).unwrap_or_default(),
            dhcp,
        })
    };
    lans.iter().filter_map(of_lan).collect()
}

/// A LAN for which an offer is looked for.
struct At<'a> {
    interface: &'a str,
    network: Network,
    router: Ipv4Addr,
}

/// What a DHCP server offers to hosts of a LAN.
#[derive(Debug, PartialEq, Eq)]
struct Offer {
    dhcp: Dhcp,
    dns: Vec<IpAddr>,
    domain: Option<String>,
}

/// A configuration file as text, if there is one that can be read.
fn read(path: &Path) -> Option<String> {
    let mut text = Vec::new();
    File::open(path).ok()?.take(LARGEST_FILE).read_to_end(&mut text).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use portreeve_testkit::TempDir;

    use super::*;
    use crate::machine::LanAddress;

    fn lan(interface: &str, address: &str, prefix: u8) -> Lan {
        let address: Ipv4Addr = address.parse().unwrap();
        let network = Network::new(address, prefix).unwrap();
        Lan {
            interface: interface.to_owned(),
            index: 1,
            own: vec![address.into()],
            addresses: vec![
                LanAddress {
                    address: "fe80::1".parse().unwrap(),
                    network: "fe80::/64".parse().unwrap(),
                },
                LanAddress {
                    address: address.into(),
                    network,
                },
            ],
        }
    }

    fn root(files: &[(&str, &str)]) -> TempDir {
        let directory = TempDir::new();
        for (path, text) in files {
            let path = directory.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        directory
    }

    const RESOLV: (&str, &str) = ("etc/resolv.conf", "nameserver 11.11.11.53\nsearch example.net\n");

    #[test]
    fn without_a_dhcp_server_hosts_share_the_resolver_of_the_gateway() {
        let files = [
            RESOLV,
            ("etc/dnsmasq.conf", "dhcp-range=192.168.77.100,192.168.77.200\n"),
        ];
        let found = survey(
            root(&files).path(),
            &[lan("lan0", "192.168.77.1", 24)],
            DhcpServer::Absent,
        );
        let expected = LanHosts {
            network: "192.168.77.1/24".parse().unwrap(),
            mask: "255.255.255.0".parse().unwrap(),
            router: "192.168.77.1".parse().unwrap(),
            dns_servers: vec!["11.11.11.53".parse().unwrap()],
            domain: "example.net".to_owned(),
            dhcp: None,
        };
        assert_eq!(found, [expected]);
    }

    #[test]
    fn each_lan_has_the_offer_that_is_made_on_it() {
        let files = [
            RESOLV,
            ("etc/dnsmasq.conf", "conf-dir=/etc/more/,*.conf\ndomain=home\n"),
            ("etc/more/a.conf", "dhcp-range=192.168.77.100,192.168.77.150,12h\n"),
            ("etc/dnsmasq.d/a", "dhcp-range=192.168.77.151,192.168.77.200,12h\n"),
            (
                "etc/dnsmasq.d/a.dpkg-old",
                "dhcp-range=192.168.77.2,192.168.77.254,12h\n",
            ),
            ("etc/more/b.backup", "dhcp-range=192.168.78.1,192.168.78.2\n"),
        ];
        let lans = [lan("lan0", "192.168.77.1", 24), lan("lan1", "192.168.78.1", 25)];
        let found = survey(root(&files).path(), &lans, DhcpServer::Running);
        let dhcp = found[0].dhcp.as_ref().unwrap();
        assert_eq!(
            (dhcp.first, dhcp.last),
            ([192, 168, 77, 100].into(), [192, 168, 77, 200].into())
        );
        assert_eq!(found[0].dns_servers, [IpAddr::from([192, 168, 77, 1])]);
        assert_eq!(found[0].domain, "home");
        assert_eq!(found[1].dhcp, None);
        assert_eq!(found[1].mask, Ipv4Addr::new(255, 255, 255, 128));
        assert_eq!(found[1].dns_servers, [IpAddr::from([11, 11, 11, 53])]);
    }

    #[test]
    fn a_machine_without_any_of_the_files_has_its_address_all_the_same() {
        let found = survey(root(&[]).path(), &[lan("lan0", "10.0.0.1", 8)], DhcpServer::Running);
        assert_eq!((found[0].domain.as_str(), &found[0].dns_servers), ("", &Vec::new()));
        assert_eq!(found[0].router, Ipv4Addr::new(10, 0, 0, 1));
    }

    #[test]
    fn a_lan_without_an_ipv4_address_has_no_such_set_up() {
        let mut only_ipv6 = lan("lan0", "10.0.0.1", 8);
        only_ipv6.addresses.pop();
        assert_eq!(survey(root(&[]).path(), &[only_ipv6], DhcpServer::Running), []);
    }
}
