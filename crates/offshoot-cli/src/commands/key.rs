//! `offshoot key`: make a scrub key, and tell keys apart.

use super::Outcome;
use crate::context::Context;
use crate::output::Report;
use crate::render::facts::Facts;
use clap::{Args, Subcommand};
use offshoot::scrub::{Fingerprint, new_key};
use serde_json::json;
use std::path::PathBuf;

/// Make a scrub key, or tell keys apart
#[derive(Debug, Args)]
pub struct Key {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Make a new key in a new file that only you may read
    New {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The fingerprint of the key that it comes after: a new epoch, in which pseudonyms are others
        #[arg(long, value_name = "FINGERPRINT", value_parser = fingerprint)]
        replaces: Option<Fingerprint>,
    },
    /// Print what tells the key from others; it is safe to show
    Fingerprint {
        /// The key's file [default: the key that a capture would use]
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

impl Key {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        match &self.command {
            KeyCommand::New { file, replaces } => {
                let key = match replaces {
                    Some(before) => new_key()?.replacing(*before),
                    None => new_key()?,
                };
                crate::key::write(file, &key)?;
                let mut facts = Facts::default();
                facts.add("key", file.display().to_string());
                facts.add("fingerprint", key.fingerprint().to_string());
                let text = format!(
                    "{}keep it as you keep a password: who has it can find people again, and without it later snapshots \
                     cannot agree with earlier ones\n",
                    facts.finish()
                );
                let json = json!({ "file": file, "fingerprint": key.fingerprint().to_string() });
                Ok(Report::done(text, json))
            }
            KeyCommand::Fingerprint { file } => {
                let key = match file {
                    Some(file) => crate::key::read(file)?,
                    None => crate::key::require(&context.config()?)?,
                };
                let fingerprint = key.fingerprint().to_string();
                let json = json!({
                    "fingerprint": fingerprint, "replaces": key.replaces().map(|before| before.to_string()),
                });
                Ok(Report::done(format!("{fingerprint}\n"), json))
            }
        }
    }
}

fn fingerprint(text: &str) -> Result<Fingerprint, String> {
    Fingerprint::parse(text).ok_or_else(|| {
        format!("a fingerprint has 32 hexadecimal digits, and this has {} characters", text.chars().count())
    })
}
