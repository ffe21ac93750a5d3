//! What rewrites one value, and the catalogue of all that do.
//!
//! A transform is made for one column by a rule and then called value by value. It never fails: what it cannot make sense
//! of goes through the shape transform, so that no value passes because it was strange. Embedders add their own with
//! [`Policy::parse_with`](crate::policy::Policy::parse_with).

mod addresses;
mod age;
mod base64;
mod bic;
pub(crate) mod card;
mod catalogue;
mod checked;
mod composite;
mod constant;
mod coordinates;
mod country_codes;
mod date;
mod decimal;
mod domain;
mod draw;
mod email;
mod entity;
pub(crate) mod fitted;
mod gender;
mod hstore;
mod iban;
mod image;
mod ip;
mod isbn;
mod json;
mod keep;
mod mac;
mod national_id;
mod noise;
mod number;
mod partial;
mod phone;
mod postal_code;
mod redact;
mod regex;
mod renaming;
mod ruled;
mod shaped;
mod shuffle;
mod template;
mod token;
mod url;
mod user_agent;
mod uuid;
mod vat;
mod word_list;
mod words;
mod xml;

use std::collections::BTreeMap;

use offshoot_format::column::{Cell, Column};

use offshoot_format::table::RowForm;

use crate::Key;
use crate::facts::ColumnFacts;
use crate::policy::{Fault, Makers, Node, Options, Rule};
use crate::prf::{Prf, Stream};
use crate::scrubber;
use crate::shape::{Shape, Work};
use crate::value::{Answer, Kind, Value};
use crate::wire::Codec;
pub(crate) use catalogue::find;
pub use catalogue::{Maker, names};
pub(crate) use renaming::rewrite;
pub(crate) use ruled::Ruled;

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

    /// The fewest characters that [`Self::fit`] can do with; more than any where it cannot.
    fn shortest(&self) -> usize {
        usize::MAX
    }

    /// Rewrites a value of which [`Self::apply`] makes more than `limit` characters into no more; `limit` is
    /// [`Self::shortest`] at least. Distinct values stay distinct if they must.
    fn fit(&self, _value: Value<'_>, _limit: usize, _row: &Row<'_>, _work: &mut Work, _out: &mut Vec<u8>) -> Answer {
        Answer::Null
    }

    /// A column whose distinct values always give distinct results, whatever the values are; none if there is none.
    fn is_unique_by(&self) -> Option<usize> {
        None
    }

    /// Whether distinct ids in the column that the rule goes by give distinct results.
    fn names_the_id(&self) -> bool {
        false
    }

    /// Whether what a value becomes follows from the value, not from other columns of its row.
    fn follows_value(&self) -> bool {
        true
    }

    /// Whether what a value became is worth to be remembered until it comes again: it follows from nothing else, rows and their
    /// number included, it takes long, and values of such columns repeat.
    fn pays_to_remember(&self) -> bool {
        false
    }

    /// Whether it must have seen all values of the column, by [`Self::survey`], before it rewrites the first. It is then the rule of
    /// whole columns alone, gets values as they are in the rows, and makes none but such as it has seen.
    fn surveys(&self) -> bool {
        false
    }

    /// Sees a value, as it is in its row, before any is rewritten; how many bytes it keeps of it. None if one was rewritten
    /// already: it is too late then.
    fn survey(&self, _value: &[u8], _row: &Row<'_>) -> Option<usize> {
        Some(0)
    }

    /// Whether it has seen one value only, which has no other row to go to and becomes NULL.
    fn is_alone(&self) -> bool {
        false
    }

    /// Whether it may write telephone numbers or addresses that somebody answers at: those set aside for fiction and
    /// documentation are too few where values must stay distinct.
    fn may_be_reachable(&self) -> bool {
        false
    }

    /// Whether it renames keys of values that consist of keys and values.
    fn renames_keys(&self) -> bool {
        false
    }

    /// The permutation by which it renames a key; none if that stays.
    fn key_shape(&self, _key: &[u8], _row: &Row<'_>) -> Option<&Shape> {
        None
    }

    /// Whether order and distance of two values stay, if both are drawn for alike: what the bounds of a range need.
    fn keeps_distance(&self) -> bool {
        false
    }

    /// How much of a large value it must see at once.
    fn reach(&self) -> Reach {
        Reach::Whole
    }

    /// Rewrites several texts at once, and says where each ends in `out`; false, and nothing done, where that is not faster than
    /// one by one. What a text becomes is the same either way, and follows from nothing but the text.
    fn apply_many(&self, _texts: &[&[u8]], _work: &mut Work, _out: &mut Vec<u8>, _ends: &mut Vec<usize>) -> bool {
        false
    }

    /// Rewrites a value; text, bytes and documents are appended to `out`.
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

/// How much of a large value a transform must see at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// All of it.
    Whole,
    /// A piece, cut where a word or a character ends; each becomes what it would be as a value.
    Pieces,
    /// Its first bytes, if any: the answer does not depend on the rest.
    Head,
}

