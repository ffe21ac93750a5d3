//! Adds up what searchers find, and decides which of it survived.

use std::collections::{HashMap, HashSet};

use super::chance::is_beyond;
use super::class::size;
use super::entry::Hash;
use super::needles::Needles;
use super::output::Output;
use super::report::{ChanceHits, ExemptHits, Finding, Survivors, Unchanged};
use super::{Exemption, Place};

/// Distinct hits that are told apart; further ones count as new.
const DISTINCT_MAX: usize = 1 << 20;

#[derive(Default)]
pub(super) struct Tally {
    /// By output, source and class.
    hits: HashMap<(u32, u32, u16), Hits>,
    /// Cells of outputs that are exempt.
    pub(super) exempt: HashMap<u32, u64>,
    /// Values that were looked up, by output and class.
    pub(super) tries: HashMap<(u32, u16), u64>,
    distinct: HashSet<(u32, u64)>,
    pub(super) cells: u64,
    pub(super) bytes: u64,
    /// Searchers that are not finished.
    pub(super) open: usize,
}

/// Hits of one kind.
#[derive(Debug, Clone, Copy, Default)]
struct Hits {
    cells: u64,
    /// Distinct values.
    values: u64,
}

impl Tally {
    /// Adds cells of an output that hold a value of a source.
    pub(super) fn add(&mut self, hash: Hash, output: u32, source: u32, class: u16, cells: u64) {
        let is_new = self.distinct.len() >= DISTINCT_MAX || self.distinct.insert((output, hash.high));
        let hits = self.hits.entry((output, source, class)).or_default();
        hits.cells += cells;
        hits.values += u64::from(is_new);
    }

    /// What survived, and what was chance.
    pub(super) fn report(self, needles: &Needles, outputs: &[Output]) -> Survivors {
        let is_object = |output: &&Output| matches!(output.place, Place::Object(_));
        let objects = outputs.iter().filter(is_object).count() as u64;
        let mut survivors = Survivors {
            needles: needles.count,
            common: needles.common,
            columns: outputs.len() as u64 - objects,
            objects,
            cells: self.cells,
            bytes: self.bytes,
            filter_bytes: needles.bytes().0 as u64,
            ..Survivors::default()
        };
        let mut by_class: HashMap<(u32, u16), Vec<(u32, Hits)>> = HashMap::new();
        for ((output, source, class), hits) in &self.hits {
            by_class.entry((*output, *class)).or_default().push((*source, *hits));
        }
        for ((output, class), hits) in by_class {
            let about = &outputs[output as usize];
            let (cells, values) = hits.iter().fold((0, 0), |sum, (_, hit)| (sum.0 + hit.cells, sum.1 + hit.values));
            let tries = self.tries.get(&(output, class)).copied().unwrap_or(0) as f64;
            let of_class = needles.of_class.get(&class).copied().unwrap_or(0) as f64;
            // Where values repeat, so do hits: what is compared are distinct ones.
            let expected = tries * of_class / size(class) * about.narrowing * values as f64 / (cells as f64).max(1.0);
            if is_beyond(values, expected, about.is_rewritten) {
                survivors.findings.extend(hits.into_iter().map(|(source, hits)| Finding {
                    place: about.place.clone(),
                    rule: about.rule.clone(),
                    source: needles.sources[source as usize].place.clone(),
                    source_rule: needles.sources[source as usize].rule.clone(),
                    cells: hits.cells,
                    values: hits.values,
                }));
            } else {
                survivors.chance.push(ChanceHits { place: about.place.clone(), values, expected });
            }
        }
        survivors.findings = joined(survivors.findings);
        survivors.chance.sort_by(|one, other| one.place.cmp(&other.place));
        survivors.exempt = outputs
            .iter()
            .enumerate()
            .filter(|(_, output)| output.exemption != Exemption::No)
            .map(|(at, output)| ExemptHits {
                place: output.place.clone(),
                rule: output.rule.clone(),
                exemption: output.exemption,
                cells: self.exempt.get(&(at as u32)).copied().unwrap_or(0),
            })
            .collect();
        let unchanged = needles.sources.iter().zip(&needles.seen).filter(|(_, seen)| seen.unchanged > 0);
        survivors.unchanged = unchanged
            .map(|(source, seen)| Unchanged {
                place: source.place.clone(),
                rule: source.rule.clone(),
                cells: seen.unchanged,
            })
            .collect();
        survivors
    }
}

/// One finding a place and source.
fn joined(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by(|one, other| (&one.place, &one.source).cmp(&(&other.place, &other.source)));
    findings.dedup_by(|later, first| {
        let is_same = (&later.place, &later.source) == (&first.place, &first.source);
        if is_same {
            first.cells += later.cells;
            first.values += later.values;
        }
        is_same
    });
    findings
}
