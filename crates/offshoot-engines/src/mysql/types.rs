//! The types of columns: how they are named in a snapshot, how their values lie there, how they are asked for, and how what
//! the server answers becomes those bytes.
//!
//! A type's name is what the server calls it (COLUMN_TYPE), with the character set and collation of a text behind it:
//! `varchar(20) character set utf8mb4 collate utf8mb4_bin`. Texts are kept in their column's own character set. What a
//! server prints of a value under `time_zone = '+00:00'` is kept as it prints it, so that zero dates, negative times and
//! every digit of a fraction come through; numbers are kept as numbers, so that they are small and in order.

use super::error::{MysqlError, Result};
use super::quote::ident;
use offshoot_format::column::Column;
use offshoot_format::table::{KeyOrder, Layout};
use std::fmt;

/// A column's type, read from its name in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnType {
    /// The first word of it, in small letters: `varchar`.
    pub base: String,
    /// What stands in the brackets behind it: `20`, `10,2`, the labels of an enum as they are written.
    pub modifier: Option<String>,
    /// Whether a number is unsigned.
    pub is_unsigned: bool,
    /// The character set of a text.
    pub charset: Option<String>,
    /// The collation of a text.
    pub collation: Option<String>,
    /// What its values are.
    pub kind: Kind,
    /// Which edge of the time a row holds for it is, in a system-versioned table.
    pub edge: Option<Edge>,
    name: String,
}

/// An edge of the time for which a row holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// Since when it does.
    Start,
    /// Until when it does: [`FOREVER`] for one that still does.
    End,
}

/// The last moment of a TIMESTAMP where those have 64 bits. In a snapshot rows that still hold do so until then, whatever their
/// server calls it, so that servers compare.
pub const FOREVER: &[u8] = b"2106-02-07 06:28:15.999999";
/// The same where they have 32 bits: before MariaDB 11.5, and on machines of 32 bits.
pub const FOREVER_32: &[u8] = b"2038-01-19 03:14:07.999999";

/// What the values of a type are, by the bytes that they have in a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A signed integer of so many bytes, big-endian.
    Signed(u8),
    /// An unsigned integer of so many bytes, big-endian; a year among them.
    Unsigned(u8),
    /// IEEE 754 of four bytes, big-endian.
    Float,
    /// IEEE 754 of eight bytes, big-endian.
    Double,
    /// Bits in so many bytes, big-endian.
    Bit(u8),
    /// The number of a label in two bytes, 0 for the error value.
    Enum,
    /// A bit a label, in eight bytes.
    Set,
    /// A text in the character set of the column.
    Chars,
    /// A date or a point in time, printed in so many bytes: a digit of all values stands at one place, where most have the same.
    Moment(u8),
    /// A text in ASCII or UTF-8 whatever the column says: decimals, times, JSON, addresses.
    Printed,
    /// Bytes, those of spatial values and vectors among them.
    Bytes,
}

