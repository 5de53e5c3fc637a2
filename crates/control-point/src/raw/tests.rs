use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use portreeve_wire::service::{WAN_COMMON_INTERFACE_CONFIG, WAN_IP_CONNECTION};
use portreeve_wire::soap::{self, Request};
use portreeve_wire::{Quirks, Url, Value, View};

use super::*;
use crate::endpoint::loopback::{Loopback, Told};
use crate::error::{Error, InvalidRequest};
use crate::http;
use crate::network::asked::Asked;

/// A gateway with two services of the standard and one of its own.
struct Lamp {
    offered: Vec<OfferedService>,
    http: Arc<http::Client>,
    descriptions: Descriptions,
}

impl Lamp {
    fn new(respond: impl Fn(&Asked) -> Told + Send + Sync + 'static) -> Self {
        let offered = |service_type: &str, service_id: &str, path: &str| {
            let url = |suffix| Url::parse(&format!("http://192.168.77.1:5000/{path}{suffix}")).unwrap();
            OfferedService {
                service_type: service_type.to_owned(),
                service_id: service_id.to_owned(),
                control: url(""),
                scpd: url(".xml"),
                events: None,
            }
        };
        let common = WAN_COMMON_INTERFACE_CONFIG.urn(1);
        Self {
            offered: vec![
                offered(&common, "urn:upnp-org:serviceId:WANCommonIFC1", "common"),
                offered(&WAN_IP_CONNECTION.urn(2), "urn:upnp-org:serviceId:WANIPConn1", "ip"),
                offered(
                    "urn:example-com:service:X_Lamp:3",
                    "urn:example-com:serviceId:lamp",
                    "lamp",
                ),
            ],
            http: Loopback::client(respond),
            descriptions: Descriptions::default(),
        }
    }

    async fn call(
        &self,
        service: &str,
        action: &str,
        arguments: &[(&str, &str)],
    ) -> Result<Vec<(String, String)>, Error> {
        self.with_catalogue(async |catalogue| catalogue.call(service, action, arguments).await)
            .await
    }

    async fn services(&self) -> Vec<Service> {
        self.with_catalogue(async |catalogue| catalogue.services().await).await
    }

