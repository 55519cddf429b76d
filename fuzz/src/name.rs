//! Names: what passes never leads out of anything, even if somebody made a path of it.

use std::path::{Component, Path};

use gossamer_proto::limits::NAME_BYTES;
use gossamer_proto::name::{
    check, check_copy, check_entry, check_prefix, complete, complete_entry, is_folder,
};

/// The input: a name, as typed.
pub fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(full) = complete(&text) {
        assert_eq!(check(&full), Ok(()));
        assert_eq!(complete(&full).as_ref(), Ok(&full), "what is complete stays as it is");
        is_sound(&full);
    }
    if check(&text).is_ok() {
        is_sound(&text);
    }
    if let Ok(entry) = complete_entry(&text) {
        assert_eq!(check_entry(&entry), Ok(()));
        is_sound(entry.strip_suffix('/').unwrap_or(&entry));
        assert!(check_copy(&entry, &entry).is_err());
    }
    if is_folder(&text) && check_entry(&text).is_ok() {
        assert!(check(&text).is_err(), "no folder passes for a file");
    }
}

fn is_sound(name: &str) {
    assert!(name.len() <= NAME_BYTES && !name.chars().any(char::is_control));
    let normal = |component| matches!(component, Component::Normal(_));
    assert!(Path::new(name).components().all(normal) && !name.ends_with('/'), "{name:?} leads elsewhere");
    assert_eq!(Path::new(name).components().count(), name.split('/').count());
    for (at, _) in name.char_indices() {
        assert_eq!(check_prefix(&name[..at]), Ok(()), "a listing may ask for {:?}", &name[..at]);
    }
}
