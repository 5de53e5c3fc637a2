//! A gateway behind another one: what is mapped here is mapped there too, so that the Internet reaches it.

use std::net::SocketAddr;
use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::bytes::Protocol;
use portreeve_lab::port_control::Client;
use portreeve_lab::port_control::pcp::{self, Map};
use portreeve_lab::programs::require_program;
use portreeve_lab::subject::{Kind, Settings, Subject};
use portreeve_lab::upnp::{ControlPoint, PortMapping, refused};
use portreeve_testkit::{Echo, Finished, Way, reach_tcp, reach_udp, wait_until};

use crate::support::{SOON, control, external_address, soon};

/// The outermost address.
const OUTERMOST: &str = "11.11.11.2";
/// How long it may take until a gateway that has restarted has its mappings again.
const HEALED: Duration = Duration::from_secs(30);

/// How long an answer may take for which an upstream gateway is waited for.
const PATIENCE: Duration = Duration::from_secs(15);

/// The bed of two NATs in a row. The Internet begins at the outer gateway.
struct DoubleNat {
    // The daemons end before their namespaces do.
    outer: Subject,
    bed: Bed,
}

impl DoubleNat {
    /// Behind this daemon.
    fn behind(outer: Kind) -> Option<Self> {
        Self::with(outer, &Settings::default(), &[])
    }

    /// Behind this daemon with these settings; ours has these `--set` arguments.
    fn with(outer: Kind, outer_settings: &Settings, overrides: &[&str]) -> Option<Self> {
        if Kind::from_environment() != Kind::Portreeved {
            return None;
        }
        let settings = Settings {
            way: Way::BehindOuterGateway,
            overrides: overrides.iter().map(|&setting| setting.to_owned()).collect(),
            ..Settings::default()
        };
        let bed = Bed::idle(&settings)?;
        let outer = Subject::prepare_outer(outer, &bed, outer_settings);
        outer.start(&bed);
        bed.start();
        let both = Self { outer, bed };
        both.soon("the outer gateway is found", || {
            both.status().contains(&format!("external address {OUTERMOST}"))
        });
        Some(both)
    }

    fn client(&self) -> ControlPoint<'_> {
        self.bed.client(1)
    }

    fn status(&self) -> String {
        control(&self.bed, &["status"]).success()
    }

    /// A client of the outer gateway, at the gateway behind it.
    fn outer_client(&self) -> ControlPoint<'_> {
        ControlPoint::discover(self.bed.outer_lan_host(), self.bed.outer_gateway().ipv4())
    }

    /// Whether the outer gateway has a mapping of this external port.
    fn outer_has(&self, port: u16) -> bool {
        let mapping = PortMapping::new(&self.outer_client(), port);
        self.outer_client()
            .call("GetSpecificPortMappingEntry", &mapping.key())
            .is_ok()
    }

    fn outside(&self, port: u16) -> SocketAddr {
        (self.bed.outermost_ipv4(), port).into()
    }

    /// Which host answers the Internet at the outermost address.
    fn served(&self, port: u16) -> Option<String> {
        let reply = reach_tcp(self.bed.internet_host(1), self.outside(port)).ok()?;
        Some(reply.server)
    }

    fn is_open(&self, port: u16) -> bool {
        self.served(port).as_deref() == Some("lan1")
    }

    #[track_caller]
    fn soon(&self, what: &str, condition: impl FnMut() -> bool) {
        self.within(SOON, what, condition);
    }

    #[track_caller]
    fn within(&self, limit: Duration, what: &str, condition: impl FnMut() -> bool) {
        assert!(
            wait_until(limit, condition),
            "not so: {what}\ninner:\n{}\nouter:\n{}",
            self.bed.subject().log(),
            self.outer.log()
        );
    }

    fn upnpc(&self, arguments: &str) -> Finished {
        self.bed.lan_host(1).command("upnpc", arguments.split_whitespace())
    }
}

