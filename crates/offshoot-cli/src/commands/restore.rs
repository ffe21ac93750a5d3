//! `offshoot restore`: restore a snapshot into a database, or say what would be done.

use super::Outcome;
use crate::context::Context;
use crate::failure::code;
use crate::output::{Report, Style, note, warn};
use crate::render::facts::Facts;
use clap::{Args, ValueEnum};
use offshoot::amounts::{bytes, count, millis, span};
use offshoot::{RestoreOptions, RestorePlan, RestoreReport, Roles};
use serde_json::{Value, json};
use std::num::NonZeroUsize;

/// Restore a snapshot into a database
#[derive(Debug, Args)]
pub struct Restore {
    /// The snapshot: `prod`, `prod~2`, `prod@{2026-11-22 10:05}`, a tag, or the first digits of its hash
    #[arg(value_name = "SNAPSHOT")]
    snapshot: String,
    /// The target: an empty database, as psql takes it, or a mysql:// URL
    #[arg(long, value_name = "URL")]
    to: String,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Sessions that work at once [default: one a core]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Drop what is in the target, after listing it
    #[arg(long)]
    force: bool,
    /// What becomes of owners and privileges
    #[arg(long, value_enum, default_value_t = RolesChoice::Create)]
    roles: RolesChoice,
    /// Do without this extension and what depends on it; may be repeated
    #[arg(long, value_name = "X")]
    skip_extension: Vec<String>,
}

/// What becomes of owners and privileges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RolesChoice {
    /// Missing roles are made, without a password and without the right to log in
    Create,
    /// Roles of the same name are used, the target's user where there is none
    Map,
    /// Everything belongs to the target's user, and no privileges are set
    Skip,
}

impl Restore {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        let store = context.open_store()?;
        let connection = context.connection(&self.to)?;
        let plan = store.plan_restore(&self.snapshot, &connection, &self.options())?;
        if self.dry_run {
            let text = format!("{plan}dry run: nothing was changed\n");
            return Ok(Report::done(text, planned(&plan)));
        }
        plan.warnings().iter().for_each(|warning| warn(warning));
        if !context.globals.quiet {
            plan.drops().iter().for_each(|object| note(&format!("drop {object}")));
        }
        let report = plan.apply(&context.control())?;
        report.warnings.iter().filter(|warning| !plan.warnings().contains(warning)).for_each(|warning| warn(warning));
        let exit = if report.losses.is_empty() { code::DONE } else { code::NOT_CARRIED };
        let told = told(&plan, &report, context.style);
        Ok(Report::done(told, in_json(&plan, &report)).with_code(exit))
    }

    fn options(&self) -> RestoreOptions {
        RestoreOptions {
            jobs: self.jobs,
            force: self.force,
            roles: match self.roles {
                RolesChoice::Create => Roles::Create,
                RolesChoice::Map => Roles::Map,
                RolesChoice::Skip => Roles::Skip,
            },
            skip_extensions: self.skip_extension.clone(),
        }
    }
}

fn told(plan: &RestorePlan, report: &RestoreReport, style: Style) -> String {
    let mut facts = Facts::default();
    facts.add("restored", plan.snapshot().to_string());
    facts.add("into", plan.database());
    facts.add("rows", count(report.rows));
    facts.add("sent", bytes(report.bytes));
    facts.add("time", span(millis(report.elapsed)));
    facts.add("compared", "catalog and row counts agree");
    facts.section("steps", style);
    let width = report.steps.iter().map(|step| step.name.len()).max().unwrap_or_default();
    for step in &report.steps {
        facts.block(&format!("{:<width$} {}\n", step.name, span(millis(step.share))));
    }
    facts.notes("left out", &report.losses, style);
    facts.finish()
}

fn planned(plan: &RestorePlan) -> Value {
    json!({
        "dry_run": true,
        "snapshot": plan.snapshot().to_string(),
        "database": plan.database(),
        "plan": plan.to_string().lines().collect::<Vec<_>>(),
        "drops": plan.drops(),
        "losses": plan.losses(),
        "warnings": plan.warnings(),
    })
}

fn in_json(plan: &RestorePlan, report: &RestoreReport) -> Value {
    let step = |step: &offshoot::StepTime| json!({ "step": step.name, "began_seconds": step.began.as_secs_f64(), "ended_seconds": step.ended.as_secs_f64(), "seconds": step.share.as_secs_f64() });
    json!({
        "dry_run": false,
        "snapshot": plan.snapshot().to_string(),
        "database": plan.database(),
        "rows": report.rows,
        "bytes": report.bytes,
        "seconds": report.elapsed.as_secs_f64(),
        "steps": report.steps.iter().map(step).collect::<Vec<_>>(),
        "drops": plan.drops(),
        "losses": report.losses,
        "warnings": report.warnings,
    })
}
