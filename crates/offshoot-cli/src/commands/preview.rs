//! `offshoot preview`: rows of a live table before and after scrubbing, on the operator's screen and nowhere else.

use super::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Report, Style};
use crate::render::table::{Align, Table};
use clap::Args;
use offshoot::{ErrorKind, Preview as Previewed};
use serde_json::json;
use std::io::IsTerminal as _;
use std::path::PathBuf;

/// Longer values are cut, in characters.
const VALUE_CHARS_MAX: usize = 48;

/// Show rows of a live table before and after scrubbing
#[derive(Debug, Args)]
pub struct Preview {
    /// The database, as psql takes it
    #[arg(value_name = "URL")]
    url: String,
    /// The table, with or without its schema
    #[arg(long, value_name = "T")]
    table: String,
    /// How many rows
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rows: u32,
    /// The policy [default: that of the project's offshoot.toml]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

impl Preview {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        if context.globals.json || !std::io::stdout().is_terminal() {
            let message = "a preview shows raw values, and goes to a terminal only";
            return Err(Failure::new(ErrorKind::Refused, message, "run it in a terminal, without --json or a pipe"));
        }
        let Some(scrub) = context.scrub(self.policy.as_deref())? else {
            let hint = "name one with --policy FILE, or propose one with `offshoot scan URL`";
            return Err(Failure::new(ErrorKind::Usage, "there is no policy to preview", hint));
        };
        let connection = context.connection(&self.url)?;
        let preview = offshoot::preview(&connection, &scrub, &self.table, self.rows, &context.control())?;
        crate::progress::end();
        Ok(Report::done(told(&preview, context.style), json!({})))
    }
}

fn told(preview: &Previewed, style: Style) -> String {
    let mut text = String::new();
    for (number, row) in preview.rows.iter().enumerate() {
        let mut table = Table::new(&[
            ("COLUMN", Align::Left),
            ("RULE", Align::Left),
            ("BEFORE", Align::Left),
            ("AFTER", Align::Left),
        ]);
        for ((name, rule), (before, after)) in preview.columns.iter().zip(&row.0) {
            table.push([name.clone(), rule.clone(), shown(before.as_deref()), shown(after.as_deref())]);
        }
        text.push_str(&format!("{}\n{}\n", style.bold(&format!("row {}", number + 1)), table.render(style)));
    }
    if preview.left_out > 0 {
        text.push_str(&format!("{} rows were left out, as the policy says\n", preview.left_out));
    }
    if preview.rows.is_empty() && preview.left_out == 0 {
        text.push_str("the table has no rows\n");
    }
    text
}

fn shown(value: Option<&str>) -> String {
    let Some(value) = value else { return "NULL".to_owned() };
    let mut shown: String = value.chars().take(VALUE_CHARS_MAX).collect();
    if shown.len() < value.len() {
        shown.push('…');
    }
    shown
}
