//! Long lists behind a gateway that gives a hundred entries at a time.

use std::collections::HashSet;

use portreeve_lab::Bed;
use portreeve_lab::subject::{Kind, Settings};
use portreeve_lab::tool::Tool;
use portreeve_lab::upnp::PortMapping;

const FIRST: u16 = 20_000;
const ON_ONE_PORT: u16 = 150;
const ALL: u16 = 450;

#[test]
fn four_hundred_and_fifty_mappings_are_listed() {
    lists_all(|_| None);
}

/// An entry of this list is named by its port alone: where many share one, a page may end among them.
#[test]
fn also_where_a_third_of_them_are_on_one_port_for_different_hosts() {
    lists_all(|number| {
        // In the middle, so that no page begins or ends with the port.
        let host = number.checked_sub(130).filter(|host| *host < ON_ONE_PORT)?;
        Some(format!("11.11.11.{}", 10 + host))
    });
}

/// Makes so many mappings, for all hosts or for one each, and lists them.
fn lists_all(remote_host: impl Fn(u16) -> Option<String>) {
    let settings = Settings {
        overrides: [
            "limits.mappings-per-client=60000",
            "limits.requests-per-second-per-client=100000",
        ]
        .map(String::from)
        .to_vec(),
        ..Settings::default()
    };
    let Some(bed) = Bed::of(Kind::Portreeved, &settings) else {
        return;
    };
    let client = bed.client(1);
    let mut expected = HashSet::new();
    for number in 0..ALL {
        let host = remote_host(number);
        let port = match host {
            None => FIRST + number,
            Some(_) => FIRST + 130,
        };
        let host = host.unwrap_or_default();
        client
            .add(&PortMapping::new(&client, port).from_host(&host))
            .unwrap_or_else(|fault| panic!("{number}: {fault}"));
        expected.insert((u64::from(port), host));
    }
    assert_eq!(expected.len(), usize::from(ALL));

    let page = client.list(1024, u16::MAX, "TCP", "1", 0).expect("a list");
    assert_eq!(
        page.matches("<p:PortMappingEntry>").count(),
        100,
        "the gateway gives pages"
    );
    for line in ["list --all", "list"] {
        let listed = Tool::on(bed.lan_host(1)).result(line);
        let rows = listed["mappings"].as_array().expect("a list");
        assert_eq!(rows.len(), usize::from(ALL), "each once");
        let found: HashSet<_> = rows
            .iter()
            .map(|row| {
                let host = row["remote_host"].as_str().expect("a text");
                (row["external_port"].as_u64().expect("a number"), host.to_owned())
            })
            .collect();
        assert_eq!(found, expected);
        assert_eq!(listed["complete"], true);
        assert_eq!(listed["seen"], ALL);
    }
}
