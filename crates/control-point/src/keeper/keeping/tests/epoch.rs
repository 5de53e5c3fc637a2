//! Mappings by PCP and NAT-PMP, whose gateway shows no entries but an epoch.

use super::*;

pub(super) fn by_pcp(external_port: NonZeroU16) -> Entry {
    Entry {
        carrier: Carrier::Pcp,
        external_port,
    }
}

/// A keeper of so many mappings by PCP.
fn keeping(mappings: u64, now: Instant) -> Keeping {
    let mut keeping = Keeping::new(found(1, Ipv4Addr::new(192, 168, 77, 2)), None, now, 1);
    for id in 1..=mappings {
        let wanted = wanted(1000 + id as u16);
        let entry = by_pcp(wanted.internal_port);
        let lease = Duration::from_secs(LEASE.into());
        keeping.keep(MappingId(id), Kept::new(wanted, true, entry), Some(lease), now);
    }
    keeping
}

/// Carries out what is due until nothing is: the mappings that were asked for.
fn renew(keeping: &mut Keeping, now: Instant, carrier: Carrier) -> Vec<MappingId> {
    let mut renewed = Vec::new();
    while let Some(order) = keeping.order(now) {
        match order {
            Order::Renew { id, asked, .. } => {
                assert_eq!(asked.by, keeping.get(id).map(|kept| kept.entry.carrier));
                let made = Made {
                    carrier,
                    external_address: Some(Ipv4Addr::new(11, 11, 11, 7).into()),
                    ..made(keeping.get(id).unwrap().entry.external_port)
                };
                keeping.renewed(id, &made, now);
                renewed.push(id);
            }
            Order::Check { id, .. } => keeping.checked(id, Checked::There, now),
            Order::Survey(_) => keeping.surveyed(Ok(Survey::default()), now),
            Order::Search => panic!("nobody is away"),
        }
    }
    renewed
}

fn changes(keeping: &mut Keeping) -> Vec<Change> {
    keeping.changes().map(|(_, change)| change).collect()
}

#[test]
fn an_epoch_that_an_answer_shows_to_be_lost_brings_everything_back_at_once() {
    let now = Instant::now();
    let mut keeping = keeping(3, now);
    keeping.epoch_lost(Learnt::Alone, now);
    assert!(matches!(
        changes(&mut keeping)[..],
        [Change::Lost { .. }, Change::Lost { .. }, Change::Lost { .. }]
    ));
    assert_eq!(renew(&mut keeping, now, Carrier::Pcp).len(), 3);
    let changes = changes(&mut keeping);
    let restored = changes.iter().filter(|change| **change == Change::Restored);
    assert_eq!(restored.count(), 3);
}

#[test]
fn clients_that_hear_of_it_together_do_not_ask_together_and_still_within_two_seconds() {
    let start = Instant::now();
    let mut waits = Vec::new();
    for seed in 0..200 {
        let mut keeping = keeping(2, start);
        keeping.random = Random(seed);
        keeping.epoch_lost(Learnt::WithOthers, start);
        let (due, _) = keeping.due.first().unwrap();
        waits.push(due - start);
        assert_eq!(renew(&mut keeping, due, Carrier::Pcp).len(), 2, "one wait for all");
    }
    assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(2)));
    assert!(waits.iter().any(|wait| *wait < Duration::from_millis(400)));
    assert!(waits.iter().any(|wait| *wait > Duration::from_millis(1600)));
}

#[test]
fn while_no_announcement_was_heard_the_epoch_is_looked_at_every_four_seconds_and_then_seldom() {
    let mut now = Instant::now();
    let mut keeping = keeping(1, now);
    let mut looks = |keeping: &mut Keeping, time: Duration| {
        let (end, mut looks) = (now + time, 0);
        while now < end {
            match keeping.order(now) {
                Some(Order::Check { id, entry, .. }) => {
                    assert_eq!(entry.carrier, Carrier::Pcp);
                    keeping.checked(id, Checked::There, now);
                    looks += 1;
                }
                Some(Order::Survey(carrier)) => {
                    assert_eq!(carrier, Carrier::Pcp);
                    keeping.surveyed(Ok(Survey::default()), now);
                }
                Some(other) => panic!("{other:?}"),
                None => now = keeping.wake_at().unwrap().min(end),
            }
            keeping.looks_home(now);
        }
        looks
    };
    assert!((24..=25).contains(&looks(&mut keeping, Duration::from_secs(100))));
    keeping.heard_alive(Some(1), None, Instant::now());
    assert!(
        looks(&mut keeping, Duration::from_secs(100)) >= 24,
        "that is UPnP's word"
    );
    keeping.hears_epochs = true;
    assert!(looks(&mut keeping, Duration::from_secs(1000)) <= 10);
}

#[test]
fn a_mapping_by_another_protocol_is_looked_at_as_that_one_allows() {
    let now = Instant::now();
    let mut keeping = keeping(1, now);
    keeping.epoch_lost(Learnt::Alone, now);
    renew(&mut keeping, now, Carrier::Igd);
    assert_eq!(keeping.get(FIRST).unwrap().entry.carrier, Carrier::Igd);
    changes(&mut keeping);
    keeping.epoch_lost(Learnt::Alone, now);
    assert!(
        matches!(keeping.order(now), Some(Order::Check { .. })),
        "it may be there still"
    );
    assert_eq!(changes(&mut keeping), []);
}

#[test]
fn the_address_that_comes_with_a_mapping_is_told() {
    let now = Instant::now();
    let mut keeping = keeping(2, now);
    keeping.epoch_lost(Learnt::Alone, now);
    renew(&mut keeping, now, Carrier::Pcp);
    let moved = Change::ExternalAddress {
        from: None,
        to: Some(Ipv4Addr::new(11, 11, 11, 7).into()),
    };
    let changes = changes(&mut keeping);
    assert_eq!(
        changes.iter().filter(|change| **change == moved).count(),
        2,
        "once for each mapping"
    );
}

#[test]
fn a_gateway_that_was_found_again_is_asked_for_everything_that_it_cannot_show() {
    let now = Instant::now();
    let mut keeping = keeping(2, now);
    keeping.heard_byebye(now);
    assert_eq!(keeping.order(now), Some(Order::Search));
    keeping.found(found(1, Ipv4Addr::new(192, 168, 77, 2)), now);
    assert_eq!(renew(&mut keeping, now, Carrier::Pcp).len(), 2);
}

#[test]
fn a_gateway_without_a_name_is_known_by_its_address() {
    let now = Instant::now();
    let mut keeping = keeping(1, now);
    let nameless = |host: u8| Found {
        udn: String::new(),
        host: Ipv4Addr::new(192, 168, 77, host).into(),
        ..found(1, Ipv4Addr::new(192, 168, 77, 2))
    };
    keeping.found(nameless(1), now);
    assert_eq!(keeping.get(FIRST).unwrap().next, Next::Renew);
    keeping.found(found(1, Ipv4Addr::new(192, 168, 77, 2)), now);
    assert_eq!(keeping.get(FIRST).unwrap().next, Next::Renew, "it speaks UPnP again");
    keeping.found(nameless(9), now);
    assert_eq!(keeping.get(FIRST).unwrap().next, Next::MakeAnew, "another one");
}

#[test]
fn what_leads_to_an_address_that_we_had_is_not_removed_by_pcp() {
    let now = Instant::now();
    let mut keeping = keeping(1, now);
    keeping.found(found(1, Ipv4Addr::new(192, 168, 77, 3)), now);
    let order = keeping.order(now);
    assert!(matches!(order, Some(Order::Renew { replace: None, .. })), "{order:?}");
}
