//! Const builders that let the service tables read like the standard's.

use super::{Access, Action, Allowed, Argument, Enforcer, StateVariable};
use crate::error::ErrorCode;
use crate::value::DataType;

/// An action's arguments, each `direction Name: RelatedStateVariable`, in the standard's order.
macro_rules! arguments {
    ($($direction:tt $name:ident: $variable:ident),* $(,)?) => {
        &[$($crate::service::Argument {
            name: stringify!($name),
            direction: arguments!(@ $direction),
            variable: stringify!($variable),
        }),*]
    };
    (@ in) => { $crate::service::Direction::In };
    (@ out) => { $crate::service::Direction::Out };
}

impl StateVariable {
    pub(super) const fn string(name: &'static str) -> Self {
        Self::new(name, DataType::String)
    }

    pub(super) const fn ui2(name: &'static str) -> Self {
        Self::new(name, DataType::Ui2)
    }

    pub(super) const fn ui4(name: &'static str) -> Self {
        Self::new(name, DataType::Ui4)
    }

    pub(super) const fn boolean(name: &'static str) -> Self {
        Self::new(name, DataType::Boolean)
    }

    const fn new(name: &'static str, data_type: DataType) -> Self {
        Self {
            name,
            data_type,
            evented: false,
            allowed: Allowed::Any,
            enforced_by: Enforcer::Table,
            default: None,
            since: 1,
        }
    }

    pub(super) const fn evented(mut self) -> Self {
        self.evented = true;
        self
    }

    pub(super) const fn one_of(mut self, values: &'static [&'static str]) -> Self {
        self.allowed = Allowed::Values(values);
        self
    }

    pub(super) const fn range(mut self, minimum: u32, maximum: u32) -> Self {
        self.allowed = Allowed::Range {
            minimum,
            maximum,
            step: 1,
        };
        self
    }

    pub(super) const fn maximum_length(mut self, bytes: usize) -> Self {
        self.allowed = Allowed::MaximumLength(bytes);
        self
    }

    pub(super) const fn enforced_by_engine(mut self) -> Self {
        self.enforced_by = Enforcer::Engine;
        self
    }

    pub(super) const fn default(mut self, value: &'static str) -> Self {
        self.default = Some(value);
        self
    }

    pub(super) const fn since(mut self, version: u8) -> Self {
        self.since = version;
        self
    }
}

impl Action {
    /// An action of version 1 that everybody may call and that has no error codes of its own.
    pub(super) const fn new(name: &'static str, arguments: &'static [Argument]) -> Self {
        Self {
            name,
            arguments,
            errors: &[],
            since: 1,
            access: Access::Public,
            withheld: false,
        }
    }

    pub(super) const fn errors(mut self, codes: &'static [ErrorCode]) -> Self {
        self.errors = codes;
        self
    }

    pub(super) const fn since(mut self, version: u8) -> Self {
        self.since = version;
        self
    }

    /// Leaves the action to other gateways.
    pub(super) const fn withheld(mut self) -> Self {
        self.withheld = true;
        self
    }

    pub(super) const fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }
}
