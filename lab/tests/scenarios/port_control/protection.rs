//! A port that one protocol mapped is seen in the others, and protected from them.

use portreeve_lab::bytes::{Protocol, is_closed, is_open};
use portreeve_lab::port_control::nat_pmp;
use portreeve_lab::port_control::pcp::{Map, Request, option, result};
use portreeve_lab::upnp::{PortMapping, refused};
use portreeve_testkit::{Echo, wait_until};

use super::{by_nat_pmp, by_pcp, client, end};
use crate::support::{SOON, bed, control, fresh, port_of, shared};

const TCP: Protocol = Protocol::Tcp;

#[test]
fn a_port_of_pcp_is_refused_to_others_over_upnp_and_nat_pmp() {
    let Some(bed) = shared() else { return };
    let (first, second, upnp) = (client(&bed, 1), client(&bed, 2), bed.client(2));
    let (echo, port) = (TCP.echo(&bed), bed.port());
    assert_eq!(by_pcp(&first, &Map::new(TCP, echo.port()).suggesting(port)), port);
    refused(upnp.add(&PortMapping::new(&upnp, port)), &[718]);
    assert_ne!(
        upnp.add_any(&PortMapping::new(&upnp, port)).expect("another port"),
        port
    );
    assert_ne!(by_nat_pmp(&second, TCP, bed.port(), port), port);
    is_open(&bed, TCP, port);
}

#[test]
fn a_port_of_nat_pmp_is_refused_to_others_over_upnp_and_pcp() {
    let Some(bed) = shared() else { return };
    let (first, second, upnp) = (client(&bed, 1), client(&bed, 2), bed.client(2));
    let (echo, port) = (TCP.echo(&bed), bed.port());
    assert_eq!(by_nat_pmp(&first, TCP, echo.port(), port), port);
    refused(upnp.add(&PortMapping::new(&upnp, port)), &[718]);
    let insisting = Request::map(second.address(), &Map::new(TCP, bed.port()).suggesting(port), 600)
        .option(option::PREFER_FAILURE, b"");
    assert_eq!(second.ask_pcp(&insisting).result(), result::CANNOT_PROVIDE_EXTERNAL);
    is_open(&bed, TCP, port);
}

#[test]
fn a_port_of_upnp_is_refused_to_others_over_pcp_and_nat_pmp() {
    let Some(bed) = shared() else { return };
    let (second, upnp) = (client(&bed, 2), bed.client(1));
    let mapping = fresh(&bed, &upnp);
    let _echo = Echo::tcp(upnp.host(), port_of(&mapping));
    upnp.add(&mapping).expect("a free port");
    let port = port_of(&mapping);
    let wish = Map::new(TCP, bed.port()).suggesting(port);
    let insisting = Request::map(second.address(), &wish, 600).option(option::PREFER_FAILURE, b"");
    assert_eq!(second.ask_pcp(&insisting).result(), result::CANNOT_PROVIDE_EXTERNAL);
    assert_ne!(by_pcp(&second, &wish), port);
    assert_ne!(by_nat_pmp(&second, TCP, bed.port(), port), port);
    is_open(&bed, TCP, port);
}

#[test]
fn the_same_host_does_not_move_a_port_of_pcp_to_another_one_by_upnp() {
    let Some(bed) = shared() else { return };
    let (first, upnp) = (client(&bed, 1), bed.client(1));
    let (echo, port) = (TCP.echo(&bed), bed.port());
    by_pcp(&first, &Map::new(TCP, echo.port()).suggesting(port));
    refused(upnp.add(&PortMapping::new(&upnp, port).to_port(bed.port())), &[718]);
    is_open(&bed, TCP, port);
}

#[test]
fn one_socket_has_one_external_port_whichever_protocol_asks() {
    let Some(bed) = shared() else { return };
    let (first, upnp) = (client(&bed, 1), bed.client(1));
    let mapping = fresh(&bed, &upnp).to_port(bed.port());
    upnp.add(&mapping).expect("a free port");
    let internal = mapping.internal_port.parse().expect("the tests write port numbers");
    assert_eq!(by_pcp(&first, &Map::new(TCP, internal)), port_of(&mapping));
    assert_eq!(by_nat_pmp(&first, TCP, internal, bed.port()), port_of(&mapping));
}

