use std::num::NonZeroU16;
use std::sync::Arc;

use portreeve_engine::{Expiry, Key, Mapping, Origin};

use super::*;

#[test]
fn it_counts_changes_and_a_range_or_a_renewal_is_not_many() {
    let mut gateway = Gateway::new(config());
    let expect = |gateway: &mut Gateway, id: u32, what: &str| {
        assert_eq!(gateway.variable("SystemUpdateID"), Ok(Value::Ui4(id)), "after {what}");
    };
    for port in ["2001", "2002", "2003"] {
        gateway.add(ALICE, ADD, &[("NewExternalPort", port)]).unwrap();
    }
    expect(&mut gateway, 3, "three additions");
    gateway.add(ALICE, ADD, &[("NewExternalPort", "2001")]).unwrap();
    expect(&mut gateway, 3, "a renewal");
    gateway
        .add(ALICE, ADD, &[("NewExternalPort", "2001"), ("NewEnabled", "0")])
        .unwrap();
    expect(&mut gateway, 4, "switching off");
    assert_eq!(gateway.add(BOB, ADD, &[("NewExternalPort", "2001")]), Err(718));
    expect(&mut gateway, 4, "a refusal");
    let range = [
        ("NewStartPort", "2001"),
        ("NewEndPort", "2002"),
        ("NewProtocol", "TCP"),
        ("NewManage", "0"),
    ];
    gateway.call(ALICE, 2, "DeletePortMappingRange", &range).unwrap();
    expect(&mut gateway, 5, "a range of two");
    gateway.pass(Duration::from_secs(3600));
    expect(&mut gateway, 6, "an expiry");
}

#[test]
fn a_reload_counts_once_if_it_changes_static_mappings_and_not_otherwise() {
    let mut gateway = Gateway::new(config());
    gateway.add(ALICE, ADD, &[]).unwrap();
    let fixed = |port| {
        let alices = some_mapping(&mut Gateway::new(config()));
        let key = Key {
            external_port: port,
            ..alices.key
        };
        Arc::new(Mapping {
            key,
            origin: Origin::Static,
            expiry: Expiry::Never,
            ..alices
        })
    };
    let ports = [2001, 2002].map(|port| NonZeroU16::new(port).unwrap());
    let statics: Vec<Arc<Mapping>> = ports.map(fixed).into();
    for (statics, id) in [(statics.clone(), 2), (statics, 2), (Vec::new(), 3)] {
        gateway.ask(Request::Reconfigure(Box::new(Config { statics, ..config() })));
        assert_eq!(gateway.variable("SystemUpdateID"), Ok(Value::Ui4(id)));
    }
    assert_eq!(gateway.mappings().len(), 1);
}

/// Some mapping of Alice.
fn some_mapping(gateway: &mut Gateway) -> Mapping {
    gateway.add(ALICE, ADD, &[]).unwrap();
    Mapping::clone(&gateway.mappings()[0])
}
