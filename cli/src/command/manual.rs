//! `gossamer completions SHELL` and `gossamer man [DIR]`: made of what may be typed, so that they are never out of date.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::args::Arguments;
use crate::failure::{FAILED, Failure};
use crate::show;

/// Prints a shell's completions.
pub(super) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "gossamer", &mut script);
    print(&script)
}

/// Prints the first page of the manual, or writes all of them to a folder.
pub(super) fn pages(dir: Option<PathBuf>) -> Result<(), Failure> {
    let mut command = Arguments::command();
    // Gives each command its whole name, `gossamer node remove`.
    command.build();
    let Some(dir) = dir else { return print(&page(&command).1) };
    let failed = |path: &Path, error| Failure::new(FAILED, format!("{}: {error}", path.display()));
    fs::create_dir_all(&dir).map_err(|error| failed(&dir, error))?;
    let pages = all(&command);
    for (name, text) in &pages {
        let path = dir.join(name);
        fs::write(&path, text).map_err(|error| failed(&path, error))?;
    }
    show::line(&format!("{} pages in {}", pages.len(), dir.display()))
}

/// The page of a command and of each below it, with the names of their files.
fn all(command: &Command) -> Vec<(String, Vec<u8>)> {
    let below = command.get_subcommands().filter(|command| !command.is_hide_set()).flat_map(all);
    std::iter::once(page(command)).chain(below).collect()
}

fn page(command: &Command) -> (String, Vec<u8>) {
    let source = concat!("gossamer ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).manual("Gossamer").source(source);
    let mut text = Vec::new();
    man.render(&mut text).expect("memory takes every byte");
    (man.get_filename(), with_examples(&String::from_utf8_lossy(&text)).into_bytes())
}

/// What stands below all options in help has a heading of no meaning in a page. Here it begins with examples, whose lines
/// are not to be filled; but for the first page.
fn with_examples(page: &str) -> String {
    let Some((before, extra)) = page.split_once("\n.SH EXTRA\n") else { return page.to_owned() };
    let Some((_, examples)) = extra.split_once(":\n").filter(|(first, _)| first.starts_with("Example"))
    else {
        return format!("{before}\n.SH NOTES\n{extra}");
    };
    let (examples, rest) = examples.split_once("\n\n").unwrap_or_else(|| (examples.trim_end(), ""));
    format!("{before}\n.SH EXAMPLES\n.nf\n{examples}\n.fi\n.PP\n{rest}")
}

fn print(text: &[u8]) -> Result<(), Failure> {
    show::written(io::Write::write_all(&mut io::stdout().lock(), text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every command, with the names that users type.
    fn commands(command: &Command, typed: &str) -> Vec<(String, Command)> {
        let mut found = vec![(typed.to_owned(), command.clone())];
        for below in command.get_subcommands() {
            found.extend(commands(below, &format!("{typed} {}", below.get_name())));
        }
        found
    }

    fn built() -> Vec<(String, Command)> {
        let mut command = Arguments::command();
        command.build();
        commands(&command, "gossamer")
    }

    /// Every command says how it is used, by lines that begin with it.
    #[test]
    fn examples() {
        for (typed, command) in built() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let is_shown = match typed.as_str() {
                "gossamer" => help.contains("`gossamer dev`"),
                _ => help.starts_with("Example") && help.contains(&typed),
            };
            assert!(is_shown, "`{typed} --help` has no example: {help:?}");
        }
    }

    /// All help fits 80 columns, and an example is never torn in two.
    #[test]
    fn width() {
        for (typed, command) in built() {
            for help in [command.clone().render_help(), command.clone().render_long_help()] {
                for line in help.to_string().lines() {
                    assert!(line.chars().count() <= show::width::COLUMNS, "`{typed} --help`: {line}");
                }
            }
            let written = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            for example in written.lines().filter(|line| line.starts_with("  ")) {
                assert!(example.chars().count() <= show::width::COLUMNS, "`{typed} --help`: {example}");
            }
        }
    }

    /// Each command has a page of its own, those below others too, and each page shows the examples.
    #[test]
    fn a_page_each() {
        let mut command = Arguments::command();
        command.build();
        let pages = all(&command);
        let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(pages.len(), built().len());
        for name in ["gossamer.1", "gossamer-put.1", "gossamer-node-remove.1", "gossamer-config-set.1"] {
            assert!(names.contains(&name), "{name} is not in {names:?}");
        }
        let text = |name: &str| {
            let (_, text) = pages.iter().find(|(page, _)| page == name).unwrap();
            String::from_utf8_lossy(text).into_owned()
        };
        assert!(text("gossamer-node-remove.1").contains(".SH EXAMPLES\n.nf\n  gossamer node remove 5"));
    }
}
