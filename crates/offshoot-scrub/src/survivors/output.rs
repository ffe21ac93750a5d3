//! What is searched: columns as they were written, and texts of the schema.

use offshoot_format::table::RowForm;

use super::read::Reading;
use super::{Exemption, Place, Promise};
use crate::facts::ColumnFacts;

/// A column that was written, or an object of the schema.
#[derive(Debug, Clone)]
pub struct Output {
    pub(super) place: Place,
    pub(super) rule: Option<String>,
    domain: String,
    pub(super) reading: Reading,
    pub(super) exemption: Exemption,
    pub(super) narrowing: f64,
    pub(super) is_rewritten: bool,
}

impl Output {
    /// A column with its rule, the rule's domain, whether it is unique, and its type by its bare name.
    #[must_use]
    pub fn new(place: Place, rule: &str, domain: &str, is_unique: bool, type_name: &str, form: RowForm) -> Self {
        let promise = Promise::of(rule, is_unique);
        Self {
            place,
            rule: Some(rule.to_owned()),
            domain: domain.to_owned(),
            reading: Reading::new(type_name, form),
            exemption: promise.exemption,
            narrowing: promise.narrowing,
            is_rewritten: !matches!(rule, "keep" | "template"),
        }
    }

    /// The same for this column as its facts have it, its encoding included.
    #[must_use]
    pub fn reading(self, column: &ColumnFacts, form: RowForm) -> Self {
        Self { reading: Reading::of(column, form), ..self }
    }

    /// The same for a rule that holds for some rows only: what it leaves is as it was.
    #[must_use]
    pub fn in_some_rows(self) -> Self {
        let exemption = if self.exemption == Exemption::Listed { Exemption::OwnInputs } else { self.exemption };
        Self { exemption, is_rewritten: false, ..self }
    }

    /// Text of the schema, under a name such as `comment on table public.users`.
    #[must_use]
    pub fn object(label: &str) -> Self {
        Self {
            place: Place::Object(label.to_owned()),
            rule: None,
            domain: String::new(),
            reading: Reading::text(),
            exemption: Exemption::No,
            narrowing: 1.0,
            is_rewritten: false,
        }
    }

    /// The same with all hits exempt, because the policy says that such values may stay here.
    #[must_use]
    pub fn expecting_survivors(self) -> Self {
        Self { exemption: Exemption::Listed, ..self }
    }

    /// Whether a hit of a value of this domain is none.
    pub(super) fn is_exempt(&self, domain: &str) -> bool {
        match self.exemption {
            Exemption::No => false,
            Exemption::OwnInputs => self.domain == domain,
            Exemption::Listed => true,
        }
    }
}
