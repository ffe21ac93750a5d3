//! The command `offshoot`: reads arguments and the process environment, calls the library, shows what came of it.
//!
//! Nothing is decided here that an embedder would miss: the commands parse, call the library and render. Results go to
//! stdout, everything else to stderr.

mod args;
mod checkout;
mod commands;
mod config;
mod context;
mod failure;
mod interrupt;
mod journal;
mod key;
mod lists;
mod logging;
mod output;
mod parity;
mod progress;
mod render;
mod surroundings;
mod values;

use args::Cli;
use clap::Parser;
use context::Context;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    forbid_core_files();
    let cli = Cli::try_parse().unwrap_or_else(|error| not_understood(&error));
    logging::start(cli.globals.verbose, &cli.globals);
    let name = cli.command.name();
    let context = Context::new(cli.globals);
    let outcome = {
        let _span = tracing::info_span!("offshoot", command = name).entered();
        commands::run(&cli.command, &context)
    };
    ExitCode::from(output::show(name, outcome, &context))
}

/// Says what is wrong with the arguments, or what was asked for by `--help`. What a shell evaluates of it fails as well.
fn not_understood(error: &clap::Error) -> ! {
    if error.use_stderr() && std::env::args_os().any(|argument| argument == "--env") {
        // A reader that went away needs no word.
        let _ = std::io::stdout().write_all(offshoot_project::env::shell::nothing().as_bytes());
    }
    error.exit()
}

/// A core file would hold rows and passwords.
fn forbid_core_files() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    // Where the system refuses, there is no core file to fear that it would not have written anyway.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}
