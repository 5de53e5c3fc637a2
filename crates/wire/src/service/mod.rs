//! Services as data: each is declared once, and everything else about it is derived.

#[macro_use]
mod build;
pub mod lan_host_config_management;
pub mod layer3_forwarding;
pub mod wan_common_interface_config;
mod wan_connection;
pub mod wan_ip_connection;
pub mod wan_ipv6_firewall_control;
pub mod wan_ppp_connection;

pub use lan_host_config_management::LAN_HOST_CONFIG_MANAGEMENT;
pub use layer3_forwarding::LAYER3_FORWARDING;
pub use wan_common_interface_config::WAN_COMMON_INTERFACE_CONFIG;
pub use wan_ip_connection::WAN_IP_CONNECTION;
pub use wan_ipv6_firewall_control::WAN_IPV6_FIREWALL_CONTROL;
pub use wan_ppp_connection::WAN_PPP_CONNECTION;

use crate::error::ErrorCode;
use crate::value::DataType;

/// Every service that there is a table of, in the order of the device tree. A control point may meet all of them; which
/// a gateway has is its [`Offer`](crate::Offer).
pub static KNOWN: &[&Service] = &[
    &LAYER3_FORWARDING,
    &WAN_COMMON_INTERFACE_CONFIG,
    &WAN_IP_CONNECTION,
    &WAN_PPP_CONNECTION,
    &WAN_IPV6_FIREWALL_CONTROL,
    &LAN_HOST_CONFIG_MANAGEMENT,
];

/// The [known](KNOWN) service of this name (`WANIPConnection`, without URN and version), in any letter case.
pub fn by_name(name: &str) -> Option<&'static Service> {
    KNOWN
        .iter()
        .copied()
        .find(|service| service.name.eq_ignore_ascii_case(name))
}

/// For control points: the [known](KNOWN) service that a type URN of some gateway means, and the version as found:
/// `None` if there is no number, which some gateways leave out, or none that makes sense. The domain may be that of the
/// DSL Forum, under which the services were before they were a standard.
pub fn by_urn(urn: &str) -> Option<(&'static Service, Option<u8>)> {
    let mut parts = urn.trim().split(':').map(str::trim);
    let mut next_is = |texts: &[&str]| {
        let part = parts.next()?;
        texts.iter().any(|text| text.eq_ignore_ascii_case(part)).then_some(())
    };
    next_is(&["urn"])?;
    next_is(&["schemas-upnp-org", "dslforum-org"])?;
    next_is(&["service"])?;
    let service = by_name(parts.next()?)?;
    Some((service, parts.next().and_then(|version| version.parse().ok())))
}

/// For the gateway: the [known](KNOWN) service that a type URN names to the letter, and the version that the URN asks
/// for: `None` if the URN ends without a number, as some clients write it. The version may be one that we do not serve.
pub fn by_exact_urn(urn: &str) -> Option<(&'static Service, Option<u8>)> {
    let rest = urn.trim().strip_prefix(URN_PREFIX)?;
    let (name, version) = rest.split_once(':').unwrap_or((rest, ""));
    let version = match version {
        "" => None,
        digits => Some(digits.parse().ok()?),
    };
    let service = KNOWN.iter().copied().find(|service| service.name == name)?;
    Some((service, version))
}

const URN_PREFIX: &str = "urn:schemas-upnp-org:service:";

/// A UPnP service: its identity, its state variables and its actions, in the order of the standard's tables.
#[derive(Debug)]
pub struct Service {
    /// The type's name, for instance `WANIPConnection`.
    pub name: &'static str,
    /// The highest version served.
    pub version: u8,
    /// First version of the InternetGatewayDevice that has it.
    pub since: u8,
    /// The instance's name within `urn:upnp-org:serviceId:`, the same in every version.
    pub id: &'static str,
    /// The name that stands for the service in URL paths.
    pub path: &'static str,
    /// State variables, with their types, ranges, defaults and eventing.
    pub variables: &'static [StateVariable],
    /// Actions with their ordered arguments.
    pub actions: &'static [Action],
    /// Codes that other versions of the service have: never sent by our gateway, but understood by a control point.
    pub former_errors: &'static [ErrorCode],
}

/// A state variable of a service.
#[derive(Debug)]
pub struct StateVariable {
    /// Name as in the SCPD.
    pub name: &'static str,
    /// Type of the variable and of the arguments related to it.
    pub data_type: DataType,
    /// Whether changes are announced to subscribers.
    pub evented: bool,
    /// Which values of the type are allowed.
    pub allowed: Allowed,
    /// Who refuses an argument outside of `allowed`.
    pub enforced_by: Enforcer,
    /// Default printed in the SCPD.
    pub default: Option<&'static str>,
    /// First version of the service that has it.
    pub since: u8,
}

/// Which values of its type a state variable may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// All of them.
    Any,
    /// One of these texts.
    Values(&'static [&'static str]),
    /// An inclusive range, printed with this step in the SCPD.
    Range {
        /// Smallest value.
        minimum: u32,
        /// Largest value.
        maximum: u32,
        /// Distance between values.
        step: u32,
    },
    /// Texts of up to this many bytes; longer ones are refused with 605. Not expressible in an SCPD.
    MaximumLength(usize),
}

