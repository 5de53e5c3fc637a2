//! What `Call::parse` accepts and refuses, with and without each quirk.

use portreeve_wire::service::WAN_IP_CONNECTION;
use portreeve_wire::{Call, ErrorCode, Fault, Quirk, Quirks};

const ADD: [(&str, &str); 8] = [
    ("NewRemoteHost", ""),
    ("NewExternalPort", "8080"),
    ("NewProtocol", "TCP"),
    ("NewInternalPort", "80"),
    ("NewInternalClient", "192.168.77.2"),
    ("NewEnabled", "1"),
    ("NewPortMappingDescription", "web"),
    ("NewLeaseDuration", "3600"),
];

/// AddPortMapping with one argument replaced, or left out.
fn add_with(name: &str, text: Option<&str>, quirks: Quirks) -> Result<Call, Fault> {
    add_any_with("AddPortMapping", name, text, quirks)
}

fn add_any_with(action: &str, name: &str, text: Option<&str>, quirks: Quirks) -> Result<Call, Fault> {
    let arguments: Vec<(&str, &str)> = ADD
        .into_iter()
        .filter_map(|(n, t)| if n == name { Some((n, text?)) } else { Some((n, t)) })
        .collect();
    Call::parse(&WAN_IP_CONNECTION, 2, action, &arguments, quirks)
}

fn code(result: Result<Call, Fault>) -> Option<ErrorCode> {
    result.err().map(|fault| fault.code)
}

#[test]
fn a_good_call_is_read_in_table_order_whatever_order_it_came_in() {
    let mut shuffled = ADD;
    shuffled.reverse();
    let call = Call::parse(&WAN_IP_CONNECTION, 1, "AddPortMapping", &shuffled, Quirks::NONE).unwrap();
    assert_eq!(call.version, 1);
    assert_eq!(call.text("NewRemoteHost"), "");
    assert_eq!(call.ui2("NewExternalPort"), 8080);
    assert_eq!(call.text("NewProtocol"), "TCP");
    assert_eq!(call.ui2("NewInternalPort"), 80);
    assert_eq!(call.text("NewInternalClient"), "192.168.77.2");
    assert!(call.boolean("NewEnabled"));
    assert_eq!(call.text("NewPortMappingDescription"), "web");
    assert_eq!(call.ui4("NewLeaseDuration"), 3600);
}

#[test]
fn action_unknown_in_this_version_is_401() {
    let none: [(&str, &str); 0] = [];
    let parse = |version, action| Call::parse(&WAN_IP_CONNECTION, version, action, &none, Quirks::default());
    assert_eq!(code(parse(2, "Nonsense")), Some(ErrorCode::InvalidAction));
    assert_eq!(code(parse(1, "AddAnyPortMapping")), Some(ErrorCode::InvalidAction));
    assert_eq!(
        code(parse(1, "X_GetExternalIPv6Address")),
        Some(ErrorCode::InvalidAction)
    );
    assert_eq!(code(parse(2, "getExternalIPAddress")), Some(ErrorCode::InvalidAction));
    assert!(parse(1, "GetExternalIPAddress").is_ok());
}

#[test]
fn missing_surplus_doubled_and_mistyped_arguments_are_402() {
    let surplus: Vec<_> = ADD.into_iter().chain([("NewNonsense", "")]).collect();
    let doubled: Vec<_> = ADD.into_iter().chain([("NewProtocol", "TCP")]).collect();
    for arguments in [surplus, doubled] {
        let call = Call::parse(&WAN_IP_CONNECTION, 2, "AddPortMapping", &arguments, Quirks::default());
        assert_eq!(code(call), Some(ErrorCode::InvalidArgs));
    }
    for (name, text) in [
        ("NewProtocol", None),
        ("NewExternalPort", None),
        ("NewExternalPort", Some("")),
        ("NewExternalPort", Some("http")),
        ("NewExternalPort", Some("65536")),
        ("NewExternalPort", Some("-1")),
        ("NewExternalPort", Some("80.0")),
        ("NewEnabled", Some("2")),
        ("NewEnabled", Some("")),
        ("NewLeaseDuration", Some("4294967296")),
        ("NewInternalClient", None),
    ] {
        assert_eq!(
            code(add_with(name, text, Quirks::default())),
            Some(ErrorCode::InvalidArgs),
            "{name} {text:?}"
        );
    }
}

#[test]
fn a_type_error_anywhere_comes_before_a_range_error() {
    let arguments = ADD.map(|(name, text)| match name {
        "NewProtocol" => (name, "SCTP"),
        "NewEnabled" => (name, "maybe"),
        _ => (name, text),
    });
    let call = Call::parse(&WAN_IP_CONNECTION, 2, "AddPortMapping", &arguments, Quirks::default());
    assert_eq!(code(call), Some(ErrorCode::InvalidArgs));
}

