//! Mappings and notes as they are told.

use portreeve::{Mapping, Note, Verification};

use crate::output::Text;
use crate::views;

/// A mapping.
pub(super) fn mapping(mapping: &Mapping) -> views::Mapping {
    views::Mapping {
        protocol: Text::clean(mapping.protocol().name()),
        external_address: mapping.external_address(),
        external_port: mapping.external_port(),
        internal_client: mapping.internal_client(),
        internal_port: mapping.internal_port(),
        lease_seconds: mapping.lease().map(|lease| lease.as_secs()),
        verified: matches!(mapping.verification(), Verification::Proven),
        notes: mapping.notes().iter().map(note).collect(),
    }
}

fn note(note: &Note) -> views::Note {
    views::Note {
        code: note.code(),
        text: Text::clean(note.to_string()),
    }
}
