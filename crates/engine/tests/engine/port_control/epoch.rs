//! Epoch Time (RFC 6887 section 8.5, RFC 6886 section 3.6).

use portreeve_engine::{Epoch, Kept};

use super::*;

fn with_address(address: &str) -> LinkReport {
    LinkReport {
        addresses: vec![address.parse().unwrap()],
        ..connected()
    }
}

fn seconds(gateway: &Gateway) -> u32 {
    gateway.engine.epoch().seconds(gateway.now)
}

#[test]
fn both_protocols_tell_the_same_epoch() {
    let kept = Kept {
        epoch: Epoch::of(5000, portreeve_engine::Time::from_millis(1_000_000)),
        external_address: Some(EXTERNAL.parse().unwrap()),
        ..Kept::default()
    };
    let mut gateway = Gateway::restarted(config(), kept);
    gateway.pass(Duration::from_millis(7900));
    assert_eq!(seconds(&gateway), 5007);
    let answer = gateway.nat_pmp_answer(ALICE, nat_pmp_wire::Request::ExternalAddress);
    assert_eq!(answer.epoch, 5007);
    let request = pcp_wire::Request {
        lifetime: 0,
        client: ALICE.parse().unwrap(),
        operation: Operation::Announce,
    };
    let caller = ALICE.parse().unwrap();
    match gateway.ask(Request::Pcp { caller, request }) {
        Reply::Pcp(answer) => assert_eq!(answer.epoch, 5007),
        other => panic!("{other:?}"),
    }
}

#[test]
fn another_external_address_begins_an_epoch_and_none_does_not() {
    let mut gateway = Gateway::new(config());
    let told = |gateway: &Gateway| gateway.engine.told_address().map(|address| address.to_string());
    assert_eq!(told(&gateway).as_deref(), Some(EXTERNAL));
    let before = seconds(&gateway);
    for report in [
        down(),
        with_address(EXTERNAL),
        LinkReport::default(),
        with_address(EXTERNAL),
    ] {
        gateway.pass(Duration::from_secs(10));
        gateway.engine.handle_link(report, gateway.now);
        gateway.carry_out();
        assert_eq!(told(&gateway).as_deref(), Some(EXTERNAL));
    }
    assert_eq!(seconds(&gateway), before + 40);
    gateway.map(ALICE, 3600, tcp(8080)).unwrap();
    gateway.engine.handle_link(down(), gateway.now);
    gateway.engine.handle_link(with_address("11.11.11.3"), gateway.now);
    gateway.carry_out();
    assert_eq!((seconds(&gateway), told(&gateway).as_deref()), (0, Some("11.11.11.3")));
    gateway.pass(Duration::from_secs(5));
    assert_eq!(seconds(&gateway), 5);
    assert_eq!(gateway.rows().len(), 1, "the table is kept");
}

#[test]
fn an_address_that_changed_while_the_gateway_was_off_begins_an_epoch() {
    let kept = |address: &str| Kept {
        epoch: Epoch::of(5000, portreeve_engine::Time::from_millis(1_000_000)),
        external_address: Some(address.parse().unwrap()),
        ..Kept::default()
    };
    assert_eq!(seconds(&Gateway::restarted(config(), kept(EXTERNAL))), 5000);
    assert_eq!(seconds(&Gateway::restarted(config(), kept("11.11.11.9"))), 0);
    let unknown = Kept {
        external_address: None,
        ..kept(EXTERNAL)
    };
    assert_eq!(
        seconds(&Gateway::restarted(config(), unknown)),
        5000,
        "nobody was told another"
    );
}

#[test]
fn an_address_that_the_administrator_reports_counts() {
    let mut gateway = Gateway::new(config());
    gateway.pass(Duration::from_secs(100));
    let reported = LinkReport {
        reported_address: Some("11.11.11.200".parse().unwrap()),
        ..connected()
    };
    gateway.engine.handle_link(reported, gateway.now);
    gateway.carry_out();
    assert_eq!(seconds(&gateway), 0);
}
