use super::misbehaviour::{AnswerStyle, FaultStyle};

const ENVELOPE: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const ENCODING: &str = "http://schemas.xmlsoap.org/soap/encoding/";

/// An action as a client called it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// Namespace of the action element, which is the service type.
    pub service: String,
    /// Local name of the action.
    pub action: String,
    /// Local names and unescaped texts of the arguments, in the order sent.
    pub arguments: Vec<(String, String)>,
}

/// A SOAP fault with a UPnP error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: u16,
    pub(super) description: String,
}

impl Call {
    /// Text of the argument of that name.
    pub fn argument(&self, name: &str) -> Option<&str> {
        self.arguments
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Reads an envelope; `None` if there is no action in it.
    pub(super) fn parse(envelope: &str) -> Option<Self> {
        let mut tokens = Tokens(envelope);
        tokens.find(|token| matches!(token, Token::Open { name, .. } if local(name) == "Body"))?;
        let (name, attributes, empty) = tokens.find_map(|token| match token {
            Token::Open {
                name,
                attributes,
                empty,
            } => Some((name, attributes, empty)),
            Token::Close | Token::Text(_) => None,
        })?;
        let mut call = Self {
            service: namespace(name, attributes).unwrap_or_default(),
            action: local(name).to_owned(),
            arguments: Vec::new(),
        };
        let mut open = !empty;
        let mut argument: Option<(String, String)> = None;
        while open {
            match (tokens.next()?, &mut argument) {
                (Token::Open { name, empty: true, .. }, None) => {
                    call.arguments.push((local(name).to_owned(), String::new()));
                }
                (Token::Open { name, .. }, None) => argument = Some((local(name).to_owned(), String::new())),
                (Token::Text(text), Some((_, value))) => value.push_str(&unescape(text)),
                (Token::Close, Some(_)) => call.arguments.extend(argument.take()),
                (Token::Close, None) => open = false,
                (Token::Text(_), None) | (Token::Open { .. }, Some(_)) => {}
            }
        }
        Some(call)
    }
}

/// The envelope that answers `call` with out-arguments.
pub(super) fn answer(call: &Call, arguments: &[(String, String)], style: Option<AnswerStyle>) -> String {
    let Call { service, action, .. } = call;
    let mut prefix = "s";
    let mut service = service.clone();
    let mut element = (
        format!("u:{action}Response xmlns:u=\"{service}\""),
        format!("u:{action}Response"),
    );
    let mut content: String = arguments
        .iter()
        .map(|(name, value)| format!("<{name}>{}</{name}>", escape(value)))
        .collect();
    match style {
        None => {}
        Some(AnswerStyle::SoapEnvPrefix) => prefix = "SOAP-ENV",
        Some(AnswerStyle::LowerCaseNames) => {
            content = arguments
                .iter()
                .map(|(name, value)| (name.to_lowercase(), value))
                .map(|(name, value)| format!("<{name}>{}</{name}>", escape(value)))
                .collect();
        }
        Some(AnswerStyle::NoNamespace) => element = (format!("{action}Response"), format!("{action}Response")),
        Some(AnswerStyle::ValueInResponseElement) => {
            if let [(_, value)] = arguments {
                content = escape(value);
            }
        }
        Some(AnswerStyle::Cdata) => {
            content = arguments
                .iter()
                .map(|(name, value)| {
                    let text = if value.starts_with('<') {
                        format!("<![CDATA[{value}]]>")
                    } else {
                        escape(value)
                    };
                    format!("<{name}>{text}</{name}>")
                })
                .collect();
        }
        Some(AnswerStyle::OtherVersion) => {
            let other = if service.ends_with('1') { '2' } else { '1' };
            service.pop();
            service.push(other);
            element.0 = format!("u:{action}Response xmlns:u=\"{service}\"");
        }
    }
    envelope(prefix, &format!("<{}>{content}</{}>", element.0, element.1))
}

/// The envelope that refuses a call.
pub(super) fn fault(fault: &Fault, style: Option<FaultStyle>) -> String {
    let Fault { code, description } = fault;
    let (fault_code, fault_string) = match style {
        Some(FaultStyle::Capitals) => ("faultCode", "faultString"),
        _ => ("faultcode", "faultstring"),
    };
    let description = match style {
        Some(FaultStyle::NoDescription) => String::new(),
        _ => format!("<errorDescription>{}</errorDescription>", escape(description)),
    };
    let error = format!("<errorCode>{code}</errorCode>{description}");
    let error = match style {
        Some(FaultStyle::NoNamespace) => format!("<UPnPError>{error}</UPnPError>"),
        _ => format!("<UPnPError xmlns=\"urn:schemas-upnp-org:control-1-0\">{error}</UPnPError>"),
    };
    envelope(
        "s",
        &format!(
            "<s:Fault><{fault_code}>s:Client</{fault_code}><{fault_string}>UPnPError</{fault_string}>\
             <detail>{error}</detail></s:Fault>"
        ),
    )
}

/// Escapes text for XML.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn unescape(text: &str) -> String {
    let text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'");
    text.replace("&amp;", "&")
}

