//! The keys of `[[rule]]` and `[[static]]`, of which a file may hold many.

use std::net::Ipv4Addr;
use std::num::NonZeroU16;

use portreeve_engine::policy::{Rule, Verdict};
use portreeve_engine::ports::PortRange;
use portreeve_engine::{Protocol, RemoteHost};

use super::StaticMapping;
use super::item::{Item, Wrong};
use super::keys::{Key, keys};
use super::print::Effect::Live;
use super::print::quoted;

/// A rule as it is being read.
#[derive(Clone, Debug, Default)]
pub(super) struct RuleDraft {
    verdict: Option<Verdict>,
    rule: Option<Rule>,
}

/// A static mapping as it is being read.
#[derive(Clone, Debug, Default)]
pub(super) struct StaticDraft {
    external_port: Option<NonZeroU16>,
    protocol: Option<Protocol>,
    client: Option<Ipv4Addr>,
    internal_port: Option<NonZeroU16>,
    description: Option<String>,
    remote_host: Option<Ipv4Addr>,
}

/// The keys of `[[rule]]`.
pub(super) const RULE: &[Key<RuleDraft>] = keys! {
    "action" Live
        |r, v| { r.verdict = Some(v.choice(&[("allow", Verdict::Allow), ("deny", Verdict::Deny)])?); },
        |r| r.verdict.map(|verdict| quoted(if verdict == Verdict::Allow { "allow" } else { "deny" }));
    "client" Live
        |r, v| { r.rule().client = Some(v.parsed("an IPv4 network such as \"192.168.77.0/24\"")?); },
        |r| r.rule.as_ref()?.client.map(|network| quoted(&network.to_string()));
    "external-ports" Live
        |r, v| { r.rule().external_ports = v.ports()?; },
        |r| Some(quoted(&r.rule.as_ref()?.external_ports.to_string()));
    "internal-ports" Live
        |r, v| { r.rule().internal_ports = v.ports()?; },
        |r| Some(quoted(&r.rule.as_ref()?.internal_ports.to_string()));
    "protocol" Live
        |r, v| { r.rule().protocol = Some(v.protocol()?); },
        |r| r.rule.as_ref()?.protocol.map(|protocol| quoted(lower(protocol)));
    "description" Live
        |r, v| { r.rule().description = Some(v.parsed("a regular expression that the description must match")?); },
        |r| r.rule.as_ref()?.description.as_ref().map(|pattern| quoted(pattern.as_str()));
};

/// The keys of `[[static]]`.
pub(super) const STATIC: &[Key<StaticDraft>] = keys! {
    "external-port" Live
        |s, v| { s.external_port = Some(port(v)?); },
        |s| s.external_port.map(|port| port.to_string());
    "protocol" Live
        |s, v| { s.protocol = Some(v.protocol()?); },
        |s| s.protocol.map(|protocol| quoted(lower(protocol)));
    "client" Live
        |s, v| { s.client = Some(v.parsed("the IPv4 address of a LAN host")?); },
        |s| s.client.map(|client| quoted(&client.to_string()));
    "internal-port" Live
        |s, v| { s.internal_port = Some(port(v)?); },
        |s| s.internal_port.map(|port| port.to_string());
    "description" Live
        |s, v| { s.description = Some(v.text()?.to_owned()); },
        |s| s.description.as_deref().map(quoted);
    "remote-host" Live
        |s, v| { s.remote_host = Some(v.parsed("the IPv4 address of the only host that may use the mapping")?); },
        |s| s.remote_host.map(|host| quoted(&host.to_string()));
};

impl RuleDraft {
    /// The rule, or which key is missing.
    pub(super) fn finish(mut self) -> Result<Rule, Wrong> {
        let verdict = self.verdict.ok_or("needs action = \"allow\" or action = \"deny\"")?;
        self.rule().verdict = verdict;
        Ok(self.rule().clone())
    }

    /// What a rule does not name, it does not restrict.
    fn rule(&mut self) -> &mut Rule {
        self.rule.get_or_insert(Rule {
            verdict: Verdict::Deny,
            client: None,
            external_ports: PortRange::ALL,
            internal_ports: PortRange::ALL,
            protocol: None,
            description: None,
        })
    }
}

impl From<&Rule> for RuleDraft {
    fn from(rule: &Rule) -> Self {
        Self {
            verdict: Some(rule.verdict),
            rule: Some(rule.clone()),
        }
    }
}

impl StaticDraft {
    /// The mapping, or which key is missing.
    pub(super) fn finish(self) -> Result<StaticMapping, Wrong> {
        Ok(StaticMapping {
            external_port: self.external_port.ok_or("needs external-port")?,
            protocol: self.protocol.ok_or("needs protocol = \"tcp\" or protocol = \"udp\"")?,
            client: self.client.ok_or("needs client, the address of the LAN host")?,
            internal_port: self.internal_port,
            description: self.description.unwrap_or_default(),
            remote_host: self.remote_host.map_or(RemoteHost::Any, RemoteHost::Host),
        })
    }
}

impl From<&StaticMapping> for StaticDraft {
    fn from(mapping: &StaticMapping) -> Self {
        Self {
            external_port: Some(mapping.external_port),
            protocol: Some(mapping.protocol),
            client: Some(mapping.client),
            internal_port: mapping.internal_port,
            description: (!mapping.description.is_empty()).then(|| mapping.description.clone()),
            remote_host: match mapping.remote_host {
                RemoteHost::Any => None,
                RemoteHost::Host(address) => Some(address),
            },
        }
    }
}

fn port(value: Item<'_>) -> Result<NonZeroU16, Wrong> {
    let port = value.number(1..=u16::MAX)?;
    NonZeroU16::new(port).ok_or_else(|| value.must("be a port from 1 to 65535"))
}

fn lower(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    }
}
