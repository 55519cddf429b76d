//! On a real terminal of 80 columns: what is drawn, what is asked, what Ctrl-C does.

mod asking;
mod looks;
mod progress;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::cluster::wait;

/// Columns of the terminal.
const COLUMNS: u16 = 80;

/// A command that has the terminal to itself.
struct Terminal {
    child: Child,
    keys: File,
    screen: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Terminal {
    /// Starts a command, whose standard streams are the terminal.
    fn start(command: &Command) -> Terminal {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        tcsetwinsize(&ours, Winsize { ws_row: 24, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let path = ptsname(&ours, Vec::new()).unwrap();
        let theirs = rustix::fs::open(&path, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        // A session of its own whose terminal this is: Ctrl-C then reaches what runs in it.
        let mut wrapped = Command::new("setsid");
        wrapped.args(["--ctty", "--wait"]).arg(command.get_program()).args(command.get_args());
        wrapped.current_dir(command.get_current_dir().unwrap()).env("TERM", "xterm-256color");
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => wrapped.env(name, value),
                None => wrapped.env_remove(name),
            };
        }
        let stream = |fd: &OwnedFd| Stdio::from(fd.try_clone().unwrap());
        let child =
            wrapped.stdin(stream(&theirs)).stdout(stream(&theirs)).stderr(stream(&theirs)).spawn().unwrap();
        drop((wrapped, theirs));
        let screen = Arc::new(Mutex::new(Vec::new()));
        let (mut output, shown) = (File::from(ours.try_clone().unwrap()), screen.clone());
        let reader = std::thread::spawn(move || {
            let mut piece = [0; 4096];
            // It ends with an error when the last process lets go of the other side.
            while let Ok(count @ 1..) = output.read(&mut piece) {
                shown.lock().unwrap().extend_from_slice(&piece[..count]);
            }
        });
        Terminal { child, keys: ours.into(), screen, reader }
    }

    /// Types something.
    fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// All that was written to the terminal so far.
    fn raw(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned()
    }

    /// Whether the command has ended.
    fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits until something appears.
    #[track_caller]
    fn shows(&self, what: &str) {
        wait(&format!("{what:?} on the terminal"), || self.raw().contains(what).then_some(()));
    }

    /// Waits for the end; exit code and all that was written. No line was wider than the terminal.
    #[track_caller]
    fn ends(mut self) -> (i32, String) {
        let status = wait("the command to end", || self.child.try_wait().unwrap());
        drop(self.keys);
        self.reader.join().unwrap();
        let raw = String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned();
        (status.code().unwrap(), raw)
    }
}

/// The lines of what was written, each state of a line that was drawn over, without escape sequences.
fn lines(raw: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut characters = raw.chars();
    while let Some(character) = characters.next() {
        if character != '\u{1b}' {
            plain.push(character);
        } else if characters.next() == Some('[') {
            // CSI sequences (ECMA-48, 5.4) end with a letter or one of a few signs.
            characters.find(|end| ('@'..='~').contains(end));
        }
    }
    plain.split(['\r', '\n']).map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect()
}
