use portreeve_testkit::ScriptedGateway;
use portreeve_testkit::scripted::{IgdVersion, PortMapping};

use crate::tool::{error, portreeve, result, status};

fn gateway(version: IgdVersion) -> ScriptedGateway {
    ScriptedGateway::builder()
        .igd(version)
        .mapping(PortMapping::new("TCP", 8000, "127.0.0.1", 80).lease(3600))
        .mapping(PortMapping::new("UDP", 8000, "127.0.0.1", 80).lease(3600))
        .mapping(PortMapping::new("TCP", 8001, "192.168.77.99", 80).lease(3600))
        .start_on_loopback()
}

#[test]
fn one_mapping_is_removed_and_said_so() {
    let gateway = gateway(IgdVersion::V2);
    let line = format!("unmap 8000 --gateway {}", gateway.description_url());
    assert_eq!(portreeve(&line).success(), "removed TCP port 8000\n");
    assert_eq!(gateway.mappings().len(), 2);
    let finished = portreeve(&line);
    assert_eq!((status(&finished), finished.stdout.as_str()), (1, ""));
    let failure = error(&portreeve(&format!("{line} --json")), 1);
    assert_eq!(failure["code"], "no-such-mapping");
}

#[test]
fn a_mapping_for_one_remote_host_is_removed_too_if_it_leads_here() {
    let ours = PortMapping::new("TCP", 9000, "127.0.0.1", 80).remote_host("11.11.11.9");
    let theirs = PortMapping::new("TCP", 9001, "192.168.77.99", 80).remote_host("11.11.11.9");
    let gateway = ScriptedGateway::builder()
        .mapping(ours)
        .mapping(theirs)
        .start_on_loopback();
    let line = |port| format!("unmap {port} --gateway {}", gateway.description_url());
    assert_eq!(portreeve(&line(9000)).success(), "removed TCP port 9000\n");
    assert_eq!(status(&portreeve(&line(9001))), 1);
    assert_eq!(gateway.mappings().len(), 1);
}

#[test]
fn both_means_whichever_is_there() {
    let gateway = gateway(IgdVersion::V2);
    gateway.forget_mapping("TCP", 8000);
    let line = format!(
        "unmap 8000 --protocol both --json --gateway {}",
        gateway.description_url()
    );
    let result = result(&portreeve(&line));
    assert_eq!(
        result["removed"],
        serde_json::json!([{"protocol": "UDP", "external_port": 8000}])
    );
    assert_eq!(
        result["absent"],
        serde_json::json!([{"protocol": "TCP", "external_port": 8000}])
    );
}

#[test]
fn of_a_range_only_what_leads_here_is_removed() {
    for version in [IgdVersion::V1, IgdVersion::V2] {
        let gateway = gateway(version);
        let line = format!("unmap --range 7990-8010 --gateway {}", gateway.description_url());
        assert_eq!(portreeve(&line).success(), "removed TCP port 8000\n");
        let left: Vec<_> = gateway
            .mappings()
            .iter()
            .map(|mapping| (mapping.protocol.clone(), mapping.external_port))
            .collect();
        assert_eq!(left, [("UDP".to_owned(), 8000), ("TCP".to_owned(), 8001)]);
        assert_eq!(portreeve(&line).success(), "there was nothing to remove\n");
    }
}

#[test]
fn both_protocols_of_a_range_are_told_one_by_one() {
    let gateway = gateway(IgdVersion::V2);
    let line = "unmap --range 8000-8000 --protocol both --json --gateway";
    let result = result(&portreeve(&format!("{line} {}", gateway.description_url())));
    assert_eq!(result["removed"].as_array().unwrap().len(), 2, "{result}");
    assert_eq!(gateway.mappings().len(), 1);
}
