//! A disk for real processes whose power can fail: [`gossamer_world::memory::Memory`] mounted as a file system.
