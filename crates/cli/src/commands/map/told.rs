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
        code: code(note),
        text: Text::clean(note.to_string()),
    }
}

/// Its stable name.
const fn code(note: &Note) -> &'static str {
    match note {
        Note::AnotherPort { .. } => "another-port",
        Note::PortMoved { .. } => "port-moved",
        Note::LowPortRefused(_) => "low-port-refused",
        Note::LowPortIgnored(_) => "low-port-ignored",
        Note::SamePortOnly => "same-port-only",
        Note::PermanentOnly => "permanent-only",
        Note::AnotherLease { .. } => "another-lease",
        Note::LeaseChanged { .. } => "lease-changed",
        Note::LeaseNotShown => "lease-not-shown",
        Note::MadeAgain => "made-again",
        Note::ClientNamed(_) => "client-named",
        Note::ForAnotherHost => "for-another-host",
        Note::AnswerLost(_) => "answer-lost",
        _ => "other",
    }
}
