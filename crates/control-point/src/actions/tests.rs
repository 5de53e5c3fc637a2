use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use portreeve_wire::DataType;
use portreeve_wire::Quirks;
use portreeve_wire::service::{Action, Argument, Direction, KNOWN, Service, WAN_IP_CONNECTION};
use portreeve_wire::soap::{self, Request};

use super::*;
use crate::endpoint::loopback::{Loopback, Told};
use crate::network::asked::Asked;

/// The names of the actions that a gateway was asked for.
type Seen = Arc<Mutex<BTreeSet<String>>>;

#[tokio::test]
async fn every_action_is_sent_and_read_as_its_table_says() {
    for service in KNOWN {
        let seen = Seen::default();
        let endpoint = Loopback::endpoint(service, service.version, {
            let seen = Arc::clone(&seen);
            move |asked| answer_from_table(service, asked, &seen)
        });
        match service.name {
            "Layer3Forwarding" => every_call::layer3_forwarding(&Layer3Forwarding::new(endpoint)).await,
            "WANCommonInterfaceConfig" => {
                every_call::wan_common_interface_config(&WanCommonInterfaceConfig::new(endpoint)).await;
            }
            "WANIPConnection" => every_call::wan_ip_connection(&WanIpConnection::new(endpoint)).await,
            "WANPPPConnection" => every_call::wan_ppp_connection(&WanPppConnection::new(endpoint)).await,
            "WANIPv6FirewallControl" => {
                every_call::wan_ipv6_firewall_control(&WanIpv6FirewallControl::new(endpoint)).await;
            }
            "LANHostConfigManagement" => {
                every_call::lan_host_config_management(&LanHostConfigManagement::new(endpoint)).await;
            }
            other => panic!("{other} is not tried"),
        }
        let all: BTreeSet<String> = service.actions.iter().map(|action| action.name.to_owned()).collect();
        assert_eq!(*seen.lock().unwrap(), all, "{}", service.name);
    }
}

#[tokio::test]
async fn what_an_older_service_lacks_is_not_asked_for() {
    let endpoint = Loopback::endpoint(&WAN_IP_CONNECTION, 1, |_| panic!("asked in vain"));
    let client = WanIpConnection::new(endpoint);
    let error = client.x_get_external_ipv6_address().await.unwrap_err();
    let what = "X_GetExternalIPv6Address (its WANIPConnection has version 1)".to_owned();
    assert_eq!(error, Conversation::NotOffered(what).into());
}

/// Holds the request against the table, and answers by it.
fn answer_from_table(service: &'static Service, asked: &Asked, seen: &Seen) -> Told {
    let request = soap::parse(asked.soap_action.as_deref(), &asked.body, Quirks::NONE).unwrap();
    let Request::Action {
        service_type,
        action,
        arguments,
    } = request
    else {
        panic!("{request:?} is no action");
    };
    assert_eq!(service_type, service.urn(service.version));
    let action = service.action(&action, service.version).unwrap();
    let wanted: Vec<(String, String)> = action
        .arguments(Direction::In)
        .map(|argument| (argument.name.to_owned(), sample(service, action, argument).to_string()))
        .collect();
    assert_eq!(arguments, wanted, "{}", action.name);
    seen.lock().unwrap().insert(action.name.to_owned());

    let answer: Vec<Value> = action
        .arguments(Direction::Out)
        .map(|argument| sample(service, action, argument))
        .collect();
    Told::Whole(200, soap::response(service, service.version, action, &answer))
}

/// The value by which an argument is recognised: see `every_call`.
fn sample(service: &'static Service, action: &'static Action, argument: &'static Argument) -> Value {
    let index = action.arguments.iter().position(|other| std::ptr::eq(other, argument));
    let index = u16::try_from(index.unwrap()).unwrap();
    match service.variable_of(argument).data_type {
        DataType::Ui2 => Value::Ui2(100 + index),
        DataType::Ui4 => Value::Ui4(u32::from(100 + index)),
        DataType::Boolean => Value::Boolean(index % 2 == 1),
        DataType::String => Value::String(argument.name.to_owned()),
    }
}
