//! Answers as the field's gateways give them, each after a misbehaviour that somebody met.

use portreeve_wire::port_listing::{self, PortMappingEntry};
use portreeve_wire::service::{WAN_COMMON_INTERFACE_CONFIG, WAN_IP_CONNECTION};
use portreeve_wire::soap::{
    self, AnswerError, RemoteFault, Reply, ReplyError, decode_answer, decode_variable, parse_reply,
};
use portreeve_wire::value::ValueError;
use portreeve_wire::xml::XmlError;
use portreeve_wire::{DataType, Value};

/// What the answer says, and whether it came whole.
fn answer_of(action: &str, body: &[u8]) -> (Vec<(String, String)>, bool) {
    match parse_reply(action, body) {
        Ok(Reply::Answer { arguments, complete }) => (arguments, complete),
        other => panic!("{}: {other:?}", body.escape_ascii()),
    }
}

fn fault_of(body: &str) -> RemoteFault {
    match parse_reply("AddPortMapping", body.as_bytes()) {
        Ok(Reply::Fault(fault)) => fault,
        other => panic!("{body}: {other:?}"),
    }
}

fn decode(action: &str, body: &[u8]) -> Result<Vec<Value>, AnswerError> {
    let action = WAN_IP_CONNECTION.action(action, 2).expect("in the table");
    decode_answer(&WAN_IP_CONNECTION, action, &answer_of(action.name, body).0)
}

fn pair(name: &str, text: &str) -> (String, String) {
    (name.to_owned(), text.to_owned())
}

const ADDRESS: &str = "GetExternalIPAddress";

#[test]
fn external_addresses_in_every_dress() {
    let namespace = "xmlns:u=\"urn:schemas-upnp-org:service:WANIPConnection:1\"";
    let envelope = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>";
    let end = "</s:Body></s:Envelope>";
    let value = "<NewExternalIPAddress>11.11.11.2</NewExternalIPAddress>";
    let response = format!("<u:GetExternalIPAddressResponse {namespace}>{value}</u:GetExternalIPAddressResponse>");
    for body in [
        format!("{envelope}{response}{end}"),
        // A byte order mark, white space first, rubbish last (R14)
        format!("\u{feff}{envelope}{response}{end}"),
        format!("\r\n\r\n<?xml version=\"1.0\"?>{envelope}{response}{end}\0\0 \n"),
        format!("{envelope}{response}{end}<!-- -->rubbish</x>"),
        // Another version than was called (R59), no namespace at all, a prefix that nothing declares (R58)
        format!("{envelope}{}{end}", response.replace("Connection:1", "Connection:7")),
        format!("{envelope}<GetExternalIPAddressResponse>{value}</GetExternalIPAddressResponse>{end}"),
        format!("{envelope}<m:GetExternalIPAddressResponse>{value}</m:GetExternalIPAddressResponse>{end}"),
        format!(
            "{}{response}{}",
            envelope.replace("s:", "SOAP-ENV:"),
            end.replace("s:", "SOAP-ENV:")
        ),
        // Other letter case, no suffix, no `New` (R58)
        format!("{envelope}<u:getexternalipaddressresponse>{value}</u:getexternalipaddressresponse>{end}"),
        format!("{envelope}<u:GetExternalIPAddress>{value}</u:GetExternalIPAddress>{end}"),
        format!("{envelope}{}{end}", response.replace("NewExternal", "newexternal")),
        format!("{envelope}{}{end}", response.replace("NewExternal", "External")),
        format!("{envelope}{}{end}", response.replace("NewExternal", "u:NewExternal")),
        // The value in the response itself (R58)
        format!("{envelope}<u:GetExternalIPAddressResponse>\n 11.11.11.2 </u:GetExternalIPAddressResponse>{end}"),
        // No envelope
        response.clone(),
        // White space around the value
        format!(
            "{envelope}{}{end}",
            response.replace("11.11.11.2", "\r\n\t11.11.11.2\n")
        ),
        // More than was asked for
        format!(
            "{envelope}{}{end}",
            response.replace(value, &format!("<X/>{value}<NewY>1</NewY>"))
        ),
    ] {
        assert_eq!(
            decode(ADDRESS, body.as_bytes()),
            Ok(vec!["11.11.11.2".into()]),
            "{body}"
        );
        assert!(answer_of(ADDRESS, body.as_bytes()).1, "{body}");
    }
}

