//! What processes cost, as Linux accounts for it.

use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, Timespec, clock_gettime};
use serde::Serialize;

/// CPU time that a process has had so far, all its threads together, in steps of a clock tick (10 ms).
pub(crate) fn cpu_of(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let stat = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    // The second field is a name in brackets, in which anything may stand.
    let fields: Vec<&str> = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
    let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<u64>().ok());
    // utime and stime: fields 14 and 15, of which the third is the first here.
    let ticks = ticks(11).zip(ticks(12)).map(|(user, system)| user + system).with_context(|| format!("{path} has no utime and stime"))?;
    let millis = ticks.saturating_mul(1_000).checked_div(rustix::param::clock_ticks_per_second());
    Ok(Duration::from_millis(millis.context("the machine has no clock ticks")?))
}

/// Memory of a process in KiB.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Memory {
    /// Resident now.
    pub(crate) resident_kib: u64,
    /// Most that ever was resident.
    pub(crate) peak_kib: u64,
}

/// Memory of a process.
pub(crate) fn memory_of(pid: u32) -> Result<Memory> {
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|rest| rest.trim().trim_end_matches("kB").trim_end().parse().ok());
        kib.with_context(|| format!("{path} has no {name}"))
    };
    Ok(Memory { resident_kib: field("VmRSS:")?, peak_kib: field("VmHWM:")? })
}

/// CPU time that this process has had so far.
pub(crate) fn own_cpu() -> Duration {
    since_zero(clock_gettime(ClockId::ProcessCPUTime))
}

/// CPU time that this thread has had so far.
pub(crate) fn thread_cpu() -> Duration {
    since_zero(clock_gettime(ClockId::ThreadCPUTime))
}

/// How many processors there are for all.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Lets this process, and those it starts, have as many open files as it may without privilege, and returns how many that is; `None` if there is no limit.
pub(crate) fn raise_open_files() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    }
}

fn since_zero(time: Timespec) -> Duration {
    Duration::new(time.tv_sec.try_into().unwrap_or_default(), time.tv_nsec.try_into().unwrap_or_default())
}
