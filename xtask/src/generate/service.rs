//! The client of one service, as Rust source.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Context, Result, ensure};
use portreeve_wire::DataType;
use portreeve_wire::service::{Action, Argument, Direction, Service};

use super::comments::{comment, describe, document};
use super::{HEADER, names};

/// From how many `in` arguments on they are fields of a struct.
const MANY: usize = 4;

/// The structs that there are, so that services with the same actions share them.
#[derive(Default)]
pub(super) struct Shapes(BTreeMap<String, Shape>);

struct Shape {
    /// The module that has it.
    module: String,
    /// Names and types of the fields.
    fields: Vec<(String, &'static str)>,
}

/// How the `in` arguments of an action are passed.
pub(super) enum Inputs {
    /// One by one.
    Parameters,
    /// As fields of the struct of this name.
    Struct(String),
}

/// The source of a service's client, before rustfmt.
pub(super) fn render(service: &'static Service, shapes: &mut Shapes) -> Result<String> {
    let module = names::snake(service.name);
    let mut structs = String::new();
    let mut shared = Vec::new();
    let mut methods = String::new();
    for action in service.actions {
        if let (Inputs::Struct(name), true) = (inputs(service, action), owns_inputs(service, action)) {
            let what = format!(
                "What [`{}::{}`] is called with.",
                client(service),
                names::snake(action.name)
            );
            match shapes.enter(&module, &name, service, action, Direction::In)? {
                Some(other) => shared.push((other, name)),
                None => render_struct(&mut structs, &what, &name, service, action, Direction::In)?,
            }
        }
        if let Some(name) = outputs(action) {
            let what = format!("What [`{}::{}`] gives.", client(service), names::snake(action.name));
            match shapes.enter(&module, &name, service, action, Direction::Out)? {
                Some(other) => shared.push((other, name)),
                None => render_struct(&mut structs, &what, &name, service, action, Direction::Out)?,
            }
        }
        render_method(&mut methods, service, action)?;
    }
    let client = client(service);
    let (name, version) = (service.name, service.version);
    let versions = match version {
        1 => "version 1".to_owned(),
        version => format!("versions 1 to {version}"),
    };
    let sections = match name {
        "WANIPConnection" => format!("\n         ///\n         /// Sections are those of {name}:{version}."),
        _ => String::new(),
    };
    let mut uses: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (module, name) in shared {
        uses.entry(module).or_default().push(name);
    }
    let uses: String = uses
        .iter()
        .map(|(module, names)| format!("use super::{module}::{{{}}};\n", names.join(", ")))
        .collect();
    Ok(format!(
        "{HEADER} from the table of this service in `portreeve-wire`; change it there.\n\n\
         //! {name}, {versions}.\n\n\
         {uses}use super::{{Endpoint, perform}};\nuse crate::error::Error;\n\n\
         /// The {name} service of a gateway ({versions}).\n\
         ///\n\
         /// A method asks the gateway once and believes the answer. Every action may be refused with 401, 402, 501, 600 to\n\
         /// 606, or whatever else the gateway thinks of ([`Error::Refused`]), or get no answer that is one\n\
         /// ([`Error::Conversation`]). What this version of the service does not have is\n\
         /// [`NotOffered`](crate::Conversation::NotOffered), and nothing is sent.{sections}\n\
         #[derive(Clone, Debug)]\n\
         pub struct {client} {{ endpoint: Endpoint }}\n\n\
         impl {client} {{\n\
         pub(crate) fn new(endpoint: Endpoint) -> Self {{ Self {{ endpoint }} }}\n\n\
         pub(crate) fn endpoint(&self) -> &Endpoint {{ &self.endpoint }}\n\n\
         /// The version of the service that the gateway has.\n\
         pub fn version(&self) -> u8 {{ self.endpoint.version() }}\n\n\
         /// Reads a state variable of the service, as text. Gateways that follow version 1.1 of the architecture need not\n\
         /// offer this, and refuse it with 401 or 404.\n\
         pub async fn query_state_variable(&self, variable: &str) -> Result<String, Error> {{\n\
         self.endpoint.query(variable).await\n}}\n\n\
         {methods}}}\n\n\
         {structs}"
    ))
}

/// The name of a service's client.
pub(super) fn client(service: &Service) -> String {
    names::camel(service.name)
}

/// How the `in` arguments of an action are passed.
pub(super) fn inputs(service: &'static Service, action: &'static Action) -> Inputs {
    if action.arguments(Direction::In).count() < MANY {
        return Inputs::Parameters;
    }
    let owner = match before(service, action) {
        Some(before) if same_inputs(before, action) => before,
        _ => action,
    };
    Inputs::Struct(format!("{}Arguments", names::camel(owner.name)))
}

/// An action takes what the one before it in the table takes, if that is the same: so do AddPortMapping and
/// AddAnyPortMapping.
fn owns_inputs(service: &'static Service, action: &'static Action) -> bool {
    !before(service, action).is_some_and(|before| same_inputs(before, action))
}

fn before(service: &'static Service, action: &'static Action) -> Option<&'static Action> {
    let index = service.actions.iter().position(|other| std::ptr::eq(other, action))?;
    service.actions.get(index.checked_sub(1)?)
}

