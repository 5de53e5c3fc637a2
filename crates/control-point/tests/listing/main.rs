//! Listing what routers in the field list, from the scripted gateway.

use std::collections::BTreeSet;
use std::time::Duration;

use portreeve::discovery::GatewayAddress;
use portreeve::listing::{How, Listing};
use portreeve::{Error, Protocol};
use portreeve_testkit::ScriptedGateway;
use portreeve_testkit::scripted::{
    AnswerStyle, Connection, IgdVersion, Misbehaviour, On, PortMapping, ScriptedGatewayBuilder, ScriptedReply,
};

const CLIENT: &str = "192.168.77.2";

/// The codes by which gateways say that they have no GetListOfPortMappings.
const NO_SUCH_ACTION: [u16; 5] = [401, 402, 404, 501, 602];

const ANSWER_STYLES: [AnswerStyle; 6] = [
    AnswerStyle::LowerCaseNames,
    AnswerStyle::NoNamespace,
    AnswerStyle::ValueInResponseElement,
    AnswerStyle::SoapEnvPrefix,
    AnswerStyle::OtherVersion,
    AnswerStyle::Cdata,
];

/// The address from which this test talks to gateways on loopback.
const LOCAL: &str = "127.0.0.1";

/// Finds the gateway by its URL, and reads all its mappings.
async fn mappings(gateway: &ScriptedGateway) -> Result<Listing, Error> {
    let address: GatewayAddress = gateway.description_url().parse().expect("a URL");
    let found = portreeve::discover().gateway(address).without_cache().await;
    found.expect("it answers").mappings().await
}

fn mapping(protocol: &str, port: u16) -> PortMapping {
    PortMapping::new(protocol, port, CLIENT, 80).description(&format!("{protocol} {port}"))
}

fn gateway(igd: IgdVersion, mappings: impl IntoIterator<Item = PortMapping>) -> ScriptedGatewayBuilder {
    let builder = ScriptedGateway::builder().igd(igd);
    mappings.into_iter().fold(builder, ScriptedGatewayBuilder::mapping)
}

/// Ten mappings of both protocols.
fn ten() -> Vec<PortMapping> {
    let tcp = (0..6).map(|index| mapping("TCP", 8000 + index));
    tcp.chain((0..4).map(|index| mapping("UDP", 8002 + index))).collect()
}

/// Holds a listing against the gateway's table.
fn assert_all(listing: &Listing, gateway: &ScriptedGateway, what: &str) {
    let listed: Vec<_> = listing
        .entries
        .iter()
        .map(|entry| {
            let client = (
                entry.internal_client.clone(),
                entry.internal_port,
                entry.description.clone(),
            );
            (
                entry.protocol.name(),
                entry.external_port,
                entry.remote_host.clone(),
                client,
            )
        })
        .collect();
    let mut there: Vec<_> = gateway
        .mappings()
        .into_iter()
        .map(|mapping| {
            let protocol = mapping.protocol.parse::<Protocol>().expect("TCP or UDP").name();
            let client = (mapping.internal_client, mapping.internal_port, mapping.description);
            (protocol, mapping.external_port, mapping.remote_host, client)
        })
        .collect();
    there.sort();
    assert_eq!(listed, there, "{what}");
    assert!(listing.complete, "{what}");
}

#[tokio::test]
async fn four_hundred_and_fifty_mappings_behind_pages_of_a_hundred() {
    let ports = (0..450).map(|index| mapping(if index % 3 == 0 { "UDP" } else { "TCP" }, 2000 + index));
    let gateway = gateway(IgdVersion::V2, ports).page_limit(100).start_on_loopback();
    let listing = mappings(&gateway).await.unwrap();
    assert_all(&listing, &gateway, "450 ports");
    assert_eq!(listing.entries.len(), 450);
    assert_eq!(listing.total, Some(450));
    assert!(
        matches!(listing.how, How::Pages { requests: 6..=10 }),
        "{:?}",
        listing.how
    );
    assert!(gateway.calls("GetGenericPortMappingEntry").is_empty());
}

