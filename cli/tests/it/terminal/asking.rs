//! Questions.

use super::{Terminal, lines};
use crate::usage::User;

/// `rm -r` says how much it would remove and asks; only a clear yes removes.
#[test]
fn before_a_folder_is_removed() {
    let user = User::new();
    std::fs::create_dir(user.path("mine")).unwrap();
    for name in ["a", "b"] {
        std::fs::write(user.path("mine").join(name), name).unwrap();
    }
    user.run(&["put", "-r", "mine/", "asked/x/"]).ok();
    for (answer, code, left) in [("n\n", 1, 2), ("\n", 1, 2), ("\u{3}", 130, 2), ("y\n", 0, 0)] {
        let mut terminal = Terminal::start(&user.command(&["rm", "-r", "asked/x/"]));
        terminal.shows("[y/N]");
        terminal.types(answer);
        let (ended, raw) = terminal.ends();
        assert_eq!(ended, code, "{answer:?}: {raw}");
        assert!(lines(&raw)[0].contains("2 files"), "{raw}");
        assert_eq!(user.run(&["find", "asked/x/*", "--json"]).text().lines().count(), left, "{answer:?}");
    }
}
