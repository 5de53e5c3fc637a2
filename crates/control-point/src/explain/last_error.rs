//! Values of LastConnectionError: those of the standard by name, those of vendors by the words in them.

use super::{Explanation, Text, quoted};

/// Explains a value.
pub(super) fn explain(text: &str) -> Explanation {
    let value = text.trim();
    if let Some((_, known)) = STANDARD.iter().find(|(name, _)| value.eq_ignore_ascii_case(name)) {
        return (*known).into();
    }
    let words = words(value);
    let Some(family) = FAMILIES.iter().find(|family| (family.is)(&words)) else {
        return Explanation::new(
            "connection-vendor-error",
            format!(
                "The router gives a reason that only its maker can explain: {}.",
                quoted(value)
            ),
            "Look for these words in the router's log, in its manual or with its maker.",
        );
    };
    let mut explanation = Explanation::from(family.text);
    explanation.problem += &format!(" It calls this {}.", quoted(value));
    explanation
}

/// Values of WANIPConnection:2 table 2-4 and of WANPPPConnection:1 table 3.
const STANDARD: &[(&str, Text)] = &[
    value(
        "",
        "connection-error-untold",
        "The router tells nothing about why its connection ended.",
        "Look at the router's log, and restart the router if the connection does not come back by itself.",
    ),
    value(
        "ERROR_NONE",
        "connection-error-none",
        "The router reports no error of its internet connection.",
        "If there is no connection all the same, start it in the router's pages or with `portreeve link connect`.",
    ),
    value(
        "ERROR_ISP_TIME_OUT",
        "connection-isp-timeout",
        "The provider did not answer in time when the router tried to connect.",
        "Wait a few minutes. If it stays so, switch the modem off and on, and ask the provider about an outage.",
    ),
    value(
        "ERROR_COMMAND_ABORTED",
        "connection-command-aborted",
        "Connecting to the internet was stopped before it had succeeded.",
        "Start the connection again, in the router's pages or with `portreeve link connect`.",
    ),
    value(
        "ERROR_NOT_ENABLED_FOR_INTERNET",
        "connection-not-enabled",
        "Internet access is switched off in the router, so it does not connect.",
        "Switch it on in the router's pages, and look for a schedule or parental control that switches it off.",
    ),
    value(
        "ERROR_BAD_PHONE_NUMBER",
        "connection-bad-phone-number",
        "The telephone number with which the router dials in is wrong.",
        "Correct the number in the router's pages.",
    ),
    value(
        "ERROR_USER_DISCONNECT",
        "connection-user-disconnect",
        "Somebody ended the internet connection, in the router's pages or with a program.",
        "Start it again there, or with `portreeve link connect`.",
    ),
    value(
        "ERROR_ISP_DISCONNECT",
        "connection-isp-disconnect",
        "The provider ended the connection.",
        "Most routers connect again by themselves within minutes. If not, restart the router, then ask the provider \
         about an outage or about your contract.",
    ),
    value(
        "ERROR_IDLE_DISCONNECT",
        "connection-idle-disconnect",
        "The router ended its internet connection because nobody used it for a while.",
        "Open any web page to bring it back. To stay reachable from outside, set the router to be always connected.",
    ),
    value(
        "ERROR_FORCED_DISCONNECT",
        "connection-forced-disconnect",
        "A program or the router's owner forced the internet connection to end at once.",
        "Start it again in the router's pages or with `portreeve link connect`, and find out which program did it.",
    ),
    value(
        "ERROR_SERVER_OUT_OF_RESOURCES",
        "connection-server-out-of-resources",
        "The provider's server has no place free for another customer now.",
        "Wait and try again later; tell the provider if it happens often.",
    ),
    value(
        "ERROR_RESTRICTED_LOGON_HOURS",
        "connection-restricted-hours",
        "The contract with the provider does not allow connecting at this hour.",
        "Wait for the allowed hours, or ask the provider to change the contract.",
    ),
    value(
        "ERROR_ACCOUNT_DISABLED",
        "connection-account-disabled",
        "The provider has blocked the account with which the router logs in.",
        "Call the provider: often a bill is open.",
    ),
    value(
        "ERROR_ACCOUNT_EXPIRED",
        "connection-account-expired",
        "The account with which the router logs in to the provider has run out.",
        "Renew the contract, or enter the new account in the router's pages.",
    ),
    value(
        "ERROR_PASSWORD_EXPIRED",
        "connection-password-expired",
        "The password with which the router logs in to the provider has run out.",
        "Get a new password from the provider and enter it in the router's pages.",
    ),
    value(
        "ERROR_AUTHENTICATION_FAILURE",
        "connection-authentication-failure",
        "The provider did not accept the user name or the password of the router.",
        "Enter both again in the router's pages, exactly as in the provider's letter; some need a suffix after an @.",
    ),
    value(
        "ERROR_NO_DIALTONE",
        "connection-no-dialtone",
        "The router hears no dial tone on the telephone line.",
        "Check the telephone cable, and whether a telephone on this line works.",
    ),
    value(
        "ERROR_NO_CARRIER",
        "connection-no-carrier",
        "No signal arrives on the line to the provider: the cable, the modem or the line is dead.",
        "Check that the cable to the modem or wall socket is plugged in at both ends and that the modem is on, wait \
         two minutes, then ask the provider about an outage.",
    ),
    value(
        "ERROR_NO_ANSWER",
        "connection-no-answer",
        "The number that the router dials does not answer.",
        "Check the number in the router's pages, and ask the provider about an outage.",
    ),
    value(
        "ERROR_LINE_BUSY",
        "connection-line-busy",
        "The number that the router dials is busy.",
        "Wait a few minutes; the router dials again.",
    ),
    value(
        "ERROR_UNSUPPORTED_BITSPERSECOND",
        "connection-unsupported-speed",
        "The router's modem and the provider's do not agree on a speed.",
        "Set the speed to automatic in the router's pages, or ask the provider which one the line supports.",
    ),
    value(
        "ERROR_TOO_MANY_LINE_ERRORS",
        "connection-too-many-line-errors",
        "The line to the provider is so noisy that the connection broke.",
        "Try another cable without extensions or splitters, then have the provider measure the line.",
    ),
    value(
        "ERROR_IP_CONFIGURATION",
        "connection-ip-configuration",
        "The line works, but the router did not get a valid internet address from the provider (DHCP failed or its \
         address settings are wrong).",
        "Restart the modem, then the router. If addresses were entered by hand, compare them with the provider's \
         letter; some providers know the router by its MAC address and must be told of a new one.",
    ),
    value(
        "ERROR_UNKNOWN",
        "connection-error-unknown",
        "The router does not know why its internet connection failed.",
        "Look at the router's log, then restart the modem and the router.",
    ),
];

