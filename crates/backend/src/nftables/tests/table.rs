//! The table itself: what it looks like, who may touch it, how it is taken over and removed.

use std::os::unix::process::CommandExt;
use std::time::Duration;

use super::*;

const SOON: Duration = Duration::from_secs(2);

#[test]
fn the_kernel_holds_exactly_what_is_printed() {
    let firewalls = [
        (true, Ipv6Firewall::None),
        (false, Ipv6Firewall::Own),
        (false, Ipv6Firewall::Other { mark: 0x400 }),
    ];
    for (masquerade, ipv6) in firewalls {
        alone("the_kernel_holds_exactly_what_is_printed", move || {
            let settings = Settings {
                masquerade,
                ipv6,
                ..settings(Ownership::Shared)
            };
            let backend = open(settings.clone());
            let installed = nft("list table inet portreeve");
            assert_eq!(installed, ruleset(&settings));
            drop(backend);

            nft("delete table inet portreeve");
            nft_load(&ruleset(&settings));
            assert_eq!(nft("list table inet portreeve"), installed);
            // And what nft made is recognised as right: nothing is made anew, so that handles stay.
            let handles = nft("-a list table inet portreeve");
            let _backend = open(settings);
            assert_eq!(nft("-a list table inet portreeve"), handles);
        });
    }
}

#[test]
fn an_owned_table_passes_over_a_flush_and_outlives_its_process() {
    alone("an_owned_table_passes_over_a_flush_and_outlives_its_process", || {
        let mut backend = open(settings(Ownership::Owned));
        assert_eq!(backend.ownership(), Ownership::Owned);
        backend.set_external(&[Ipv4Addr::new(11, 11, 11, 2)]).unwrap();
        backend.apply(&[add(&mapping(80))], NOW).unwrap();
        nft("add table ip another");
        nft("flush ruleset");
        assert!(!nft("list tables").contains("another"));
        assert!(in_force(&mut backend, &mapping(80)).is_some());

        let handles = nft("-a list chain inet portreeve postrouting");
        let mut backend = reopen(backend, settings(Ownership::Owned));
        assert_eq!(
            nft("-a list chain inet portreeve postrouting"),
            handles,
            "nothing is made anew"
        );
        assert!(in_force(&mut backend, &mapping(80)).is_some());
        assert!(nft("list set inet portreeve external").contains("11.11.11.2"));
        let report = backend.reconcile(&desired(&[mapping(80)], &[]), NOW).unwrap();
        assert_eq!(
            (report.kept, report.added, report.changed, report.removed),
            (1, 0, 0, 0)
        );
        nft("flush ruleset");
        assert!(in_force(&mut backend, &mapping(80)).is_some());
    });
}

#[test]
fn a_table_of_other_shape_is_made_anew_with_its_mappings() {
    for ownership in [Ownership::Owned, Ownership::Shared] {
        alone("a_table_of_other_shape_is_made_anew_with_its_mappings", move || {
            let before = settings(ownership);
            let mut backend = open(before.clone());
            backend.set_external(&[Ipv4Addr::new(11, 11, 11, 2)]).unwrap();
            let mappings: Vec<_> = (1..=20_000).map(mapping).collect();
            let forever = Mapping {
                expiry: Expiry::Never,
                ..udp(mapping(80))
            };
            backend
                .apply(&mappings.iter().map(add).collect::<Vec<_>>(), NOW)
                .unwrap();
            backend.apply(&[add(&forever)], NOW).unwrap();
            let after = Settings {
                wan: "ppp0".to_owned(),
                lan: vec![],
                masquerade: true,
                capacity: 30_000,
                ..before
            };
            let mut backend = reopen(backend, after.clone());
            assert_eq!(
                in_force(&mut backend, &forever),
                Some(("192.168.77.11:8080".to_owned(), None))
            );
            let (_, left) = in_force(&mut backend, &mapping(1)).unwrap();
            assert!(left.unwrap() > 3500, "{left:?} seconds are left");
            assert_eq!(count(&mut backend), 20_001);
            assert!(nft("list set inet portreeve external").contains("11.11.11.2"));
            backend.flush().unwrap();
            backend.set_external(&[]).unwrap();
            if ownership == Ownership::Shared {
                assert_eq!(nft("list table inet portreeve"), ruleset(&after));
            }
        });
    }
}

