//! Mappings as elements: changes, leases, and reconciliation.

use std::thread::sleep;
use std::time::Instant;

use super::*;
use crate::Refusal;

#[test]
fn changes_are_carried_out_and_taken_back() {
    for features in every_kernel() {
        alone("changes_are_carried_out_and_taken_back", move || {
            let mut backend = open_as(features);
            let target = |address, port| Some((format!("{address}:{port}"), Some(3600)));
            let first = mapping(80);
            let remote = only_for(Ipv4Addr::new(11, 11, 11, 7), mapping(80));
            backend.apply(&[add(&first), add(&remote)], NOW).unwrap();
            assert_eq!(in_force(&mut backend, &first), target(CLIENT, 8080));
            assert_eq!(in_force(&mut backend, &remote), target(CLIENT, 8080));

            let moved = Mapping {
                internal_client: OTHER_CLIENT,
                internal_port: port(9),
                ..first.clone()
            };
            let change = replace(&first, &moved);
            backend.apply(&[change.clone(), remove(&remote)], NOW).unwrap();
            assert_eq!(in_force(&mut backend, &first), target(OTHER_CLIENT, 9));
            assert_eq!(in_force(&mut backend, &remote), None);
            backend.apply(&[change.inverse()], NOW).unwrap();
            assert_eq!(in_force(&mut backend, &first), target(CLIENT, 8080));

            let disabled = Mapping {
                enabled: false,
                ..first.clone()
            };
            backend.apply(&[replace(&first, &disabled)], NOW).unwrap();
            assert_eq!(in_force(&mut backend, &first), None);
            backend.apply(&[replace(&disabled, &first)], NOW).unwrap();
            assert_eq!(in_force(&mut backend, &first), target(CLIENT, 8080));

            // Removing twice is no error: the lease may have ended first.
            backend.apply(&[remove(&first)], NOW).unwrap();
            backend.apply(&[remove(&first), add(&remote)], NOW).unwrap();
            assert_eq!(in_force(&mut backend, &remote), target(CLIENT, 8080));
            assert_eq!(count(&mut backend), 1);
        });
    }
}

#[test]
fn a_lease_is_refreshed_shortened_and_made_permanent() {
    for features in every_kernel() {
        alone("a_lease_is_refreshed_shortened_and_made_permanent", move || {
            let mut backend = open_as(features);
            let lease = |expiry| Mapping { expiry, ..mapping(80) };
            let steps = [seconds(60), seconds(600), seconds(30), Expiry::Never, seconds(40)];
            backend.apply(&[add(&lease(steps[0]))], NOW).unwrap();
            for pair in steps.windows(2) {
                backend
                    .apply(&[replace(&lease(pair[0]), &lease(pair[1]))], NOW)
                    .unwrap();
                let (_, left) = in_force(&mut backend, &mapping(80)).unwrap();
                assert_eq!(left, pair[1].remaining_seconds(NOW).map(u64::from));
            }
        });
    }
}

#[test]
fn an_outbound_port_follows_its_mapping() {
    alone("an_outbound_port_follows_its_mapping", || {
        let mut backend = open(settings(Ownership::Shared));
        let change = |before, after| Change::Outbound { before, after };
        let (first, second) = (outbound(40000, 3074), outbound(40001, 3074));
        backend.apply(&[change(None, Some(first))], NOW).unwrap();
        assert!(nft("list map inet portreeve outbound").contains("udp . 192.168.77.11 . 3074 timeout 1h expires"));
        assert!(nft("list map inet portreeve outbound").contains(": 40000"));
        backend.apply(&[change(Some(first), Some(second))], NOW).unwrap();
        assert!(nft("list map inet portreeve outbound").contains(": 40001"));

        let tcp = outbound_tcp(40002, 3074);
        backend.apply(&[change(None, Some(tcp))], NOW).unwrap();
        let both = nft("list map inet portreeve outbound");
        assert!(
            both.contains("tcp . 192.168.77.11 . 3074") && both.contains("udp . 192.168.77.11 . 3074"),
            "{both}"
        );
        backend.apply(&[change(Some(second), None)], NOW).unwrap();
        assert_eq!(count(&mut backend), 1);
        backend.apply(&[change(Some(tcp), None)], NOW).unwrap();
        assert_eq!(count(&mut backend), 0);
    });
}

