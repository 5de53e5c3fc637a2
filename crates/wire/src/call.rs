//! From a request to an action call whose arguments have been checked against the service's table; and its answer.

use crate::error::{ErrorCode, Fault};
use crate::quirk::{Quirk, Quirks};
use crate::service::{self, Action, Allowed, Argument, Direction, Enforcer, Service, StateVariable};
use crate::value::Value;

/// A call that the table has accepted: the action exists in this version, every `in` argument is present, of its type
/// and within its allowed values.
#[derive(Clone, Debug)]
pub struct Call {
    /// The service called.
    pub service: &'static Service,
    /// The version that the caller spoke, which the answer must echo and which decides lease and fault rules.
    pub version: u8,
    /// The action called.
    pub action: &'static Action,
    /// The `in` arguments in the table's order.
    pub values: Vec<Value>,
}

/// The `out` arguments of an action in the table's order; their names follow from the table.
pub type Answer = Vec<Value>;

impl Call {
    /// Checks a call against the table: `arguments` are names and texts as they came, in any order.
    ///
    /// Refuses, in this order over all arguments: 401 if this version has no such action; 402 if an argument is
    /// missing, surplus, doubled or not of its type (a number too large for its type is not of that type); then 601
    /// for a value outside the allowed list or range and 605 for a text beyond the maximum length, except where the
    /// table leaves that to the engine.
    pub fn parse(
        service: &'static Service,
        version: u8,
        action: &str,
        arguments: &[(impl AsRef<str>, impl AsRef<str>)],
        quirks: Quirks,
    ) -> Result<Self, Fault> {
        let Some(action) = service.action(action, version) else {
            return Err(ErrorCode::InvalidAction.into());
        };
        let inputs = || action.arguments(Direction::In);

        for (index, (name, _)) in arguments.iter().enumerate() {
            let name = name.as_ref();
            if !inputs().any(|input| input.name == name) {
                return Err(invalid_args(name, "is no argument of this action"));
            }
            if arguments[..index].iter().any(|(earlier, _)| earlier.as_ref() == name) {
                return Err(invalid_args(name, "is given twice"));
            }
        }

        let mut values = Vec::with_capacity(inputs().count());
        for input in inputs() {
            let given = arguments.iter().find(|(name, _)| name.as_ref() == input.name);
            let text = tolerate(action, input, given.map(|(_, text)| text.as_ref()), quirks)
                .ok_or_else(|| invalid_args(input.name, "is missing"))?;
            let value = service.variable_of(input).data_type.parse(text);
            values.push(value.map_err(|error| invalid_args(input.name, &format!("is {error}")))?);
        }

        for (input, value) in inputs().zip(&values) {
            let variable = service.variable_of(input);
            if variable.enforced_by == Enforcer::Table {
                check(input, variable, value)?;
            }
        }

        Ok(Self {
            service,
            version,
            action,
            values,
        })
    }

    /// The `in` argument of this name.
    ///
    /// # Panics
    ///
    /// If the table declares no such argument for the action: a mistake in our own code, which the test that calls
    /// every action of every service finds. No input can cause it.
    pub fn argument(&self, name: &str) -> &Value {
        let mut inputs = self.action.arguments(Direction::In);
        match inputs.position(|argument| argument.name == name) {
            Some(index) => &self.values[index],
            None => panic!("{}#{} has no argument {name}", self.service.name, self.action.name),
        }
    }

    /// The `in` argument of this name, which the table declares as `ui2`. Panics as [`Call::argument`] does.
    pub fn ui2(&self, name: &str) -> u16 {
        match self.argument(name) {
            Value::Ui2(n) => *n,
            other => panic!("{name} is not a ui2 but {other:?}"),
        }
    }

    /// The `in` argument of this name, which the table declares as `ui4`. Panics as [`Call::argument`] does.
    pub fn ui4(&self, name: &str) -> u32 {
        match self.argument(name) {
            Value::Ui4(n) => *n,
            other => panic!("{name} is not a ui4 but {other:?}"),
        }
    }

    /// The `in` argument of this name, which the table declares as `boolean`. Panics as [`Call::argument`] does.
    pub fn boolean(&self, name: &str) -> bool {
        match self.argument(name) {
            Value::Boolean(b) => *b,
            other => panic!("{name} is not a boolean but {other:?}"),
        }
    }

    /// The `in` argument of this name, which the table declares as `string`. Panics as [`Call::argument`] does.
    pub fn text(&self, name: &str) -> &str {
        match self.argument(name) {
            Value::String(s) => s,
            other => panic!("{name} is not a string but {other:?}"),
        }
    }
}

/// Finds out which service and version a call is for, from the service whose control URL was used, the service type
/// named in the request, and the action.
///
/// A type that is right decides alone. Otherwise [`Quirk::ServiceMismatch`] looks for the action: first in the service
/// named, then in the one addressed, then in all; and takes the version named if it is one that we serve, else the
/// lowest one that has the action. 401 if nothing fits.
pub fn dispatch(
    addressed: &'static Service,
    service_type: &str,
    action: &str,
    quirks: Quirks,
) -> Result<(&'static Service, u8), Fault> {
    let named = service::by_urn(service_type);
    if let Some((service, Some(version))) = named
        && std::ptr::eq(service, addressed)
        && (1..=service.version).contains(&version)
    {
        return Ok((service, version));
    }
    if !quirks.has(Quirk::ServiceMismatch) {
        return Err(Fault::because(
            ErrorCode::InvalidAction,
            "no such service type at this control URL",
        ));
    }

    let (named, version) = named.unzip();
    let candidates = named.into_iter().chain([addressed]).chain(service::ALL.iter().copied());
    let found = candidates
        .filter_map(|service| Some((service, service.action(action, service.version)?)))
        .next();
    let Some((service, action)) = found else {
        return Err(ErrorCode::InvalidAction.into());
    };
    let version = version.flatten().unwrap_or(action.since);
    Ok((service, version.clamp(action.since, service.version)))
}

