//! SSDP: datagrams as real devices send them, the sets of what is announced and found, and our messages letter for
//! letter.

mod common;

use common::golden;
use portreeve_wire::description::{Description, Device, Identity};
use portreeve_wire::ssdp::{
    Advertisement, Announcer, Answer, Asked, Dropped, Group, Message, Notification, Search, SearchTarget,
    advertisements, answers, parse, render_search,
};
use portreeve_wire::{Offer, Quirk, Quirks, Uuid, View, http};

const ROOT: &str = "uuid:6d1d2b3c-5a10-4f0e-9c3b-000000000010";
const WAN: &str = "uuid:6d1d2b3c-5a10-4f0e-9c3b-000000000011";
const CONNECTION: &str = "uuid:6d1d2b3c-5a10-4f0e-9c3b-000000000012";

fn tree(view: View) -> Device {
    let identity = Identity {
        uuid: Uuid::from_u128(0x6d1d_2b3c_5a10_4f0e_9c3b_0000_0000_0010),
        friendly_name: "portreeve".to_owned(),
        model_number: "0.1.0".to_owned(),
        serial_number: None,
    };
    Description::of(&identity, Offer::default(), view, 7).device
}

fn search(datagram: &str) -> Search {
    match parse(datagram.as_bytes(), Quirks::default()) {
        Ok(Message::Search(search)) => search,
        other => panic!("{datagram:?} is {other:?}"),
    }
}

fn find_in(view: View, st: &str, quirks: Quirks) -> Vec<(String, String, View)> {
    let found = answers(&tree(view), view, &SearchTarget::parse(st), st, quirks);
    found
        .into_iter()
        .map(|Answer { st, usn, view }| (st, usn, view))
        .collect()
}

#[test]
fn searches_of_real_clients_are_understood() {
    let all = [
        // miniupnpc
        "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nST: ssdp:all\r\nMAN: \"ssdp:discover\"\r\nMX: 2\r\n\r\n",
        // libtorrent: nothing after the colon, one line end too many
        "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nST:ssdp:all\r\nMAN:\"ssdp:discover\"\r\nMX:2\r\n\r\n\r\n",
        // aioupnp: no quotes, other letter case and order
        "M-SEARCH * HTTP/1.1\r\nhost: 239.255.255.250:1900\r\nman: ssdp:discover\r\nst: ssdp:all\r\nmx: 2\r\n\r\n",
        // line feeds only, nothing at the end
        "M-SEARCH * HTTP/1.1\nST: ssdp:all \nMX: 2\nMAN: \"ssdp:discover\"\nHOST: 239.255.255.250:1900",
        // rubbish between, doubles, an empty one first
        "\r\nM-SEARCH * HTTP/1.1 \r\nHOST: 239.255.255.250:1900\r\nrubbish\r\n: x\r\nST:\r\nST: ssdp:all\r\nST: x\r\n\
         MAN: \"ssdp:discover\"\r\nX Y: z\r\nMX: 2\r\n\r\nbody",
    ];
    for datagram in all {
        let search = search(datagram);
        assert_eq!(search.target, SearchTarget::All, "{datagram}");
        assert_eq!(search.st, "ssdp:all");
        assert_eq!(search.mx, Some(2));
        assert_eq!(search.host.as_deref(), Some("239.255.255.250:1900"));
    }
    // tailscale: to us alone, without MX
    let unicast = "M-SEARCH * HTTP/1.1\r\nHOST: 192.168.77.1:1900\r\nST: upnp:rootdevice\r\n\
        MAN: \"ssdp:discover\"\r\nUSER-AGENT: x\r\n\r\n";
    let search = search(unicast);
    assert_eq!(search.target, SearchTarget::RootDevice);
    assert_eq!((search.mx, search.user_agent.as_deref()), (None, Some("x")));
}

