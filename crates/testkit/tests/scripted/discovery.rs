use std::net::{SocketAddrV4, SocketAddrV6, UdpSocket};

use portreeve_testkit::scripted::{Misbehaviour, SearchRoute};
use portreeve_testkit::{Lab, ScriptedGateway, require_root, wait_until};

use crate::client::*;

const SEARCH: &[u8] =
    b"M-SEARCH * HTTP/1.1\r\nHOST: [ff02::c]:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: upnp:rootdevice\r\n\r\n";

#[test]
fn a_unicast_search_is_answered_with_the_version_searched() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    let target = "urn:schemas-upnp-org:device:InternetGatewayDevice:1";
    let answers = search(&gateway, target);
    assert_eq!(answers.len(), 1);
    assert_eq!(header(&answers[0], "ST"), Some(target));
    assert_eq!(header(&answers[0], "LOCATION"), Some(&*gateway.description_url()));
    assert_eq!(header(&answers[0], "BOOTID.UPNP.ORG"), Some("1"));
    let searches = gateway.searches();
    assert_eq!((searches.len(), searches[0].route), (1, SearchRoute::Unicast));
    assert_eq!(searches[0].target, target);
    // Root, three devices, four services: 3 + 2 * 2 + 3.
    assert_eq!(search(&gateway, "ssdp:all").len(), 10);
    assert!(search(&gateway, "urn:schemas-upnp-org:device:MediaServer:1").is_empty());
}

#[test]
fn search_misbehaviours() {
    let igd = "urn:schemas-upnp-org:device:InternetGatewayDevice:2";
    let with = |misbehaviour| ScriptedGateway::builder().misbehave(misbehaviour).start_on_loopback();

    let gateway = with(Misbehaviour::AnswersAllWithFirstDevice);
    let all = search(&gateway, "ssdp:all");
    assert_eq!(all.len(), 1);
    assert!(all[0].contains("WFADevice:1"));
    assert_eq!(search(&gateway, igd).len(), 1);

    let gateway = with(Misbehaviour::AnswersOnlyRootDevice);
    assert!(search(&gateway, igd).is_empty());
    assert_eq!(search(&gateway, "upnp:rootdevice").len(), 1);

    for deaf in [
        Misbehaviour::AnswersOnlyMulticast,
        Misbehaviour::SearchUnanswered,
        Misbehaviour::UpnpOff,
    ] {
        assert!(search(&with(deaf), igd).is_empty());
    }
    let elsewhere = "http://203.0.113.1:80/x.xml".to_owned();
    let answers = search(&with(Misbehaviour::Location(elsewhere.clone())), igd);
    assert_eq!(header(&answers[0], "LOCATION"), Some(&*elsewhere));
    assert_eq!(search(&with(Misbehaviour::SearchFlood(20)), igd).len(), 21);
    let odd = search(&with(Misbehaviour::OddHeaders), igd);
    assert!(odd[0].contains("Cache_Control: max-age=120\r\n"));
    let host = "192.0.2.1".parse().expect("an address");
    let other_host = search(&with(Misbehaviour::LocationHost(host)), igd);
    assert!(header(&other_host[0], "LOCATION").is_some_and(|url| url.starts_with("http://192.0.2.1:")));
    assert_eq!(
        header(&search(&with(Misbehaviour::NoBootId), igd)[0], "BOOTID.UPNP.ORG"),
        None
    );
    assert_eq!(search(&with(Misbehaviour::AnswersOnlyUnicast), igd).len(), 1);
    let noisy = search(&with(Misbehaviour::SearchAnsweredWithNoise(9)), igd);
    assert_eq!((noisy.len(), noisy[0].chars().count()), (2, 9));
    assert!(search(&with(Misbehaviour::SearchAnsweredAfter(PATIENCE)), igd).is_empty());
    let own = search(
        &with(Misbehaviour::AnswersWithOwnVersion),
        "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
    );
    assert_eq!(header(&own[0], "ST"), Some(igd));
}

#[test]
fn answers_come_from_port_1900_or_from_another() {
    let gateway = ScriptedGateway::builder().start_on_loopback();
    for expected_1900 in [true, false] {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        send_search(&socket, gateway.ssdp_address(), "upnp:rootdevice");
        let (_, from) = socket.recv_from(&mut [0; 2048]).expect("there is an answer");
        assert_eq!(from.ip(), gateway.address());
        assert_eq!(from.port() == 1900, expected_1900);
        gateway.misbehave(Misbehaviour::AnswersFromEphemeralPort);
    }
}

#[test]
fn in_a_lab_it_hears_and_sends_multicast() {
    let Some(()) = require_root("a scripted gateway in a lab") else {
        return;
    };
    let lab = Lab::builder().build();
    let group: SocketAddrV4 = "239.255.255.250:1900".parse().expect("an address");
    let gateway = ScriptedGateway::builder()
        .misbehave(Misbehaviour::AnswersOnlyMulticast)
        .start_in(lab.gateway());
    let (searcher, listener) = lab.lan_host(1).run(|| {
        let own = lab.lan_host(1).ipv4();
        let listener = UdpSocket::bind(group).expect("the group's port is free");
        listener
            .join_multicast_v4(group.ip(), &own)
            .expect("the group can be joined");
        (UdpSocket::bind((own, 0)).expect("a port is free"), listener)
    });
    searcher.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    listener.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    send_search(&searcher, group, "upnp:rootdevice");
    let mut buffer = [0; 2048];
    let (length, from) = searcher.recv_from(&mut buffer).expect("there is an answer");
    assert_eq!(from, (lab.gateway().ipv4(), 1900).into());
    assert!(String::from_utf8_lossy(&buffer[..length]).contains("LOCATION: http://192.168.77.1:"));
    assert_eq!(gateway.searches()[0].route, SearchRoute::Multicast);

    gateway.behave();
    gateway.misbehave(Misbehaviour::TripsOverBothFamilies);
    let over_ipv6 = lab
        .lan_host(1)
        .run(|| UdpSocket::bind("[::]:0").expect("a port is free"));
    let link = lab.lan_host(1).ip("-o link show eth0");
    let link: u32 = link
        .split(':')
        .next()
        .and_then(|index| index.parse().ok())
        .expect("an index");
    let group_v6 = "ff02::c".parse().expect("an address");
    over_ipv6
        .send_to(SEARCH, SocketAddrV6::new(group_v6, 1900, 0, link))
        .expect("searches can be sent");
    assert!(wait_until(PATIENCE, || gateway.searches().len() == 2), "it is heard");
    send_search(&searcher, group, "upnp:rootdevice");
    let (length, _) = searcher.recv_from(&mut buffer).expect("there is an answer");
    let broken = String::from_utf8_lossy(&buffer[..length]);
    assert!(
        broken.starts_with("HTTP/1.1 200 OK") && !broken.contains("LOCATION"),
        "{broken}"
    );

    gateway.reboot();
    let mut seen = String::new();
    while !seen.contains("ssdp:alive") {
        let (length, from) = listener.recv_from(&mut buffer).expect("it announces itself");
        // Our own search is heard too.
        if from.ip() == lab.gateway().ipv4() {
            seen += &String::from_utf8_lossy(&buffer[..length]);
        }
    }
    assert!(seen.contains("NTS: ssdp:byebye\r\nBOOTID.UPNP.ORG: 1\r\n"));
    assert!(seen.contains("BOOTID.UPNP.ORG: 2\r\n"));
    let fetched = lab.lan_host(1).run(|| get(&gateway, "/rootDesc.xml"));
    assert!(fetched.starts_with("HTTP/1.1 200 OK\r\n"));
}
