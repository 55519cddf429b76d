//! A bar for what takes longer than a second, on a terminal only.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::Duration;

use gossamer_client::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

/// Draws once it has taken this long.
const SHOW_AFTER: Duration = Duration::from_secs(1);

/// Progress of one file.
pub(crate) struct Bar {
    bar: ProgressBar,
    began: Instant,
    waiting: Mutex<String>,
}

impl Bar {
    /// For the file `name`; silent if `quiet` or where nobody looks.
    pub(crate) fn new(name: &str, quiet: bool) -> Self {
        let bar = ProgressBar::new_spinner();
        bar.set_draw_target(ProgressDrawTarget::hidden());
        bar.set_message(name.to_owned());
        let visible = !quiet && std::io::stderr().is_terminal();
        let style =
            ProgressStyle::with_template("{msg} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left");
        // The template is a constant: a mistake in it would show at the first test.
        if let (true, Ok(style)) = (visible, style) {
            bar.set_style(style);
        }
        Bar { bar, began: Instant::now(), waiting: Mutex::new(String::new()) }
    }

    fn draw(&self) {
        if self.bar.is_hidden() && self.began.elapsed() >= SHOW_AFTER && std::io::stderr().is_terminal() {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}

impl Progress for Bar {
    fn total(&self, bytes: Option<u64>) {
        if let Some(bytes) = bytes {
            self.bar.set_length(bytes);
        }
    }

    fn moved(&self, bytes: u64) {
        self.bar.inc(bytes);
        self.draw();
    }

    fn waiting(&self, why: &str) {
        // A pipe gets each reason once; a terminal sees it above the bar.
        if let Ok(mut said) = self.waiting.lock()
            && *said != why
        {
            why.clone_into(&mut said);
            self.bar.suspend(|| eprintln!("gossamer: waiting: {why}"));
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
