//! The documentation of the clients.

use std::fmt::Write;

use anyhow::{Context, Result};
use portreeve_wire::service::{Action, Allowed, Argument, Direction, Service};

use super::service::{Inputs, inputs};
use super::{docs, names};

/// Documents the method of an action.
pub(super) fn document(to: &mut String, service: &'static Service, action: &'static Action) -> Result<()> {
    let name = action.name;
    let does = docs::action(name).with_context(|| format!("{name} is not described in docs.rs"))?;
    comment(to, 4, &format!("{does} (`{name}`{}).", source(service, action)))?;

    let passed_one_by_one = matches!(inputs(service, action), Inputs::Parameters);
    if passed_one_by_one && action.arguments(Direction::In).next().is_some() {
        writeln!(to, "    ///\n    /// # Arguments\n    ///")?;
        for argument in action.arguments(Direction::In) {
            let text = format!(
                "- `{}`: {}.",
                names::argument(argument.name),
                describe(service, argument)?
            );
            comment(to, 4, &text)?;
        }
    }
    let mut gives = action.arguments(Direction::Out);
    if let (Some(one), None) = (gives.next(), gives.next()) {
        writeln!(to, "    ///")?;
        comment(to, 4, &format!("Gives: {}.", describe(service, one)?))?;
    }

    if action.errors.is_empty() {
        return Ok(());
    }
    let codes: Vec<String> = action
        .errors
        .iter()
        .map(|code| format!("{} `{}`", code.number(), code.description()))
        .collect();
    writeln!(to, "    ///\n    /// # Errors\n    ///")?;
    let text = format!(
        "[`Error::Refused`] with {} or what every action may answer.",
        codes.join(", ")
    );
    comment(to, 4, &text)
}

/// Meaning, standard name, type and allowed values of an argument.
pub(super) fn describe(service: &'static Service, argument: &Argument) -> Result<String> {
    let text = docs::argument(argument.name);
    let text = text.with_context(|| format!("{} is not described in docs.rs", argument.name))?;
    let variable = service.variable_of(argument);
    let allowed = match variable.allowed {
        Allowed::Values(values) if argument.direction == Direction::In => {
            let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
            format!(", one of {}", values.join(", "))
        }
        Allowed::Values(values) => {
            let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
            format!(", as a rule one of {}", values.join(", "))
        }
        Allowed::Range { minimum, maximum, .. } => format!(", {minimum} to {maximum}"),
        Allowed::Any | Allowed::MaximumLength(_) => String::new(),
    };
    Ok(format!(
        "{text} (`{}`, {}{allowed})",
        argument.name,
        variable.data_type.name()
    ))
}

/// Adds a documentation comment, wrapped for this indentation.
pub(super) fn comment(to: &mut String, indentation: usize, text: &str) -> Result<()> {
    const WIDTH: usize = 120;
    // What follows the first line of a list item is indented, or rustdoc takes it for something else.
    let hanging = if text.starts_with("- ") { "  " } else { "" };
    let mut line = String::new();
    let start = " ".repeat(indentation) + "/// ";
    for word in text.split(' ') {
        let full = start.len() + line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && full > WIDTH {
            writeln!(to, "{start}{line}")?;
            line = hanging.to_owned();
        } else if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    writeln!(to, "{start}{line}")?;
    Ok(())
}
/// Where the action is defined, if it is not there in all versions of the service's standard.
fn source(service: &Service, action: &Action) -> String {
    if action.name.starts_with("X_") {
        return ", an addition of portreeve's gateway; others refuse it with 401".to_owned();
    }
    // The sections of this standard follow the order of its actions, as the table does.
    let index = service.actions.iter().position(|other| std::ptr::eq(other, action));
    let section = match (service.name, index) {
        ("WANIPConnection", Some(index)) => format!(", section 2.5.{}", index + 1),
        _ => String::new(),
    };
    match action.since {
        1 => section,
        since => format!("{section}, since version {since}"),
    }
}