fn envelope(prefix: &str, content: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\r\n<{prefix}:Envelope xmlns:{prefix}=\"{ENVELOPE}\" \
         {prefix}:encodingStyle=\"{ENCODING}\"><{prefix}:Body>{content}</{prefix}:Body></{prefix}:Envelope>"
    )
}

fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

/// The namespace that an element declares for itself.
fn namespace(name: &str, attributes: &str) -> Option<String> {
    let attribute = match name.split_once(':') {
        Some((prefix, _)) => format!("xmlns:{prefix}="),
        None => "xmlns=".to_owned(),
    };
    let (_, rest) = attributes.split_once(&attribute)?;
    let mut characters = rest.chars();
    let quote = characters.next()?;
    characters.as_str().split_once(quote).map(|(uri, _)| uri.to_owned())
}

enum Token<'a> {
    Open {
        name: &'a str,
        attributes: &'a str,
        empty: bool,
    },
    Close,
    Text(&'a str),
}

/// Tags and texts of a document; declarations and comments are passed over.
struct Tokens<'a>(&'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let Some(markup) = self.0.strip_prefix('<') else {
                let end = self.0.find('<').unwrap_or(self.0.len());
                let (text, rest) = self.0.split_at(end);
                self.0 = rest;
                return (!text.is_empty()).then_some(Token::Text(text));
            };
            let (tag, rest) = markup.split_once('>')?;
            self.0 = rest;
            if tag.starts_with(['?', '!']) {
                continue;
            }
            if tag.starts_with('/') {
                return Some(Token::Close);
            }
            let (tag, empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
            let (name, attributes) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
            return Some(Token::Open {
                name,
                attributes,
                empty,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_an_action_with_its_arguments() {
        let call = Call::parse(
            "<?xml version='1.0'?><s:Envelope xmlns:s='x'><s:Body><u:Do xmlns:u=\"urn:a:b:1\">\
             <NewA>1 &amp; 2</NewA><NewB/><NewC></NewC></u:Do></s:Body></s:Envelope>",
        )
        .expect("there is an action");
        assert_eq!((call.service.as_str(), call.action.as_str()), ("urn:a:b:1", "Do"));
        let expected = [("NewA", "1 & 2"), ("NewB", ""), ("NewC", "")];
        assert_eq!(
            call.arguments,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        assert_eq!(Call::parse("<a>no body</a>"), None);
        assert_eq!(Call::parse("<s:Body><u:Do><NewA>1</NewA>"), None, "cut off");
    }

    #[test]
    fn other_version_is_another_version() {
        let call = Call::parse("<Body><u:Do xmlns:u='urn:a:b:1'/></Body>").expect("there is an action");
        assert!(answer(&call, &[], Some(AnswerStyle::OtherVersion)).contains("\"urn:a:b:2\""));
    }
}
