//! Section 1.3: searches.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use portreeve_lab::Bed;
use portreeve_lab::subject::Settings;
use portreeve_lab::upnp::ssdp::{self, Message};

use super::discovery_advertisement::advertised;

const LONG: Duration = Duration::from_millis(1500);

/// Sends a multicast search word for word.
fn say(bed: &Bed, head: &str) -> Vec<Message> {
    ssdp::send(bed.lan_host(1), ssdp::group(), head, LONG)
}

fn unicast(bed: &Bed, target: &str) -> Option<Message> {
    let to = SocketAddr::from((bed.gateway().ipv4(), ssdp::PORT));
    ssdp::ask_once(bed.lan_host(1), to, target, Duration::from_secs(1))
}

#[track_caller]
fn finds(target: &str, usn: impl FnOnce(&portreeve_lab::upnp::description::Device) -> String) {
    let Some(bed) = Bed::shared() else { return };
    let found = ssdp::search(bed.lan_host(1), target);
    let usn = usn(bed.client(1).root_device());
    assert!(!found.is_empty(), "no answer for {target}");
    for answer in found {
        assert_eq!((answer.header("ST"), answer.header("USN")), (target, usn.as_str()));
    }
}

#[test]
fn ssdp_all_finds_the_whole_set() {
    let Some(bed) = Bed::shared() else { return };
    let found = ssdp::search(bed.lan_host(1), "ssdp:all");
    let said: BTreeMap<_, _> = found
        .iter()
        .map(|m| (m.header("USN").to_owned(), m.header("ST").to_owned()))
        .collect();
    assert_eq!(said, advertised(bed.client(1).root_device()));
}

#[test]
fn rootdevice_finds_the_root() {
    finds("upnp:rootdevice", |root| format!("{}::upnp:rootdevice", root.udn));
}

#[test]
fn the_uuid_of_the_root_finds_it() {
    let Some(bed) = Bed::shared() else { return };
    let udn = bed.client(1).root_device().udn.clone();
    finds(&udn.clone(), |_| udn);
}

#[test]
fn the_uuid_of_an_embedded_device_finds_it() {
    let Some(bed) = Bed::shared() else { return };
    let udn = bed
        .client(1)
        .root_device()
        .device("WANDevice:2")
        .expect("a WANDevice:2")
        .udn
        .clone();
    finds(&udn.clone(), |_| udn);
}

#[test]
fn the_root_device_type_finds_it() {
    finds(ssdp::IGD_2, |root| format!("{}::{}", root.udn, ssdp::IGD_2));
}

#[test]
fn an_embedded_device_type_finds_it() {
    let target = "urn:schemas-upnp-org:device:WANConnectionDevice:2";
    finds(target, |root| {
        format!(
            "{}::{target}",
            root.device("WANConnectionDevice:2")
                .expect("a WANConnectionDevice:2")
                .udn
        )
    });
}

#[test]
fn a_service_type_finds_it() {
    let target = "urn:schemas-upnp-org:service:WANIPConnection:2";
    finds(target, |root| {
        format!(
            "{}::{target}",
            root.device("WANConnectionDevice:2")
                .expect("a WANConnectionDevice:2")
                .udn
        )
    });
}

#[test]
fn version_1_of_the_root_is_answered_as_version_1() {
    finds(ssdp::IGD_1, |root| format!("{}::{}", root.udn, ssdp::IGD_1));
}

#[test]
fn version_1_of_embedded_devices_is_answered_as_version_1() {
    for (name, newer) in [
        ("WANDevice:1", "WANDevice:2"),
        ("WANConnectionDevice:1", "WANConnectionDevice:2"),
    ] {
        let target = format!("urn:schemas-upnp-org:device:{name}");
        finds(&target, |root| {
            format!("{}::{target}", root.device(newer).expect(newer).udn)
        });
    }
}

#[test]
fn version_1_of_a_service_is_answered_as_version_1() {
    let target = "urn:schemas-upnp-org:service:WANIPConnection:1";
    finds(target, |root| {
        format!(
            "{}::{target}",
            root.device("WANConnectionDevice:2")
                .expect("a WANConnectionDevice:2")
                .udn
        )
    });
}

#[test]
fn services_that_stayed_at_version_1_are_found() {
    let common = "urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1";
    finds(common, |root| {
        format!("{}::{common}", root.device("WANDevice:2").expect("a WANDevice:2").udn)
    });
    let forwarding = "urn:schemas-upnp-org:service:Layer3Forwarding:1";
    finds(forwarding, |root| format!("{}::{forwarding}", root.udn));
}

