//! A look into a live database: what bounds it, and what it gives. Each engine has its own way of looking.

use offshoot_format::column::Batch;
use offshoot_format::facts::TableFacts;
use std::time::Duration;

/// Bounds of a sample.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SampleOptions {
    /// The most rows of a table, all its partitions taken together.
    pub rows_max: u32,
    /// About how many bytes of a table are read at most.
    pub bytes_max: u64,
    /// How long a lock may be waited for; others wait behind that.
    pub lock_wait: Duration,
    /// How long one table may take.
    pub statement_wait: Duration,
    /// Whether all rows come in text form, as people read them.
    pub as_text: bool,
    /// The only table that rows are read of, with its parts: its name, with or without its schema.
    pub only: Option<String>,
}

impl Default for SampleOptions {
    fn default() -> Self {
        let (lock_wait, statement_wait) = (Duration::from_millis(500), Duration::from_secs(5));
        Self { rows_max: 1000, bytes_max: 8 << 20, lock_wait, statement_wait, as_text: false, only: None }
    }
}

impl SampleOptions {
    /// Which of some tables are to be read: all, or one and those that are parts of it.
    pub(crate) fn wanted(&self, all: &[TableFacts]) -> Vec<bool> {
        let Some(only) = &self.only else { return vec![true; all.len()] };
        let is_named = |table: &TableFacts| *only == table.name || *only == format!("{}.{}", table.schema, table.name);
        let parent = |table: &&TableFacts| {
            let name = table.parent.as_ref()?;
            all.iter().find(|other| (&other.schema, &other.name) == (&name.0, &name.1))
        };
        // Bounded, as descriptions could go in circles.
        all.iter().map(|table| std::iter::successors(Some(table), parent).take(DEPTH_MAX).any(is_named)).collect()
    }
}

/// Tables are parts of parts this deep at most.
const DEPTH_MAX: usize = 64;

/// Values whose stored size is larger are left out, in bytes.
pub(crate) const VALUE_BYTES_MAX: u32 = 8 << 10;
/// A table with some of its rows.
#[derive(Debug)]
pub struct Sampled {
    /// What constrains and describes it.
    pub facts: TableFacts,
    /// Rows, in the form that the facts say; none if it was not read.
    pub rows: Option<Batch>,
    /// Why it was not read.
    pub unread: Option<String>,
}

/// All that was looked into.
#[derive(Debug, Default)]
pub struct Samples {
    /// The tables.
    pub tables: Vec<Sampled>,
    /// Tables of which not even the definition could be read, because another session has them locked: schema and name.
    pub locked: Vec<(String, String)>,
}
