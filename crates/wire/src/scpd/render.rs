//! Rendering of service descriptions.

use super::{Action, Scpd, StateVariable};
use crate::service::Direction;
use crate::xml::XmlWriter;

impl Scpd {
    /// The document.
    pub fn render(&self) -> String {
        let mut xml = XmlWriter::document(16 * 1024);
        xml.root(
            "scpd",
            "urn:schemas-upnp-org:service-1-0",
            self.config_id,
            self.spec_version,
        );
        xml.open("actionList");
        for action in &self.actions {
            render_action(&mut xml, action);
        }
        xml.close("actionList");
        xml.open("serviceStateTable");
        for variable in &self.variables {
            render_variable(&mut xml, variable);
        }
        xml.close("serviceStateTable");
        xml.close("scpd");
        xml.finish()
    }
}

fn render_action(xml: &mut XmlWriter, action: &Action) {
    xml.markup("\n");
    xml.open("action");
    xml.leaf("name", &action.name);
    // Some parsers reject an empty list.
    if !action.arguments.is_empty() {
        xml.open("argumentList");
        for argument in &action.arguments {
            xml.open("argument");
            xml.leaf("name", &argument.name);
            xml.leaf(
                "direction",
                match argument.direction {
                    Direction::In => "in",
                    Direction::Out => "out",
                },
            );
            xml.leaf("relatedStateVariable", &argument.variable);
            xml.close("argument");
        }
        xml.close("argumentList");
    }
    xml.close("action");
}

fn render_variable(xml: &mut XmlWriter, variable: &StateVariable) {
    xml.markup("\n");
    let send_events = if variable.evented { "yes" } else { "no" };
    xml.open_with("stateVariable", &[("sendEvents", send_events)]);
    xml.leaf("name", &variable.name);
    xml.leaf("dataType", &variable.data_type);
    if let Some(default) = &variable.default {
        xml.leaf("defaultValue", default);
    }
    if !variable.allowed_values.is_empty() {
        xml.open("allowedValueList");
        for value in &variable.allowed_values {
            xml.leaf("allowedValue", value);
        }
        xml.close("allowedValueList");
    }
    if let Some(range) = &variable.allowed_range {
        xml.open("allowedValueRange");
        xml.leaf("minimum", &range.minimum);
        xml.leaf("maximum", &range.maximum);
        if let Some(step) = &range.step {
            xml.leaf("step", step);
        }
        xml.close("allowedValueRange");
    }
    xml.close("stateVariable");
}