    async fn with_catalogue<T>(&self, work: impl AsyncFnOnce(Catalogue<'_>) -> T) -> T {
        let offered: Vec<&OfferedService> = self.offered.iter().collect();
        let catalogue = Catalogue {
            offered: &offered,
            http: &self.http,
            local: Ipv4Addr::new(192, 168, 77, 2).into(),
            descriptions: &self.descriptions,
        };
        work(catalogue).await
    }
}

const LAMP: &str = "<scpd xmlns='urn:schemas-upnp-org:service-1-0'><actionList><action><name>SetLamp</name><argumentList>\
    <argument><name>Colour</name><direction>in</direction><relatedStateVariable>Colour</relatedStateVariable></argument>\
    <argument><name>Level</name><direction>in</direction><relatedStateVariable>Level</relatedStateVariable></argument>\
    <argument><name>On</name><direction>in</direction><relatedStateVariable>On</relatedStateVariable></argument>\
    <argument><name>Was</name><direction>out</direction><relatedStateVariable>Level</relatedStateVariable></argument>\
    <argument><name>Is</name><direction>out</direction><relatedStateVariable>Level</relatedStateVariable></argument>\
    </argumentList></action></actionList><serviceStateTable>\
    <stateVariable><name>Colour</name><dataType>string</dataType><allowedValueList><allowedValue>Red</allowedValue>\
    <allowedValue>Green</allowedValue></allowedValueList></stateVariable>\
    <stateVariable><name>Level</name><dataType>i2</dataType><allowedValueRange><minimum>-10</minimum>\
    <maximum>10</maximum></allowedValueRange></stateVariable>\
    <stateVariable><name>On</name><dataType>boolean</dataType></stateVariable></serviceStateTable></scpd>";

/// Describes its services, and answers SetLamp in the wrong order and GetTotalBytesSent.
fn lamp(asked: &Asked) -> Told {
    match asked.path.as_str() {
        "/lamp.xml" => return Told::Whole(200, LAMP.to_owned()),
        "/ip.xml" => return Told::Whole(200, Scpd::of(&WAN_IP_CONNECTION, View::Igd2, 1).render()),
        "/common.xml" => return Told::Whole(404, "no such file".to_owned()),
        _ => {}
    }
    if asked.path == "/common" {
        let action = WAN_COMMON_INTERFACE_CONFIG.action("GetTotalBytesSent", 1).unwrap();
        return Told::Whole(
            200,
            soap::response(&WAN_COMMON_INTERFACE_CONFIG, 1, action, &[Value::Ui4(9)]),
        );
    }
    let body = String::from_utf8(asked.body.clone()).unwrap();
    let header = asked.soap_action.as_deref();
    assert_eq!(header, Some("\"urn:example-com:service:X_Lamp:3#SetLamp\""));
    assert!(
        body.contains("<Colour>Red</Colour><Level>-3</Level><On>1</On>"),
        "{body}"
    );
    let answer = "<s:Envelope><s:Body><u:SetLampResponse><Extra>x</Extra><is>-3</is><was>7</was>\
                  </u:SetLampResponse></s:Body></s:Envelope>";
    Told::Whole(200, answer.to_owned())
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect()
}

#[tokio::test]
async fn arguments_are_sent_and_given_in_the_order_of_the_description() {
    let gateway = Lamp::new(lamp);
    let arguments = [("on", "Yes"), ("Level", " -3 "), ("NewColour", "red")];
    let answer = gateway.call("X_Lamp", "setlamp", &arguments).await;
    assert_eq!(answer, Ok(pairs(&[("Was", "7"), ("Is", "-3"), ("Extra", "x")])));
}

#[tokio::test]
async fn what_does_not_fit_the_description_is_not_sent() {
    type Given = &'static [(&'static str, &'static str)];
    let table: [(Given, &str, &str); 8] = [
        (
            &[("Colour", "Red"), ("Level", "1")],
            "On",
            "it is missing; the action takes Colour, Level, On",
        ),
        (&[("Hue", "Red")], "Hue", "the action takes Colour, Level, On"),
        (&[("Was", "1")], "Was", "the action takes Colour, Level, On"),
        (&[("Colour", "Red"), ("colour", "Red")], "Colour", "it is given twice"),
        (
            &[("Colour", "Blue"), ("Level", "1"), ("On", "1")],
            "Colour",
            "it must be one of Red, Green",
        ),
        (
            &[("Colour", "Red"), ("Level", "11"), ("On", "1")],
            "Level",
            "it must be within -10 and 10",
        ),
        (
            &[("Colour", "Red"), ("Level", "much"), ("On", "1")],
            "Level",
            "it must be a whole number within -32768 and 32767",
        ),
        (
            &[("Colour", "Red"), ("Level", "1"), ("On", "maybe")],
            "On",
            "it must be 1 or 0",
        ),
    ];
    let gateway = Lamp::new(|asked| match asked.path.as_str() {
        "/lamp.xml" => Told::Whole(200, LAMP.to_owned()),
        other => panic!("{other} was asked"),
    });
    for (arguments, argument, problem) in table {
        let error = gateway.call("X_Lamp", "SetLamp", arguments).await.unwrap_err();
        let (argument, problem) = (argument.to_owned(), problem.to_owned());
        assert_eq!(error, InvalidRequest::Argument { argument, problem }.into());
    }
}

#[tokio::test]
async fn a_service_has_many_names() {
    let gateway = Lamp::new(|asked| match asked.path.as_str() {
        "/ip.xml" => Told::Whole(200, Scpd::of(&WAN_IP_CONNECTION, View::Igd2, 1).render()),
        "/ip" => {
            let request = soap::parse(asked.soap_action.as_deref(), &asked.body, Quirks::NONE).unwrap();
            assert!(matches!(request, Request::Action { action, .. } if action == "GetExternalIPAddress"));
            let action = WAN_IP_CONNECTION.action("GetExternalIPAddress", 2).unwrap();
            Told::Whole(
                200,
                soap::response(&WAN_IP_CONNECTION, 2, action, &["11.11.11.1".into()]),
            )
        }
        other => panic!("{other} was asked"),
    });
    for name in [
        "WANIPConnection",
        "wanipconnection:2",
        "urn:schemas-upnp-org:service:WANIPConnection:2",
        "urn:upnp-org:serviceId:WANIPConn1",
        "WANIPConn1",
    ] {
        let answer = gateway.call(name, "GetExternalIPAddress", &[]).await;
        assert_eq!(answer, Ok(pairs(&[("NewExternalIPAddress", "11.11.11.1")])), "{name}");
    }
}

#[tokio::test]
async fn what_the_gateway_does_not_have_is_answered_with_what_it_has() {
    let gateway = Lamp::new(lamp);
    let error = gateway.call("WANIPConnection:1", "X", &[]).await.unwrap_err();
    let expected = InvalidRequest::Value {
        what: "service",
        value: "WANIPConnection:1".to_owned(),
        problem: "the gateway has WANCommonInterfaceConfig:1, WANIPConnection:2, X_Lamp:3".to_owned(),
    };
    assert_eq!(error, expected.into());
    let error = gateway.call("X_Lamp", "SwitchOn", &[]).await.unwrap_err();
    let expected = InvalidRequest::Value {
        what: "action",
        value: "SwitchOn".to_owned(),
        problem: "the service has SetLamp".to_owned(),
    };
    assert_eq!(error, expected.into());
}

#[tokio::test]
async fn a_standard_service_without_description_has_the_standards() {
    let answer = Lamp::new(lamp)
        .call("WANCommonInterfaceConfig", "GetTotalBytesSent", &[])
        .await;
    assert_eq!(answer, Ok(pairs(&[("NewTotalBytesSent", "9")])));
}

#[tokio::test]
async fn an_answer_that_was_cut_off_is_none_unless_all_is_there() {
    let cut_after = |text: &'static str| {
        let gateway = Lamp::new(move |asked| match asked.path.as_str() {
            "/lamp.xml" => Told::Whole(200, LAMP.to_owned()),
            _ => Told::CutOff(200, format!("<s:Envelope><s:Body><u:SetLampResponse>{text}")),
        });
        async move {
            let arguments = [("Colour", "Red"), ("Level", "0"), ("On", "0")];
            gateway.call("X_Lamp", "SetLamp", &arguments).await
        }
    };
    let all = cut_after("<Was>1</Was><Is>0</Is></u:Set").await;
    assert_eq!(all, Ok(pairs(&[("Was", "1"), ("Is", "0")])));
    let half = cut_after("<Was>1</Was><Is>0").await;
    assert!(
        matches!(half, Err(Error::Conversation(Conversation::Malformed { .. }))),
        "{half:?}"
    );
}

