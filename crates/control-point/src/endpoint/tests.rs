use portreeve_wire::service::WAN_IP_CONNECTION;
use portreeve_wire::soap::{Request, parse, variable_response};
use portreeve_wire::{ErrorCode, Fault, Quirks, Value};

use super::loopback::{Loopback, Told};
use super::*;
use crate::error::{Conversation, Refusal};

fn action(name: &str) -> &'static Action {
    WAN_IP_CONNECTION.action(name, 2).unwrap()
}

/// What GetStatusInfo brings from a gateway that always answers this.
async fn status_info(told: impl Fn() -> Told + Send + Sync + 'static) -> Result<Vec<Value>, Error> {
    let endpoint = Loopback::endpoint(&WAN_IP_CONNECTION, 1, move |_| told());
    endpoint.call(action("GetStatusInfo"), &[]).await
}

#[tokio::test]
async fn a_fault_is_a_refusal_under_any_status() {
    let refused = |endpoint: Endpoint| async move { endpoint.call(action("GetStatusInfo"), &[]).await };
    for status in [200, 400, 404, 500, 501] {
        let endpoint = Loopback::endpoint(&WAN_IP_CONNECTION, 1, move |_| {
            let fault = Fault::because(ErrorCode::ActionFailed, "the link is down");
            Told::Whole(status, soap::fault(&fault))
        });
        let Err(Error::Refused(Refusal {
            action,
            code,
            description,
        })) = refused(endpoint).await
        else {
            panic!("{status} was no refusal");
        };
        assert_eq!((action.as_str(), code), ("GetStatusInfo", 501));
        assert!(description.contains("the link is down"), "{description}");
    }
}

#[tokio::test]
async fn what_came_before_the_cut_is_enough_if_it_is_all() {
    let body = "<s:Envelope><s:Body><u:GetStatusInfoResponse><NewConnectionStatus>Connected</NewConnectionStatus>\
                <NewLastConnectionError>ERROR_NONE</NewLastConnectionError><NewUptime>7</NewUptime></u:GetSta";
    let values = vec!["Connected".into(), "ERROR_NONE".into(), Value::Ui4(7)];
    assert_eq!(
        status_info(move || Told::CutOff(200, body.to_owned())).await,
        Ok(values)
    );
}

#[tokio::test]
async fn what_lacks_a_value_is_malformed() {
    let body = "<s:Envelope><s:Body><u:GetStatusInfoResponse><NewConnectionStatus>Connected</NewConnectionStatus>\
                <NewLastConnectionError>ERROR_NONE</NewLastConnectionError><NewUptime>7</NewUp";
    let error = status_info(move || Told::CutOff(200, body.to_owned())).await;
    let Err(Error::Conversation(Conversation::Malformed { url, problem, .. })) = error else {
        panic!("{error:?}");
    };
    assert_eq!(url, "http://192.168.77.1:5000/control");
    assert!(
        problem.contains("GetStatusInfo") && problem.contains("NewUptime"),
        "{problem}"
    );
}

#[tokio::test]
async fn pages_for_people_are_told_by_their_status() {
    let page = || Told::Whole(404, "<html><body>Not here</body></html>".to_owned());
    let url = "http://192.168.77.1:5000/control".to_owned();
    let expected = Conversation::Status { url, status: 404 };
    assert_eq!(status_info(page).await, Err(expected.into()));

    let welcome = || Told::Whole(200, "<html><body>Welcome</body></html>".to_owned());
    let error = status_info(welcome).await;
    assert!(
        matches!(error, Err(Error::Conversation(Conversation::Malformed { .. }))),
        "{error:?}"
    );
}

#[tokio::test]
async fn state_variables_are_read_as_text() {
    let endpoint = Loopback::endpoint(&WAN_IP_CONNECTION, 1, |asked| {
        let request = parse(asked.soap_action.as_deref(), &asked.body, Quirks::NONE);
        match request.unwrap() {
            Request::Query { variable } if variable == "PortMappingNumberOfEntries" => {
                Told::Whole(200, variable_response(&Value::Ui2(12)))
            }
            other => panic!("{other:?}"),
        }
    });
    let entries = endpoint.query("PortMappingNumberOfEntries").await;
    assert_eq!(entries.as_deref(), Ok("12"));
}

#[tokio::test]
async fn only_what_lists_may_be_long() {
    let long = || {
        let filling = " ".repeat(1 << 20);
        Told::Whole(
            200,
            format!("<a><GetListOfPortMappingsResponse/><GetStatusInfoResponse/>{filling}</a>"),
        )
    };
    assert!(matches!(
        status_info(long).await,
        Err(Error::Conversation(Conversation::TooLarge { .. }))
    ));
    let endpoint = Loopback::endpoint(&WAN_IP_CONNECTION, 2, move |_| long());
    let listed = endpoint.control().call("GetListOfPortMappings", &[]).await;
    assert!(listed.is_ok_and(|answer| answer.complete));
}
