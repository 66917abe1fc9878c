//! This process as the system sees it.

use std::fs;

use rustix::process::{Resource, getrlimit};

/// Time, memory and files that the process takes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    /// Time on a processor, in seconds.
    pub cpu: f64,
    /// Memory that is really there, in bytes.
    pub resident: u64,
    /// Memory that is addressed, in bytes.
    pub addressed: u64,
    /// Open files, sockets included.
    pub files: u64,
    /// How many there may be; none where nobody limits them.
    pub most_files: Option<u64>,
    /// Threads.
    pub threads: u64,
    /// When it began, in seconds since the epoch.
    pub began: f64,
}

impl Process {
    /// Looks; it reads a few files under `/proc`.
    pub fn look() -> Option<Process> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let boot = fs::read_to_string("/proc/stat").ok()?;
        let files = fs::read_dir("/proc/self/fd").ok()?.count();
        let ticks = rustix::param::clock_ticks_per_second();
        let page = u64::try_from(rustix::param::page_size()).ok()?;
        let read = read(&stat, &boot, ticks, page)?;
        // One of them is the folder itself.
        let files = u64::try_from(files).ok()?.saturating_sub(1);
        Some(Process { files, most_files: getrlimit(Resource::Nofile).current, ..read })
    }
}

/// proc_pid_stat(5): the fields after the name, which stands in brackets and may itself have brackets and blanks; the
/// first of them is field 3.
#[allow(clippy::cast_precision_loss, reason = "ticks of a lifetime are far below 2^52")]
fn read(stat: &str, boot: &str, ticks: u64, page: u64) -> Option<Process> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |number: usize| fields.get(number.checked_sub(3)?)?.parse::<u64>().ok();
    let seconds = |count: u64| count as f64 / ticks as f64;
    let booted: u64 = boot.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(Process {
        cpu: seconds(field(14)? + field(15)?),
        threads: field(20)?,
        began: booted as f64 + seconds(field(22)?),
        addressed: field(23)?,
        resident: field(24)? * page,
        files: 0,
        most_files: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_lines_are_read_whatever_the_program_is_called() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 5 0 3000 40960 3 18446744073709551615";
        let found = read(stat, "cpu 1 2\nbtime 1700000000\nprocesses 9\n", 100, 4096).unwrap();
        let expected = Process {
            cpu: 2.0,
            threads: 5,
            began: 1_700_000_030.0,
            addressed: 40_960,
            resident: 12_288,
            files: 0,
            most_files: None,
        };
        assert_eq!(found, expected);
        assert_eq!(read("7 (a) S 1", "btime 1", 100, 4096), None);
    }

    #[test]
    fn this_process_is_seen() {
        let here = Process::look().unwrap();
        assert!(here.resident > 100_000 && here.files >= 3 && here.threads >= 1 && here.began > 1e9, "{here:?}");
    }
}
