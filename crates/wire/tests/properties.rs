//! What holds for every input: no parser panics, and what we write we read back.

use portreeve_wire::description::{self, Description, Device, ServiceEntry};
use portreeve_wire::port_listing::{self, PortMappingEntry};
use portreeve_wire::service::{self, Direction};
use portreeve_wire::service::{Action, Service};
use portreeve_wire::soap::{Reply, Request};
use portreeve_wire::xml::{self, Ampersands, XmlWriter};
use portreeve_wire::{
    Call, DataType, Fault, Offer, Quirks, Url, Value, dispatch, printable, resource, scpd, soap, ssdp,
};
use proptest::collection::vec;
use proptest::prelude::*;

const HEADER: &str = "\"urn:schemas-upnp-org:service:WANIPConnection:2#AddPortMapping\"";

/// Runs every parser; the property is that it returns.
fn parse_everything(bytes: &[u8]) {
    for quirks in [Quirks::default(), Quirks::NONE] {
        let _ = ssdp::parse(bytes, quirks);
        let _ = soap::parse(Some(HEADER), bytes, quirks);
        let header = String::from_utf8_lossy(bytes);
        let _ = soap::parse(Some(&header), b"<s:Envelope><s:Body><a/></s:Body></s:Envelope>", quirks);
    }
    for action in ["GetGenericPortMappingEntry", "AddPortMapping", soap::QUERY] {
        let _ = soap::parse_reply(action, bytes);
    }
    let _ = description::parse(bytes);
    let _ = scpd::parse(bytes);
    let text = String::from_utf8_lossy(bytes);
    let _ = port_listing::parse(&text);
    let _ = Url::parse(&text);
    let _ = resource::find(Offer::EVERYTHING, &text);
    let _ = service::by_urn(&text);
    let _ = service::by_exact_urn(&text);
    let _ = portreeve_wire::http::host_is_ours(&text, &[]);
}

/// Documents and datagrams that every parser has something to do with.
fn valid_inputs() -> Vec<Vec<u8>> {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");
    let mut inputs = Vec::new();
    let field = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/field");
    let folders = ["soap", "scpd", "description", "ssdp"].map(|folder| format!("{golden}/{folder}"));
    let of_field = ["scpd", "description", "ssdp"].map(|folder| format!("{field}/{folder}"));
    for folder in folders.into_iter().chain(of_field) {
        for entry in std::fs::read_dir(folder).expect("the files are there") {
            let path = entry.expect("the folder can be read").path();
            inputs.push(std::fs::read(path).expect("the file can be read"));
        }
    }
    assert!(inputs.len() > 15);
    inputs
}

/// Text without the characters that XML cannot carry and without those that it normalises.
fn xml_text() -> impl Strategy<Value = String> {
    "[^\\x00-\\x1f\u{fffe}\u{ffff}]{0,40}"
}

/// Text as descriptions carry it: nothing around it, and not empty.
fn trimmed_text() -> impl Strategy<Value = String> {
    xml_text().prop_map(|text| text.trim().to_owned())
}

fn optional_text() -> impl Strategy<Value = Option<String>> {
    trimmed_text().prop_map(|text| (!text.is_empty()).then_some(text))
}

fn service_entry() -> impl Strategy<Value = ServiceEntry> {
    vec(trimmed_text(), 5).prop_map(|texts| {
        let mut texts = texts.into_iter();
        let mut next = || texts.next().unwrap_or_default();
        ServiceEntry {
            service_type: next(),
            service_id: next(),
            scpd_url: next(),
            control_url: next(),
            event_sub_url: next(),
        }
    })
}

