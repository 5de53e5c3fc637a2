//! Whatever happens to a keeper, in whatever order.

use proptest::prelude::*;

use super::epoch::by_pcp;
use super::*;

/// Something that happens to a keeper.
#[derive(Clone, Debug)]
enum Happening {
    Kept(u64, Option<u32>),
    Forgotten(u64),
    Alive(Option<u32>, bool),
    Byebye,
    Update(Option<u32>),
    WokeUp,
    LookedHome(bool),
    EventsCome(bool),
    Told(Told),
    SubscriptionLost,
    EpochLost(Learnt),
    AddressAnnounced,
    /// Carries the next order out, with one of several results.
    Ordered(u8),
    Passed(u64),
}

fn happening() -> impl Strategy<Value = Happening> {
    let id = 1_u64..5;
    let boot_id = prop_oneof![Just(None), (0_u32..3).prop_map(Some)];
    prop_oneof![
        2 => (id.clone(), prop_oneof![Just(None), (1_u32..7200).prop_map(Some)]).prop_map(|(id, lease)| Happening::Kept(id, lease)),
        1 => id.prop_map(Happening::Forgotten),
        1 => (boot_id.clone(), any::<bool>()).prop_map(|(boot_id, here)| Happening::Alive(boot_id, here)),
        1 => Just(Happening::Byebye),
        1 => boot_id.prop_map(Happening::Update),
        1 => Just(Happening::WokeUp),
        1 => any::<bool>().prop_map(Happening::LookedHome),
        1 => any::<bool>().prop_map(Happening::EventsCome),
        3 => told().prop_map(Happening::Told),
        1 => Just(Happening::SubscriptionLost),
        1 => Just(Happening::EpochLost(Learnt::Alone)),
        1 => Just(Happening::EpochLost(Learnt::WithOthers)),
        1 => Just(Happening::AddressAnnounced),
        12 => any::<u8>().prop_map(Happening::Ordered),
        6 => (0_u64..4_000_000).prop_map(Happening::Passed),
    ]
}

fn told() -> impl Strategy<Value = Told> {
    let address = prop_oneof![
        Just(None),
        (0_u8..3).prop_map(|last| Some(Ipv4Addr::new(11, 11, 11, last).into()))
    ];
    let told = (
        any::<Option<bool>>(),
        prop::option::of(address),
        prop::option::of(0_u32..4),
    );
    told.prop_map(|(connected, external_address, system_update_id)| Told {
        connected,
        external_address,
        system_update_id,
    })
}

/// What may come of an order.
fn carried_out(keeping: &mut Keeping, order: Order, result: u8, now: Instant) {
    let error: Error = match result % 5 {
        0 => silence(),
        1 => Refusal {
            action: "X".to_owned(),
            code: 718,
            description: String::new(),
        }
        .into(),
        2 => Refusal {
            action: "X".to_owned(),
            code: 501,
            description: String::new(),
        }
        .into(),
        _ => not_there(NonZeroU16::MAX),
    };
    match (order, result) {
        (Order::Renew { id, .. }, 0..128) => {
            let port = NonZeroU16::new(1 + u16::from(result)).unwrap();
            let lease = Some(u32::from(result)).filter(|lease| *lease > 0);
            keeping.renewed(
                id,
                &Made {
                    carrier: if result % 8 < 3 { Carrier::Pcp } else { Carrier::Igd },
                    external_address: result
                        .is_multiple_of(5)
                        .then_some(Ipv4Addr::new(11, 11, 11, result % 2).into()),
                    lease,
                    sure_for: lease,
                    ..made(port)
                },
                now,
            );
        }
        (Order::Renew { id, .. }, _) => keeping.not_renewed(id, error, now),
        (Order::Check { id, .. }, 0..128) => keeping.checked(id, Checked::There, now),
        (Order::Check { id, .. }, 128..132) => keeping.checked(id, Checked::Impossible, now),
        (Order::Check { id, .. }, 132..136) => keeping.checked(id, Checked::NotSpoken, now),
        (Order::Check { id, .. }, 136..192) => keeping.checked(id, Checked::Gone(error), now),
        (Order::Check { id, .. }, _) => keeping.checked(id, Checked::Unknown(error), now),
        (Order::Survey(_), 0..200) => {
            let survey = Survey {
                connected: Some(result.is_multiple_of(2)),
                uptime: Some(result.into()),
                external_address: Some(Some(Ipv4Addr::new(11, 11, 11, result % 2).into())),
                system_update_id: Some(result.into()),
            };
            keeping.surveyed(Ok(survey), now);
        }
        (Order::Survey(_), _) => keeping.surveyed(Err(error), now),
        (Order::Search, 0..128) => {
            let udn = format!("uuid:{}", result % 2);
            keeping.found(
                Found {
                    udn,
                    ..found(result.into(), Ipv4Addr::new(192, 168, 77, result % 3))
                },
                now,
            );
        }
        (Order::Search, _) => keeping.not_found(error, now),
    }
}