/// As when a hundred mappings of one socket are deleted at once.
#[test]
fn an_element_may_change_any_number_of_times_at_once() {
    for features in every_kernel() {
        alone("an_element_may_change_any_number_of_times_at_once", move || {
            let settings = settings(Ownership::Shared);
            let mut backend = Nftables::with_features(settings, Connection::open().unwrap(), features, |_| {}).unwrap();
            let through: Vec<_> = (40000..42000).map(|port| Some(outbound(port, 3074))).collect();
            let mut changes: Vec<_> = through
                .windows(2)
                .map(|pair| Change::Outbound {
                    before: pair[0],
                    after: pair[1],
                })
                .collect();
            backend
                .apply(
                    &[Change::Outbound {
                        before: None,
                        after: through[0],
                    }],
                    NOW,
                )
                .unwrap();
            backend.apply(&changes, NOW).unwrap();
            assert!(nft("list map inet portreeve outbound").contains(": 41999"));
            assert_eq!(count(&mut backend), 1);

            changes.reverse();
            let back: Vec<_> = changes.iter().map(Change::inverse).collect();
            backend.apply(&back, NOW).unwrap();
            assert!(nft("list map inet portreeve outbound").contains(": 40000"));
        });
    }
}

#[test]
fn what_is_refused_leaves_nothing_behind() {
    for features in every_kernel() {
        alone("what_is_refused_leaves_nothing_behind", move || {
            // Room for 1,024: the third transaction does not fit.
            let settings = Settings {
                capacity: 0,
                ..settings(Ownership::Shared)
            };
            let mut backend = Nftables::with_features(settings, Connection::open().unwrap(), features, |_| {}).unwrap();
            let kept = udp(mapping(80));
            backend.apply(&[add(&kept)], NOW).unwrap();
            let moved = Mapping {
                internal_port: port(9),
                ..kept.clone()
            };
            let mut changes = vec![replace(&kept, &moved)];
            changes.extend((1..=1100).map(|port| add(&mapping(port))));
            let refused = backend.apply(&changes, NOW).unwrap_err();
            assert_eq!((refused.change, refused.why), (1024, Refusal::NoRoom));
            assert_eq!(count(&mut backend), 1);
            assert_eq!(in_force(&mut backend, &kept).unwrap().0, "192.168.77.11:8080");

            let mut all: Vec<_> = (1..=1100).map(mapping).collect();
            all.push(kept.clone());
            let report = backend.reconcile(&desired(&all, &[]), NOW).unwrap();
            assert_eq!((report.kept, report.added, report.refused.len()), (1, 1023, 77));
            assert!(report.refused.iter().all(|(_, why)| *why == Refusal::NoRoom));
        });
    }
}

#[test]
fn what_others_did_does_not_hinder_a_change() {
    alone("what_others_did_does_not_hinder_a_change", || {
        let mut backend = open(settings(Ownership::Shared));
        nft("add element inet portreeve any_host { tcp . 80 : 192.168.77.66 . 1 }");
        backend.apply(&[add(&mapping(80))], NOW).unwrap();
        assert_eq!(in_force(&mut backend, &mapping(80)).unwrap().0, "192.168.77.11:8080");

        backend.set_external(&[Ipv4Addr::new(11, 11, 11, 2)]).unwrap();
        nft("flush ruleset");
        backend.apply(&[add(&mapping(81))], NOW).unwrap();
        assert!(in_force(&mut backend, &mapping(81)).is_some());
        assert!(nft("list set inet portreeve external").contains("11.11.11.2"));

        nft("flush ruleset");
        backend.set_external(&[Ipv4Addr::new(11, 11, 11, 3)]).unwrap();
        assert!(nft("list set inet portreeve external").contains("11.11.11.3"));

        nft("flush ruleset");
        backend.flush().unwrap();
    });
}

#[test]
fn a_lease_ends_without_the_process() {
    alone("a_lease_ends_without_the_process", || {
        let mut backend = open(settings(Ownership::Owned));
        let short = Mapping {
            expiry: Expiry::At(NOW + Duration::from_millis(400)),
            ..mapping(80)
        };
        backend.apply(&[add(&short), add(&mapping(81))], NOW).unwrap();
        assert_eq!(in_force(&mut backend, &short).unwrap().1, Some(1));
        close(backend);
        sleep(Duration::from_millis(1100));
        let mut backend = open(settings(Ownership::Owned));
        assert_eq!(in_force(&mut backend, &short), None);
        assert!(in_force(&mut backend, &mapping(81)).is_some());
    });
}

