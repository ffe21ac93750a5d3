//! From name, type and counts of values to a finding about one column.

use super::meaning::Meaning;
use super::names::{Rows, Strength};
use super::tally::Tally;
use crate::value::Kind;

/// What was found of a column, or of a path in its documents. It holds counts, never a value.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// What the values mean; none if nothing personal was found.
    pub meaning: Option<Meaning>,
    /// How sure that is, from 0 to 1.
    pub confidence: f64,
    /// Why, in counts.
    pub evidence: String,
    /// Of documents, what was found at each path.
    pub paths: Vec<(String, Finding)>,
    /// Of documents, whether keys are personal data themselves.
    pub has_personal_keys: bool,
    /// Characters of the longest value that was seen.
    pub longest_chars: usize,
    /// Of a path, whether nothing but null was seen there.
    pub is_unseen: bool,
    /// Of degrees, whether they are longitudes.
    pub is_longitude: bool,
    /// Of phone numbers, whether some are written without their country's code.
    pub has_national_numbers: bool,
}

/// Below this, a column is said to hold nothing personal.
const PERSONAL_MIN: f64 = 0.5;

impl Finding {
    /// That a column holds `meaning`, or that it does not where that is not sure enough.
    #[must_use]
    pub fn new(meaning: Option<Meaning>, confidence: f64, evidence: impl Into<String>) -> Self {
        let confidence = (confidence.clamp(0.0, 0.99) * 100.0).round() / 100.0;
        let evidence = evidence.into();
        let is_so = meaning.is_none() || confidence >= PERSONAL_MIN;
        Self {
            meaning: meaning.filter(|_| is_so),
            confidence: if is_so { confidence } else { 1.0 - confidence },
            evidence,
            paths: Vec::new(),
            has_personal_keys: false,
            longest_chars: 0,
            is_unseen: false,
            is_longitude: false,
            has_national_numbers: false,
        }
    }
}

/// What is known of a column beside its values.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// What its name, or its comment, says.
    pub says: Option<(Meaning, Strength)>,
    /// Whether it was the comment.
    pub by_comment: bool,
    /// What it holds.
    pub kind: Kind,
    /// What its type says: there are types for addresses.
    pub by_type: Option<Meaning>,
    /// It is a number or a uuid by which rows are referred to.
    pub is_key: bool,
    /// What its table is about.
    pub rows: Rows,
    /// Other columns of the table are about a person for sure.
    pub in_context: bool,
    /// A column next to it is a street or a postal code.
    pub beside_address: bool,
    /// A column next to it is a first or last name.
    pub beside_name: bool,
    /// The table has card numbers.
    pub beside_card: bool,
}

/// Whether values of a type can have a meaning at all.
fn fits(meaning: Meaning, kind: Kind) -> bool {
    use Meaning as M;
    match kind {
        Kind::Text => !matches!(meaning, M::Picture | M::Derived | M::Document),
        Kind::Integer => {
            matches!(
                meaning,
                M::Phone
                    | M::Card
                    | M::CardCode
                    | M::NationalId
                    | M::BankAccount
                    | M::PostalCode
                    | M::Sensitive
                    | M::Token
                    | M::Password
            )
        }
        Kind::Float => matches!(meaning, M::Coordinates | M::Sensitive),
        Kind::Decimal => {
            matches!(meaning, M::Coordinates | M::Sensitive | M::NationalId | M::Card | M::BankAccount | M::Phone)
        }
        Kind::Date | Kind::Timestamp => meaning == M::BirthDate,
        Kind::Uuid => matches!(meaning, M::Token | M::Device),
        Kind::Address => meaning == M::Ip,
        Kind::Bytes => matches!(meaning, M::Picture | M::Password | M::Token | M::Device | M::Sensitive),
        Kind::Json | Kind::Bool | Kind::Time | Kind::Interval | Kind::Entry | Kind::Field => false,
        Kind::Point => meaning == M::Coordinates,
        Kind::Opaque | Kind::Xml => matches!(meaning, M::Coordinates | M::BirthDate),
    }
}

/// The share of values that must agree with a name before it is believed for them, where a validator knows nearly all of
/// a kind; others are believed without.
fn agreeing_share_min(meaning: Meaning) -> Option<f64> {
    use Meaning as M;
    match meaning {
        M::Email | M::Ip | M::UserAgent | M::BirthDate => Some(0.2),
        M::Card | M::PostalCode | M::BankAccount => Some(0.1),
        _ => None,
    }
}

