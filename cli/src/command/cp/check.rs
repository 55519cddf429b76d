//! What is refused before anything is done: folders into themselves, two things to one name, and files beside folders of
//! their names.

use std::collections::BTreeSet;

use gossamer_client::{Client, StatError};
use gossamer_proto::name;

use super::item::Item;
use crate::failure::{FAILED, Failure, USAGE};
use crate::listing::Listing;
use crate::store::beside::Beside;
use crate::store::folder::{ancestors, as_folder, is_bucket, is_there, last_within};
use crate::store::sum::Sum;

/// Checks all items; how much they are.
pub(super) async fn check(client: &Client, items: &[Item]) -> Result<Sum, Failure> {
    apart(items)?;
    let folders: BTreeSet<&str> = items.iter().flat_map(|item| ancestors(item.to())).collect();
    for file in folders {
        match client.stat(file).await {
            Ok(_) => return Err(in_the_way(file, &format!("{file}/"))),
            Err(StatError::NotFound(_)) => {}
            Err(error) => return Err(Failure::client(error.kind(), &error)),
        }
    }
    let mut sum = Sum::default();
    for item in items {
        let one = match item {
            Item::File { to, size, .. } => file(client, to, *size).await?,
            Item::Folder { from, to } => folder(client, from, to).await?,
        };
        sum = sum + one;
    }
    Ok(sum)
}

/// Each item goes to a place of its own, and not into itself.
fn apart(items: &[Item]) -> Result<(), Failure> {
    let refused = |why: String| Err(Failure::new(USAGE, why));
    for (position, item) in items.iter().enumerate() {
        let (from, to) = (item.from(), item.to());
        if from == to {
            return refused(format!("{from} would be copied to itself"));
        }
        if name::is_folder(from) && to.starts_with(from) {
            return refused(format!("{from} would be copied into itself, to {to}"));
        }
        let meets = |other: &&Item| {
            let (one, two) = (as_folder(to), as_folder(other.to()));
            one.starts_with(&two) || two.starts_with(&one)
        };
        if let Some(other) = items[..position].iter().find(meets) {
            let (other, place) = (other.from(), other.to());
            return refused(format!("{other} and {from} would both go to {place}; copy them one by one"));
        }
    }
    Ok(())
}

/// A file must not get the name of a folder.
async fn file(client: &Client, to: &str, size: u64) -> Result<Sum, Failure> {
    let inside = as_folder(to);
    match is_there(client, &inside).await? {
        true => Err(Failure::new(
            FAILED,
            format!("{to} is a folder; to copy into it, end it in a slash, {inside}"),
        )),
        false => Ok(Sum::file(size)),
    }
}

/// Follows what is to come and what is there side by side, both in the order of their names.
async fn folder(client: &Client, from: &str, to: &str) -> Result<Sum, Failure> {
    let (mut coming, mut there) = (Listing::new(client, from), Listing::new(client, to));
    let (mut beside, mut sum) = (Beside::default(), Sum::default());
    let mut ahead = there.next().await?;
    while let Some(info) = coming.next().await? {
        let name = format!("{to}{}", &info.name[from.len()..]);
        target(from, &name)?;
        while let Some(before) = ahead.take_if(|ahead| ahead.name <= name) {
            feed(&mut beside, &before.name)?;
            if let Some(folder) = left(&before.name, &name) {
                there.skip(&last_within(folder));
            }
            ahead = there.next().await?;
        }
        feed(&mut beside, &name)?;
        sum = sum + Sum::of(&info);
    }
    while let Some(after) = ahead.take_if(|ahead| beside.may_matter(&ahead.name)) {
        feed(&mut beside, &after.name)?;
        ahead = there.next().await?;
    }
    Ok(sum)
}

/// A name within what is being copied would be copied again, or instead.
fn target(from: &str, name: &str) -> Result<(), Failure> {
    if name.starts_with(from) {
        let why = format!("{from} would be copied over itself, to {name}; copy it to another folder first");
        return Err(Failure::new(USAGE, why));
    }
    match name::check_entry(name) {
        Err(_) if is_bucket(name) => Ok(()),
        checked => checked.map_err(|error| Failure::new(USAGE, format!("{name}: {error}"))),
    }
}

fn feed(beside: &mut Beside, name: &str) -> Result<(), Failure> {
    beside.next(name).map_or(Ok(()), |file| Err(in_the_way(&file, name)))
}

fn in_the_way(file: &str, name: &str) -> Failure {
    let why = format!(
        "{file} would be a file, and a folder because of {name}; nothing was done, rename one of them"
    );
    Failure::new(FAILED, why)
}

/// The outermost folder of `name` that `next`, which comes after it, is not in.
fn left<'a>(name: &'a str, next: &str) -> Option<&'a str> {
    let common = name.bytes().zip(next.bytes()).take_while(|(one, two)| one == two).count();
    let end = name.bytes().skip(common).position(|letter| letter == b'/')?;
    Some(&name[..=common + end])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder is left as a whole as soon as nothing more comes in it; files and folders on the way are not.
    #[test]
    fn folders_left() {
        for (name, next, folder) in [
            ("abc/x/1", "abc/y/2", Some("abc/x/")),
            ("abc/x/1/2/3", "abc/x/2", Some("abc/x/1/")),
            ("abc/x-1/2", "abc/x/1", Some("abc/x-1/")),
            ("abc/x/1/q", "abc/x0", Some("abc/x/")),
            ("abc/x/1", "abc/x/2", None),
            ("abc/x", "abc/x/1", None),
            ("abc/x/", "abc/x/1", None),
            ("abc/ü/1", "abc/ý/1", Some("abc/ü/")),
        ] {
            assert_eq!(left(name, next), folder, "{name} {next}");
        }
    }

    /// Items that would meet are refused by their names alone.
    #[test]
    fn items_apart() {
        let file = |from: &str, to: &str| Item::File { from: from.into(), to: to.into(), size: 0 };
        let folder = |from: &str, to: &str| Item::Folder { from: from.into(), to: to.into() };
        let refused = |items: &[Item]| apart(items).is_err_and(|failure| failure.code == USAGE);
        assert!(refused(&[file("abc/a", "abc/a")]));
        assert!(refused(&[folder("abc/a/", "abc/a/")]) && refused(&[folder("abc/a/", "abc/a/b/")]));
        assert!(refused(&[file("abc/a", "xyz/a"), file("abd/a", "xyz/a")]));
        assert!(refused(&[folder("abc/a/", "xyz/a/"), file("abd/a", "xyz/a")]));
        assert!(refused(&[folder("abc/a/", "xyz/"), folder("abd/a/", "xyz/a/")]));
        assert!(!refused(&[
            folder("abc/a/", "xyz/a/"),
            folder("abc/a-/", "xyz/a-/"),
            file("abc/b", "xyz/b")
        ]));
        assert!(!refused(&[folder("abc/a/b/", "abc/a/")]));
    }
}
