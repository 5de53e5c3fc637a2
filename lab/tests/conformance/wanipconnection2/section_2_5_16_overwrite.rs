//! Figures 2-3 and 2-4: a new request compared with an existing entry, row by row.

use portreeve_lab::Bed;
use portreeve_lab::upnp::{PortMapping, refused};

#[test]
fn add_row_1_another_protocol_is_another_entry() {
    let Some(bed) = Bed::shared() else { return };
    let (first, second) = (bed.client(1), bed.client(2));
    let port = bed.port();
    first.add(&PortMapping::new(&first, port)).expect("the port is free");
    first
        .add(&PortMapping::new(&first, port).udp())
        .expect("the same client");
    let other = bed.port();
    first.add(&PortMapping::new(&first, other)).expect("the port is free");
    second
        .add(&PortMapping::new(&second, other).udp())
        .expect("another client");
}

#[test]
fn add_row_2_another_external_port_is_another_entry() {
    let Some(bed) = Bed::shared() else { return };
    let (first, second) = (bed.client(1), bed.client(2));
    let internal = bed.port();
    first
        .add(&PortMapping::new(&first, bed.port()).to_port(internal))
        .expect("the port is free");
    first
        .add(&PortMapping::new(&first, bed.port()).to_port(internal))
        .expect("the same client and internal port");
    second
        .add(&PortMapping::new(&second, bed.port()).to_port(internal))
        .expect("another client");
}

#[test]
fn add_row_3_another_remote_host_and_another_client_conflict() {
    let Some(bed) = Bed::shared() else { return };
    let (first, second) = (bed.client(1), bed.client(2));
    let port = bed.port();
    first
        .add(&PortMapping::new(&first, port).from_host("11.11.11.7"))
        .expect("the port is free");
    refused(
        second.add(&PortMapping::new(&second, port).from_host("11.11.11.8")),
        &[718],
    );
    refused(second.add(&PortMapping::new(&second, port)), &[718]);
}

#[test]
fn add_row_4_another_remote_host_of_the_same_client_is_kept_beside_or_conflicts() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, bed.port())
        .from_host("11.11.11.7")
        .to_port(7001);
    let other = mapping.clone().from_host("11.11.11.8").to_port(7002);
    client.add(&mapping).expect("the port is free");
    match client.add(&other) {
        Ok(_) => {
            let answer = client.specific(&other).expect("the new one is there");
            assert_eq!(answer.get("NewInternalPort"), "7002");
        }
        Err(fault) => assert_eq!(fault.code, 718, "{fault}"),
    }
    let answer = client.specific(&mapping).expect("the first one stays");
    assert_eq!(answer.get("NewInternalPort"), "7001");
}

#[test]
fn add_row_5_the_same_key_of_another_client_conflicts() {
    let Some(bed) = Bed::shared() else { return };
    let (first, second) = (bed.client(1), bed.client(2));
    let mapping = PortMapping::new(&first, bed.port());
    first.add(&mapping).expect("the port is free");
    refused(second.add(&mapping.clone().to_client(&second.address())), &[718]);
    let answer = first.specific(&mapping).expect("the owner keeps it");
    assert_eq!(answer.get("NewInternalClient"), first.address());
}

#[test]
fn add_row_6_the_same_key_of_the_same_client_overwrites() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, bed.port())
        .to_port(7001)
        .described("old")
        .lease(60);
    client.add(&mapping).expect("the port is free");
    let mut changed = mapping.to_port(7002).described("new").lease(600);
    changed.enabled = String::from("0");
    client.add(&changed).expect("an own mapping");
    let answer = client.specific(&changed).expect("an own mapping");
    let values: Vec<_> = answer.0[..4].iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(values, ["7002", "192.168.77.11", "0", "new"]);
    assert!((590..=600).contains(&answer.number("NewLeaseDuration")));
}

#[test]
fn add_row_6_the_same_key_with_a_remote_host_overwrites() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, bed.port())
        .from_host("11.11.11.7")
        .to_port(7001);
    client.add(&mapping).expect("the port is free");
    client
        .add(&mapping.clone().to_port(7002))
        .expect("a refresh by its owner");
    let answer = client.specific(&mapping).expect("an own mapping");
    assert_eq!(answer.get("NewInternalPort"), "7002");
}

#[test]
fn add_any_row_1_another_protocol_gets_the_port() {
    let Some(bed) = Bed::shared() else { return };
    let (first, second) = (bed.client(1), bed.client(2));
    let port = bed.port();
    first.add(&PortMapping::new(&first, port)).expect("the port is free");
    assert_eq!(second.add_any(&PortMapping::new(&second, port).udp()), Ok(port));
}

#[test]
fn add_any_row_2_another_external_port_is_granted() {
    let Some(bed) = Bed::shared() else { return };
    let (first, second) = (bed.client(1), bed.client(2));
    first
        .add(&PortMapping::new(&first, bed.port()))
        .expect("the port is free");
    let port = bed.port();
    assert_eq!(second.add_any(&PortMapping::new(&second, port)), Ok(port));
}

#[test]
fn add_any_row_3_another_remote_host_and_client_get_another_port() {
    let Some(bed) = Bed::shared() else { return };
    let (first, second) = (bed.client(1), bed.client(2));
    let port = bed.port();
    first
        .add(&PortMapping::new(&first, port).from_host("11.11.11.7"))
        .expect("the port is free");
    let reserved = second
        .add_any(&PortMapping::new(&second, port).from_host("11.11.11.8"))
        .expect("any port will do");
    assert_ne!(reserved, port);
}

#[test]
fn add_any_row_4_another_remote_host_of_the_same_client_succeeds() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let mapping = PortMapping::new(&client, bed.port()).from_host("11.11.11.7");
    client.add(&mapping).expect("the port is free");
    client
        .add_any(&mapping.clone().from_host("11.11.11.8"))
        .expect("beside it, or on another port");
    client.specific(&mapping).expect("the first one stays");
}

#[test]
fn add_any_row_5_the_same_key_of_another_client_gets_another_port() {
    let Some(bed) = Bed::shared() else { return };
    let (first, second) = (bed.client(1), bed.client(2));
    let port = bed.port();
    first.add(&PortMapping::new(&first, port)).expect("the port is free");
    let reserved = second
        .add_any(&PortMapping::new(&second, port))
        .expect("any port will do");
    assert_ne!(reserved, port);
    let answer = second
        .specific(&PortMapping::new(&second, reserved))
        .expect("the reserved port is mapped");
    assert_eq!(answer.get("NewInternalPort"), port.to_string());
    first
        .specific(&PortMapping::new(&first, port))
        .expect("the owner keeps it");
}

#[test]
fn add_any_row_6_the_same_key_of_the_same_client_overwrites() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let port = bed.port();
    let mapping = PortMapping::new(&client, port).to_port(7001);
    assert_eq!(client.add_any(&mapping), Ok(port));
    assert_eq!(client.add_any(&mapping.clone().to_port(7002)), Ok(port));
    let answer = client.specific(&mapping).expect("an own mapping");
    assert_eq!(answer.get("NewInternalPort"), "7002");
}

#[test]
fn add_any_row_6_a_refresh_with_a_remote_host_keeps_its_port() {
    let Some(bed) = Bed::shared() else { return };
    let client = bed.client(1);
    let port = bed.port();
    let mapping = PortMapping::new(&client, port).from_host("11.11.11.7");
    assert_eq!(client.add_any(&mapping), Ok(port));
    assert_eq!(client.add_any(&mapping), Ok(port));
}
