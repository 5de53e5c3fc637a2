//! By which protocol a mapping is asked for: the one that is preferred, else the next.

use std::collections::VecDeque;

use super::plan::{Entry, Made, Purpose};
use super::wanted::Wanted;
use super::{by_port_control, by_upnp};
use crate::error::{Error, Unusable};
use crate::gateway::Gateway;
use crate::port_control::Carrier;
use crate::silence::is_silence;

/// What is done about a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) purpose: Purpose,
    /// The protocol that it was made by, which is tried before the others.
    pub(crate) by: Option<Carrier>,
}

/// Makes or renews a mapping.
pub(crate) async fn carry_out(gateway: &Gateway, wanted: &Wanted, asked: Asked) -> Result<Made, Error> {
    let mut attempts = Attempts::at(gateway, asked.by);
    while let Some(carrier) = attempts.next() {
        match carry_out_by(gateway, wanted, asked.purpose, carrier).await {
            Ok(made) => return Ok(made),
            Err(error) => attempts.failed(carrier, error),
        }
    }
    Err(attempts.error())
}

/// The same by this protocol.
pub(super) async fn carry_out_by(
    gateway: &Gateway,
    wanted: &Wanted,
    purpose: Purpose,
    carrier: Carrier,
) -> Result<Made, Error> {
    match carrier {
        Carrier::Igd => {
            gateway.look_for_upnp().await?;
            by_upnp::make(gateway, wanted, purpose).await
        }
        Carrier::Pcp | Carrier::NatPmp => {
            by_port_control::make(gateway.port_server(carrier).await?, wanted, purpose).await
        }
    }
}

/// Removes a mapping, by the protocol that it was made by.
pub(crate) async fn remove(gateway: &Gateway, wanted: &Wanted, entry: &Entry) -> Result<(), Error> {
    match entry.carrier {
        Carrier::Igd => {
            gateway.look_for_upnp().await?;
            by_upnp::remove(gateway, wanted, entry.external_port).await
        }
        Carrier::Pcp | Carrier::NatPmp => {
            by_port_control::remove(gateway.port_server(entry.carrier).await?, wanted, entry).await
        }
    }
}

/// One protocol after another, until one does it or says that no other will.
#[derive(Debug)]
pub(super) struct Attempts {
    left: VecDeque<Carrier>,
    told: Option<Error>,
}

impl Attempts {
    /// In the order of the gateway's discovery, with this one before the others.
    pub(super) fn at(gateway: &Gateway, first: Option<Carrier>) -> Self {
        Self::new(gateway.discovery().order(), first)
    }

    fn new(order: &[Carrier], first: Option<Carrier>) -> Self {
        let others = order.iter().copied().filter(|carrier| Some(*carrier) != first);
        Self {
            left: first.into_iter().chain(others).collect(),
            told: None,
        }
    }

    /// The next protocol to try.
    pub(super) fn next(&mut self) -> Option<Carrier> {
        self.left.pop_front()
    }

    /// This one did not do it.
    pub(super) fn failed(&mut self, carrier: Carrier, error: Error) {
        tracing::debug!(%carrier, %error, "not mapped");
        if !may_another_do_it(&error) {
            self.left.clear();
        }
        let known = self.told.as_ref();
        if known.is_none_or(|known| !says_something(known) && says_something(&error)) {
            self.told = Some(error);
        }
    }

    /// What the first that answered has answered.
    pub(super) fn error(self) -> Error {
        self.told.unwrap_or_else(|| Unusable::NoConnectionService.into())
    }
}

/// Whether another protocol may succeed after this. What the gateway has no room, no address or no permission for, it has
/// not by another protocol either: its protocols share the ports.
fn may_another_do_it(error: &Error) -> bool {
    match error {
        Error::Conversation(_) | Error::Untrue(_) => true,
        Error::Unusable(unusable) => matches!(unusable, Unusable::NoUpnp),
        Error::Refused(refusal) => !SAME_FOR_ALL.contains(&refusal.code),
        Error::PortsRefused(refused) => !SAME_FOR_ALL.contains(&refused.last.code),
        // NOT_AUTHORIZED is also said about a mapping that a program made which has ended (RFC 6887 section 11.3), and by
        // gateways on which this protocol is switched off.
        Error::PortControl(refusal) => !refusal.is_same_for_all(),
        Error::NoGateway(_) | Error::Invalid(_) | Error::System { .. } => false,
    }
}

