//! Rows of tables that extensions bring: they are added to what is there already.
//!
//! One table after the other, in an order that the target gives, because they may refer to each other and their foreign keys
//! are there before the rows.

use super::{Shared, count_rows, name};
use offshoot_core::Result;
use offshoot_core::target::{LoadWork, Part, TargetSession};
use offshoot_format::manifest::{Note, TableEntry};

impl Shared<'_> {
    /// Adds the rows of these tables, by their numbers in the manifest.
    pub(super) fn append(&self, tables: &[usize], session: &mut dyn TargetSession) -> Result<()> {
        let all = &self.plan.snapshot.manifest.content.tables;
        let entries: Vec<&TableEntry> = tables.iter().map(|&table| &all[table]).collect();
        let mut order = session.appendable(&entries)?;
        let missing: Vec<usize> = (0..entries.len()).filter(|at| !order.contains(at)).collect();
        if self.plan.options.choices.skip_extensions.is_empty() {
            // Loading them says what is missing.
            order.extend(missing);
        } else {
            missing.into_iter().for_each(|at| self.lose(entries[at]));
        }
        for at in order {
            let entry = entries[at];
            let before = count_rows(entry, session)?;
            self.lock().there_before.insert(name(entry), before);
            let load = LoadWork { table: entry, large_objects: false, replace: false, part: Part::WHOLE };
            self.load(&load, session)?;
        }
        Ok(())
    }

    fn lose(&self, entry: &TableEntry) {
        let reason = "the table belongs to an extension that was left out".to_owned();
        let mut state = self.lock();
        state.report.losses.push(Note { object: format!("rows of table {}", entry.spec.shown_name()), reason });
        state.lost.insert(name(entry));
    }
}
