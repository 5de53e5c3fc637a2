//! Replays the committed corpora of the fuzz targets, so that a finding stays fixed without a fuzzer at hand.

use std::fs;
use std::path::Path;

#[path = "../../../fuzz/checks/description.rs"]
mod description;
#[path = "../../../fuzz/checks/gena.rs"]
mod gena;
#[path = "../../../fuzz/checks/nat_pmp.rs"]
mod nat_pmp;
#[path = "../../../fuzz/checks/pcp.rs"]
mod pcp;
#[path = "../../../fuzz/checks/scpd.rs"]
mod scpd;
#[path = "../../../fuzz/checks/soap.rs"]
mod soap;
#[path = "../../../fuzz/checks/soap_reply.rs"]
mod soap_reply;
#[path = "../../../fuzz/checks/ssdp.rs"]
mod ssdp;

fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
    let mut files = 0;
    for entry in fs::read_dir(&folder).expect("the corpus is committed") {
        let path = entry.expect("the folder can be read").path();
        // Names the file if the check panics.
        println!("{}", path.display());
        check(&fs::read(&path).expect("the file can be read"));
        files += 1;
    }
    assert!(files > 0, "no corpus in {}", folder.display());
}

#[test]
fn ssdp_corpus() {
    replay("ssdp", ssdp::check);
}

#[test]
fn soap_corpus() {
    replay("soap", soap::check);
}

#[test]
fn soap_reply_corpus() {
    replay("soap_reply", soap_reply::check);
}

#[test]
fn description_corpus() {
    replay("description", description::check);
}

#[test]
fn scpd_corpus() {
    replay("scpd", scpd::check);
}

#[test]
fn gena_corpus() {
    replay("gena", gena::check);
}

#[test]
fn pcp_corpus() {
    replay("pcp", pcp::check);
}

#[test]
fn nat_pmp_corpus() {
    replay("nat_pmp", nat_pmp::check);
}