#[test]
fn man_without_quotes_on_and_off() {
    let datagram = b"M-SEARCH * HTTP/1.1\r\nMAN: ssdp:discover\r\nST: ssdp:all\r\nMX: 1\r\n\r\n";
    let lenient = Quirks::NONE.with(Quirk::SearchManUnquoted);
    assert!(matches!(parse(datagram, lenient), Ok(Message::Search(_))));
    let strict = Quirks::default().without(Quirk::SearchManUnquoted);
    assert_eq!(parse(datagram, strict), Err(Dropped::Man));
}

#[test]
fn what_is_not_ssdp_is_dropped() {
    let man = "MAN: \"ssdp:discover\"\r\n";
    for (datagram, why) in [
        (String::new(), Dropped::StartLine),
        ("\0\u{1}\u{2}".to_owned(), Dropped::StartLine),
        (
            format!("GET / HTTP/1.1\r\n{man}ST: ssdp:all\r\n\r\n"),
            Dropped::StartLine,
        ),
        (
            format!("M-SEARCH * HTTP/2\r\n{man}ST: ssdp:all\r\n\r\n"),
            Dropped::StartLine,
        ),
        (
            format!("M-SEARCH / HTTP/1.1\r\n{man}ST: ssdp:all\r\n\r\n"),
            Dropped::StartLine,
        ),
        ("HTTP/1.1 404 Not Found\r\n\r\n".to_owned(), Dropped::StartLine),
        (
            format!("M-SEARCH * HTTP/1.1\r\n{man}\r\nST: ssdp:all\r\n"),
            Dropped::Missing("ST"),
        ),
        (
            "M-SEARCH * HTTP/1.1\r\nST: ssdp:all\r\n\r\n".to_owned(),
            Dropped::Missing("MAN"),
        ),
        (
            "M-SEARCH * HTTP/1.1\r\nMAN: \"x\"\r\nST: ssdp:all\r\n\r\n".to_owned(),
            Dropped::Man,
        ),
        (
            "NOTIFY * HTTP/1.1\r\nNTS: upnp:propchange\r\n\r\n".to_owned(),
            Dropped::Nts,
        ),
    ] {
        assert_eq!(parse(datagram.as_bytes(), Quirks::default()), Err(why), "{datagram:?}");
    }
}

#[test]
fn announcements_and_answers_of_others_are_understood() {
    let alive = "NOTIFY * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\nCache_Control: no-cache, Max-Age = 100\r\n\
        LOCATION: http://192.168.77.1:80/d\r\nNT: upnp:rootdevice\r\nNTS: \"ssdp:alive\"\r\nSERVER:\r\n\
        USN: uuid:x::upnp:rootdevice\r\nBOOTID.UPNP.ORG: 9\r\n\r\n";
    let Ok(Message::Notify(notify)) = parse(alive.as_bytes(), Quirks::NONE) else {
        panic!("not understood")
    };
    assert_eq!(notify.kind, Notification::Alive);
    assert_eq!(
        (notify.max_age, notify.server, notify.boot_id),
        (Some(100), None, Some(9))
    );
    assert_eq!(notify.location.as_deref(), Some("http://192.168.77.1:80/d"));

    let response = "HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nUSN: x\r\nLOCATION: http://192.168.77.1/d\r\n\r\n";
    let Ok(Message::Response(response)) = parse(response.as_bytes(), Quirks::NONE) else {
        panic!("not understood")
    };
    assert_eq!(
        (response.st.as_deref(), response.usn.as_deref()),
        (Some("upnp:rootdevice"), Some("x"))
    );
    assert_eq!(response.max_age, None);
}

