//! Tests on a loopback interface of their own: a network namespace that ends with the test's thread.

use std::future::Future;
use std::process::Command;

use nix::sched::{CloneFlags, unshare};

/// Runs a test where nobody else has a port, if that is possible. 10.9.9.9 is there too, as the address of a stranger.
pub(crate) fn alone<F: Future<Output = ()>>(what: &str, test: impl FnOnce() -> F + Send + 'static) {
    if portreeve_testkit::require_root(what).is_none() {
        return;
    }
    let thread = std::thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNET).expect("root may make a network namespace");
        for arguments in [
            ["link", "set", "lo", "up"].as_slice(),
            &["address", "add", "10.9.9.9/32", "dev", "lo"],
        ] {
            assert!(Command::new("ip").args(arguments).status().unwrap().success());
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(test());
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}