/// Cut anywhere: either all of the value is there or nothing.
#[test]
fn a_value_that_was_cut_off_is_not_taken() {
    let body = "<s:Envelope><s:Body><u:GetExternalIPAddressResponse>\
        <NewExternalIPAddress>11.11.11.25</NewExternalIPAddress></u:GetExternalIPAddressResponse></s:Body></s:Envelope>";
    let end_of_value = body.find("</u:").unwrap();
    for cut in 0..body.len() {
        match parse_reply(ADDRESS, &body.as_bytes()[..cut]) {
            Ok(Reply::Answer { arguments, complete }) => {
                assert!(!complete, "{}", &body[..cut]);
                let whole = [pair("NewExternalIPAddress", "11.11.11.25")];
                assert_eq!(arguments, whole[..usize::from(cut >= end_of_value)], "{}", &body[..cut]);
            }
            Ok(Reply::Fault(fault)) => panic!("{fault:?}"),
            Err(_) => assert!(cut < end_of_value, "{}", &body[..cut]),
        }
    }
    assert!(answer_of(ADDRESS, body.as_bytes()).1);

    let lone = "<s:Envelope><s:Body><u:GetExternalIPAddressResponse>11.11.1";
    assert_eq!(answer_of(ADDRESS, lone.as_bytes()), (vec![], false));
    assert_eq!(
        decode(ADDRESS, lone.as_bytes()),
        Err(AnswerError::Missing("NewExternalIPAddress"))
    );
    let fault = "<s:Envelope><s:Body><s:Fault><detail><UPnPError><errorCode>71";
    assert_eq!(parse_reply(ADDRESS, fault.as_bytes()), Err(ReplyError::CutOff));
}

#[test]
fn faults_in_every_dress() {
    let usual = "<s:Envelope><s:Body><s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring>\
        <detail><UPnPError xmlns=\"urn:schemas-upnp-org:control-1-0\"><errorCode>718</errorCode>\
        <errorDescription>ConflictInMappingEntry</errorDescription></UPnPError></detail></s:Fault></s:Body></s:Envelope>";
    let fault = |code, description: &str| RemoteFault {
        code,
        description: description.to_owned(),
    };
    let conflict = fault(Some(718), "ConflictInMappingEntry");
    assert_eq!(fault_of(usual), conflict);
    // Capitals (R57), no namespaces, white space, trailing NULs, cut off after the values
    let capitals = usual.replace("fault", "Fault").replace("errorCode", "ErrorCode");
    assert_eq!(fault_of(&capitals), conflict);
    assert_eq!(fault_of(&usual.replace("718", "\n 718 \t")), conflict);
    assert_eq!(fault_of(&format!("\u{feff}{usual}\0\0")), conflict);
    assert_eq!(fault_of(&usual[..usual.find("</UPnPError>").unwrap()]), conflict);
    // Cut off in the description, or none (R57)
    assert_eq!(
        fault_of(&usual[..usual.find("InMapping").unwrap()]),
        fault(Some(718), "")
    );
    let bare = "<Envelope><Body><UPnPError><errorCode>402</errorCode></UPnPError></Body></Envelope>";
    assert_eq!(fault_of(bare), fault(Some(402), ""));
    assert_eq!(fault_of("<errorCode>501</errorCode>"), fault(Some(501), ""));
    // In the response, where it means the same
    let within =
        "<Envelope><Body><AddPortMappingResponse><errorCode>501</errorCode></AddPortMappingResponse></Body></Envelope>";
    assert_eq!(fault_of(within), fault(Some(501), ""));
    // Codes that no standard has, or that are no codes; SOAP's own faults
    assert_eq!(fault_of(&usual.replace("718", "899")).code, Some(899));
    assert_eq!(fault_of(&usual.replace("718", "-1")).code, None);
    assert_eq!(fault_of(&usual.replace("718", "70000")).code, None);
    let soap = "<e:Envelope><e:Body><e:Fault><faultcode>e:Server</faultcode><faultstring>Out of order</faultstring>\
        </e:Fault></e:Body></e:Envelope>";
    assert_eq!(fault_of(soap), fault(None, "Out of order"));
}

#[test]
fn descriptions_of_faults_are_fit_for_a_terminal() {
    let hostile = format!("\u{9b}2J&#27;]0;x&#7;\r\nError:\u{202e} done{}", "!".repeat(10_000));
    let body = format!("<a><errorCode>501</errorCode><errorDescription>{hostile}</errorDescription></a>");
    let description = fault_of(&body).description;
    assert!(description.starts_with("2J ]0;x Error: done!!!"), "{description:?}");
    assert_eq!(description.chars().count(), 256);
    assert!(!description.contains(char::is_control));
}

