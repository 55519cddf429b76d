//! A process: paused, resumed, killed; each is done when it can be seen to be.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;

/// How long the kernel may take to do what a signal says.
const WITHIN: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_micros(200);

/// A process that is not a child of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: i32,
}

impl Process {
    /// The process of this id.
    pub fn new(pid: i32) -> Self {
        Process { pid }
    }

    /// Its state as in `/proc/PID/stat`; None if there is no such process, or only its corpse.
    pub fn state(&self) -> Option<char> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok()?;
        let state = stat.rsplit_once(") ")?.1.chars().next()?;
        (!matches!(state, 'Z' | 'X')).then_some(state)
    }

    /// Whether it runs, be it paused.
    pub fn lives(&self) -> bool {
        self.state().is_some()
    }

    /// `kill -9`. Returns when the signal was sent; it is gone by now.
    pub fn kill(&self) -> anyhow::Result<Instant> {
        let sent = Instant::now();
        self.signal(Signal::KILL)?;
        self.wait("to be gone", |state| state.is_none())?;
        Ok(sent)
    }

    /// `kill -9`, not waited for; of no effect if it has ended, be it in this moment.
    pub fn begin_kill(&self) -> anyhow::Result<()> {
        match kill_process(self.id()?, Signal::KILL) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until it is gone.
    pub fn ended(&self) -> anyhow::Result<()> {
        self.wait("to be gone", |state| state.is_none())
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(&self) -> anyhow::Result<()> {
        self.signal(Signal::TERM)?;
        self.wait("to have stopped", |state| state.is_none())
    }

    /// It stands still. Returns when the signal was sent.
    pub fn pause(&self) -> anyhow::Result<Instant> {
        let sent = Instant::now();
        self.signal(Signal::STOP)?;
        self.wait("to stand still", |state| state == Some('T'))?;
        Ok(sent)
    }

    /// It goes on.
    pub fn resume(&self) -> anyhow::Result<()> {
        ensure!(self.state() == Some('T'), "process {} did not stand still all the time", self.pid);
        self.signal(Signal::CONT)?;
        self.wait("to go on", |state| state.is_some_and(|state| state != 'T'))
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        ensure!(self.lives(), "process {} ended before anybody told it to", self.pid);
        Ok(kill_process(self.id()?, signal)?)
    }

    fn id(&self) -> anyhow::Result<Pid> {
        Pid::from_raw(self.pid).with_context(|| format!("{} is no process", self.pid))
    }

    fn wait(&self, what: &str, is_so: impl Fn(Option<char>) -> bool) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !is_so(self.state()) {
            ensure!(begun.elapsed() < WITHIN, "waited {WITHIN:?} for process {} {what}", self.pid);
            sleep(LOOK_EVERY);
        }
        Ok(())
    }
}
