//! What is known of a table beside its rows: everything that the consequences of rewriting a column depend on.
//!
//! Whoever knows the database fills these in. What is left out counts as absent, so a constraint that is not described
//! cannot be respected. They follow from the schema, so no content root covers them.

pub mod predicate;

use crate::table::RowForm;
use predicate::Predicate;
use serde::{Deserialize, Serialize};

/// How a unique constraint compares values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Equality {
    /// Byte by byte; blanks at the end may count or not.
    Bytes,
    /// After lower(), by code point: citext, or an index on lower(x).
    LowerCase,
    /// Case, accents and blanks at the end do not count: what most collations of MySQL do.
    Folded,
    /// Any other way: width, a language's own case rules, an expression.
    Other,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFacts {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its columns, in the order of the batches.
    pub columns: Vec<ColumnFacts>,
    /// How the rows come.
    pub form: RowForm,
    /// The columns of its primary key, in their order there; empty if it has none, or one that a column outside of the batches is
    /// part of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key: Vec<usize>,
    /// Unique constraints and indexes, the primary key among them: columns and how they compare.
    pub unique: Vec<(Vec<usize>, Equality)>,
    /// Foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// The partitioned table that this is a partition of, or the table that it inherits from: schema and name.
    pub parent: Option<(String, String)>,
    /// The columns that say since when and until when a row holds, where the table's former rows are among its rows. Every unique
    /// constraint has the second one: of rows that hold at different times, two may be alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<(usize, usize)>,
}

impl TableFacts {
    /// Whether the columns of a unique constraint are these, but for the end of the period.
    #[must_use]
    pub fn is_key(&self, unique: &[usize], columns: &[usize]) -> bool {
        let end = self.period.map(|(_, end)| end);
        let mut own = unique.iter().filter(|column| Some(**column) != end || columns.contains(column));
        let count = own.clone().count();
        count == columns.len() && own.all(|column| columns.contains(column))
    }

    /// Whether a column says when a row holds.
    #[must_use]
    pub fn is_of_period(&self, column: usize) -> bool {
        self.period.is_some_and(|(start, end)| column == start || column == end)
    }

    /// The name for messages and policies: `public.users`, or `users` where a database has no schemas.
    #[must_use]
    pub fn shown_name(&self) -> String {
        shown_name(&self.schema, &self.name)
    }
}

/// A table's name with its schema, where it has one.
#[must_use]
pub fn shown_name(schema: &str, name: &str) -> String {
    if schema.is_empty() { name.to_owned() } else { format!("{schema}.{name}") }
}

/// A foreign key of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKey {
    /// Columns of this table.
    pub columns: Vec<usize>,
    /// Schema and name of the table referred to.
    pub table: (String, String),
    /// Names of the columns referred to.
    pub refers_to: Vec<String>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnFacts {
    /// Its name.
    pub name: String,
    /// The name of its type, domains resolved, without schema and modifier: `varchar`, `int4`, `_text` for an array.
    pub type_name: String,
    /// The domain that it is declared with: its name.
    pub domain_type: Option<String>,
    /// Its comment.
    pub comment: Option<String>,
    /// Whether a rule may put NULL there: neither NOT NULL nor another constraint, of the column or of its domain, stands
    /// against it.
    pub is_nullable: bool,
    /// The most characters that a value may have.
    pub max_chars: Option<u32>,
    /// Labels, if the type is an enum.
    pub labels: Vec<String>,
    /// Fields, if the type is a composite, or an array of one.
    pub fields: Vec<ColumnFacts>,
    /// Whether a unique constraint of the column takes NULLs for equal (NULLS NOT DISTINCT).
    pub nulls_are_equal: bool,
    /// What CHECK constraints and domains demand.
    pub checks: Vec<Check>,
    /// The value of its default in the form of the rows, if that is a constant.
    pub default: Option<Vec<u8>>,
    /// The encoding of its texts where that is none which is taken for UTF-8: `LATIN1`, which rules read, or one that they can
    /// neither read nor write, such as `EUC_JP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
}

impl ColumnFacts {
    /// A nullable column without constraints.
    #[must_use]
    pub fn new(name: &str, type_name: &str) -> Self {
        Self {
            name: name.to_owned(),
            type_name: type_name.to_owned(),
            domain_type: None,
            comment: None,
            is_nullable: true,
            max_chars: None,
            labels: Vec::new(),
            fields: Vec::new(),
            nulls_are_equal: false,
            checks: Vec::new(),
            default: None,
            encoding: None,
        }
    }

    /// Whether blanks fill its values up to their length, and say nothing: `char(n)` of PostgreSQL, or an array of it.
    #[must_use]
    pub fn is_padded(&self) -> bool {
        matches!(self.type_name.as_str(), "bpchar" | "_bpchar")
    }
}

/// A demand on the values of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// It bounds the length, in characters, perhaps together with that of other columns.
    Length,
    /// It demands something of the value alone.
    Holds {
        /// The name of the constraint.
        name: String,
        /// What it demands.
        predicate: Predicate,
    },
    /// It demands something else; the name of the constraint.
    Other(String),
}