/// Somebody else's description of a mapping, passed on without escaping, is no fault.
#[test]
fn what_stands_within_an_argument_is_not_believed() {
    let body = b"<Envelope><Body><GetExternalIPAddressResponse><NewExternalIPAddress>11.11.11.2</NewExternalIPAddress>\
        <NewX><errorCode>501</errorCode><GetExternalIPAddressResponse/></NewX></GetExternalIPAddressResponse></Body>\
        </Envelope>";
    assert_eq!(decode(ADDRESS, body), Ok(vec!["11.11.11.2".into()]));
}

#[test]
fn other_documents_are_no_answers() {
    for (body, why) in [
        ("", ReplyError::Empty),
        (" \r\n\0", ReplyError::Empty),
        ("Not Found", ReplyError::Xml(XmlError::IllFormed)),
        ("<!DOCTYPE html><html></html>", ReplyError::Xml(XmlError::DocType)),
        ("<html><body>401 Unauthorized</body></html>", ReplyError::NoResponse),
        ("<html><body>401 Unauth", ReplyError::CutOff),
        ("<s:Envelope><s:Body/></s:Envelope>", ReplyError::NoResponse),
        (
            "<s:Envelope><s:Body><u:GetStatusInfoResponse/></s:Body></s:Envelope>",
            ReplyError::NoResponse,
        ),
    ] {
        assert_eq!(parse_reply("AddPortMapping", body.as_bytes()), Err(why), "{body}");
    }
}

#[test]
fn an_action_without_answer_needs_only_its_response() {
    for body in [
        "<s:Envelope><s:Body><u:AddPortMappingResponse/></s:Body></s:Envelope>",
        "<s:Envelope><s:Body><u:AddPortMappingResponse></u:AddPortMappingResponse>",
        "<s:Envelope><s:Body><u:AddPortMappingResponse>\r\n</u:AddPortMappingResponse></s:Body></s:Envelope>",
    ] {
        assert_eq!(decode("AddPortMapping", body.as_bytes()), Ok(vec![]), "{body}");
    }
}

/// Latin-1 that nothing declares, in a description that a gateway passes on as it got it.
#[test]
fn encodings_are_guessed() {
    let body = b"<a><GetSpecificPortMappingEntryResponse><NewInternalPort>80</NewInternalPort>\
        <NewInternalClient> 192.168.77.2 </NewInternalClient><NewEnabled>True</NewEnabled>\
        <NewPortMappingDescription> T\xfcr & \xc3\xbc </NewPortMappingDescription>\
        <NewLeaseDuration>+60</NewLeaseDuration></GetSpecificPortMappingEntryResponse></a>";
    let expected = vec![
        80u16.into(),
        "192.168.77.2".into(),
        true.into(),
        " Tür & ü ".into(),
        60u32.into(),
    ];
    assert_eq!(decode("GetSpecificPortMappingEntry", body), Ok(expected));
}

#[test]
fn counters_of_any_width_and_sign_are_taken_modulo_2_to_the_32() {
    let action = WAN_COMMON_INTERFACE_CONFIG.action("GetTotalBytesSent", 1).unwrap();
    let read = |text: &str| {
        decode_answer(&WAN_COMMON_INTERFACE_CONFIG, action, &[pair("NewTotalBytesSent", text)])
            .map(|values| values[0].clone())
    };
    for (text, value) in [
        ("0", 0),
        (" 4294967295\n", u32::MAX),
        ("4294967296", 0),
        ("4294967297", 1),
        ("18446744073709551617", 1),
        ("-1", u32::MAX),
        ("-2147483648", 1 << 31),
        ("+7", 7),
    ] {
        assert_eq!(read(text), Ok(Value::Ui4(value)), "{text}");
    }
    for text in ["", "-", "0x10", "1.5", "1e3", "many", "--1", "1 2"] {
        let error = ValueError::Malformed(DataType::Ui4);
        let argument = "NewTotalBytesSent";
        assert_eq!(read(text), Err(AnswerError::Invalid { argument, error }), "{text}");
    }
}

