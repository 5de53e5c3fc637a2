//! The test's calls: one of every method of every client, with values that cannot be taken for one another.

use std::fmt::Write;

use portreeve_wire::DataType;
use portreeve_wire::service::{Action, Argument, Direction, Service};

use super::service::{Inputs, client, inputs, outputs};
use super::{HEADER, names};

/// The source, before rustfmt.
pub(super) fn render(services: &'static [&'static Service]) -> String {
    let mut functions = String::new();
    for service in services {
        let _ = writeln!(
            functions,
            "pub(super) async fn {}(client: &{}) {{",
            names::snake(service.name),
            client(service)
        );
        for action in service.actions {
            functions += &render_call(service, action);
        }
        functions += "}\n\n";
    }
    format!(
        "{HEADER} from the tables in `portreeve-wire`; change them there.\n\n\
         //! Calls every action of every client. What is sent and what is expected follow the same rule, by which the\n\
         //! tests' server answers: a text is its argument's name, a number says which of the action's arguments it is.\n\n\
         use super::*;\n\n{functions}"
    )
}

fn render_call(service: &'static Service, action: &'static Action) -> String {
    let value = |argument: &Argument, in_struct: bool| {
        let text = sample(service, action, argument);
        match service.variable_of(argument).data_type {
            DataType::String if in_struct => format!("{text}.to_owned()"),
            _ => text,
        }
    };
    let fields = |direction| {
        let field = |argument: &Argument| format!("{}: {},\n", names::argument(argument.name), value(argument, true));
        action.arguments(direction).map(field).collect::<String>()
    };
    let values = |direction| {
        action
            .arguments(direction)
            .map(|argument| value(argument, false))
            .collect::<Vec<_>>()
    };

    let (preparation, passed) = match inputs(service, action) {
        Inputs::Parameters => (String::new(), values(Direction::In).join(", ")),
        Inputs::Struct(name) => {
            let preparation = format!("let arguments = {name} {{\n{}}};\n", fields(Direction::In));
            (preparation, "&arguments".to_owned())
        }
    };
    let call = format!("client.{}({passed}).await", names::snake(action.name));
    let check = match (outputs(action), values(Direction::Out).as_slice()) {
        (Some(name), _) => format!(
            "let expected = {name} {{\n{}}};\nassert_eq!({call}, Ok(expected));\n",
            fields(Direction::Out)
        ),
        (None, []) => format!("assert_eq!({call}, Ok(()));\n"),
        (None, [one, ..]) if one.starts_with('"') => format!("assert_eq!({call}, Ok({one}.to_owned()));\n"),
        (None, [one, ..]) => format!("assert_eq!({call}, Ok({one}));\n"),
    };
    preparation + &check
}

/// The value of an argument by the rule of `sample` in the tests of `actions`.
fn sample(service: &'static Service, action: &'static Action, argument: &Argument) -> String {
    let index = action.arguments.iter().position(|other| std::ptr::eq(other, argument));
    let index = index.unwrap_or_default();
    match service.variable_of(argument).data_type {
        DataType::Ui2 | DataType::Ui4 => (100 + index).to_string(),
        DataType::Boolean => (index % 2 == 1).to_string(),
        DataType::String => format!("\"{}\"", argument.name),
    }
}
