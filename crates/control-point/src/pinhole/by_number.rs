//! Pinholes of which no more than the number is known.

use std::time::Duration;

use super::wanted::LeaseSeconds;
use super::way;
use crate::error::{Error, Refusal};
use crate::gateway::Gateway;

/// Whether packets come through a pinhole (CheckPinholeWorking).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Traffic {
    /// They do.
    Passes,
    /// They do not.
    Blocked,
    /// None has come yet, so that nobody knows (error 709).
    NoneYet,
}

impl Gateway {
    /// Extends a pinhole by a lease of 1 s to a day from now on (UpdatePinhole).
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with 704 if there is none of this number, 606 if it is another host's, 702 if the firewall is
    /// off, 703 if pinholes are not allowed.
    pub async fn update_pinhole(&self, id: u16, lease: Duration) -> Result<(), Error> {
        let lease = LeaseSeconds::new(lease)?.get();
        let asked = way::ask(self, self.local_ipv6(), |firewall| async move {
            firewall.update_pinhole(id, lease).await
        });
        asked.await.map(|_| ())
    }

    /// Closes a pinhole, and tells whether there was one (DeletePinhole).
    ///
    /// # Errors
    ///
    /// As [`update_pinhole`](Self::update_pinhole), but for 704.
    pub async fn delete_pinhole(&self, id: u16) -> Result<bool, Error> {
        let asked = way::ask(self, self.local_ipv6(), |firewall| async move {
            firewall.delete_pinhole(id).await
        });
        match asked.await {
            Ok(_) => Ok(true),
            Err(Error::Refused(Refusal { code: 704, .. })) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Tells whether packets come through a pinhole (CheckPinholeWorking).
    ///
    /// # Errors
    ///
    /// As [`update_pinhole`](Self::update_pinhole); gateways may leave the action out.
    pub async fn check_pinhole(&self, id: u16) -> Result<Traffic, Error> {
        let asked = way::ask(self, self.local_ipv6(), |firewall| async move {
            firewall.check_pinhole_working(id).await
        });
        match asked.await {
            Ok((true, _)) => Ok(Traffic::Passes),
            Ok((false, _)) => Ok(Traffic::Blocked),
            Err(Error::Refused(Refusal { code: 709, .. })) => Ok(Traffic::NoneYet),
            Err(error) => Err(error),
        }
    }

    /// Tells how many packets came through a pinhole (GetPinholePackets).
    ///
    /// # Errors
    ///
    /// As [`update_pinhole`](Self::update_pinhole).
    pub async fn pinhole_packets(&self, id: u16) -> Result<u32, Error> {
        let asked = way::ask(self, self.local_ipv6(), |firewall| async move {
            firewall.get_pinhole_packets(id).await
        });
        asked.await.map(|(packets, _)| packets)
    }
}