#[tokio::test]
async fn a_hundred_and_fifty_of_them_on_one_port() {
    let spread = (0..300).map(|index| mapping("TCP", 2000 + index));
    let one_port = (0..150).map(|host| mapping("TCP", 2150).remote_host(&format!("11.11.11.{}", 10 + host)));
    let gateway = gateway(IgdVersion::V2, spread.chain(one_port))
        .page_limit(100)
        .start_on_loopback();
    let listing = mappings(&gateway).await.unwrap();
    assert_all(&listing, &gateway, "150 on one port");
    assert_eq!(listing.entries.len(), 450);
}

#[tokio::test]
async fn gateways_end_the_array_with_different_codes() {
    for code in [713, 402, 501, 714] {
        let builder = gateway(IgdVersion::V1, ten());
        let gateway = builder.misbehave(Misbehaviour::EndOfList(code)).start_on_loopback();
        let listing = mappings(&gateway).await.unwrap();
        assert_all(&listing, &gateway, &format!("end with {code}"));
        assert_eq!(listing.how, How::Indices { requests: 11 });
        assert_eq!(listing.total, Some(10));
    }
}

#[tokio::test]
async fn an_empty_table_is_an_empty_listing() {
    for (igd, misbehaviours) in [
        (IgdVersion::V1, vec![]),
        (IgdVersion::V2, vec![]),
        (IgdVersion::V2, vec![Misbehaviour::EmptyListing]),
        (
            IgdVersion::V2,
            vec![Misbehaviour::EmptyListing, Misbehaviour::Answers(AnswerStyle::Cdata)],
        ),
    ] {
        let what = format!("{igd:?} {misbehaviours:?}");
        let builder = misbehaviours
            .into_iter()
            .fold(gateway(igd, []), ScriptedGatewayBuilder::misbehave);
        let gateway = builder.start_on_loopback();
        let listing = mappings(&gateway).await.unwrap();
        assert_all(&listing, &gateway, &what);
        assert_eq!(listing.total, Some(0), "{what}");
    }
}

#[tokio::test]
async fn pages_in_any_dress_are_read() {
    for style in ANSWER_STYLES {
        let builder = gateway(IgdVersion::V2, ten()).page_limit(4);
        let gateway = builder.misbehave(Misbehaviour::Answers(style)).start_on_loopback();
        let listing = mappings(&gateway).await.unwrap();
        assert_all(&listing, &gateway, &format!("{style:?}"));
        assert!(matches!(listing.how, How::Pages { .. }), "{style:?}: {:?}", listing.how);
    }
}

#[tokio::test]
async fn without_pages_the_array_is_read() {
    for code in NO_SUCH_ACTION {
        let builder = gateway(IgdVersion::V2, ten());
        let gateway = builder
            .on_action("GetListOfPortMappings", move |_, _| ScriptedReply::fault(code, "No"))
            .start_on_loopback();
        let listing = mappings(&gateway).await.unwrap();
        assert_all(&listing, &gateway, &format!("pages refused with {code}"));
        assert!(matches!(listing.how, How::Indices { .. }), "{:?}", listing.how);
        assert_eq!(gateway.calls("GetListOfPortMappings").len(), 1);
    }
    let builder = gateway(IgdVersion::V2, ten());
    let gateway = builder
        .on_action("GetListOfPortMappings", |_, _| {
            ScriptedReply::answer([("NewPortListing", "<p:PortMappingList><broken")])
        })
        .start_on_loopback();
    let listing = mappings(&gateway).await.unwrap();
    assert_all(&listing, &gateway, "broken pages");
}

#[tokio::test]
async fn an_array_that_shifts_while_it_is_read_is_read_again() {
    for igd in [IgdVersion::V1, IgdVersion::V2] {
        let builder = gateway(igd, ten()).misbehave(Misbehaviour::ShiftsAfterReads(5));
        let gateway = builder
            .misbehave(Misbehaviour::ActionMissing("GetListOfPortMappings"))
            .start_on_loopback();
        let listing = mappings(&gateway).await.unwrap();
        assert_eq!(gateway.mappings().len(), 9);
        assert_all(&listing, &gateway, &format!("{igd:?}"));
    }
}

#[tokio::test]
async fn entries_of_others_that_are_hidden_are_counted() {
    let own = (0..5).map(|index| PortMapping::new("TCP", 9000 + index, LOCAL, 80));
    let gateway = gateway(IgdVersion::V1, ten().into_iter().chain(own))
        .misbehave(Misbehaviour::HidesOthersEntries)
        .start_on_loopback();
    let listing = mappings(&gateway).await.unwrap();
    let ports: Vec<u16> = listing.entries.iter().map(|entry| entry.external_port).collect();
    assert_eq!(ports, [9000, 9001, 9002, 9003, 9004]);
    assert_eq!((listing.skipped, listing.total, listing.complete), (10, Some(15), true));
}

