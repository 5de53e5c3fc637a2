//! A gateway, as several commands tell it.

use std::net::IpAddr;

use serde::Serialize;

use crate::output::Text;

/// A gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Gateway {
    /// `friendlyName`.
    pub(crate) name: Text,
    /// `manufacturer`.
    pub(crate) manufacturer: Text,
    /// `modelName`, with the number if there is one.
    pub(crate) model: Text,
    /// `UDN`.
    pub(crate) udn: Text,
    /// Where it is.
    pub(crate) address: IpAddr,
    /// URL of its description.
    pub(crate) location: Text,
    /// What it calls its software.
    pub(crate) server: Option<Text>,
    /// Version of the device type InternetGatewayDevice.
    pub(crate) igd_version: u8,
    /// The interface of this machine that leads to it.
    pub(crate) interface: Text,
    /// The address of this machine that it sees.
    pub(crate) local_address: IpAddr,
}

impl Gateway {
    /// In half a line.
    pub(crate) fn brief(&self) -> String {
        format!("{} at {}", self.name.or("a gateway without name"), self.address)
    }

    /// Maker and model, without saying the maker twice.
    pub(crate) fn make(&self) -> String {
        let (maker, model) = (self.manufacturer.as_str(), self.model.as_str());
        if model.to_lowercase().starts_with(&maker.to_lowercase()) {
            model.to_owned()
        } else {
            format!("{maker} {model}").trim().to_owned()
        }
    }
}

/// What kind of address it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AddressKind {
    /// Reachable from the Internet.
    Public,
    /// Of a private network: another router is in front.
    Private,
    /// Of the range that carriers share among customers (RFC 6598).
    Shared,
    /// None.
    None,
}

impl AddressKind {
    /// In words, for brackets behind the address.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private: another router is in front of the gateway",
            Self::Shared => "shared among customers of the provider",
            Self::None => "none",
        }
    }
}

/// The address with its kind, or that there is none.
pub(crate) fn address_in_words(address: Option<IpAddr>, kind: AddressKind) -> String {
    match address {
        Some(address) => format!("{address} ({})", kind.words()),
        None => "none".to_owned(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A gateway for the tests of other views.
    pub(crate) fn gateway() -> Gateway {
        Gateway {
            name: Text::clean("Home"),
            manufacturer: Text::clean("Maker"),
            model: Text::clean("Box 1"),
            udn: Text::clean("uuid:1"),
            address: [192, 168, 77, 1].into(),
            location: Text::clean("http://192.168.77.1:5000/root.xml"),
            server: None,
            igd_version: 2,
            interface: Text::clean("eth0"),
            local_address: [192, 168, 77, 10].into(),
        }
    }

    #[test]
    fn the_maker_is_said_once() {
        let mut gateway = gateway();
        assert_eq!(gateway.make(), "Maker Box 1");
        gateway.model = Text::clean("MAKER Box 1");
        assert_eq!(gateway.make(), "MAKER Box 1");
        gateway.manufacturer = Text::default();
        assert_eq!(gateway.make(), "MAKER Box 1");
    }
}
