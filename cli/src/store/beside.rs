//! No file has the name of a folder: `a` is never beside `a/b`.

/// Finds a file beside a folder of its name in names that are given in order. Keeps those only that may still get such a
/// neighbour, at most one for each letter of a name: between `a` and `a/b` there may be any number of names like `a.txt`.
#[derive(Default)]
pub(crate) struct Beside {
    files: Vec<String>,
}

impl Beside {
    /// The file, if one of those before has the name of a folder that this name is in.
    pub(crate) fn next(&mut self, name: &str) -> Option<String> {
        self.forget_before(name);
        let in_the_way = self.files.iter().find(|file| name[file.len()..].starts_with('/')).cloned();
        if !name.ends_with('/') && self.files.last().is_none_or(|file| file != name) {
            self.files.push(name.to_owned());
        }
        in_the_way
    }

    /// Whether this name, or one that comes after it, may be in the way of those before.
    pub(crate) fn may_matter(&mut self, name: &str) -> bool {
        self.forget_before(name);
        !self.files.is_empty()
    }

    /// Whatever begins with a file's name comes before all that does not.
    fn forget_before(&mut self, name: &str) {
        while self.files.last().is_some_and(|file| !name.starts_with(file.as_str())) {
            self.files.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file beside its folder is found behind names that sort between them, folder records included, and nothing else is.
    #[test]
    fn found() {
        let found = |names: &[&str]| {
            assert!(names.is_sorted());
            let mut beside = Beside::default();
            names.iter().find_map(|name| beside.next(name))
        };
        assert_eq!(found(&["b/a", "b/a-", "b/a-x", "b/a.txt", "b/a.txt/x"]), Some("b/a.txt".to_owned()));
        assert_eq!(found(&["b/a", "b/a-", "b/a-x/y", "b/a.txt", "b/a/c/d"]), Some("b/a".to_owned()));
        assert_eq!(found(&["b/a", "b/a", "b/a/"]), Some("b/a".to_owned()));
        assert_eq!(found(&["b/a", "b/a-/x", "b/a.x/y", "b/a0", "b/a0x", "b/ab/c", "b/b/", "b/b/a"]), None);
        let mut beside = Beside::default();
        beside.next("b/a");
        assert!(beside.may_matter("b/a-x") && !beside.may_matter("b/b"));
    }
}
