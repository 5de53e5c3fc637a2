//! Result codes of PCP (RFC 6887 section 7.4) and NAT-PMP (RFC 6886 section 3.5).

use super::{Explanation, Text, length};
use crate::error::PortControlRefusal;
use crate::port_control::Carrier;

impl PortControlRefusal {
    /// Says it in plain words, with a remedy.
    pub fn explanation(&self) -> Explanation {
        let table = match self.carrier {
            Carrier::NatPmp => NAT_PMP,
            Carrier::Igd | Carrier::Pcp => PCP,
        };
        let row = table.iter().chain(BOTH).find(|(code, _)| *code == self.code);
        let mut explanation = match row {
            Some((_, text)) => (*text).into(),
            None => Explanation::new(
                "port-control-unknown-code",
                format!(
                    "The router refused by {} with a code ({}) that the standard does not define.",
                    self.carrier, self.code
                ),
                "Look at the router's own log for the reason; restarting the router or a firmware update may help.",
            ),
        };
        if !self.lifetime.is_zero() {
            explanation.remedy += &format!(
                " By its own word this does not change within {}.",
                length(self.lifetime)
            );
        }
        explanation
    }
}

/// One row: number, name for programs, problem, remedy.
const fn row(number: u16, code: &'static str, problem: &'static str, remedy: &'static str) -> (u16, Text) {
    (number, Text { code, problem, remedy })
}

const BOTH: &[(u16, Text)] = &[row(
    0,
    "port-control-another-port",
    "The router gave another external port than the one that was asked for, so it was given back: that port is probably \
     taken.",
    "Choose another external port, or let the router choose one.",
)];

const PCP: &[(u16, Text)] = &[
    row(
        1,
        "pcp-unsupp-version",
        "The router does not speak this version of PCP (it is asked in version 2).",
        "Use UPnP or NAT-PMP instead, or look for a firmware update.",
    ),
    row(
        2,
        "pcp-not-authorized",
        "The router does not let this computer have this mapping: PCP is switched off for it, the port is kept for others, \
         or the same port of this computer is mapped already by another program.",
        "Look in the router's pages for PCP or UPnP and allow this computer; try ports of 1024 or above. If another \
         program has the mapping, end that one or remove the mapping there.",
    ),
    row(
        3,
        "pcp-malformed-request",
        "The router says that it cannot read the request.",
        "Its PCP is stricter or older than the standard: use UPnP or NAT-PMP instead, and look for a firmware update.",
    ),
    row(
        4,
        "pcp-unsupp-opcode",
        "The router speaks PCP, but does not do by it what was asked for.",
        "Use UPnP or NAT-PMP instead: some routers offer over PCP less than the standard has.",
    ),
    row(
        5,
        "pcp-unsupp-option",
        "The router cannot do by PCP what this mapping needs, such as letting only one remote host in.",
        "Leave the remote host out, or use UPnP instead.",
    ),
    row(
        6,
        "pcp-malformed-option",
        "The router says that it cannot read a part of the request (an option of PCP).",
        "Leave the remote host out, or use UPnP instead; look for a firmware update.",
    ),
    row(
        7,
        "pcp-network-failure",
        "The router has no way to the internet at present, so it maps nothing.",
        "Check the router's connection: its lights, its status page and the cable to the wall. Try again once it is \
         connected.",
    ),
    row(
        8,
        "pcp-no-resources",
        "The router has no room for another mapping at present.",
        "Remove mappings that nobody needs, or wait until some have ended; restarting the router may help.",
    ),
    row(
        9,
        "pcp-unsupp-protocol",
        "The router cannot map this protocol.",
        "Use TCP or UDP.",
    ),
    row(
        10,
        "pcp-user-ex-quota",
        "This computer has as many mappings as the router lets it have.",
        "Remove those of this computer that nobody needs, or raise its limit in the router's pages.",
    ),
    row(
        11,
        "pcp-cannot-provide-external",
        "The router cannot give the external port that was asked for: somebody else has it, or it is kept back.",
        "Choose another external port, or let the router choose one.",
    ),
    row(
        12,
        "pcp-address-mismatch",
        "The router sees this computer under another address than it has: there is another router in between.",
        "Ask the router in between instead, or set it to bridge mode, so that only one of the two translates addresses. In \
         a virtual machine or a container, use its host's network.",
    ),
    row(
        13,
        "pcp-excessive-remote-peers",
        "The router cannot keep the mapping for the remote hosts that were named: there are too many of them, or it \
         cannot tell them apart.",
        "Name fewer remote hosts, or let everybody in.",
    ),
];

const NAT_PMP: &[(u16, Text)] = &[
    row(
        1,
        "nat-pmp-unsupported-version",
        "The router does not speak this version of NAT-PMP (it is asked in version 0).",
        "Use UPnP or PCP instead, which routers have that left NAT-PMP behind.",
    ),
    row(
        2,
        "nat-pmp-not-authorized",
        "The router does not let this computer map ports by NAT-PMP, or keeps this mapping for itself: NAT-PMP is switched \
         off there, or the mapping was made by hand.",
        "Look in the router's pages for NAT-PMP or UPnP, switch it on and allow this computer. Mappings that were made by \
         hand are removed there too.",
    ),
    row(
        3,
        "nat-pmp-network-failure",
        "The router has no external address at present, so NAT-PMP cannot map anything.",
        "Check the router's connection to the internet, and try again once it has one.",
    ),
    row(
        4,
        "nat-pmp-out-of-resources",
        "The router has no port or no room left for another mapping by NAT-PMP.",
        "Remove mappings that nobody needs, try another port, or wait until some mappings have ended; restarting the \
         router may help.",
    ),
    row(
        5,
        "nat-pmp-unsupported-opcode",
        "The router speaks NAT-PMP, but does not do by it what was asked for.",
        "Use UPnP instead, and look for a firmware update.",
    ),
];

/// For the tests of all texts.
#[cfg(test)]
pub(super) fn every_row() -> impl Iterator<Item = Text> {
    [PCP, NAT_PMP, BOTH].into_iter().flatten().map(|(_, text)| *text)
}