#[test]
fn a_newer_version_than_ours_is_not_answered() {
    let Some(bed) = Bed::shared() else { return };
    for target in [
        "urn:schemas-upnp-org:device:InternetGatewayDevice:3",
        "urn:schemas-upnp-org:service:WANIPConnection:3",
        "urn:schemas-upnp-org:service:Layer3Forwarding:2",
    ] {
        assert!(ssdp::search(bed.lan_host(1), target).is_empty(), "{target}");
    }
}

#[test]
fn what_is_not_there_is_not_answered() {
    let Some(bed) = Bed::shared() else { return };
    for target in [
        "urn:schemas-upnp-org:device:MediaServer:1",
        "uuid:00000000-0000-0000-0000-000000000000",
        "urn:schemas-upnp-org:service:WANIPConnectio:1",
        "ssdp:none",
        "",
    ] {
        assert!(ssdp::search(bed.lan_host(1), target).is_empty(), "{target:?}");
    }
}

#[test]
fn a_response_has_all_required_header_fields() {
    let Some(bed) = Bed::shared() else { return };
    let found = ssdp::search(bed.lan_host(1), "ssdp:all");
    assert!(!found.is_empty());
    for answer in found {
        assert_eq!(answer.start_line, "HTTP/1.1 200 OK");
        assert_eq!(answer.find("EXT"), Some(""), "EXT is there and empty");
        for name in ["CACHE-CONTROL", "LOCATION", "SERVER", "ST", "USN"] {
            assert!(!answer.header(name).is_empty(), "no {name}: {answer:?}");
        }
    }
}

#[test]
fn a_response_has_the_bootid_of_the_advertisements() {
    let Some(bed) = Bed::shared() else { return };
    let found = ssdp::search(bed.lan_host(1), "upnp:rootdevice");
    let value = found.first().expect("an answer").header("BOOTID.UPNP.ORG");
    assert!(value.parse::<u32>().is_ok_and(|id| id < 1 << 31), "{value:?}");
}

#[test]
fn a_response_lives_at_least_half_an_hour() {
    let Some(bed) = Bed::shared() else { return };
    let found = ssdp::search(bed.lan_host(1), "upnp:rootdevice");
    let value = found
        .first()
        .expect("an answer")
        .header("CACHE-CONTROL")
        .replace(' ', "");
    let seconds = value.strip_prefix("max-age=").and_then(|age| age.parse::<u32>().ok());
    assert!(seconds.is_some_and(|seconds| seconds >= 1800), "{value}");
}

#[test]
fn the_answer_comes_from_port_1900_of_the_address_in_location() {
    let Some(bed) = Bed::shared() else { return };
    let found = ssdp::search(bed.lan_host(1), ssdp::IGD_1);
    let answer = found.first().expect("an answer");
    assert_eq!(answer.from, SocketAddr::from((bed.gateway().ipv4(), ssdp::PORT)));
    assert!(
        answer.header("LOCATION").starts_with("http://192.168.77.1:"),
        "{answer:?}"
    );
}

#[test]
fn answers_stay_within_mx() {
    let Some(bed) = Bed::shared() else { return };
    let asked = Instant::now();
    let found = ssdp::search(bed.lan_host(1), "ssdp:all");
    let last = found.iter().map(|answer| answer.at).max().expect("an answer");
    assert!(
        last - asked <= Duration::from_millis(1200),
        "{:?} after a search with MX 1",
        last - asked
    );
}

#[test]
fn a_large_mx_counts_as_five_seconds() {
    let Some(bed) = Bed::shared() else { return };
    let asked = Instant::now();
    let request = ssdp::request(ssdp::group(), ssdp::IGD_1, Some(120));
    let found = ssdp::send(bed.lan_host(1), ssdp::group(), &request, Duration::from_millis(5500));
    let answer = found.first().expect("an answer within five seconds");
    assert!(answer.at - asked <= Duration::from_millis(5300));
}

#[test]
fn without_mx_a_multicast_search_is_dropped() {
    let Some(bed) = Bed::shared() else { return };
    let request = ssdp::request(ssdp::group(), ssdp::IGD_1, None);
    assert!(say(&bed, &request).is_empty());
}

#[test]
fn a_unicast_search_is_answered_within_a_second() {
    let Some(bed) = Bed::shared() else { return };
    let asked = Instant::now();
    let answer = unicast(&bed, ssdp::IGD_1).expect("an answer");
    assert!(answer.at - asked < Duration::from_secs(1));
    assert_eq!(answer.header("ST"), ssdp::IGD_1);
}

#[test]
fn a_unicast_search_with_mx_is_answered_too() {
    let Some(bed) = Bed::shared() else { return };
    let to = SocketAddr::from((bed.gateway().ipv4(), ssdp::PORT));
    let request = ssdp::request(to, ssdp::IGD_1, Some(1));
    assert!(!ssdp::send(bed.lan_host(1), to, &request, LONG).is_empty());
}

