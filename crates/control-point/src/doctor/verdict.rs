//! The conclusion: which of the things that were seen is the cause.

use std::net::IpAddr;

use super::evidence::{AtGateway, Evidence, LoopBack, OwnPort};
use super::findings::{self, Finding};
use super::servers;
use super::step::{Outcome, Step};
use crate::error::{Error, Untrue, Unusable};
use crate::mapping::Protocol;
use crate::port_control::Carrier;

/// The end of an examination.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Verdict {
    /// The cause.
    pub diagnosis: Diagnosis,
    /// The cause in words.
    pub problem: String,
    /// What to do about it: whole sentences, in several lines where there are several ways.
    pub remedy: String,
    /// All steps, in order.
    pub steps: Vec<Step>,
}

/// What keeps a port from being reachable, the first cause on the way from this computer to the internet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Diagnosis {
    /// Nothing: mappings work, as far as can be told from inside.
    Fine,
    /// This computer has no interface that is up.
    NoInterface,
    /// It has no default route, and no gateway was found.
    NoRoute,
    /// The router does not answer at all.
    NoGateway,
    /// The router is there, but does not speak UPnP.
    UpnpOff,
    /// The router speaks UPnP at this URL, but answers to searches do not arrive.
    SsdpBlocked(String),
    /// Something answered the search, and cannot be used.
    UnusableGateway(Error),
    /// The gateway's connection is not up.
    Disconnected {
        /// `ConnectionStatus`.
        status: String,
        /// `LastConnectionError`.
        last_error: String,
    },
    /// The gateway does not translate addresses.
    NatOff,
    /// Another router is in front of this one, whose external address this is.
    DoubleNat(IpAddr),
    /// The provider shares one address among customers.
    CarrierGradeNat(IpAddr),
    /// The gateway has no external address.
    NoExternalAddress,
    /// The gateway tells another address by PCP or NAT-PMP than by UPnP.
    AddressesDiffer(Vec<(Carrier, IpAddr)>),
    /// A server on the internet sees another address than the gateway's.
    AddressDiffers {
        /// The gateway's.
        gateway: IpAddr,
        /// The one that the server sees.
        outside: IpAddr,
    },
    /// The gateway does not let this computer map ports: 606, 403, or a refusal of each port that was tried.
    RefusedByPolicy(Error),
    /// The gateway refuses for another reason, or the talk with it broke off.
    Failed(Error),
    /// The gateway says yes and does nothing.
    SilentSuccess,
    /// The gateway says yes and does something else.
    Untrue(Untrue),
    /// The gateway opens no ports below 1024.
    LowPortCap,
    /// The port is mapped to another device.
    PortTaken(String),
    /// No program listens on the port.
    NothingListens,
    /// A program listens, but not on the address to which the gateway sends.
    ListensElsewhere(Vec<IpAddr>),
}

impl Diagnosis {
    /// The name for programs, in kebab-case: that of the [`Explanation`](crate::Explanation) of the error with which other
    /// requests end for the same cause, if they do.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::NoInterface => "no-interface",
            Self::NoRoute => "no-default-route",
            Self::NoGateway => "no-gateway",
            Self::UpnpOff => "upnp-off",
            Self::SsdpBlocked(_) => "ssdp-blocked",
            Self::Disconnected { status, last_error } => {
                let (status, last_error) = (status.clone(), last_error.clone());
                Unusable::NotConnected { status, last_error }.explanation().code
            }
            Self::NatOff => "nat-off",
            Self::DoubleNat(_) => "double-nat",
            Self::CarrierGradeNat(_) => "carrier-grade-nat",
            Self::NoExternalAddress => "no-external-address",
            Self::AddressesDiffer(_) => "addresses-differ",
            Self::AddressDiffers { .. } => "address-differs",
            Self::UnusableGateway(error) | Self::RefusedByPolicy(error) | Self::Failed(error) => {
                error.explanation().code
            }
            Self::SilentSuccess => "silent-success",
            Self::Untrue(untrue) => untrue.explanation().code,
            Self::LowPortCap => "low-port-cap",
            Self::PortTaken(_) => "conflict-in-mapping-entry",
            Self::NothingListens => "nothing-listens",
            Self::ListensElsewhere(_) => "listens-elsewhere",
        }
    }
}

