//! The words of the command line: global options and commands. What a command takes is in its own file.

use crate::commands::{
    branch, capture, completions, doctor, forget, gc, git, image, init, key, log, man, pool, preview, pseudonym,
    receipt, restore, run, scan, scrub, show, stats, tag, verify,
};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 failed; 2 usage; 3 done, but something named was not carried;
4 refused for safety; 5 damage or difference found; 130 interrupted.";

/// Snapshots of Postgres databases: capture, store once what is equal, restore anywhere.
#[derive(Debug, Parser)]
#[command(name = "offshoot", version, after_help = EXIT_CODES, max_term_width = 100, disable_help_subcommand = true)]
pub struct Cli {
    /// Options of all commands.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of all commands.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Options of all commands")]
pub struct Globals {
    /// The store; else OFFSHOOT_STORE, else `store` in offshoot.toml, else .offshoot beside it
    #[arg(long, global = true, value_name = "PATH|URL")]
    pub store: Option<PathBuf>,
    /// The configuration, instead of the offshoot.toml that is found by walking up
    #[arg(long, global = true, value_name = "PATH")]
    pub config: Option<PathBuf>,
    /// One JSON object on stdout
    #[arg(long, global = true)]
    pub json: bool,
    /// No progress and no notes; errors and warnings stay
    #[arg(long, global = true)]
    pub quiet: bool,
    /// Steps and counts on stderr; twice for more. RUST_LOG can say it finer
    #[arg(short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a store
    Init(init::Init),
    /// Look for personal data in a live database, and propose a policy
    Scan(scan::Scan),
    /// Take a snapshot of a live database
    Capture(capture::Capture),
    /// List snapshots
    Log(log::Log),
    /// Show what is known of a snapshot
    Show(show::Show),
    /// Give a snapshot a fixed name, or remove one
    Tag(tag::Tag),
    /// Forget snapshots; gc gives their space back
    Forget(forget::Forget),
    /// Give back the space of what no snapshot needs
    Gc(gc::Gc),
    /// Check the store, or compare a snapshot with a live database
    Verify(verify::Verify),
    /// Restore a snapshot into a database
    Restore(restore::Restore),
    /// Show rows of a live table before and after scrubbing
    Preview(preview::Preview),
    /// Say what a value became in a scrubbed snapshot, for who holds the key
    Pseudonym(pseudonym::Pseudonym),
    /// Show the receipt of a scrubbed snapshot
    Receipt(receipt::Receipt),
    /// Make a scrubbed snapshot of a raw one
    Scrub(scrub::Scrub),
    /// Make a scrub key, or tell keys apart
    Key(key::Key),
    /// Make, list and delete branches
    Branch(branch::Branch),
    /// Make, list and remove images
    Image(image::Image),
    /// Make, look at and remove the pool that images and branches are in
    Pool(pool::Pool),
    /// Run a command with a branch of its own
    Run(run::Run),
    /// Give every Git branch a database branch
    Git(git::Git),
    /// Say how long branches took, and how much time was spent waiting, by week
    Stats(stats::StatsCommand),
    /// Say whether a database can be captured and what is missing, or how a branch differs from production
    Doctor(doctor::Doctor),
    /// Print the completions of a shell
    Completions(completions::Completions),
    /// Write the manual pages into a folder
    Man(man::Man),
}

impl Command {
    /// The command's word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Init(_) => "init",
            Self::Scan(_) => "scan",
            Self::Capture(_) => "capture",
            Self::Log(_) => "log",
            Self::Show(_) => "show",
            Self::Tag(_) => "tag",
            Self::Forget(_) => "forget",
            Self::Gc(_) => "gc",
            Self::Verify(_) => "verify",
            Self::Restore(_) => "restore",
            Self::Preview(_) => "preview",
            Self::Pseudonym(_) => "pseudonym",
            Self::Receipt(_) => "receipt",
            Self::Scrub(_) => "scrub",
            Self::Key(_) => "key",
            Self::Branch(_) => "branch",
            Self::Image(_) => "image",
            Self::Pool(_) => "pool",
            Self::Run(_) => "run",
            Self::Git(_) => "git",
            Self::Stats(_) => "stats",
            Self::Doctor(_) => "doctor",
            Self::Completions(_) => "completions",
            Self::Man(_) => "man",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }
}
