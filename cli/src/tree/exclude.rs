//! What is left out.

use glob::{MatchOptions, Pattern};

use crate::failure::{Failure, USAGE};

/// Patterns; what fits one of them is treated as if it were on neither side.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exclude(Vec<Rule>);

#[derive(Clone, Debug)]
struct Rule {
    pattern: Pattern,
    /// It had a slash within: it is about the path. Otherwise about the last part of it.
    is_path: bool,
    /// It had a slash at its end.
    folders_only: bool,
}

const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    // `*` stays within a part; `**` goes over them.
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

impl Exclude {
    /// Reads patterns as they were typed.
    pub(crate) fn new(patterns: &[String]) -> Result<Self, Failure> {
        let rule = |text: &String| {
            let (text, folders_only) = match text.strip_suffix('/') {
                Some(folder) => (folder, true),
                None => (text.as_str(), false),
            };
            // With a slash at its beginning it is about the path, though it has no other.
            let (text, is_path) = match text.strip_prefix('/') {
                Some(path) => (path, true),
                None => (text, text.contains('/')),
            };
            if text.is_empty() {
                return Err(Failure::new(USAGE, "--exclude: an empty pattern"));
            }
            let pattern = Pattern::new(text)
                .map_err(|error| Failure::new(USAGE, format!("--exclude {text:?}: {error}")))?;
            Ok(Rule { pattern, is_path, folders_only })
        };
        patterns.iter().map(rule).collect::<Result<_, _>>().map(Exclude)
    }

    /// Whether this path, or a folder above it, is to be left out.
    pub(crate) fn fits(&self, path: &str) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let folders = path.match_indices('/').map(|(at, _)| (&path[..at], true));
        let itself = (!path.ends_with('/')).then_some((path, false));
        folders.chain(itself).any(|(path, is_folder)| self.0.iter().any(|rule| rule.fits(path, is_folder)))
    }
}

impl Rule {
    fn fits(&self, path: &str, is_folder: bool) -> bool {
        let subject = if self.is_path { path } else { path.rsplit('/').next().unwrap_or(path) };
        (is_folder || !self.folders_only) && self.pattern.matches_with(subject, OPTIONS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without a slash a pattern is about the last part, with one about the path from the top; what is in a folder that
    /// is left out is left out with it.
    #[test]
    fn rules() {
        for (pattern, fits, fits_not) in [
            ("*.tmp", vec!["a.tmp", "x/y/.tmp", "x.tmp/y", "d.tmp/"], vec!["a.tmpx", "tmp"]),
            ("target/", vec!["target/", "target/a", "x/target/b/c"], vec!["target", "x/target"]),
            ("a/*.o", vec!["a/x.o", "a/x.o/y"], vec!["x/a/x.o", "a/b/x.o", "x.o"]),
            ("cache/**", vec!["cache/a", "cache/a/b"], vec!["x/cache/a", "cachea"]),
            ("**/cache", vec!["cache", "x/y/cache", "x/cache/z"], vec!["x/caches"]),
            ("/top", vec!["top", "top/x"], vec!["x/top"]),
            ("ü?[ab]", vec!["ü漢a"], vec!["ü漢c"]),
        ] {
            let exclude = Exclude::new(&[pattern.to_owned()]).unwrap();
            fits.iter().for_each(|path| assert!(exclude.fits(path), "{pattern} {path}"));
            fits_not.iter().for_each(|path| assert!(!exclude.fits(path), "{pattern} {path}"));
        }
        assert!(!Exclude::default().fits("a"));
        for bad in ["a[", "", "/", "a***b"] {
            assert_eq!(Exclude::new(&[bad.to_owned()]).unwrap_err().code, USAGE, "{bad}");
        }
    }
}
