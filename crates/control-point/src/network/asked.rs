//! What gateways in tests are asked over HTTP.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, DuplexStream};

/// A request.
pub(crate) struct Asked {
    /// Method.
    pub(crate) method: String,
    /// Path of the URL.
    pub(crate) path: String,
    /// The SOAPACTION header.
    pub(crate) soap_action: Option<String>,
    /// All other header fields; names in lower case.
    pub(crate) fields: Vec<(String, String)>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Asked {
    /// The value of a header field.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        fields.find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

/// The next request, if there is one.
pub(crate) async fn read(stream: &mut BufReader<DuplexStream>) -> io::Result<Option<Asked>> {
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let mut words = line.split(' ').map(str::to_owned);
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    let (mut soap_action, mut length, mut fields) = (None, 0, Vec::new());
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().expect("our own client sends numbers"),
            "soapaction" => soap_action = Some(value.to_owned()),
            other => fields.push((other.to_owned(), value.to_owned())),
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Some(Asked {
        method,
        path,
        soap_action,
        fields,
        body,
    }))
}
