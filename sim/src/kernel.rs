//! What this process asks of the kernel at random or by the clock, answered from the seed and by simulated time.
//!
//! openraft draws its election timeouts, tokio the order of `select!`, and the standard library the order of hash maps from
//! getrandom(2); h2 looks at the monotonic clock. The two functions here take the place of libc's in this program, so that
//! the same seed gives the same run, to the last step.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_long, c_uint, c_void};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Whether the seed answers; until then the kernel does.
static BENT: AtomicBool = AtomicBool::new(false);
static RANDOM: AtomicU64 = AtomicU64::new(0);
/// Nanoseconds since [`bend`].
static ELAPSED: AtomicU64 = AtomicU64::new(0);
/// What the clocks show at [`bend`], seconds: some day in 2027.
const BEGIN: u64 = 1_800_000_000;

/// From now on, for the whole process, the seed answers. Threads that have drawn already keep what they drew, so that the
/// simulation needs one of its own.
pub(crate) fn bend(seed: u64) {
    RANDOM.store(seed, Ordering::SeqCst);
    BENT.store(true, Ordering::SeqCst);
}

/// Lets the clocks show this.
pub(crate) fn set_elapsed(elapsed: Duration) {
    ELAPSED.store(elapsed.as_nanos() as u64, Ordering::SeqCst);
}

/// What they show, since [`bend`].
pub(crate) fn elapsed() -> Duration {
    Duration::from_nanos(ELAPSED.load(Ordering::SeqCst))
}

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
fn random() -> u64 {
    const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut mixed = RANDOM.fetch_add(GAMMA, Ordering::SeqCst).wrapping_add(GAMMA);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// getrandom(2).
///
/// # Safety
/// `into` must be valid for writes of `length` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(into: *mut c_void, length: usize, flags: c_uint) -> isize {
    if !BENT.load(Ordering::SeqCst) {
        // SAFETY: the caller's promise is what the kernel asks for.
        return unsafe { libc::syscall(libc::SYS_getrandom, into, length, flags) } as isize;
    }
    // SAFETY: the caller promises that these bytes may be written.
    let into = unsafe { std::slice::from_raw_parts_mut(into.cast::<u8>(), length) };
    for piece in into.chunks_mut(8) {
        piece.copy_from_slice(&random().to_le_bytes()[..piece.len()]);
    }
    length as isize
}

/// clock_gettime(2).
///
/// # Safety
/// `into` must be valid for a write.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, into: *mut libc::timespec) -> c_int {
    if !BENT.load(Ordering::SeqCst) {
        // SAFETY: the caller's promise is what the kernel asks for.
        return unsafe { libc::syscall(libc::SYS_clock_gettime, c_long::from(clock), into) } as c_int;
    }
    let elapsed = elapsed();
    // SAFETY: the caller promises that it may be written.
    unsafe {
        (*into).tv_sec = (BEGIN + elapsed.as_secs()) as i64;
        (*into).tv_nsec = i64::from(elapsed.subsec_nanos());
    }
    0
}

/// getpid(2): what a node says of itself must not depend on which processes ran before.
#[unsafe(no_mangle)]
extern "C" fn getpid() -> libc::pid_t {
    if BENT.load(Ordering::SeqCst) {
        return 1;
    }
    // SAFETY: it takes nothing and touches no memory.
    (unsafe { libc::syscall(libc::SYS_getpid) }) as libc::pid_t
}