/// Who refuses an argument whose value is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enforcer {
    /// [`Call::parse`](crate::Call::parse), with 601 or 605.
    Table,
    /// The engine, because the standard has a code of its own for it or because the answer depends on the version
    /// spoken. Such a value reaches the engine as it came.
    Engine,
}

/// An action of a service.
#[derive(Debug)]
pub struct Action {
    /// Name as in the SCPD.
    pub name: &'static str,
    /// All `in` arguments, then all `out` arguments, in the standard's order.
    pub arguments: &'static [Argument],
    /// The action's own error codes, besides the generic ones.
    pub errors: &'static [ErrorCode],
    /// First version of the service that has it.
    pub since: u8,
    /// Who may call it.
    pub access: Access,
    /// Whether our gateway leaves it out: because it does not know the answer, or must not give it away.
    pub withheld: bool,
}

/// Who may call an action (WANIPConnection:2 section 2.6, the recommended defaults for control points that have not
/// proven who they are).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody on the LAN.
    Public,
    /// Everybody on the LAN, each within the mappings that policy gives it.
    OwnMappings,
    /// Whoever the configuration lets control the link.
    LinkControl,
    /// Nobody: it is for the administrator of the machine.
    Nobody,
}

/// An argument of an action.
#[derive(Debug)]
pub struct Argument {
    /// Name as in the SCPD.
    pub name: &'static str,
    /// Whether the caller or the gateway supplies it.
    pub direction: Direction,
    /// Name of the related state variable, which gives type and range.
    pub variable: &'static str,
}

/// Who supplies an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The caller.
    In,
    /// The gateway.
    Out,
}

impl Service {
    /// `urn:schemas-upnp-org:service:<name>:<version>`.
    pub fn urn(&self, version: u8) -> String {
        format!("{URN_PREFIX}{}:{version}", self.name)
    }

    /// `urn:upnp-org:serviceId:<id>`.
    pub fn service_id(&self) -> String {
        format!("urn:upnp-org:serviceId:{}", self.id)
    }

    /// The actions of this version, in the standard's order.
    pub fn actions_of(&'static self, version: u8) -> impl Iterator<Item = &'static Action> {
        self.actions.iter().filter(move |action| action.since <= version)
    }

    /// The state variables of this version, in the standard's order.
    pub fn variables_of(&'static self, version: u8) -> impl Iterator<Item = &'static StateVariable> {
        self.variables.iter().filter(move |variable| variable.since <= version)
    }

    /// The actions that our gateway has in this version, in the standard's order.
    pub fn offered_actions(&'static self, version: u8) -> impl Iterator<Item = &'static Action> {
        self.actions_of(version).filter(|action| !action.withheld)
    }

    /// The action of this name, if our gateway has it in this version.
    pub fn offered_action(&'static self, name: &str, version: u8) -> Option<&'static Action> {
        self.offered_actions(version).find(|action| action.name == name)
    }

    /// The state variables that our gateway has in this version, in the standard's order: all but those that only
    /// withheld actions are about.
    pub fn offered_variables(&'static self, version: u8) -> impl Iterator<Item = &'static StateVariable> {
        self.variables_of(version).filter(|variable| {
            let uses = |action: &&Action| {
                action
                    .arguments
                    .iter()
                    .any(|argument| argument.variable == variable.name)
            };
            let mut users = self.actions.iter().filter(uses).peekable();
            users.peek().is_none() || users.any(|action| !action.withheld)
        })
    }

    /// Whether anything in this version is announced to subscribers.
    pub fn has_events(&'static self, version: u8) -> bool {
        self.variables_of(version).any(|variable| variable.evented)
    }

    /// The action of this name, if this version of the service has it.
    pub fn action(&'static self, name: &str, version: u8) -> Option<&'static Action> {
        self.actions_of(version).find(|action| action.name == name)
    }

    /// The state variable of this name, in any version.
    pub fn variable(&'static self, name: &str) -> Option<&'static StateVariable> {
        self.variables.iter().find(|variable| variable.name == name)
    }

    /// What a number means that came as `errorCode` from this service; `None` if neither the service nor the
    /// architecture defines it.
    pub fn error_code(&self, number: u16) -> Option<ErrorCode> {
        let own = self.actions.iter().flat_map(|action| action.errors);
        let generic = ErrorCode::ALL.iter().filter(|code| code.is_generic());
        let mut codes = own.chain(self.former_errors).chain(generic);
        codes.find(|code| code.number() == number).copied()
    }

    /// The state variable that gives an argument of this service its type.
    ///
    /// # Panics
    ///
    /// If the argument is of another service: a mistake in our own code, which the test over all tables finds.
    pub fn variable_of(&'static self, argument: &Argument) -> &'static StateVariable {
        match self.variable(argument.variable) {
            Some(variable) => variable,
            None => panic!("{} has no variable {}", self.name, argument.variable),
        }
    }
}

impl Action {
    /// The arguments in one direction, in order.
    pub fn arguments(&'static self, direction: Direction) -> impl Iterator<Item = &'static Argument> {
        self.arguments
            .iter()
            .filter(move |argument| argument.direction == direction)
    }
}