#[track_caller]
fn upnpc_reaches_the_outermost_side(outer: Kind) {
    let Some(()) = require_program("upnpc", "miniupnpc") else {
        return;
    };
    let Some(both) = DoubleNat::behind(outer) else { return };
    let tcp = Echo::tcp(both.bed.lan_host(1), 8080);
    let udp = Echo::udp(both.bed.lan_host(1), 8081);
    for (echo, external, name) in [(&tcp, 9000, "TCP"), (&udp, 9001, "UDP")] {
        let mapped = both
            .upnpc(&format!("-a 192.168.77.11 {} {external} {name} 600", echo.port()))
            .success();
        let expected = format!(
            "{OUTERMOST}:{external} {name} is redirected to internal 192.168.77.11:{}",
            echo.port()
        );
        assert!(mapped.contains(&expected), "no {expected:?} in:\n{mapped}");
    }
    let internet = both.bed.internet_host(1);
    let reply = reach_tcp(internet, both.outside(9000)).expect("TCP reaches the LAN");
    assert_eq!(
        (reply.server.as_str(), reply.seen.ip()),
        ("lan1", internet.ipv4().into())
    );
    let reply = reach_udp(internet, both.outside(9001)).expect("UDP reaches the LAN");
    assert_eq!(reply.server, "lan1");
    assert!(both.outer_has(9000));
    assert_eq!(external_address(&both.client()), OUTERMOST);
    both.upnpc("-d 9000 TCP").success();
    both.soon("what is deleted here is gone there", || !both.outer_has(9000));
    assert_eq!(both.served(9000), None);
    assert!(
        reach_udp(internet, both.outside(9001)).is_ok(),
        "the other mapping stays"
    );
}

#[test]
fn behind_portreeved_upnpc_reaches_the_outermost_side() {
    upnpc_reaches_the_outermost_side(Kind::Portreeved);
}

#[test]
fn behind_miniupnpd_upnpc_reaches_the_outermost_side() {
    upnpc_reaches_the_outermost_side(Kind::Miniupnpd);
}

#[test]
fn natpmpc_reaches_the_outermost_side() {
    let Some(()) = require_program("natpmpc", "natpmpc") else {
        return;
    };
    let Some(both) = DoubleNat::behind(Kind::Portreeved) else {
        return;
    };
    let echo = Echo::udp(both.bed.lan_host(1), 8080);
    let natpmpc = |arguments: &str| {
        let host = both.bed.lan_host(1);
        host.command("natpmpc", arguments.split_whitespace()).success()
    };
    let mapped = natpmpc(&format!("-a 9000 {} udp 600", echo.port()));
    for expected in [&format!("Public IP address : {OUTERMOST}"), "Mapped public port 9000"] {
        assert!(mapped.contains(expected), "no {expected:?} in:\n{mapped}");
    }
    let internet = both.bed.internet_host(1);
    assert!(reach_udp(internet, both.outside(9000)).is_ok());
    natpmpc(&format!("-a 0 {} udp 0", echo.port()));
    both.soon("it is closed there", || {
        reach_udp(internet, both.outside(9000)).is_err()
    });
}

#[test]
fn pcp_is_answered_with_the_outermost_address_and_with_what_upstream_says() {
    let outer = Settings {
        external_ports: Some((9000, 9999)),
        ..Settings::default()
    };
    let Some(both) = DoubleNat::with(Kind::Portreeved, &outer, &[]) else {
        return;
    };
    let host = both.bed.lan_host(1);
    let echo = Echo::tcp(host, 8080);
    let client = Client::on(host, both.bed.gateway().ipv4());
    let ask = |external| {
        let map = Map::new(Protocol::Tcp, echo.port()).suggesting(external);
        let exact = pcp::Request::map(client.address(), &map, 600).option(pcp::option::PREFER_FAILURE, &[]);
        client.send(&exact.bytes());
        pcp::Answer::read(&client.receive(PATIENCE).expect("everything is answered"))
    };
    assert_eq!(ask(10_000).result(), pcp::result::NOT_AUTHORIZED);
    let granted = ask(9000).granted();
    assert_eq!(
        (granted.external_port, granted.external_address.to_string()),
        (9000, OUTERMOST.to_owned())
    );
    assert!(both.is_open(9000));
    let delete = Map::new(Protocol::Tcp, 8082);
    both.outer.kill();
    let silent = client.ask_pcp(&pcp::Request::map(client.address(), &delete, 0));
    assert_eq!(silent.result(), pcp::result::SUCCESS, "to delete nothing needs nobody");
    let map = Map::new(Protocol::Tcp, 8081).suggesting(9001);
    client.send(&pcp::Request::map(client.address(), &map, 600).bytes());
    let answer = client.receive(PATIENCE).expect("silence is answered");
    assert_eq!(pcp::Answer::read(&answer).result(), pcp::result::NETWORK_FAILURE);
}

