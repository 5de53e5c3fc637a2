use std::time::Duration;

/// What a hook makes of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScriptedReply {
    /// The gateway goes on as if there were no hook.
    Pass,
    /// Success with these out-arguments.
    Answer(Vec<(String, String)>),
    /// A fault with this errorCode and errorDescription.
    Fault(u16, String),
    /// These bytes as the answer; Content-Length is added unless it is there.
    Raw {
        /// As in `200 OK`.
        status: String,
        /// Header names and values.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// No answer; the connection stays open.
    Silence,
    /// No answer; the connection is closed.
    HangUp,
    /// Another reply, a byte each such time.
    Drip(Box<Self>, Duration),
    /// Another reply, closed in the middle of its body.
    Truncated(Box<Self>),
}

impl ScriptedReply {
    /// Success with these out-arguments.
    pub fn answer<const N: usize>(arguments: [(&str, &str); N]) -> Self {
        Self::Answer(
            arguments
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
        )
    }

    /// A fault with this errorCode and errorDescription.
    pub fn fault(code: u16, description: &str) -> Self {
        Self::Fault(code, description.to_owned())
    }
}