/// What follows from everything that was seen: the diagnosis, and the words of the step that shows it.
pub(super) fn diagnose(seen: &Evidence) -> (Diagnosis, Finding) {
    let causes = [
        no_gateway,
        connection_down,
        no_translation,
        addresses_differ,
        no_public_address,
        address_differs,
        trial_failed,
        search_deaf,
        port_refused,
        nobody_listens,
    ];
    causes
        .iter()
        .find_map(|cause| cause(seen))
        .unwrap_or_else(|| (Diagnosis::Fine, fine(seen)))
}

type Cause = Option<(Diagnosis, Finding)>;

fn no_gateway(seen: &Evidence) -> Cause {
    let Some(Err(error)) = &seen.found else { return None };
    let nothing_rejected = matches!(error, Error::NoGateway(what) if what.rejected.is_empty());
    if !nothing_rejected {
        let diagnosis = match error {
            Error::NoGateway(_) | Error::Unusable(_) | Error::Conversation(_) => Diagnosis::UnusableGateway,
            _ => Diagnosis::Failed,
        };
        return Some((diagnosis(error.clone()), findings::discovery(seen)));
    }
    if seen.named.is_none() {
        if matches!(&seen.interfaces, Some(Ok(links)) if links.is_empty()) {
            return Some((Diagnosis::NoInterface, findings::interface(seen)));
        }
        if seen.knock.is_none() {
            return Some((Diagnosis::NoRoute, findings::route(seen)));
        }
    }
    let alive = seen.knock.as_ref().is_some_and(|knock| knock.alive);
    let diagnosis = if alive {
        Diagnosis::UpnpOff
    } else {
        Diagnosis::NoGateway
    };
    Some((diagnosis, findings::discovery(seen)))
}

fn connection_down(seen: &Evidence) -> Cause {
    let connection = match seen.connection.as_ref()? {
        Ok(connection) => connection,
        Err(error) => return Some((Diagnosis::Failed(error.clone()), error.explanation().into())),
    };
    let down = findings::not_connected(connection)?;
    let diagnosis = Diagnosis::Disconnected {
        status: connection.status.to_string(),
        last_error: connection.last_error.clone(),
    };
    Some((diagnosis, down.explanation().into()))
}

fn no_translation(seen: &Evidence) -> Cause {
    let connection = seen.connection()?;
    (connection.nat == Some(false)).then(|| (Diagnosis::NatOff, findings::nat(connection)))
}

/// Before what is wrong with the address that UPnP tells: another protocol may lead past it.
fn addresses_differ(seen: &Evidence) -> Cause {
    let servers = seen.servers.as_ref()?;
    let found = seen.found.as_ref()?.as_ref().ok()?;
    let by_upnp = seen.external_address().filter(|_| found.speaks_upnp());
    let told = servers::differing(by_upnp, servers)?;
    Some((Diagnosis::AddressesDiffer(told), servers::finding(by_upnp, servers)))
}

fn no_public_address(seen: &Evidence) -> Cause {
    let connection = seen.connection()?;
    let diagnosis = match findings::no_public_address(connection)? {
        Unusable::DoubleNat(address) => Diagnosis::DoubleNat(address),
        Unusable::CarrierGradeNat(address) => Diagnosis::CarrierGradeNat(address),
        _ => Diagnosis::NoExternalAddress,
    };
    Some((diagnosis, findings::external_address(connection)))
}

