//! What may lie between two keys: guesses, of which the server says whether they do.
//!
//! Numbers and times have a middle. Of texts, the first characters in which they differ have one: in the order that the
//! column's collation has for the characters that most keys are made of, which the server is asked for.

use super::bound::{Form, KeyColumn};
use crate::mysql::error::{MysqlError, Result};
use crate::mysql::session::Session;
use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;

/// Characters whose order is asked for: those of ASCII, and letters of Latin, Greek and Cyrillic.
const CHARACTERS: [RangeInclusive<u32>; 4] = [0x20..=0x7E, 0xC0..=0xFF, 0x391..=0x3C9, 0x410..=0x44F];
/// The same where a character is a byte.
const BYTES: RangeInclusive<u32> = 0x20..=0xFF;

/// The order of the characters of one column.
#[derive(Default)]
pub(super) struct Alphabet {
    ranks: HashMap<u32, u32>,
    /// One character of each rank.
    characters: Vec<u32>,
}

impl Alphabet {
    /// That of a column; empty where it has none, or the server does not say.
    ///
    /// # Errors
    /// If the session is lost.
    pub(super) fn of(session: &mut Session, column: &KeyColumn<'_>) -> Result<Self> {
        let characters: Vec<u32> = match column.form {
            Form::Bytes => return Ok(Self::ordered((0..=0xFF).map(|byte| vec![byte]))),
            Form::Text => CHARACTERS.into_iter().flatten().collect(),
            Form::ByteText => BYTES.collect(),
            _ => return Ok(Self::default()),
        };
        let weight = |character: &u32| {
            let value = encode(column.form, &[*character])?;
            Some(format!("WEIGHT_STRING({})", column.literal(&value)?))
        };
        let weights: Vec<String> =
            characters.iter().map(|character| weight(character).unwrap_or_else(|| "NULL".to_owned())).collect();
        let row = match session.query_one("ask for the order of characters", &format!("SELECT {}", weights.join(", ")))
        {
            Ok(row) => row,
            Err(MysqlError::Refused { .. }) => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        let mut groups: BTreeMap<Vec<u8>, Vec<u32>> = BTreeMap::new();
        for (place, character) in characters.iter().enumerate() {
            // What weighs nothing is not seen in a comparison.
            if let Some(weight) = row.get(place).filter(|weight| !weight.is_empty()) {
                groups.entry(weight.to_vec()).or_default().push(*character);
            }
        }
        Ok(Self::ordered(groups.into_values()))
    }

    /// Of characters in groups of equal ones.
    fn ordered(groups: impl Iterator<Item = Vec<u32>>) -> Self {
        let mut alphabet = Self::default();
        for (rank, group) in (0..).zip(groups) {
            alphabet.characters.extend(group.first());
            alphabet.ranks.extend(group.into_iter().map(|character| (character, rank)));
        }
        alphabet
    }

    /// Texts that may be behind `low` and not behind `high`, the likeliest first.
    fn between(&self, low: &[u32], high: &[u32]) -> Vec<Vec<u32>> {
        let rank = |character: u32| self.ranks.get(&character).copied().map(i64::from);
        let is_same = |(a, b): (&u32, &u32)| a == b || rank(*a).is_some() && rank(*a) == rank(*b);
        let at = low.iter().zip(high).take_while(|pair| is_same(*pair)).count();
        let Some(own) = high.get(at).copied() else { return Vec::new() };
        let (before, after) = (low.get(at).copied(), rank(own));
        // What has ended is before everything.
        let middle = match (before.map_or(Some(-1), rank), after) {
            (Some(before), Some(after)) if after - before >= 2 => {
                usize::try_from((before + after + 1) / 2).ok().and_then(|rank| self.characters.get(rank).copied())
            }
            (_, None) => before.filter(|before| *before < own).map(|before| before + (own - before).div_ceil(2)),
            _ => None,
        };
        let mut last: Vec<u32> = middle.into_iter().chain([own]).collect();
        last.dedup();
        last.into_iter().map(|last| [&high[..at], &[last]].concat()).collect()
    }
}

/// Values that may be behind `low` and not behind `high`, the likeliest first.
///
/// # Errors
/// If the session is lost.
pub(super) fn between(
    session: &mut Session,
    column: &KeyColumn<'_>,
    alphabet: &Alphabet,
    low: &[u8],
    high: &[u8],
) -> Result<Vec<Vec<u8>>> {
    Ok(match column.form {
        Form::Text | Form::ByteText | Form::Bytes => {
            let (Some(low), Some(high)) = (decode(column.form, low), decode(column.form, high)) else {
                return Ok(Vec::new());
            };
            alphabet.between(&low, &high).iter().filter_map(|text| encode(column.form, text)).collect()
        }
        Form::Integer => integers(low, high),
        Form::Uuid => uuids(low, high),
        Form::Decimal | Form::Date | Form::DateTime | Form::Time => {
            let Some(sql) = question(column, low, high) else { return Ok(Vec::new()) };
            match session.query_one("ask for the middle of two keys", &sql) {
                Ok(row) => row.get(0).map(<[u8]>::to_vec).into_iter().collect(),
                Err(MysqlError::Refused { .. }) => Vec::new(),
                Err(error) => return Err(error),
            }
        }
    })
}

/// The statement that gives the middle of two numbers or times.
fn question(column: &KeyColumn<'_>, low: &[u8], high: &[u8]) -> Option<String> {
    // Nobody counts from a day that is none.
    let from: &[u8] = match column.form {
        Form::Date if low.starts_with(b"0000") => b"1000-01-01",
        Form::DateTime if low.starts_with(b"0000") => b"1000-01-01 00:00:00",
        _ => low,
    };
    let (low, high) = (column.literal(from)?, column.literal(high)?);
    let digits = column.of.modifier.as_deref().and_then(|digits| digits.parse().ok()).unwrap_or(0_u8);
    let middle = match column.form {
        Form::Date => format!("DATE_ADD({low}, INTERVAL (DATEDIFF({high}, {low}) + 1) DIV 2 DAY)"),
        Form::DateTime => {
            let half = format!("(TIMESTAMPDIFF(MICROSECOND, {low}, {high}) + 1) DIV 2");
            format!("CAST(TIMESTAMPADD(MICROSECOND, {half}, CAST({low} AS DATETIME(6))) AS DATETIME({digits}))")
        }
        Form::Time => format!("SEC_TO_TIME((TIME_TO_SEC({low}) + TIME_TO_SEC({high}) + 1) DIV 2)"),
        _ => format!("({low} + {high}) / 2"),
    };
    Some(format!("SELECT CAST({middle} AS CHAR)"))
}

/// The middle of two whole numbers, which a server may make as large as it likes.
fn integers(low: &[u8], high: &[u8]) -> Vec<Vec<u8>> {
    let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<i128>().ok();
    let (Some(low), Some(high)) = (number(low), number(high)) else { return Vec::new() };
    let apart = high.checked_sub(low).filter(|apart| *apart > 0);
    apart.map(|apart| (low + apart / 2 + apart % 2).to_string().into_bytes()).into_iter().collect()
}

/// The middles of two uuids in the orders that versions of MariaDB have for them: from the last group to the first, for those
/// that begin with a time that is written so, and as they are printed.
fn uuids(low: &[u8], high: &[u8]) -> Vec<Vec<u8>> {
    let number = |text: &[u8]| {
        let digits: Vec<u8> = text.iter().copied().filter(|byte| *byte != b'-').collect();
        u128::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()
    };
    let (Some(low), Some(high)) = (number(low), number(high)) else { return Vec::new() };
    let middle = |low: u128, high: u128| (low < high).then(|| low + (high - low).div_ceil(2));
    let backwards = middle(to_backwards(low), to_backwards(high)).map(from_backwards);
    let found = backwards.into_iter().chain(middle(low, high));
    found.map(|number| print_uuid(number).into_bytes()).collect()
}

/// A uuid with its groups from the last to the first.
fn to_backwards(uuid: u128) -> u128 {
    let low = uuid & 0xFFFF_FFFF_FFFF;
    let (clock, version, middle, first) = (uuid >> 48 & 0xFFFF, uuid >> 64 & 0xFFFF, uuid >> 80 & 0xFFFF, uuid >> 96);
    low << 80 | clock << 64 | version << 48 | middle << 32 | first
}

fn from_backwards(number: u128) -> u128 {
    let first = number & 0xFFFF_FFFF;
    let (middle, version, clock) = (number >> 32 & 0xFFFF, number >> 48 & 0xFFFF, number >> 64 & 0xFFFF);
    first << 96 | middle << 80 | version << 64 | clock << 48 | number >> 80
}

fn print_uuid(uuid: u128) -> String {
    let digits = format!("{uuid:032x}");
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

fn decode(form: Form, value: &[u8]) -> Option<Vec<u32>> {
    match form {
        Form::Text => Some(std::str::from_utf8(value).ok()?.chars().map(u32::from).collect()),
        _ => Some(value.iter().copied().map(u32::from).collect()),
    }
}

fn encode(form: Form, characters: &[u32]) -> Option<Vec<u8>> {
    match form {
        Form::Text => {
            let text: Option<String> = characters.iter().copied().map(char::from_u32).collect();
            text.map(String::into_bytes)
        }
        _ => characters.iter().map(|byte| u8::try_from(*byte).ok()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn there_are_bytes_between_bytes(mut keys in proptest::collection::btree_set(proptest::collection::vec(any::<u8>(), 0..6), 2)) {
            let (low, high) = (keys.pop_first().unwrap(), keys.pop_first().unwrap());
            let alphabet = Alphabet::ordered((0..=0xFF).map(|byte| vec![byte]));
            let wide = |bytes: &[u8]| decode(Form::Bytes, bytes).unwrap();
            let found = alphabet.between(&wide(&low), &wide(&high));
            prop_assert!(!found.is_empty());
            for middle in found {
                let middle = encode(Form::Bytes, &middle).unwrap();
                prop_assert!(low < middle && middle <= high);
            }
        }

        #[test]
        fn uuids_are_turned_and_turned_back(uuid in any::<u128>()) {
            prop_assert_eq!(from_backwards(to_backwards(uuid)), uuid);
            prop_assert_eq!(print_uuid(uuid).len(), 36);
        }

        #[test]
        fn no_text_panics(low in ".{0,5}", high in ".{0,5}") {
            let alphabet = Alphabet::ordered([vec![97, 65], vec![98, 66], vec![122]].into_iter());
            let wide = |text: &str| decode(Form::Text, text.as_bytes()).unwrap();
            for middle in alphabet.between(&wide(&low), &wide(&high)) {
                encode(Form::Text, &middle);
            }
        }
    }

    #[test]
    fn texts_are_parted_in_the_order_of_their_collation() {
        let alphabet = Alphabet::ordered("abcdefgh".chars().map(|c| vec![u32::from(c), u32::from(c) - 32]));
        let between = |low: &str, high: &str| -> Vec<String> {
            let wide = |text: &str| decode(Form::Text, text.as_bytes()).unwrap();
            let found = alphabet.between(&wide(low), &wide(high)).into_iter();
            found.map(|text| String::from_utf8(encode(Form::Text, &text).unwrap()).unwrap()).collect()
        };
        assert_eq!(between("ABx", "abHx"), ["abH"]);
        assert_eq!(between("Aax", "aAhx"), ["aAh"]);
        assert_eq!(between("Aaa", "aAhx"), ["aAe", "aAh"]);
        assert_eq!(between("a", "aH"), ["ad", "aH"]);
        assert_eq!(between("a", "A"), [""; 0]);
        assert_eq!(between("漢", "字"), ["字"]);
        assert_eq!(between("一", "漢").len(), 2);
    }

    #[test]
    fn a_day_that_is_none_is_not_counted_from() {
        let of = crate::mysql::types::ColumnType::parse("datetime(3)").unwrap();
        let column = KeyColumn { name: "k", of: &of, form: Form::DateTime };
        let sql = question(&column, b"0000-00-00 00:00:00.000", b"2026-01-01 00:00:00.000").unwrap();
        assert!(!sql.contains("0000-00-00") && sql.contains("DATETIME(3)"), "{sql}");
        assert!(uuids(b"nonsense", b"").is_empty());
    }

    #[test]
    fn numbers_that_no_column_holds_are_no_panic() {
        let [least, most] = [i128::MIN, i128::MAX].map(|number| number.to_string().into_bytes());
        assert!(
            integers(&least, &most).is_empty() && integers(b"5", b"4").is_empty() && integers(b"x", b"4").is_empty()
        );
        assert_eq!(integers(b"0", &most), [(i128::MAX / 2 + 1).to_string().into_bytes()]);
        assert_eq!(integers(b"-3", b"0"), [b"-1"]);
    }
}
