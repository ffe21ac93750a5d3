//! What is written down of a scrub: a receipt of all that was done and seen, for the manifest; and reading it back.

use super::Scrub;
use super::proof::{Proved, Written};
use super::rewriter::Seen;
use crate::{Error, ErrorKind, Result, Snapshot};
use offshoot_format::facts::{TableFacts, shown_name};
use offshoot_format::manifest::Manifest;
use offshoot_scrub::Key;
use offshoot_scrub::constraints::{Count, Counts};
use offshoot_scrub::receipt::{
    Assurance, ColumnReceipt, How, Receipt, ReceiptError, SignedReceipt, TableReceipt, Thresholds, VERSION, hex,
};
use offshoot_scrub::shape::tables_digest;
use offshoot_scrub::survivors::Survivors;
use std::collections::BTreeMap;

/// Writes the receipt of a snapshot in which nothing survived.
pub(super) fn write(
    scrub: &Scrub,
    manifest: &Manifest,
    (facts, tables): (&[TableFacts], &[Proved<'_>]),
    mut seen: BTreeMap<(String, String), Seen>,
    written: &Written,
    counts: &Counts,
    survivors: Survivors,
) -> Receipt {
    let assured = Assured { facts, tables, counts };
    let table = |(number, table): (usize, &Proved<'_>)| {
        let spec = &table.entry.spec;
        let seen = seen.remove(&(spec.schema.clone(), spec.name.clone())).unwrap_or_default();
        let columns = table.planned.iter().enumerate().map(|(place, planned)| {
            let nulls = written.nulls.get(&(number, place)).copied().unwrap_or(0);
            let count = seen.counts.get(place).copied().unwrap_or_default();
            ColumnReceipt {
                name: planned.name.to_owned(),
                type_name: spec.columns[place].type_name.clone(),
                rule: planned.rule.to_owned(),
                domain: planned.domain.to_owned(),
                values: if planned.is_kept { table.entry.root.rows - nulls } else { count.values },
                changed: count.changed,
                nulls,
                is_reachable: planned.may_be_reachable,
                before: seen.shapes.get(&place).map(|shape| shape.summary()),
                after: written.shapes.get(&(number, place)).map(|shape| shape.summary()),
            }
        });
        TableReceipt {
            schema: spec.schema.clone(),
            name: spec.name.clone(),
            rows: table.entry.root.rows,
            columns: columns.collect(),
            unique: assured.unique(table),
            joins: assured.joins(table),
        }
    };
    Receipt {
        version: VERSION,
        program: concat!("offshoot ", env!("CARGO_PKG_VERSION")).to_owned(),
        content_root: manifest.content_root.to_string(),
        policy_digest: hex(&scrub.policy().digest()),
        key_fingerprint: scrub.key().fingerprint().to_string(),
        letters_digest: hex(&tables_digest()),
        tables: tables.iter().enumerate().map(table).collect(),
        survivors,
        thresholds: Thresholds::current(),
    }
}

/// How constraints are known to hold: nothing of them was rewritten, or they were counted, or, where how values compare is not
/// known here, by construction: the plan refuses every rule of which that cannot be said.
struct Assured<'t, 'a> {
    facts: &'t [TableFacts],
    tables: &'t [Proved<'a>],
    counts: &'t Counts,
}

impl Assured<'_, '_> {
    fn how(count: Option<&Count>, mut columns: impl Iterator<Item = bool>) -> How {
        match count {
            Some(Count { rows, breaches }) => How::Counted { rows: *rows, breaches: *breaches },
            None if columns.all(|is_kept| is_kept) => How::Kept,
            None => How::Construction,
        }
    }

    fn is_kept(table: &Proved<'_>, place: usize) -> bool {
        table.planned.get(place).is_none_or(|column| column.is_kept)
    }

    /// The number of a table among those that were described.
    fn number(&self, table: &Proved<'_>) -> Option<usize> {
        self.facts.iter().position(|facts| std::ptr::eq(facts, table.facts))
    }

    fn unique(&self, table: &Proved<'_>) -> Vec<Assurance> {
        let number = self.number(table);
        let assure = |(key, (columns, _)): (usize, &(Vec<usize>, _))| Assurance {
            what: named(table.facts, columns),
            how: Self::how(
                number.and_then(|number| self.counts.unique.get(&(number, key))),
                columns.iter().map(|place| Self::is_kept(table, *place)),
            ),
        };
        table.facts.unique.iter().enumerate().map(assure).collect()
    }

    fn joins(&self, table: &Proved<'_>) -> Vec<Assurance> {
        let number = self.number(table);
        let other = |name: &(String, String)| {
            self.tables.iter().find(|other| (&other.facts.schema, &other.facts.name) == (&name.0, &name.1))
        };
        let joins = table.facts.foreign_keys.iter().enumerate().map(|(key, join)| {
            let theirs = other(&join.table).into_iter().flat_map(|other| {
                let place = |name: &String| other.facts.columns.iter().position(|column| column.name == *name);
                join.refers_to.iter().filter_map(place).map(|place| Self::is_kept(other, place)).collect::<Vec<_>>()
            });
            let all = join.columns.iter().map(|place| Self::is_kept(table, *place)).chain(theirs);
            let (schema, name) = &join.table;
            let what = format!(
                "{} -> {} ({})",
                named(table.facts, &join.columns),
                shown_name(schema, name),
                join.refers_to.join(", ")
            );
            Assurance { what, how: Self::how(number.and_then(|number| self.counts.joins.get(&(number, key))), all) }
        });
        joins.collect()
    }
}

fn named(table: &TableFacts, columns: &[usize]) -> String {
    let names: Vec<&str> = columns.iter().map(|place| table.columns[*place].name.as_str()).collect();
    format!("{} ({})", table.name, names.join(", "))
}

impl Snapshot {
    /// The receipt of a scrubbed snapshot. That it belongs to this snapshot is checked; who signed it is not, see
    /// [`Self::check_receipt`].
    ///
    /// # Errors
    /// `Usage` if the snapshot is raw, or was taken before there were receipts; `Damaged` if the receipt is another one's.
    pub fn receipt(&self) -> Result<Receipt> {
        Ok(self.signed_receipt()?.receipt().clone())
    }

    /// The receipt, if it was signed under this scrub key and not changed since.
    ///
    /// # Errors
    /// As [`Self::receipt`]; `Usage` if another key signed it; `Damaged` if it was changed.
    pub fn check_receipt(&self, key: &Key) -> Result<Receipt> {
        let signed = self.signed_receipt()?;
        signed.check(key)?;
        Ok(signed.receipt().clone())
    }

    fn signed_receipt(&self) -> Result<SignedReceipt> {
        let Some(text) = &self.manifest.receipt else {
            let message = format!("snapshot {} has no receipt: its rows were not scrubbed", self.id);
            return Err(Error::new(ErrorKind::Usage, message, "name a scrubbed snapshot; `offshoot log` lists them"));
        };
        let signed = SignedReceipt::parse(text.as_bytes())?;
        if signed.receipt().content_root != self.manifest.content_root.to_string() {
            let message = format!("the receipt of snapshot {} is that of another content", self.id);
            return Err(Error::new(ErrorKind::Damaged, message, "capture the database anew"));
        }
        Ok(signed)
    }
}

impl From<ReceiptError> for Error {
    fn from(error: ReceiptError) -> Self {
        let kind = if matches!(error, ReceiptError::OtherKey { .. }) { ErrorKind::Usage } else { ErrorKind::Damaged };
        Self::retell(kind, error)
    }
}