fn address_differs(seen: &Evidence) -> Cause {
    let outside = seen.stun.as_ref()?.as_ref().ok()?.ip();
    let gateway = seen.external_address().filter(|address| *address != outside)?;
    Some((Diagnosis::AddressDiffers { gateway, outside }, findings::stun(seen)))
}

fn trial_failed(seen: &Evidence) -> Cause {
    let trial = seen.trial.as_ref()?;
    let error = trial.made.as_ref().err()?;
    let diagnosis = match error {
        Error::Untrue(Untrue::NotThere { .. }) => Diagnosis::SilentSuccess,
        Error::Untrue(untrue) => Diagnosis::Untrue(untrue.clone()),
        Error::Refused(refusal) if matches!(refusal.code, 403 | 606) => Diagnosis::RefusedByPolicy(error.clone()),
        Error::PortsRefused(_) => Diagnosis::RefusedByPolicy(error.clone()),
        error => Diagnosis::Failed(error.clone()),
    };
    Some((diagnosis, error.explanation().into()))
}

fn search_deaf(seen: &Evidence) -> Cause {
    let found = seen.found.as_ref()?.as_ref().ok()?;
    seen.is_deaf().then(|| {
        (
            Diagnosis::SsdpBlocked(found.location.clone()),
            findings::discovery(seen),
        )
    })
}

fn port_refused(seen: &Evidence) -> Cause {
    let own = seen.own.as_ref()?;
    let diagnosis = match own.at_gateway.as_ref()? {
        AtGateway::Mapped(client, _) if findings::leads_here(own, client) => return None,
        AtGateway::Mapped(client, _) => Diagnosis::PortTaken(client.clone()),
        AtGateway::Refused(Error::Refused(_) | Error::PortsRefused(_) | Error::Untrue(Untrue::NotThere { .. }))
            if own.port < 1024 =>
        {
            Diagnosis::LowPortCap
        }
        AtGateway::RefusedInside(_) => Diagnosis::LowPortCap,
        AtGateway::Refused(Error::Untrue(Untrue::NotThere { .. })) => Diagnosis::SilentSuccess,
        AtGateway::Refused(Error::Untrue(untrue)) => Diagnosis::Untrue(untrue.clone()),
        AtGateway::Refused(error) => Diagnosis::Failed(error.clone()),
        AtGateway::Free | AtGateway::Unreadable(_) => return None,
    };
    Some((diagnosis, findings::port(own)))
}

fn nobody_listens(seen: &Evidence) -> Cause {
    let own = seen.own.as_ref()?;
    let finding = findings::listener(own);
    let at = own.listening.clone().filter(|_| finding.outcome == Outcome::Bad)?;
    let diagnosis = if at.is_empty() {
        Diagnosis::NothingListens
    } else {
        Diagnosis::ListensElsewhere(at)
    };
    Some((diagnosis, finding))
}

/// What to say when nothing is wrong.
fn fine(seen: &Evidence) -> Finding {
    let proof = match &seen.loop_back {
        Some(LoopBack::Arrived(_)) => "The router maps ports for this computer, and a connection came through.",
        _ => {
            "The router maps ports for this computer. Whether connections from outside come through can only be tested \
             from outside."
        }
    };
    let remedy = match &seen.own {
        Some(own) if matches!(own.at_gateway, Some(AtGateway::Mapped(..))) => {
            "If the port cannot be reached all the same, look at the firewall of this computer, and test from a mobile \
             phone without Wi-Fi."
                .to_owned()
        }
        Some(own) => format!(
            "Open the port and keep it open: `portreeve map {}{}`.",
            own.port,
            udp(own)
        ),
        None => "Open a port and keep it open, for instance: `portreeve map 8080`.".to_owned(),
    };
    Finding::good_with(proof, remedy)
}

fn udp(own: &OwnPort) -> &'static str {
    match own.protocol {
        Protocol::Tcp => "",
        Protocol::Udp => " --protocol udp",
    }
}
