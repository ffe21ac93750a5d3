//! What the name of a column says, in several languages, and what the name of its table says of the rows.
//!
//! A name is cut into words at underscores, capitals and digits. Names are given as phrases: the words of a phrase must
//! stand in the name one after the other. Words that speak about data rather than being it (`email_count`) take a
//! meaning away.

use super::dictionary::plain;
use super::meaning::Meaning;
use super::phrases::{ABOUT, OTHER_NAMES, PERSONS, PHRASES, THINGS};

/// How sure a phrase is: it says so alone, or only in a table about persons, or needs values that agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// Values must agree.
    Hint,
    /// Enough in a table about persons.
    InContext,
    /// Enough alone.
    Sure,
}

use Meaning as M;
use Strength::{Hint, InContext, Sure};

/// Cuts a name into words: at signs, between small and capital letters, between letters and digits.
#[must_use]
pub fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let letters: Vec<char> = name.chars().collect();
    for (at, c) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| letters[at]);
        let after = letters.get(at + 1);
        let begins = before.is_some_and(|before| {
            c.is_uppercase()
                && (before.is_lowercase() || before.is_uppercase() && after.is_some_and(|c| c.is_lowercase()))
                || c.is_numeric() != before.is_numeric()
        });
        if begins || !c.is_alphanumeric() {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
        }
        if c.is_alphanumeric() {
            word.push(*c);
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    words.iter().map(|word| plain(word)).collect()
}

fn has(table: &str, word: &str) -> bool {
    table.split_whitespace().any(|known| known == word)
}

/// What the rows of a table are about, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Persons, or what belongs to one.
    Persons,
    /// Something else.
    Things,
    /// The name does not say.
    Unknown,
}

/// What the name of a table says.
#[must_use]
pub fn rows(table: &str) -> Rows {
    let words = words(table);
    // The last word says what a row is: `user_roles` are roles.
    match words.iter().rev().find(|word| has(PERSONS, word) || has(THINGS, word)) {
        Some(word) if has(PERSONS, word) => Rows::Persons,
        Some(_) => Rows::Things,
        None => Rows::Unknown,
    }
}

/// Names that say nothing without that of the table.
const GENERIC: [&str; 6] = ["key", "code", "value", "number", "address", "hash"];

/// What the name of a column says together with that of its table: the number of a table of phones is a phone number.
#[must_use]
pub fn meaning_in(table: &str, column: &str) -> Option<(Meaning, Strength)> {
    let (mut of_table, of_column) = (words(table), words(column));
    let [generic] = of_column.as_slice() else { return meaning(column) };
    if !GENERIC.contains(&generic.as_str()) {
        return meaning(column);
    }
    if let Some(last) = of_table.last_mut() {
        let singular = last
            .strip_suffix("sses")
            .map(|stem| format!("{stem}ss"))
            .or_else(|| last.strip_suffix('s').map(str::to_owned));
        *last = singular.filter(|_| !last.ends_with("ss")).unwrap_or_else(|| last.clone());
    }
    if of_table.last() != Some(generic) {
        of_table.push(generic.clone());
    }
    let said = meaning(&of_table.join("_")).filter(|(_, strength)| *strength == Sure);
    said.or_else(|| meaning(column))
}

/// Whether a column is one of longitudes; none if its name does not say.
pub fn is_longitude(name: &str) -> Option<bool> {
    const LATITUDE: &str = "lat latitude latitud latitudine breite breitengrad";
    const LONGITUDE: &str = "lon lng long longitude longitud longitudine laenge lange laengengrad langengrad";
    words(name).iter().find_map(
        |word| {
            if has(LATITUDE, word) { Some(false) } else { has(LONGITUDE, word).then_some(true) }
        },
    )
}

/// Words of tables of places, whose degrees are nobody's.
const PLACES: [&str; 20] = [
    "city",
    "cities",
    "country",
    "countries",
    "region",
    "regions",
    "state",
    "states",
    "airport",
    "airports",
    "store",
    "stores",
    "hotel",
    "hotels",
    "station",
    "stations",
    "place",
    "places",
    "school",
    "schools",
];