/// Judges a column by all that is known.
#[must_use]
pub fn judge(about: About, tally: &Tally) -> Finding {
    let says = about.says.filter(|(meaning, _)| fits(*meaning, about.kind));
    let by_name = says.map(|(meaning, strength)| named(about, meaning, strength, tally));
    let valued = about.kind == Kind::Text
        || matches!(about.kind, Kind::Integer | Kind::Date | Kind::Timestamp | Kind::Opaque | Kind::Xml);
    let found = if valued { tally.meanings(about.in_context) } else { Vec::new() };
    let mut by_value: Vec<(Meaning, f64, String)> = found
        .into_iter()
        .filter(|(meaning, ..)| fits_value(*meaning, about.kind))
        .map(|(meaning, sure, count, what)| (meaning, sure, counted(count, tally.values, what)))
        .collect();
    by_value.extend(by_place(about, tally));
    by_value.retain(|(meaning, _, _)| !(*meaning == Meaning::City && about.rows == Rows::Things && !about.in_context));
    let best = by_value.into_iter().max_by(|one, other| one.1.total_cmp(&other.1));
    let is_key = about.is_key
        && !matches!(
            says,
            Some((Meaning::Token | Meaning::NationalId | Meaning::Card | Meaning::Phone, Strength::Sure))
        );
    if is_key {
        return Finding::new(None, 0.95, "a key");
    }
    match (by_name, best) {
        (Some((meaning, sure, why)), Some((seen, share, counts))) if meaning == seen => {
            let why = if why.ends_with(&counts) { why } else { format!("{why}; {counts}") };
            Finding::new(Some(meaning), 1.0 - (1.0 - sure) * (1.0 - share), why)
        }
        (Some((meaning, sure, why)), Some((seen, share, counts))) => {
            // Values with a syntax of their own know better than a name.
            let (chosen, sure) = if share > sure { (seen, share) } else { (meaning, sure) };
            Finding::new(Some(chosen), sure, format!("{why}; {counts}"))
        }
        (Some((meaning, sure, why)), None) => Finding::new(Some(meaning), sure, why),
        (None, Some((meaning, sure, counts))) => Finding::new(Some(meaning), sure, counts),
        (None, None) => match about.by_type {
            Some(meaning) => Finding::new(Some(meaning), 0.75, format!("type says {}", meaning.words())),
            None => nothing(about, tally),
        },
    }
}

/// Numbers and dates are believed for what they look like less easily than texts.
fn fits_value(meaning: Meaning, kind: Kind) -> bool {
    match kind {
        Kind::Text => true,
        Kind::Opaque => meaning != Meaning::Username,
        Kind::Integer => matches!(meaning, Meaning::Card),
        _ => meaning == Meaning::BirthDate,
    }
}

fn nothing(about: About, tally: &Tally) -> Finding {
    let confidence = match about.kind {
        Kind::Bool | Kind::Integer | Kind::Float | Kind::Decimal => 0.9,
        _ if tally.values >= 20 => 0.85,
        _ if tally.values > 0 => 0.7,
        _ => 0.5,
    };
    let evidence = if tally.values == 0 {
        "no values seen, and the name says nothing".to_owned()
    } else {
        format!("nothing personal in {} values", tally.values)
    };
    Finding::new(None, confidence, evidence)
}

fn counted(count: usize, of: usize, what: &str) -> String {
    format!("{count} of {of} values are {what}")
}

/// What a name is worth, with the values that agree.
fn named(about: About, meaning: Meaning, strength: Strength, tally: &Tally) -> (Meaning, f64, String) {
    let source = if about.by_comment { "comment" } else { "name" };
    let why = format!("{source} says {}", meaning.words());
    let is_about_persons = about.in_context || about.rows == Rows::Persons;
    let alone = match (strength, is_about_persons, about.rows) {
        (Strength::Sure, _, _) => 0.85,
        (Strength::InContext, true, _) => 0.7,
        (Strength::InContext, false, Rows::Things) => 0.25,
        (Strength::InContext, false, _) => 0.4,
        (Strength::Hint, true, _) => 0.45,
        (Strength::Hint, false, _) => 0.25,
    };
    // What a sentence is about is seen in the sentences.
    let is_text_of_persons = meaning == Meaning::FreeText;
    if tally.values < 3 {
        return (meaning, alone, why);
    }
    // Numbers are looked at by their names alone.
    if !matches!(about.kind, Kind::Text | Kind::Opaque | Kind::Date | Kind::Float | Kind::Decimal | Kind::Address) {
        return (meaning, alone, why);
    }
    let Some((count, what)) = tally.count(meaning) else { return (meaning, alone, why) };
    let share = tally.share(count);
    let why = format!("{why}; {}", counted(count, tally.values, what));
    let contradicts = agreeing_share_min(meaning).is_some_and(|min| share < min);
    let agrees = agreeing_share_min(meaning).map_or(share >= 0.15, |min| share >= min);
    let sure = match () {
        () if is_text_of_persons && tally.share(tally.sentences) < 0.2 => alone.min(0.3),
        () if agrees => 1.0 - (1.0 - alone) * (1.0 - 0.7 * share.max(0.3)),
        // Nearly all values are the same few: whatever they are, they tell persons apart no better.
        () if tally.is_enumeration() => alone - if strength == Strength::Sure { 0.2 } else { 0.4 },
        () if contradicts => alone - 0.2,
        () => alone,
    };
    (meaning, sure, why)
}

/// What the place among other columns says of values that say nothing alone.
fn by_place(about: About, tally: &Tally) -> Option<(Meaning, f64, String)> {
    if about.kind != Kind::Text {
        return None;
    }
    if let (true, Some(count)) = (about.beside_address, tally.postal_digits()) {
        return Some((
            Meaning::PostalCode,
            0.65,
            format!("{} beside an address", counted(count, tally.values, "of the form of postal codes")),
        ));
    }
    if let (true, Some(count)) = (about.beside_card, tally.codes()) {
        return Some((
            Meaning::CardCode,
            0.6,
            format!("{} beside card numbers", counted(count, tally.values, "three or four digits")),
        ));
    }
    if let (true, Some(count)) = (about.beside_name, tally.initials()) {
        return Some((Meaning::FirstName, 0.6, format!("{} beside names", counted(count, tally.values, "initials"))));
    }
    if let (true, Some(count)) = (about.beside_address, tally.places()) {
        return Some((
            Meaning::City,
            0.62,
            format!("{} beside an address", counted(count, tally.values, "capitalized words")),
        ));
    }
    None
}
