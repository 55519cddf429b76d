//! Panics of tasks: a runtime swallows them, a simulation must not.

use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    static SEEN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Begins to note the panics of this thread, and forgets those before.
pub fn watch() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            SEEN.with_borrow_mut(|seen| seen.push(panic.to_string()));
            before(panic);
        }));
    });
    SEEN.take();
}

/// The panics of this thread since [`watch`].
pub fn seen() -> Vec<String> {
    SEEN.with_borrow(Clone::clone)
}
