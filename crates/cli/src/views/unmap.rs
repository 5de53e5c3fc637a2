//! What `unmap` removed.

use serde::Serialize;

use crate::output::{Page, Text, View};

/// What was removed.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Unmapped {
    /// The mappings that are gone.
    pub(crate) removed: Vec<Removed>,
    /// What there was not, for a single port.
    pub(crate) absent: Vec<Removed>,
}

/// A mapping that was removed, or was not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Removed {
    /// `TCP` or `UDP`.
    pub(crate) protocol: Text,
    /// The external port.
    pub(crate) external_port: u16,
}

impl View for Unmapped {
    fn human(&self, _: &Page) -> String {
        let mut text = String::new();
        for mapping in &self.removed {
            text += &format!("removed {} port {}\n", mapping.protocol, mapping.external_port);
        }
        for mapping in &self.absent {
            text += &format!("there was no {} port {}\n", mapping.protocol, mapping.external_port);
        }
        if text.is_empty() {
            text += "there was nothing to remove\n";
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_and_what_never_was_are_told_apart() {
        let mapping = |protocol, external_port| Removed {
            protocol: Text::clean(protocol),
            external_port,
        };
        let unmapped = Unmapped {
            removed: vec![mapping("TCP", 80)],
            absent: vec![mapping("UDP", 80)],
        };
        assert_eq!(
            unmapped.human(&Page::PLAIN),
            "removed TCP port 80\nthere was no UDP port 80\n"
        );
        let nothing = Unmapped {
            removed: Vec::new(),
            absent: Vec::new(),
        };
        assert_eq!(nothing.human(&Page::PLAIN), "there was nothing to remove\n");
    }
}