fn same_inputs(one: &'static Action, other: &'static Action) -> bool {
    let inputs = |action: &'static Action| {
        action
            .arguments(Direction::In)
            .map(|input| (input.name, input.variable))
    };
    inputs(one).eq(inputs(other))
}

/// The name of the struct that an action gives, if it gives more than one value.
pub(super) fn outputs(action: &'static Action) -> Option<String> {
    (action.arguments(Direction::Out).count() > 1).then(|| names::camel(action.name))
}

/// The Rust type of an owned value.
fn owned(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Ui2 => "u16",
        DataType::Ui4 => "u32",
        DataType::Boolean => "bool",
        DataType::String => "String",
    }
}

impl Shapes {
    /// The module that has this struct already, if that is another one.
    fn enter(
        &mut self,
        module: &str,
        name: &str,
        service: &'static Service,
        action: &'static Action,
        direction: Direction,
    ) -> Result<Option<String>> {
        let field = |argument: &Argument| {
            let data_type = service.variable_of(argument).data_type;
            (names::argument(argument.name), owned(data_type))
        };
        let fields: Vec<_> = action.arguments(direction).map(field).collect();
        if let Some(known) = self.0.get(name) {
            ensure!(
                known.fields == fields,
                "{name} of {module} differs from that of {}",
                known.module
            );
            return Ok((known.module != module).then(|| known.module.clone()));
        }
        let module = module.to_owned();
        self.0.insert(name.to_owned(), Shape { module, fields });
        Ok(None)
    }
}

fn render_struct(
    to: &mut String,
    what: &str,
    name: &str,
    service: &'static Service,
    action: &'static Action,
    direction: Direction,
) -> Result<()> {
    // Whoever calls must be able to make one; what the gateway gives is made here only.
    let closed = if direction == Direction::Out {
        "#[non_exhaustive]\n"
    } else {
        ""
    };
    writeln!(
        to,
        "/// {what}\n#[derive(Clone, Debug, PartialEq, Eq)]\n{closed}pub struct {name} {{"
    )?;
    for argument in action.arguments(direction) {
        let data_type = service.variable_of(argument).data_type;
        comment(to, 4, &format!("{}.", describe(service, argument)?))?;
        writeln!(to, "pub {}: {},", names::argument(argument.name), owned(data_type))?;
    }
    writeln!(to, "}}\n")?;
    Ok(())
}

fn render_method(to: &mut String, service: &'static Service, action: &'static Action) -> Result<()> {
    document(to, service, action)?;
    let (parameters, values) = parameters_and_values(service, action);
    let name = action.name;
    let gives: Vec<&Argument> = action.arguments(Direction::Out).collect();
    let reading = |argument: &Argument| match service.variable_of(argument).data_type {
        DataType::Ui2 => "ui2()",
        DataType::Ui4 => "ui4()",
        DataType::Boolean => "boolean()",
        DataType::String => "string()",
    };
    let perform = format!("perform(&self.endpoint, \"{name}\", &[{}]).await?", values.join(", "));
    let (result, body) = match gives.as_slice() {
        [] => ("()".to_owned(), format!("{perform};\nOk(())")),
        [one] => {
            let result = owned(service.variable_of(one).data_type).to_owned();
            (
                result,
                format!("let mut answer = {perform};\nOk(answer.{})", reading(one)),
            )
        }
        more => {
            let result = outputs(action).context("several values have a struct")?;
            let fields: String = more
                .iter()
                .map(|one| format!("{}: answer.{},\n", names::argument(one.name), reading(one)))
                .collect();
            let body = format!("let mut answer = {perform};\nOk({result} {{\n{fields}}})");
            (result, body)
        }
    };
    let method = names::snake(name);
    writeln!(
        to,
        "pub async fn {method}(&self{parameters}) -> Result<{result}, Error> {{\n{body}\n}}\n"
    )?;
    Ok(())
}

/// What follows `&self` in a method's signature, and the values that are sent.
fn parameters_and_values(service: &'static Service, action: &'static Action) -> (String, Vec<String>) {
    let arguments = || {
        action.arguments(Direction::In).map(|argument| {
            let data_type = service.variable_of(argument).data_type;
            (names::argument(argument.name), data_type)
        })
    };
    match inputs(service, action) {
        Inputs::Parameters => {
            let parameter = |(name, data_type)| match data_type {
                DataType::String => format!(", {name}: &str"),
                other => format!(", {name}: {}", owned(other)),
            };
            let values = arguments().map(|(name, _)| format!("{name}.into()"));
            (arguments().map(parameter).collect(), values.collect())
        }
        Inputs::Struct(name) => {
            let value = |(name, data_type)| match data_type {
                DataType::String => format!("arguments.{name}.as_str().into()"),
                _ => format!("arguments.{name}.into()"),
            };
            (format!(", arguments: &{name}"), arguments().map(value).collect())
        }
    }
}
