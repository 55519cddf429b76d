//! Where calls that block run: on threads of their own, or, in a simulation, right here.

/// How to run a call that blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocking {
    /// On tokio's blocking threads.
    Threads,
    /// On the spot: a simulation has one thread and its files never block.
    Inline,
}

impl Blocking {
    /// Runs `call` and waits for what it returns. A panic in `call` goes on in the caller.
    pub async fn run<T: Send + 'static>(self, call: impl FnOnce() -> T + Send + 'static) -> T {
        match self {
            Blocking::Inline => call(),
            Blocking::Threads => match tokio::task::spawn_blocking(call).await {
                Ok(value) => value,
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                // The runtime is shutting down: nobody is left to take the value.
                Err(_) => std::future::pending().await,
            },
        }
    }
}
