//! Tables whose rows are on other servers, and what stands in their place: no copy may reach out, and to make some of them is to
//! connect already.

use super::words::{end_of_quoted, words};

/// Engines whose tables are on other servers.
const REMOTE: [&str; 5] = ["federated", "connect", "spider", "s3", "sphinx"];

/// Between the columns of a table and its options, as both servers print it.
const OPTIONS: &str = "\n) ENGINE=";

/// Whether tables of an engine are on another server.
pub(super) fn is_remote(engine: &str) -> bool {
    REMOTE.contains(&engine.to_ascii_lowercase().as_str())
}

/// The engine of a remote table, and the statement that makes an empty one of the same columns: of its options the character
/// set alone stays.
pub(super) fn stub(sql: &str) -> Option<(&str, String)> {
    let (columns, options) = sql.split_at(sql.rfind(OPTIONS)?);
    let options = &options[OPTIONS.len()..];
    let words = words(options);
    let engine = words.first().copied().filter(|engine| is_remote(engine))?;
    let option = |name: &str| words.iter().position(|word| *word == name).and_then(|at| words.get(at + 1));
    let charset = option("CHARSET").map_or_else(String::new, |name| format!(" DEFAULT CHARSET={name}"));
    let collate = option("COLLATE").map_or_else(String::new, |name| format!(" COLLATE={name}"));
    Some((engine, format!("{}{OPTIONS}InnoDB{charset}{collate}", without_options(columns))))
}

/// Definitions of columns without what another engine adds to them, which is printed as a name with a value: `` `FLAG`=1 ``.
fn without_options(columns: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(columns.len()), columns);
    while let Some(at) = rest.find(['\'', '"', '`']) {
        let end = end_of_quoted(rest.as_bytes(), at);
        let value = rest[end..].strip_prefix('=').filter(|_| rest[at..].starts_with('`'));
        let Some(value) = value else {
            out.push_str(&rest[..end]);
            rest = &rest[end..];
            continue;
        };
        out.push_str(rest[..at].trim_end_matches(' '));
        let length = if value.starts_with(['\'', '"', '`']) {
            end_of_quoted(value.as_bytes(), 0)
        } else {
            value.find([' ', ',', '\n', ')']).unwrap_or(value.len())
        };
        rest = &value[length..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::stub;

    #[test]
    fn nothing_of_the_other_server_stays() {
        let sql = "CREATE TABLE `r` (\n  `a` int(11) DEFAULT NULL\n) ENGINE=FEDERATED DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin \
                   COMMENT='x' CONNECTION='mysql://u:secret@h/d/t'";
        let expected = "CREATE TABLE `r` (\n  `a` int(11) DEFAULT NULL\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin";
        assert_eq!(stub(sql), Some(("FEDERATED", expected.to_owned())));
        assert_eq!(stub("CREATE TABLE `r` (\n  `a` int\n) ENGINE=InnoDB"), None);
    }

    #[test]
    fn nothing_of_the_other_engine_stays_in_columns() {
        let sql = "CREATE TABLE `r` (\n  `a=` int(11) NOT NULL `FLAG`=2,\n  `b` date DEFAULT '`x`=1' `DATE_FORMAT`='MM`=,\\'YY' COMMENT 'c',\n  \
                   `c` char(9) `JPATH`='$.c' `SPECIAL`=ROWID\n) ENGINE=CONNECT `TABLE_TYPE`='JSON'";
        let expected = "CREATE TABLE `r` (\n  `a=` int(11) NOT NULL,\n  `b` date DEFAULT '`x`=1' COMMENT 'c',\n  `c` char(9)\n) ENGINE=InnoDB";
        assert_eq!(stub(sql), Some(("CONNECT", expected.to_owned())));
    }
}
