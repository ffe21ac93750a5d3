//! `entity`: one made-up person for each id, whose first, last and full name, address and user name agree in all columns and
//! tables that have the id.
//!
//! Everything is drawn from the column that the rule goes by (`by`); the value that was there does not matter. Addresses and
//! user names end in a number that follows from the id by a permutation, so that distinct ids of numbers or uuids give distinct
//! ones, and addresses are at a reserved domain.

use unicode_normalization::UnicodeNormalization;

use super::fitted;
use super::gender::Gender;
use super::word_list::{Lists, latin_lists};
use super::{Answer, Fault, Length, Making, Options, Prf, Row, Stream, Transform, Value, Work};
use crate::shape::Shape;
use crate::wire::{Codec, uuid_text};

#[derive(Clone, Copy, PartialEq)]
enum Part {
    First,
    Last,
    Full,
    Email,
    Username,
}

const PARTS: [(&str, Part); 5] = [
    ("first", Part::First),
    ("last", Part::Last),
    ("full", Part::Full),
    ("email", Part::Email),
    ("username", Part::Username),
];

/// The most characters of the number that follows from an id: those of a uuid.
const NUMBER_CHARS_MAX: usize = 32;

struct Entity {
    part: Part,
    person: Prf,
    numbers: Prf,
    texts: Shape,
    lists: &'static Lists,
    gender: Option<(usize, Codec)>,
    end: &'static str,
}

/// Needs `by` and `part`; with `language`, `gender` (a column that says it) and `to` (the reserved domain of addresses).
pub(super) fn make(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    if !making.has_id {
        return Err(options.fault("`entity` needs `by`, the column with the id of the person"));
    }
    let Some(part) = options.text("part")? else {
        return Err(options.fault("`entity` needs `part`: \"first\", \"last\", \"full\", \"email\" or \"username\""));
    };
    let Some((_, part)) = PARTS.into_iter().find(|(name, _)| *name == part) else {
        return Err(options.fault("`part` is one of: first, last, full, email, username"));
    };
    let lists = latin_lists(options)?;
    let gender = making.gender(options)?;
    let ends = super::domain::RESERVED;
    let end = options.word("to", &ends.map(|end| &end[1..]))?;
    Ok(Box::new(Entity {
        part,
        person: making.prf("person"),
        numbers: making.prf("id"),
        texts: making.injective_shape("id-text"),
        lists,
        gender,
        end: ends[end],
    }))
}

impl Entity {
    /// First and last name; always both, so that all parts draw alike.
    fn names(&self, value: Value<'_>, row: &Row<'_>) -> (&'static str, &'static str) {
        let mut stream: Stream<'_> = row.draw(&self.person, value);
        let gender = self.gender.and_then(|(column, codec)| codec.look(row.raw(column)?, Gender::of_value));
        let first = gender.and_then(|gender| gender.names(self.lists.name)).unwrap_or(self.lists.first);
        (stream.choose(first), stream.choose(self.lists.last))
    }

    /// What comes after `example`: `example.test` beside `example.com`, which is reserved itself.
    fn domain_end(&self) -> &'static str {
        self.end.strip_prefix(".example").filter(|end| !end.is_empty()).unwrap_or(self.end)
    }

    /// What ends the user name: for ids that are numbers or uuids a permutation of them.
    fn number(&self, value: Value<'_>, row: &Row<'_>, work: &mut Work) -> String {
        let number = row.id(|id| match id {
            Value::Integer(id) => {
                let moved = super::shaped::digits(&self.numbers, id, i64::MAX, work);
                // A minus sign would not do in every user name.
                Some(if moved < 0 { format!("n{}", moved.unsigned_abs()) } else { moved.to_string() })
            }
            Value::Uuid(id) => {
                let mut moved = Vec::new();
                self.texts.apply(work, uuid_text(id).replace('-', "").as_bytes(), &mut moved);
                String::from_utf8(moved).ok()
            }
            _ => None,
        });
        number.flatten().unwrap_or_else(|| format!("{:010x}", row.draw(&self.numbers, value).below_u64(1 << 40)))
    }
}

impl Transform for Entity {
    fn names_the_id(&self) -> bool {
        matches!(self.part, Part::Email | Part::Username)
    }

    fn length(&self) -> Length {
        Length::Grows(usize::MAX)
    }

    fn shortest(&self) -> usize {
        match self.part {
            Part::First | Part::Last | Part::Full => 0,
            Part::Email => "u.".len() + NUMBER_CHARS_MAX + "@example".len() + self.domain_end().len(),
            Part::Username => "u_".len() + NUMBER_CHARS_MAX,
        }
    }

    /// Names are cut; an address or a user name has no more than the number that makes it unique.
    fn fit(&self, value: Value<'_>, limit: usize, row: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let start = out.len();
        match self.part {
            Part::First | Part::Last | Part::Full => {
                let answer = self.apply(value, row, work, out);
                fitted::cut(out, start, limit);
                return answer;
            }
            Part::Email => {
                let text = format!("u.{}@example{}", self.number(value, row, work), self.domain_end());
                out.extend_from_slice(text.as_bytes());
            }
            Part::Username => out.extend_from_slice(format!("u_{}", self.number(value, row, work)).as_bytes()),
        }
        Answer::Written
    }

    fn apply(&self, value: Value<'_>, row: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Text(_) = value else { return Answer::Null };
        let (first, last) = self.names(value, row);
        let text = match self.part {
            Part::First => first.to_owned(),
            Part::Last => last.to_owned(),
            Part::Full => self.lists.full(first, last),
            Part::Email => format!(
                "{}.{}.{}@example{}",
                plain(first),
                plain(last),
                self.number(value, row, work),
                self.domain_end()
            ),
            // Letters of another kind between the parts: names have no digits, numbers end it.
            Part::Username => format!("{}_{}_{}", plain(first), plain(last), self.number(value, row, work)),
        };
        out.extend_from_slice(text.as_bytes());
        Answer::Written
    }
}

/// A name in small letters of ASCII.
fn plain(name: &str) -> String {
    let spelled = name.to_lowercase().replace('ß', "ss").replace('ı', "i").replace('ø', "o");
    let plain: String = spelled.nfkd().filter(char::is_ascii_alphanumeric).collect();
    if plain.is_empty() { "person".to_owned() } else { plain }
}
