//! GetNATRSIPStatus.

use portreeve_lab::Bed;

#[test]
fn nat_is_enabled_and_rsip_is_not_available() {
    let Some(bed) = Bed::shared() else { return };
    let answer = bed
        .client(1)
        .call("GetNATRSIPStatus", &[])
        .expect("anybody may read it");
    assert_eq!(answer.names(), ["NewRSIPAvailable", "NewNATEnabled"]);
    // Booleans are sent as digits.
    assert_eq!(
        (answer.get("NewRSIPAvailable"), answer.get("NewNATEnabled")),
        ("0", "1")
    );
}