/// What a client that deviates from the standard means by the text of an argument, or by leaving it out.
fn tolerate<'a>(action: &Action, input: &Argument, text: Option<&'a str>, quirks: Quirks) -> Option<&'a str> {
    let adds = matches!(action.name, "AddPortMapping" | "AddAnyPortMapping");
    match (input.name, text) {
        ("NewRemoteHost", None) if quirks.has(Quirk::RemoteHostMissing) => Some(""),
        ("NewRemoteHost", Some("*" | "0" | "0.0.0.0")) if quirks.has(Quirk::RemoteHostWildcard) => Some(""),
        ("NewExternalPort", Some("*")) if adds && quirks.has(Quirk::ExternalPortWildcard) => Some("0"),
        ("NewInternalClient", Some(client)) if quirks.has(Quirk::InternalClientPadding) => Some(client.trim()),
        ("NewLeaseDuration", None | Some("")) if quirks.has(Quirk::LeaseDurationMissing) => Some("0"),
        ("NewProtocol", Some(protocol)) if quirks.has(Quirk::ProtocolCase) => {
            let standard = ["TCP", "UDP"];
            let known = standard.into_iter().find(|known| known.eq_ignore_ascii_case(protocol));
            Some(known.unwrap_or(protocol))
        }
        (_, text) => text,
    }
}

fn check(input: &Argument, variable: &StateVariable, value: &Value) -> Result<(), Fault> {
    match (variable.allowed, value) {
        (Allowed::Values(allowed), Value::String(text)) if !allowed.contains(&text.as_str()) => Err(Fault::because(
            ErrorCode::ArgumentValueOutOfRange,
            format!("{} must be one of {}", input.name, allowed.join(", ")),
        )),
        (Allowed::Range { minimum, maximum, .. }, Value::Ui2(n)) => check_range(input, minimum, maximum, (*n).into()),
        (Allowed::Range { minimum, maximum, .. }, Value::Ui4(n)) => check_range(input, minimum, maximum, *n),
        (Allowed::MaximumLength(longest), Value::String(text)) if text.len() > longest => Err(Fault::because(
            ErrorCode::StringArgumentTooLong,
            format!("{} may have {longest} bytes", input.name),
        )),
        _ => Ok(()),
    }
}

fn check_range(input: &Argument, minimum: u32, maximum: u32, number: u32) -> Result<(), Fault> {
    if (minimum..=maximum).contains(&number) {
        return Ok(());
    }
    Err(Fault::because(
        ErrorCode::ArgumentValueOutOfRange,
        format!("{} must be within {minimum} and {maximum}", input.name),
    ))
}

fn invalid_args(name: &str, problem: &str) -> Fault {
    // A stranger's argument name is repeated only so far that it still tells which one is meant.
    let name: String = name.chars().take(64).collect();
    Fault::because(ErrorCode::InvalidArgs, format!("{name} {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::{LAYER3_FORWARDING, WAN_COMMON_INTERFACE_CONFIG, WAN_IP_CONNECTION};

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

    #[test]
    fn dispatch_follows_a_correct_service_type() {
        let dispatch = |urn, action| dispatch(&WAN_IP_CONNECTION, urn, action, Quirks::NONE).unwrap();
        let (service, version) = dispatch("urn:schemas-upnp-org:service:WANIPConnection:1", "AddAnyPortMapping");
        assert_eq!((service.name, version), ("WANIPConnection", 1));
        let (_, version) = dispatch("urn:schemas-upnp-org:service:WANIPConnection:2", "Nonsense");
        assert_eq!(version, 2);
    }

    #[test]
    fn dispatch_finds_the_action_despite_a_wrong_service_type() {
        let table = [
            (
                "urn:schemas-upnp-org:service:WANIPConnection:",
                "AddPortMapping",
                &WAN_IP_CONNECTION,
                1,
            ),
            (
                "urn:schemas-upnp-org:service:WANIPConnection",
                "AddAnyPortMapping",
                &WAN_IP_CONNECTION,
                2,
            ),
            (
                "urn:schemas-upnp-org:service:WANIPConnection:3",
                "AddPortMapping",
                &WAN_IP_CONNECTION,
                2,
            ),
            (
                "urn:schemas-upnp-org:service:WANPPPConnection:1",
                "AddPortMapping",
                &WAN_IP_CONNECTION,
                1,
            ),
            ("", "GetExternalIPAddress", &WAN_IP_CONNECTION, 1),
            (
                "urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1",
                "GetTotalBytesSent",
                &WAN_COMMON_INTERFACE_CONFIG,
                1,
            ),
            (
                "urn:dslforum-org:service:Layer3Forwarding:1",
                "GetDefaultConnectionService",
                &LAYER3_FORWARDING,
                1,
            ),
        ];
        for (urn, action, service, version) in table {
            let found = dispatch(&WAN_IP_CONNECTION, urn, action, Quirks::default()).map(|(s, v)| (s.name, v));
            assert_eq!(found.unwrap(), (service.name, version), "{urn}#{action}");
            let strict = dispatch(&WAN_IP_CONNECTION, urn, action, Quirks::NONE).map(|_| ());
            assert_eq!(strict.unwrap_err().code, ErrorCode::InvalidAction, "{urn}#{action}");
        }
        let lost = dispatch(&WAN_IP_CONNECTION, "", "Nonsense", Quirks::default()).map(|_| ());
        assert_eq!(lost.unwrap_err().code, ErrorCode::InvalidAction);
    }
}
