//! Restarts and new addresses: what survives, and how clients learn of what did not.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use portreeve_lab::Bed;
use portreeve_lab::bytes::{Protocol, is_closed, is_open};
use portreeve_lab::port_control::Client;
use portreeve_lab::port_control::announcements::{Announcement, Announcements};
use portreeve_lab::port_control::nat_pmp::{self, EXTERNAL_ADDRESS};
use portreeve_lab::port_control::pcp::{Map, Request, result};
use portreeve_lab::tool::Tool;
use portreeve_testkit::{Echo, reach_tcp, wait_until};

use super::{by_nat_pmp, by_pcp, client, end, epoch};
use crate::support::{SOON, bed, soon};

const TCP: Protocol = Protocol::Tcp;
/// The promise: from the start of the gateway's daemon until a client has its mapping back.
const BACK: Duration = Duration::from_secs(5);
/// How long a small router takes for its start, at least.
const AWAY: Duration = Duration::from_millis(1500);

/// Announcements heard of each kind: NAT-PMP; PCP from the gateway's IPv4 address, from the one of IPv6 and from the
/// link-local one, since clients know it by any of these.
fn kinds<'a>(bed: &Bed, heard: &'a [Announcement]) -> [Vec<&'a Announcement>; 4] {
    let gateway = bed.gateway();
    let link_local = *gateway.link_local("br0").ip();
    let from = |own: IpAddr| heard.iter().filter(move |one| one.from == own);
    let pcp = |own| from(own).filter(|one| one.is_pcp()).collect();
    [
        from(gateway.ipv4().into()).filter(|one| one.is_nat_pmp()).collect(),
        pcp(gateway.ipv4().into()),
        pcp(gateway.ipv6().into()),
        pcp(link_local.into()),
    ]
}

/// Hears at least so many of each kind.
#[track_caller]
fn hears(bed: &Bed, announcements: &Announcements, copies: usize) -> Vec<Announcement> {
    let heard = announcements.hear_until(SOON, |heard| kinds(bed, heard).iter().all(|kind| kind.len() >= copies));
    for kind in kinds(bed, &heard) {
        assert!(kind.len() >= copies, "{heard:02x?}\n{}", bed.subject().log());
    }
    heard
}

#[test]
fn a_killed_daemon_keeps_mappings_nonces_and_the_epoch() {
    let Some(bed) = bed(&["ipv6.firewall=own"]) else { return };
    let (first, ipv6) = (client(&bed, 1), Client::on(bed.lan_host(1), bed.gateway().ipv6()));
    let echoes = [TCP.echo(&bed), TCP.echo(&bed)];
    let (map, pinhole) = (Map::new(TCP, echoes[0].port()), Map::new(TCP, echoes[1].port()).ipv6());
    let ports = [by_pcp(&first, &map), by_nat_pmp(&first, TCP, echoes[1].port(), 0)];
    by_pcp(&ipv6, &pinhole);
    let through = || {
        reach_tcp(
            bed.internet_host(1),
            SocketAddr::from((bed.lan_host(1).ipv6(), echoes[1].port())),
        )
    };
    through().expect("the pinhole is open");
    let (before, asked) = (epoch(&first), Instant::now());
    bed.subject().kill();
    std::thread::sleep(Duration::from_millis(1100));
    bed.start();

    soon(&bed, "the port is served again", || first.is_served(SOON));
    let (after, passed) = (epoch(&first), asked.elapsed().as_secs_f64());
    let counted = f64::from(after) - f64::from(before);
    assert!(
        (counted - passed).abs() <= 2.0,
        "{before}, and {after} after {passed} s"
    );
    for port in ports {
        is_open(&bed, TCP, port);
    }
    through().expect("the pinhole is still open");
    assert_eq!(by_pcp(&first, &map), ports[0]);
    assert_eq!(by_nat_pmp(&first, TCP, echoes[1].port(), 0), ports[1]);
    assert_eq!(
        end(&ipv6, &pinhole.with_another_nonce()).result(),
        result::NOT_AUTHORIZED
    );
    assert_eq!(end(&ipv6, &pinhole).result(), result::SUCCESS);
    through().expect_err("the pinhole is closed");
    assert_eq!(end(&first, &map.with_another_nonce()).result(), result::NOT_AUTHORIZED);
    assert_eq!(end(&first, &map).result(), result::SUCCESS);
    is_closed(&bed, TCP, ports[0]);
}