impl ColumnType {
    /// The type of a column as the catalog describes it.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn from_catalog(column_type: &str, charset: Option<&str>, collation: Option<&str>) -> Result<Self> {
        let mut name = column_type.to_owned();
        if let (Some(charset), Some(collation)) = (charset, collation) {
            name.push_str(&format!("{CHARSET}{charset}{COLLATE}{collation}"));
        }
        Self::parse(&name)
    }

    /// Reads a type's name.
    ///
    /// # Errors
    /// `NotReadable` for a type that is not known.
    pub fn parse(name: &str) -> Result<Self> {
        let (rest, collation) = split_behind(name, COLLATE);
        let (rest, charset) = split_behind(rest, CHARSET);
        let base_end = rest.find(['(', ' ']).unwrap_or(rest.len());
        let base = rest[..base_end].to_ascii_lowercase();
        let after = &rest[base_end..];
        let (modifier, attributes) = match after.strip_prefix('(') {
            Some(inner) => {
                let end = inner.rfind(')').ok_or_else(|| unknown(name))?;
                (Some(inner[..end].to_owned()), &inner[end + 1..])
            }
            None => (None, after),
        };
        let is_unsigned = attributes.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("unsigned"));
        let kind = kind(&base, modifier.as_deref(), is_unsigned, charset.is_some()).ok_or_else(|| unknown(name))?;
        let edge = match attributes.trim() {
            "row start" => Some(Edge::Start),
            "row end" => Some(Edge::End),
            _ => None,
        };
        let (charset, collation) = (charset.map(str::to_owned), collation.map(str::to_owned));
        Ok(Self { base, modifier, is_unsigned, charset, collation, kind, edge, name: name.to_owned() })
    }

    /// How its values lie.
    #[must_use]
    pub fn layout(&self) -> Layout {
        match self.kind {
            Kind::Signed(bytes) | Kind::Unsigned(bytes) | Kind::Bit(bytes) | Kind::Moment(bytes) => {
                Layout::Fixed(bytes)
            }
            Kind::Enum => Layout::Fixed(2),
            Kind::Float => Layout::Fixed(4),
            Kind::Double | Kind::Set => Layout::Fixed(8),
            Kind::Chars | Kind::Printed | Kind::Bytes => Layout::Var,
        }
    }

    /// How a key made of it is ordered.
    #[must_use]
    pub fn order(&self) -> KeyOrder {
        if matches!(self.kind, Kind::Signed(_)) { KeyOrder::Signed } else { KeyOrder::Bytes }
    }

    /// The expression that gives its values in the form that [`Self::push`] takes.
    #[must_use]
    pub fn expression(&self, column: &str) -> String {
        let column = ident(column);
        match self.kind {
            // What is printed of them has as many digits as their definition says, which can be fewer than they have.
            Kind::Float => format!("CAST({column} AS DOUBLE)"),
            Kind::Double if self.modifier.is_some() => format!("CAST({column} AS DOUBLE)"),
            Kind::Enum | Kind::Set => format!("CAST({column} AS UNSIGNED)"),
            _ => column,
        }
    }

    /// The labels of an enum or set, in order.
    #[must_use]
    pub fn labels(&self) -> Vec<String> {
        match (self.kind, &self.modifier) {
            (Kind::Enum | Kind::Set, Some(list)) => labels(list),
            _ => Vec::new(),
        }
    }

    /// The most characters that a text may have, where the type bounds them.
    #[must_use]
    pub fn chars_max(&self) -> Option<u32> {
        let is_bounded = ["char", "varchar", "binary", "varbinary"].contains(&self.base.as_str());
        self.modifier.as_deref().filter(|_| is_bounded)?.parse().ok()
    }

    /// Appends what the server answered for a value to its column.
    ///
    /// # Errors
    /// `Protocol` if it is not what a server prints of this type.
    #[inline]
    pub fn push(&self, value: &[u8], column: &mut Column) -> Result<()> {
        match self.kind {
            Kind::Moment(_) if self.edge == Some(Edge::End) && value == FOREVER_32 => column.push(FOREVER)?,
            Kind::Chars | Kind::Printed | Kind::Bytes => column.push(value)?,
            Kind::Moment(bytes) if value.len() == usize::from(bytes) => column.push(value)?,
            Kind::Moment(_) => return Err(not_of_type()),
            Kind::Signed(bytes) => {
                let number = signed(value).ok_or_else(not_of_type)?;
                let wide = number.to_be_bytes();
                let (cut, kept) = wide.split_at(8 - usize::from(bytes));
                let filler = if number < 0 { 0xFF } else { 0 };
                let fits = cut.iter().all(|byte| *byte == filler) && (kept[0] & 0x80 != 0) == (number < 0);
                column.push(if fits { kept } else { return Err(not_of_type()) })?;
            }
            Kind::Unsigned(bytes) => push_unsigned(value, usize::from(bytes), column)?,
            Kind::Enum => push_unsigned(value, 2, column)?,
            Kind::Set => push_unsigned(value, 8, column)?,
            Kind::Double => column.push(&double(value)?.to_be_bytes())?,
            // Every value of four bytes is one of eight, and comes back from it.
            Kind::Float => column.push(&(double(value)? as f32).to_be_bytes())?,
            Kind::Bit(bytes) => {
                let width = usize::from(bytes);
                // Leading zeros may be left out.
                let mut padded = [0; 8];
                if value.len() > width {
                    return Err(not_of_type());
                }
                padded[width - value.len()..width].copy_from_slice(value);
                column.push(&padded[..width])?;
            }
        }
        Ok(())
    }
}

/// The name, as it stands in a snapshot.
impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Of `2001-02-03`.
const DATE_BYTES: u8 = 10;
/// Of `2001-02-03 04:05:06`; a point and digits may follow.
const TIME_BYTES: u8 = 19;

const CHARSET: &str = " character set ";
const COLLATE: &str = " collate ";