#[test]
fn a_lease_that_is_over_is_not_put_into_force() {
    alone("a_lease_that_is_over_is_not_put_into_force", || {
        let mut backend = open(settings(Ownership::Shared));
        let over = Mapping {
            expiry: Expiry::At(NOW),
            ..mapping(80)
        };
        backend.apply(&[add(&over)], NOW).unwrap();
        assert_eq!(count(&mut backend), 0);
        backend
            .apply(&[add(&mapping(80)), replace(&mapping(80), &over)], NOW)
            .unwrap();
        assert_eq!(count(&mut backend), 0);
    });
}

#[test]
fn a_mapping_for_every_client_goes_to_the_broadcast_address() {
    alone("a_mapping_for_every_client_goes_to_the_broadcast_address", || {
        let every = Mapping {
            internal_client: Mapping::EVERY_CLIENT,
            ..udp(mapping(9))
        };
        let mut backend = open(settings(Ownership::Shared));
        let refused = backend.apply(&[add(&mapping(80)), add(&every)], NOW).unwrap_err();
        assert_eq!(refused.change, 1);
        assert_eq!(count(&mut backend), 0);
        let report = backend
            .reconcile(&desired(&[mapping(80), every.clone()], &[]), NOW)
            .unwrap();
        assert_eq!((report.added, report.refused.len()), (1, 1));
        assert_eq!(report.refused[0].0, portreeve_engine::EntryKey::Mapping(every.key));

        let settings = Settings {
            broadcast: Some(Ipv4Addr::new(192, 168, 77, 255)),
            ..settings(Ownership::Shared)
        };
        backend.reconfigure(settings).unwrap();
        backend.apply(&[add(&every)], NOW).unwrap();
        assert_eq!(in_force(&mut backend, &every).unwrap().0, "192.168.77.255:8080");
    });
}

#[test]
fn reconciling_touches_only_what_differs() {
    for features in every_kernel() {
        alone("reconciling_touches_only_what_differs", move || {
            let mut backend = open_as(features);
            let lease = |seconds_left, mapping| Mapping {
                expiry: seconds(seconds_left),
                ..mapping
            };
            let before = [
                mapping(1),
                lease(600, mapping(2)),
                lease(600, mapping(3)),
                mapping(4),
                mapping(5),
            ];
            backend.reconcile(&desired(&before, &[outbound(1, 2)]), NOW).unwrap();

            let moved = Mapping {
                internal_client: OTHER_CLIENT,
                ..mapping(4)
            };
            let disabled = Mapping {
                enabled: false,
                ..mapping(5)
            };
            let after = [
                mapping(1),
                lease(601, mapping(2)),
                lease(700, mapping(3)),
                moved.clone(),
                disabled,
                udp(mapping(6)),
            ];
            let report = backend.reconcile(&desired(&after, &[outbound(7, 2)]), NOW).unwrap();
            // Kept 1 and 2; changed 3, 4 and the outbound port; removed 5; added 6.
            assert_eq!(
                (report.kept, report.changed, report.removed, report.added),
                (2, 3, 1, 1)
            );
            assert!(report.refused.is_empty());
            assert_eq!(in_force(&mut backend, &mapping(2)).unwrap().1, Some(600));
            assert_eq!(in_force(&mut backend, &mapping(3)).unwrap().1, Some(700));
            assert_eq!(in_force(&mut backend, &moved).unwrap().0, "192.168.77.12:8080");
            let report = backend.reconcile(&desired(&after, &[outbound(7, 2)]), NOW).unwrap();
            assert_eq!(
                (report.kept, report.changed, report.removed, report.added),
                (6, 0, 0, 0)
            );
        });
    }
}

#[test]
fn sixty_thousand_mappings_are_restored_and_kept() {
    alone("sixty_thousand_mappings_are_restored_and_kept", || {
        let mut backend = open(settings(Ownership::Shared));
        let start = Instant::now();
        let all: Vec<_> = (1..=60_000).map(mapping).collect();
        let wish = desired(&all, &[]);
        let report = backend.reconcile(&wish, NOW).unwrap();
        assert_eq!(report.added, 60_000);
        let report = backend.reconcile(&wish, NOW + start.elapsed()).unwrap();
        assert_eq!(
            (report.kept, report.added + report.changed + report.removed),
            (60_000, 0)
        );
        backend.flush().unwrap();
        assert_eq!(count(&mut backend), 0);
    });
}
