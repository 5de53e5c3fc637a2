//! crab_nat, a Rust library: NAT-PMP, and PCP over IPv4 and IPv6.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;

use crab_nat::pcp::{self, BaseMapRequest};
use crab_nat::{
    GatewayAddress, InternetProtocol, MappingFailure, PortMapping, PortMappingOptions, PortMappingType, natpmp,
};
use portreeve_lab::Bed;
use portreeve_lab::bytes::seen_from;
use portreeve_lab::subject::{Kind, Settings};
use portreeve_testkit::{Echo, Host};

use crate::support::{Protocol, is_closed, is_open, listed, reaches_ipv6};

/// Which of its protocols.
#[derive(Debug, Clone, Copy)]
enum Carrier {
    NatPmp,
    Pcp,
    PcpIpv6,
}

fn bed() -> Option<Bed> {
    Bed::own(&Settings::default())
}

/// Runs what the library does inside a host.
fn on<T: Send>(host: &Host, work: impl Future<Output = T> + Send) -> T {
    host.run(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime needs no rights").block_on(work)
    })
}

fn base(bed: &Bed, host: &Host, carrier: Carrier, protocol: Protocol, internal: u16) -> BaseMapRequest {
    let (gateway, client): (GatewayAddress, IpAddr) = match carrier {
        Carrier::NatPmp | Carrier::Pcp => (bed.gateway().ipv4().into(), host.ipv4().into()),
        Carrier::PcpIpv6 => (bed.gateway().ipv6().into(), host.ipv6().into()),
    };
    let protocol = match protocol {
        Protocol::Tcp => InternetProtocol::Tcp,
        Protocol::Udp => InternetProtocol::Udp,
    };
    BaseMapRequest::new(gateway, client, protocol, port(internal))
}

fn port(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).expect("tests use real ports")
}

/// Asks for a mapping, without a wish for an external port if that is 0.
fn try_map(
    host: &Host,
    base: BaseMapRequest,
    carrier: Carrier,
    external: u16,
    lifetime: u32,
) -> Result<PortMapping, MappingFailure> {
    let options = PortMappingOptions {
        external_port: NonZeroU16::new(external),
        lifetime_seconds: Some(lifetime),
        timeout_config: None,
    };
    on(host, async {
        match carrier {
            Carrier::NatPmp => {
                Ok(natpmp::port_mapping(base.gateway, base.protocol, base.internal_port, options).await?)
            }
            Carrier::Pcp | Carrier::PcpIpv6 => Ok(pcp::port_mapping(base, None, None, options).await?),
        }
    })
}

#[track_caller]
fn map(bed: &Bed, carrier: Carrier, protocol: Protocol, internal: u16, external: u16, lifetime: u32) -> PortMapping {
    let host = bed.lan_host(1);
    let base = base(bed, host, carrier, protocol, internal);
    try_map(host, base, carrier, external, lifetime).expect("an own mapping")
}

#[track_caller]
fn renew(bed: &Bed, mapping: &mut PortMapping) {
    on(bed.lan_host(1), mapping.renew()).expect("an own mapping");
}

#[track_caller]
fn drop_mapping(bed: &Bed, mapping: PortMapping) {
    on(bed.lan_host(1), mapping.try_drop()).expect("an own mapping");
}

/// Maps, renews and deletes; bytes pass until then.
#[track_caller]
fn lives_its_life(carrier: Carrier, protocol: Protocol) {
    let Some(bed) = bed() else { return };
    let echo = protocol.echo(&bed);
    let mut mapping = map(&bed, carrier, protocol, echo.port(), 9000, 600);
    assert_eq!((mapping.external_port().get(), mapping.lifetime()), (9000, 600));
    if let PortMappingType::Pcp { external_ip, .. } = mapping.mapping_type() {
        assert_eq!(external_ip, IpAddr::from(bed.wan_ipv4()));
    }
    is_open(&bed, protocol, 9000);
    let (leads_to, lease) = listed(&bed, protocol, 9000).expect("UPnP shows it");
    assert_eq!(leads_to, format!("192.168.77.11:{}", echo.port()));
    assert!((500..=600).contains(&lease), "{lease}");

    let epoch = mapping.gateway_epoch();
    renew(&bed, &mut mapping);
    assert_eq!((mapping.external_port().get(), mapping.lifetime()), (9000, 600));
    assert!(mapping.gateway_epoch() >= epoch);
    is_open(&bed, protocol, 9000);

    drop_mapping(&bed, mapping);
    is_closed(&bed, protocol, 9000);
    assert_eq!(listed(&bed, protocol, 9000), None);
}

#[test]
fn tcp_over_nat_pmp_lives_its_life() {
    lives_its_life(Carrier::NatPmp, Protocol::Tcp);
}

#[test]
fn udp_over_nat_pmp_lives_its_life() {
    lives_its_life(Carrier::NatPmp, Protocol::Udp);
}

#[test]
fn tcp_over_pcp_lives_its_life() {
    lives_its_life(Carrier::Pcp, Protocol::Tcp);
}

#[test]
fn udp_over_pcp_lives_its_life() {
    lives_its_life(Carrier::Pcp, Protocol::Udp);
}

