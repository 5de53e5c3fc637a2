//! The mappings that a gateway has.

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

use crate::output::{Page, Text, Tone, View, count, span, table, wrapped};

/// A list of mappings.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Listed {
    /// The mappings that were asked for.
    pub(crate) mappings: Vec<Row>,
    /// Whether these are the mappings of all hosts.
    pub(crate) all: bool,
    /// The host whose mappings these are, unless of all.
    pub(crate) client: IpAddr,
    /// How many mappings of all hosts were read.
    pub(crate) seen: u64,
    /// How many there are by the gateway's own count, if it tells.
    pub(crate) total: Option<u32>,
    /// How many this host may have, if it tells.
    pub(crate) capacity: Option<u32>,
    /// How many the gateway hides, or describes so that nothing can be made of them.
    pub(crate) skipped: u64,
    /// Whether the list is known to be all that the gateway would show.
    pub(crate) complete: bool,
}

/// A mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Row {
    /// `TCP` or `UDP`, or what the gateway says.
    pub(crate) protocol: Text,
    /// `ExternalPort`.
    pub(crate) external_port: u16,
    /// `InternalClient`: an address, or a name on some gateways.
    pub(crate) internal_client: Text,
    /// `InternalPort`.
    pub(crate) internal_port: u16,
    /// `PortMappingEnabled`.
    pub(crate) enabled: bool,
    /// `PortMappingDescription`.
    pub(crate) description: Text,
    /// What is left of the lease, in seconds; `None` for one without end.
    pub(crate) lease_seconds: Option<u64>,
    /// `RemoteHost`; empty for all.
    pub(crate) remote_host: Text,
}

impl View for Listed {
    fn human(&self, page: &Page) -> String {
        let mut text = String::new();
        if !self.mappings.is_empty() {
            let rows: Vec<_> = self.mappings.iter().map(Row::cells).collect();
            text += &table(
                page,
                [
                    "PROTOCOL",
                    "EXTERNAL",
                    "CLIENT",
                    "DESCRIPTION",
                    "LEASE LEFT",
                    "REMOTE HOST",
                ],
                &rows,
            );
            text.push('\n');
        }
        text += &wrapped(&self.summary(), page.width, 0);
        if !self.complete {
            let doubt = "the list may be incomplete: it changed while it was read, or the gateway does not show all";
            text += &wrapped(&page.paint(Tone::Doubtful, doubt), page.width, 0);
        }
        text
    }
}

impl Listed {
    fn summary(&self) -> String {
        let shown = self.mappings.len() as u64;
        let mut words = if self.all {
            count(shown, "mapping", "mappings")
        } else {
            let others = u64::from(self.total.unwrap_or(0)).max(self.seen) - shown.min(self.seen);
            let mut words = format!("{} of this host ({})", count(shown, "mapping", "mappings"), self.client);
            if others > 0 {
                words += &format!(", {others} of others (--all shows them)");
            }
            words
        };
        if self.all && self.total.is_some_and(|total| u64::from(total) != shown) {
            words += &format!("; the gateway counts {}", self.total.unwrap_or_default());
        }
        if let Some(capacity) = self.capacity {
            words += &format!("; this host may have {capacity}");
        }
        if self.skipped > 0 {
            words += &format!("; {} that the gateway does not show", self.skipped);
        }
        words
    }
}

impl Row {
    fn cells(&self) -> [String; 6] {
        let lease = match self.lease_seconds {
            _ if !self.enabled => "disabled".to_owned(),
            None => "no end".to_owned(),
            Some(seconds) => span(Duration::from_secs(seconds)),
        };
        [
            self.protocol.to_string(),
            self.external_port.to_string(),
            format!("{}:{}", self.internal_client, self.internal_port),
            self.description.to_string(),
            lease,
            self.remote_host.or("all").to_owned(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        Row {
            protocol: Text::clean("TCP"),
            external_port: 18080,
            internal_client: Text::clean("192.168.77.10"),
            internal_port: 8080,
            enabled: true,
            description: Text::clean("web"),
            lease_seconds: Some(1800),
            remote_host: Text::default(),
        }
    }

    fn list(mappings: Vec<Row>) -> Listed {
        Listed {
            seen: mappings.len() as u64,
            mappings,
            all: true,
            client: [192, 168, 77, 10].into(),
            total: None,
            capacity: None,
            skipped: 0,
            complete: true,
        }
    }

    #[test]
    fn each_mapping_is_a_row_and_the_last_line_counts() {
        let permanent = Row {
            lease_seconds: None,
            remote_host: Text::clean("11.11.11.9"),
            ..row()
        };
        let listed = Listed {
            capacity: Some(450),
            skipped: 3,
            ..list(vec![row(), permanent])
        };
        assert_eq!(
            listed.human(&Page::PLAIN),
            "PROTOCOL  EXTERNAL  CLIENT              DESCRIPTION  LEASE LEFT  REMOTE HOST\n\
             TCP       18080     192.168.77.10:8080  web          30 min      all\n\
             TCP       18080     192.168.77.10:8080  web          no end      11.11.11.9\n\
             \n\
             2 mappings; this host may have 450; 3 that the gateway does not show\n"
        );
    }

    #[test]
    fn what_others_have_is_counted_and_doubt_is_told() {
        let listed = Listed {
            all: false,
            seen: 5,
            total: Some(7),
            complete: false,
            ..list(Vec::new())
        };
        assert_eq!(
            listed.human(&Page::PLAIN),
            "no mappings of this host (192.168.77.10), 7 of others (--all shows them)\n\
             the list may be incomplete: it changed while it was read, or the gateway does not show all\n"
        );
    }
}
