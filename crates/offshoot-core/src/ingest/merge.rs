//! Joins the runs of a table: leaves that no other run touches stay as they are, the others are merged and cut anew.
//!
//! Whether a row ends a leaf depends on the row alone, so a leaf between two boundaries is final unless another run has
//! rows between them. What is merged are the ends of ranges, and the leaves that late rows fall into.

use super::cut::{Cut, Cutter, End};
use super::encode::{Slot, Work};
use super::keys::{Keys, Mark};
use super::table::Table;
use crate::Result;
use crate::read::LeafReader;
use offshoot_format::column::Batch;
use std::collections::VecDeque;

/// Leaves in key order, as one range or one collection of late rows gave them.
pub(super) struct Run {
    pub leaves: Vec<RunLeaf>,
}

/// Where the rows of a leaf are.
pub(super) enum Body {
    /// In the store, once the workers are through.
    Stored(Slot),
    /// In memory.
    Kept(Batch),
}

pub(super) struct RunLeaf {
    pub first: Mark,
    pub last: Mark,
    pub hash: u64,
    pub copies: u64,
    pub end: End,
    pub body: Body,
}

impl RunLeaf {
    pub fn new(cut: Cut, body: impl FnOnce(Batch) -> Result<Body>) -> Result<Self> {
        let Cut { rows, first, last, hash, copies, end } = cut;
        Ok(Self { first, last, hash, copies, end, body: body(rows)? })
    }

    /// Where its chunks will be named, if it is not in memory.
    pub fn slot(&self) -> Option<&Slot> {
        match &self.body {
            Body::Stored(slot) => Some(slot),
            Body::Kept(_) => None,
        }
    }
}

/// A leaf of the table as it will be.
pub(super) struct Final {
    pub slot: Slot,
    pub last: Mark,
    pub hash: u64,
}

/// A leaf and where it comes from.
struct Placed {
    run: usize,
    leaf: RunLeaf,
}

/// Leaves that must be looked at together.
struct Group {
    leaves: Vec<Placed>,
    /// Highest last key.
    last: Mark,
}

impl Group {
    /// Whether the next leaf, in the order of first keys, belongs to the group.
    fn takes(&self, next: &Placed) -> bool {
        let Some(before) = self.leaves.last() else { return true };
        let alone = self.leaves.len() == 1;
        // Where two long keys start alike, a leaf of another run may belong between: then all are merged.
        let successor = alone && before.run == next.run && before.leaf.last.is_surely_not_above(&next.leaf.first);
        match before.leaf.end {
            End::Open => true,
            End::Forced if !successor => true,
            _ => !successor && self.last.not_below(&next.leaf.first),
        }
    }

    fn add(&mut self, placed: Placed) {
        if self.leaves.is_empty() || !self.last.not_below(&placed.leaf.last) {
            self.last = placed.leaf.last.clone();
        }
        self.leaves.push(placed);
    }
}

/// The leaves of a table from its runs, in key order.
pub(super) fn join(table: &Table<'_>, runs: Vec<Run>) -> Result<Vec<Final>> {
    let mut leaves: Vec<Placed> = Vec::new();
    for (run, leaf) in
        runs.into_iter().enumerate().flat_map(|(number, run)| run.leaves.into_iter().map(move |leaf| (number, leaf)))
    {
        leaves.push(Placed { run, leaf });
    }
    leaves.sort_by(|a, b| a.leaf.first.compare(&b.leaf.first).then(a.run.cmp(&b.run)));
    let mut finals = Vec::with_capacity(leaves.len());
    let mut before: Option<(Mark, u64)> = None;
    let mut group: Option<Group> = None;
    for placed in leaves {
        match &mut group {
            Some(open) if open.takes(&placed) => open.add(placed),
            _ => {
                let next = Group { last: placed.leaf.last.clone(), leaves: vec![placed] };
                if let Some(full) = group.replace(next) {
                    settle(table, full, &mut before, &mut finals)?;
                }
            }
        }
    }
    if let Some(full) = group {
        settle(table, full, &mut before, &mut finals)?;
    }
    Ok(finals)
}