const fn value(
    name: &'static str,
    code: &'static str,
    problem: &'static str,
    remedy: &'static str,
) -> (&'static str, Text) {
    (name, Text { code, problem, remedy })
}

/// Values of vendors that mean about the same.
struct Family {
    /// Whether a value of these words belongs to it.
    is: fn(&[String]) -> bool,
    /// What it means.
    text: Text,
}

/// Vendors' values: the first that fits is taken, so that a login that fails within PPP is a matter of the login.
const FAMILIES: &[Family] = &[
    Family {
        is: |words| {
            begins(words, &["conflict", "duplicate"]) && begins(words, &["ip", "addr", "arp", "dad"])
                || begins(
                    words,
                    &["ipconflict", "addressconflict", "duplicateaddress", "duplicateip"],
                )
        },
        text: Text {
            code: "connection-address-conflict",
            problem: "Another device already uses the internet address that the router was given.",
            remedy: "Restart the router so that it gets another address. If addresses were entered by hand, correct \
                     them; if two routers share one line, unplug one.",
        },
    },
    Family {
        is: |words| {
            begins(
                words,
                &[
                    "auth",
                    "pap",
                    "chap",
                    "mschap",
                    "eap",
                    "password",
                    "passwd",
                    "credential",
                    "login",
                    "logon",
                    "username",
                    "account",
                    "radius",
                ],
            )
        },
        text: Text {
            code: "connection-login-refused",
            problem: "Logging in to the provider failed.",
            remedy: "Enter user name and password again in the router's pages, exactly as in the provider's letter. \
                     If they are right, ask the provider whether the account is blocked.",
        },
    },
    Family {
        is: |words| begins(words, &["dns", "resolv", "nameserver", "hostname"]),
        text: Text {
            code: "connection-dns-failure",
            problem: "The router is connected but cannot look up names on the internet (DNS, the directory that \
                      turns names into addresses, does not answer).",
            remedy: "Enter another DNS server in the router's pages, for instance 9.9.9.9 or 1.1.1.1, or have it take \
                     the provider's.",
        },
    },
    Family {
        is: |words| {
            begins(
                words,
                &[
                    "ppp", "pppoe", "pppoa", "lcp", "ipcp", "ncp", "padi", "pado", "padr", "pads", "padt", "l2tp",
                    "pptp",
                ],
            )
        },
        text: Text {
            code: "connection-ppp-negotiation",
            problem: "The router and the provider did not come to terms about the connection (PPP, the protocol of \
                      dial-in and most DSL lines, was not agreed on).",
            remedy: "Check in the router's pages that the type of access is the provider's (PPPoE or DHCP) and the \
                     VLAN number if it names one; switch the modem off for ten minutes, since an old session may \
                     still be open at the provider.",
        },
    },
    Family {
        is: |words| begins(words, &["dhcp", "bootp", "lease", "ipconfig", "noip", "gateway"]),
        text: Text {
            code: "connection-no-address",
            problem: "The provider gave the router no internet address (DHCP, by which addresses are handed out, \
                      failed).",
            remedy: "Restart the modem, then the router. Some providers know the router by its MAC address and must \
                     be told of a new one.",
        },
    },
    Family {
        is: |words| {
            begins(
                words,
                &[
                    "carrier",
                    "link",
                    "cable",
                    "dsl",
                    "adsl",
                    "vdsl",
                    "sync",
                    "signal",
                    "physical",
                    "phy",
                    "media",
                    "unplugged",
                    "los",
                    "ont",
                    "pon",
                    "sim",
                    "modem",
                ],
            )
        },
        text: Text {
            code: "connection-line-down",
            problem: "The line to the provider is down.",
            remedy: "Check the cable to the modem or wall socket and the modem's lights, wait two minutes, then ask \
                     the provider about an outage.",
        },
    },
    Family {
        is: |words| begins(words, &["timeout", "timedout", "timed"]) || follow(words, "time", "out"),
        text: Text {
            code: "connection-timeout",
            problem: "Something on the provider's side did not answer in time.",
            remedy: "Wait a few minutes, restart modem and router, then ask the provider about an outage.",
        },
    },
    Family {
        is: |words| {
            begins(
                words,
                &["user", "manual", "admin", "idle", "schedule", "policy", "ondemand"],
            )
        },
        text: Text {
            code: "connection-ended-on-purpose",
            problem: "The internet connection was ended on purpose: by a person, by a schedule or because nobody \
                      used it.",
            remedy: "Start it again in the router's pages, and set it there to be always connected.",
        },
    },
    Family {
        is: |words| begins(words, &["isp", "provider", "peer", "remote", "server"]),
        text: Text {
            code: "connection-provider",
            problem: "The trouble is on the provider's side.",
            remedy: "Wait a few minutes and restart the router; if it stays so, ask the provider.",
        },
    },
];

