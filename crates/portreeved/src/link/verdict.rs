//! What hooks say, in the engine's terms: the contract that the documented sample of the configuration states.

use portreeve_engine::link::{DriverReport, LastConnectionError};

/// Exit statuses and what they mean, with pppd's meanings as far as pppd has any.
const CAUSES: &[(i32, LastConnectionError)] = &[
    (10, LastConnectionError::PppNegotiation),
    (11, LastConnectionError::Authentication),
    (15, LastConnectionError::IspTimeOut),
    (16, LastConnectionError::NoCarrier),
    (19, LastConnectionError::Authentication),
    (20, LastConnectionError::NoCarrier),
    (21, LastConnectionError::IpConfiguration),
    (22, LastConnectionError::DnsFailure),
    (23, LastConnectionError::AddressConflict),
    (24, LastConnectionError::IspTimeOut),
];

/// Why a hook that did not exit with 0 has failed: the first word of its output if that is a value of
/// LastConnectionError, else its exit status; none where it was ended by a signal.
pub(super) fn cause(exit_status: Option<i32>, output: &str) -> LastConnectionError {
    let word = first_line(output).split_whitespace().next().unwrap_or_default();
    if word.starts_with("ERROR_") {
        return named(word).unwrap_or(LastConnectionError::Unknown);
    }
    let known = CAUSES.iter().find(|(status, _)| Some(*status) == exit_status);
    known.map_or(LastConnectionError::Unknown, |(_, cause)| *cause)
}

/// What a status hook reports; none if that is not a state.
pub(super) fn state(output: &str) -> Option<DriverReport> {
    let mut words = first_line(output).split_whitespace();
    match words.next()? {
        "connected" => Some(DriverReport::Connected),
        "connecting" => Some(DriverReport::Connecting),
        "disconnected" => {
            let why = words
                .next()
                .map(|word| named(word).unwrap_or(LastConnectionError::Unknown));
            Some(DriverReport::Disconnected(why))
        }
        _ => None,
    }
}

/// A value that tells a cause.
fn named(word: &str) -> Option<LastConnectionError> {
    LastConnectionError::named(word).filter(|error| *error != LastConnectionError::None)
}

fn first_line(output: &str) -> &str {
    output
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_tells_the_cause_before_the_exit_status() {
        for error in &LastConnectionError::ALL[1..] {
            assert_eq!(
                cause(Some(1), &format!("\n {} at 12:00\nERROR_UNKNOWN", error.name())),
                *error
            );
        }
        assert_eq!(cause(Some(19), "ERROR_NO_CARRIER"), LastConnectionError::NoCarrier);
        assert_eq!(cause(Some(19), "ERROR_SUN_SPOTS"), LastConnectionError::Unknown);
        assert_eq!(cause(Some(19), "ERROR_NONE"), LastConnectionError::Unknown);
        assert_eq!(cause(Some(19), "wrong password"), LastConnectionError::Authentication);
        assert_eq!(cause(Some(1), ""), LastConnectionError::Unknown);
        assert_eq!(cause(None, ""), LastConnectionError::Unknown);
    }

    #[test]
    fn the_sample_of_the_configuration_names_every_exit_status_with_its_meaning() {
        let sample = include_str!("../../../../packaging/portreeved.toml");
        let words: Vec<&str> = sample.split([' ', ',', '\n']).filter(|word| !word.is_empty()).collect();
        let number = |word: &&&str| word.parse::<i32>().is_ok();
        // Between an exit status and its meaning are others of the same meaning at most.
        let told = |status: i32, name: &str| {
            let mut places = (0..words.len()).filter(|place| words[*place] == status.to_string());
            places.any(|place| words[place..].iter().find(|word| !number(word)) == Some(&name))
        };
        for (status, error) in CAUSES {
            assert!(told(*status, error.name()), "{status} {}", error.name());
        }
    }

    #[test]
    fn a_state_is_one_of_three_words() {
        use DriverReport::{Connected, Connecting, Disconnected};
        for (output, report) in [
            ("connected\n", Some(Connected)),
            ("\n connected since noon\n", Some(Connected)),
            ("connecting", Some(Connecting)),
            ("disconnected", Some(Disconnected(None))),
            (
                "disconnected ERROR_DNS_FAILURE",
                Some(Disconnected(Some(LastConnectionError::DnsFailure))),
            ),
            (
                "disconnected badly",
                Some(Disconnected(Some(LastConnectionError::Unknown))),
            ),
            ("Connected", None),
            ("up", None),
            ("", None),
        ] {
            assert_eq!(state(output), report, "{output:?}");
        }
    }
}
