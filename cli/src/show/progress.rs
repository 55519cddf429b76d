//! A bar for what takes longer than a second, on a terminal only: one for one file, one for many.

use std::borrow::Cow;
use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gossamer_client::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

/// Draws once it has taken this long.
const SHOW_AFTER: Duration = Duration::from_secs(1);
/// How often time goes on in a bar in which nothing moves.
const TICK: Duration = Duration::from_millis(250);
/// Letters of a name that are shown: with the figures behind it, a line of 80.
const NAME_SHOWN: usize = 24;

/// Progress of one file or of many.
pub(crate) struct Bar {
    bar: ProgressBar,
    /// Draws it when its time has come, whether anything moves or not.
    shows: Option<JoinHandle<()>>,
    waiting: Waiting,
    /// How many are not done yet; only of many.
    files_left: AtomicU64,
}

impl Bar {
    /// For the file `name`; silent if `quiet` or where nobody looks.
    pub(crate) fn new(name: &str, quiet: bool) -> Self {
        Bar::drawn(shortened(name), "{msg} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left", quiet)
    }

    /// For so many files of so many bytes together.
    pub(crate) fn of_many(files: u64, bytes: u64, quiet: bool) -> Self {
        let bar =
            Bar::drawn(String::new(), "{bytes} of {total_bytes}, {bytes_per_sec}, {eta} left, {msg}", quiet);
        bar.bar.set_length(bytes);
        bar.files_left.store(files, Ordering::Relaxed);
        bar.say_files();
        bar
    }

    /// For so many files of which no byte moves: each is a step of one, see [`Bar::step`].
    pub(crate) fn of_files(files: u64, quiet: bool) -> Self {
        let bar = Bar::drawn(String::new(), "{human_pos} of {human_len} files, {eta} left", quiet);
        bar.bar.set_length(files);
        bar
    }

    fn drawn(message: String, template: &str, quiet: bool) -> Self {
        let bar = ProgressBar::new_spinner();
        bar.set_draw_target(ProgressDrawTarget::hidden());
        bar.set_message(message);
        // The templates are constants: a mistake in one would show at the first test.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let (drawn, is_seen) = (bar.clone(), !quiet && std::io::stderr().is_terminal());
        let shows = is_seen.then(|| {
            tokio::spawn(async move {
                tokio::time::sleep(SHOW_AFTER).await;
                drawn.set_draw_target(ProgressDrawTarget::stderr());
                drawn.enable_steady_tick(TICK);
            })
        });
        Bar { bar, shows, waiting: Waiting::new(quiet), files_left: AtomicU64::new(0) }
    }

    /// For the time before it is known what there is to do.
    pub(crate) fn looking(quiet: bool) -> Self {
        Bar::drawn("looking at what there is".to_owned(), "{msg}, {elapsed}", quiet)
    }

    /// One of many files is done.
    pub(crate) fn file_done(&self) {
        self.files_left.fetch_sub(1, Ordering::Relaxed);
        self.say_files();
    }

    /// One of many files is done, where it is files that are counted.
    pub(crate) fn step(&self) {
        self.bar.inc(1);
    }

    /// Progress of one of the files: its bytes count here, its total was counted before.
    pub(crate) fn of_one(&self) -> OfOne<'_> {
        OfOne { bar: self, moved: AtomicU64::new(0) }
    }

    /// Prints a line without tearing the bar.
    pub(crate) fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    fn say_files(&self) {
        let left = self.files_left.load(Ordering::Relaxed);
        let files = if left == 1 { "1 file".into() } else { Cow::from(format!("{left} files")) };
        self.bar.set_message(format!("{files} to go"));
    }
}

/// The end of a name is what tells it from others.
fn shortened(name: &str) -> String {
    let count = name.chars().count();
    if count <= NAME_SHOWN {
        return name.to_owned();
    }
    let end: String = name.chars().skip(count - NAME_SHOWN + 1).collect();
    format!("…{end}")
}

impl Progress for Bar {
    fn total(&self, bytes: Option<u64>) {
        if let Some(bytes) = bytes {
            self.bar.set_length(bytes);
        }
    }

    fn moved(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    fn waiting(&self, why: &str) {
        // A terminal sees it above the bar.
        self.suspend(|| self.waiting.waiting(why));
    }
}

/// Says what is waited for, each reason once.
pub(crate) struct Waiting {
    quiet: bool,
    said: Mutex<String>,
}

impl Waiting {
    /// Silent if `quiet`.
    pub(crate) fn new(quiet: bool) -> Self {
        Waiting { quiet, said: Mutex::default() }
    }
}

impl Progress for Waiting {
    fn total(&self, _bytes: Option<u64>) {}

    fn moved(&self, _bytes: u64) {}

    fn waiting(&self, why: &str) {
        if !self.quiet
            && let Ok(mut said) = self.said.lock()
            && *said != why
        {
            why.clone_into(&mut said);
            eprintln!("gossamer: waiting: {why}");
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(shows) = self.shows.take() {
            shows.abort();
        }
        self.bar.finish_and_clear();
    }
}

/// One of many files.
pub(crate) struct OfOne<'a> {
    bar: &'a Bar,
    moved: AtomicU64,
}

impl Progress for OfOne<'_> {
    fn total(&self, _bytes: Option<u64>) {
        // Said again when a read starts over: what was counted of the file is to be counted anew.
        self.bar.bar.dec(self.moved.swap(0, Ordering::Relaxed));
    }

    fn moved(&self, bytes: u64) {
        self.moved.fetch_add(bytes, Ordering::Relaxed);
        self.bar.moved(bytes);
    }

    fn waiting(&self, why: &str) {
        self.bar.waiting(why);
    }
}
