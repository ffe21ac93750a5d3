//! Which process holds a lease, and whether it has certainly ended.
//!
//! A process is told by the start of its machine, its number and its own start, which Linux tells in `/proc`. What is not
//! certain is not said: a process of another machine, of another boot or of another pid namespace cannot be looked for
//! from here, and neither can one on a system without `/proc`.
//!
//! A wrong answer loses nothing (two virtual machines that were started from one image of memory share a boot): a holder
//! that is taken for dead finds its lease gone and does not publish.

use offshoot_format::record::Holder;
use rustix::process::{Pid, test_kill_process};
use std::fs;

/// This process; none where the system does not say enough.
#[must_use]
pub fn this_process() -> Option<Holder> {
    let pid = std::process::id();
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // What is mounted there may be that of another namespace, in which we have another number.
    if stat.split(' ').next()?.parse() != Ok(pid) {
        return None;
    }
    let (boot, namespaces) = (boot()?, namespaces()?);
    Some(Holder { boot, namespaces, pid, started_ticks: Stat::parse(&stat)?.started_ticks })
}

/// Whether a process has ended for certain.
#[must_use]
pub fn has_ended(holder: &Holder) -> bool {
    let Some(this) = this_process() else { return false };
    if holder.boot != this.boot || holder.namespaces != this.namespaces {
        return false;
    }
    let Some(pid) = i32::try_from(holder.pid).ok().and_then(Pid::from_raw) else { return false };
    // Asked first, because `/proc` may hide the processes of other users.
    if test_kill_process(pid) == Err(rustix::io::Errno::SRCH) {
        return true;
    }
    let stat = fs::read_to_string(format!("/proc/{}/stat", holder.pid)).ok();
    let Some(stat) = stat.as_deref().and_then(Stat::parse) else { return false };
    stat.started_ticks != holder.started_ticks || stat.is_over
}

/// The start of the machine.
fn boot() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let boot = boot.trim();
    (!boot.is_empty()).then(|| boot.to_owned())
}

/// The namespaces that give numbers to processes and count their starts.
fn namespaces() -> Option<String> {
    let of = |kind: &str| fs::read_link(format!("/proc/self/ns/{kind}")).ok();
    let pid = of("pid")?;
    // Older systems have one time for all.
    let time = of("time").unwrap_or_default();
    Some(format!("{} {}", pid.display(), time.display()).trim_end().to_owned())
}

/// What a line of `/proc/PID/stat` says, see proc_pid_stat(5).
struct Stat {
    /// It has ended, all its threads have, and only its parent has not asked for its exit code yet.
    is_over: bool,
    started_ticks: u64,
}

impl Stat {
    fn parse(line: &str) -> Option<Self> {
        // The second field is the program's name in parentheses, which may itself hold anything.
        let (_, rest) = line.rsplit_once(") ")?;
        let field = |number: usize| rest.split_ascii_whitespace().nth(number - 3);
        let threads: u64 = field(20)?.parse().ok()?;
        let is_over = matches!(field(3)?, "Z" | "X") && threads <= 1;
        Some(Self { is_over, started_ticks: field(22)?.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    fn of_process(pid: u32) -> Option<Holder> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some(Holder { pid, started_ticks: Stat::parse(&stat)?.started_ticks, ..this_process()? })
    }

    #[test]
    fn only_what_is_certain_is_said() {
        let Some(this) = this_process() else {
            println!("SKIPPED: there is no /proc");
            return;
        };
        assert!(!has_ended(&this));
        let reused = Holder { started_ticks: this.started_ticks + 1, ..this.clone() };
        assert!(has_ended(&reused), "its number was given to another process");
        let gone = Holder { pid: i32::MAX as u32, ..this.clone() };
        assert!(has_ended(&gone), "there is no such process");
        for unknown in [
            Holder { boot: "another".to_owned(), ..gone.clone() },
            Holder { namespaces: "pid:[1]".to_owned(), ..gone.clone() },
            Holder { boot: String::new(), namespaces: String::new(), ..gone.clone() },
            Holder { pid: 0, ..gone.clone() },
            Holder { pid: u32::MAX, ..gone },
            Holder { boot: "another".to_owned(), ..reused },
        ] {
            assert!(!has_ended(&unknown), "{unknown:?}");
        }
    }

    #[test]
    fn a_killed_process_has_ended_before_anybody_waits_for_it() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let holder = of_process(child.id());
        let ended_before = holder.as_ref().is_some_and(has_ended);
        child.kill().unwrap();
        while holder.as_ref().is_some_and(|holder| !has_ended(holder)) {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(!ended_before && holder.is_none_or(|holder| has_ended(&holder)));
    }

    #[test]
    fn any_name_of_a_program_is_read_over() {
        let fields = "Z 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 111152 0 0";
        let stat = Stat::parse(&format!("7 (a) R (b) ) {fields}")).unwrap();
        assert!(stat.is_over && stat.started_ticks == 111_152);
        let others = Stat::parse(&format!("7 (a) {}", fields.replace("20 0 1 0", "20 0 2 0"))).unwrap();
        assert!(!others.is_over, "threads go on without the first");
        assert!(Stat::parse("7 (a) R 1").is_none() && Stat::parse("").is_none());
    }
}