#[test]
fn each_protocol_carries_it() {
    for (protocol, name) in [("pcp", "PCP"), ("nat-pmp", "NAT-PMP"), ("igd", "UPnP IGD")] {
        let order = format!("upstream.protocol-order=[\"{protocol}\"]");
        let Some(both) = DoubleNat::with(Kind::Portreeved, &Settings::default(), &[&order]) else {
            return;
        };
        assert!(both.status().contains(name), "{}", both.status());
        let echo = Echo::tcp(both.bed.lan_host(1), 8080);
        let client = both.client();
        let mapping = PortMapping::new(&client, 9000).to_port(echo.port());
        client.add(&mapping).expect("it is mapped");
        assert!(both.is_open(9000), "by {name}");
        client.call("DeletePortMapping", &mapping.key()).expect("it is deleted");
        both.soon("it is gone there", || !both.outer_has(9000));
    }
}

#[track_caller]
fn heals_when_the_outer_gateway_has_lost_everything(outer: Kind) {
    let Some(both) = DoubleNat::behind(outer) else { return };
    let echo = Echo::tcp(both.bed.lan_host(1), 8080);
    let client = both.client();
    client
        .add(&PortMapping::new(&client, 9000).to_port(echo.port()))
        .expect("it is mapped");
    assert!(both.is_open(9000));
    // By PCP a loss shows in seconds that are fewer than before (RFC 6887 section 8.5), by more than one.
    let outer = Client::on(both.bed.outer_lan_host(), both.bed.outer_gateway().ipv4());
    let announce = pcp::Request::announce(outer.address());
    both.within(HEALED, "it has run for a while", || {
        outer.ask_pcp(&announce).epoch() > 4
    });
    both.outer.cut_power(&both.bed);
    assert_eq!(both.served(9000), None);
    both.outer.start(&both.bed);
    both.within(HEALED, "bytes pass again", || both.is_open(9000));
}

#[test]
fn a_mapping_heals_when_a_portreeved_upstream_has_lost_everything() {
    heals_when_the_outer_gateway_has_lost_everything(Kind::Portreeved);
}

#[test]
fn a_mapping_heals_when_a_miniupnpd_upstream_has_lost_everything() {
    heals_when_the_outer_gateway_has_lost_everything(Kind::Miniupnpd);
}

#[test]
fn what_upstream_gives_to_nobody_is_refused_and_another_port_is_found() {
    let outer = Settings {
        tables: "[[static]]\nexternal-port = 9000\nprotocol = \"tcp\"\nclient = \"192.168.78.77\"\n".to_owned(),
        ..Settings::default()
    };
    let Some(both) = DoubleNat::with(Kind::Portreeved, &outer, &[]) else {
        return;
    };
    let echo = Echo::tcp(both.bed.lan_host(1), 8080);
    let client = both.client();
    let mapping = PortMapping::new(&client, 9000).to_port(echo.port());
    refused(client.add(&mapping), &[718]);
    refused(client.add_v1(&mapping), &[718]);
    let other = client.add_any(&mapping).expect("there are other ports");
    assert_ne!(other, 9000);
    assert!(both.is_open(other) && both.outer_has(other));
}

#[test]
fn what_upstream_forbids_is_606_and_silence_is_501() {
    let outer = Settings {
        external_ports: Some((9000, 9999)),
        ..Settings::default()
    };
    let Some(both) = DoubleNat::with(Kind::Portreeved, &outer, &[]) else {
        return;
    };
    let client = both.client();
    refused(client.add(&PortMapping::new(&client, 10_000)), &[606]);
    refused(client.add_v1(&PortMapping::new(&client, 10_000)), &[718]);
    client
        .add(&PortMapping::new(&client, 9000))
        .expect("this one is allowed");
    both.outer.kill();
    refused(client.add(&PortMapping::new(&client, 9001)), &[501]);
    client
        .add(&PortMapping::new(&client, 9000))
        .expect("a renewal does not wait");
}

