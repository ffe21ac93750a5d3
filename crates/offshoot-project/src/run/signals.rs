//! Signals that arrive while a command runs: which are its own affair, and which are passed on to it.
//!
//! A terminal sends Ctrl-C and Ctrl-\ to the whole process group, so the command has them already; a second one would be
//! taken for impatience. A signal that another process sends reaches this one only, and is passed on. Signals that were
//! ignored when the process began stay ignored, as under `nohup`.

use crate::error::{ProjectError, Result};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::iterator::exfiltrator::origin::Origin;
use signal_hook::low_level::siginfo::{Cause, Sent};
use std::io;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const PASSED_ON: [i32; 6] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2];

/// Signals, and where they go now.
pub(super) struct Forwarding {
    phase: Arc<Mutex<Phase>>,
}

enum Phase {
    /// No command yet; a signal that came.
    Before(Option<i32>),
    /// The command runs.
    During(Pid),
    /// The branch is being deleted, which no signal stops.
    After,
}

fn held(phase: &Mutex<Phase>) -> MutexGuard<'_, Phase> {
    phase.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Forwarding {
    /// From now on no signal ends the process; one that comes before a command is started calls `cancel`.
    pub(super) fn start(cancel: impl Fn() + Send + 'static) -> Result<Self> {
        let failed = ProjectError::io("handle signals for", Path::new("the command"));
        let ignored = ignored();
        let wanted = PASSED_ON.into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
        let phase = Arc::new(Mutex::new(Phase::Before(None)));
        let known = Arc::clone(&phase);
        let begin = || -> io::Result<()> {
            let mut signals = SignalsInfo::<WithOrigin>::new(wanted)?;
            let watch = move || {
                for origin in signals.forever() {
                    arrived(&origin, &known, &cancel);
                }
            };
            std::thread::Builder::new().name("signals".to_owned()).spawn(watch).map(drop)
        };
        begin().map_err(failed)?;
        Ok(Self { phase })
    }

    /// Starts the command, unless a signal has come. What comes from now on goes to it.
    pub(super) fn spawn(&self, command: &mut Command) -> Result<io::Result<Child>> {
        let mut phase = held(&self.phase);
        if let Phase::Before(Some(signal)) = *phase {
            return Err(ProjectError::Interrupted { signal });
        }
        let child = command.spawn();
        *phase = match child.as_ref().ok().and_then(|child| Pid::from_raw(i32::try_from(child.id()).ok()?)) {
            Some(pid) => Phase::During(pid),
            None => Phase::After,
        };
        Ok(child)
    }

    /// The command has ended: from now on signals go nowhere.
    pub(super) fn stop(&self) {
        *held(&self.phase) = Phase::After;
    }

    /// The signal that came before the command was started.
    pub(super) fn signal(&self) -> Option<i32> {
        match *held(&self.phase) {
            Phase::Before(signal) => signal,
            _ => None,
        }
    }
}

fn arrived(origin: &Origin, phase: &Mutex<Phase>, cancel: &impl Fn()) {
    match &mut *held(phase) {
        Phase::Before(signal) => {
            signal.get_or_insert(origin.signal);
            cancel();
        }
        Phase::During(pid) => {
            let is_keyboard = matches!(origin.signal, SIGINT | SIGQUIT);
            let is_sent = matches!(origin.cause, Cause::Sent(Sent::User | Sent::TKill | Sent::Queue));
            if let Some(signal) = Signal::from_named_raw(origin.signal).filter(|_| is_sent || !is_keyboard) {
                // It has just ended by itself, or belongs to somebody else by now: then it is none of ours.
                let _ = kill_process(*pid, signal);
            }
        }
        Phase::After => {}
    }
}

/// The signals that this process ignores, as a set of bits, the lowest for signal 1; none where the system does not say.
#[must_use]
pub fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let set = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(0)
}
