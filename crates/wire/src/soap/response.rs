//! Rendering of what the gateway answers.

use super::{CONTROL_NAMESPACE, ENVELOPE_END, ENVELOPE_START, FRAME};
use crate::error::Fault;
use crate::service::{Action, Direction, Service};
use crate::value::Value;
use crate::xml::XmlWriter;

/// The HTTP status that a fault is sent with, always: some clients read the body only then.
pub const FAULT_STATUS: u16 = 500;

/// The body of a successful answer. `version` is the one that the caller spoke; `answer` holds the action's `out`
/// arguments in the table's order.
pub fn response(service: &Service, version: u8, action: &'static Action, answer: &[Value]) -> String {
    debug_assert_eq!(
        action.arguments(Direction::Out).count(),
        answer.len(),
        "{}",
        action.name
    );
    let texts = answer.iter().map(|value| match value {
        Value::String(text) => text.len() + text.len() / 4,
        Value::Ui2(_) | Value::Ui4(_) | Value::Boolean(_) => 10,
    });
    let tags = action.arguments.len() * 64;
    let mut xml = XmlWriter::document(FRAME + tags + texts.sum::<usize>());
    let name = ["u:", action.name, "Response"].concat();

    xml.markup(ENVELOPE_START);
    xml.open_with(&name, &[("xmlns:u", &service.urn(version))]);
    for (argument, value) in action.arguments(Direction::Out).zip(answer) {
        match value {
            Value::String(text) => xml.leaf(argument.name, text),
            Value::Ui2(_) | Value::Ui4(_) | Value::Boolean(_) => xml.leaf_display(argument.name, value),
        }
    }
    xml.close(&name);
    xml.markup(ENVELOPE_END);
    xml.finish()
}

/// The body of a refusal, to be sent with [`FAULT_STATUS`].
pub fn fault(fault: &Fault) -> String {
    let mut xml = XmlWriter::document(FRAME + 256);
    xml.markup(ENVELOPE_START);
    xml.markup("<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail>");
    xml.open_with("UPnPError", &[("xmlns", CONTROL_NAMESPACE)]);
    xml.leaf_display("errorCode", fault.code.number());
    xml.leaf_display("errorDescription", fault);
    xml.close("UPnPError");
    xml.markup("</detail></s:Fault>");
    xml.markup(ENVELOPE_END);
    xml.finish()
}

/// The body of the answer to QueryStateVariable (UDA 1.0 section 3.3).
pub fn variable_response(value: &Value) -> String {
    let mut xml = XmlWriter::document(FRAME + 128);
    xml.markup(ENVELOPE_START);
    xml.open_with("u:QueryStateVariableResponse", &[("xmlns:u", CONTROL_NAMESPACE)]);
    xml.leaf_display("return", value);
    xml.close("u:QueryStateVariableResponse");
    xml.markup(ENVELOPE_END);
    xml.finish()
}
