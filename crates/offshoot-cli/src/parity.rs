//! Parity of a branch with where its snapshot was taken: read, shown, and refused where it drifts.

use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Style, note};
use crate::render::table::{Align, Table};
use offshoot::manifest::Environment;
use offshoot::{Branches, Build, ErrorKind};
use offshoot_project::parity::{Grade, Here, Parity};
use offshoot_project::services::{self, Declared, Engine};
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

/// A line for each thing in which a server's programs are not those that the snapshot was taken with.
pub fn of_build(expected: &Environment, build: &Build) -> Vec<String> {
    let engine = Engine::of_word(&build.engine).unwrap_or(Engine::Postgres);
    let here = Here::Build(&build.version, build.version_num);
    let parity = Parity::of(engine, expected, &Declared::default(), here);
    let differs = parity.rows.iter().filter(|row| row.here.is_some() && row.grade > Grade::Same);
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "none named".to_owned());
    differs.map(|row| format!("{}: {} here, {} there", row.what, shown(&row.here), shown(&row.snapshot))).collect()
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