proptest! {
    /// Whatever happens, in whatever order: it does not fail, spin or forget to wake, and orders only what is kept.
    #[test]
    fn nothing_that_happens_upsets_the_keeper(seed: u64, happenings in prop::collection::vec(happening(), 1..200)) {
        let mut now = Instant::now();
        let mut keeping = Keeping::new(found(1, Ipv4Addr::new(192, 168, 77, 2)), None, now, seed);
        for happening in happenings {
            match happening {
                Happening::Kept(id, lease) => {
                    let (wanted, lease) = (wanted(1000 + id as u16), lease.map(|lease| Duration::from_secs(lease.into())));
                    let port = wanted.internal_port;
                    let by = if id % 3 == 0 { by_pcp } else { by_upnp };
                    keeping.keep(MappingId(id), Kept::new(wanted, true, by(port)), lease, now);
                }
                Happening::Forgotten(id) => drop(keeping.forget(MappingId(id))),
                Happening::Alive(boot_id, here) => {
                    keeping.heard_alive(boot_id, Some(if here { "http://192.168.77.1/d" } else { "//" }), now);
                }
                Happening::Byebye => keeping.heard_byebye(now),
                Happening::Update(boot_id) => keeping.heard_update(boot_id, now),
                Happening::WokeUp => keeping.woke_up(now),
                Happening::LookedHome(there) => {
                    if keeping.looks_home(now) {
                        keeping.looked_home(there, now);
                    }
                }
                Happening::EventsCome(come) => keeping.events_come(come, now),
                Happening::Told(told) => keeping.told(told, now),
                Happening::EpochLost(learnt) => keeping.epoch_lost(learnt, now),
                Happening::AddressAnnounced => keeping.address_announced(now),
                Happening::SubscriptionLost => keeping.forgotten(now),
                Happening::Ordered(result) => match keeping.order(now) {
                    Some(order) => {
                        if let Order::Renew { id, .. } | Order::Check { id, .. } = &order {
                            prop_assert!(keeping.get(*id).is_some(), "{:?}", order);
                        }
                        // Removed while it was being done.
                        if result.is_multiple_of(16) {
                            keeping.forget(FIRST);
                        }
                        carried_out(&mut keeping, order, result, now);
                    }
                    None if !keeping.looks_home(now) => {
                        let wake_at = keeping.wake_at();
                        prop_assert!(wake_at.is_none_or(|at| at > now), "it spins");
                        prop_assert_eq!(wake_at.is_none(), keeping.mappings.is_empty());
                        now = wake_at.map_or(now, |at| at.min(now + Duration::from_secs(3600)));
                    }
                    None => {}
                },
                Happening::Passed(milliseconds) => now += Duration::from_millis(milliseconds),
            }
            let known = keeping.changes().all(|(id, _)| (1..5).contains(&id.0));
            prop_assert!(known);
        }
    }
}
