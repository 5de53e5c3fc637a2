use portreeve_testkit::ScriptedGateway;
use portreeve_testkit::scripted::{Misbehaviour, PortMapping};

use crate::tool::{portreeve, result};

#[test]
fn own_mappings_are_listed_and_those_of_others_counted() {
    let gateway = ScriptedGateway::builder()
        .mapping(
            PortMapping::new("TCP", 8000, "127.0.0.1", 80)
                .lease(3600)
                .description("web"),
        )
        .mapping(PortMapping::new("UDP", 9000, "192.168.77.99", 90).remote_host("11.11.11.9"))
        .start_on_loopback();
    let line = format!("list --gateway {}", gateway.description_url());
    let own = portreeve(&line).success();
    assert!(
        own.starts_with("PROTOCOL  EXTERNAL  CLIENT        DESCRIPTION  LEASE LEFT"),
        "{own}"
    );
    assert!(own.contains("\nTCP       8000      127.0.0.1:80  web "), "{own}");
    assert!(!own.contains("192.168.77.99"), "{own}");
    assert!(
        own.contains("1 mapping of this host (127.0.0.1), 1 of others (--all shows them)"),
        "{own}"
    );
    let all = portreeve(&format!("{line} --all")).success();
    assert!(all.contains("192.168.77.99:90"), "{all}");
    assert!(all.contains("no end      11.11.11.9\n"), "{all}");
    assert!(all.contains("\n2 mappings"), "{all}");
}

#[test]
fn all_pages_are_read() {
    let mut builder = ScriptedGateway::builder().page_limit(100);
    for number in 0..300 {
        builder = builder.mapping(PortMapping::new("TCP", 2000 + number, "192.168.77.99", 80).lease(3600));
    }
    for number in 0..150_u16 {
        let host = format!("11.11.12.{number}");
        builder = builder.mapping(PortMapping::new("UDP", 7777, "192.168.77.98", 80).remote_host(&host));
    }
    let gateway = builder.start_on_loopback();
    let result = result(&portreeve(&format!(
        "list --all --json --gateway {}",
        gateway.description_url()
    )));
    assert_eq!(result["mappings"].as_array().unwrap().len(), 450);
    assert_eq!(result["seen"], 450);
    assert_eq!(result["complete"], true, "{}", result["total"]);
}

#[test]
fn an_empty_table_is_no_error() {
    for misbehaviour in [None, Some(Misbehaviour::EmptyListing)] {
        let mut builder = ScriptedGateway::builder();
        if let Some(misbehaviour) = misbehaviour {
            builder = builder.misbehave(misbehaviour);
        }
        let gateway = builder.start_on_loopback();
        let told = portreeve(&format!("list --gateway {}", gateway.description_url())).success();
        assert!(told.starts_with("no mappings of this host (127.0.0.1)"), "{told}");
    }
}