/// The row that a value is in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Row<'a> {
    pub(crate) raw: &'a [Column],
    pub(crate) rewritten: &'a [Option<Column>],
    pub(crate) number: usize,
    /// The column whose value stands for the whole row when something is drawn.
    pub(crate) by: Option<(usize, Codec)>,
    /// What stands for a value that consists of several which must be drawn for alike.
    pub(crate) seed: Option<&'a [u8]>,
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

    /// Whether another column was NULL before it was rewritten; none if there is no such column.
    pub(crate) fn is_null(&self, column: usize) -> Option<bool> {
        self.raw.get(column).map(|column| column.cell(self.number) == Cell::Null)
    }

    /// Numbers that follow from the value, or from the column that the rule says to go by. Equal numbers and texts draw
    /// alike whatever the width of their columns.
    pub fn draw<'p>(&self, prf: &'p Prf, value: Value<'_>) -> Stream<'p> {
        let mut seed = Vec::new();
        match (self.by.and_then(|(by, codec)| Some((self.raw(by)?, codec))), self.seed) {
            (Some((by, codec)), _) => codec.look(by, |value| value.seed(&mut seed)),
            (None, Some(bytes)) => seed.extend_from_slice(bytes),
            (None, None) => value.seed(&mut seed),
        }
        prf.draw(&seed)
    }

    /// Looks at the value of the column that the rule goes by; none if there is none.
    pub(crate) fn id<T>(&self, look: impl FnOnce(Value<'_>) -> T) -> Option<T> {
        let (by, codec) = self.by?;
        Some(codec.look(self.raw(by)?, look))
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
    /// The columns of its table's primary key; none if it has none.
    pub key_columns: &'a [usize],
    /// What it holds; for a rule within another, what the part of the value is.
    pub kind: Kind,
    /// How the rows come.
    pub form: RowForm,
    /// Whether the rule goes by the value of another column.
    pub has_id: bool,
    /// Whether distinct values must stay distinct.
    pub is_unique: bool,
    /// Whether they must stay distinct after lower().
    pub folds_case: bool,
    /// Lists of the policy.
    pub lists: &'a BTreeMap<String, Vec<String>>,
    /// The rules that there are.
    pub makers: &'a Makers,
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

    /// Makes the transform of a rule for a part of the values, such as a path of a document.
    pub(crate) fn rule(&self, node: &Node, kind: Kind) -> Result<Box<dyn Transform>, Fault> {
        let rule = Rule::read(node, self.makers)?;
        let making = Making { kind, is_unique: false, folds_case: false, ..*self };
        let transform = rule.make(rule.options(), &making)?;
        if transform.surveys() {
            return Err(node.fault(format!("`{}` is a rule for whole columns alone", rule.name)));
        }
        if transform.takes(kind) {
            Ok(transform)
        } else {
            Err(node.fault(format!("`{}` does not rewrite this", rule.name)))
        }
    }

    /// Makes the transform of a rule for a field of a composite, which its type may constrain as a column.
    pub(crate) fn field_rule(&self, node: &Node) -> Result<Box<dyn Transform>, Fault> {
        let rule = Rule::read(node, self.makers)?;
        let mut options = rule.options();
        let ignores_checks = options.flag("ignore-checks")?;
        let making = Making { is_unique: false, folds_case: false, ..*self };
        let transform = rule.make(options, &making)?;
        let refused = |why: String| node.fault(format!("`{}` cannot be the rule of a field: {why}", rule.name));
        if transform.surveys() {
            return Err(refused("it is for whole columns alone".to_owned()));
        }
        if !transform.takes(self.kind) {
            return Err(refused("it does not rewrite its type".to_owned()));
        }
        if rule.name == "null" && !self.column.is_nullable {
            return Err(refused("its domain does not allow NULL".to_owned()));
        }
        if !self.column.labels.is_empty() && !matches!(rule.name.as_str(), "keep" | "null" | "one-of") {
            return Err(refused("it is an enum: use `one-of`, `keep` or `null`".to_owned()));
        }
        let codec = Codec::of(self.column, self.form);
        let open = scrubber::checks_allow(&rule, &*transform, self.column, codec, ignores_checks).map_err(refused)?;
        // Nothing looks at the fields of single values.
        if let Some(check) = open.first() {
            return Err(refused(scrubber::not_known(&check.name)));
        }
        let limit = self.column.max_chars.map(|chars| chars as usize);
        Ok(fitted::around(transform, limit, self.column.is_padded()))
    }

    /// With `gender`, the column that says the gender of a person.
    pub(crate) fn gender(&self, options: &mut Options) -> Result<Option<(usize, Codec)>, Fault> {
        let Some(name) = options.text("gender")? else { return Ok(None) };
        let place = self.place(&name, options)?;
        Ok(Some((place, Codec::of(&self.columns[place], self.form))))
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
