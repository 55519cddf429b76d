//! How things look: no wider than the terminal; colours for people only.

use super::{COLUMNS, Terminal, lines};
use crate::usage::User;

/// What `status`, `nodes`, `ls`, `stat`, `du` and errors say fits the terminal.
#[test]
fn fits() {
    let user = User::new();
    std::fs::write(user.path("a"), "a").unwrap();
    user.run(&["put", "a", "looks/folder/a"]).ok();
    for args in [
        &["status"][..],
        &["nodes"],
        &["ls", "-r", "looks/"],
        &["ls", "looks/"],
        &["du", "looks/"],
        &["stat", "looks/folder/a"],
        &["--help"],
        &["put", "--help"],
    ] {
        let (code, raw) = Terminal::start(&user.command(args)).ends();
        assert_eq!(code, 0, "{args:?}: {raw}");
        for line in lines(&raw) {
            assert!(line.chars().count() <= COLUMNS.into(), "{args:?}: {line:?}");
        }
    }
}

/// On a terminal `status` may have colours; with `NO_COLOR`, or in a pipe, it has none.
#[test]
fn colours() {
    let user = User::new();
    let coloured = |raw: &str| raw.contains("\u{1b}[1;3");
    let mut status = user.command(&["status"]);
    let (_, raw) = Terminal::start(&status).ends();
    assert!(coloured(&raw), "{raw:?}");
    status.env("NO_COLOR", "1");
    let (_, raw) = Terminal::start(&status).ends();
    assert!(!coloured(&raw), "{raw:?}");
    assert!(!coloured(&user.run(&["status"]).text()));
}
