//! Parity of a branch with where its snapshot was taken: read, shown, and refused where it drifts.

use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Style, note};
use crate::render::table::{Align, Table};
use offshoot::{Branches, ErrorKind};
use offshoot_project::parity::{Here, Parity};
use offshoot_project::services;
use offshoot_project::services::Engine;
use std::path::Path;

/// Compares a branch's server, and what the project declares, with its snapshot.
pub fn of_branch(context: &Context, branches: &Branches, name: &str) -> Result<Parity, Failure> {
    let environment = branches.environment(name)?;
    let project = context.config()?.project;
    let folder = project.as_deref().and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
    let variable = |name: &str| std::env::var(name).ok();
    let declared = services::declared(folder.unwrap_or(Path::new(".")), &variable)?;
    let engine = Engine::of_word(&environment.build.engine).unwrap_or(Engine::Postgres);
    Ok(Parity::of(engine, &environment.expected, &declared, Here::Server(&environment.found)))
}

/// Refuses a branch that drifts, with the rows that do.
pub fn refuse_drift(context: &Context, branches: &Branches, name: &str) -> Result<(), Failure> {
    let parity = of_branch(context, branches, name)?;
    let drift: Vec<String> = parity.drift().map(|row| format!("\n  {} {}", row.what, row.grade)).collect();
    if drift.is_empty() {
        return Ok(());
    }
    let what = format!("{name} would differ from where its snapshot was taken:{}", drift.concat());
    let hint = "`offshoot doctor BRANCH` shows all rows of a branch that is made without --strict; docs/checkouts.md has the grades";
    Err(Failure::new(ErrorKind::Refused, what, hint))
}

/// The table.
pub fn table(parity: &Parity, style: Style) -> String {
    let mut table = Table::new(&[
        ("WHAT", Align::Left),
        ("SNAPSHOT", Align::Left),
        ("DECLARED", Align::Left),
        ("HERE", Align::Left),
        ("GRADE", Align::Left),
    ]);
    for row in &parity.rows {
        let shown = |value: &Option<String>| value.clone().unwrap_or_default();
        table.push([
            row.what.clone(),
            shown(&row.snapshot),
            shown(&row.declared),
            shown(&row.here),
            row.grade.to_string(),
        ]);
    }
    parity.notes.iter().for_each(|text| note(text));
    table.render(style)
}
