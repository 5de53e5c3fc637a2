//! The actions that are measured, as requests.

use std::fmt;
use std::io::Write;

use super::{Reuse, Target};
use crate::mappings::{self, Mapping};

/// The service that every action belongs to; both daemons have it.
const SERVICE: &str = "urn:schemas-upnp-org:service:WANIPConnection:2";

/// A call of an action.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    /// AddPortMapping with a lease in seconds.
    Add(Mapping, u32),
    /// DeletePortMapping.
    Delete(Mapping),
    /// GetSpecificPortMappingEntry.
    Specific(Mapping),
    /// GetGenericPortMappingEntry.
    Generic(usize),
    /// GetExternalIPAddress.
    ExternalIp,
    /// GetListOfPortMappings: a hundred of the caller's TCP mappings.
    List,
}

/// The arguments of an action as elements.
struct Arguments(Action);

impl Action {
    /// Its name in the standard.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Add(..) => "AddPortMapping",
            Self::Delete(_) => "DeletePortMapping",
            Self::Specific(_) => "GetSpecificPortMappingEntry",
            Self::Generic(_) => "GetGenericPortMappingEntry",
            Self::ExternalIp => "GetExternalIPAddress",
            Self::List => "GetListOfPortMappings",
        }
    }

    /// Writes the whole HTTP request.
    pub(crate) fn write(self, target: &Target, reuse: Reuse, into: &mut Vec<u8>) {
        let name = self.name();
        let body = format!(
            "<?xml version=\"1.0\"?>\r\n\
             <s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\">\
             <s:Body><u:{name} xmlns:u=\"{SERVICE}\">{}</u:{name}></s:Body></s:Envelope>\r\n",
            Arguments(self)
        );
        let connection = match reuse {
            Reuse::KeepAlive => "keep-alive",
            Reuse::PerRequest => "close",
        };
        into.clear();
        write!(
            into,
            "POST {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: portreeve-bench UPnP/1.1\r\nContent-Length: {}\r\n\
             Content-Type: text/xml; charset=\"utf-8\"\r\nSOAPAction: \"{SERVICE}#{name}\"\r\nConnection: {connection}\r\n\r\n{body}",
            target.path,
            target.address,
            body.len()
        )
        .expect("writing to memory cannot fail");
    }
}

impl fmt::Display for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Action::Add(mapping, lease) => {
                write_key(f, mapping)?;
                write!(
                    f,
                    "<NewInternalPort>{}</NewInternalPort><NewInternalClient>{}</NewInternalClient><NewEnabled>1</NewEnabled>\
                     <NewPortMappingDescription>bench {}</NewPortMappingDescription><NewLeaseDuration>{lease}</NewLeaseDuration>",
                    mapping.port,
                    mappings::address(mapping.owner),
                    mapping.port
                )
            }
            Action::Delete(mapping) | Action::Specific(mapping) => write_key(f, mapping),
            Action::Generic(index) => write!(f, "<NewPortMappingIndex>{index}</NewPortMappingIndex>"),
            Action::ExternalIp => Ok(()),
            Action::List => f.write_str(
                "<NewStartPort>2000</NewStartPort><NewEndPort>65535</NewEndPort><NewProtocol>TCP</NewProtocol>\
                 <NewManage>0</NewManage><NewNumberOfPorts>100</NewNumberOfPorts>",
            ),
        }
    }
}

fn write_key(f: &mut fmt::Formatter<'_>, mapping: Mapping) -> fmt::Result {
    write!(
        f,
        "<NewRemoteHost></NewRemoteHost><NewExternalPort>{}</NewExternalPort><NewProtocol>{}</NewProtocol>",
        mapping.port,
        mapping.protocol.name()
    )
}
