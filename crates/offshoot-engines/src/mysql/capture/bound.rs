//! Places in the order of a table's key, as conditions for the server.
//!
//! The order of a key is the server's alone: that of its columns' collations. So a place is never compared here, and what lies
//! behind it and what lies before it are each other's opposite: ranges that meet at a place have every row once, whatever the
//! place is. Texts are written as the bytes that they have in their column's character set.

use crate::mysql::catalog::tables::Table;
use crate::mysql::quote::{hex, ident, literal};
use crate::mysql::types::{ColumnType, Kind};
use offshoot_format::table::Key;

/// The index that ranges of keys are read by: InnoDB has the rows in its order.
const INDEX: &str = "PRIMARY";

/// What the values of a column of a key are, as far as there is something between two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Integer,
    Decimal,
    Date,
    DateTime,
    Time,
    Uuid,
    /// A text in UTF-8.
    Text,
    /// A text in a character set that has a byte for each character.
    ByteText,
    Bytes,
}

/// Character sets that have a byte for each character.
const BYTE_CHARSETS: [&str; 25] = [
    "latin1", "latin2", "latin5", "latin7", "ascii", "cp1250", "cp1251", "cp1256", "cp1257", "cp850", "cp852", "cp866",
    "dec8", "hp8", "greek", "hebrew", "koi8r", "koi8u", "macce", "macroman", "keybcs2", "armscii8", "geostd8",
    "tis620", "swe7",
];

/// A column of a key by which ranges can be told apart.
pub(super) struct KeyColumn<'t> {
    pub name: &'t str,
    pub of: &'t ColumnType,
    pub form: Form,
}

impl<'t> KeyColumn<'t> {
    /// The first columns of a table's primary key, up to one by which nothing can be told apart.
    pub(super) fn of_table(table: &'t Table) -> Vec<Self> {
        let (Key::Unique(places), Some(INDEX)) = (&table.spec.key, table.key_index.as_deref()) else {
            return Vec::new();
        };
        let columns = places.iter().map(|place| {
            let (name, of) = (&table.spec.columns[*place as usize].name, &table.types[*place as usize]);
            Some(Self { name, of, form: form(of)? })
        });
        columns.map_while(|column| column).collect()
    }

    /// The expression that gives its values as [`Self::literal`] takes them.
    pub(super) fn expression(&self) -> String {
        match self.form {
            Form::Text | Form::ByteText | Form::Bytes => format!("HEX({})", ident(self.name)),
            _ => ident(self.name),
        }
    }

    /// A value as [`Self::literal`] takes it, of what its expression gives.
    pub(super) fn read(&self, value: Vec<u8>) -> Option<Vec<u8>> {
        match self.form {
            Form::Text | Form::ByteText | Form::Bytes => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let pairs = value.chunks(2).map(|pair| u8::try_from(digit(pair[0])? << 4 | digit(*pair.get(1)?)?).ok());
                pairs.collect()
            }
            _ => Some(value),
        }
    }

    /// A value in a statement.
    pub(super) fn literal(&self, value: &[u8]) -> Option<String> {
        let printed = || std::str::from_utf8(value).ok();
        Some(match self.form {
            Form::Bytes => hex(value),
            Form::Text | Form::ByteText => {
                let (charset, collation) = (self.of.charset.as_deref()?, self.of.collation.as_deref()?);
                format!("_{charset} {} COLLATE {collation}", hex(value))
            }
            Form::Integer | Form::Decimal => {
                let is_number = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit() || b"-.".contains(&byte));
                printed().filter(is_number)?.to_owned()
            }
            Form::Date | Form::DateTime | Form::Time | Form::Uuid => literal(printed()?),
        })
    }
}

fn form(of: &ColumnType) -> Option<Form> {
    match (of.kind, of.base.as_str()) {
        // A year below 100 is read as one of two digits.
        (Kind::Signed(_) | Kind::Unsigned(_), base) if base != "year" => Some(Form::Integer),
        (Kind::Printed, "decimal" | "numeric") => Some(Form::Decimal),
        (Kind::Moment(_), "date") => Some(Form::Date),
        (Kind::Moment(_), "datetime" | "timestamp") => Some(Form::DateTime),
        (Kind::Printed, "time") => Some(Form::Time),
        (Kind::Printed, "uuid") => Some(Form::Uuid),
        (Kind::Bytes, "binary" | "varbinary") => Some(Form::Bytes),
        (Kind::Chars, "char" | "varchar") => match of.charset.as_deref()? {
            "utf8mb4" | "utf8mb3" | "utf8" => Some(Form::Text),
            charset => BYTE_CHARSETS.contains(&charset).then_some(Form::ByteText),
        },
        _ => None,
    }
}

