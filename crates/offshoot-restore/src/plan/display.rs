//! A plan as text, for `--dry-run`.

use super::{Plan, Task, TaskKind};
use crate::report::stage_name;
use offshoot_core::target::{Part, Roles, Stage};
use offshoot_format::manifest::TableEntry;
use std::fmt;

impl fmt::Display for Plan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (inspection, choices) = (&self.inspection, &self.options.choices);
        writeln!(f, "snapshot  {}", self.snapshot.id)?;
        writeln!(f, "into      {} on {} as {}", inspection.database, inspection.version, inspection.user)?;
        let roles = match choices.roles {
            Roles::Create => "create",
            Roles::Map => "map",
            Roles::Skip => "skip",
        };
        let connections = if choices.jobs == 1 { "connection" } else { "connections" };
        writeln!(f, "with      {} {connections}, roles: {roles}", choices.jobs)?;
        if let Some(mark) = &inspection.mark {
            writeln!(
                f,
                "restart   the target is incomplete since a restore of {} (step: {})",
                mark.snapshot, mark.step
            )?;
        }
        for warning in &self.adapted.warnings {
            writeln!(f, "warning   {warning}")?;
        }
        for loss in &self.adapted.losses {
            writeln!(f, "without   {}: {}", loss.object, loss.reason)?;
        }
        let mut stage = None;
        for task in self.tasks.iter().filter(|task| task.kind != TaskKind::Barrier) {
            let is_mark = matches!(task.kind, TaskKind::Mark(_));
            if stage != Some(task.stage) && !is_mark {
                stage = Some(task.stage);
                let how = if task.stage.is_parallel() { ", side by side" } else { "" };
                writeln!(f, "{}{how}", stage_name(task.stage))?;
            }
            writeln!(f, "  {}", self.line(task))?;
        }
        Ok(())
    }
}

impl Plan<'_> {
    fn line(&self, task: &Task) -> String {
        match &task.kind {
            TaskKind::Load { table: Some(index), replace, part } => {
                let entry = &self.snapshot.manifest.content.tables[*index];
                let how = match replace {
                    true => "; truncate, freeze",
                    false if entry.load.partitions.is_empty() => "",
                    false => "; into its partitions",
                };
                let rows = if *part == Part::WHOLE { format!("{} rows, ", entry.root.rows) } else { String::new() };
                format!("{} ({rows}{} bytes{how})", task.label, task.bytes)
            }
            TaskKind::Append(tables) => {
                let entries = tables.iter().map(|&table| &self.snapshot.manifest.content.tables[table]);
                let table = |entry: &TableEntry| format!("{} {} rows", entry.spec.shown_name(), entry.root.rows);
                format!("{} (append: {})", task.label, entries.map(table).collect::<Vec<_>>().join(", "))
            }
            TaskKind::Work(index)
                if task.stage == Stage::Index && self.adapted.works[*index].sql[0].starts_with("CREATE UNIQUE") =>
            {
                format!("{} (unique)", task.label)
            }
            _ => task.label.clone(),
        }
    }
}
