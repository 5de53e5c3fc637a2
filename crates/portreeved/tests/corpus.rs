//! Replays the committed corpus of the HTTP fuzz target, so that a finding stays fixed without a fuzzer at hand.

use std::fs;
use std::path::Path;

#[path = "../../../fuzz/checks/http_head.rs"]
mod http_head;

#[test]
fn http_head_corpus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/http_head");
    let mut files = 0;
    for entry in fs::read_dir(&folder).expect("the corpus is committed") {
        let path = entry.expect("the folder can be read").path();
        // Names the file if the check panics.
        println!("{}", path.display());
        http_head::check(&fs::read(&path).expect("the file can be read"));
        files += 1;
    }
    assert!(files > 0, "no corpus in {}", folder.display());
}
