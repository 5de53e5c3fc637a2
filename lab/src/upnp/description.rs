//! Device and service descriptions (UDA 2.0 section 2), read without judging.

use super::xml::Element;

/// A device and what it contains.
#[derive(Debug, Clone)]
pub struct Device {
    /// URN of its type.
    pub device_type: String,
    /// `uuid:...`.
    pub udn: String,
    /// Its services.
    pub services: Vec<Service>,
    /// Its embedded devices.
    pub devices: Vec<Self>,
    /// The element itself.
    pub element: Element,
}

/// A service of a device.
#[derive(Debug, Clone)]
pub struct Service {
    /// URN of its type.
    pub service_type: String,
    /// URN of its id.
    pub service_id: String,
    /// Path of its description.
    pub scpd_url: String,
    /// Path for SOAP.
    pub control_url: String,
    /// Path for GENA.
    pub event_sub_url: String,
    /// UDN of the device that it belongs to.
    pub udn: String,
}

/// A service description.
#[derive(Debug, Clone)]
pub struct Scpd {
    /// Its actions, in order.
    pub actions: Vec<Action>,
    /// Its state variables, in order.
    pub variables: Vec<Variable>,
    /// The document.
    pub element: Element,
}

/// An action.
#[derive(Debug, Clone)]
pub struct Action {
    /// Its name.
    pub name: String,
    /// Its arguments, in order.
    pub arguments: Vec<Argument>,
}

/// An argument of an action.
#[derive(Debug, Clone)]
pub struct Argument {
    /// Its name.
    pub name: String,
    /// `in` or `out`.
    pub direction: String,
    /// The state variable that gives its type.
    pub related: String,
}

/// A state variable.
#[derive(Debug, Clone, Default)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// `sendEvents`, as written.
    pub send_events: String,
    /// `ui2`, `string`, ...
    pub data_type: String,
    /// `defaultValue`, if given.
    pub default: Option<String>,
    /// `allowedValueList`, in order.
    pub allowed: Vec<String>,
    /// Minimum and maximum of `allowedValueRange`, if given.
    pub range: Option<(String, String)>,
}

impl Device {
    /// Reads a `device` element.
    pub fn read(element: &Element) -> Self {
        let udn = element.text_of("UDN");
        let list = |name: &str| {
            element
                .child(name)
                .map(|list| list.children.clone())
                .unwrap_or_default()
        };
        Self {
            device_type: element.text_of("deviceType"),
            services: list("serviceList")
                .iter()
                .map(|service| Service::read(service, &udn))
                .collect(),
            devices: list("deviceList").iter().map(Self::read).collect(),
            element: element.clone(),
            udn,
        }
    }

    /// Itself and all devices below it, from the top.
    pub fn all(&self) -> Vec<&Self> {
        std::iter::once(self)
            .chain(self.devices.iter().flat_map(Self::all))
            .collect()
    }

    /// The first service of that type at any depth; `service_type` without `urn:schemas-upnp-org:service:`.
    pub fn service(&self, service_type: &str) -> Option<&Service> {
        let wanted = format!("urn:schemas-upnp-org:service:{service_type}");
        self.all()
            .into_iter()
            .flat_map(|device| &device.services)
            .find(|service| service.service_type == wanted)
    }

    /// The first device of that type at any depth; `device_type` without `urn:schemas-upnp-org:device:`.
    pub fn device(&self, device_type: &str) -> Option<&Self> {
        let wanted = format!("urn:schemas-upnp-org:device:{device_type}");
        self.all().into_iter().find(|device| device.device_type == wanted)
    }
}

impl Service {
    fn read(element: &Element, udn: &str) -> Self {
        Self {
            service_type: element.text_of("serviceType"),
            service_id: element.text_of("serviceId"),
            scpd_url: element.text_of("SCPDURL"),
            control_url: element.text_of("controlURL"),
            event_sub_url: element.text_of("eventSubURL"),
            udn: udn.to_owned(),
        }
    }
}

impl Scpd {
    /// Reads an `scpd` document.
    pub fn read(document: &Element) -> Self {
        let list = |name: &str| {
            document
                .child(name)
                .map(|list| list.children.clone())
                .unwrap_or_default()
        };
        Self {
            actions: list("actionList").iter().map(Action::read).collect(),
            variables: list("serviceStateTable").iter().map(Variable::read).collect(),
            element: document.clone(),
        }
    }

    /// An action by name.
    pub fn action(&self, name: &str) -> Option<&Action> {
        self.actions.iter().find(|action| action.name == name)
    }

    /// A state variable by name.
    pub fn variable(&self, name: &str) -> Option<&Variable> {
        self.variables.iter().find(|variable| variable.name == name)
    }
}

impl Action {
    fn read(element: &Element) -> Self {
        let arguments = element
            .child("argumentList")
            .map(|list| list.children.clone())
            .unwrap_or_default();
        Self {
            name: element.text_of("name"),
            arguments: arguments
                .iter()
                .map(|argument| Argument {
                    name: argument.text_of("name"),
                    direction: argument.text_of("direction"),
                    related: argument.text_of("relatedStateVariable"),
                })
                .collect(),
        }
    }

    /// Names of the arguments of one direction, in order.
    pub fn names(&self, direction: &str) -> Vec<&str> {
        self.arguments
            .iter()
            .filter(|a| a.direction == direction)
            .map(|a| a.name.as_str())
            .collect()
    }
}

impl Variable {
    fn read(element: &Element) -> Self {
        let range = element.child("allowedValueRange");
        Self {
            name: element.text_of("name"),
            send_events: element.attribute("sendEvents").unwrap_or("yes").to_owned(),
            data_type: element.text_of("dataType"),
            default: element.child("defaultValue").map(|value| value.text.trim().to_owned()),
            allowed: element
                .child("allowedValueList")
                .map(|list| list.children.iter().map(|value| value.text.trim().to_owned()).collect())
                .unwrap_or_default(),
            range: range.map(|range| (range.text_of("minimum"), range.text_of("maximum"))),
        }
    }
}
