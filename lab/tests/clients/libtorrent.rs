//! libtorrent from PyPI, which most BitTorrent programs are made with: PCP over IPv4 and IPv6 from one session, and
//! NAT-PMP where there is no PCP.

use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::subject::{Kind, Settings};
use portreeve_testkit::{Echo, Process};

use crate::support::{Protocol, is_closed, is_open, listed, reaches_ipv6, require_python, script};

/// What it asks for, in seconds.
const LIFETIME: u32 = 3600;
const SOON: Duration = Duration::from_secs(10);

/// It maps nothing for a local address of IPv6, so LAN host 1 and the gateway have a global one here.
const HOST: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x77, 0, 0, 0, 0, 0x11);

fn bed(settings: &Settings) -> Option<Bed> {
    require_python("libtorrent")?;
    let bed = Bed::idle(settings)?;
    bed.gateway().ip("addr add 2001:db8:77::1/64 dev br0 nodad");
    bed.lan_host(1).ip(&format!("addr add {HOST}/64 dev eth0 nodad"));
    bed.lan_host(1).ip("-6 route replace default via 2001:db8:77::1");
    let back = bed.wan_ipv6();
    bed.internet_host(1)
        .ip(&format!("route add 2001:db8:77::/64 via {back}"));
    bed.start();
    Some(bed)
}

/// A session on LAN host 1 that maps the ports of these servers until it is stopped.
struct Session(Process);

impl Session {
    fn start(bed: &Bed, interfaces: &str, tcp: &Echo, udp: &Echo) -> Self {
        let python = require_python("libtorrent").expect("it was there a moment ago");
        let arguments = [
            script("with_libtorrent.py"),
            interfaces.to_owned(),
            tcp.port().to_string(),
            udp.port().to_string(),
        ];
        Self(bed.lan_host(1).spawn(&python.display().to_string(), arguments))
    }

    #[track_caller]
    fn says(&mut self, line: &str) {
        let said = self.0.wait_for_output(&format!("{line}\n"), SOON);
        assert!(said, "no {line:?} in:\n{}{}", self.0.stdout(), self.0.stderr());
    }
}

#[test]
fn it_maps_over_pcp_for_both_families_at_once() {
    let Some(bed) = bed(&Settings::behind_firewall()) else {
        return;
    };
    let outside = bed.internet_host(1);
    let (tcp, udp) = (Protocol::Tcp.echo(&bed), Protocol::Udp.echo(&bed));
    let mut session = Session::start(&bed, &format!("192.168.77.11:6881,[{HOST}]:6881"), &tcp, &udp);
    for (protocol, echo) in [(Protocol::Tcp, &tcp), (Protocol::Udp, &udp)] {
        let (name, port) = (protocol.name(), echo.port());
        for address in ["192.168.77.11", &HOST.to_string()] {
            session.says(&format!("{address} {name} {port} for {LIFETIME} by PCP"));
            session.says(&format!("{address} {name} 6881 for {LIFETIME} by PCP"));
        }
        is_open(&bed, protocol, port);
        let (leads_to, lease) = listed(&bed, protocol, port).expect("UPnP shows it");
        assert_eq!(leads_to, format!("192.168.77.11:{port}"));
        assert!((LIFETIME - 100..=LIFETIME).contains(&lease), "{lease}");
        let to = SocketAddr::from((HOST, port));
        assert!(reaches_ipv6(outside, protocol, to), "{name} is closed over IPv6");
    }
    let left = session.0.stop();
    assert!(left.status.success(), "{left:?}");
    for (protocol, echo) in [(Protocol::Tcp, &tcp), (Protocol::Udp, &udp)] {
        is_closed(&bed, protocol, echo.port());
        assert_eq!(listed(&bed, protocol, echo.port()), None);
        let to = SocketAddr::from((HOST, echo.port()));
        assert!(!reaches_ipv6(outside, protocol, to), "open after its end over IPv6");
    }
}

#[test]
fn without_pcp_it_falls_back_on_nat_pmp() {
    if Kind::from_environment() != Kind::Portreeved {
        return;
    }
    let settings = Settings {
        overrides: vec![String::from("pcp.enabled=false")],
        ..Settings::default()
    };
    let Some(bed) = bed(&settings) else { return };
    let (tcp, udp) = (Protocol::Tcp.echo(&bed), Protocol::Udp.echo(&bed));
    let mut session = Session::start(&bed, "192.168.77.11:6881", &tcp, &udp);
    for (protocol, echo) in [(Protocol::Tcp, &tcp), (Protocol::Udp, &udp)] {
        let (name, port) = (protocol.name(), echo.port());
        session.says(&format!("192.168.77.11 {name} {port} for {LIFETIME} by NAT-PMP"));
        is_open(&bed, protocol, port);
    }
    session.0.stop();
    is_closed(&bed, Protocol::Tcp, tcp.port());
}
