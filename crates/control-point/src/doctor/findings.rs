//! What each step says, from what was seen.

use std::net::IpAddr;

use super::evidence::{AtGateway, Connection, Evidence, Firewall, Found, Knock, LoopBack, OwnPort, Search, Trial};
use super::step::Outcome;
use crate::error::{Error, Unusable};
use crate::explain::{ANSWERS_DROPPED, Explanation, UPNP_OFF, last_connection_error, length, plain, quoted, reason};
use crate::port_control::Carrier;
use crate::status::{AddressKind, ConnectionStatus};

/// What a step says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) outcome: Outcome,
    pub(super) text: String,
    pub(super) remedy: Option<String>,
}

impl Finding {
    pub(super) fn good(text: impl Into<String>) -> Self {
        Self::new(Outcome::Good, text, None)
    }

    /// Good, and something can be done next.
    pub(super) fn good_with(text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(Outcome::Good, text, Some(remedy.into()))
    }

    pub(super) fn bad(text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(Outcome::Bad, text, Some(remedy.into()))
    }

    pub(super) fn unknown(text: impl Into<String>, remedy: Option<&str>) -> Self {
        Self::new(Outcome::Unknown, text, remedy.map(str::to_owned))
    }

    pub(super) fn skipped(why: impl Into<String>) -> Self {
        Self::new(Outcome::Skipped, why, None)
    }

    fn new(outcome: Outcome, text: impl Into<String>, remedy: Option<String>) -> Self {
        Self {
            outcome,
            text: text.into(),
            remedy,
        }
    }
}

impl From<Explanation> for Finding {
    fn from(explanation: Explanation) -> Self {
        Self::bad(explanation.problem, explanation.remedy)
    }
}

/// Step 1.
pub(super) fn interface(seen: &Evidence) -> Finding {
    match &seen.interfaces {
        None => Finding::skipped("The interfaces were not looked at."),
        Some(Err(why)) => Finding::unknown(
            format!("The system does not tell its network interfaces: {}.", reason(why)),
            Some("Run this outside of a sandbox."),
        ),
        Some(Ok(links)) if links.is_empty() && seen.named.is_some() => Finding::unknown(
            "No network interface but loopback is up; the gateway that you named is asked all the same.",
            None,
        ),
        Some(Ok(links)) if links.is_empty() => Error::from(crate::error::NoGateway::default()).explanation().into(),
        Some(Ok(links)) => {
            let interfaces = links.chunk_by(|one, other| one.name == other.name).map(|links| {
                let addresses = links.iter().map(|link| format!("{}/{}", link.address, link.prefix));
                format!("{} has {}", links[0].name, sentence(addresses))
            });
            Finding::good(format!("{}.", interfaces.collect::<Vec<_>>().join("; ")))
        }
    }
}

/// Step 2.
pub(super) fn route(seen: &Evidence) -> Finding {
    let Some(Ok(links)) = &seen.interfaces else {
        return Finding::skipped("Without interfaces there are no routes to look at.");
    };
    let mut gateways: Vec<_> = links
        .iter()
        .filter_map(|link| Some((link.gateway?, &link.name)))
        .collect();
    // An interface may have several addresses.
    gateways.sort_by_key(|(gateway, _)| gateway.is_ipv6());
    gateways.dedup();
    let also = over_ipv6_too(&mut gateways);
    match (&gateways[..], &seen.named) {
        ([], Some(_)) => Finding::unknown(
            "This computer has no default route. The gateway that you named is asked, but answers to connections \
             from the internet may find no way back.",
            None,
        ),
        ([], None) => Finding::bad(
            "This computer has no default route: it does not know any router that leads to the internet.",
            "Renew the network connection, so that it gets a route from the router (DHCP), or enter the router's \
             address as the default gateway.",
        ),
        ([(gateway, name)], _) => Finding::good(format!("The way to the internet is {gateway} on {name}{also}.")),
        ([(gateway, name), more @ ..], _) => {
            let others = sentence(more.iter().map(|(gateway, name)| format!("{gateway} on {name}")));
            Finding::good(format!(
                "The preferred way to the internet is {gateway} on {name}{also}; there is also {others}. A VPN may be \
                 among them."
            ))
        }
    }
}