#[test]
fn pcp_and_nat_pmp_do_not_end_what_upnp_made() {
    let Some(bed) = bed(&[]) else { return };
    let (first, upnp) = (client(&bed, 1), bed.client(1));
    let mapping = fresh(&bed, &upnp);
    let (port, _echo) = (port_of(&mapping), Echo::tcp(upnp.host(), port_of(&mapping)));
    upnp.add(&mapping.clone().lease(7200)).expect("a free port");
    let map = Map::new(TCP, port);
    by_pcp(&first, &map);
    end(&first, &map);
    first.ask(&nat_pmp::map(TCP, port, 0, 0));
    first.ask(&nat_pmp::map(TCP, 0, 0, 0));
    is_open(&bed, TCP, port);
    let left = upnp.specific(&mapping).expect("it is there").number("NewLeaseDuration");
    assert!((7100..=7200).contains(&left), "shortened to {left}");
}

#[test]
fn a_host_ends_by_upnp_what_it_has_by_pcp_or_nat_pmp_and_nobody_else_does() {
    let Some(bed) = shared() else { return };
    let (first, own, other) = (client(&bed, 1), bed.client(1), bed.client(2));
    let echoes = [TCP.echo(&bed), TCP.echo(&bed)];
    let ports = [
        by_pcp(&first, &Map::new(TCP, echoes[0].port())),
        by_nat_pmp(&first, TCP, echoes[1].port(), 0),
    ];
    for port in ports {
        let mapping = PortMapping::new(&own, port);
        refused(other.delete(&mapping), &[606, 714]);
        is_open(&bed, TCP, port);
        own.delete(&mapping).expect("its own");
        is_closed(&bed, TCP, port);
    }
}

#[test]
fn people_see_by_which_protocol_a_mapping_was_made() {
    let Some(bed) = bed(&[]) else { return };
    let (first, upnp) = (client(&bed, 1), bed.client(1));
    by_pcp(&first, &Map::new(TCP, 7001).suggesting(9001));
    by_nat_pmp(&first, TCP, 7002, 9002);
    upnp.add(&PortMapping::new(&upnp, 9003)).expect("a free port");
    let listed = control(&bed, &["mappings"]).success();
    for (port, origin) in [("9001", "PCP"), ("9002", "NAT-PMP"), ("9003", "UPnP")] {
        let line = listed.lines().find(|line| line.contains(port));
        let line = line.unwrap_or_else(|| panic!("no {port} in:\n{listed}"));
        assert!(line.to_lowercase().contains(&origin.to_lowercase()), "{line}");
    }
    let log = || bed.subject().log();
    assert!(
        wait_until(SOON, || log().contains("9001") && log().contains("9002")),
        "{}",
        log()
    );
}

#[test]
fn a_client_that_makes_a_nonce_for_each_request_renews_and_the_last_nonce_counts() {
    let Some(bed) = shared() else { return };
    let (first, echo) = (client(&bed, 1), TCP.echo(&bed));
    let old = Map::new(TCP, echo.port());
    let new = old.with_another_nonce();
    let port = by_pcp(&first, &old);
    assert_eq!(by_pcp(&first, &new), port);
    assert_eq!(end(&first, &old).result(), result::NOT_AUTHORIZED);
    is_open(&bed, TCP, port);
    assert_eq!(end(&first, &new).result(), result::SUCCESS);
    is_closed(&bed, TCP, port);
}

#[test]
fn rules_of_the_configuration_hold_for_every_protocol() {
    let Some(bed) = crate::support::bed_with_tables(
        "[[rule]]\naction = \"deny\"\nclient = \"192.168.77.11\"\n[[rule]]\naction = \"allow\"\n",
    ) else {
        return;
    };
    let (denied, allowed) = (client(&bed, 1), client(&bed, 2));
    let map = Map::new(TCP, 7000);
    let answer = denied.ask_pcp(&Request::map(denied.address(), &map, 600));
    assert_eq!(answer.result(), result::NOT_AUTHORIZED);
    let answer = denied.ask(&nat_pmp::map(TCP, 7000, 0, 600));
    assert_eq!(nat_pmp::mapped(TCP, &answer).result, 2);
    by_pcp(&allowed, &map);
    by_nat_pmp(&allowed, TCP, 7001, 0);
}
