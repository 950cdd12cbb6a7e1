//! What this process and its threads have used of the machine.

use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use nix::time::{ClockId, clock_gettime};

use crate::error::{ExecError, Result};

/// CPU seconds of this process so far, user and system; zero where the system does not tell.
pub fn cpu_seconds() -> f64 {
    let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 * 1e-6;
    getrusage(UsageWho::RUSAGE_SELF).map_or(0.0, |u| seconds(u.user_time()) + seconds(u.system_time()))
}

/// CPU seconds of this thread so far.
pub(crate) fn thread_cpu_seconds() -> Result<f64> {
    let now = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
        .map_err(|errno| ExecError::NoThreadTime(errno.into()))?;
    Ok(Duration::from(now).as_secs_f64())
}

/// The largest resident set of this process so far, in bytes; zero where the system does not tell.
pub fn peak_rss_bytes() -> u64 {
    // Linux counts kibibytes, macOS bytes.
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    getrusage(UsageWho::RUSAGE_SELF).map_or(0, |u| u.max_rss().max(0) as u64 * unit)
}
