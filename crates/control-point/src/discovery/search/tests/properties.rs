//! Whatever a LAN answers, in whatever order.

use proptest::prelude::*;

use super::*;

/// Something that happens to a search.
#[derive(Clone, Debug)]
enum Happening {
    Answered {
        origin: usize,
        responder: IpAddr,
        st: &'static str,
        location: String,
    },
    /// Ends one of the examinations.
    Examined(usize, Option<Standing>, u8),
    Passed(u64),
}

fn host() -> impl Strategy<Value = IpAddr> {
    let known = [
        "127.0.0.1",
        "192.168.77.10",
        "10.0.0.1",
        "0.0.0.0",
        "239.255.255.250",
        "255.255.255.255",
        "8.8.8.8",
    ];
    prop_oneof![
        4 => (1_u8..40).prop_map(|number| ip(192, 168, 77, number)),
        2 => prop::sample::select(known.to_vec()).prop_map(|host| host.parse().unwrap()),
        1 => any::<u32>().prop_map(|bits| IpAddr::V4(bits.into())),
    ]
}

fn location() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => (host(), 1_u16..4, "[a-d]{0,2}").prop_map(|(host, port, path)| format!("http://{host}:{port}/{path}")),
        1 => "\\PC{0,40}",
        1 => Just("http://[fd77::1]:5000/d".to_owned()),
        1 => Just("http://router.lan/d".to_owned()),
    ]
}

fn happening() -> impl Strategy<Value = Happening> {
    let st = prop::sample::select(vec![IGD_1, IGD_2, "upnp:rootdevice", "ssdp:all", ""]);
    let standing = prop::sample::select(vec![
        None,
        Some(Standing::UpPublic),
        Some(Standing::UpPrivate),
        Some(Standing::Up),
        Some(Standing::Down),
    ]);
    prop_oneof![
        8 => (0_usize..4, host(), st, location()).prop_map(|(origin, responder, st, location)| Happening::Answered {
            origin, responder, st, location,
        }),
        2 => (any::<usize>(), standing, any::<u8>()).prop_map(|(which, standing, udn)| Happening::Examined(which, standing, udn)),
        2 => (0_u64..200).prop_map(Happening::Passed),
    ]
}

/// Whether we may be sent there by others.
fn is_near(location: &str) -> bool {
    let url = Url::parse(location).unwrap();
    let IpAddr::V4(host) = url.host() else { return false };
    host.is_private() || host.is_link_local() || host.octets()[0] == 100 || host.is_loopback()
}

proptest! {
    /// It ends in time, asks nobody who is not near, and neither its memory nor its work grows with what it hears.
    #[test]
    fn nothing_that_is_answered_upsets_the_search(
        until_over: bool,
        asked: bool,
        happenings in prop::collection::vec(happening(), 0..400),
    ) {
        let to = SocketAddr::new(GATEWAY, PORT);
        let plan = Plan {
            origins: vec![lan(), second_lan(), loopback()],
            wanted: if asked { Wanted::At(to) } else { Wanted::Any },
            until: if until_over { Until::TimeOver } else { Until::Certain },
            ..plan()
        };
        let mut driven = Driven::new(plan);
        for happening in happenings {
            if driven.search.verdict().is_some() {
                break;
            }
            match happening {
                Happening::Answered { origin, responder, st, location } => driven.answer_to(origin, responder, st, &location),
                Happening::Examined(which, standing, udn) if !driven.examining.is_empty() => {
                    let location = driven.examining[which % driven.examining.len()].1.clone();
                    let found = standing.map(|standing| Findings { udn: format!("uuid:{}", udn % 3), ..findings(standing) });
                    driven.examined(&location, found.ok_or_else(refused));
                }
                Happening::Examined(..) => {}
                Happening::Passed(milliseconds) => driven.wait_ms(milliseconds),
            }
            let gateways = 3;
            prop_assert!(driven.examining.len() <= AT_ONCE + (gateways + 1) * LEADS_PER_RESPONDER);
            prop_assert!(driven.search.leads.len() <= LEADS + (gateways + 1) * LEADS_PER_RESPONDER);
            prop_assert!(driven.search.rejected().len() <= REJECTIONS);
            for (_, location, _) in &driven.examining {
                prop_assert!(is_near(location), "{}", location);
            }
        }
        driven.wait(plan_end());
        prop_assert!(driven.search.verdict().is_some(), "it does not end");
    }
}

fn plan_end() -> Duration {
    plan().timeout + GRACE
}
