//! What the rules promise about the values they write: which may be met again, and which never stay.

/// Which hits in a rewritten column are no survivors. They are counted and listed all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exemption {
    /// None.
    No,
    /// Values of the same domain: the rule puts values of the column elsewhere, or near ones in their place.
    OwnInputs,
    /// Any: what is written comes from a list that everybody can read, or from the policy.
    Listed,
}

/// What is known of the values that a rule writes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Promise {
    /// Hits that are none.
    pub exemption: Exemption,
    /// Whether no value that says something stays what it was.
    pub always_changes: bool,
    /// How many times fewer values than those of the same pattern it chooses from, at most.
    pub narrowing: f64,
}

impl Promise {
    /// Of a rule of the catalogue. Nothing is known of rules of embedders: no hit is exempt.
    #[must_use]
    pub fn of(rule: &str, is_unique: bool) -> Self {
        use Exemption::{Listed, No, OwnInputs};
        let (exemption, always_changes, narrowing) = match rule {
            "shape" | "username" | "postal-code" | "national-id" | "email" | "words" => (No, true, 1.0),
            "uuid" | "token" | "password" => (No, true, 1.0),
            // The calling code stays, up to three digits. A number for fiction may be somebody's in a test database.
            "phone" => (if is_unique { No } else { OwnInputs }, true, 1e3),
            // The issuer may stay, up to eight digits, and one is a check digit.
            "card" => (No, true, 1e9),
            // The country stays, two digits are check digits.
            "iban" => (No, true, 1e5),
            // Documentation networks are few; `range` may permute all numbers that there are.
            "ip" | "range" | "noise" | "bucket" | "age-bucket" | "coordinates" | "partial" | "shuffle" => {
                (OwnInputs, false, 1.0)
            }
            // The vendor stays, six of twelve digits.
            "mac" => (No, false, 1e7),
            // The country or the publisher stays, and digits are check digits.
            "vat" | "bic" | "isin" | "isbn" => (No, false, 1e5),
            date if date.starts_with("date-") => (OwnInputs, false, 1.0),
            "first-name" | "last-name" | "full-name" | "company" | "job" | "street" | "city" | "state" | "country"
            | "entity" | "user-agent" | "image" | "one-of" | "lookup" | "constant" | "default" => (Listed, false, 1.0),
            _ => (No, false, 1.0),
        };
        Self { exemption, always_changes, narrowing }
    }
}
