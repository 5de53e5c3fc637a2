//! Service descriptions (UDA 1.1 section 2.5): ours, from the tables, and those of other gateways.

mod parse;
mod render;

pub use parse::{ScpdError, parse};

use crate::service::{self, Allowed, Direction, Service};
use crate::view::View;

/// A service description.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scpd {
    /// The architecture version that it follows, major and minor.
    pub spec_version: (u32, u32),
    /// Number that changes with the content; since version 1.1 of the architecture.
    pub config_id: Option<u32>,
    /// The actions.
    pub actions: Vec<Action>,
    /// The state variables.
    pub variables: Vec<StateVariable>,
}

/// An action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// Name.
    pub name: String,
    /// Arguments in order.
    pub arguments: Vec<Argument>,
}

/// An argument of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Name.
    pub name: String,
    /// Who supplies it.
    pub direction: Direction,
    /// Name of the related state variable.
    pub variable: String,
}

/// A state variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateVariable {
    /// Name.
    pub name: String,
    /// Name of the type, which may be one that we do not know.
    pub data_type: String,
    /// Whether changes are announced to subscribers.
    pub evented: bool,
    /// Default.
    pub default: Option<String>,
    /// The texts allowed; empty if there is no such list.
    pub allowed_values: Vec<String>,
    /// The numbers allowed.
    pub allowed_range: Option<Range>,
}

/// An inclusive range, in the text form of its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// Smallest value.
    pub minimum: String,
    /// Largest value.
    pub maximum: String,
    /// Distance between values.
    pub step: Option<String>,
}

impl Scpd {
    /// The description of our service in a view. The older view follows version 1.0 of the architecture, which knows no
    /// `configId`.
    pub fn of(service: &'static Service, view: View, config_id: u32) -> Self {
        let version = view.version_of(service);
        Self {
            spec_version: (1, view.architecture_minor().into()),
            config_id: (view != View::Igd1).then_some(config_id),
            actions: service.offered_actions(version).map(Action::of).collect(),
            variables: service.offered_variables(version).map(StateVariable::of).collect(),
        }
    }
}

impl Action {
    fn of(action: &'static service::Action) -> Self {
        Self {
            name: action.name.to_owned(),
            arguments: action.arguments.iter().map(Argument::of).collect(),
        }
    }
}

impl Argument {
    fn of(argument: &service::Argument) -> Self {
        Self {
            name: argument.name.to_owned(),
            direction: argument.direction,
            variable: argument.variable.to_owned(),
        }
    }
}

impl StateVariable {
    fn of(variable: &service::StateVariable) -> Self {
        let (allowed_values, allowed_range) = match variable.allowed {
            Allowed::Any | Allowed::MaximumLength(_) => (Vec::new(), None),
            Allowed::Values(values) => (values.iter().map(|value| (*value).to_owned()).collect(), None),
            Allowed::Range { minimum, maximum, step } => (
                Vec::new(),
                Some(Range {
                    minimum: minimum.to_string(),
                    maximum: maximum.to_string(),
                    step: Some(step.to_string()),
                }),
            ),
        };
        Self {
            name: variable.name.to_owned(),
            data_type: variable.data_type.name().to_owned(),
            evented: variable.evented,
            default: variable.default.map(str::to_owned),
            allowed_values,
            allowed_range,
        }
    }
}
