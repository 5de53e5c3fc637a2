//! Conversations with a gateway that broke off or made no sense.

use super::{Explanation, length, plain, quoted};
use crate::error::Conversation;

impl Conversation {
    /// Says it in plain words, with a remedy.
    pub fn explanation(&self) -> Explanation {
        match self {
            Self::Unreachable { address, reason } => Explanation::new(
                "gateway-unreachable",
                format!(
                    "No connection to the router at {} could be made: {}.",
                    quoted(address),
                    super::reason(reason)
                ),
                "Check that this computer is still in the router's network. If the router has just restarted, wait a \
                 minute. If the address or port is wrong, search again without naming the gateway.",
            ),
            Self::Timeout { address, waited } => Explanation::new(
                "gateway-timeout",
                format!(
                    "The router at {} did not answer within {}.",
                    quoted(address),
                    length(*waited)
                ),
                "It may be busy or restarting: wait a minute and try again, with a longer timeout if the network is \
                 slow.",
            ),
            Self::Status { url, status } => Explanation::new(
                "http-status",
                format!(
                    "The router answered {} with HTTP status {status} instead of what was asked for.",
                    quoted(url)
                ),
                "The address may be an old one: search again. If it stays so, restart the router or look for a \
                 firmware update.",
            ),
            Self::TooLarge { url, limit } => Explanation::new(
                "answer-too-large",
                format!(
                    "{} sent more than {limit} bytes, which no router needs; the rest was not read.",
                    quoted(url)
                ),
                "What answers there is broken or no router: name the right one with its address.",
            ),
            Self::Malformed { url, expected, problem } => Explanation::new(
                "answer-malformed",
                format!(
                    "{} sent something else than {expected}: {}.",
                    quoted(url),
                    plain(problem)
                ),
                "What answers there may be another kind of device: name the router with its address. If it is the \
                 router, look for a firmware update.",
            ),
            Self::LeadsAway { from, to } => Explanation::new(
                "leads-away",
                format!(
                    "{} refers to {}, which is another host. A router has no reason to do so and an attacker has, so \
                     it is not followed.",
                    quoted(from),
                    quoted(to)
                ),
                "If you trust the other host, name it as the gateway yourself. Otherwise find out which device answers \
                 there.",
            ),
            Self::NotOffered(what) => Explanation::new(
                "not-offered",
                format!("The router does not offer {}.", quoted(what)),
                "There is nothing to switch on in this program; a firmware update or another setting in the router's \
                 pages may bring it.",
            ),
        }
    }
}