/// The words of a value, in lower case: vendors write ERROR_DNS_FAILURE, DnsFailure, PPPoE and "DNS failure". Of words
/// that are written together, the whole is given too.
fn words(value: &str) -> Vec<String> {
    let short: String = value.chars().take(200).collect();
    let mut words = Vec::new();
    for run in short
        .split(|c: char| !c.is_alphanumeric())
        .filter(|run| !run.is_empty())
    {
        let chars: Vec<char> = run.chars().collect();
        let mut start = 0;
        for at in 1..chars.len() {
            let after_small = chars[at].is_uppercase() && chars[at - 1].is_lowercase();
            let ends_capitals = chars[at].is_uppercase() && chars.get(at + 1).is_some_and(|next| next.is_lowercase());
            if after_small || ends_capitals {
                words.push(chars[start..at].iter().collect::<String>().to_lowercase());
                start = at;
            }
        }
        if start > 0 {
            words.push(chars[start..].iter().collect::<String>().to_lowercase());
        }
        words.push(run.to_lowercase());
    }
    words
}

/// Whether a word is one of these, or, from four letters on, begins with one.
fn begins(words: &[String], beginnings: &[&str]) -> bool {
    words.iter().any(|word| {
        let is = |start: &&str| word == start || start.len() >= 4 && word.starts_with(start);
        beginnings.iter().any(is)
    })
}