/// What stands behind the last mark, if it is a single word.
fn split_behind<'a>(text: &'a str, mark: &str) -> (&'a str, Option<&'a str>) {
    match text.rsplit_once(mark) {
        Some((before, word)) if word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => (before, Some(word)),
        _ => (text, None),
    }
}

fn kind(base: &str, modifier: Option<&str>, is_unsigned: bool, has_charset: bool) -> Option<Kind> {
    let integer = |bytes| if is_unsigned { Kind::Unsigned(bytes) } else { Kind::Signed(bytes) };
    Some(match base {
        "tinyint" => integer(1),
        "smallint" => integer(2),
        "mediumint" | "int" | "integer" => integer(4),
        "bigint" => integer(8),
        "year" => Kind::Unsigned(2),
        "float" => Kind::Float,
        "double" | "real" => Kind::Double,
        "bit" => {
            let bits = modifier.map_or(Some(1), |bits| bits.parse::<u8>().ok())?;
            Kind::Bit((1..=64).contains(&bits).then(|| bits.div_ceil(8))?)
        }
        "enum" => Kind::Enum,
        "set" => Kind::Set,
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" if has_charset => Kind::Chars,
        "date" => Kind::Moment(DATE_BYTES),
        "datetime" | "timestamp" => {
            let digits = modifier.map_or(Some(0), |digits| digits.parse::<u8>().ok()).filter(|digits| *digits <= 6)?;
            Kind::Moment(TIME_BYTES + if digits > 0 { 1 + digits } else { 0 })
        }
        "decimal" | "numeric" | "time" | "json" | "uuid" | "inet4" | "inet6" => Kind::Printed,
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" | "geometry" | "point"
        | "linestring" | "polygon" | "multipoint" | "multilinestring" | "multipolygon" | "geometrycollection"
        | "geomcollection" | "vector" => Kind::Bytes,
        _ => return None,
    })
}

/// The labels in a list as the catalog writes it: in quotes, which are doubled inside, with backslashes before what cannot
/// be printed.
fn labels(list: &str) -> Vec<String> {
    let mut labels = Vec::new();
    let mut characters = list.chars().peekable();
    while let Some(c) = characters.next() {
        if c != '\'' {
            continue;
        }
        let mut label = String::new();
        while let Some(c) = characters.next() {
            match c {
                '\'' if characters.peek() == Some(&'\'') => {
                    characters.next();
                    label.push('\'');
                }
                '\'' => break,
                '\\' => match characters.next() {
                    Some('n') => label.push('\n'),
                    Some('r') => label.push('\r'),
                    Some('0') => label.push('\0'),
                    Some('Z') => label.push('\u{1a}'),
                    Some(c) => label.push(c),
                    None => {}
                },
                c => label.push(c),
            }
        }
        labels.push(label);
    }
    labels
}

#[inline]
fn push_unsigned(value: &[u8], bytes: usize, column: &mut Column) -> Result<()> {
    let wide = unsigned(value).ok_or_else(not_of_type)?.to_be_bytes();
    let (cut, kept) = wide.split_at(8 - bytes);
    let fits = cut.iter().all(|byte| *byte == 0);
    column.push(if fits { kept } else { return Err(not_of_type()) })?;
    Ok(())
}

#[inline]
fn unsigned(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

#[inline]
fn signed(text: &[u8]) -> Option<i64> {
    match text.strip_prefix(b"-") {
        Some(digits) => 0_i64.checked_sub_unsigned(unsigned(digits)?),
        None => i64::try_from(unsigned(text)?).ok(),
    }
}

fn double(text: &[u8]) -> Result<f64> {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok());
    number.filter(|number| number.is_finite()).ok_or_else(not_of_type)
}

fn not_of_type() -> MysqlError {
    MysqlError::Protocol { what: "a value", why: "it is not what a server prints of its type" }
}

