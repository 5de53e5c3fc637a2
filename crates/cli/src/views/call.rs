//! Services, actions, and what an action answered.

use serde::Serialize;

use crate::output::{Page, Text, Tone, View, table};

/// What an action answered.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Called {
    /// The service as it was named.
    pub(crate) service: Text,
    /// The action.
    pub(crate) action: Text,
    /// The out-arguments, in order.
    pub(crate) values: Vec<NamedValue>,
}

/// An argument and its value.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct NamedValue {
    /// Its name.
    pub(crate) name: Text,
    /// Its value.
    pub(crate) value: Text,
}

/// The services of a gateway.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Services {
    /// The services, in the order of the description.
    pub(crate) services: Vec<Service>,
}

/// A service.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Service {
    /// Its type.
    pub(crate) service_type: Text,
    /// Its identifier.
    pub(crate) service_id: Text,
}

/// The actions of a service.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Actions {
    /// Type of the service.
    pub(crate) service_type: Text,
    /// Its actions, in the order of its SCPD.
    pub(crate) actions: Vec<Action>,
}

/// An action.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Action {
    /// Its name.
    pub(crate) name: Text,
    /// Its in-arguments.
    #[serde(rename = "in")]
    pub(crate) inputs: Vec<Argument>,
    /// Its out-arguments.
    #[serde(rename = "out")]
    pub(crate) outputs: Vec<Argument>,
}

/// An argument.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Argument {
    /// Its name.
    pub(crate) name: Text,
    /// Its type, for instance `ui2`.
    #[serde(rename = "type")]
    pub(crate) data_type: Text,
    /// The values that the service allows, if it names them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) allowed: Vec<Text>,
}

impl Called {
    /// What was answered to this action.
    pub(crate) fn new(service: &str, action: &str, values: &[(String, String)]) -> Self {
        let values = values.iter().map(|(name, value)| NamedValue {
            name: Text::clean(name),
            value: Text::clean(value),
        });
        Self {
            service: Text::clean(service),
            action: Text::clean(action),
            values: values.collect(),
        }
    }
}

impl View for Called {
    fn human(&self, _: &Page) -> String {
        self.values
            .iter()
            .map(|value| format!("{}={}\n", value.name, value.value))
            .collect()
    }
}

impl View for Services {
    fn human(&self, page: &Page) -> String {
        let rows: Vec<_> = self
            .services
            .iter()
            .map(|service| {
                [
                    short_type(service.service_type.as_str()).to_owned(),
                    service.service_id.to_string(),
                ]
            })
            .collect();
        table(page, ["SERVICE", "IDENTIFIER"], &rows)
    }
}

impl View for Actions {
    fn human(&self, page: &Page) -> String {
        let mut text = String::new();
        for action in &self.actions {
            text += &page.paint(Tone::Strong, action.name.as_str());
            for input in &action.inputs {
                text += &format!(" {}=<{}>", input.name, input.kind());
            }
            text.push('\n');
            for output in &action.outputs {
                text += &format!("    {} {}\n", page.arrow(), output.told());
            }
        }
        text
    }
}

impl Argument {
    fn kind(&self) -> String {
        if self.allowed.is_empty() {
            self.data_type.to_string()
        } else {
            let allowed: Vec<&str> = self.allowed.iter().map(Text::as_str).collect();
            allowed.join("|")
        }
    }

    fn told(&self) -> String {
        format!("{} <{}>", self.name, self.kind())
    }
}

/// `WANIPConnection:2` of `urn:schemas-upnp-org:service:WANIPConnection:2`.
fn short_type(service: &str) -> &str {
    service.rsplit_once(":service:").map_or(service, |(_, short)| short)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argument(name: &str, data_type: &str, allowed: &[&str]) -> Argument {
        Argument {
            name: Text::clean(name),
            data_type: Text::clean(data_type),
            allowed: allowed.iter().map(Text::clean).collect(),
        }
    }

    #[test]
    fn values_are_printed_as_they_are_given() {
        let called = Called::new(
            "WANIPConnection",
            "GetStatusInfo",
            &[("NewUptime".to_owned(), "7".to_owned())],
        );
        assert_eq!(called.human(&Page::PLAIN), "NewUptime=7\n");
    }

    #[test]
    fn an_action_is_shown_as_it_is_typed() {
        let actions = Actions {
            service_type: Text::clean("urn:schemas-upnp-org:service:WANIPConnection:2"),
            actions: vec![Action {
                name: Text::clean("GetSpecificPortMappingEntry"),
                inputs: vec![
                    argument("NewExternalPort", "ui2", &[]),
                    argument("NewProtocol", "string", &["TCP", "UDP"]),
                ],
                outputs: vec![argument("NewInternalPort", "ui2", &[])],
            }],
        };
        assert_eq!(
            actions.human(&Page::PLAIN),
            "GetSpecificPortMappingEntry NewExternalPort=<ui2> NewProtocol=<TCP|UDP>\n    → NewInternalPort <ui2>\n"
        );
    }
}