/// A place in the order of a key: before the first row whose first columns are not less than these. Without Debug, as values
/// stand in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Bound {
    literals: Vec<String>,
}

impl Bound {
    /// Before a number.
    pub(super) fn of_integer(number: i128) -> Self {
        Self { literals: vec![number.to_string()] }
    }

    /// Before values of the first columns.
    pub(super) fn new(literals: Vec<String>) -> Self {
        Self { literals }
    }

    /// Whether a row is behind it.
    pub(super) fn behind(&self, columns: &[String]) -> String {
        compare(columns, &self.literals, ">", ">=")
    }

    /// Whether a row is before it.
    pub(super) fn before(&self, columns: &[String]) -> String {
        compare(columns, &self.literals, "<", "<")
    }
}

/// Compares column by column, in the form whose ranges servers find in an index; that of rows they do not look for there.
fn compare(columns: &[String], literals: &[String], differs: &str, last: &str) -> String {
    match (columns, literals) {
        ([column, ..], [literal]) => format!("{column} {last} {literal}"),
        ([column, columns @ ..], [literal, literals @ ..]) => {
            let behind = compare(columns, literals, differs, last);
            format!("({column} {differs} {literal} OR {column} = {literal} AND {behind})")
        }
        // A place before nothing: all is behind it.
        _ => (if last == ">=" { "TRUE" } else { "FALSE" }).to_owned(),
    }
}

/// Rows from one place to another; none is without bound.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Keys {
    /// The key's columns in quotes, as many as places have values.
    pub(super) columns: Vec<String>,
    /// Where it begins.
    pub(super) from: Option<Bound>,
    /// Where it ends.
    pub(super) to: Option<Bound>,
    /// Whether the server is held to the primary key, as it would weigh a condition on a text.
    pub(super) is_by_primary: bool,
}

impl Keys {
    /// What follows the table's name in a statement that reads them.
    pub(super) fn clause(&self) -> String {
        let from = self.from.as_ref().map(|from| from.behind(&self.columns));
        let to = self.to.as_ref().map(|to| to.before(&self.columns));
        let conditions: Vec<String> = from.into_iter().chain(to).collect();
        if conditions.is_empty() {
            return String::new();
        }
        let force = if self.is_by_primary { force() } else { String::new() };
        format!("{force} WHERE {}", conditions.join(" AND "))
    }
}

/// Holds a statement to the primary key.
pub(super) fn force() -> String {
    format!(" FORCE INDEX ({})", ident(INDEX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(type_name: &str) -> Option<Form> {
        form(&ColumnType::parse(type_name).unwrap())
    }

    #[test]
    fn columns_by_which_ranges_are_told_apart() {
        assert_eq!(column("varchar(20) character set utf8mb4 collate utf8mb4_bin"), Some(Form::Text));
        assert_eq!(column("char(2) character set latin1 collate latin1_swedish_ci"), Some(Form::ByteText));
        assert_eq!(column("varchar(20) character set sjis collate sjis_bin"), None);
        assert_eq!(column("binary(16)"), Some(Form::Bytes));
        assert_eq!(column("datetime(6)"), Some(Form::DateTime));
        assert_eq!(column("bigint(20) unsigned"), Some(Form::Integer));
        for none in ["year(4)", "double", "enum('a')", "bit(3)", "json", "inet6"] {
            assert_eq!(column(none), None, "{none}");
        }
    }

    #[test]
    fn texts_keep_their_bytes_and_collation() {
        let of = ColumnType::parse("varchar(9) character set latin1 collate latin1_bin").unwrap();
        let column = KeyColumn { name: "k", of: &of, form: Form::ByteText };
        assert_eq!(column.literal(b"\xe9'\\").unwrap(), "_latin1 x'e9275c' COLLATE latin1_bin");
        assert_eq!(column.literal(b"").unwrap(), "_latin1 '' COLLATE latin1_bin");
        let number = KeyColumn { form: Form::Decimal, ..column };
        assert_eq!(number.literal(b"-1.50").as_deref(), Some("-1.50"));
        assert_eq!(number.literal(b"1 OR 1"), None);
    }

    #[test]
    fn what_is_behind_a_place_is_not_before_it() {
        let columns = ["`a`".to_owned(), "`b`".to_owned()];
        let place = Bound::new(vec!["1".to_owned(), "2".to_owned()]);
        assert_eq!(place.behind(&columns), "(`a` > 1 OR `a` = 1 AND `b` >= 2)");
        assert_eq!(place.before(&columns), "(`a` < 1 OR `a` = 1 AND `b` < 2)");
        let keys = Keys { columns: columns.to_vec(), from: Some(Bound::of_integer(-5)), ..Keys::default() };
        assert_eq!(keys.clause(), " WHERE `a` >= -5");
        assert_eq!(Keys::default().clause(), "");
    }
}