fn unknown(name: &str) -> MysqlError {
    let shown: String = name.chars().take(80).collect();
    MysqlError::NotReadable {
        what: format!("the type {shown} is not known here"),
        mend: "Leave the table out by moving it to another database, or report this".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(type_name: &str, value: &str) -> Vec<u8> {
        let of = ColumnType::parse(type_name).unwrap();
        let mut column = Column::new(of.layout());
        of.push(value.as_bytes(), &mut column).unwrap();
        match column.cell(0) {
            offshoot_format::column::Cell::Bytes(bytes) => bytes.to_vec(),
            _ => panic!("no value"),
        }
    }

    fn fails(type_name: &str, value: &str) -> bool {
        let of = ColumnType::parse(type_name).unwrap();
        of.push(value.as_bytes(), &mut Column::new(of.layout())).is_err()
    }

    #[test]
    fn numbers_are_big_endian() {
        assert_eq!(bytes("tinyint(4)", "-128"), [0x80]);
        assert_eq!(bytes("mediumint(8)", "-1"), [0xFF; 4]);
        assert_eq!(bytes("int(10) unsigned zerofill", "0000000007"), [0, 0, 0, 7]);
        assert_eq!(bytes("bigint unsigned", "18446744073709551615"), [0xFF; 8]);
        assert_eq!(bytes("bigint", "-9223372036854775808"), i64::MIN.to_be_bytes());
        assert_eq!(bytes("year(4)", "2155"), [0x08, 0x6B]);
        assert_eq!(bytes("float", "0.10000000149011612"), 0.1_f32.to_be_bytes());
        assert_eq!(bytes("bit(9)", "\u{1}"), [0, 1]);
        assert_eq!(bytes("enum('a','b')", "0"), [0, 0]);
        assert_eq!(bytes("date", "0000-00-00"), b"0000-00-00");
        assert_eq!(bytes("timestamp(3)", "2001-02-03 04:05:06.700"), b"2001-02-03 04:05:06.700");
        assert_eq!(bytes("set('a','b')", "3"), [0, 0, 0, 0, 0, 0, 0, 3]);
    }

    #[test]
    fn rows_that_still_hold_do_so_until_the_same_moment() {
        let [wide, narrow] = [FOREVER, FOREVER_32].map(|moment| std::str::from_utf8(moment).unwrap());
        assert_eq!(bytes("timestamp(6) row end", narrow), FOREVER);
        assert_eq!(bytes("timestamp(6) row end", wide), FOREVER);
        assert_eq!(bytes("timestamp(6) row start", narrow), FOREVER_32);
        assert_eq!(bytes("timestamp(6)", narrow), FOREVER_32);
        assert_eq!(ColumnType::parse("timestamp(6) row end").unwrap().edge, Some(Edge::End));
    }

    #[test]
    fn what_a_type_does_not_hold_is_refused() {
        assert!(fails("tinyint", "128") && fails("tinyint", "-129") && fails("tinyint unsigned", "-1"));
        assert!(fails("int", "") && fails("int", "1x") && fails("bigint", "9223372036854775808"));
        assert!(fails("enum('a')", "65536") && fails("double", "nan") && fails("bit(8)", "ab"));
        assert!(fails("date", "2001-02-3") && fails("datetime", "2001-02-03 04:05:06.7") && fails("datetime(6)", ""));
    }

    #[test]
    fn names_are_taken_apart() {
        let of = ColumnType::from_catalog("varchar(20)", Some("utf8mb4"), Some("utf8mb4_bin")).unwrap();
        assert_eq!(of.to_string(), "varchar(20) character set utf8mb4 collate utf8mb4_bin");
        assert_eq!((of.charset.as_deref(), of.collation.as_deref()), (Some("utf8mb4"), Some("utf8mb4_bin")));
        assert_eq!((of.kind, of.chars_max()), (Kind::Chars, Some(20)));
        assert_eq!(ColumnType::parse(&of.to_string()).unwrap(), of);

        let of = "enum('a','it''s',' collate x','\\n)') character set latin1 collate latin1_swedish_ci";
        let of = ColumnType::parse(of).unwrap();
        assert_eq!(of.labels(), ["a", "it's", " collate x", "\n)"]);
        assert!(ColumnType::parse("decimal(10,2) unsigned").unwrap().is_unsigned);
        assert!(ColumnType::parse("row(a int)").is_err());
    }

    proptest! {
        #[test]
        fn doubles_come_back(number in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL | proptest::num::f64::ZERO) {
            prop_assert_eq!(bytes("double", &number.to_string()), number.to_be_bytes());
        }

        #[test]
        fn integers_come_back(number in any::<i64>(), small in any::<i16>()) {
            prop_assert_eq!(bytes("bigint(20)", &number.to_string()), number.to_be_bytes());
            prop_assert_eq!(bytes("smallint(6)", &small.to_string()), small.to_be_bytes());
        }

        #[test]
        fn no_name_panics(name in ".*") {
            let _ = ColumnType::parse(&name);
        }
    }
}
