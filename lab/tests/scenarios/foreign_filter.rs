//! Another firewall on the same machine.

use std::time::Duration;

use portreeve_lab::Bed;
use portreeve_testkit::Echo;

use crate::support::{bed, fresh, idle, is_served_by, port_of, ruleset, soon};

const DROPS_BY_POLICY: &str =
    "table inet theirs { chain guard { type filter hook forward priority 10; policy drop; }; }";
const DROPS_AT_THE_END: &str = "table ip theirs { \
     chain guard { type filter hook forward priority 10; policy accept; ct state established accept; counter drop; }; }";

/// What connections through mappings have, which the remedy lets pass.
const MAPPED: &str = "ct status dnat";

/// The command that the daemon's log recommends for mappings; for pinholes it has another.
#[track_caller]
fn remedy(bed: &Bed) -> String {
    let log = bed.subject().log();
    let is_meant = |line: &&str| line.contains("nft insert rule") && line.contains(MAPPED);
    let advice: Vec<&str> = log.lines().filter(is_meant).collect();
    let [line] = advice.as_slice() else {
        panic!("{} lines of advice in\n{log}", advice.len());
    };
    assert!(
        line.contains("theirs") && line.contains("guard"),
        "it names table and chain: {line}"
    );
    let start = line.find("nft insert rule").expect("it is there");
    let end = line.rfind("accept").expect("the rule accepts") + "accept".len();
    line[start..end].to_owned()
}

#[track_caller]
fn drops_until_the_remedy_is_applied(bed: &Bed, theirs: &str) {
    let client = bed.client(1);
    let mapping = fresh(bed, &client);
    let _echo = Echo::tcp(client.host(), port_of(&mapping));
    client.add(&mapping).expect("a free port");
    assert!(!is_served_by(bed, port_of(&mapping), "lan1"), "their filter drops");
    soon(bed, "the log tells who drops", || bed.subject().log().contains(MAPPED));
    let before = ruleset(bed);
    assert!(before.contains(theirs), "their table is as they made it:\n{before}");

    let remedy = remedy(bed);
    bed.gateway().command("sh", ["-c", &remedy]).success();
    assert!(
        is_served_by(bed, port_of(&mapping), "lan1"),
        "after `{remedy}` bytes pass"
    );
}

#[test]
fn a_filter_that_is_there_at_start_is_named_with_its_remedy() {
    let Some(bed) = idle(&[]) else { return };
    bed.gateway().nft(DROPS_BY_POLICY);
    bed.start();
    drops_until_the_remedy_is_applied(&bed, "policy drop;");
}

#[test]
fn a_filter_that_comes_later_is_named_with_its_remedy() {
    let Some(bed) = bed(&[]) else { return };
    bed.gateway().nft(DROPS_BY_POLICY);
    drops_until_the_remedy_is_applied(&bed, "policy drop;");
}

#[test]
fn a_filter_whose_last_rule_drops_is_named_with_its_remedy() {
    let Some(bed) = idle(&[]) else { return };
    bed.gateway().nft(DROPS_AT_THE_END);
    bed.start();
    drops_until_the_remedy_is_applied(&bed, "drop");
}

#[test]
fn a_filter_that_lets_mapped_packets_pass_gets_no_advice() {
    let Some(bed) = idle(&[]) else { return };
    bed.gateway().nft(
        "table inet theirs { \
         chain guard { type filter hook forward priority 10; policy drop; ct status dnat accept; \
         ct mark and 0x10000000 != 0 accept; }; }",
    );
    bed.start();
    let client = bed.client(1);
    let mapping = fresh(&bed, &client);
    let _echo = Echo::tcp(client.host(), port_of(&mapping));
    client.add(&mapping).expect("a free port");
    assert!(is_served_by(&bed, port_of(&mapping), "lan1"));
    // Long enough for advice that is given after a look at the rules.
    std::thread::sleep(Duration::from_millis(300));
    assert!(
        !bed.subject().log().contains("nft insert rule"),
        "{}",
        bed.subject().log()
    );
}

#[test]
fn other_tables_are_never_touched() {
    let Some(bed) = idle(&[]) else { return };
    bed.gateway().nft(
        "table inet theirs { set s { type ipv4_addr; elements = { 192.0.2.1 }; }; \
         chain guard { type filter hook input priority 0; policy accept; ip saddr @s counter drop; }; }\n\
         table ip nat { chain post { type nat hook postrouting priority srcnat; policy accept; oifname \"wan0\" masquerade; }; }",
    );
    let before = ruleset(&bed);
    bed.start();
    let client = bed.client(1);
    client.add(&fresh(&bed, &client)).expect("a free port");
    for table in [["inet", "theirs"], ["ip", "nat"]] {
        let listed = bed
            .gateway()
            .command("nft", ["list", "table", table[0], table[1]])
            .success();
        assert!(before.contains(&listed), "{listed}\nis not in\n{before}");
    }
}
