//! Reading service descriptions.

use super::{Action, Argument, Range, Scpd, StateVariable};
use crate::service::Direction;
use crate::xml::{self, Ampersands, Element, XmlError};

/// Why a service description was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScpdError {
    /// There is nothing: worth another try.
    #[error("the document is empty")]
    Empty,
    /// Not XML that we accept.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// The root element is another one.
    #[error("the document is not a service description")]
    NotScpd,
}

/// Reads a service description, whose size the caller has limited. Elements may be in any letter case and namespace,
/// and texts surrounded by white space; parts without a name are left out.
pub fn parse(bytes: &[u8]) -> Result<Scpd, ScpdError> {
    let text = xml::decode_leniently(bytes);
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    if text.is_empty() {
        return Err(ScpdError::Empty);
    }
    let root = xml::parse(text, Ampersands::Raw)?;
    if !root.is_named("scpd") {
        return Err(ScpdError::NotScpd);
    }
    let actions = list(&root, "actionList");
    let variables = list(&root, "serviceStateTable");
    Ok(Scpd {
        spec_version: root.spec_version(),
        config_id: root.config_id(),
        actions: actions.iter().filter_map(parse_action).collect(),
        variables: variables.iter().filter_map(parse_variable).collect(),
    })
}

fn parse_action(action: &Element<'_>) -> Option<Action> {
    let arguments = list(action, "argumentList");
    Some(Action {
        name: name(action)?,
        arguments: arguments.iter().filter_map(parse_argument).collect(),
    })
}

fn parse_argument(argument: &Element<'_>) -> Option<Argument> {
    let out = text(argument, "direction").eq_ignore_ascii_case("out");
    Some(Argument {
        name: name(argument)?,
        direction: if out { Direction::Out } else { Direction::In },
        variable: text(argument, "relatedStateVariable").to_owned(),
    })
}

fn parse_variable(variable: &Element<'_>) -> Option<StateVariable> {
    let values = list(variable, "allowedValueList");
    Some(StateVariable {
        name: name(variable)?,
        data_type: text(variable, "dataType").to_owned(),
        // Absent means yes (UDA 1.1 section 2.5).
        evented: !variable
            .attribute("sendEvents")
            .is_some_and(|sends| sends.trim().eq_ignore_ascii_case("no")),
        default: variable
            .child_in_any_case("defaultValue")
            .map(|default| default.trimmed().to_owned()),
        allowed_values: values.iter().map(|value| value.trimmed().to_owned()).collect(),
        allowed_range: variable.child_in_any_case("allowedValueRange").map(|range| Range {
            minimum: text(range, "minimum").to_owned(),
            maximum: text(range, "maximum").to_owned(),
            step: range.child_in_any_case("step").map(|step| step.trimmed().to_owned()),
        }),
    })
}

fn name(element: &Element<'_>) -> Option<String> {
    let name = text(element, "name");
    (!name.is_empty()).then(|| name.to_owned())
}

/// The children of the list of this name; none if there is no such list.
fn list<'e, 'a>(element: &'e Element<'a>, name: &str) -> &'e [Element<'a>] {
    element
        .child_in_any_case(name)
        .map(Element::children)
        .unwrap_or_default()
}

fn text<'e>(element: &'e Element<'_>, name: &str) -> &'e str {
    element.child_in_any_case(name).map_or("", Element::trimmed)
}