/// Takes the gateways of IPv6 out, where there are some of IPv4, and names the first of them.
fn over_ipv6_too(gateways: &mut Vec<(IpAddr, &String)>) -> String {
    let Some(first) = gateways
        .iter()
        .position(|(gateway, _)| gateway.is_ipv6())
        .filter(|first| *first > 0)
    else {
        return String::new();
    };
    let (gateway, name) = gateways[first];
    gateways.truncate(first);
    format!(", and over IPv6 {gateway} on {name}")
}

/// Step 3.
pub(super) fn search(seen: &Search) -> Finding {
    if seen.sent.is_empty() && seen.asked.is_empty() {
        if seen.failed.is_empty() {
            return Finding::skipped("There is no interface to search on.");
        }
        let why = seen.failed.iter().map(|(name, why)| format!("{name}: {}", reason(why)));
        return Finding::bad(
            format!("A search could not be sent on any interface ({}).", sentence(why)),
            "A firewall on this computer forbids it, or the interface cannot do it (some VPNs): allow UDP to \
             239.255.255.250 port 1900, or name the gateway with `--gateway` and its address.",
        );
    }
    let everybody = seen.sent.iter().map(|name| format!("to everybody on {name}"));
    let each = seen.asked.iter().map(|router| format!("to {router} itself"));
    let sent = format!("A search by UPnP was sent {}", sentence(everybody.chain(each)));
    match &seen.heard[..] {
        [] => Finding::unknown(
            format!("{sent}, and nothing at all answered within a second."),
            Some(
                "Either no device here speaks UPnP, or a firewall on this computer drops the answers (UDP port 1900), \
                 or the Wi-Fi keeps its devices apart.",
            ),
        ),
        heard => Finding::good(format!(
            "{sent}, and {} answered: {}.",
            count(heard.len(), "device", "devices"),
            sentence(heard.iter().map(IpAddr::to_string))
        )),
    }
}

/// Step 4.
pub(super) fn discovery(seen: &Evidence) -> Finding {
    let found = match (&seen.found, &seen.knock) {
        (None, _) => return Finding::skipped("No gateway was searched."),
        (Some(Err(Error::NoGateway(what))), Some(knock)) if what.rejected.is_empty() => {
            return silence(knock, seen.is_quiet());
        }
        (Some(Err(error)), _) => return error.explanation().into(),
        (Some(Ok(found)), _) => found,
    };
    if seen.is_deaf() {
        return Finding::bad(
            format!(
                "{} Its description is at {}.",
                ANSWERS_DROPPED.problem,
                quoted(&found.location)
            ),
            format!(
                "{}\nUntil then, name the gateway: `--gateway {}`.",
                ANSWERS_DROPPED.remedy,
                plain(&found.location)
            ),
        );
    }
    let but = match seen.is_hard_of_hearing() {
        true => " Of two searches it answered the second only: it may allow few at a time, or packets get lost.",
        false => "",
    };
    Finding::good(format!(
        "{} at {} answered after {}.{but}",
        quoted(&found.name),
        found.address,
        length(found.took)
    ))
}

/// What follows from knocking at a router that no search finds.
fn silence(knock: &Knock, quiet: bool) -> Finding {
    let router = knock.router;
    if knock.alive {
        let firewall = if quiet {
            "\nIf it is on already, a firewall on this computer may drop the answers: allow incoming UDP from port 1900, \
             or name the gateway by the URL of its description with `--gateway`."
        } else {
            ""
        };
        Finding::bad(
            format!(
                "No search found a gateway. The router at {router} is there, but does not speak UPnP, by which programs \
                 open ports: it is probably switched off."
            ),
            format!("{}{firewall}", UPNP_OFF.remedy),
        )
    } else {
        Finding::bad(
            format!("No search found a gateway, and the router at {router} does not answer at all."),
            "Check that the router is on and that this computer is in its network; restart both. If you can still \
             reach the internet, a firewall hides the router: look up its address and name it with `--gateway`.",
        )
    }
}

