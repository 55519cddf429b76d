//! Files of every kind of size: empty, inline, one chunk, many.

use super::User;
use crate::content::{self, MIB};

const SIZES: [usize; 8] = [0, 1, 64 << 10, (64 << 10) + 1, MIB - 1, MIB, MIB + 1, 70 * MIB + 12_345];

/// From a file and from a pipe, to a file, to standard output and by `cat`: the bytes are the same, and `stat` tells
/// their size and BLAKE3.
#[test]
fn there_and_back() {
    let user = User::new();
    for (size, seed) in SIZES.into_iter().zip(1_000..) {
        let content = content::bytes(seed, size);
        let hash = content::write(&user.path("file"), seed, size);
        let (from_file, from_pipe) = (format!("sizes/{size}"), format!("sizes/{size}-piped"));
        assert_eq!(user.run(&["put", "file", &from_file]).ok().text(), format!("{from_file}\n"));
        assert_eq!(user.feed(&["put", "-", &from_pipe], &content).ok().text(), format!("{from_pipe}\n"));
        for name in [&from_file, &from_pipe] {
            let stat = user.run(&["stat", "--json", name]).ok().json().remove(0);
            assert_eq!((stat["size"].as_u64(), stat["blake3"].as_str()), (Some(size as u64), Some(&*hash)));
            assert_eq!(user.run(&["get", name, "back"]).ok().text(), "back\n");
            assert_eq!(content::hash_of(&user.path("back")), hash, "{name} by get");
        }
        assert!(user.run(&["get", &from_pipe, "-"]).ok().stdout == content, "{from_pipe} by get -");
        assert!(user.run(&["cat", &from_file, &from_file]).ok().stdout == content.repeat(2), "by cat, twice");
    }
    assert_eq!(user.files(), ["back", "file"], "nothing else is left behind");
}
