//! What backend, store and kernel do and know.

use super::*;

#[test]
fn a_refusal_of_the_backend_is_701_or_501_and_leaves_nothing() {
    for (why, code) in [(Refusal::NoRoom, 701), (Refusal::Failed("busy".into()), 501)] {
        let mut gateway = Gateway::new(config_6());
        let id = gateway.open(ALICE_6, &[]).unwrap();
        let refusal = why.clone();
        gateway.refuse = Box::new(move |_| Some(refusal.clone()));
        assert_eq!(gateway.open(ALICE_6, &[("InternalPort", "8081")]), Err(code));
        assert_eq!(gateway.open(ALICE_6, &[("LeaseTime", "7200")]), Err(code));
        assert_eq!(gateway.update(ALICE_6, id, "60").map(drop), Err(501));
        assert_eq!(gateway.of_id(ALICE_6, "DeletePinhole", id).map(drop), Err(501));
        assert_eq!(gateway.left(id), Some(3600));
        gateway.refuse = Box::new(|_| None);
        assert_eq!(gateway.open(ALICE_6, &[("InternalPort", "8081")]), Ok(UniqueId(2)));
    }
}

#[test]
fn a_refused_pinhole_does_not_spoil_the_others_of_its_group() {
    let mut gateway = Gateway::new(config_6());
    gateway.refuse = Box::new(|change| match change {
        Change::Pinhole { after: Some(after), .. } if after.key.internal_port.get() == 8081 => Some(Refusal::NoRoom),
        _ => None,
    });
    let requests = ["8080", "8081", "8082"].map(|port| {
        let arguments = five(ALICE_6, &[("InternalPort", port)]);
        let call = portreeve_wire::Call::parse(
            &WAN_IPV6_FIREWALL_CONTROL,
            1,
            "AddPinhole",
            &arguments,
            Default::default(),
        );
        Request::Call {
            caller: ALICE_6.parse().unwrap(),
            call: call.unwrap(),
        }
    });
    let replies = gateway.ask_together(requests.into());
    let ids: Vec<Option<String>> = replies
        .iter()
        .map(|reply| match reply {
            Reply::Call(Ok(answer)) => Some(answer[0].to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(ids, [Some("1".to_owned()), None, Some("2".to_owned())]);
    assert!(gateway.pinholes.values().eq(gateway.engine.desired().pinholes.iter()));
}

#[test]
fn a_store_that_fails_takes_everything_back() {
    let mut gateway = Gateway::new(config_6());
    let id = gateway.open(ALICE_6, &[]).unwrap();
    gateway.store_works = false;
    assert_eq!(gateway.open(BOB_6, &[]), Err(501));
    assert_eq!(gateway.update(ALICE_6, id, "60").map(drop), Err(501));
    assert_eq!(gateway.of_id(ALICE_6, "DeletePinhole", id).map(drop), Err(501));
    assert_eq!((gateway.left(id), gateway.pinholes.len()), (Some(3600), 1));
    // A lease ends as soon as the store takes it.
    gateway.pass(Duration::from_secs(3600));
    assert_eq!(gateway.pinholes.len(), 1);
    gateway.store_works = true;
    gateway.pass(Duration::from_secs(1));
    assert!(gateway.pinholes.is_empty());
    assert_eq!(gateway.open(BOB_6, &[]), Ok(UniqueId(2)));
}

#[test]
fn what_the_backend_lost_is_gone() {
    let mut gateway = Gateway::new(config_6());
    gateway.open(ALICE_6, &[]).unwrap();
    gateway.open(BOB_6, &[]).unwrap();
    let lost = gateway.engine.desired().pinholes[0].key;
    // A backend that lost it has none to close.
    gateway.engine.handle_lost(vec![EntryKey::Pinhole(lost)], gateway.now);
    gateway.carry_out();
    assert_eq!(gateway.engine.desired().pinholes.len(), 1);
    assert!(matches!(
        gateway.events.last(),
        Some(Event::Unpinholed { cause: Cause::Lost, .. })
    ));
}

#[test]
fn packets_are_as_the_backend_counts_them() {
    let mut gateway = Gateway::new(config_6());
    let id = gateway.open(ALICE_6, &[]).unwrap();
    assert_eq!(
        gateway.of_id(ALICE_6, "GetPinholePackets", id),
        Err(501),
        "nobody has counted"
    );
    assert_eq!(gateway.of_id(ALICE_6, "CheckPinholeWorking", id), Err(501));
    for (count, packets) in [(0, 0), (3, 3), ((1 << 32) + 5, 5)] {
        gateway.engine.handle_pinhole_packets(id, Some(count));
        let answer = gateway.of_id(ALICE_6, "GetPinholePackets", id).unwrap();
        assert_eq!(answer["PinholePackets"], Value::Ui4(packets));
    }
    let answer = gateway.of_id(ALICE_6, "CheckPinholeWorking", id).unwrap();
    assert_eq!(answer["IsWorking"], Value::Boolean(true));
    gateway.engine.handle_pinhole_packets(id, None);
    assert_eq!(gateway.of_id(ALICE_6, "GetPinholePackets", id), Err(501));
}

#[test]
fn the_timeout_of_outbound_connections_is_what_the_firewall_says() {
    let mut gateway = Gateway::new(config_6());
    let ask = |gateway: &mut Gateway, protocol| {
        let mut arguments = five(ALICE_6, &[("Protocol", protocol)]);
        arguments.pop();
        gateway
            .call_6(ALICE_6, "GetOutboundPinholeTimeout", &arguments)
            .map(|answer| answer["OutboundPinholeTimeout"].to_string())
    };
    assert_eq!(ask(&mut gateway, "17"), Err(602), "nobody knows");
    gateway.engine.handle_outbound_timeout(Transport::Udp, Some(30));
    assert_eq!(ask(&mut gateway, "17"), Ok("30".to_owned()));
    assert_eq!(ask(&mut gateway, "1"), Err(705));
    assert_eq!(ask(&mut gateway, "65535"), Err(705));
    gateway.reconfigure(config());
    assert_eq!(ask(&mut gateway, "17"), Err(501), "nothing is ever forgotten");
    gateway.reconfigure(config_6());
    gateway.engine.handle_outbound_timeout(Transport::Udp, None);
    assert_eq!(ask(&mut gateway, "17"), Err(602));
}
