//! Realistic values: names, companies, jobs and places drawn from word lists, in the script of the value.
//!
//! A value in a script without a list of the kind goes through the shape transform, so that the script stays. Lists are small,
//! so that two values may well get the same word: where values must stay unique, these rules are refused. `country` draws a
//! code for a code.

use fake::locales::{AR_SA, DE_DE, Data, EN, FR_FR, IT_IT, JA_JP, NL_NL, PT_BR, TR_TR, ZH_CN};
use unicode_script::{Script, UnicodeScript};

use super::country_codes;
use super::gender::Gender;
use super::{Answer, Fault, Length, Making, Options, Prf, Row, Stream, Transform, Value, Work};
use crate::shape::Shape;
use crate::wire::Codec;

/// The lists of one language.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lists {
    pub(super) name: &'static str,
    script: Script,
    pub(super) first: &'static [&'static str],
    pub(super) last: &'static [&'static str],
    /// What stands between first and last name, and whether the last name leads.
    between: &'static str,
    last_leads: bool,
    companies: &'static [&'static str],
    streets: &'static [&'static str],
    states: &'static [&'static str],
    countries: &'static [&'static str],
    fields: &'static [&'static str],
    positions: &'static [&'static str],
    city_ends: &'static [&'static str],
}

const fn lists<D: Data + Copy>(
    name: &'static str,
    script: Script,
    between: &'static str,
    last_leads: bool,
    _: D,
) -> Lists {
    Lists {
        name,
        script,
        first: own(script, D::NAME_FIRST_NAME),
        last: own(script, D::NAME_LAST_NAME),
        between,
        last_leads,
        companies: own(script, D::COMPANY_SUFFIX),
        streets: own(script, D::ADDRESS_STREET_SUFFIX),
        states: own(script, D::ADDRESS_STATE),
        countries: own(script, D::ADDRESS_COUNTRY),
        fields: own(script, D::JOB_FIELD),
        positions: own(script, D::JOB_POSITION),
        city_ends: own(script, D::ADDRESS_CITY_SUFFIX),
    }
}

/// A list, if it is one of the language: what a language of another script lacks, the crate fills with the English list.
const fn own(script: Script, list: &'static [&'static str]) -> &'static [&'static str] {
    let is_english =
        !matches!(script, Script::Latin) && (list.is_empty() || list[0].as_bytes()[0].is_ascii_alphabetic());
    if is_english { &[] } else { list }
}

impl Lists {
    /// A full name, in the order of the language.
    pub(super) fn full(&self, first: &str, last: &str) -> String {
        let (lead, follow) = if self.last_leads { (last, first) } else { (first, last) };
        format!("{lead}{}{follow}", self.between)
    }

    /// Whether a text has letters of the language's script alone.
    fn writes(&self, text: &str) -> bool {
        let is_ours = |script: Script| match self.script {
            Script::Hiragana => is_kana(script) || script == Script::Han,
            own => script == own,
        };
        scripts(text).all(is_ours)
    }
}

/// The scripts of a text, character by character; without those that all scripts share.
fn scripts(text: &str) -> impl Iterator<Item = Script> {
    text.chars().map(|c| c.script()).filter(|script| !matches!(script, Script::Common | Script::Inherited))
}

fn is_kana(script: Script) -> bool {
    matches!(script, Script::Hiragana | Script::Katakana)
}

/// The first language of a script is the one for values that name none.
static LANGUAGES: [Lists; 10] = [
    lists("en", Script::Latin, " ", false, EN),
    lists("de", Script::Latin, " ", false, DE_DE),
    lists("fr", Script::Latin, " ", false, FR_FR),
    lists("it", Script::Latin, " ", false, IT_IT),
    lists("nl", Script::Latin, " ", false, NL_NL),
    lists("pt", Script::Latin, " ", false, PT_BR),
    lists("tr", Script::Latin, " ", false, TR_TR),
    lists("ar", Script::Arabic, " ", false, AR_SA),
    lists("zh", Script::Han, "", true, ZH_CN),
    lists("ja", Script::Hiragana, " ", true, JA_JP),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    First,
    Last,
    Full,
    Company,
    Job,
    Street,
    City,
    State,
    Country,
}

struct WordList {
    what: What,
    prf: Prf,
    shape: Shape,
    /// A column that says the gender of first names.
    gender: Option<(usize, Codec)>,
    /// The language for Latin script.
    latin: &'static Lists,
    chars_max: usize,
}

/// With `language`, the lists for Latin script; those of English if none is given.
pub(super) fn latin_lists(options: &mut Options) -> Result<&'static Lists, Fault> {
    let latin: Vec<&Lists> = LANGUAGES.iter().filter(|lists| lists.script == Script::Latin).collect();
    let names: Vec<&str> = latin.iter().map(|lists| lists.name).collect();
    Ok(latin[options.word("language", &names)?])
}