/// The table of a version that knew outbound ports of UDP only.
#[test]
fn outbound_ports_of_an_older_table_stay_in_force() {
    alone("outbound_ports_of_an_older_table_stay_in_force", || {
        let settings = settings(Ownership::Shared);
        let now = ruleset(&settings);
        let mut lines: Vec<_> = now
            .lines()
            .filter(|line| !line.contains("tcp sport map @outbound"))
            .collect();
        let at = lines
            .iter()
            .position(|line| line.contains("udp sport map @outbound"))
            .unwrap();
        let rule = lines[at].replace(":meta l4proto . ip saddr", ":ip saddr");
        lines[at] = &rule;
        let before = lines
            .join("\n")
            .replace("inet_proto . ipv4_addr . inet_service", "ipv4_addr . inet_service");
        nft_load(&before);
        nft("add element inet portreeve outbound { 192.168.77.11 . 3074 timeout 1h : 40000 }");
        nft("add element inet portreeve any_host { udp . 40000 timeout 1h : 192.168.77.11 . 3074 }");

        let mut backend = open(settings.clone());
        let outbound_ports = nft("list map inet portreeve outbound");
        assert!(
            outbound_ports.contains("udp . 192.168.77.11 . 3074 timeout"),
            "{outbound_ports}"
        );
        let kept = Mapping {
            internal_port: port(3074),
            ..udp(mapping(40000))
        };
        let report = backend
            .reconcile(&desired(&[kept], &[outbound(40000, 3074)]), NOW)
            .unwrap();
        assert_eq!((report.kept, report.added, report.removed), (2, 0, 0));
        backend.flush().unwrap();
        assert_eq!(nft("list table inet portreeve"), now);
    });
}

#[test]
fn ownership_can_be_taken_and_given_up() {
    alone("ownership_can_be_taken_and_given_up", || {
        let mut backend = open(settings(Ownership::Shared));
        for ownership in [Ownership::Shared, Ownership::Owned, Ownership::Shared] {
            backend = reopen(backend, settings(ownership));
            assert_eq!(backend.ownership(), ownership);
            backend.apply(&[add(&mapping(80))], NOW).unwrap();
            nft("flush ruleset");
            let is_there = backend.connection.table(&table("portreeve")).unwrap().is_some();
            assert_eq!(is_there, ownership == Ownership::Owned);
        }
    });
}

#[test]
fn reconfiguring_changes_rules_and_keeps_mappings() {
    alone("reconfiguring_changes_rules_and_keeps_mappings", || {
        let mut backend = open(settings(Ownership::Shared));
        backend.apply(&[add(&mapping(80))], NOW).unwrap();
        let changed = Settings {
            wan: "ppp0".to_owned(),
            lan: vec!["br9".to_owned()],
            cut_connections: false,
            ..settings(Ownership::Shared)
        };
        backend.reconfigure(changed.clone()).unwrap();
        assert!(in_force(&mut backend, &mapping(80)).is_some());
        backend.flush().unwrap();
        assert_eq!(nft("list table inet portreeve"), ruleset(&changed));
    });
}

#[test]
fn a_foreign_flush_is_noticed_and_repaired() {
    alone("a_foreign_flush_is_noticed_and_repaired", || {
        let (mut backend, changes) = open_watched(settings(Ownership::Shared));
        backend.set_external(&[Ipv4Addr::new(11, 11, 11, 2)]).unwrap();
        let wish = desired(&[mapping(80)], &[outbound(80, 8080)]);
        backend.reconcile(&wish, NOW).unwrap();
        let whole = nft("list table inet portreeve");

        nft("flush ruleset");
        assert_eq!(changes.recv_timeout(SOON), Ok(ForeignChange::OwnTable));
        let report = backend.reconcile(&wish, NOW).unwrap();
        assert_eq!(
            (report.kept, report.added, report.changed, report.removed),
            (0, 2, 0, 0)
        );
        assert_eq!(without_times(&nft("list table inet portreeve")), without_times(&whole));

        nft("flush chain inet portreeve to_client");
        assert_eq!(changes.recv_timeout(SOON), Ok(ForeignChange::OwnTable));
        nft("add rule inet portreeve forward drop");
        nft("delete element inet portreeve external { 11.11.11.2 }");
        nft("add element inet portreeve lan { evil0 }");
        nft("add element inet portreeve any_host { tcp . 81 : 192.168.77.66 . 1 }");
        let report = backend.reconcile(&wish, NOW).unwrap();
        assert_eq!(
            (report.kept, report.added, report.changed, report.removed),
            (2, 0, 0, 1)
        );
        assert_eq!(without_times(&nft("list table inet portreeve")), without_times(&whole));

        nft("add chain inet portreeve another");
        backend.reconcile(&wish, NOW).unwrap();
        assert_eq!(without_times(&nft("list table inet portreeve")), without_times(&whole));
    });
}

