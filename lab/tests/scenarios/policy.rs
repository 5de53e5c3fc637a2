//! Who may map what, and how much.

use portreeve_lab::upnp::{PortMapping, http, refused};
use portreeve_testkit::Echo;

use crate::support::{assert_healthy, bed, bed_with_tables, fresh, is_served_by, port_of, shared};

#[test]
fn the_first_rule_that_matches_decides() {
    let rules = "
[[rule]]
action = \"deny\"
external-ports = \"6000-6063\"
[[rule]]
action = \"allow\"
client = \"192.168.77.11\"
external-ports = \"80\"
protocol = \"tcp\"
[[rule]]
action = \"deny\"
description = \"^evil\"
[[rule]]
action = \"allow\"
external-ports = \"1024-65535\"
";
    let Some(bed) = bed_with_tables(rules) else { return };
    let (client, other) = (bed.client(1), bed.client(2));
    let _echo = Echo::tcp(client.host(), 8080);
    refused(client.add(&PortMapping::new(&client, 6001)), &[606]);
    client
        .add(&PortMapping::new(&client, 80).to_port(8080))
        .expect("lan1 may have 80");
    assert!(is_served_by(&bed, 80, "lan1"));
    refused(client.add(&PortMapping::new(&client, 80).to_port(8080).udp()), &[606]);
    refused(other.add(&PortMapping::new(&other, 80).to_port(8080)), &[606]);
    refused(client.add(&fresh(&bed, &client).described("evil twin")), &[606]);
    client
        .add(&fresh(&bed, &client).described("not evil"))
        .expect("the pattern is anchored");
    refused(client.add(&PortMapping::new(&client, 81).to_port(8080)), &[606]);
}

#[test]
fn without_rules_the_ports_below_1024_are_nobodys() {
    let Some(bed) = shared() else { return };
    let client = bed.client(1);
    refused(client.add(&PortMapping::new(&client, 1023).to_port(8080)), &[606]);
    refused(client.add(&fresh(&bed, &client).to_port(1023)), &[606]);
    let any = client
        .add_any(&PortMapping::new(&client, 0).to_port(8080))
        .expect("any port");
    assert!(any >= 1024, "{any}");
}

#[test]
fn a_client_gets_no_more_mappings_than_its_quota() {
    let Some(bed) = bed(&["limits.mappings-per-client=3"]) else {
        return;
    };
    let (client, other) = (bed.client(1), bed.client(2));
    let mappings: Vec<_> = (0..3).map(|_| fresh(&bed, &client)).collect();
    for mapping in &mappings {
        client.add(mapping).expect("within the quota");
    }
    refused(client.add(&fresh(&bed, &client)), &[728]);
    refused(client.add_any(&fresh(&bed, &client)), &[728]);
    client.add(&mappings[1]).expect("a renewal is no new mapping");
    other.add(&fresh(&bed, &other)).expect("the quota is each client's own");
    client.delete(&mappings[0]).expect("an own mapping");
    client.add(&fresh(&bed, &client)).expect("there is room again");
}

#[test]
fn the_table_has_no_more_mappings_than_configured() {
    let Some(bed) = bed(&["limits.mappings=2"]) else { return };
    let (client, other) = (bed.client(1), bed.client(2));
    client.add(&fresh(&bed, &client)).expect("the first");
    other.add(&fresh(&bed, &other)).expect("the second");
    refused(client.add(&fresh(&bed, &client)), &[728]);
}

#[test]
fn a_client_that_floods_is_slowed_and_refused_and_others_are_not() {
    let Some(bed) = bed(&["limits.requests-per-second-per-client=2"]) else {
        return;
    };
    let client = bed.client(1);
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        client.server()
    );
    let ask = || http::exchange(client.host(), client.server(), &request).map_or(0, |answer| answer.status);
    let flood: Vec<u16> = std::thread::scope(|scope| {
        let flooders: Vec<_> = (0..20).map(|_| scope.spawn(|| [ask(), ask(), ask(), ask()])).collect();
        assert_healthy(&bed);
        let answers = flooders
            .into_iter()
            .map(|flooder| flooder.join().expect("it does not panic"));
        answers.flatten().collect()
    });
    let refusals = flood.iter().filter(|status| matches!(status, 429 | 503)).count();
    assert!(refusals > 20, "of 80 requests {refusals} were refused: {flood:?}");
    let served = flood.len() - refusals;
    assert!(
        (10..50).contains(&served),
        "five seconds' worth, and what dripped in: {flood:?}"
    );
    assert!(
        flood.iter().all(|status| *status != 0),
        "a refusal is an answer: {flood:?}"
    );
}

#[test]
fn a_host_touches_no_mapping_of_another_through_any_action() {
    let Some(bed) = bed(&[]) else { return };
    let (client, foreign) = (bed.client(1), bed.client(2));
    let mapping = fresh(&bed, &client);
    let port = port_of(&mapping);
    let _echo = Echo::tcp(client.host(), port);
    client.add(&mapping).expect("a free port");

    refused(foreign.delete(&mapping), &[606]);
    refused(foreign.specific(&mapping), &[606]);
    refused(foreign.generic(0), &[606]);
    for manage in ["0", "1"] {
        refused(foreign.delete_range(1024, 65535, "TCP", manage), &[730]);
        refused(foreign.list(1024, 65535, "TCP", manage, 0), &[730]);
    }
    refused(foreign.add(&fresh(&bed, &foreign).to_client(&client.address())), &[606]);
    refused(
        foreign.add_any(&fresh(&bed, &foreign).to_client(&client.address())),
        &[606],
    );
    refused(foreign.add(&mapping.clone().to_client(&foreign.address())), &[718]);
    for index in 0..3 {
        let arguments = [("NewPortMappingIndex", index.to_string())];
        let arguments = arguments.each_ref().map(|(name, value)| (*name, value.as_str()));
        refused(foreign.call_v1("GetGenericPortMappingEntry", &arguments), &[713]);
    }
    refused(foreign.call_v1("GetSpecificPortMappingEntry", &mapping.key()), &[714]);
    refused(foreign.call_v1("DeletePortMapping", &mapping.key()), &[714]);

    client.specific(&mapping).expect("untouched");
    assert!(is_served_by(&bed, port, "lan1"));
}

#[test]
fn hosts_outside_the_lan_are_mapped_for_nobody() {
    let Some(bed) = bed(&["access.own-address-only=false"]) else {
        return;
    };
    let (client, other) = (bed.client(1), bed.client(2));
    let for_other = fresh(&bed, &client).to_client(&other.address());
    let _echo = Echo::tcp(other.host(), port_of(&for_other));
    client.add(&for_other).expect("so configured");
    assert!(is_served_by(&bed, port_of(&for_other), "lan2"));
    for outside in ["11.11.11.7", "127.0.0.1", "10.1.2.3"] {
        refused(client.add(&fresh(&bed, &client).to_client(outside)), &[606, 600]);
    }
    client.delete_range(1024, 65535, "TCP", "1").expect("so configured");
    assert_eq!(client.number_of_entries(), 0);
}
