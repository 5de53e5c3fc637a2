//! One entry of a gateway's table, held against what was asked for.

use std::net::Ipv4Addr;

use super::wanted::Wanted;

/// What a gateway shows of a mapping.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) internal_client: String,
    pub(crate) internal_port: u16,
    pub(crate) enabled: bool,
    pub(crate) description: String,
    /// Seconds left; 0 is for ever, or not told.
    pub(crate) lease: u32,
}

/// How an entry relates to what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    /// It is the mapping.
    Same,
    /// It is the mapping, and not in force.
    Disabled,
    /// It leads to the right host, but to another port.
    OtherPort,
    /// It leads to another host.
    OtherHost,
    /// There is none.
    Absent,
}

impl Shown {
    /// Gateways show the client as an address, as a name or not at all (miniupnp#236). What cannot be compared counts as
    /// ours, unless it is another mapping by its description too.
    pub(crate) fn relation(&self, wanted: &Wanted) -> Relation {
        let as_wanted = self.internal_port == wanted.internal_port.get() && self.enabled;
        match self.client() {
            Client::Address(address) if address != wanted.internal_client => Relation::OtherHost,
            Client::Unclear if !as_wanted && !self.may_be_described_as(wanted) => Relation::OtherHost,
            _ if self.internal_port != wanted.internal_port.get() => Relation::OtherPort,
            _ if !self.enabled => Relation::Disabled,
            _ => Relation::Same,
        }
    }

    /// Whether writing over this entry changes nothing for anybody else: it leads to the same port of the same host. A
    /// client that cannot be compared is not enough for that; the description must be ours too.
    pub(crate) fn may_be_overwritten(&self, wanted: &Wanted) -> bool {
        let same_host = match self.client() {
            Client::Address(address) => address == wanted.internal_client,
            Client::Unclear => self.description.trim() == wanted.description.as_str().trim(),
        };
        same_host && self.internal_port == wanted.internal_port.get()
    }

    /// Whether deleting this entry would take something from somebody else: from another host, or from another program
    /// of this one.
    pub(crate) fn is_somebody_elses(&self, wanted: &Wanted) -> bool {
        let same_host = match self.client() {
            Client::Address(address) => address == wanted.internal_client,
            Client::Unclear => self.may_be_described_as(wanted),
        };
        !same_host || self.internal_port != wanted.internal_port.get()
    }

    /// The client's name, if it is shown by one.
    pub(crate) fn client_name(&self) -> Option<&str> {
        let name = self.internal_client.trim();
        (!name.is_empty() && matches!(self.client(), Client::Unclear)).then_some(name)
    }

    /// `client:port`, for messages.
    pub(crate) fn target(&self) -> String {
        format!("{}:{}", self.internal_client.trim(), self.internal_port)
    }

    /// Some gateways cut descriptions short, or do not keep them.
    fn may_be_described_as(&self, wanted: &Wanted) -> bool {
        wanted.description.as_str().trim().starts_with(self.description.trim())
    }

    fn client(&self) -> Client {
        self.internal_client
            .trim()
            .parse()
            .map_or(Client::Unclear, Client::Address)
    }
}

enum Client {
    Address(Ipv4Addr),
    Unclear,
}
