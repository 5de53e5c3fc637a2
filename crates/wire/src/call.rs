//! An action call whose arguments have been checked against the service's table, and the answer to it.

use crate::service::{Action, Direction, Service};
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
