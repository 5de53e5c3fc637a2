//! Annex A of UDA 2.0: discovery over IPv6.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::thread;
use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_lab::subject::Settings;
use portreeve_lab::upnp::ssdp::{self, LINK_LOCAL_GROUP, Listener, Message, SITE_LOCAL_GROUP};
use portreeve_lab::upnp::{ControlPoint, http};

use super::discovery_advertisement::{STARTUP, advertised, alive};

const GROUPS: [Ipv6Addr; 2] = [LINK_LOCAL_GROUP, SITE_LOCAL_GROUP];

/// A bed whose subject has not been started, and ears for both groups.
fn quiet() -> Option<(Bed, [Listener; 2])> {
    let bed = Bed::idle(&Settings::default())?;
    let ears = GROUPS.map(|group| Listener::join_ipv6(bed.lan_host(1), group));
    Some((bed, ears))
}

/// What each group hears of one start.
fn heard_at_startup() -> Option<(Bed, [Vec<Message>; 2])> {
    let (bed, ears) = quiet()?;
    bed.start();
    thread::sleep(STARTUP);
    let heard = ears.map(|ears| ears.hear(Duration::from_millis(100)));
    Some((bed, heard))
}

/// The address in a LOCATION.
#[track_caller]
fn literal(message: &Message) -> IpAddr {
    let location = message.header("LOCATION");
    let authority = location.strip_prefix("http://").and_then(|rest| rest.split('/').next());
    let server: Option<SocketAddr> = authority.and_then(|authority| authority.parse().ok());
    server
        .unwrap_or_else(|| panic!("no literal with a port: {location:?}"))
        .ip()
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

#[test]
fn both_groups_hear_the_whole_set_more_than_once_and_at_most_three_times() {
    let Some((bed, heard)) = heard_at_startup() else { return };
    let set = advertised(bed.client(1).root_device());
    for (group, heard) in GROUPS.iter().zip(&heard) {
        let mut copies: BTreeMap<(&str, &str), u32> = BTreeMap::new();
        for message in alive(heard) {
            *copies.entry((message.header("USN"), message.header("NT"))).or_default() += 1;
        }
        let said: BTreeMap<String, String> = copies
            .keys()
            .map(|(usn, nt)| ((*usn).to_owned(), (*nt).to_owned()))
            .collect();
        assert_eq!(said, set, "{group}");
        assert!(
            copies.values().all(|count| (2..=3).contains(count)),
            "{group}: {copies:?}"
        );
    }
}

#[test]
fn the_host_is_the_group_in_brackets() {
    let Some((_bed, heard)) = heard_at_startup() else {
        return;
    };
    for (group, heard) in GROUPS.iter().zip(&heard) {
        assert!(!heard.is_empty(), "{group}");
        for message in heard {
            let host = message.header("HOST").to_ascii_lowercase();
            assert_eq!(host, format!("[{group}]:1900"), "{message:?}");
        }
    }
}

/// Annex A.2.3: the link-local group from and with a link-local address, the site-local one from and with a wider one.
#[test]
fn source_and_location_are_of_the_scope_of_the_group() {
    let Some((_bed, [link, site])) = heard_at_startup() else {
        return;
    };
    assert!(alive(&link).next().is_some() && alive(&site).next().is_some());
    for message in link.iter() {
        assert!(is_link_local(message.from.ip()), "{message:?}");
    }
    for message in alive(&link) {
        assert_eq!(literal(message), message.from.ip(), "{message:?}");
    }
    for message in site.iter() {
        assert_eq!(message.from.ip(), IpAddr::V6("fd77::1".parse().unwrap()), "{message:?}");
    }
    for message in alive(&site) {
        assert_eq!(literal(message), message.from.ip(), "{message:?}");
    }
}

#[test]
fn a_location_has_no_zone() {
    let Some((_bed, heard)) = heard_at_startup() else {
        return;
    };
    for message in heard.iter().flatten() {
        assert!(!message.header("LOCATION").contains('%'), "{message:?}");
    }
}

/// Annex A.2 of UDA 1.1: for control points that know only the draft.
#[test]
fn opt_and_nls_repeat_the_bootid() {
    let Some((_bed, heard)) = heard_at_startup() else {
        return;
    };
    for message in heard.iter().flatten() {
        assert_eq!(
            message.header("OPT"),
            "\"http://schemas.upnp.org/upnp/1/0/\"; ns=01",
            "{message:?}"
        );
        assert!(!message.header("01-NLS").is_empty(), "{message:?}");
        assert_eq!(
            message.header("01-NLS"),
            message.header("BOOTID.UPNP.ORG"),
            "{message:?}"
        );
    }
}

#[test]
fn the_bootid_is_the_same_in_both_families() {
    let Some((bed, [link, site])) = heard_at_startup() else {
        return;
    };
    let ipv4 = ssdp::search(bed.lan_host(1), ssdp::IGD_1);
    let ids: Vec<&str> = [&link, &site, &ipv4]
        .iter()
        .map(|heard| heard.last().expect("it is heard").header("BOOTID.UPNP.ORG"))
        .collect();
    assert!(!ids[0].is_empty() && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[test]
fn stopping_says_byebye_for_everything_to_both_groups() {
    let Some((bed, ears)) = quiet() else { return };
    bed.start();
    let set = advertised(bed.client(1).root_device());
    thread::sleep(STARTUP);
    let before = ears.each_ref().map(|ears| ears.hear(Duration::from_millis(100)).len());
    assert!(before.iter().all(|count| *count > 0), "{before:?}");
    bed.subject().stop();
    for ears in &ears {
        let heard = ears.hear(Duration::from_millis(500));
        let gone: BTreeMap<String, String> = heard
            .iter()
            .filter(|message| message.header("NTS") == "ssdp:byebye")
            .map(|message| (message.header("USN").to_owned(), message.header("NT").to_owned()))
            .collect();
        assert_eq!(gone, set);
    }
}

/// Annex A.3: ten by default.
#[test]
fn messages_to_the_site_have_a_small_hop_limit() {
    let Some((bed, [_, ears])) = quiet() else { return };
    bed.lan_host(1).nft(
        "table ip6 hops { chain input { type filter hook input priority 0; \
         ip6 daddr ff05::c udp dport 1900 ip6 hoplimit > 10 counter comment \"large\"; \
         ip6 daddr ff05::c udp dport 1900 ip6 hoplimit <= 10 counter comment \"small\"; }; }",
    );
    bed.start();
    assert!(!ears.hear(STARTUP).is_empty());
    let table = bed
        .lan_host(1)
        .command("nft", ["list", "table", "ip6", "hops"])
        .success();
    let line = |comment: &str| table.lines().find(|line| line.contains(comment)).unwrap_or_default();
    assert!(line("large").contains("packets 0 "), "{table}");
    assert!(!line("small").contains("packets 0 "), "{table}");
}

#[test]
fn a_search_of_everything_finds_the_whole_set_in_either_group() {
    let Some(bed) = Bed::shared() else { return };
    let set = advertised(bed.client(1).root_device());
    for group in GROUPS {
        let found = ssdp::search_ipv6(bed.lan_host(1), group, "ssdp:all");
        let said: BTreeMap<String, String> = found
            .iter()
            .map(|m| (m.header("USN").to_owned(), m.header("ST").to_owned()))
            .collect();
        assert_eq!(said, set, "{group}");
    }
}

#[test]
fn an_answer_comes_from_the_address_that_its_location_names() {
    let Some(bed) = Bed::shared() else { return };
    for group in GROUPS {
        let found = ssdp::search_ipv6(bed.lan_host(1), group, ssdp::IGD_2);
        assert!(!found.is_empty(), "{group}");
        for answer in found {
            assert_eq!(answer.start_line, "HTTP/1.1 200 OK");
            assert_eq!(answer.from.port(), ssdp::PORT, "{answer:?}");
            assert_eq!(literal(&answer), answer.from.ip(), "{answer:?}");
            assert_eq!(is_link_local(answer.from.ip()), group == LINK_LOCAL_GROUP, "{answer:?}");
        }
    }
}

#[test]
fn a_unicast_search_is_answered_from_where_it_was_sent() {
    let Some(bed) = Bed::shared() else { return };
    let host = bed.lan_host(1);
    let mut link_local = host.link_local("eth0");
    link_local.set_ip(*bed.gateway().link_local(&bed.lan_interface(0)).ip());
    link_local.set_port(ssdp::PORT);
    for to in [SocketAddr::from((bed.gateway().ipv6(), ssdp::PORT)), link_local.into()] {
        let answer = ssdp::ask_once(host, to, ssdp::IGD_2, Duration::from_secs(1));
        let answer = answer.unwrap_or_else(|| panic!("no answer from {to}"));
        assert_eq!((answer.from.ip(), literal(&answer)), (to.ip(), to.ip()));
    }
}

#[test]
fn every_location_of_an_answer_serves_the_description() {
    let Some(bed) = Bed::shared() else { return };
    let udn = bed.client(1).root_device().udn.clone();
    for group in GROUPS {
        for answer in ssdp::search_ipv6(bed.lan_host(1), group, ssdp::IGD_2) {
            let client = ControlPoint::at(bed.lan_host(1), answer.header("LOCATION"));
            assert_eq!(client.root_device().udn, udn, "{answer:?}");
        }
    }
}

#[test]
fn a_search_without_mx_is_dropped_by_either_group() {
    let Some(bed) = Bed::shared() else { return };
    for group in GROUPS {
        let to = SocketAddr::from((group, ssdp::PORT));
        let request = ssdp::request(to, "ssdp:all", None);
        let found = ssdp::send(bed.lan_host(1), to, &request, Duration::from_millis(1500));
        assert!(found.is_empty(), "{found:?}");
    }
}

/// Section 2.1: `Host` may have the literal with or without its zone.
#[test]
fn http_takes_a_bracketed_literal_with_and_without_its_zone() {
    let Some(bed) = Bed::shared() else { return };
    let found = ssdp::search_ipv6(bed.lan_host(1), LINK_LOCAL_GROUP, ssdp::IGD_2);
    let client = ControlPoint::at(bed.lan_host(1), found.first().expect("an answer").header("LOCATION"));
    let (server, address) = (client.server(), client.server().ip());
    let path = client.location().rsplit_once('/').expect("a path").1;
    let port = server.port();
    for host in [
        format!("[{address}]:{port}"),
        format!("[{address}]"),
        format!("[{address}%eth0]:{port}"),
        format!("[{address}%25eth0]:{port}"),
    ] {
        let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = http::exchange(client.host(), server, request).expect("an answer");
        assert_eq!(answer.status, 200, "{host}");
    }
}