/// Empty and doubled headers, a strange one, spellings of CACHE-CONTROL, white space after the protocol, malformed and
/// missing USNs, no ST (R4, R7, R8, R9).
#[test]
fn answers_of_the_field_are_understood() {
    let response = |datagram: &str| match parse(datagram.as_bytes(), Quirks::NONE) {
        Ok(Message::Response(response)) => response,
        other => panic!("{datagram:?} is {other:?}"),
    };
    let odd = response(include_str!("field/ssdp/odd-response"));
    assert_eq!(
        odd.st.as_deref(),
        Some("urn:schemas-upnp-org:device:InternetGatewayDevice:1")
    );
    assert_eq!(odd.usn.as_deref(), Some("uuid:0000-beef::"));
    assert_eq!(
        odd.location,
        "http://192.168.77.1:2869/upnphost/udhisapi.dll?content=uuid:dead-beef"
    );
    assert_eq!(
        (odd.max_age, odd.server, odd.boot_id, odd.config_id),
        (Some(100), None, None, None)
    );

    let bare = response("HTTP/1.0 200 OK\nlocation:http://192.168.77.1:39246/dyndev/uuid:0000e041-0000\n");
    assert_eq!((bare.st, bare.usn, bare.max_age), (None, None, None));
    assert_eq!(bare.location, "http://192.168.77.1:39246/dyndev/uuid:0000e041-0000");

    let nowhere = "HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nUSN: x\r\nLOCATION:\r\n\r\n";
    assert_eq!(
        parse(nowhere.as_bytes(), Quirks::NONE),
        Err(Dropped::Missing("LOCATION"))
    );
}

#[test]
fn announcements_of_the_field_are_understood() {
    let notify = |datagram: &str| match parse(datagram.as_bytes(), Quirks::NONE) {
        Ok(Message::Notify(notify)) => notify,
        other => panic!("{datagram:?} is {other:?}"),
    };
    let alive = notify(include_str!("field/ssdp/odd-alive"));
    assert_eq!(
        (alive.kind, alive.max_age, alive.usn),
        (Notification::Alive, Some(1), None)
    );
    assert_eq!(alive.nt, "upnp:rootdevice");
    assert_eq!(
        alive.location.as_deref(),
        Some("http://192.168.77.1:5431/dyndev/uuid:0000")
    );

    let byebye = |usn: &str| notify(&format!("NOTIFY * HTTP/1.1\r\nNTS: ssdp:byebye\r\nUSN: {usn}\r\n\r\n")).nt;
    assert_eq!(byebye("uuid:x::upnp:rootdevice"), "upnp:rootdevice");
    assert_eq!(byebye("uuid:x"), "uuid:x");
    assert_eq!(byebye("uuid:x::\rupnp:rootdevice"), "upnp:rootdevice");
    assert_eq!(byebye("uuid:x::"), "uuid:x::");
    let nameless = b"NOTIFY * HTTP/1.1\r\nNTS: ssdp:byebye\r\n\r\n";
    assert_eq!(parse(nameless, Quirks::NONE), Err(Dropped::Missing("NT")));
}

#[test]
fn our_searches() {
    let st = "urn:schemas-upnp-org:device:InternetGatewayDevice:1";
    let agent = "Linux/6.18.5 UPnP/1.1 portreeve/0.1.0";
    let group = Group::Ipv4;
    golden(
        "ssdp/search.txt",
        &render_search(Asked::Group { group, mx: 2 }, st, agent),
    );
    let gateway = "192.168.77.1:1900".parse().unwrap();
    golden(
        "ssdp/search-unicast.txt",
        &render_search(Asked::Host(gateway), st, agent),
    );
}

/// What we send, a gateway that takes nothing but the standard understands.
#[test]
fn our_searches_are_understood() {
    let understood = |asked, st| {
        let datagram = render_search(asked, st, "x");
        match parse(datagram.as_bytes(), Quirks::NONE) {
            Ok(Message::Search(search)) => search,
            other => panic!("{datagram:?} is {other:?}"),
        }
    };
    for group in [Group::Ipv4, Group::Ipv6LinkLocal, Group::Ipv6SiteLocal] {
        for (mx, sent) in [(0, 1), (1, 1), (5, 5), (120, 5)] {
            let search = understood(Asked::Group { group, mx }, "ssdp:all");
            assert_eq!((search.mx, search.target), (Some(sent), SearchTarget::All));
            assert_eq!(search.host.unwrap().parse(), Ok(group.address()));
        }
    }
    let search = understood(Asked::Host("[fe80::1%7]:1900".parse().unwrap()), "uuid:x\r\ny");
    assert_eq!((search.mx, search.host.as_deref()), (None, Some("[fe80::1]:1900")));
    assert_eq!(search.st, "uuid:xy");
}