#[test]
fn what_ends_here_ends_there() {
    let Some(both) = DoubleNat::behind(Kind::Portreeved) else {
        return;
    };
    let client = both.client();
    client
        .add(&PortMapping::new(&client, 9000).lease(3))
        .expect("it is mapped");
    client.add(&PortMapping::new(&client, 9001)).expect("it is mapped");
    assert!(both.outer_has(9000) && both.outer_has(9001));
    both.within(SOON + Duration::from_secs(3), "its lease has ended", || {
        !both.outer_has(9000)
    });
    control(&both.bed, &["revoke", "9001/tcp"]).success();
    both.soon("it is revoked", || !both.outer_has(9001));
}

#[test]
fn a_restart_here_changes_nothing_there() {
    let Some(both) = DoubleNat::behind(Kind::Portreeved) else {
        return;
    };
    let echo = Echo::tcp(both.bed.lan_host(1), 8080);
    let client = both.client();
    client
        .add(&PortMapping::new(&client, 9000).to_port(echo.port()))
        .expect("it is mapped");
    both.bed.subject().stop();
    assert!(both.is_open(9000), "the kernels of both carry it");
    both.bed.start();
    assert_eq!(external_address(&both.client()), OUTERMOST);
    both.soon("it is found again", || both.status().contains("upstream"));
    assert!(both.is_open(9000));
    let client = both.client();
    client
        .call("DeletePortMapping", &PortMapping::new(&client, 9000).key())
        .expect("it is deleted");
    both.soon("it is gone there", || !both.outer_has(9000));
}

#[test]
fn a_daemon_that_is_stopped_for_good_takes_its_mappings_back() {
    let Some(both) = DoubleNat::behind(Kind::Portreeved) else {
        return;
    };
    let client = both.client();
    client.add(&PortMapping::new(&client, 9000)).expect("it is mapped");
    control(&both.bed, &["stop", "--flush"]).success();
    assert!(!both.outer_has(9000));
}

#[test]
fn an_upstream_gateway_that_comes_later_is_found_and_given_what_is_there() {
    if Kind::from_environment() != Kind::Portreeved {
        return;
    }
    let settings = Settings {
        way: Way::BehindOuterGateway,
        ..Settings::default()
    };
    let Some(bed) = Bed::idle(&settings) else { return };
    let outer = Subject::prepare_outer(Kind::Portreeved, &bed, &Settings::default());
    bed.start();
    soon(&bed, "it says that nobody is there", || {
        bed.subject().log().contains("no gateway upstream answers")
    });
    let echo = Echo::tcp(bed.lan_host(1), 8080);
    let client = bed.client(1);
    assert_eq!(external_address(&client), bed.wan_ipv4().to_string());
    client
        .add(&PortMapping::new(&client, 9000).to_port(echo.port()))
        .expect("mappings are made without");
    outer.start(&bed);
    let both = DoubleNat { outer, bed };
    both.within(HEALED, "it is found", || both.is_open(9000));
}

#[test]
fn switched_off_nobody_is_asked() {
    if Kind::from_environment() != Kind::Portreeved {
        return;
    }
    let settings = Settings {
        way: Way::BehindOuterGateway,
        overrides: vec!["upstream.use=off".to_owned()],
        ..Settings::default()
    };
    let Some(bed) = Bed::idle(&settings) else { return };
    let outer = Subject::prepare_outer(Kind::Portreeved, &bed, &Settings::default());
    outer.start(&bed);
    bed.start();
    let both = DoubleNat { outer, bed };
    let client = both.client();
    client.add(&PortMapping::new(&client, 9000)).expect("it is mapped");
    assert!(!both.outer_has(9000));
    assert_eq!(external_address(&client), both.bed.wan_ipv4().to_string());
}
