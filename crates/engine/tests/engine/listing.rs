use super::*;

fn list(gateway: &mut Gateway, caller: &str, number: &str, manage: &str) -> Result<String, u16> {
    let arguments = [
        ("NewStartPort", "1024"),
        ("NewEndPort", "65535"),
        ("NewProtocol", "TCP"),
        ("NewManage", manage),
        ("NewNumberOfPorts", number),
    ];
    let outputs = gateway.call(caller, 2, "GetListOfPortMappings", &arguments)?;
    Ok(outputs["NewPortListing"].to_string())
}

fn ports(listing: &str) -> Vec<u16> {
    let entries = listing.split("<p:NewExternalPort>").skip(1);
    entries
        .map(|rest| rest.split('<').next().unwrap().parse().unwrap())
        .collect()
}

#[test]
fn pages_hold_the_lowest_ports_and_no_more_than_the_page_size() {
    let mut gateway = Gateway::new(Config {
        policy: open_policy(),
        ..config()
    });
    assert_eq!(list(&mut gateway, ALICE, "0", "1"), Err(730));
    for port in (2000..2150).rev() {
        let caller = if port % 2 == 0 { ALICE } else { BOB };
        gateway
            .add(caller, ADD, &[("NewExternalPort", &port.to_string())])
            .unwrap();
    }
    let page = ports(&list(&mut gateway, ALICE, "0", "1").unwrap());
    assert_eq!(page, (2000..2100).collect::<Vec<u16>>());
    assert_eq!(ports(&list(&mut gateway, ALICE, "3", "1").unwrap()), [2000, 2001, 2002]);
    assert_eq!(ports(&list(&mut gateway, BOB, "3", "0").unwrap()), [2001, 2003, 2005]);
    let range = [
        ("NewStartPort", "2140"),
        ("NewEndPort", "65535"),
        ("NewProtocol", "TCP"),
        ("NewManage", "1"),
    ];
    let total = gateway.call(ALICE, 2, "X_GetTotalPortMappings", &range).unwrap();
    assert_eq!(total["NewTotalMappings"].to_string(), "10");
}

#[test]
fn the_listing_carries_every_field() {
    let mut gateway = Gateway::new(config());
    let given = [
        ("NewRemoteHost", "11.11.11.7"),
        ("NewPortMappingDescription", "a ]]> <b> & c"),
    ];
    gateway.add(ALICE, ADD, &given).unwrap();
    let listing = list(&mut gateway, ALICE, "0", "0").unwrap();
    for piece in [
        "<p:NewRemoteHost>11.11.11.7</p:NewRemoteHost>",
        "<p:NewInternalClient>192.168.77.11</p:NewInternalClient>",
        "<p:NewDescription>a ]]&gt; &lt;b&gt; &amp; c</p:NewDescription>",
        "<p:NewLeaseTime>3600</p:NewLeaseTime>",
    ] {
        assert!(listing.contains(piece), "{piece} in {listing}");
    }
}