#[test]
fn values_outside_the_allowed_list_are_601() {
    for protocol in ["", "SCTP", "6", "*"] {
        let refused = code(add_with("NewProtocol", Some(protocol), Quirks::default()));
        assert_eq!(refused, Some(ErrorCode::ArgumentValueOutOfRange), "{protocol}");
    }
    let set = |kind| {
        let arguments = [("NewConnectionType", kind)];
        Call::parse(
            &WAN_IP_CONNECTION,
            2,
            "SetConnectionType",
            &arguments,
            Quirks::default(),
        )
    };
    assert_eq!(code(set("PPPoE_Bridged")), Some(ErrorCode::ArgumentValueOutOfRange));
    assert_eq!(code(set("IP_Bridged")), None);
}

#[test]
fn texts_beyond_the_maximum_length_are_605() {
    for name in ["NewPortMappingDescription", "NewInternalClient", "NewRemoteHost"] {
        let refused = code(add_with(name, Some(&"x".repeat(256)), Quirks::default()));
        assert_eq!(refused, Some(ErrorCode::StringArgumentTooLong), "{name}");
        assert_eq!(
            code(add_with(name, Some(&"x".repeat(255)), Quirks::default())),
            None,
            "{name}"
        );
    }
}

#[test]
fn what_the_engine_decides_passes_as_it_came() {
    let call = add_with("NewLeaseDuration", Some("604801"), Quirks::default()).unwrap();
    assert_eq!(call.ui4("NewLeaseDuration"), 604801);
    let call = add_with("NewInternalPort", Some("0"), Quirks::default()).unwrap();
    assert_eq!(call.ui2("NewInternalPort"), 0);
}

#[test]
fn six_spellings_of_booleans_in_any_case() {
    for (text, expected) in [
        ("1", true),
        ("true", true),
        ("Yes", true),
        ("0", false),
        ("FALSE", false),
        ("no", false),
    ] {
        let call = add_with("NewEnabled", Some(text), Quirks::NONE).unwrap();
        assert_eq!(call.boolean("NewEnabled"), expected, "{text}");
    }
}

/// Each quirk of the arguments: what it turns into what when it is on, and what happens without it.
#[test]
fn argument_quirks_on_and_off() {
    use Quirk::*;
    let refused = |code| Err::<&str, _>(code);
    let invalid = ErrorCode::InvalidArgs;
    let range = ErrorCode::ArgumentValueOutOfRange;
    let table = [
        (RemoteHostMissing, "NewRemoteHost", None, "", refused(invalid)),
        (RemoteHostWildcard, "NewRemoteHost", Some("*"), "", Ok("*")),
        (RemoteHostWildcard, "NewRemoteHost", Some("0.0.0.0"), "", Ok("0.0.0.0")),
        (RemoteHostWildcard, "NewRemoteHost", Some("0"), "", Ok("0")),
        (
            ExternalPortWildcard,
            "NewExternalPort",
            Some("*"),
            "0",
            refused(invalid),
        ),
        (
            InternalClientPadding,
            "NewInternalClient",
            Some(" 192.168.77.2\n"),
            "192.168.77.2",
            Ok(" 192.168.77.2\n"),
        ),
        (LeaseDurationMissing, "NewLeaseDuration", None, "0", refused(invalid)),
        (
            LeaseDurationMissing,
            "NewLeaseDuration",
            Some(""),
            "0",
            refused(invalid),
        ),
        (ProtocolCase, "NewProtocol", Some("udp"), "UDP", refused(range)),
    ];
    for (quirk, name, text, with, without) in table {
        for action in ["AddPortMapping", "AddAnyPortMapping"] {
            let call = add_any_with(action, name, text, Quirks::NONE.with(quirk)).unwrap();
            assert_eq!(call.argument(name).to_string(), with, "{quirk:?} on, {text:?}");
            let strict = add_any_with(action, name, text, Quirks::default().without(quirk));
            let strict = strict
                .map(|call| call.argument(name).to_string())
                .map_err(|fault| fault.code);
            assert_eq!(strict, without.map(str::to_owned), "{quirk:?} off, {text:?}");
        }
    }
}

#[test]
fn wildcard_port_is_only_for_adding() {
    let arguments = [("NewRemoteHost", ""), ("NewExternalPort", "*"), ("NewProtocol", "TCP")];
    let call = Call::parse(
        &WAN_IP_CONNECTION,
        2,
        "DeletePortMapping",
        &arguments,
        Quirks::default(),
    );
    assert_eq!(code(call), Some(ErrorCode::InvalidArgs));
}
