//! A gateway with two LANs.

use std::net::Ipv4Addr;

use portreeve_lab::Bed;
use portreeve_lab::subject::{Kind, Settings};
use portreeve_lab::upnp::{ControlPoint, refused, ssdp};
use portreeve_testkit::{Echo, reach_tcp};

use crate::support::{external, fresh, is_served_by, port_of};

/// On the second LAN: the hosts of the first are numbered 1 to 3.
const ON_B: usize = 4;
const GATEWAY_B: Ipv4Addr = Ipv4Addr::new(192, 168, 78, 1);

fn bed() -> Option<Bed> {
    let settings = Settings {
        lans: 2,
        ..Settings::default()
    };
    (Kind::from_environment() == Kind::Portreeved).then(|| Bed::own(&settings))?
}

#[test]
fn each_lan_finds_the_gateway_at_its_own_address() {
    let Some(bed) = bed() else { return };
    for (host, gateway) in [(1, bed.gateway().ipv4()), (ON_B, GATEWAY_B)] {
        let answers = ssdp::search(bed.lan_host(host), ssdp::IGD_1);
        assert!(!answers.is_empty(), "no answer on the LAN of {gateway}");
        for answer in answers {
            let location = answer.header("LOCATION");
            assert!(location.starts_with(&format!("http://{gateway}:")), "{location}");
            assert_eq!(answer.from.ip(), gateway);
        }
    }
}

#[test]
fn both_lans_get_working_mappings_and_see_one_gateway() {
    let Some(bed) = bed() else { return };
    let a = bed.client(1);
    let b = ControlPoint::discover(bed.lan_host(ON_B), GATEWAY_B);
    for client in [&a, &b] {
        let mapping = fresh(&bed, client);
        let _echo = Echo::tcp(client.host(), port_of(&mapping));
        client.add(&mapping).expect("a free port");
        assert!(is_served_by(&bed, port_of(&mapping), client.host().name()));
    }
    assert_eq!(a.root_device().udn, b.root_device().udn);
    assert_eq!((a.number_of_entries(), b.number_of_entries()), (2, 2));
}

#[test]
fn a_client_of_one_lan_cannot_touch_a_mapping_of_the_other() {
    let Some(bed) = bed() else { return };
    let a = bed.client(1);
    let b = ControlPoint::discover(bed.lan_host(ON_B), GATEWAY_B);
    let mapping = fresh(&bed, &a);
    let _echo = Echo::tcp(a.host(), port_of(&mapping));
    a.add(&mapping).expect("a free port");
    refused(b.delete(&mapping), &[606]);
    refused(b.specific(&mapping), &[606]);
    refused(b.delete_range(1024, 65535, "TCP", "1"), &[730]);
    refused(b.add(&mapping.clone().to_client(&b.address())), &[718]);
    refused(b.add(&fresh(&bed, &b).to_client(&a.address())), &[606]);
    assert!(is_served_by(&bed, port_of(&mapping), "lan1"));
}

#[test]
fn a_host_of_one_lan_reaches_the_other_through_the_external_address() {
    let Some(bed) = bed() else { return };
    let a = bed.client(1);
    let mapping = fresh(&bed, &a);
    let _echo = Echo::tcp(a.host(), port_of(&mapping));
    a.add(&mapping).expect("a free port");
    let reply = reach_tcp(bed.lan_host(ON_B), external(&bed, port_of(&mapping))).expect("hairpin");
    assert_eq!(reply.server, "lan1");
}
