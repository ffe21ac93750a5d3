//! What is to be read, shared by the readers: ranges of tables, largest tables first.
//!
//! A table is begun in the sink with its first range and finished with its last, by whichever reader that is.

use super::options::CaptureOptions;
use super::range::Keys;
use crate::mysql::catalog::tables::Table;
use crate::mysql::error::Result;
use crate::mysql::quote::ident;
use crate::mysql::session::Session;
use offshoot_core::CoreError;
use offshoot_core::source::{Sink, TableSink};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Ranges of a large table for each job: keys are not given out evenly.
const RANGES_A_JOB: u64 = 2;

/// One range to read.
pub struct Task<'w> {
    /// The table.
    pub table: &'w Table,
    /// What of it.
    pub keys: Keys,
    /// Where its rows go.
    pub sink: Arc<Box<dyn TableSink + 'w>>,
}

/// The queue.
pub struct Work<'w> {
    sink: &'w dyn Sink,
    state: Mutex<State<'w>>,
}

struct State<'w> {
    queue: VecDeque<(&'w Table, Keys)>,
    open: HashMap<&'w str, Arc<Box<dyn TableSink + 'w>>>,
    /// Ranges of a table that are still in the queue.
    queued: HashMap<&'w str, usize>,
    /// Tables that are being read, for who watches who waits for them.
    reading: Vec<&'w str>,
}

impl<'w> Work<'w> {
    /// Everything to be read of some tables; `session` is asked where large ones can be cut.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn new(
        session: &mut Session,
        tables: impl Iterator<Item = &'w Table>,
        options: &CaptureOptions,
        readers: usize,
        sink: &'w dyn Sink,
    ) -> Result<Self> {
        let mut order: Vec<&Table> = tables.collect();
        order.sort_by_key(|table| std::cmp::Reverse(table.bytes));
        let (mut queue, mut queued) = (VecDeque::new(), HashMap::new());
        for table in order {
            let ranges = match table.integer_key() {
                Some(key) if table.bytes >= options.split_bytes && readers > 1 => ranges(session, table, key, readers)?,
                _ => vec![Keys::default()],
            };
            queued.insert(table.name.as_str(), ranges.len());
            queue.extend(ranges.into_iter().map(|keys| (table, keys)));
        }
        let state = State { queue, open: HashMap::new(), queued, reading: Vec::new() };
        Ok(Self { sink, state: Mutex::new(state) })
    }

    /// The next range; none when nothing is left.
    ///
    /// # Errors
    /// The sink's.
    pub fn next(&self) -> Result<Option<Task<'w>>, CoreError> {
        let mut state = self.lock();
        let Some((table, keys)) = state.queue.pop_front() else { return Ok(None) };
        let name = table.name.as_str();
        let sink = match state.open.get(name) {
            Some(open) => open.clone(),
            None => {
                let open = Arc::new(self.sink.table(&table.spec)?);
                state.open.insert(name, open.clone());
                open
            }
        };
        state.reading.push(name);
        if let Some(queued) = state.queued.get_mut(name) {
            *queued -= 1;
            if *queued == 0 {
                state.open.remove(name);
            }
        }
        Ok(Some(Task { table, keys, sink }))
    }

    /// Says that a range was read, and finishes its table if it was the last.
    ///
    /// # Errors
    /// The sink's.
    pub fn done(&self, task: Task<'w>) -> Result<(), CoreError> {
        {
            let mut state = self.lock();
            let place = state.reading.iter().position(|name| *name == task.table.name);
            place.map(|place| state.reading.swap_remove(place));
        }
        Arc::into_inner(task.sink).map_or(Ok(()), TableSink::finish)
    }

    /// Names of the tables that are being read.
    pub fn reading(&self) -> BTreeSet<String> {
        self.lock().reading.iter().map(|name| (*name).to_owned()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State<'w>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cuts a table into few large ranges of its key: many small ones would make partial leaves.
fn ranges(session: &mut Session, table: &Table, key: &str, readers: usize) -> Result<Vec<Keys>> {
    let sql = format!("SELECT MIN({0}), MAX({0}) FROM {1}", ident(key), ident(&table.name));
    let row = session.query_one(&format!("find the keys of table {}", table.name), &sql)?;
    let (Some(first), Some(last)) = (row.parse::<i128>(0)?, row.parse::<i128>(1)?) else {
        return Ok(vec![Keys::default()]);
    };
    Ok(cut(first, last, readers as u64 * RANGES_A_JOB))
}

/// Ranges of equal length, of which the first and the last are open.
fn cut(first: i128, last: i128, count: u64) -> Vec<Keys> {
    // Keys of 64 bits, unless the server lies.
    let bits64 = i128::from(i64::MIN)..=i128::from(u64::MAX);
    if !bits64.contains(&first) || !bits64.contains(&last) {
        return vec![Keys::default()];
    }
    let span = last - first + 1;
    let count = i128::from(count).clamp(1, span.max(1));
    let at = |part: i128| first + span * part / count;
    let bound = |part: i128| (0 < part && part < count).then(|| at(part));
    (0..count).map(|part| Keys { from: bound(part), to: bound(part + 1) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranges_have_every_key_once(first in any::<i64>(), span in 0..1000_i64, count in 1..9_u64) {
            let first = i128::from(first);
            let ranges = cut(first, first + i128::from(span), count);
            prop_assert!(ranges.len() as u64 <= count);
            for key in first - 2..=first + i128::from(span) + 2 {
                let holds = |keys: &&Keys| keys.from.is_none_or(|from| from <= key) && keys.to.is_none_or(|to| key < to);
                prop_assert_eq!(ranges.iter().filter(holds).count(), 1);
            }
        }
    }

    #[test]
    fn the_widest_keys_do_not_overflow() {
        assert_eq!(cut(0, i128::from(u64::MAX), 4).len(), 4);
        assert_eq!(cut(i64::MIN.into(), i64::MAX.into(), 4).len(), 4);
    }
}