/// Whether one word comes right after another.
fn follow(words: &[String], first: &str, second: &str) -> bool {
    words.windows(2).any(|pair| pair[0] == first && pair[1] == second)
}

#[cfg(test)]
pub(super) fn every_row() -> impl Iterator<Item = Text> {
    let standard = STANDARD.iter().map(|(_, text)| *text);
    standard.chain(FAMILIES.iter().map(|family| family.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_vendors_are_known_by_their_words() {
        for (value, code) in [
            ("ERROR_DNS_FAILURE", "connection-dns-failure"),
            ("DnsFailure", "connection-dns-failure"),
            ("DNS server unreachable", "connection-dns-failure"),
            ("ERROR_IP_ADDRESS_CONFLICT", "connection-address-conflict"),
            ("ERROR_ADDRESS_CONFLICT", "connection-address-conflict"),
            ("duplicate IP address detected", "connection-address-conflict"),
            ("ERROR_PPP_AUTH_FAILED", "connection-login-refused"),
            ("ERROR_CHAP_FAILURE", "connection-login-refused"),
            ("PPPoEAuthenticationFailed", "connection-login-refused"),
            ("wrong password", "connection-login-refused"),
            ("ERROR_PPP_NEGOTIATION", "connection-ppp-negotiation"),
            ("ERROR_PPPOE_TIMEOUT", "connection-ppp-negotiation"),
            ("ERROR_LCP_DOWN", "connection-ppp-negotiation"),
            ("PADI timeout", "connection-ppp-negotiation"),
            ("ERROR_DHCP_FAILURE", "connection-no-address"),
            ("ERROR_DSL_NOT_IN_SYNC", "connection-line-down"),
            ("Cable unplugged", "connection-line-down"),
            ("ERROR_TIMEOUT", "connection-timeout"),
            ("connect time out", "connection-timeout"),
            ("ERROR_IDLE_TIMER", "connection-ended-on-purpose"),
            ("ERROR_ISP_REJECT", "connection-provider"),
            ("ERROR_E17", "connection-vendor-error"),
        ] {
            assert_eq!(explain(value).code, code, "{value}");
        }
    }

    #[test]
    fn a_vendors_value_is_shown_quoted_and_clean() {
        let told = explain("ERROR_DNS\u{1b}]0;owned\u{7}");
        assert!(
            told.problem.ends_with("It calls this \"ERROR_DNS]0;owned\"."),
            "{}",
            told.problem
        );
        let told = explain("Fehler\n17");
        assert!(told.problem.ends_with("\"Fehler 17\"."), "{}", told.problem);
    }

    #[test]
    fn letter_case_and_space_do_not_matter() {
        assert_eq!(explain(" error_no_carrier "), explain("ERROR_NO_CARRIER"));
    }
}