/// Adds the final leaves of a group: the one leaf as it is, or several merged and cut anew.
fn settle(table: &Table<'_>, group: Group, before: &mut Option<(Mark, u64)>, finals: &mut Vec<Final>) -> Result<()> {
    let Group { mut leaves, .. } = group;
    if leaves.len() == 1
        && let Some(Placed { leaf, .. }) = leaves.pop()
    {
        *before = Some((leaf.last.clone(), leaf.copies));
        let slot = match leaf.body {
            Body::Stored(slot) => table.submit(Work::Publish(slot))?,
            Body::Kept(rows) => table.submit(Work::Store(rows))?,
        };
        finals.push(Final { slot, last: leaf.last, hash: leaf.hash });
        return Ok(());
    }
    let mut cursors: Vec<(usize, Cursor)> = Vec::new();
    for Placed { run, leaf } in leaves {
        match cursors.iter_mut().find(|(number, _)| *number == run) {
            Some((_, cursor)) => cursor.waiting.push_back(leaf.body),
            None => cursors
                .push((run, Cursor { waiting: VecDeque::from([leaf.body]), rows: None, keys: Keys::default(), at: 0 })),
        }
    }
    let mut cursors: Vec<Cursor> = cursors.into_iter().map(|(_, cursor)| cursor).collect();
    merge(table, &mut cursors, before, finals)
}

/// The rows of the leaves of one run, one leaf in memory at a time.
struct Cursor {
    waiting: VecDeque<Body>,
    rows: Option<Batch>,
    keys: Keys,
    at: usize,
}

impl Cursor {
    /// Loads the next leaf if the current one is read; false at the end.
    fn ready(&mut self, table: &Table<'_>, reader: &mut LeafReader) -> Result<bool> {
        while self.rows.as_ref().is_none_or(|rows| self.at == rows.rows) {
            let rows = match self.waiting.pop_front() {
                None => return Ok(false),
                Some(Body::Kept(rows)) => rows,
                Some(Body::Stored(slot)) => table.load(&slot, reader)?,
            };
            self.keys = Keys::of(&table.keys, &rows);
            self.rows = Some(rows);
            self.at = 0;
        }
        Ok(true)
    }

    fn key(&self) -> &[u8] {
        self.keys.get(self.at)
    }
}

fn merge(
    table: &Table<'_>,
    cursors: &mut Vec<Cursor>,
    before: &mut Option<(Mark, u64)>,
    finals: &mut Vec<Final>,
) -> Result<()> {
    let mut reader = LeafReader::default();
    let mut cutter: Option<Cutter> = None;
    loop {
        let mut at = 0;
        while at < cursors.len() {
            if cursors[at].ready(table, &mut reader)? {
                at += 1;
            } else {
                cursors.swap_remove(at);
            }
        }
        let Some(lowest) = (0..cursors.len()).min_by(|&a, &b| cursors[a].key().cmp(cursors[b].key())) else { break };
        let limit = (0..cursors.len()).filter(|&other| other != lowest).map(|other| cursors[other].key()).min();
        let cursor = &cursors[lowest];
        let start = cursor.at;
        let mut end = start + 1;
        while end < cursor.keys.len() && limit.is_none_or(|limit| cursor.keys.get(end) <= limit) {
            end += 1;
        }
        let cutter = cutter.get_or_insert_with(|| {
            let mut cutter = table.cutter();
            if let Some((last, copies)) = before.as_ref() {
                cutter.continue_after(last, *copies, cursor.key());
            }
            cutter
        });
        if let Some(rows) = &cursor.rows {
            let keyed = (start..end).map(|row| (row, cursor.keys.get(row)));
            cutter.add(rows, keyed, |cut| finish(table, cut, before, finals))?;
        }
        cursors[lowest].at = end;
    }
    if let Some(cut) = cutter.and_then(|mut cutter| cutter.finish()) {
        finish(table, cut, before, finals)?;
    }
    Ok(())
}

fn finish(table: &Table<'_>, cut: Cut, before: &mut Option<(Mark, u64)>, finals: &mut Vec<Final>) -> Result<()> {
    *before = Some((cut.last.clone(), cut.copies));
    finals.push(Final { slot: table.submit(Work::Store(cut.rows))?, last: cut.last, hash: cut.hash });
    Ok(())
}
