//! Code of this process that runs inside a host: on threads that have entered its network.

use std::fs::File;
use std::os::fd::AsFd;

use anyhow::{Context, ensure};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use super::{Host, Lab};

/// A runtime all of whose threads are in one host's network. Times taken in it and outside are of one clock.
pub struct Inside {
    runtime: Option<Runtime>,
}

impl Inside {
    /// Enters a host.
    pub fn enter(lab: &Lab, host: Host) -> anyhow::Result<Self> {
        let path = format!("/run/netns/{}", lab.space(host));
        let space = File::open(&path).with_context(|| path.clone())?;
        let expected = rustix::fs::fstat(&space)?.st_ino;
        let enter = move || {
            move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network))
                .expect("root may enter a namespace that it has opened");
        };
        let runtime =
            Builder::new_multi_thread().worker_threads(2).enable_all().on_thread_start(enter).build()?;
        let inside = Inside { runtime: Some(runtime) };
        let entered = inside.run(async { rustix::fs::stat("/proc/thread-self/ns/net") })?;
        ensure!(entered.st_ino == expected, "a thread is not where it was sent");
        Ok(inside)
    }

    /// Runs a future inside and waits for it.
    pub fn run<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> T {
        let runtime = self.runtime.as_ref().expect("taken only when dropped");
        // Not directly: this thread is outside.
        runtime.block_on(async { tokio::spawn(future).await.expect("a task that panics ends the run") })
    }

    /// Runs a future inside, in the background.
    pub fn spawn<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.runtime.as_ref().expect("taken only when dropped").spawn(future)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