#[test]
fn only_foreign_changes_are_reported() {
    alone("only_foreign_changes_are_reported", || {
        let (mut backend, changes) = open_watched(settings(Ownership::Owned));
        backend.apply(&[add(&mapping(80))], NOW).unwrap();
        backend.reconcile(&Desired::default(), NOW).unwrap();
        assert!(changes.recv_timeout(Duration::from_millis(300)).is_err());
        nft("add table ip another");
        assert_eq!(changes.recv_timeout(SOON), Ok(ForeignChange::OtherTables));
    });
}

#[test]
fn uninstalling_leaves_no_trace_and_touches_nothing_else() {
    alone("uninstalling_leaves_no_trace_and_touches_nothing_else", || {
        assert_eq!(uninstall("portreeve"), Ok(Uninstalled::NothingThere));
        nft("add table ip another");
        for ownership in [Ownership::Owned, Ownership::Shared] {
            let mut backend = open(settings(ownership));
            backend.apply(&[add(&mapping(80))], NOW).unwrap();
            if ownership == Ownership::Owned {
                let refused = uninstall("portreeve").unwrap_err();
                assert!(matches!(refused, BackendError::System { .. }), "{refused}");
            }
            close(backend);
            assert_eq!(uninstall("portreeve"), Ok(Uninstalled::Removed));
            assert_eq!(nft("list ruleset"), "table ip another {\n}\n");
        }
    });
}

#[test]
fn a_second_owner_is_told_about_the_first() {
    alone("a_second_owner_is_told_about_the_first", || {
        let mut first = open(settings(Ownership::Owned));
        first.apply(&[add(&mapping(80))], NOW).unwrap();
        let refused = Nftables::open(settings(Ownership::Owned), |_| {}).unwrap_err();
        assert!(refused.to_string().contains("is portreeved running?"), "{refused}");
        assert!(in_force(&mut first, &mapping(80)).is_some());
    });
}

#[test]
fn an_impossible_interface_is_an_error() {
    alone("an_impossible_interface_is_an_error", || {
        let settings = Settings {
            wan: "a-name-longer-than-any".to_owned(),
            ..settings(Ownership::Shared)
        };
        assert!(matches!(
            Nftables::open(settings, |_| {}),
            Err(BackendError::System { .. })
        ));
        assert_eq!(nft("list ruleset"), "");
    });
}

#[test]
fn without_privilege_it_says_which_is_needed() {
    if nix::unistd::geteuid().is_root() {
        // The same test once more as the user nobody, from a place where that user may read it.
        let copy = std::env::temp_dir().join(format!("portreeve-nobody-{}", std::process::id()));
        std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
        let name = "nftables::tests::table::without_privilege_it_says_which_is_needed";
        let status = Command::new(&copy)
            .args(["--exact", name])
            .uid(65534)
            .gid(65534)
            .output();
        std::fs::remove_file(&copy).unwrap();
        let output = status.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    let refused = Nftables::open(settings(Ownership::Owned), |_| {}).unwrap_err();
    assert!(
        matches!(
            refused,
            BackendError::Privilege {
                needed: "CAP_NET_ADMIN",
                ..
            }
        ),
        "{refused}"
    );
}

fn without_times(listing: &str) -> String {
    let words = listing.split_whitespace();
    let mut kept = Vec::new();
    let mut skip = 0;
    for word in words {
        match word {
            "timeout" | "expires" => skip = 1,
            _ if skip > 0 => skip -= 1,
            word => kept.push(word),
        }
    }
    kept.join(" ")
}
