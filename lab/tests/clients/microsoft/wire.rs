//! Requests as Microsoft's stacks write them: which header fields in which order, with which letters and blanks.
//!
//! The forms are those of captures in public sources: GET by FDSSDP (zeWaren/python-upnp-ssdp-example), SUBSCRIBE and
//! NOTIFY of Windows 7 and 10 (media servers that quote them), POST of Windows XP (clients that imitate it letter for
//! letter, mDNSResponder among them), POST of the Xbox 360 (a media server and a fuzzer that quote it).

use std::net::SocketAddr;

/// A stack that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stack {
    /// Windows XP.
    Xp,
    /// The function discovery of Windows Vista and later, which only looks at descriptions.
    FunctionDiscovery,
    /// The control point of Windows 10, of which the newer consoles have one too.
    Windows10,
    /// Xbox 360.
    Xbox360,
}

const XP: &str = "Mozilla/4.0 (compatible; UPnP/1.0; Windows NT/5.1)";
const XP_CONTROL: &str = "Mozilla/4.0 (compatible; UPnP/1.0; Windows 9x)";
const WINDOWS_10: &str = "Microsoft-Windows/10.0 UPnP/1.0";
const XBOX_360: &str = "Xbox/2.0.17559.0 UPnP/1.0 Xbox/2.0.17559.0";
const ENVELOPE: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const ENCODING: &str = "http://schemas.xmlsoap.org/soap/encoding/";

/// A search of the SSDP service of Windows: no blanks after colons.
pub(crate) fn search(target: &str) -> String {
    format!("M-SEARCH * HTTP/1.1\r\nHost:239.255.255.250:1900\r\nST:{target}\r\nMan:\"ssdp:discover\"\r\nMX:3\r\n\r\n")
}

impl Stack {
    /// A request for a document.
    pub(crate) fn get(self, server: SocketAddr, path: &str) -> String {
        match self {
            Self::Xp => format!(
                "GET {path} HTTP/1.1\r\nAccept: text/xml, application/xml\r\nUser-Agent: {XP}\r\nHost: {server}\r\n\
                 Connection: Keep-Alive\r\nCache-Control: no-cache\r\nPragma: no-cache\r\n\r\n"
            ),
            Self::FunctionDiscovery => format!(
                "GET {path} HTTP/1.1\r\nCache-Control: no-cache\r\nConnection: Keep-Alive\r\nPragma: no-cache\r\n\
                 Accept: text/xml, application/xml\r\nUser-Agent: FDSSDP\r\nHost: {server}\r\n\r\n"
            ),
            Self::Windows10 => format!(
                "GET {path} HTTP/1.1\r\nCache-Control: no-cache\r\nConnection: Close\r\nPragma: no-cache\r\n\
                 Accept: text/xml, application/xml\r\nAccept-Language: de-DE, de;q=0.5\r\nUser-Agent: {WINDOWS_10}\r\n\
                 Host: {server}\r\n\r\n"
            ),
            Self::Xbox360 => format!(
                "GET {path} HTTP/1.1\r\nUser-Agent: {XBOX_360}\r\nConnection: Keep-alive\r\nHost:{}\r\n\r\n",
                server.ip()
            ),
        }
    }

    /// A call.
    pub(crate) fn post(self, server: SocketAddr, path: &str, call: &Call<'_>) -> String {
        let soap_action = call.soap_action();
        let body = self.body(call);
        let length = body.len();
        match self {
            Self::Xp | Self::FunctionDiscovery => format!(
                "POST {path} HTTP/1.1\r\nContent-Type: text/xml; charset=\"utf-8\"\r\nSOAPAction: {soap_action}\r\n\
                 User-Agent: {XP_CONTROL}\r\nHost: {server}\r\nContent-Length: {length}\r\nConnection: Keep-Alive\r\n\
                 Cache-Control: no-cache\r\nPragma: no-cache\r\n\r\n{body}"
            ),
            Self::Windows10 => format!(
                "POST {path} HTTP/1.1\r\nCache-Control: no-cache\r\nConnection: Close\r\nPragma: no-cache\r\n\
                 Content-Type: text/xml; charset=\"utf-8\"\r\nUser-Agent: {WINDOWS_10}\r\nSOAPAction: {soap_action}\r\n\
                 Content-Length: {length}\r\nHost: {server}\r\n\r\n{body}"
            ),
            Self::Xbox360 => format!(
                "POST {path} HTTP/1.1\r\nUser-Agent: {XBOX_360}\r\nConnection: Keep-alive\r\nHost:{}\r\n\
                 SOAPACTION: {soap_action}\r\nCONTENT-TYPE: text/xml; charset=\"utf-8\"\r\nContent-Length: {length}\r\n\
                 \r\n{body}",
                server.ip()
            ),
        }
    }

