use portreeve_lab::Bed;
use portreeve_lab::bytes::Protocol;
use portreeve_lab::port_control::pcp::{MAP, Map, Request, option, result};

use super::{client, refused};

fn map(bed: &Bed) -> Map {
    Map::new(Protocol::Udp, bed.port())
}

#[test]
fn an_unknown_option_below_128_is_unsupp_option() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    for code in [0, 63, 127] {
        let request = Request::map(client.address(), &map(&bed), 600).option(code, b"data");
        refused(&client, &request, result::UNSUPP_OPTION);
    }
}

#[test]
fn an_unknown_option_from_128_on_is_passed_over_and_not_returned() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let request = Request::map(client.address(), &map(&bed), 600)
        .option(224, b"host.example")
        .option(255, b"");
    let answer = client.ask_pcp(&request);
    answer.granted();
    assert_eq!(answer.options(MAP), [], "{:02x?}", answer.bytes());
}

#[test]
fn an_option_that_goes_beyond_the_end_is_malformed_option() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    for (code, length) in [(option::FILTER, 20), (224, 5), (255, u8::MAX)] {
        let mut request = Request::map(client.address(), &map(&bed), 600);
        request.payload.extend([code, 0, 0, length, 0, 0, 0, 0]);
        refused(&client, &request, result::MALFORMED_OPTION);
    }
}

#[test]
fn an_option_of_the_wrong_length_is_malformed_option() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let suggesting = map(&bed).suggesting(bed.port());
    for (code, length) in [(option::PREFER_FAILURE, 4), (option::FILTER, 4), (option::FILTER, 24)] {
        let request = Request::map(client.address(), &suggesting, 600).option(code, &vec![0; length]);
        refused(&client, &request, result::MALFORMED_OPTION);
    }
}

#[test]
fn an_option_that_may_be_there_once_is_malformed_option_when_repeated() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let request = Request::map(client.address(), &map(&bed).suggesting(bed.port()), 600)
        .option(option::PREFER_FAILURE, b"")
        .option(option::PREFER_FAILURE, b"");
    refused(&client, &request, result::MALFORMED_OPTION);
}

#[test]
fn options_that_were_processed_are_returned_in_order() {
    let Some(bed) = Bed::shared() else { return };
    let client = client(&bed, 1);
    let request = Request::map(client.address(), &map(&bed).suggesting(bed.port()), 600)
        .option(224, b"not for us")
        .option(option::PREFER_FAILURE, b"")
        .option(option::DESCRIPTION, b"lab");
    let answer = client.ask_pcp(&request);
    answer.granted();
    let expected = [
        (option::PREFER_FAILURE, Vec::new()),
        (option::DESCRIPTION, b"lab".to_vec()),
    ];
    assert_eq!(answer.options(MAP), expected);
}