#[test]
fn a_power_cut_is_announced_in_every_protocol_and_the_epoch_begins_anew() {
    let Some(bed) = bed(&[]) else { return };
    let first = client(&bed, 1);
    std::thread::sleep(Duration::from_millis(2100));
    assert!(epoch(&first) >= 2);
    let announcements = Announcements::on(bed.lan_host(2));
    bed.subject().cut_power(&bed);
    bed.start();
    let heard = hears(&bed, &announcements, 3);
    let kinds = kinds(&bed, &heard);
    let all: usize = kinds.iter().map(Vec::len).sum();
    assert_eq!(all, heard.len(), "there are others: {heard:02x?}");
    for kind in &kinds {
        for one in kind {
            if one.is_nat_pmp() {
                assert_eq!(
                    (&one.bytes[..4], &one.bytes[8..]),
                    (&[0, 128, 0, 0][..], &[11, 11, 11, 2][..])
                );
            } else {
                assert_eq!(
                    (&one.bytes[..8], &one.bytes[12..]),
                    (&[2, 128, 0, 0, 0, 0, 0, 0][..], &[0; 12][..])
                );
            }
        }
        // Copies follow each other with growing gaps, and what they tell goes on.
        assert!(kind[2].at - kind[1].at >= Duration::from_millis(200), "{kind:?}");
        assert!(kind.iter().map(|one| one.epoch()).is_sorted(), "{kind:?}");
        assert!(kind[0].epoch() <= 1, "{kind:?}");
    }
    let told = heard.last().expect("there are several").epoch();
    assert!((told..=told + 2).contains(&epoch(&first)));
}

#[test]
fn a_new_external_address_is_announced_and_begins_an_epoch() {
    let Some(bed) = bed(&[]) else { return };
    let first = client(&bed, 1);
    std::thread::sleep(Duration::from_millis(3100));
    let before = epoch(&first);
    assert!(before >= 3);
    let announcements = Announcements::on(bed.lan_host(2));
    bed.set_wan_address(Some([11, 11, 11, 77].into()));
    let tells_new = |one: &&Announcement| one.is_nat_pmp() && one.bytes[8..] == [11, 11, 11, 77];
    let heard = announcements.hear_until(SOON, |heard| {
        heard.iter().any(|one| tells_new(&one)) && kinds(&bed, heard).iter().all(|kind| !kind.is_empty())
    });
    let new = heard.iter().find(tells_new);
    let new = new.unwrap_or_else(|| panic!("{heard:02x?}\n{}", bed.subject().log()));
    assert!(new.epoch() < before, "{heard:02x?}");
    assert!(kinds(&bed, &heard).iter().all(|kind| !kind.is_empty()), "{heard:02x?}");
    assert!(epoch(&first) < before);
    // A mapping made before is told with the new address now.
    let answer = first.ask_pcp(&Request::map(first.address(), &Map::new(TCP, bed.port()), 600));
    assert_eq!(answer.granted().external_address, IpAddr::from([11, 11, 11, 77]));
}

#[test]
fn an_address_that_goes_and_returns_begins_no_epoch() {
    let Some(bed) = bed(&[]) else { return };
    let first = client(&bed, 1);
    std::thread::sleep(Duration::from_millis(2100));
    let before = epoch(&first);
    bed.set_wan_address(None);
    let result = || first.ask(&EXTERNAL_ADDRESS)[3];
    soon(&bed, "the loss is noticed", || result() == 3);
    bed.set_wan_address(Some(bed.wan_ipv4()));
    soon(&bed, "the return is noticed", || result() == 0);
    assert!(nat_pmp::epoch(&first.ask(&EXTERNAL_ADDRESS)) >= before);
}

/// A client that nobody renews for by hand: our own tool, told to use this protocol.
#[track_caller]
fn recovers(protocol: &str) {
    let Some(bed) = bed(&[]) else { return };
    let host = bed.lan_host(1);
    let _echoes = (Echo::tcp(host, 8080), Echo::udp(host, 8080));
    let tool = Tool::on(host);
    let mut running = tool.start(&format!(
        "map 8080 --external 18080 --protocol both --protocol-order {protocol}"
    ));
    for _ in 0..2 {
        running.sees("mapped", SOON);
    }
    is_open(&bed, TCP, 18080);
    bed.subject().cut_power(&bed);
    is_closed(&bed, TCP, 18080);
    std::thread::sleep(AWAY);
    let started = Instant::now();
    bed.start();
    let works = |protocol: Protocol| protocol.reach(&bed, 18080).is_ok_and(|reply| reply.server == "lan1");
    let back = wait_until(BACK, || works(TCP) && works(Protocol::Udp));
    let took = started.elapsed();
    println!("measured: mappings over {protocol} were back {took:.1?} after the daemon was started");
    assert!(
        back && took < BACK,
        "not after {took:?}: {:?}\n{}",
        running.events(),
        bed.subject().log()
    );
    let result = running.interrupt();
    assert_eq!(result["ending"], "removed", "{result}");
    is_closed(&bed, TCP, 18080);
}

#[test]
fn a_client_of_pcp_has_its_mappings_back_within_five_seconds() {
    recovers("pcp");
}

#[test]
fn a_client_of_nat_pmp_has_its_mappings_back_within_five_seconds() {
    recovers("nat-pmp");
}
