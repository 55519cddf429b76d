//! `gossamer find PATTERN`: names that fit, page after page.

use glob::{MatchOptions, Pattern};
use gossamer_client::Info;
use gossamer_proto::name;

use super::{File, client};
use crate::args::{Common, Find};
use crate::failure::{Failure, NOT_FOUND, USAGE};
use crate::show::output::Output;
use crate::store::folder::{Place, last_part};
use crate::store::shown::Shown;

/// Letters that make a pattern of a word.
const WILD: [char; 3] = ['*', '?', '['];

pub(super) async fn run(common: &Common, find: Find) -> Result<(), Failure> {
    let wanted = Wanted::new(&find.pattern)?;
    let mut shown = Shown::new(&client(common).await?, wanted.beginning());
    let (mut out, mut found) = (Output::new(), false);
    while let Some(info) = shown.next().await? {
        if wanted.fits(&info.name) {
            found = true;
            print(&mut out, common, &info)?;
        }
        if shown.is_page_done() {
            out.flush()?;
        }
    }
    out.flush()?;
    match found {
        true => Ok(()),
        false => Err(Failure::new(NOT_FOUND, format!("no name is like {:?}", find.pattern))),
    }
}

fn print(out: &mut Output, common: &Common, info: &Info) -> Result<(), Failure> {
    match (common.json, info.is_folder()) {
        (false, _) => out.line(&info.name),
        (true, true) => out.json(&Place::of(&info.name)),
        (true, false) => out.json(&File::from(info)),
    }
}

/// What a name must be like.
#[derive(Debug)]
enum Wanted<'a> {
    /// It has this somewhere.
    Word(&'a str),
    /// Its last part fits.
    Last(Pattern),
    /// All of it fits, and begins with this.
    Whole(Pattern, &'a str),
}

impl<'a> Wanted<'a> {
    fn new(given: &'a str) -> Result<Self, Failure> {
        let usage = |why: String| Failure::new(USAGE, format!("{given:?}: {why}"));
        let Some(wild) = given.find(WILD) else {
            return if given.is_empty() {
                Err(usage("an empty pattern".into()))
            } else {
                Ok(Wanted::Word(given))
            };
        };
        let pattern = Pattern::new(given)
            .map_err(|error| usage(format!("{} at character {}", error.msg, error.pos + 1)))?;
        if !given.contains('/') {
            return Ok(Wanted::Last(pattern));
        }
        let beginning = &given[..wild];
        name::check_prefix(beginning).map_err(|error| usage(error.to_string()))?;
        Ok(Wanted::Whole(pattern, beginning))
    }

    /// How all names begin that may fit.
    fn beginning(&self) -> &str {
        match self {
            Wanted::Word(_) | Wanted::Last(_) => "",
            Wanted::Whole(_, beginning) => beginning,
        }
    }

    /// Whether a name fits; the slash at the end of a folder's does not count.
    fn fits(&self, name: &str) -> bool {
        const OPTIONS: MatchOptions = MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: false,
        };
        match self {
            Wanted::Word(word) => name.contains(word),
            Wanted::Last(pattern) => pattern.matches_with(last_part(name), OPTIONS),
            Wanted::Whole(pattern, _) => {
                pattern.matches_with(name.strip_suffix('/').unwrap_or(name), OPTIONS)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words anywhere, patterns without a slash for the last part, others for all of the name.
    #[test]
    fn patterns() {
        for (pattern, name, fits) in [
            ("rome", "abc/rome-2026/x", true),
            ("c/r", "abc/rome", true),
            ("Rome", "abc/rome", false),
            ("*.jpg", "abc/d/e.jpg", true),
            ("*.jpg", "abc/d.jpg/e", false),
            ("d?", "abc/de/", true),
            ("abc/*.jpg", "abc/d.jpg", true),
            ("abc/*.jpg", "abc/d/e.jpg", false),
            ("abc/**/*.jpg", "abc/e.jpg", true),
            ("abc/**/[d-f].jpg", "abc/x/y/e.jpg", true),
            ("**/e.*", "abc/.hidden/e.jpg", true),
            ("abc/**/d", "abc/x/d/", true),
        ] {
            assert_eq!(Wanted::new(pattern).unwrap().fits(name), fits, "{pattern} {name}");
        }
        assert_eq!(Wanted::new("abc/d*/e").unwrap().beginning(), "abc/d");
        assert_eq!(Wanted::new("*.jpg").unwrap().beginning(), "");
    }

    /// A bad pattern is a mistake of whoever typed it, and is told where it is.
    #[test]
    fn bad_patterns() {
        for (pattern, why) in
            [("", "empty"), ("a**", "at character"), ("a/[x", "at character 3"), ("/a*", "slash")]
        {
            let failure = Wanted::new(pattern).unwrap_err();
            assert!(failure.code == USAGE && failure.message.contains(why), "{}", failure.message);
        }
    }
}
