//! Refusals by the gateway: which service's table a code is of, and what the gateway adds in its own words.

use portreeve_wire::service;

use super::{Explanation, codes, quoted};
use crate::error::{PortsRefused, Refusal};

impl Refusal {
    /// Says it in plain words, with a remedy.
    pub fn explanation(&self) -> Explanation {
        let service = service_of(&self.action);
        let mut explanation = match (self.code, self.action.as_str()) {
            (0, action) => Explanation::new(
                "fault-without-code",
                format!("The router refused {} without telling why.", quoted(action)),
                "Restart the router and try again; if it stays so, look for a firmware update.",
            ),
            (501, "AddPortMapping" | "AddAnyPortMapping") => MAPPING_FAILED.into(),
            (403, "AddPortMapping" | "AddAnyPortMapping") => SHARING_OFF.into(),
            (606, action) => not_authorised(action),
            (402 | 600 | 601, "AddPortMapping" | "AddAnyPortMapping") => MAPPING_ARGUMENTS.into(),
            (code, _) => codes::explain(service, code),
        };
        if codes::tells_more(self.code, &self.description) {
            explanation.problem += &format!(" It says: {}.", quoted(&self.description));
        }
        explanation
    }
}

impl PortsRefused {
    /// Says it in plain words, with a remedy.
    pub fn explanation(&self) -> Explanation {
        let ports: Vec<_> = self.ports.iter().map(ToString::to_string).collect();
        let last = self.last.explanation();
        let problem = format!(
            "The router refused every external port that was tried ({}). For the last one: {}",
            ports.join(", "),
            last.problem
        );
        match self.last.code {
            // These tell the cause by themselves.
            403 | 606 => Explanation { problem, ..last },
            _ => Explanation::new("every-port-refused", problem, EVERY_PORT_REMEDY),
        }
    }
}

/// The policy is the same, and what to do about it depends on what was asked for.
fn not_authorised(action: &str) -> Explanation {
    let mut explanation = codes::explain("", 606);
    match action {
        "AddPortMapping" | "AddAnyPortMapping" => {
            "Map only to this computer's own address, with ports of 1024 or above, inside and outside. If that is refused \
             too, allow this computer in the router's UPnP settings."
        }
        "DeletePortMapping" | "DeletePortMappingRange" => {
            "Many routers let only the device that a mapping leads to remove it, and keep ports below 1024 for \
             themselves: remove it there or in the router's pages."
        }
        _ => return explanation,
    }
    .clone_into(&mut explanation.remedy);
    explanation
}

const EVERY_PORT_REMEDY: &str = "A router that refuses every port usually has UPnP switched off for this computer, \
                                 keeps its ports for mappings made by hand, or has no room left: look in its pages for \
                                 UPnP and port forwarding, and restart it.";

/// The name of the service that has an action of this name; no service shares a name with one of other codes.
fn service_of(action: &str) -> &'static str {
    let has_it = |service: &&&service::Service| service.actions.iter().any(|known| known.name == action);
    service::KNOWN.iter().find(has_it).map_or("", |service| service.name)
}

const MAPPING_FAILED: super::Text = super::Text {
    code: "mapping-failed",
    problem: "The router could not make the mapping, and does not tell why.",
    remedy: "Some routers say this when the port is taken, others when their own external address is private: try \
             another external port, look at the external address in the router's status, and restart the router.",
};

const SHARING_OFF: super::Text = super::Text {
    code: "port-sharing-off",
    problem: "The router does not let this computer open ports by itself.",
    remedy: "On a FRITZ!Box: Internet, Permit Access, Port Sharing, edit this computer's entry and tick \"Permit \
             independent port sharing\". On other routers, look for a list of the devices that may use UPnP.",
};

const MAPPING_ARGUMENTS: super::Text = super::Text {
    code: "mapping-arguments-refused",
    problem: "The router does not accept a value in the request for the mapping: the port, the lease (how long the \
              mapping lasts) or the address that it leads to.",
    remedy: "Try without a remote host, with another external port of 1024 or above, and with a lease between 1 \
             minute and 1 week.",
};