#[test]
fn a_search_in_the_hand_of_libtorrent_is_answered() {
    let Some(bed) = Bed::shared() else { return };
    let head = "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nST:upnp:rootdevice\r\nMAN:\"ssdp:discover\"\r\nMX:1\r\n\r\n\r\n";
    assert!(!say(&bed, head).is_empty());
}

#[test]
fn header_names_in_lower_case_are_understood() {
    let Some(bed) = Bed::shared() else { return };
    let head = "M-SEARCH * HTTP/1.1\r\nhost: 239.255.255.250:1900\r\nman: \"ssdp:discover\"\r\nmx: 1\r\nst: upnp:rootdevice \r\n\r\n";
    let found = say(&bed, head);
    assert_eq!(found.first().map(|answer| answer.header("ST")), Some("upnp:rootdevice"));
}

#[test]
fn a_man_without_quotes_is_understood() {
    let Some(bed) = Bed::shared() else { return };
    let head = "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: ssdp:discover\r\nMX: 1\r\nST: upnp:rootdevice\r\n\r\n";
    assert!(
        !say(&bed, head).is_empty(),
        "not the standard's form, but clients send it"
    );
}

#[test]
fn unknown_header_fields_are_skipped() {
    let Some(bed) = Bed::shared() else { return };
    let head = "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\n\
                ST: upnp:rootdevice\r\nUSER-AGENT: a/1 UPnP/1.1 b/2\r\nCPFN.UPNP.ORG: me\r\nX: y\r\n\r\n";
    assert!(!say(&bed, head).is_empty());
}

#[test]
fn malformed_datagrams_are_dropped_and_do_no_harm() {
    let Some(bed) = Bed::shared() else { return };
    let to = ssdp::group();
    for datagram in [
        "",
        "\r\n\r\n",
        "M-SEARCH",
        "M-SEARCH * HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nST: ssdp:all\r\nMX: 1\r\nMAN: \"ssdp:discover\"\r\n\r\n",
        "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: soon\r\nST: ssdp:all\r\n\r\n",
        "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:other\"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n",
        "HTTP/1.1 200 OK\r\nST: ssdp:all\r\nMX: 1\r\nMAN: \"ssdp:discover\"\r\n\r\n",
        &format!("M-SEARCH * HTTP/1.1\r\n{}", "X: y\r\n".repeat(200)),
    ] {
        let answers = ssdp::send(bed.lan_host(1), to, datagram, Duration::from_millis(1100));
        assert!(answers.is_empty(), "{datagram:?}");
    }
    unicast(&bed, ssdp::IGD_1).expect("it still answers");
}

#[test]
fn every_lan_is_answered_with_its_own_location() {
    let settings = Settings {
        lans: 2,
        ..Settings::default()
    };
    let Some(bed) = Bed::own(&settings) else { return };
    for (host, prefix) in [(1, "http://192.168.77.1:"), (4, "http://192.168.78.1:")] {
        let found = ssdp::search(bed.lan_host(host), ssdp::IGD_1);
        let location = found
            .first()
            .expect("an answer on every LAN")
            .header("LOCATION")
            .to_owned();
        assert!(location.starts_with(prefix), "{location}");
    }
}

#[test]
fn the_location_found_serves_the_device_found() {
    let Some(bed) = Bed::shared() else { return };
    for target in [ssdp::IGD_1, ssdp::IGD_2] {
        let found = ssdp::search(bed.lan_host(1), target);
        let answer = found.first().expect("an answer");
        let (_, path) = answer
            .header("LOCATION")
            .split_once("://")
            .and_then(|(_, rest)| rest.split_once('/'))
            .expect("a path");
        let response = bed.client(1).get(&format!("/{path}"));
        assert_eq!(response.status, 200);
        let udn = answer.header("USN").split("::").next().unwrap_or_default();
        assert!(response.body.contains(udn), "{udn}");
    }
}

#[test]
fn a_source_that_is_not_on_the_lan_is_not_answered() {
    let Some(bed) = Bed::own(&Settings::default()) else {
        return;
    };
    let host = bed.lan_host(1);
    // A spoofed search would make the gateway send more than it got to an address of the sender's choice.
    host.ip("addr add 10.9.9.9/32 dev eth0");
    bed.gateway().ip("route add 10.9.9.9/32 via 192.168.77.11");
    let to = SocketAddr::from((bed.gateway().ipv4(), ssdp::PORT));
    let socket = host
        .run(|| UdpSocket::bind("10.9.9.9:0"))
        .expect("any UDP port will do");
    socket
        .set_read_timeout(Some(Duration::from_secs(1)))
        .expect("sockets take a read timeout");
    socket
        .send_to(ssdp::request(to, "ssdp:all", None).as_bytes(), to)
        .expect("the LAN is connected");
    let answer = socket.recv_from(&mut [0; 2048]);
    assert!(answer.is_err(), "{answer:?}");
}
