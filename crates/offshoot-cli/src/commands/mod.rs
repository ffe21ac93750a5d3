//! One file a command: what it takes, the call of the library, and what is shown of the answer.

pub mod branch;
pub mod capture;
pub mod completions;
pub mod doctor;
pub mod forget;
pub mod gc;
pub mod git;
pub mod image;
pub mod init;
pub mod key;
pub mod log;
pub mod man;
pub mod pool;
pub mod preview;
pub mod pseudonym;
pub mod receipt;
pub mod restore;
pub mod run;
pub mod scan;
pub mod scrub;
pub mod show;
pub mod stats;
pub mod tag;
pub mod verify;

use crate::args::Command;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Report;

/// What a command gives back.
pub type Outcome = Result<Report, Failure>;

/// Runs a command.
pub fn run(command: &Command, context: &Context) -> Outcome {
    let outcome = match command {
        Command::Init(command) => command.run(context),
        Command::Capture(command) => command.run(context),
        Command::Log(command) => command.run(context),
        Command::Show(command) => command.run(context),
        Command::Tag(command) => command.run(context),
        Command::Forget(command) => command.run(context),
        Command::Gc(command) => command.run(context),
        Command::Verify(command) => command.run(context),
        Command::Restore(command) => command.run(context),
        Command::Scan(command) => command.run(context),
        Command::Branch(command) => command.run(context),
        Command::Image(command) => command.run(context),
        Command::Pool(command) => command.run(context),
        Command::Run(command) => command.run(context),
        Command::Git(command) => command.run(context),
        Command::Stats(command) => command.run(context),
        Command::Doctor(command) => command.run(context),
        Command::Preview(command) => command.run(context),
        Command::Pseudonym(command) => command.run(context),
        Command::Receipt(command) => command.run(context),
        Command::Scrub(command) => command.run(context),
        Command::Key(command) => command.run(context),
        Command::Completions(command) => command.run(),
        Command::Man(command) => command.run(),
    };
    crate::progress::end();
    outcome
}
