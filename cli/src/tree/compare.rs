//! What two sides differ in, and so what is to be done to make the target like the source.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::path::PathBuf;

use super::Entry;

/// What is to be done at the target, in this order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Files to be copied.
    pub(crate) files: Vec<Entry>,
    /// Files and folders that stand in the way of others, and are to be deleted before these are copied.
    pub(crate) clear: Vec<Entry>,
    /// Files that something stands in the way of.
    pub(crate) blocked: Vec<Entry>,
    /// Folders to be made, or to be given the time of the source's.
    pub(crate) folders: Vec<Entry>,
    /// Files and folders that the source has not.
    pub(crate) delete: Vec<Entry>,
    /// Folders that are equal, as long as nothing is written into them.
    pub(crate) same_folders: Vec<Entry>,
    /// Unfinished files here that are of no use once all is done.
    pub(crate) parts: Vec<PathBuf>,
    /// Files that are equal.
    pub(crate) unchanged: u64,
}

impl Plan {
    /// Compares two sides, each in the order of its paths. Without `delete`, what the target has beyond the source stays. Where
    /// files and folders of one name would stand side by side there is no plan, but a list of these names. What the target has
    /// at or below a path in `unknown` is not deleted: the source may have it, too.
    pub(crate) fn new(
        source: Vec<Entry>,
        target: Vec<Entry>,
        delete: bool,
        unknown: &[String],
    ) -> Result<Plan, Vec<String>> {
        let ours = Kinds::of(&source);
        let mut conflicts = ours.conflicts(&ours);
        if !delete {
            conflicts.extend(ours.conflicts(&Kinds::of(&target)));
        }
        if !conflicts.is_empty() {
            return Err(conflicts.into_iter().map(str::to_owned).collect());
        }
        let theirs = Kinds::of(&target);
        let blocked: Vec<bool> = source.iter().map(|entry| theirs.are_blocked_by(&entry.path)).collect();
        let in_the_way: Vec<bool> = target.iter().map(|entry| ours.are_blocked_by(&entry.path)).collect();
        let mut plan = Plan::default();
        let mut source = source.into_iter().zip(blocked).peekable();
        let mut target = target.into_iter().zip(in_the_way).peekable();
        loop {
            let order = match (source.peek(), target.peek()) {
                (Some((one, _)), Some((other, _))) => one.path.cmp(&other.path),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return Ok(plan),
            };
            let one = source.next_if(|_| order != Ordering::Greater);
            let other = target.next_if(|_| order != Ordering::Less);
            match (one, other) {
                (Some((one, _)), Some((other, _))) if is_same(&one, &other) => plan.leave(one),
                (Some((one, true)), _) if !one.is_folder() => plan.blocked.push(one),
                (Some((one, _)), _) => plan.copy(one),
                (None, Some((other, is_in_the_way))) if delete && !is_within(&other.path, unknown) => {
                    let doomed = if is_in_the_way { &mut plan.clear } else { &mut plan.delete };
                    doomed.push(other);
                }
                (None, _) => {}
            }
        }
    }

    fn copy(&mut self, entry: Entry) {
        if entry.is_folder() { self.folders.push(entry) } else { self.files.push(entry) }
    }

    fn leave(&mut self, entry: Entry) {
        if entry.is_folder() { self.same_folders.push(entry) } else { self.unchanged += 1 }
    }
}

