//! From the texts of an answer to typed values, by the service's table.

use crate::service::{Action, Direction, Service, StateVariable};
use crate::value::{DataType, Value, ValueError};

/// Why an answer lacks a value that the action promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// The argument is not there, or was cut off.
    #[error("the answer has no {0}")]
    Missing(&'static str),
    /// The argument's text is no value of its type.
    #[error("{argument} in the answer is {error}")]
    Invalid {
        /// The argument.
        argument: &'static str,
        /// What is wrong with it.
        error: ValueError,
    },
}

/// The `out` arguments of an action in the table's order, from those of an answer in any order.
///
/// Names are compared in any letter case and with or without `New`; a text without a name is taken for a lone
/// argument. Numbers are read by [`DataType::parse_answer`]; texts other than the descriptions of mappings lose the
/// white space around them; values outside of the allowed ones are left to the caller, since vendors have their own.
pub fn decode_answer(
    service: &'static Service,
    action: &'static Action,
    arguments: &[(String, String)],
) -> Result<Vec<Value>, AnswerError> {
    let outputs = || action.arguments(Direction::Out);
    let lone = match arguments {
        [(name, text)] if name.is_empty() && outputs().count() == 1 => Some(text),
        _ => None,
    };
    outputs()
        .map(|output| {
            let text = lone.or_else(|| find(arguments, output.name));
            let text = text.ok_or(AnswerError::Missing(output.name))?;
            decode(service.variable_of(output), output.name, text)
        })
        .collect()
}

/// The value of a state variable, from the arguments of an answer to [`QUERY`](super::QUERY).
pub fn decode_variable(variable: &'static StateVariable, arguments: &[(String, String)]) -> Result<Value, AnswerError> {
    match arguments {
        [(_, text)] => decode(variable, variable.name, text),
        _ => Err(AnswerError::Missing(variable.name)),
    }
}

fn decode(variable: &StateVariable, name: &'static str, text: &str) -> Result<Value, AnswerError> {
    // The description is somebody's free text, and part of what a read-back compares.
    let text = match (variable.data_type, variable.name) {
        (DataType::String, "PortMappingDescription") => text,
        _ => text.trim_matches(|c: char| c.is_whitespace() || c == '\0'),
    };
    let value = variable.data_type.parse_answer(text);
    value.map_err(|error| AnswerError::Invalid { argument: name, error })
}

fn find<'a>(arguments: &'a [(String, String)], name: &str) -> Option<&'a String> {
    let named = |same: fn(&str, &str) -> bool| arguments.iter().find(|(given, _)| same(given, name));
    let found = named(str::eq).or_else(|| named(|given, name| bare(given).eq_ignore_ascii_case(bare(name))));
    found.map(|(_, text)| text)
}

/// The name without `New`.
fn bare(name: &str) -> &str {
    match name.split_at_checked(3) {
        Some((new, rest)) if new.eq_ignore_ascii_case("New") => rest,
        _ => name,
    }
}
