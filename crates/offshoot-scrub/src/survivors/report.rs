//! What the search found: places and counts, never a value.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Exemption, Place};

/// Values of a scrubbed column that are found elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Where they are.
    pub place: Place,
    /// Its rule; none in the schema.
    pub rule: Option<String>,
    /// Where they come from.
    pub source: Place,
    /// The rule of that column.
    pub source_rule: String,
    /// Cells that hold such a value, and distinct values, at least.
    pub cells: u64,
    /// Distinct values, at most.
    pub values: u64,
}

impl Finding {
    /// What would mend it.
    #[must_use]
    pub fn mend(&self) -> String {
        match (&self.place, self.rule.as_deref()) {
            (Place::Object(_), _) => "take the value out of the schema of the source".to_owned(),
            (_, Some("keep") | None) => {
                let others = ["words", "json"].into_iter().filter(|rule| *rule != self.source_rule);
                let others: String = others.map(|rule| format!(", `{rule}`")).collect();
                format!("give the column a rule, such as `{}`{others} or `null`", self.source_rule)
            }
            (_, Some("template")) => "leave the columns that are not rewritten out of the template".to_owned(),
            (_, Some("json")) => "take the rule `keep` from the paths that hold the value".to_owned(),
            (_, Some(_)) => format!("give the column another rule, such as `{}` or `null`", self.source_rule),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} cells with values of {}; {}", self.place, self.cells, self.source, self.mend())
    }
}

/// Values that the rule was to change and did not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unchanged {
    /// The column.
    pub place: Place,
    /// Its rule.
    pub rule: String,
    /// How many.
    pub cells: u64,
}

/// Hits that are no more than chance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChanceHits {
    /// Where.
    pub place: Place,
    /// Distinct values that were hit.
    pub values: u64,
    /// How many were to be expected.
    pub expected: f64,
}

/// Hits that a rule is exempt from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExemptHits {
    /// The column.
    pub place: Place,
    /// Its rule.
    pub rule: Option<String>,
    /// From what it is exempt.
    pub exemption: Exemption,
    /// Cells that hold a value that was looked for.
    pub cells: u64,
}

/// The outcome of a proof.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Survivors {
    /// Values that survived, by place and source.
    pub findings: Vec<Finding>,
    /// Values that their own rule left as they were.
    pub unchanged: Vec<Unchanged>,
    /// Hits that are chance.
    pub chance: Vec<ChanceHits>,
    /// Columns that are exempt, whether hit or not.
    pub exempt: Vec<ExemptHits>,
    /// Values and parts of values that were looked for.
    pub needles: u64,
    /// Values that were too common to be looked for.
    pub common: u64,
    /// Columns that were searched.
    pub columns: u64,
    /// Objects of the schema that were searched.
    pub objects: u64,
    /// Cells that were searched.
    pub cells: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes of the filters.
    pub filter_bytes: u64,
}

impl Survivors {
    /// Whether nothing survived. Only then may the snapshot be published.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.unchanged.is_empty()
    }

    /// Bytes of memory a needle.
    #[must_use]
    pub fn bytes_a_needle(&self) -> f64 {
        self.filter_bytes as f64 / self.needles.max(1) as f64
    }
}