/// Step 5.
pub(super) fn description(found: &Found) -> Finding {
    if !found.speaks_upnp() {
        return Finding::good(format!(
            "It maps ports by {}, and does not speak UPnP: it shows nothing of itself, nor which mappings it has.",
            plain(&found.service)
        ));
    }
    let others = match found.connections {
        0 | 1 => String::new(),
        n => format!(" It is one of {n} connections."),
    };
    Finding::good(format!(
        "It is an InternetGatewayDevice:{} and maps ports with {}.{others}",
        found.igd_version,
        plain(&found.service)
    ))
}

/// Step 6.
pub(super) fn connection(seen: &Result<Connection, Error>) -> Finding {
    let connection = match seen {
        Ok(connection) => connection,
        Err(error) => return error.explanation().into(),
    };
    if let Some(down) = not_connected(connection) {
        return down.explanation().into();
    }
    if connection.status == ConnectionStatus::Other(String::new()) {
        return Finding::unknown(
            "The router does not tell whether it is connected to the internet.",
            None,
        );
    }
    let uptime = connection.uptime.filter(|uptime| !uptime.is_zero());
    let since = uptime.map_or_else(String::new, |uptime| format!(", for {} so far", length(uptime)));
    let before = match last_connection_error(&connection.last_error) {
        nothing if NO_ERROR.contains(&nothing.code) => String::new(),
        told => format!(" The time before, it ended like this: {}", told.problem),
    };
    Finding::good(format!("The router is connected to the internet{since}.{before}"))
}

/// Values of LastConnectionError that tell nothing of the connection before.
const NO_ERROR: [&str; 3] = [
    "connection-error-none",
    "connection-error-unknown",
    "connection-error-untold",
];

/// Why the connection does not carry anything, if it does not.
pub(super) fn not_connected(connection: &Connection) -> Option<Unusable> {
    (connection.status.passes_packets() == Some(false)).then(|| Unusable::NotConnected {
        status: connection.status.to_string(),
        last_error: connection.last_error.clone(),
    })
}

/// Step 7.
pub(super) fn nat(connection: &Connection) -> Finding {
    match connection.nat {
        Some(true) => Finding::good("The router translates addresses (NAT is on), so mappings have an effect."),
        Some(false) => Unusable::NatOff.explanation().into(),
        None => Finding::unknown("The router does not tell whether it translates addresses (NAT).", None),
    }
}

/// Step 8.
pub(super) fn external_address(connection: &Connection) -> Finding {
    match (no_public_address(connection), connection.address) {
        (None, Some(address)) => Finding::good(format!("The router's address on the internet is {address}.")),
        (unusable, _) => {
            let unusable = unusable.unwrap_or(Unusable::NoExternalAddress(String::new()));
            unusable.explanation().into()
        }
    }
}

/// Why nobody on the internet reaches the external address, if nobody does.
pub(super) fn no_public_address(connection: &Connection) -> Option<Unusable> {
    let address = connection.address;
    match address.map_or(AddressKind::None, AddressKind::of) {
        AddressKind::Public => None,
        AddressKind::Private => address.map(Unusable::DoubleNat),
        AddressKind::Shared => address.map(Unusable::CarrierGradeNat),
        AddressKind::None => Some(Unusable::NoExternalAddress(connection.address_text.clone())),
    }
}

/// Step 10.
pub(super) fn stun(seen: &Evidence) -> Finding {
    let told = match &seen.stun {
        None => return Finding::skipped("No STUN server was named (`--stun HOST`), so nobody outside was asked."),
        Some(Err(error)) => {
            let explanation = error.explanation();
            return Finding::unknown(explanation.problem, Some(&explanation.remedy));
        }
        Some(Ok(told)) => told.ip(),
    };
    match seen.external_address() {
        Some(address) if address == told => {
            Finding::good(format!("A server on the internet sees the same address, {told}."))
        }
        Some(address) => Finding::bad(
            format!(
                "A server on the internet sees {told}, while the router says {address}: another router translates \
                 addresses in front of this one, or this computer's traffic goes through a VPN."
            ),
            "Switch a VPN off and try again. If it stays so, ask the provider for a public address, or put the device \
             in front of the router into bridge mode.",
        ),
        None => Finding::unknown(
            format!("A server on the internet sees {told}; the router tells no address."),
            None,
        ),
    }
}