/// A pinhole in the gateway's firewall: the address and the port outside are those inside.
#[track_caller]
fn lives_its_life_over_ipv6(protocol: Protocol) {
    let Some(bed) = Bed::own(&Settings::behind_firewall()) else {
        return;
    };
    let (host, outside) = (bed.lan_host(1), bed.internet_host(1));
    let echo = protocol.echo(&bed);
    let to = SocketAddr::from((host.ipv6(), echo.port()));
    let mut mapping = map(&bed, Carrier::PcpIpv6, protocol, echo.port(), 0, 600);
    assert_eq!((mapping.external_port().get(), mapping.lifetime()), (echo.port(), 600));
    let PortMappingType::Pcp { external_ip, .. } = mapping.mapping_type() else {
        panic!("{mapping:?}");
    };
    assert_eq!(external_ip, IpAddr::from(host.ipv6()));
    assert!(reaches_ipv6(outside, protocol, to), "closed in spite of the pinhole");
    renew(&bed, &mut mapping);
    assert!(reaches_ipv6(outside, protocol, to), "closed by the renewal");
    drop_mapping(&bed, mapping);
    assert!(!reaches_ipv6(outside, protocol, to), "open after its end");
}

#[test]
fn tcp_over_pcp_for_ipv6_lives_its_life() {
    lives_its_life_over_ipv6(Protocol::Tcp);
}

#[test]
fn udp_over_pcp_for_ipv6_lives_its_life() {
    lives_its_life_over_ipv6(Protocol::Udp);
}

#[test]
fn the_address_is_read_over_nat_pmp() {
    let Some(bed) = bed() else { return };
    let address = on(
        bed.lan_host(1),
        natpmp::external_address(bed.gateway().ipv4().into(), None),
    );
    assert_eq!(address.expect("the address"), bed.wan_ipv4());
}

#[test]
fn lifetimes_are_those_of_each_protocol() {
    let Some(bed) = bed() else { return };
    let lifetime = |carrier, asked| map(&bed, carrier, Protocol::Tcp, bed.port(), 0, asked).lifetime();
    // Never more than was asked for; PCP wants no shorter ones than two minutes, and no longer ones than a day.
    assert_eq!(lifetime(Carrier::NatPmp, 10), 10);
    assert_eq!(lifetime(Carrier::Pcp, 10), 120);
    assert_eq!(lifetime(Carrier::Pcp, 1_000_000), 86_400);
}

#[test]
fn a_port_in_use_becomes_another_one() {
    let Some(bed) = bed() else { return };
    let (other, protocol) = (bed.lan_host(2), Protocol::Udp);
    for (carrier, external) in [(Carrier::NatPmp, 9000), (Carrier::Pcp, 9100)] {
        let taken = base(&bed, other, carrier, protocol, 7000 + external);
        let taken = try_map(other, taken, carrier, external, 600).expect("a free port");
        assert_eq!(taken.external_port().get(), external);
        let echo = protocol.echo(&bed);
        let mapping = map(&bed, carrier, protocol, echo.port(), external, 600);
        assert_ne!(mapping.external_port().get(), external);
        is_open(&bed, protocol, mapping.external_port().get());
    }
}

/// What its users call: PCP if the gateway has it, and NAT-PMP if not.
#[track_caller]
fn carries(overrides: &[&str], is_pcp: bool) {
    let settings = Settings {
        overrides: overrides.iter().map(|text| (*text).to_owned()).collect(),
        ..Settings::default()
    };
    let Some(bed) = (Kind::from_environment() == Kind::Portreeved)
        .then(|| Bed::own(&settings))
        .flatten()
    else {
        return;
    };
    let (host, echo) = (bed.lan_host(1), Protocol::Tcp.echo(&bed));
    let base = base(&bed, host, Carrier::Pcp, Protocol::Tcp, echo.port());
    let options = PortMappingOptions::default();
    let mapping = PortMapping::new(base.gateway, base.client, base.protocol, base.internal_port, options);
    let mapping = on(host, mapping).expect("one of them");
    assert_eq!(matches!(mapping.mapping_type(), PortMappingType::Pcp { .. }), is_pcp);
    is_open(&bed, Protocol::Tcp, mapping.external_port().get());
    drop_mapping(&bed, mapping);
}

#[test]
fn pcp_is_preferred() {
    carries(&[], true);
}

#[test]
fn without_pcp_it_falls_back_on_nat_pmp() {
    carries(&["pcp.enabled=false"], false);
}

#[test]
fn a_peer_hears_from_the_port_that_was_promised() {
    if Kind::from_environment() != Kind::Portreeved {
        return;
    }
    let Some(bed) = bed() else { return };
    let (host, internal) = (bed.lan_host(1), bed.port());
    let server = Echo::udp(bed.internet_host(1), 0);
    let peer = SocketAddr::from((bed.internet_host(1).ipv4(), server.port()));
    let base = base(&bed, host, Carrier::Pcp, Protocol::Udp, internal);
    let asked = pcp::peer_mapping(base, None, None, peer, PortMappingOptions::default());
    let promised = on(host, asked).expect("an own flow");
    let outside = SocketAddr::new(promised.external_ip(), promised.external_port().get());
    assert_eq!(outside.ip(), IpAddr::from(bed.wan_ipv4()));
    assert_eq!(seen_from(host, Protocol::Udp, internal, peer), Some(outside));
}
