//! Without IPv4 on one side of the gateway, or on both.

use portreeve_lab::Bed;
use portreeve_lab::subject::{Kind, Settings};
use portreeve_lab::upnp::gena::Listener;
use portreeve_lab::upnp::ssdp::{self, LINK_LOCAL_GROUP, SITE_LOCAL_GROUP};
use portreeve_lab::upnp::{ControlPoint, refused};
use portreeve_testkit::{Addresses, Echo, reach_tcp};

use crate::support::{append_configuration, edit_configuration, fresh, soon};

const CONNECTION: &str = "WANIPConnection:2";

fn idle(lan_addresses: Addresses, wan_addresses: Addresses) -> Option<Bed> {
    let settings = Settings {
        lan_addresses,
        wan_addresses,
        ..Settings::default()
    };
    (Kind::from_environment() == Kind::Portreeved).then(|| Bed::idle(&settings))?
}

fn started(lan_addresses: Addresses, wan_addresses: Addresses) -> Option<Bed> {
    let bed = idle(lan_addresses, wan_addresses)?;
    bed.start();
    Some(bed)
}

fn ask(client: &ControlPoint<'_>, action: &str, argument: &str) -> String {
    client
        .call(action, &[])
        .expect("it is only a question")
        .get(argument)
        .to_owned()
}

fn status(client: &ControlPoint<'_>) -> String {
    ask(client, "GetStatusInfo", "NewConnectionStatus")
}

#[test]
fn a_lan_without_ipv4_finds_uses_and_hears_the_gateway() {
    let Some(bed) = started(Addresses::Ipv6Only, Addresses::Both) else {
        return;
    };
    let host = bed.lan_host(1);
    for group in [LINK_LOCAL_GROUP, SITE_LOCAL_GROUP] {
        assert!(!ssdp::search_ipv6(host, group, ssdp::IGD_1).is_empty(), "{group}");
    }
    let client = bed.client_ipv6(1);
    assert_eq!(status(&client), "Connected");
    assert_eq!(
        ask(&client, "GetExternalIPAddress", "NewExternalIPAddress"),
        bed.wan_ipv4().to_string()
    );
    let listener = Listener::at(host, (host.ipv6(), 0).into());
    client.subscribe(CONNECTION, &listener.callback());
    assert_eq!(listener.next().header("SEQ"), "0");
    // There is no host that it could lead to.
    refused(client.add(&fresh(&bed, &client)), &[606]);
    let log = bed.subject().log();
    assert!(!log.contains("no address yet"), "{log}");
}

#[test]
fn a_wan_without_ipv4_is_connected_with_an_ipv6_address_alone() {
    let Some(bed) = started(Addresses::Both, Addresses::Ipv6Only) else {
        return;
    };
    for client in [bed.client(1), bed.client_ipv6(1)] {
        soon(&bed, "the link is up", || status(&client) == "Connected");
        assert_eq!(ask(&client, "GetExternalIPAddress", "NewExternalIPAddress"), "");
        assert_eq!(
            ask(&client, "X_GetExternalIPv6Address", "NewExternalIPv6Address"),
            bed.wan_ipv6().to_string()
        );
    }
    bed.gateway().ip("-6 addr flush dev wan0 scope global");
    let client = bed.client(1);
    soon(&bed, "the link is down", || status(&client) != "Connected");
}

#[test]
fn a_change_of_the_external_ipv6_address_is_an_event() {
    let Some(bed) = started(Addresses::Both, Addresses::Both) else {
        return;
    };
    let host = bed.lan_host(1);
    let client = bed.client(1);
    let listener = Listener::on(host);
    client.subscribe(CONNECTION, &listener.callback());
    listener.until("ExternalIPv6Address", &bed.wan_ipv6().to_string());
    bed.gateway().ip("-6 addr flush dev wan0 scope global");
    let gone = listener.until("ExternalIPv6Address", "");
    assert_eq!(gone.value("ConnectionStatus"), None, "IPv4 is as it was");
    bed.gateway().ip("addr add 2001:db8:113::77/64 dev wan0 nodad");
    listener.until("ExternalIPv6Address", "2001:db8:113::77");
}

#[test]
fn without_ipv4_anywhere_the_gateway_finds_its_interfaces_and_opens_pinholes() {
    let Some(bed) = idle(Addresses::Ipv6Only, Addresses::Ipv6Only) else {
        return;
    };
    edit_configuration(&bed, "lan = [\"br0\"]\nwan = \"wan0\"\n", "");
    append_configuration(&bed, "[ipv6]\nfirewall = \"own\"\n");
    bed.start();
    let log = bed.subject().log();
    for line in [
        "WAN: wan0, since the default route of IPv6 leads there",
        "LAN: br0, which has the address fd77::1 and none of IPv4",
        "serving http://[fd77::1]:5000",
    ] {
        assert!(log.contains(line), "no {line:?} in:\n{log}");
    }
    let client = bed.client_ipv6(1);
    soon(&bed, "the link is up", || status(&client) == "Connected");
    let (own, inside) = (bed.lan_host(1).ipv6(), (bed.lan_host(1).ipv6(), 7000));
    let _echo = Echo::tcp(bed.lan_host(1), 7000);
    assert!(reach_tcp(bed.internet_host(1), inside).is_err());
    let arguments = [
        ("RemoteHost", ""),
        ("RemotePort", "0"),
        ("InternalClient", &own.to_string()),
        ("InternalPort", "7000"),
        ("Protocol", "6"),
        ("LeaseTime", "600"),
    ];
    client
        .call_service("WANIPv6FirewallControl:1", "AddPinhole", &arguments)
        .expect("a pinhole to itself");
    assert_eq!(
        reach_tcp(bed.internet_host(1), inside).expect("it is open").server,
        "lan1"
    );
}

#[test]
fn ipv4_that_comes_later_is_served_beside() {
    let Some(bed) = started(Addresses::Ipv6Only, Addresses::Both) else {
        return;
    };
    let host = bed.lan_host(1);
    let own = bed.gateway().ipv4();
    bed.gateway().ip(&format!("addr add {own}/24 dev br0"));
    host.ip(&format!("addr add {}/24 dev eth0", host.ipv4()));
    host.ip(&format!("route add default via {own}"));
    soon(&bed, "it is found over IPv4", || {
        !ssdp::search(host, ssdp::IGD_1).is_empty()
    });
    let client = bed.client(1);
    soon(&bed, "a mapping is granted", || {
        client.add(&fresh(&bed, &client)).is_ok()
    });
    bed.client_ipv6(1).root_device();
}
