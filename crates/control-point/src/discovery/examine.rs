//! From the URL of a description to a gateway whose state is known.

use std::net::IpAddr;
use std::sync::Arc;

use portreeve_wire::Url;
use portreeve_wire::description::{self, DescriptionError};

use crate::error::Conversation;
use crate::gateway::{Found, Thoroughness};
use crate::http;

/// Fetches a description, reads it, and asks the connections in it for their state.
pub(crate) async fn examine(
    http: &Arc<http::Client>,
    location: Url,
    from: Option<IpAddr>,
    thoroughness: Thoroughness,
) -> Result<Found, Conversation> {
    let mut document = fetch(http, &location, from).await?;
    // Some devices give an empty document when they are asked for the first time.
    if matches!(description::parse(&document.body), Err(DescriptionError::Empty)) {
        document = fetch(http, &location, from).await?;
    }
    let description = description::parse(&document.body).map_err(|error| Conversation::Malformed {
        url: location.to_string(),
        expected: "a device description",
        problem: error.to_string(),
    })?;
    let http::Response { local, server, .. } = document;
    let mut found = Found::read(description, location, local, server, http)?;
    found.look(thoroughness).await?;
    Ok(found)
}

async fn fetch(http: &http::Client, location: &Url, from: Option<IpAddr>) -> Result<http::Response, Conversation> {
    let response = http.get(location, from).await?;
    match response.status {
        200..=299 => Ok(response),
        status => Err(Conversation::Status {
            url: location.to_string(),
            status,
        }),
    }
}
