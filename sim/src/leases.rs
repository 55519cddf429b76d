//! What the queue servers' leases promise, checked at every result: it counts only under a lease that is current.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gossamer_queue_server::Witness;
use gossamer_queue_server::queue::{Effect, SessionId};

/// What one queue server's process has handed out. Clones share it.
#[derive(Clone, Default)]
pub struct Leases(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    current: BTreeMap<u64, SessionId>,
    wrong: Vec<String>,
}

impl Leases {
    /// What must not be, so far.
    pub fn wrong(&self) -> Vec<String> {
        self.state().wrong.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn see(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Assign { session, lease, .. } => {
                    if self.current.insert(*lease, *session).is_some() {
                        self.wrong.push(format!("lease {lease} was given twice"));
                    }
                }
                Effect::Revoke { lease, .. } => {
                    self.current.remove(lease);
                }
                Effect::Answer { .. } => {}
            }
        }
    }
}

impl Witness for Leases {
    fn result(&self, session: SessionId, lease: u64, effects: &[Effect]) {
        let mut state = self.state();
        let counts = effects.iter().any(|effect| matches!(effect, Effect::Answer { answer: Ok(_), .. }));
        if state.current.remove(&lease) != Some(session) && counts {
            state.wrong.push(format!("a result was accepted under lease {lease}, which was over"));
        }
        state.see(effects);
    }

    fn effects(&self, effects: &[Effect]) {
        self.state().see(effects);
    }

    fn session_over(&self, session: SessionId) {
        self.state().current.retain(|_, holder| *holder != session);
    }
}
