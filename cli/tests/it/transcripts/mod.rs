//! What a user types and what is answered, word for word: help, listings, errors, exit codes. `TRYCMD=overwrite` writes the
//! transcripts anew, to be read before they are committed; `[..]` stands for what differs each time.

use crate::usage::User;

fn transcripts() -> trycmd::TestCases {
    let cases = trycmd::TestCases::new();
    cases.register_bin("gossamer", std::path::PathBuf::from(env!("CARGO_BIN_EXE_gossamer")));
    for (name, value) in
        [("COLUMNS", "80"), ("NO_COLOR", "1"), ("HOME", "/nonexistent"), ("GOSSAMER_TOKEN", "")]
    {
        cases.env(name, value);
    }
    cases
}

/// What is answered where there is no cluster: help, and what makes no sense.
#[test]
fn without_a_cluster() {
    let cases = transcripts();
    cases.env("GOSSAMER_QUEUE", "127.0.0.1:1");
    cases.case("tests/it/transcripts/help.trycmd").case("tests/it/transcripts/usage.trycmd");
    cases.run();
}

/// Files and folders put, looked at, moved, fetched and removed.
#[test]
fn files() {
    let user = User::new();
    let cases = transcripts();
    cases.env("GOSSAMER_QUEUE", user.cluster.queue_addrs());
    cases.case("tests/it/transcripts/files.trycmd").case("tests/it/transcripts/errors.trycmd");
    cases.run();
}