fn device() -> impl Strategy<Value = Device> {
    let leaf = (
        vec(trimmed_text(), 5),
        vec(optional_text(), 6),
        vec(service_entry(), 0..3),
    )
        .prop_map(|(required, optional, services)| {
            let (mut required, mut optional) = (required.into_iter(), optional.into_iter());
            let mut next = || required.next().unwrap_or_default();
            let mut maybe = || optional.next().flatten();
            Device {
                device_type: next(),
                friendly_name: next(),
                manufacturer: next(),
                manufacturer_url: maybe(),
                model_description: maybe(),
                model_name: next(),
                model_number: maybe(),
                model_url: maybe(),
                serial_number: maybe(),
                udn: next(),
                services,
                devices: Vec::new(),
                presentation_url: maybe(),
            }
        });
    leaf.prop_recursive(3, 6, 2, |inner| {
        (inner.clone(), vec(inner, 0..2)).prop_map(|(device, devices)| Device { devices, ..device })
    })
}

fn entry() -> impl Strategy<Value = PortMappingEntry<'static>> {
    let fields = (vec(trimmed_text(), 3), xml_text(), any::<(u16, u16, bool, u32)>());
    fields.prop_map(|(texts, description, (external, internal, enabled, lease))| {
        let mut texts = texts.into_iter();
        let mut next = || texts.next().unwrap_or_default().into();
        PortMappingEntry {
            remote_host: next(),
            external_port: external,
            protocol: next(),
            internal_port: internal,
            internal_client: next(),
            enabled,
            description: description.into(),
            lease_time: lease,
        }
    })
}

/// A value that the table allows for an argument.
fn value(data_type: DataType, choice: u32, text: &str) -> Value {
    match data_type {
        DataType::Ui2 => Value::Ui2(choice as u16),
        DataType::Ui4 => Value::Ui4(choice),
        DataType::Boolean => Value::Boolean(choice % 2 == 1),
        DataType::String => Value::String(text.to_owned()),
    }
}

/// Any action of any service, which a control point may call.
fn known_action() -> impl Strategy<Value = (&'static Service, &'static Action)> {
    (prop::sample::select(service::KNOWN), any::<prop::sample::Index>())
        .prop_map(|(service, action)| (service, action.get(service.actions)))
}

/// Values of the right types for the arguments of an action in one direction.
fn values(
    service: &'static Service,
    action: &'static Action,
    direction: Direction,
    choices: &[(u32, String)],
) -> Vec<Value> {
    let arguments = action.arguments(direction).zip(choices);
    arguments
        .map(|(argument, (choice, text))| {
            let variable = service.variable_of(argument);
            // What else is around a text, a gateway may have put there.
            let text = match variable.name {
                "PortMappingDescription" => text,
                _ => text.trim(),
            };
            value(variable.data_type, *choice, text)
        })
        .collect()
}