/// Action not authorized, ConflictInMappingEntry, NoPortMapsAvailable, ConflictWithOtherMechanisms (WANIPConnection:2
/// section 2.5.16).
const SAME_FOR_ALL: [u16; 4] = [606, 718, 728, 729];

/// Whether it tells more than that there was nobody to ask.
fn says_something(error: &Error) -> bool {
    use crate::error::Conversation::NotOffered;
    let nobody = matches!(
        error,
        Error::Conversation(NotOffered(_)) | Error::Unusable(Unusable::NoUpnp)
    );
    !nobody && !is_silence(error)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::{Conversation, PortControlRefusal, Refusal};
    use crate::port_control::Carrier::{Igd, NatPmp, Pcp};

    const ORDER: [Carrier; 3] = [Igd, Pcp, NatPmp];

    fn refused(code: u16) -> Error {
        Refusal {
            action: "AddPortMapping".to_owned(),
            code,
            description: String::new(),
        }
        .into()
    }

    fn refused_by(carrier: Carrier, code: u16) -> Error {
        PortControlRefusal {
            carrier,
            code,
            name: "",
            lifetime: Duration::ZERO,
        }
        .into()
    }

    fn silence() -> Error {
        let address = "192.168.77.1".to_owned();
        Conversation::Timeout {
            address,
            waited: Duration::ZERO,
        }
        .into()
    }

    fn not_offered() -> Error {
        Conversation::NotOffered("PCP".to_owned()).into()
    }

    /// The protocols that are tried when each fails so, and what is told in the end.
    fn tried(first: Option<Carrier>, errors: &[Error]) -> (Vec<Carrier>, Error) {
        let mut attempts = Attempts::new(&ORDER, first);
        let mut tried = Vec::new();
        let mut errors = errors.iter().cloned();
        while let Some(carrier) = attempts.next() {
            tried.push(carrier);
            attempts.failed(carrier, errors.next().unwrap());
        }
        (tried, attempts.error())
    }

    #[test]
    fn whoever_is_silent_or_does_not_have_it_is_followed_by_the_next() {
        let errors = [silence(), not_offered(), refused_by(NatPmp, 2)];
        assert_eq!(tried(None, &errors), (ORDER.to_vec(), refused_by(NatPmp, 2)));
        let errors = [silence(), not_offered(), not_offered()];
        assert_eq!(tried(None, &errors), (ORDER.to_vec(), silence()), "it may be away");
        let errors = [refused(501), refused_by(Pcp, 2), silence()];
        assert_eq!(tried(None, &errors), (ORDER.to_vec(), refused(501)));
    }

    #[test]
    fn the_protocol_that_a_mapping_was_made_by_comes_first() {
        let errors = [silence(), silence(), not_offered()];
        assert_eq!(tried(Some(NatPmp), &errors).0, [NatPmp, Igd, Pcp]);
    }

    #[test]
    fn what_all_protocols_of_a_gateway_share_is_not_asked_for_twice() {
        for error in [refused(718), refused(728), refused(606), Unusable::NatOff.into()] {
            assert_eq!(tried(None, std::slice::from_ref(&error)), (vec![Igd], error));
        }
        for (carrier, code) in [
            (Pcp, 7),
            (Pcp, 8),
            (Pcp, 10),
            (Pcp, 11),
            (NatPmp, 3),
            (NatPmp, 4),
            (Pcp, 0),
        ] {
            let error = refused_by(carrier, code);
            assert_eq!(
                tried(Some(carrier), std::slice::from_ref(&error)),
                (vec![carrier], error)
            );
        }
        for (carrier, code) in [(Pcp, 1), (Pcp, 2), (Pcp, 5), (Pcp, 12), (NatPmp, 1), (NatPmp, 2)] {
            let errors = [refused_by(carrier, code), silence(), silence()];
            assert_eq!(tried(Some(carrier), &errors).0.len(), 3, "{carrier} {code}");
        }
    }
}
