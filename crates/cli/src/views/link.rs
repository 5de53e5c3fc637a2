//! What became of a request to connect or disconnect.

use serde::Serialize;

use crate::output::{Page, Text, View};

/// The gateway took the request.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LinkRequested {
    /// `connect` or `disconnect`.
    pub(crate) request: &'static str,
    /// `ConnectionStatus` after it.
    pub(crate) connection_status: Option<Text>,
}

impl View for LinkRequested {
    fn human(&self, _: &Page) -> String {
        match &self.connection_status {
            Some(status) => format!("the gateway agreed to {}; its connection is {status}\n", self.request),
            None => format!("the gateway agreed to {}\n", self.request),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_afterwards_is_told() {
        let told = LinkRequested {
            request: "connect",
            connection_status: Some(Text::clean("Connecting")),
        }
        .human(&Page::PLAIN);
        assert_eq!(told, "the gateway agreed to connect; its connection is Connecting\n");
    }
}