#[tokio::test]
async fn services_are_listed_with_their_actions_and_described_once() {
    let fetched = Arc::new(AtomicUsize::new(0));
    let gateway = Lamp::new({
        let fetched = Arc::clone(&fetched);
        move |asked| {
            fetched.fetch_add(1, Ordering::Relaxed);
            match asked.path.as_str() {
                // The first answer is empty, as some gateways' are.
                "/lamp.xml" if fetched.load(Ordering::Relaxed) == 3 => Told::Whole(200, String::new()),
                _ => lamp(asked),
            }
        }
    });
    let services = gateway.services().await;
    let names: Vec<(&str, Option<u8>)> = services.iter().map(|it| (it.name.as_str(), it.version)).collect();
    let expected = [
        ("WANCommonInterfaceConfig", Some(1)),
        ("WANIPConnection", Some(2)),
        ("X_Lamp", Some(3)),
    ];
    assert_eq!(names, expected);
    assert!(services.iter().all(|service| service.problem.is_none()));

    let set_lamp = &services[2].actions[0];
    let level = &set_lamp.takes[1];
    assert_eq!((level.name.as_str(), level.data_type.as_str()), ("Level", "i2"));
    assert_eq!(level.allowed_range, Some(("-10".to_owned(), "10".to_owned())));
    assert_eq!(set_lamp.takes[0].allowed_values, ["Red", "Green"]);
    assert_eq!(set_lamp.gives.len(), 2);

    assert_eq!(fetched.load(Ordering::Relaxed), 4);
    let again = gateway.services().await;
    assert_eq!(again, services);
    // The one that could not be read is tried again.
    assert_eq!(fetched.load(Ordering::Relaxed), 5);
}

#[tokio::test]
async fn a_service_that_is_not_described_is_listed_with_the_reason() {
    let services = Lamp::new(|_| Told::Whole(404, String::new())).services().await;
    assert_eq!(services[2].actions, []);
    let url = "http://192.168.77.1:5000/lamp.xml".to_owned();
    assert_eq!(services[2].problem, Some(Conversation::Status { url, status: 404 }));
}
