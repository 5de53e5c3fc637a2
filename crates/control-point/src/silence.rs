//! A gateway that does not answer, as opposed to one that refuses.

use crate::error::{Conversation, Error};

/// Whether the gateway did not say anything at all.
pub(crate) fn is_silence(error: &Error) -> bool {
    use Conversation::{Timeout, Unreachable};
    matches!(error, Error::Conversation(Unreachable { .. } | Timeout { .. }))
}

/// What the gateway tells. Silence is an error; one that refuses or answers with nonsense does not tell.
pub(crate) fn told<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if is_silence(&error) => Err(error),
        Err(_) => Ok(None),
    }
}
