//! What rewrites one value, and the catalogue of all that do.
//!
//! A transform is made for one column by a rule and then called value by value. It never fails: what it cannot make sense
//! of goes through the shape transform, so that no value passes because it was strange. Embedders add their own with
//! [`Policy::parse_with`](crate::policy::Policy::parse_with).

mod card;
mod constant;
mod date;
mod draw;
mod email;
mod iban;
mod ip;
mod json;
mod keep;
mod number;
mod partial;
mod phone;
mod redact;
mod shaped;
mod template;
mod token;
mod uuid;
mod word_list;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use offshoot_format::column::{Cell, Column};

use crate::Key;
use crate::facts::ColumnFacts;
use crate::policy::{Fault, Options};
use crate::prf::{Prf, Stream};
use crate::shape::{Shape, Work};
use crate::value::{Answer, Kind, Value};

/// Rewrites values of one column.
pub trait Transform: Send + Sync {
    /// Whether it can rewrite values of this kind.
    fn takes(&self, kind: Kind) -> bool {
        kind == Kind::Text
    }

    /// Whether distinct values always become distinct ones.
    fn is_injective(&self) -> bool {
        false
    }

    /// How long values get.
    fn length(&self) -> Length {
        Length::Same
    }

    /// Rewrites a value; text, bytes and JSON are appended to `out`.
    fn apply(&self, value: Value<'_>, row: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer;

    /// Columns whose rewritten values it reads.
    fn reads(&self) -> &[usize] {
        &[]
    }
}

/// How long rewritten values are, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// As long as before.
    Same,
    /// Never longer than this, or than before if that was longer.
    AtMost(usize),
    /// Longer than before by at most this.
    Grows(usize),
}

/// The row that a value is in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Row<'a> {
    pub(crate) raw: &'a [Column],
    pub(crate) rewritten: &'a [Option<Column>],
    pub(crate) number: usize,
    /// The column whose value stands for the whole row when something is drawn.
    pub(crate) by: Option<usize>,
}

impl Row<'_> {
    /// The value of another column before it was rewritten; none if it is NULL.
    #[must_use]
    pub fn raw(&self, column: usize) -> Option<&[u8]> {
        bytes(self.raw.get(column)?, self.number)
    }

    /// The value of another column as the copy will have it.
    #[must_use]
    pub fn rewritten(&self, column: usize) -> Option<&[u8]> {
        let column = self.rewritten.get(column).and_then(Option::as_ref).or_else(|| self.raw.get(column))?;
        bytes(column, self.number)
    }

    /// Numbers that follow from the value, or from the column that the rule says to go by.
    pub fn draw<'p>(&self, prf: &'p Prf, value: Value<'_>) -> Stream<'p> {
        if let Some(by) = self.by.and_then(|by| self.raw(by)) {
            return prf.draw(by);
        }
        let mut seed = Vec::new();
        value.seed(&mut seed);
        prf.draw(&seed)
    }
}

fn bytes(column: &Column, row: usize) -> Option<&[u8]> {
    match column.cell(row) {
        Cell::Bytes(bytes) => Some(bytes),
        Cell::Null | Cell::Blob(_) => None,
    }
}

/// What a transform is made from, beside its options.
#[derive(Debug, Clone, Copy)]
pub struct Making<'a> {
    /// The scrub key.
    pub key: &'a Key,
    /// Columns of one domain agree on what a value becomes.
    pub domain: &'a str,
    /// The column.
    pub column: &'a ColumnFacts,
    /// All columns of its table.
    pub columns: &'a [ColumnFacts],
    /// What it holds.
    pub kind: Kind,
    /// Whether distinct values must stay distinct.
    pub is_unique: bool,
    /// Whether they must stay distinct after lower().
    pub folds_case: bool,
    /// Lists of the policy.
    pub lists: &'a BTreeMap<String, Vec<String>>,
}

impl Making<'_> {
    /// Keyed functions for one purpose within the domain.
    #[must_use]
    pub fn prf(&self, purpose: &str) -> Prf {
        Prf::new(self.key, &format!("{}/{purpose}", self.domain))
    }

    /// The shape transform for this column: injective where it must be.
    #[must_use]
    pub fn shape(&self, purpose: &str) -> Shape {
        if self.is_unique { self.injective_shape(purpose) } else { Shape::free(self.prf(purpose)) }
    }

    /// The shape transform as a permutation.
    #[must_use]
    pub fn injective_shape(&self, purpose: &str) -> Shape {
        let shape = Shape::injective(self.prf(purpose));
        if self.folds_case { shape.folding_case() } else { shape }
    }

    /// The place of a column of the table.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn place(&self, name: &str, options: &Options) -> Result<usize, Fault> {
        self.columns
            .iter()
            .position(|column| column.name == name)
            .ok_or_else(|| options.fault(format!("the table has no column `{name}`")))
    }
}

/// Makes a transform from the options of a rule.
pub type Maker = Arc<dyn Fn(&mut Options, &Making<'_>) -> Result<Box<dyn Transform>, Fault> + Send + Sync>;

type Make = fn(&mut Options, &Making<'_>) -> Result<Box<dyn Transform>, Fault>;

/// All transforms by name.
const CATALOGUE: [(&str, Make); 38] = [
    ("keep", keep::keep),
    ("null", keep::null),
    ("constant", constant::constant),
    ("empty", constant::empty),
    ("default", constant::column_default),
    ("template", template::make),
    ("one-of", draw::one_of),
    ("lookup", draw::lookup),
    ("shape", shaped::shape),
    ("redact", redact::make),
    ("partial", partial::make),
    ("words", words::make),
    ("first-name", word_list::first_name),
    ("last-name", word_list::last_name),
    ("full-name", word_list::full_name),
    ("company", word_list::company),
    ("job", word_list::job),
    ("street", word_list::street),
    ("city", word_list::city),
    ("state", word_list::state),
    ("country", word_list::country),
    ("username", shaped::named),
    ("postal-code", shaped::named),
    ("national-id", shaped::named),
    ("email", email::make),
    ("ip", ip::make),
    ("phone", phone::make),
    ("card", card::make),
    ("iban", iban::make),
    ("noise", number::noise),
    ("bucket", number::bucket),
    ("range", number::range),
    ("date-shift", date::shift),
    ("date-truncate", date::truncate),
    ("uuid", uuid::make),
    ("token", token::token),
    ("password", token::password),
    ("json", json::make),
];

/// Finds how to make the transform of this name.
pub(crate) fn find(name: &str) -> Option<Maker> {
    CATALOGUE.iter().find(|(known, _)| *known == name).map(|(_, make)| Arc::new(*make) as Maker)
}

/// The names of the catalogue.
#[must_use]
pub fn names() -> Vec<&'static str> {
    CATALOGUE.iter().map(|(name, _)| *name).collect()
}