/// Whether the rows of a table are places.
#[must_use]
pub fn are_places(table: &str) -> bool {
    words(table).last().is_some_and(|word| PLACES.contains(&word.as_str()))
}

/// What the name of a column says.
#[must_use]
pub fn meaning(column: &str) -> Option<(Meaning, Strength)> {
    let words: Vec<String> = words(column).into_iter().filter(|word| !word.chars().all(char::is_numeric)).collect();
    let found = PHRASES.iter().enumerate().flat_map(|(rank, (meaning, strength, phrases))| {
        let found = phrases.split('|').filter_map(|phrase| {
            let phrase: Vec<&str> = phrase.split(' ').filter(|word| !word.chars().all(char::is_numeric)).collect();
            let at = words
                .windows(phrase.len())
                .rposition(|window| window.iter().zip(&phrase).all(|(word, of)| word == of))?;
            Some((at + phrase.len(), phrase.len(), rank))
        });
        found.map(|(end, length, rank)| (end, length, std::cmp::Reverse(rank), *meaning, *strength)).collect::<Vec<_>>()
    });
    // What stands last is what the column holds; of several that end there, the longest.
    let (end, length, _, meaning, strength) = found.max()?;
    let rest = &words[end..];
    let lead = &words[..end - length];
    if rest.iter().any(|word| has(ABOUT, word))
        || lead.first().is_some_and(|word| ["is", "has", "num", "count", "enable", "show"].contains(&word.as_str()))
    {
        return None;
    }
    let is_a_name = matches!(meaning, M::FullName | M::FirstName) && strength == InContext;
    if is_a_name && lead.last().is_some_and(|word| has(OTHER_NAMES, word)) {
        return None;
    }
    // A longer name in which the phrase is one word among others says less.
    let is_whole = words.len() == length;
    Some((meaning, if is_whole || strength != InContext || rest.is_empty() { strength } else { Hint }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_into_words() {
        assert_eq!(words("billingEmail2"), ["billing", "email", "2"]);
        assert_eq!(words("LAST_NAME"), ["last", "name"]);
        assert_eq!(words("IPAddress"), ["ip", "address"]);
        assert_eq!(words("PréNom"), ["pre", "nom"]);
    }

    #[test]
    fn columns_say_what_they_hold_in_many_languages() {
        let cases = [
            ("email", M::Email),
            ("billing_email_address", M::Email),
            ("Vorname", M::FirstName),
            ("geburtsdatum", M::BirthDate),
            ("prénom", M::FirstName),
            ("fecha_de_nacimiento", M::BirthDate),
            ("cognome", M::LastName),
            ("sobrenome", M::LastName),
            ("achternaam", M::LastName),
            ("nazwisko", M::LastName),
            ("telefoon", M::Phone),
            ("password_reset_token", M::Token),
            ("encrypted_password", M::Password),
            ("last_login_ip", M::Ip),
            ("emailAddress", M::Email),
            ("mothers_maiden", M::LastName),
            ("credit_card_number", M::Card),
            ("address2", M::Street),
            ("ip_address", M::Ip),
            ("mac_address", M::Device),
        ];
        for (name, wanted) in cases {
            assert_eq!(meaning(name).map(|(meaning, _)| meaning), Some(wanted), "{name}");
        }
    }

    #[test]
    fn columns_about_data_say_nothing() {
        for name in [
            "email_count",
            "phone_type",
            "password_changed_at",
            "is_email",
            "address_id",
            "title",
            "status",
            "file_name",
            "quantity",
        ] {
            assert_eq!(meaning(name), None, "{name}");
        }
        let in_table = |table: &str, column: &str| meaning_in(table, column).map(|(meaning, _)| meaning);
        assert_eq!(in_table("phones", "number"), Some(M::Phone));
        assert_eq!(in_table("email_addresses", "address"), Some(M::Email));
        assert_eq!(in_table("api_keys", "key"), Some(M::Token));
        assert_eq!(in_table("customers", "address"), Some(M::Street));
        assert_eq!(in_table("invoices", "number"), None);
        assert_eq!(rows("user_roles"), Rows::Things);
        assert_eq!(rows("Customers"), Rows::Persons);
        assert_eq!(rows("zzz"), Rows::Unknown);
    }
}