#[tokio::test]
async fn clients_are_listed_as_the_gateway_calls_them() {
    for (igd, name) in [
        (IgdVersion::V1, "printer.lan"),
        (IgdVersion::V2, "printer.lan"),
        (IgdVersion::V1, ""),
        (IgdVersion::V2, ""),
    ] {
        let builder = gateway(igd, ten()).misbehave(Misbehaviour::ListsClientsAs(name));
        let listing = mappings(&builder.start_on_loopback()).await.unwrap();
        let names: BTreeSet<&str> = listing
            .entries
            .iter()
            .map(|entry| entry.internal_client.as_str())
            .collect();
        assert_eq!(names, BTreeSet::from([name]));
        assert_eq!(listing.entries.len(), 10);
    }
}

#[tokio::test]
async fn an_entry_that_makes_no_sense_is_left_out_and_counted() {
    let gateway = gateway(IgdVersion::V1, ten())
        .on_action("GetGenericPortMappingEntry", |call, _| {
            match call.argument("NewPortMappingIndex") {
                Some("3") => ScriptedReply::answer([("NewExternalPort", "-48059"), ("NewProtocol", "GRE")]),
                _ => ScriptedReply::Pass,
            }
        })
        .start_on_loopback();
    let listing = mappings(&gateway).await.unwrap();
    assert_eq!((listing.entries.len(), listing.skipped, listing.complete), (9, 1, true));
}

#[tokio::test]
async fn a_connection_over_ppp_is_listed_by_index() {
    let builder = ScriptedGateway::builder().connection(Connection::ppp("11.11.11.2"));
    let gateway = ten()
        .into_iter()
        .fold(builder, ScriptedGatewayBuilder::mapping)
        .start_on_loopback();
    let listing = mappings(&gateway).await.unwrap();
    assert_all(&listing, &gateway, "WANPPPConnection");
    assert_eq!(listing.how, How::Indices { requests: 11 });
}

#[tokio::test]
async fn leases_are_what_is_left_of_them() {
    for igd in [IgdVersion::V1, IgdVersion::V2] {
        let gateway = gateway(igd, [mapping("TCP", 80), mapping("TCP", 443).lease(3600)]).start_on_loopback();
        gateway.advance(Duration::from_secs(600));
        let listing = mappings(&gateway).await.unwrap();
        assert_eq!(listing.entries[0].lease, None);
        let left = listing.entries[1].lease.unwrap().as_secs();
        assert!((2990..=3000).contains(&left), "{left} seconds");
    }
}

#[tokio::test]
async fn a_gateway_that_does_not_tell_how_many_there_are_is_listed_too() {
    for igd in [IgdVersion::V1, IgdVersion::V2] {
        let builder = gateway(igd, ten()).page_limit(3);
        let gateway = builder
            .on_action("QueryStateVariable", |_, _| ScriptedReply::fault(401, "Invalid Action"))
            .start_on_loopback();
        let listing = mappings(&gateway).await.unwrap();
        assert_all(&listing, &gateway, &format!("{igd:?}"));
        assert_eq!(listing.total, None);
    }
}

#[tokio::test]
async fn a_gateway_that_falls_silent_is_an_error() {
    let gateway = gateway(IgdVersion::V1, ten())
        .misbehave(Misbehaviour::HangsUp(On::Action("GetGenericPortMappingEntry")))
        .start_on_loopback();
    let error = mappings(&gateway).await.unwrap_err();
    assert!(matches!(error, Error::Conversation(_)), "{error:?}");
}

#[tokio::test]
async fn a_gateway_that_lists_nothing_at_all_says_why() {
    let gateway = gateway(IgdVersion::V1, ten())
        .misbehave(Misbehaviour::ActionMissing("GetGenericPortMappingEntry"))
        .start_on_loopback();
    let Err(Error::Refused(refusal)) = mappings(&gateway).await else {
        panic!("it was listed");
    };
    assert_eq!(
        (refusal.code, refusal.action.as_str()),
        (401, "GetGenericPortMappingEntry")
    );
}