/// Step 11.
pub(super) fn firewall(seen: &Firewall) -> Finding {
    let Some(local) = seen.local else {
        return Finding::skipped(
            "This computer has no IPv6 address that others could reach, so there is nothing to open.",
        );
    };
    let reach = match local.is_unique_local() {
        true => format!("{local}, which is reached in the local network only"),
        false => local.to_string(),
    };
    match seen.status {
        None => Finding::unknown(
            "The router does not tell whether its IPv6 firewall lets anybody in, and opens no pinholes (openings for one \
             port) for programs.",
            None,
        ),
        Some(status) if !status.enabled => Finding::good(format!(
            "The router's IPv6 firewall is off: over IPv6 this computer is reachable as it is, at {reach}."
        )),
        Some(status) if status.pinholes_allowed => Finding::good(format!(
            "The router's IPv6 firewall lets programs open pinholes (openings for one port), here to {reach}."
        )),
        Some(_) => Error::from(Unusable::PinholesNotAllowed).explanation().into(),
    }
}

/// Step 12.
pub(super) fn trial(trial: &Trial) -> Finding {
    match &trial.made {
        Ok((port, notes)) => {
            let also: String = notes.iter().map(|note| format!(" {note}")).collect();
            Finding::good(format!(
                "The router mapped {} port {port} to this computer for the trial.{also}",
                trial.protocol
            ))
        }
        Err(Error::Untrue(_)) => Finding::good(format!(
            "The router said yes to {} port {}, for the trial.",
            trial.protocol, trial.asked
        )),
        Err(error) => error.explanation().into(),
    }
}

/// Step 13.
pub(super) fn read_back(trial: &Trial) -> Finding {
    match &trial.made {
        Ok(_) if matches!(trial.carrier, Some(Carrier::Pcp | Carrier::NatPmp)) => {
            Finding::skipped("PCP and NAT-PMP show no mappings; the router's answer is what it has granted.")
        }
        Ok(_) => Finding::good("Read back, the mapping is there and leads to this computer."),
        Err(Error::Untrue(untrue)) => untrue.explanation().into(),
        Err(_) => Finding::skipped("There is no mapping to read back."),
    }
}

/// Step 14.
pub(super) fn loop_back(seen: &LoopBack) -> Finding {
    match seen {
        LoopBack::Arrived(at) => Finding::good(format!(
            "A connection from this computer to {at} went through the router and came back here."
        )),
        LoopBack::Lost(at) => Finding::unknown(
            format!(
                "A connection from this computer to {at} did not arrive: the router does not loop back (hairpin NAT), \
                 or it drops the packets."
            ),
            Some("This says nothing about connections from outside: test from a mobile phone without Wi-Fi."),
        ),
        LoopBack::Stranger(at) => Finding::unknown(
            format!("A connection from this computer to {at} reached something else, perhaps the router itself."),
            Some("This says nothing about connections from outside: test from a mobile phone without Wi-Fi."),
        ),
        LoopBack::NotTried(why) => Finding::skipped(*why),
    }
}

/// Step 15.
pub(super) fn removal(removed: &Result<(), Error>) -> Finding {
    match removed {
        Ok(()) => Finding::good("The trial mapping is removed again."),
        Err(error) => Finding::unknown(
            format!(
                "The trial mapping could not be removed. {}",
                error.explanation().problem
            ),
            Some("It ends by itself within two minutes; look at `portreeve list` then."),
        ),
    }
}

