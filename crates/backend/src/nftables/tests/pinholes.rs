//! Pinholes as elements: changes, leases, counts, and reconciliation.

use std::time::Instant;

use portreeve_netlink::nftables::Counter;

use super::*;

#[test]
fn pinholes_are_opened_prolonged_and_closed() {
    for features in every_kernel() {
        alone("pinholes_are_opened_prolonged_and_closed", move || {
            let mut backend = open_as(features);
            let host = Some(Ipv6Addr::new(0x2001, 0xdb8, 0x113, 0, 0, 0, 0, 7));
            // The same client, port and transport, and so told apart by the remote side alone.
            let plain = pinhole(Transport::Tcp, 8080);
            let all = [
                plain.clone(),
                from(host, None, &plain),
                from(None, Some(9), &plain),
                from(host, Some(9), &plain),
                pinhole(Transport::UdpLite, 8080),
            ];
            backend.apply(&all.each_ref().map(opened), NOW).unwrap();
            for pinhole in &all {
                assert_eq!(pinhole_in_force(&mut backend, pinhole), Some((3600, 0)));
            }
            let longer = lasting(7200, &all[3]);
            backend
                .apply(&[prolonged(&all[3], &longer), closed(&all[0])], NOW)
                .unwrap();
            assert_eq!(pinhole_in_force(&mut backend, &longer), Some((7200, 0)));
            assert_eq!(backend.pinhole_packets(&plain.key), Ok(None));
            assert_eq!(count(&mut backend), 4);
            backend
                .apply(&[prolonged(&all[3], &longer).inverse(), closed(&all[0])], NOW)
                .unwrap();
            assert_eq!(pinhole_in_force(&mut backend, &all[3]), Some((3600, 0)));
            backend.flush().unwrap();
            assert_eq!(count(&mut backend), 0);
        });
    }
}

#[test]
fn the_count_survives_a_new_lease_a_reconciliation_and_a_new_table() {
    for features in every_kernel() {
        alone(
            "the_count_survives_a_new_lease_a_reconciliation_and_a_new_table",
            move || {
                let mut backend = open_as(features);
                let first = pinhole(Transport::Udp, 8080);
                backend.apply(&[opened(&first)], NOW).unwrap();
                pretend_packets(&mut backend, &first, 5);

                let second = lasting(600, &first);
                backend.apply(&[prolonged(&first, &second)], NOW).unwrap();
                assert_eq!(pinhole_in_force(&mut backend, &second), Some((600, 5)));

                let third = lasting(6000, &first);
                let added = from(None, Some(9), &first);
                let wish = with_pinholes(&[third.clone(), added.clone()]);
                let report = backend.reconcile(&wish, NOW).unwrap();
                assert_eq!(
                    (report.kept, report.added, report.changed, report.removed),
                    (0, 1, 1, 0)
                );
                assert_eq!(pinhole_in_force(&mut backend, &third), Some((6000, 5)));
                let report = backend.reconcile(&wish, NOW).unwrap();
                assert_eq!((report.kept, report.changed), (2, 0));

                // Sets of another size cannot stay.
                let larger = Settings {
                    capacity: 100_000,
                    ..settings(Ownership::Shared)
                };
                backend.reconfigure(larger).unwrap();
                assert_eq!(pinhole_in_force(&mut backend, &third), Some((6000, 5)));

                let wish = with_pinholes(&[added]);
                assert_eq!(backend.reconcile(&wish, NOW).unwrap().removed, 1);
                assert_eq!(backend.pinhole_packets(&third.key), Ok(None));

                // What is opened again starts from nothing.
                backend.apply(&[opened(&third)], NOW).unwrap();
                pretend_packets(&mut backend, &third, 7);
                backend.apply(&[closed(&third), opened(&third)], NOW).unwrap();
                assert_eq!(pinhole_in_force(&mut backend, &third), Some((6000, 0)));
            },
        );
    }
}

#[test]
fn pinholes_are_opened_again_after_a_foreign_flush() {
    alone("pinholes_are_opened_again_after_a_foreign_flush", || {
        let mut backend = open(settings(Ownership::Shared));
        let (first, second) = (pinhole(Transport::Tcp, 1), pinhole(Transport::Tcp, 2));
        backend.apply(&[opened(&first)], NOW).unwrap();
        nft("flush ruleset");
        assert_eq!(backend.pinhole_packets(&first.key), Ok(None));
        backend.apply(&[opened(&second)], NOW).unwrap();
        let report = backend.reconcile(&with_pinholes(&[first, second]), NOW).unwrap();
        assert_eq!((report.kept, report.added), (1, 1));
    });
}

#[test]
fn ten_thousand_pinholes_are_opened_and_kept() {
    alone("ten_thousand_pinholes_are_opened_and_kept", || {
        let mut backend = open(settings(Ownership::Shared));
        let host = Some(Ipv6Addr::LOCALHOST);
        let all: Vec<_> = (1..=5_000)
            .flat_map(|port| {
                let pinhole = pinhole(Transport::Udp, port);
                [from(host, Some(port), &pinhole), pinhole]
            })
            .collect();
        let changes: Vec<_> = all.iter().map(opened).collect();
        let start = Instant::now();
        backend.apply(&changes, NOW).unwrap();
        println!("10,000 pinholes in one call: {:?}", start.elapsed());
        let report = backend.reconcile(&with_pinholes(&all), NOW + start.elapsed()).unwrap();
        assert_eq!(
            (report.kept, report.added + report.changed + report.removed),
            (10_000, 0)
        );
        let start = Instant::now();
        for pinhole in &all {
            backend.apply(&[closed(pinhole)], NOW).unwrap();
        }
        println!("closed again one by one: {:?}", start.elapsed());
        assert_eq!(count(&mut backend), 0);
        let start = Instant::now();
        for change in &changes {
            backend.apply(std::slice::from_ref(change), NOW).unwrap();
        }
        println!("opened one by one: {:?}", start.elapsed());
        let start = Instant::now();
        for pinhole in &all {
            assert_eq!(backend.pinhole_packets(&pinhole.key), Ok(Some(0)));
        }
        println!("10,000 counts read: {:?}", start.elapsed());
    });
}

/// As if so many had come in.
fn pretend_packets(backend: &mut Nftables, pinhole: &Pinhole, packets: u64) {
    let (set, key) = row::pinhole_key(&pinhole.key);
    let counted = Element {
        lifetime: Lifetime::Left(Duration::from_secs(3600)),
        counter: Some(Counter { packets, bytes: 0 }),
        ..Element::member(key)
    };
    let mut batch = Batch::new(&backend.table);
    batch.delete_element(set.name(), &key);
    batch.add_element(set.name(), &counted);
    backend.connection.commit(batch).unwrap();
    assert_eq!(backend.pinhole_packets(&pinhole.key), Ok(Some(packets)));
}
