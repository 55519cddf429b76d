#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gossamer_fuzz::apply::run(bytes));
