#![no_main]

#[path = "../checks/nat_pmp.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::check(data));
