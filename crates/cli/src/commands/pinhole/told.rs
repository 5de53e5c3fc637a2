//! Pinholes as they are told.

use portreeve::pinhole::PinholeState;
use portreeve::{KeptPinhole, Opened};

use crate::output::Text;
use crate::views::Pinhole;

/// One that is left alone.
pub(super) fn opened(opened: &Opened) -> Pinhole {
    Pinhole {
        id: opened.id(),
        protocol: Text::clean(opened.transport().to_string()),
        internal_client: (*opened.internal().ip()).into(),
        internal_port: opened.internal().port(),
        lease_seconds: opened.lease().as_secs(),
        global: opened.is_global(),
        needed: matches!(opened, Opened::Pinhole(_)),
    }
}

/// One that is kept, as it is now.
pub(super) fn kept(kept: &KeptPinhole) -> Pinhole {
    Pinhole {
        id: kept.id(),
        protocol: Text::clean(kept.transport().to_string()),
        internal_client: (*kept.internal().ip()).into(),
        internal_port: kept.internal().port(),
        lease_seconds: kept.lease().as_secs(),
        global: kept.is_global(),
        needed: kept.state() != PinholeState::NotNeeded,
    }
}