#[test]
fn ports_are_not_wrapped() {
    let read = |port: &str| {
        let body = format!(
            "<a><AddAnyPortMappingResponse><NewReservedPort>{port}</NewReservedPort></AddAnyPortMappingResponse></a>"
        );
        decode("AddAnyPortMapping", body.as_bytes())
    };
    assert_eq!(read(" 65535 "), Ok(vec![Value::Ui2(65535)]));
    for port in ["65536", "-1", "70000"] {
        let error = ValueError::OutOfRange(DataType::Ui2);
        let argument = "NewReservedPort";
        assert_eq!(read(port), Err(AnswerError::Invalid { argument, error }), "{port}");
    }
}

#[test]
fn errors_name_the_argument() {
    let body = b"<a><GetStatusInfoResponse><NewConnectionStatus>Up</NewConnectionStatus><NewUptime>1</NewUptime>\
        </GetStatusInfoResponse></a>";
    let error = decode("GetStatusInfo", body).unwrap_err();
    assert_eq!(error, AnswerError::Missing("NewLastConnectionError"));
    assert_eq!(error.to_string(), "the answer has no NewLastConnectionError");
    let body = b"<a><GetNATRSIPStatusResponse><NewRSIPAvailable>0</NewRSIPAvailable><NewNATEnabled>Up</NewNATEnabled>\
        </GetNATRSIPStatusResponse></a>";
    let error = decode("GetNATRSIPStatus", body).unwrap_err();
    assert_eq!(error.to_string(), "NewNATEnabled in the answer is not a boolean");
}

#[test]
fn booleans_have_six_spellings() {
    for (text, value) in [
        ("1", true),
        ("TRUE", true),
        ("yes", true),
        ("0", false),
        ("False", false),
        ("no", false),
    ] {
        let body = format!(
            "<a><GetNATRSIPStatusResponse><RSIPAvailable>{text}</RSIPAvailable><NATEnabled> {text} </NATEnabled></GetNATRSIPStatusResponse></a>"
        );
        assert_eq!(
            decode("GetNATRSIPStatus", body.as_bytes()),
            Ok(vec![value.into(); 2]),
            "{text}"
        );
    }
}

#[test]
fn listings_escaped_in_cdata_twice_or_not_at_all() {
    let entry = PortMappingEntry {
        remote_host: "".into(),
        external_port: 8080,
        protocol: "TCP".into(),
        internal_port: 80,
        internal_client: "192.168.77.2".into(),
        enabled: true,
        description: "Tom & <Jerry>".into(),
        lease_time: 3600,
    };
    let listing = port_listing::render([entry.clone()]);
    let escape = portreeve_wire::xml::escape;
    for text in [
        escape(&listing).into_owned(),
        format!("<![CDATA[{listing}]]>"),
        format!("\n<![CDATA[\n{listing}\n]]>\n"),
        escape(&escape(&listing)).into_owned(),
        listing.clone(),
    ] {
        let body = format!(
            "<a><GetListOfPortMappingsResponse><NewPortListing>{text}</NewPortListing></GetListOfPortMappingsResponse></a>"
        );
        let values = decode("GetListOfPortMappings", body.as_bytes()).unwrap();
        let [Value::String(listing)] = &values[..] else {
            panic!("{values:?}")
        };
        assert_eq!(
            port_listing::parse(listing).as_deref(),
            Ok(&[entry.clone()][..]),
            "{text}"
        );
    }
    for empty in ["", "<![CDATA[<p:PortMappingList/>]]>", "<p:PortMappingList/>"] {
        let body = format!(
            "<a><GetListOfPortMappingsResponse><NewPortListing>{empty}</NewPortListing></GetListOfPortMappingsResponse></a>"
        );
        let values = decode("GetListOfPortMappings", body.as_bytes()).unwrap();
        assert_eq!(port_listing::parse(&values[0].to_string()), Ok(vec![]), "{empty}");
    }
}

#[test]
fn state_variables_are_asked_for_and_read() {
    let body = soap::render_query("ConnectionStatus");
    let request = soap::parse(
        Some(&soap::query_soap_action()),
        body.as_bytes(),
        portreeve_wire::Quirks::NONE,
    );
    let variable = "ConnectionStatus".to_owned();
    assert_eq!(request, Ok(soap::Request::Query { variable }));

    let variable = WAN_IP_CONNECTION.variable("ConnectionStatus").unwrap();
    let reply = soap::variable_response(&"Connected".into());
    let (arguments, complete) = answer_of(soap::QUERY, reply.as_bytes());
    assert!(complete);
    assert_eq!(decode_variable(variable, &arguments), Ok("Connected".into()));
    assert_eq!(
        decode_variable(variable, &[]),
        Err(AnswerError::Missing("ConnectionStatus"))
    );
}
