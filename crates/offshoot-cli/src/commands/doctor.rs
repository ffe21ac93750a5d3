//! `offshoot doctor`: whether a database can be captured, and what is missing.

mod mysql;
mod postgres;

use super::Outcome;
use crate::context::Context;
use crate::failure::{Failure, code};
use crate::output::{Report, Style};
use crate::render::facts::Facts;
use crate::{parity, surroundings};
use clap::Args;
use offshoot::DoctorReport;
use serde_json::json;

/// Say whether a database can be captured and what is missing, or how a branch differs from production
#[derive(Debug, Args)]
pub struct Doctor {
    /// The database, as psql takes it, or a branch
    #[arg(value_name = "URL|BRANCH")]
    url: String,
    /// Exit with 5 if a capture could not succeed, or the branch drifts
    #[arg(long)]
    strict: bool,
}

impl Doctor {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        if let Some(report) = self.of_branch(context)? {
            return Ok(report);
        }
        let connection = context.connection(&self.url)?;
        let report = connection.doctor(&surroundings::pg_dump_programs())?;
        let exit = if self.strict && !report.is_ready() { code::FOUND } else { code::DONE };
        let (text, json) = match &report {
            DoctorReport::Postgres(report) => (postgres::told(report, context.style), postgres::in_json(report)),
            DoctorReport::Mysql(report) => (mysql::told(report, context.style), mysql::in_json(report)),
            _ => (String::new(), json!({ "ready": report.is_ready() })),
        };
        Ok(Report::done(text, json).with_code(exit))
    }
}

impl Doctor {
    /// The report of a branch, if the word is the name of one; a URL never is, and where there is no store there is none.
    fn of_branch(&self, context: &Context) -> Result<Option<Report>, Failure> {
        if self.url.contains("://") || self.url.contains('=') || context.open_store().is_err() {
            return Ok(None);
        }
        let branches = context.branches(true)?;
        if !branches.list()?.iter().any(|branch| branch.name.as_str() == self.url) {
            return Ok(None);
        }
        let parity = parity::of_branch(context, &branches, &self.url)?;
        let exit = if self.strict && parity.drift().next().is_some() { code::FOUND } else { code::DONE };
        let json = json!({ "branch": self.url, "parity": parity.rows, "notes": parity.notes });
        Ok(Some(Report::done(parity::table(&parity, context.style), json).with_code(exit)))
    }
}

fn list(facts: &mut Facts, head: &str, lines: &[String], style: Style) {
    if lines.is_empty() {
        return;
    }
    facts.section(head, style);
    for line in lines {
        facts.block(&format!("{}\n", crate::render::text::plain_line(line)));
    }
}
