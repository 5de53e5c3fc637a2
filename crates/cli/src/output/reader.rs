//! Whether somebody reads what is printed.

use std::future::pending;
use std::io;
use std::os::fd::AsFd;

use tokio::io::Interest;
use tokio::net::unix::pipe::Sender;

/// Waits until nobody reads standard output any more, as with `portreeve watch | head -1`; for ever, where it is no pipe.
/// Otherwise that shows only when there is something to print, which may be never.
pub(super) async fn gone() {
    let Ok(pipe) = watched() else {
        return pending().await;
    };
    if pipe.ready(Interest::ERROR).await.is_err() {
        pending::<()>().await;
    }
}

/// A second handle, only to wait on: it is not made non-blocking, which standard output would then be too. Files cannot be
/// waited for, and are always there.
fn watched() -> io::Result<Sender> {
    Sender::from_owned_fd_unchecked(io::stdout().as_fd().try_clone_to_owned()?)
}