fn make(what: What, options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let has_gender = matches!(what, What::First | What::Full);
    Ok(Box::new(WordList {
        what,
        gender: if has_gender { making.gender(options)? } else { None },
        prf: making.prf("word-list"),
        shape: Shape::free(making.prf("word-list/shape")),
        latin: latin_lists(options)?,
        chars_max: making.column.max_chars.map_or(usize::MAX, |chars| chars as usize),
    }))
}

macro_rules! makers {
    ($($name:ident: $what:ident, $text:literal;)*) => {$(
        #[doc = concat!("Draws ", $text, "; with `language`, and for first names `gender`.")]
        pub(super) fn $name(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
            make(What::$what, options, making)
        }
    )*};
}

makers! {
    first_name: First, "a first name";
    last_name: Last, "a last name";
    full_name: Full, "a first and a last name";
    company: Company, "a company";
    job: Job, "a job";
    street: Street, "a street, and a house number where there was one";
    city: City, "a city";
    state: State, "a state";
    country: Country, "a country";
}

impl WordList {
    fn lists(&self, text: &str) -> Option<&'static Lists> {
        let of = |script: Script| LANGUAGES.iter().find(|lists| lists.script == script);
        let mut scripts = scripts(text);
        match scripts.next()? {
            Script::Latin => Some(self.latin),
            // Kana beside ideographs is Japanese.
            first if is_kana(first) || first == Script::Han && scripts.any(is_kana) => of(Script::Hiragana),
            other => of(other),
        }
    }

    /// First names of the gender that the column says, else of the one that the old name is known for, else all.
    fn first_names(&self, lists: &Lists, old: &str, row: &Row<'_>) -> &'static [&'static str] {
        let said = self.gender.and_then(|(column, codec)| codec.look(row.raw(column)?, Gender::of_value));
        let old_first = || match self.what {
            What::Full => old.split_whitespace().find_map(Gender::of_name),
            _ => Gender::of_name(old),
        };
        said.or_else(old_first).and_then(|gender| gender.names(lists.name)).unwrap_or(lists.first)
    }

    fn draw(&self, lists: &Lists, old: &str, row: &Row<'_>, stream: &mut Stream<'_>) -> Option<String> {
        let mut pick = |list: &'static [&'static str]| (!list.is_empty()).then(|| stream.choose(list));
        Some(match self.what {
            What::First => pick(self.first_names(lists, old, row))?.to_owned(),
            What::Last => pick(lists.last)?.to_owned(),
            What::Full => {
                let (first, last) = (pick(self.first_names(lists, old, row))?, pick(lists.last)?);
                lists.full(first, last)
            }
            What::Company => format!("{}{}{}", pick(lists.last)?, lists.between, pick(lists.companies)?),
            What::Job => format!("{}{}{}", pick(lists.fields)?, lists.between, pick(lists.positions)?),
            What::Street => {
                let name = format!("{}{}{}", pick(lists.last)?, lists.between, pick(lists.streets)?);
                let has_number = old.chars().any(|c| c.is_ascii_digit());
                if has_number { format!("{} {name}", 1 + stream.below(199)) } else { name }
            }
            What::City => format!("{}{}", pick(lists.last)?, pick(lists.city_ends)?),
            What::State => pick(lists.states)?.to_owned(),
            What::Country => pick(lists.countries)?.to_owned(),
        })
    }
}

impl Transform for WordList {
    fn length(&self) -> Length {
        Length::AtMost(self.chars_max)
    }

    fn follows_value(&self) -> bool {
        self.gender.is_none()
    }

    fn pays_to_remember(&self) -> bool {
        self.gender.is_none()
    }

    fn apply(&self, value: Value<'_>, row: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Text(bytes) = value else { return Answer::Null };
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        let codes = if self.what == What::Country { country_codes::like(text) } else { None };
        if let Some(lists) = self.lists(text) {
            // Equal names agree in any case; a few draws find one that fits and is another.
            let seed = text.to_lowercase();
            let mut stream = row.draw(&self.prf, Value::Text(seed.as_bytes()));
            for _ in 0..16 {
                let new = match codes {
                    Some(codes) => Some(stream.choose(codes).to_owned()),
                    None => self.draw(lists, text, row, &mut stream),
                };
                let Some(new) = new.map(|new| in_case_of(text, new)) else { break };
                if lists.writes(&new) && new.chars().count() <= self.chars_max && new.to_lowercase() != seed {
                    out.extend_from_slice(new.as_bytes());
                    return Answer::Written;
                }
            }
        }
        self.shape.apply(work, bytes, out);
        Answer::Written
    }
}

/// All capitals if the old value was so, all small if it was so.
fn in_case_of(old: &str, new: String) -> String {
    let letters = || old.chars().filter(|c| c.is_alphabetic());
    if letters().nth(1).is_some() && letters().all(char::is_uppercase) {
        new.to_uppercase()
    } else if letters().all(char::is_lowercase) {
        new.to_lowercase()
    } else {
        new
    }
}
