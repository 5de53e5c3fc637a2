//! From a request to an action call whose arguments have been checked against the service's table; and its answer.

mod tolerate;

use tolerate::tolerate;

use crate::error::{ErrorCode, Fault};
use crate::quirk::Quirks;
use crate::service::{Action, Allowed, Argument, Direction, Enforcer, Service, StateVariable};
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
    /// Refuses, in this order over all arguments: 401 if our gateway has no such action in this version; 402 if an argument is
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
        let Some(action) = service.offered_action(action, version) else {
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
