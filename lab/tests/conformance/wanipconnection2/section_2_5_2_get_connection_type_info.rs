//! GetConnectionTypeInfo.

use portreeve_lab::Bed;

#[test]
fn the_type_is_one_of_the_possible_types() {
    let Some(bed) = Bed::shared() else { return };
    let answer = bed
        .client(1)
        .call("GetConnectionTypeInfo", &[])
        .expect("anybody may read the type");
    assert_eq!(answer.names(), ["NewConnectionType", "NewPossibleConnectionTypes"]);
    let possible: Vec<_> = answer.get("NewPossibleConnectionTypes").split(',').collect();
    assert!(possible.contains(&answer.get("NewConnectionType")), "{answer:?}");
}

#[test]
fn a_router_is_ip_routed() {
    let Some(bed) = Bed::shared() else { return };
    let answer = bed
        .client(1)
        .call("GetConnectionTypeInfo", &[])
        .expect("anybody may read the type");
    assert_eq!(answer.get("NewConnectionType"), "IP_Routed");
}

#[test]
fn the_possible_types_are_separated_by_commas_without_white_space() {
    let Some(bed) = Bed::shared() else { return };
    let answer = bed
        .client(1)
        .call("GetConnectionTypeInfo", &[])
        .expect("anybody may read the type");
    let possible = answer.get("NewPossibleConnectionTypes");
    assert!(!possible.contains(char::is_whitespace), "{possible:?}");
    for value in possible.split(',') {
        assert!(
            ["Unconfigured", "IP_Routed", "IP_Bridged"].contains(&value) || value.starts_with("X_"),
            "{value}"
        );
    }
}
