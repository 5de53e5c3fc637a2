//! Reading service descriptions.

use super::{Action, Argument, Range, Scpd, StateVariable};
use crate::service::Direction;
use crate::xml::{self, Ampersands, Element, XmlError};

/// Why a service description was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScpdError {
    /// Not XML that we accept.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// The root element is another one.
    #[error("the document is not a service description")]
    NotScpd,
}

/// Reads a service description, whose size the caller has limited. Names may be surrounded by white space; parts
/// without a name are left out.
pub fn parse(bytes: &[u8]) -> Result<Scpd, ScpdError> {
    let text = xml::decode(bytes)?;
    let root = xml::parse(&text, Ampersands::Raw)?;
    if root.name() != "scpd" {
        return Err(ScpdError::NotScpd);
    }
    let actions = root.child("actionList").map(Element::children).unwrap_or_default();
    let variables = root
        .child("serviceStateTable")
        .map(Element::children)
        .unwrap_or_default();
    Ok(Scpd {
        spec_version: root.spec_version(),
        config_id: root.config_id(),
        actions: actions.iter().filter_map(parse_action).collect(),
        variables: variables.iter().filter_map(parse_variable).collect(),
    })
}

fn parse_action(action: &Element<'_>) -> Option<Action> {
    let arguments = action.child("argumentList").map(Element::children).unwrap_or_default();
    Some(Action {
        name: name(action)?,
        arguments: arguments.iter().filter_map(parse_argument).collect(),
    })
}

fn parse_argument(argument: &Element<'_>) -> Option<Argument> {
    let out = argument.child_text("direction").eq_ignore_ascii_case("out");
    Some(Argument {
        name: name(argument)?,
        direction: if out { Direction::Out } else { Direction::In },
        variable: argument.child_text("relatedStateVariable").to_owned(),
    })
}

fn parse_variable(variable: &Element<'_>) -> Option<StateVariable> {
    let values = variable
        .child("allowedValueList")
        .map(Element::children)
        .unwrap_or_default();
    Some(StateVariable {
        name: name(variable)?,
        data_type: variable.child_text("dataType").to_owned(),
        // Absent means yes (UDA 1.1 section 2.5).
        evented: !variable
            .attribute("sendEvents")
            .is_some_and(|sends| sends.trim().eq_ignore_ascii_case("no")),
        default: variable
            .child("defaultValue")
            .map(|default| default.trimmed().to_owned()),
        allowed_values: values.iter().map(|value| value.trimmed().to_owned()).collect(),
        allowed_range: variable.child("allowedValueRange").map(|range| Range {
            minimum: range.child_text("minimum").to_owned(),
            maximum: range.child_text("maximum").to_owned(),
            step: range.child("step").map(|step| step.trimmed().to_owned()),
        }),
    })
}

fn name(element: &Element<'_>) -> Option<String> {
    let name = element.child_text("name");
    (!name.is_empty()).then(|| name.to_owned())
}