proptest! {
    /// What a control point asks, a gateway that takes nothing but the standard understands.
    #[test]
    fn requests_arrive_as_rendered(
        (service, action) in known_action(),
        choices in vec((any::<u32>(), xml_text()), 8),
    ) {
        let values = values(service, action, Direction::In, &choices);
        let names = action.arguments(Direction::In).map(|argument| argument.name);
        let arguments: Vec<_> = names.zip(values.iter().map(Value::to_string)).collect();
        let urn = service.urn(service.version);
        let body = soap::render_request(&urn, action.name, arguments.iter().map(|(name, text)| (*name, text.as_str())));
        let header = soap::soap_action(&urn, action.name);
        let request = soap::parse(Some(&header), body.as_bytes(), Quirks::NONE);
        let arguments = arguments.into_iter().map(|(name, text)| (name.to_owned(), text)).collect();
        prop_assert_eq!(request, Ok(Request::Action { service_type: urn, action: action.name.to_owned(), arguments }));
    }

    /// What our gateway answers, a control point reads back as it was, and all or nothing of each value if it is cut.
    #[test]
    fn answers_arrive_as_rendered(
        (service, action) in known_action(),
        choices in vec((any::<u32>(), xml_text()), 8),
        cut in any::<prop::sample::Index>(),
    ) {
        let values = values(service, action, Direction::Out, &choices);
        let body = soap::response(service, service.version, action, &values);
        let reply = soap::parse_reply(action.name, body.as_bytes());
        let Ok(Reply::Answer { arguments, complete: true }) = reply else {
            return Err(TestCaseError::fail(format!("{reply:?}")));
        };
        prop_assert_eq!(soap::decode_answer(service, action, &arguments), Ok(values));

        let cut = &body.as_bytes()[..cut.index(body.trim_end().len())];
        if let Ok(reply) = soap::parse_reply(action.name, cut) {
            let Reply::Answer { arguments: whole, complete } = reply else {
                return Err(TestCaseError::fail("a fault out of nothing"));
            };
            prop_assert!(!complete);
            prop_assert!(arguments.starts_with(&whole));
        }
    }

    #[test]
    fn faults_arrive_as_rendered(
        (service, _) in known_action(),
        code in any::<prop::sample::Index>(),
        reason in "\\PC{0,300}",
    ) {
        let own: Vec<_> = service.actions.iter().flat_map(|action| action.errors).collect();
        prop_assume!(!own.is_empty());
        let fault = Fault::because(**code.get(&own), reason);
        let reply = soap::parse_reply("AddPortMapping", soap::fault(&fault).as_bytes());
        let Ok(Reply::Fault(received)) = reply else {
            return Err(TestCaseError::fail(format!("{reply:?}")));
        };
        prop_assert_eq!(received.code.and_then(|code| service.error_code(code)), Some(fault.code));
        prop_assert_eq!(received.description, printable(&fault.to_string(), 256));
    }

    /// Whatever a gateway sends as a URL, what comes of it fits into a request line and reads the same again.
    #[test]
    fn urls_break_no_request_line(reference in "\\PC{0,40}|[\\x00-\\xff]{0,40}|[a./?#:%\\[\\]]{0,40}") {
        let base = Url::parse("http://192.168.77.1:5000/a/b?c").expect("a URL");
        let urls = [Url::parse(&reference), Url::parse(&format!("http://10.0.0.1/{reference}")), base.resolve(&reference)];
        for url in urls.into_iter().flatten() {
            prop_assert!(url.path().starts_with('/') && url.path().bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert_eq!(Url::parse(&url.to_string()), Ok(url));
        }
    }

    #[test]
    fn printable_texts_are_short_lines(text in "\\PC{0,40}|[\\x00-\\xff]{0,40}", limit in 0..50usize) {
        let shown = printable(&text, limit);
        prop_assert!(shown.chars().count() <= limit);
        prop_assert!(!shown.contains(char::is_control));
        prop_assert_eq!(&printable(&shown, limit), &shown);
    }

    #[test]
    fn no_parser_panics_on_any_bytes(bytes in vec(any::<u8>(), 0..600)) {
        parse_everything(&bytes);
    }

    #[test]
    fn no_parser_panics_on_mutated_input(
        which in any::<prop::sample::Index>(),
        edits in vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), vec(any::<u8>(), 0..4)), 1..6),
    ) {
        let inputs = valid_inputs();
        let mut bytes = which.get(&inputs).clone();
        for (from, length, replacement) in edits {
            let from = from.index(bytes.len() + 1);
            let to = (from + length.index(64)).min(bytes.len());
            bytes.splice(from..to, replacement);
        }
        parse_everything(&bytes);
    }

    #[test]
    fn text_survives_writing_and_reading(text in "\\PC{0,60}|[\\x00-\\xff]{0,60}") {
        let mut xml = XmlWriter::document(0);
        xml.open_with("a", &[("b", &text)]);
        xml.leaf("c", &text);
        xml.close("a");
        let document = xml.finish();
        let legal = |c: &char| !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
        let expected: String = text.chars().filter(legal).collect();
        let root = xml::parse(&document, Ampersands::Escaped).expect("well-formed");
        prop_assert_eq!(root.child("c").expect("there").text(), &expected);
        let attribute = root.attribute("b").expect("there");
        prop_assert_eq!(attribute.as_ref(), &expected);
    }

    #[test]
    fn descriptions_survive_writing_and_reading(
        device in device(), config_id in any::<Option<u32>>(), url_base in optional_text(),
    ) {
        let description = Description { spec_version: (1, 1), config_id, url_base, device };
        let document = description.render();
        prop_assert_eq!(description::parse(document.as_bytes()), Ok(description));
    }

    #[test]
    fn port_listings_survive_writing_and_reading(entries in vec(entry(), 0..5)) {
        let document = port_listing::render(entries.clone());
        prop_assert_eq!(port_listing::parse(&document), Ok(entries));
    }

    /// A call of any action with values of the right types arrives as it was sent, whatever the order of arguments.
    #[test]
    fn calls_arrive_as_sent(
        service in prop::sample::select(service::KNOWN),
        action in any::<prop::sample::Index>(),
        choices in vec((any::<u32>(), xml_text()), 8),
        rotation in 0..8usize,
    ) {
        let version = service.version;
        let offered: Vec<&Action> = service.offered_actions(version).collect();
        let action = *action.get(&offered);
        let inputs: Vec<_> = action.arguments(Direction::In).collect();
        let values: Vec<_> = inputs
            .iter()
            .zip(&choices)
            .map(|(input, (choice, text))| {
                let variable = service.variable_of(input);
                match variable.allowed {
                    service::Allowed::Values(allowed) => Value::from(allowed[*choice as usize % allowed.len()]),
                    service::Allowed::Range { minimum, maximum, .. } => {
                        value(variable.data_type, minimum + choice % (maximum - minimum + 1), text)
                    }
                    _ => value(variable.data_type, *choice, text),
                }
            })
            .collect();
        let mut arguments: Vec<_> = inputs.iter().map(|input| input.name).zip(values.iter().map(Value::to_string)).collect();
        if !arguments.is_empty() {
            let by = rotation % arguments.len();
            arguments.rotate_left(by);
        }

        let mut xml = XmlWriter::document(0);
        let name = format!("u:{}", action.name);
        xml.open("s:Envelope");
        xml.open("s:Body");
        xml.open_with(&name, &[("xmlns:u", &service.urn(version))]);
        for (name, text) in &arguments {
            xml.leaf(name, text);
        }
        xml.close(&name);
        xml.close("s:Body");
        xml.close("s:Envelope");

        let header = format!("\"{}#{}\"", service.urn(version), action.name);
        let request = soap::parse(Some(&header), xml.finish().as_bytes(), Quirks::NONE);
        let Ok(Request::Action { service_type, action: name, arguments: received }) = request else {
            return Err(TestCaseError::fail(format!("{request:?}")));
        };
        let (called, spoken) = dispatch(Offer::EVERYTHING, service, &service_type, &name, Quirks::NONE).expect("ours");
        let call = Call::parse(called, spoken, &name, &received, Quirks::NONE).expect("right");
        prop_assert_eq!(call.values, values);
        prop_assert_eq!(call.version, version);
    }

    #[test]
    fn a_request_path_finds_at_most_what_it_names(path in "/[a-zA-Z0-9/._-]{0,20}") {
        if let Some(found) = resource::find(Offer::EVERYTHING, &path) {
            prop_assert!(found.to_string().eq_ignore_ascii_case(&path));
        }
    }

    #[test]
    fn spread_answers_stay_within_their_window(random in vec(any::<u32>(), 0..20), milliseconds in 0..5000u64) {
        let window = std::time::Duration::from_millis(milliseconds);
        let count = random.len();
        let delays = ssdp::spread(window, random);
        prop_assert_eq!(delays.len(), count);
        prop_assert!(delays.is_sorted());
        prop_assert!(delays.iter().all(|delay| *delay <= window));
    }
}