/// Whether a path is one of these, or below.
fn is_within(path: &str, above: &[String]) -> bool {
    let rest = |above: &String| path.strip_prefix(above.as_str());
    above.iter().filter_map(rest).any(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether the target has what the source has: by content if it is known of both, else by size and time.
fn is_same(source: &Entry, target: &Entry) -> bool {
    let same_time = match (source.modified, target.modified) {
        (Some(one), Some(other)) => one.is_same(other),
        // A folder that is there only by what is in it has no time to give.
        (one, _) => one.is_none(),
    };
    if source.is_folder() {
        return same_time;
    }
    let same_content = match (source.blake3, target.blake3) {
        (Some(one), Some(other)) => one == other,
        _ => same_time,
    };
    same_content && source.size == target.size && source.executable == target.executable
}

/// The paths of a side, by kind; folders without the slash at their end.
struct Kinds<'a> {
    files: BTreeSet<&'a str>,
    folders: BTreeSet<&'a str>,
}

impl<'a> Kinds<'a> {
    fn of(entries: &'a [Entry]) -> Self {
        let (folders, files): (Vec<_>, Vec<_>) = entries.iter().partition(|entry| entry.is_folder());
        let folders = folders.iter().filter_map(|entry| entry.path.strip_suffix('/'));
        Kinds { files: files.iter().map(|entry| entry.path.as_str()).collect(), folders: folders.collect() }
    }

    fn conflicts(&self, other: &Kinds<'a>) -> BTreeSet<&'a str> {
        let one_way = self.files.intersection(&other.folders);
        one_way.chain(self.folders.intersection(&other.files)).copied().collect()
    }

    /// Whether something at this path, on the other side, stands in the way of these.
    fn are_blocked_by(&self, path: &str) -> bool {
        let mut above = path.match_indices('/').map(|(at, _)| &path[..at]);
        self.folders.contains(path) || above.any(|folder| self.files.contains(folder))
    }
}

#[cfg(test)]
mod tests {
    use gossamer_client::Modified;
    use gossamer_proto::hash::Hash;

    use super::*;

    fn entry(path: &str, content: &str, seconds: i64) -> Entry {
        Entry {
            path: path.to_owned(),
            size: content.len() as u64,
            modified: Some(Modified { seconds, nanos: 5 }),
            executable: content.starts_with('#'),
            version: 0,
            blake3: None,
            is_behind_link: false,
            is_link: false,
        }
    }

    fn hashed(path: &str, content: &str, seconds: i64) -> Entry {
        Entry { blake3: Some(Hash::of(content.as_bytes())), ..entry(path, content, seconds) }
    }

    fn paths(entries: &[Entry]) -> Vec<&str> {
        entries.iter().map(|entry| entry.path.as_str()).collect()
    }

    /// Only what differs in size, time or executable bit is copied; the rest is left alone, or deleted if so asked.
    #[test]
    fn differences() {
        let source = ["a", "b", "c", "d/", "d/e", "f/", "same"].map(|path| entry(path, path, 1)).to_vec();
        let mut target =
            vec![entry("b", "bb", 1), entry("c", "c", 2), entry("d/", "d/", 1), entry("d/old", "", 1)];
        target.extend([entry("f/", "f/", 9), entry("same", "same", 1), entry("z", "", 1)]);
        let plan = Plan::new(source.clone(), target.clone(), false, &[]).unwrap();
        assert_eq!((paths(&plan.files), paths(&plan.folders)), (vec!["a", "b", "c", "d/e"], vec!["f/"]));
        assert_eq!((plan.delete.len(), plan.clear.len(), plan.unchanged), (0, 0, 1));
        let kept =
            Plan::new(source.clone(), target.clone(), true, &["d".to_owned(), "zz".to_owned()]).unwrap();
        assert_eq!(paths(&kept.delete), ["z"], "what may be there is not deleted");
        let plan = Plan::new(source.clone(), target, true, &[]).unwrap();
        assert_eq!(paths(&plan.delete), ["d/old", "z"]);
        let plan = Plan::new(source.clone(), source, true, &[]).unwrap();
        assert_eq!((plan.same_folders.len(), plan.unchanged), (2, 5));
        assert_eq!((plan.files, plan.folders, plan.delete), (vec![], vec![], vec![]));
        let plan = Plan::new(vec![entry("x", "#!", 1)], vec![entry("x", "..", 1)], false, &[]).unwrap();
        assert_eq!(paths(&plan.files), ["x"], "the executable bit");
    }

    /// Where both contents are known they decide, not the time; a folder without a time of its own is equal to any.
    #[test]
    fn by_content() {
        let plan = |one, other| Plan::new(vec![one], vec![other], false, &[]).unwrap().files.len();
        assert_eq!(plan(hashed("x", "abc", 1), hashed("x", "abc", 2)), 0);
        assert_eq!(plan(hashed("x", "abc", 1), hashed("x", "abd", 1)), 1);
        assert_eq!(plan(entry("x", "abc", 1), hashed("x", "abd", 1)), 0);
        let implied = Entry { modified: None, ..entry("d/", "", 1) };
        let folders = |one: &Entry, other: &Entry| {
            Plan::new(vec![one.clone()], vec![other.clone()], true, &[]).unwrap().folders.len()
        };
        assert_eq!((folders(&implied, &entry("d/", "", 1)), folders(&entry("d/", "", 1), &implied)), (0, 1));
    }

    /// A file beside a folder of its name is refused, wherever the two come from; with `delete` what stands in the way
    /// goes first.
    #[test]
    fn a_beside_a_b() {
        let of = |paths: &[&str]| paths.iter().map(|path| entry(path, "", 1)).collect::<Vec<_>>();
        let file = of(&["", "a", "a!", "b"]);
        let folder = of(&["", "a!", "a/", "a/b/", "a/b/c"]);
        assert_eq!(Plan::new(file.clone(), folder.clone(), false, &[]), Err(vec!["a".to_owned()]));
        assert_eq!(Plan::new(folder.clone(), file.clone(), false, &[]), Err(vec!["a".to_owned()]));
        assert_eq!(Plan::new(of(&["a", "a!", "a/", "a/b"]), vec![], true, &[]), Err(vec!["a".to_owned()]));
        let plan = Plan::new(file.clone(), folder.clone(), true, &[]).unwrap();
        assert_eq!((paths(&plan.clear), paths(&plan.blocked)), (vec!["a/", "a/b/", "a/b/c"], vec!["a"]));
        assert_eq!(paths(&plan.files), ["b"]);
        let plan = Plan::new(folder, file, true, &[]).unwrap();
        assert_eq!((paths(&plan.clear), paths(&plan.delete)), (vec!["a"], vec!["b"]));
        assert_eq!((paths(&plan.folders), paths(&plan.files)), (vec!["a/", "a/b/"], Vec::<&str>::new()));
        assert_eq!(paths(&plan.blocked), ["a/b/c"]);
    }
}
