//! GetExternalIPAddress.

use portreeve_lab::Bed;

#[test]
fn it_is_the_address_of_the_wan_interface() {
    let Some(bed) = Bed::shared() else { return };
    let answer = bed
        .client(1)
        .call("GetExternalIPAddress", &[])
        .expect("anybody may read it");
    assert_eq!(
        answer.0,
        [(String::from("NewExternalIPAddress"), bed.wan_ipv4().to_string())]
    );
}
