//! A wall clock that can be moved, for one process: loaded before the C library, it adds to the wall clock the seconds
//! that a file says. `chaos` starts an engine under it; the engine itself has no way to move its clock.
//!
//! The file holds eight bytes, a number in the machine's own order, and is named by `CLOCK_OFFSET_FILE`. It is mapped,
//! so that a change counts at once. Clocks other than the wall clock are left alone.
#![expect(unsafe_code, reason = "a function of the C library is replaced, which the language cannot check")]

use std::sync::atomic::{AtomicI64, AtomicPtr, Ordering};

const LENGTH: usize = size_of::<i64>();

/// Where the file is mapped; null before.
static OFFSET_S: AtomicPtr<AtomicI64> = AtomicPtr::new(std::ptr::null_mut());

/// As `clock_gettime(2)`, moved.
///
/// # Safety
/// As for the function that it replaces: `time` must be writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> libc::c_int {
    // SAFETY: the caller's own promise. The kernel answers no differently from the C library.
    let status = unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) };
    if status != 0 {
        return -1;
    }
    if clock == libc::CLOCK_REALTIME || clock == libc::CLOCK_REALTIME_COARSE {
        // SAFETY: the kernel has just written there.
        unsafe { (*time).tv_sec += offset_s() };
    }
    0
}

fn offset_s() -> i64 {
    let mut place = OFFSET_S.load(Ordering::Acquire);
    if place.is_null() {
        // Two threads may both map it, which does no harm.
        place = map();
        OFFSET_S.store(place, Ordering::Release);
    }
    // SAFETY: null, or a mapping of eight bytes that is never taken away.
    unsafe { place.as_ref() }.map_or(0, |offset| offset.load(Ordering::Relaxed))
}

/// Maps the file; null where there is none.
fn map() -> *mut AtomicI64 {
    // SAFETY: plain calls with constant strings; the environment is not changed while the program runs.
    unsafe {
        let path = libc::getenv(c"CLOCK_OFFSET_FILE".as_ptr());
        if path.is_null() {
            return std::ptr::null_mut();
        }
        let file = libc::open(path, libc::O_RDONLY | libc::O_CLOEXEC);
        if file < 0 {
            return std::ptr::null_mut();
        }
        let place = libc::mmap(std::ptr::null_mut(), LENGTH, libc::PROT_READ, libc::MAP_SHARED, file, 0);
        libc::close(file);
        if place == libc::MAP_FAILED { std::ptr::null_mut() } else { place.cast() }
    }
}
