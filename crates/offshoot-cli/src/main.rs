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
use std::process::ExitCode;

fn main() -> ExitCode {
    forbid_core_files();
    let cli = Cli::parse();
    logging::start(cli.globals.verbose, &cli.globals);
    let name = cli.command.name();
    let context = Context::new(cli.globals);
    let outcome = {
        let _span = tracing::info_span!("offshoot", command = name).entered();
        commands::run(&cli.command, &context)
    };
    ExitCode::from(output::show(name, outcome, &context))
}

/// A core file would hold rows and passwords.
fn forbid_core_files() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    // Where the system refuses, there is no core file to fear that it would not have written anyway.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}
