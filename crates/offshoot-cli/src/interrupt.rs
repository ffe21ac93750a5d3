//! Ctrl-C: the first one asks the operation to stop, the second one ends the process.
//!
//! Signals that were ignored when the process began stay ignored: under `nohup` a closed terminal ends nothing.

use crate::failure::code;
use offshoot::Control;
use offshoot_project::run::ignored_signals;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Makes Ctrl-C, SIGTERM and SIGHUP cancel an operation.
pub fn cancels(control: &Control) {
    let ignored = ignored_signals();
    let wanted = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    // Without handlers the signals end the process, which loses nothing that was published.
    let Ok(mut signals) = Signals::new(wanted) else { return };
    let control = control.clone();
    let watch = move || {
        for _ in signals.forever() {
            if control.is_cancelled() {
                std::process::exit(code::INTERRUPTED.into());
            }
            control.cancel();
            crate::output::note("stopping; press Ctrl-C again to end at once");
        }
    };
    let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(watch);
}
