//! Names of a listing without what they have in common with the one before (front coding, as in Witten, Moffat and Bell,
//! *Managing Gigabytes*, chapter 4): of files deep in folders that is most of it.

use std::mem;

use crate::v1::Listed;

/// Takes from each name what it shares with the one before.
pub fn shorten(mut files: Vec<Listed>) -> Vec<Listed> {
    let mut before = String::new();
    for file in &mut files {
        let mut shared =
            before.bytes().zip(file.name.bytes()).take_while(|(one, other)| one == other).count();
        // A letter is not cut in two.
        while !file.name.is_char_boundary(shared) {
            shared -= 1;
        }
        file.shared = shared as u32;
        let rest = file.name[shared..].to_owned();
        before = mem::replace(&mut file.name, rest);
    }
    files
}

/// Undoes it; `None` if that makes no sense.
pub fn complete(mut files: Vec<Listed>) -> Option<Vec<Listed>> {
    let mut before = "";
    for file in &mut files {
        let shared = before.get(..file.shared as usize)?;
        file.name.insert_str(0, shared);
        file.shared = 0;
        before = &file.name;
    }
    Some(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names come back as they were, also where they differ within a letter; nonsense is told.
    #[test]
    fn there_and_back() {
        let names = ["a/b", "a/b/c", "a/bü", "a/bý", "a/b漢", "a/b漣", "", "z", "z"];
        let listed = |name: &str| Listed { name: name.to_owned(), ..Listed::default() };
        let files: Vec<Listed> = names.iter().map(|name| listed(name)).collect();
        let short = shorten(files.clone());
        assert_eq!((short[1].shared, short[1].name.as_str()), (3, "/c"));
        assert!(short.iter().map(|file| file.name.len()).sum::<usize>() < 25);
        assert_eq!(complete(short), Some(files));
        for shared in [2, 4] {
            let nonsense = vec![listed("aü"), Listed { shared, ..listed("x") }];
            assert_eq!(complete(nonsense), None);
        }
    }
}