    /// The call again, as it is made after a 405 (UDA 1.0 section 3.2.1).
    pub(crate) fn m_post(self, server: SocketAddr, path: &str, call: &Call<'_>) -> String {
        let body = self.body(call);
        format!(
            "M-POST {path} HTTP/1.1\r\nContent-Type: text/xml; charset=\"utf-8\"\r\nMan: \"{ENVELOPE}\"; ns=01\r\n\
             01-SOAPAction: {}\r\nUser-Agent: {XP_CONTROL}\r\nHost: {server}\r\nContent-Length: {}\r\n\
             Connection: Keep-Alive\r\nCache-Control: no-cache\r\nPragma: no-cache\r\n\r\n{body}",
            call.soap_action(),
            body.len()
        )
    }

    /// A subscription.
    pub(crate) fn subscribe(self, server: SocketAddr, path: &str, callback: &str) -> String {
        match self {
            Self::Xp => format!(
                "SUBSCRIBE {path} HTTP/1.1\r\nNT: upnp:event\r\nCallback: {callback}\r\nTimeout: Second-1800\r\n\
                 User-Agent: {XP}\r\nHost: {server}\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\n\
                 Cache-Control: no-cache\r\nPragma: no-cache\r\n\r\n"
            ),
            Self::FunctionDiscovery | Self::Windows10 | Self::Xbox360 => format!(
                "SUBSCRIBE {path} HTTP/1.1\r\nCache-Control: no-cache\r\nConnection: Close\r\nPragma: no-cache\r\n\
                 User-Agent: {WINDOWS_10}\r\nNT: upnp:event\r\nCallback: {callback}\r\nTimeout: Second-1800\r\n\
                 Host: {server}\r\n\r\n"
            ),
        }
    }

    /// Another half-hour of it, or its end.
    pub(crate) fn again(self, method: &str, server: SocketAddr, path: &str, sid: &str) -> String {
        let timeout = match method {
            "SUBSCRIBE" => "Timeout: Second-1800\r\n",
            _ => "",
        };
        match self {
            Self::Xp => format!(
                "{method} {path} HTTP/1.1\r\nSID: {sid}\r\n{timeout}User-Agent: {XP}\r\nHost: {server}\r\n\
                 Content-Length: 0\r\nConnection: Keep-Alive\r\nCache-Control: no-cache\r\nPragma: no-cache\r\n\r\n"
            ),
            Self::FunctionDiscovery | Self::Windows10 | Self::Xbox360 => format!(
                "{method} {path} HTTP/1.1\r\nCache-Control: no-cache\r\nConnection: Close\r\nPragma: no-cache\r\n\
                 User-Agent: {WINDOWS_10}\r\nSID: {sid}\r\n{timeout}Host: {server}\r\n\r\n"
            ),
        }
    }

    fn body(self, call: &Call<'_>) -> String {
        let Call {
            namespace,
            action,
            arguments,
        } = call;
        if self == Self::Xbox360 {
            let arguments: String = arguments
                .iter()
                .map(|(name, _, value)| format!("<{name}>{value}</{name}>"))
                .collect();
            return format!(
                "<s:Envelope xmlns:s=\"{ENVELOPE}\" s:encodingStyle=\"{ENCODING}\"><s:Body>\
                 <u:{action} xmlns:u=\"{namespace}\">{arguments}</u:{action}></s:Body></s:Envelope>"
            );
        }
        let arguments: String = arguments
            .iter()
            .map(|(name, kind, value)| match *kind {
                // Of the control namespace, without a type.
                "" => format!("<{name}>{value}</{name}>"),
                kind => format!(
                    "<{name} xmlns:dt=\"urn:schemas-microsoft-com:datatypes\" dt:dt=\"{kind}\">{value}</{name}>"
                ),
            })
            .collect();
        format!(
            "<?xml version=\"1.0\"?>\r\n<SOAP-ENV:Envelope xmlns:SOAP-ENV=\"{ENVELOPE}\" \
             SOAP-ENV:encodingStyle=\"{ENCODING}\"><SOAP-ENV:Body><m:{action} xmlns:m=\"{namespace}\">{arguments}\
             </m:{action}></SOAP-ENV:Body></SOAP-ENV:Envelope>\r\n"
        )
    }
}

/// What is called.
pub(crate) struct Call<'a> {
    /// Service type.
    pub(crate) namespace: &'a str,
    /// Action.
    pub(crate) action: &'a str,
    /// Names, types and values.
    pub(crate) arguments: &'a [(&'a str, &'a str, &'a str)],
}

impl Call<'_> {
    fn soap_action(&self) -> String {
        format!("\"{}#{}\"", self.namespace, self.action)
    }
}