#[test]
fn the_set_of_advertisements_is_three_plus_two_per_device_plus_one_per_service() {
    let device = |name: &str, udn: &str| {
        let nt = format!("urn:schemas-upnp-org:device:{name}:2");
        (nt.clone(), format!("{udn}::{nt}"))
    };
    let service = |name: &str, udn: &str| {
        let nt = format!("urn:schemas-upnp-org:service:{name}");
        (nt.clone(), format!("{udn}::{nt}"))
    };
    let udn = |udn: &str| (udn.to_owned(), udn.to_owned());
    let expected = [
        ("upnp:rootdevice".to_owned(), format!("{ROOT}::upnp:rootdevice")),
        udn(ROOT),
        device("InternetGatewayDevice", ROOT),
        udn(WAN),
        device("WANDevice", WAN),
        udn(CONNECTION),
        device("WANConnectionDevice", CONNECTION),
        service("Layer3Forwarding:1", ROOT),
        service("WANCommonInterfaceConfig:1", WAN),
        service("WANIPConnection:2", CONNECTION),
    ];
    let actual = advertisements(&tree(View::Igd2))
        .into_iter()
        .map(|Advertisement { nt, usn }| (nt, usn));
    assert_eq!(actual.collect::<Vec<_>>(), expected);

    let found = find_in(View::Igd2, "ssdp:all", Quirks::NONE);
    let expected: Vec<_> = expected.into_iter().map(|(nt, usn)| (nt, usn, View::Igd2)).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_service_type_that_a_device_has_twice_is_announced_once() {
    let mut root = tree(View::Igd2);
    let twice = root.services[0].clone();
    root.services.push(twice);
    assert_eq!(advertisements(&root), advertisements(&tree(View::Igd2)));
}

#[test]
fn searches_find_versions_up_to_ours_and_echo_what_was_asked() {
    let igd = "urn:schemas-upnp-org:device:InternetGatewayDevice";
    let ip = "urn:schemas-upnp-org:service:WANIPConnection";
    let common = "urn:schemas-upnp-org:service:WANCommonInterfaceConfig";
    for (st, owner, view) in [
        (format!("{igd}:1"), ROOT, View::Igd1),
        (format!("{igd}:2"), ROOT, View::Igd2),
        ("urn:schemas-upnp-org:device:WANDevice:1".to_owned(), WAN, View::Igd1),
        (
            "urn:schemas-upnp-org:device:WANConnectionDevice:2".to_owned(),
            CONNECTION,
            View::Igd2,
        ),
        (format!("{ip}:1"), CONNECTION, View::Igd1),
        (format!("{ip}:2"), CONNECTION, View::Igd2),
        (format!("{common}:1"), WAN, View::Igd2),
        ("upnp:rootdevice".to_owned(), ROOT, View::Igd2),
    ] {
        let usn = format!("{owner}::{st}");
        assert_eq!(find_in(View::Igd2, &st, Quirks::NONE), [(st, usn, view)]);
    }
    for udn in [ROOT, WAN, CONNECTION] {
        let found = (udn.to_owned(), udn.to_owned(), View::Igd2);
        assert_eq!(find_in(View::Igd2, udn, Quirks::NONE), [found]);
    }
    for st in [
        &format!("{igd}:0"),
        &format!("{igd}:3"),
        &format!("{ip}:3"),
        &format!("{common}:2"),
        "urn:schemas-upnp-org:device:WANIPConnection:1",
        "urn:schemas-wifialliance-org:device:WFADevice:1",
        "uuid:6d1d2b3c-5a10-4f0e-9c3b-000000000013",
        "",
    ] {
        assert_eq!(find_in(View::Igd2, st, Quirks::default()), [], "{st}");
    }
}

#[test]
fn a_gateway_that_shows_itself_as_version_1_is_silent_for_version_2() {
    let igd = "urn:schemas-upnp-org:device:InternetGatewayDevice";
    assert_eq!(find_in(View::Igd1, &format!("{igd}:2"), Quirks::NONE), []);
    let found = find_in(View::Igd1, &format!("{igd}:1"), Quirks::NONE);
    assert_eq!(found, [(format!("{igd}:1"), format!("{ROOT}::{igd}:1"), View::Igd1)]);
    let all = find_in(View::Igd1, "ssdp:all", Quirks::NONE);
    assert!(
        all.iter()
            .all(|(st, _, view)| !st.ends_with(":2") && *view == View::Igd1)
    );
}

#[test]
fn searches_for_a_ppp_connection_on_and_off() {
    let ppp = "urn:schemas-upnp-org:service:WANPPPConnection:1";
    assert_eq!(find_in(View::Igd2, ppp, Quirks::default()), []);
    let found = find_in(View::Igd2, ppp, Quirks::NONE.with(Quirk::SearchPppConnection));
    assert_eq!(found, [(ppp.to_owned(), format!("{CONNECTION}::{ppp}"), View::Igd1)]);
}

#[test]
fn our_messages() {
    let server = http::server("Linux", "6.18.5", "0.1.0");
    let announcer = Announcer {
        server: &server,
        boot_id: 42,
        config_id: 7,
    };
    let location = "http://192.168.77.1:5000/igd2.xml";
    let service = advertisements(&tree(View::Igd2)).pop().unwrap();
    golden("ssdp/alive.txt", &announcer.alive(Group::Ipv4, location, &service));
    golden("ssdp/byebye.txt", &announcer.byebye(Group::Ipv6LinkLocal, &service));
    golden(
        "ssdp/update.txt",
        &announcer.update(Group::Ipv6SiteLocal, location, &service, 43),
    );
    let st = "urn:schemas-upnp-org:device:InternetGatewayDevice:1";
    let answer = answers(
        &tree(View::Igd2),
        View::Igd2,
        &SearchTarget::parse(st),
        st,
        Quirks::NONE,
    )
    .remove(0);
    let location = "http://192.168.77.1:5000/igd1.xml";
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    golden("ssdp/response.txt", &announcer.response(location, date, &answer));
}

#[test]
fn our_messages_are_understood() {
    let announcer = Announcer {
        server: "s",
        boot_id: 42,
        config_id: 7,
    };
    for what in advertisements(&tree(View::Igd2)) {
        for (kind, datagram) in [
            (Notification::Alive, announcer.alive(Group::Ipv4, "http://a:1/d", &what)),
            (Notification::Byebye, announcer.byebye(Group::Ipv4, &what)),
            (
                Notification::Update,
                announcer.update(Group::Ipv4, "http://a:1/d", &what, 43),
            ),
        ] {
            assert!(datagram.len() < 512 && datagram.ends_with("\r\n\r\n"));
            let Ok(Message::Notify(notify)) = parse(datagram.as_bytes(), Quirks::NONE) else {
                panic!("not understood: {datagram}")
            };
            assert_eq!(
                (notify.kind, &notify.nt, notify.usn.as_ref()),
                (kind, &what.nt, Some(&what.usn))
            );
            assert_eq!((notify.boot_id, notify.config_id), (Some(42), Some(7)));
            let next = (kind == Notification::Update).then_some(43);
            assert_eq!(notify.next_boot_id, next);
            assert_eq!(notify.max_age, (kind == Notification::Alive).then_some(1800));
        }
    }
}
