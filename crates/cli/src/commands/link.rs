//! `portreeve link`.

use crate::args::{LinkRequest, Reach};
use crate::exit::End;
use crate::output::{Output, Text};
use crate::views::LinkRequested;

use super::reach;

/// Asks the gateway to connect or to disconnect.
pub(super) async fn run(output: &Output, reach: &Reach, request: LinkRequest) -> Result<(), End> {
    let gateway = reach::gateway(output, reach).await?;
    let wan = gateway.connection().map_err(portreeve::Error::from)?.wan();
    let (name, asked) = match request {
        LinkRequest::Connect => (
            "connect",
            output.during("asking to connect", wan.request_connection()).await,
        ),
        LinkRequest::Disconnect => (
            "disconnect",
            output.during("asking to disconnect", wan.force_termination()).await,
        ),
    };
    asked?;
    // The request is granted, whatever becomes of this question.
    let status = wan.get_status_info().await.ok();
    output.result(&LinkRequested {
        request: name,
        connection_status: status.map(|status| Text::clean(status.connection_status)),
    })
}