/// Step 16.
pub(super) fn listener(own: &OwnPort) -> Finding {
    let (protocol, port) = (own.protocol, own.port);
    match (own.listening.as_deref(), own.local) {
        (None, _) => Finding::unknown(
            format!("The system does not tell whether a program listens on {protocol} port {port}."),
            None,
        ),
        (Some([]), _) => Finding::bad(
            format!("No program on this computer listens on {protocol} port {port}."),
            "Start the program that shall be reached, and check which port it really uses.",
        ),
        (Some(at), Some(local)) if at.iter().any(|address| takes(*address, local)) => listens(own, at),
        (Some(at), _) if at.iter().all(IpAddr::is_loopback) => Finding::bad(
            format!(
                "A program listens on {protocol} port {port}, but only for this computer itself ({}).",
                sentence(at.iter().map(IpAddr::to_string))
            ),
            "Let the program listen on all addresses (0.0.0.0), often a setting called \"bind\" or \"listen address\".",
        ),
        (Some(at), Some(local)) => Finding::bad(
            format!(
                "A program listens on {protocol} port {port}, but only on {}, and not on {local}, to which the router \
                 sends.",
                sentence(at.iter().map(IpAddr::to_string))
            ),
            "Let the program listen on all addresses (0.0.0.0), often a setting called \"bind\" or \"listen address\".",
        ),
        (Some(at), None) => listens(own, at),
    }
}

fn listens(own: &OwnPort, at: &[IpAddr]) -> Finding {
    let (protocol, port) = (own.protocol, own.port);
    let at = sentence(at.iter().map(IpAddr::to_string));
    Finding::good(format!("A program listens on {protocol} port {port} ({at})."))
}

/// Whether a socket bound to this address gets what is sent to that one. A socket on `::` takes IPv4 too, unless its
/// program wanted otherwise, which few do.
fn takes(bound: IpAddr, to: IpAddr) -> bool {
    bound.is_unspecified() || bound == to
}

/// Step 17.
pub(super) fn port(own: &OwnPort) -> Finding {
    let (protocol, port) = (own.protocol, own.port);
    match &own.at_gateway {
        None => Finding::skipped("Without a gateway that maps ports there is nothing to ask about this port."),
        Some(AtGateway::Mapped(client, to)) if leads_here(own, client) => Finding::good(format!(
            "{protocol} port {port} is already mapped to this computer's port {to}."
        )),
        Some(AtGateway::Mapped(client, to)) => Finding::bad(
            format!(
                "{protocol} port {port} is already mapped to another device: {}, port {to}.",
                quoted(client)
            ),
            "Choose another external port (`portreeve map --external`), or remove the mapping on that device.",
        ),
        Some(AtGateway::Free) => Finding::good(format!(
            "The router maps {protocol} port {port} when asked; the trial is removed again. `portreeve map {port}` \
             keeps it open."
        )),
        Some(AtGateway::Refused(Error::Untrue(untrue))) => untrue.explanation().into(),
        Some(AtGateway::Refused(error)) if port < 1024 => Finding::bad(
            format!(
                "The router maps higher ports, but refuses {protocol} port {port}: it opens no ports below 1024. {}",
                error.explanation().problem
            ),
            format!(
                "Ask for an external port of 1024 or above, for instance `portreeve map {port} --external {}`, or \
                 forward this port by hand in the router's pages.",
                u32::from(port) + 8000
            ),
        ),
        Some(AtGateway::RefusedInside(error)) => Finding::bad(
            format!(
                "The router maps higher ports, but refuses to lead any to {protocol} port {port} of this computer: it \
                 maps no ports below 1024, neither outside nor inside. {}",
                error.explanation().problem
            ),
            format!(
                "Let the program listen on a port of 1024 or above, for instance {0}, and map that: `portreeve map {0}`. \
                 Or forward this port by hand in the router's pages.",
                u32::from(port) + 8000
            ),
        ),
        Some(AtGateway::Refused(error)) => error.explanation().into(),
        Some(AtGateway::Unreadable(error)) => {
            let explanation = error.explanation();
            Finding::unknown(explanation.problem, Some(&explanation.remedy))
        }
    }
}

/// Whether a mapping to this client leads to this computer.
pub(super) fn leads_here(own: &OwnPort, client: &str) -> bool {
    let address: Result<IpAddr, _> = client.trim().parse();
    own.local.is_some() && address.ok() == own.local
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn sentence(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().collect();
    match items.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
