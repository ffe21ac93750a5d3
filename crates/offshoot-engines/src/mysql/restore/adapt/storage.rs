//! Where a table's rows lie on its server, and whether they are encrypted there: what belongs to the server and its keys.
//!
//! Tablespaces are never carried. Encryption is, but for servers that are made here, which have no keys: who captures an
//! encrypted table and restores it elsewhere wants it encrypted there, or to be told that it cannot be.

use super::words::end_of_quoted;

/// A CREATE TABLE without tablespaces and, into a server that is made here, without encryption; and what that leaves out.
pub(super) fn without_places(sql: &str, into_own_server: bool) -> (String, Vec<&'static str>) {
    let options = sql.rfind("\n)").filter(|_| sql.starts_with("CREATE TABLE ")).map_or(sql.len(), |at| at + 2);
    let (mut out, mut left_out) = (sql[..options].to_owned(), Vec::new());
    let mut rest = &sql[options..];
    while let Some(first) = rest.chars().next() {
        let found = tablespace(rest).map(|end| (end, TABLESPACE));
        let found = found.or_else(|| into_own_server.then(|| encryption(rest)).flatten().map(|end| (end, ENCRYPTION)));
        if let Some((end, what)) = found {
            left_out.push(what);
            rest = &rest[end..];
            continue;
        }
        let end = match first {
            '\'' | '"' | '`' => end_of_quoted(rest.as_bytes(), 0),
            c => c.len_utf8(),
        };
        out.push_str(&rest[..end]);
        rest = &rest[end..];
    }
    left_out.sort_unstable();
    left_out.dedup();
    (out, left_out)
}

const TABLESPACE: &str = "its tablespace";
const ENCRYPTION: &str = "encryption, for which this server has no keys";

/// The end of the tablespace that a text begins with. Those that every server has stay.
fn tablespace(text: &str) -> Option<usize> {
    let (begin, is_comment) = match text.strip_prefix(" /*!50100 TABLESPACE ") {
        Some(rest) => (text.len() - rest.len(), true),
        None => (text.len() - text.strip_prefix(" TABLESPACE ")?.trim_start_matches(['=', ' ']).len(), false),
    };
    let name = &text[begin..];
    if !name.starts_with('`') || name.starts_with("`innodb_") {
        return None;
    }
    let end = begin + end_of_quoted(name.as_bytes(), 0);
    match is_comment {
        true => text[end..].strip_prefix(" */").map(|rest| text.len() - rest.len()),
        false => Some(end),
    }
}

/// The end of what says that a table is encrypted.
fn encryption(text: &str) -> Option<usize> {
    const MYSQL: &str = " /*!80016 ENCRYPTION='Y' */";
    if text.starts_with(MYSQL) {
        return Some(MYSQL.len());
    }
    let name = [" `ENCRYPTED`=", " `ENCRYPTION_KEY_ID`="]
        .iter()
        .find(|name| text.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name)))?;
    let value = &text[name.len()..];
    let end = match value.chars().next() {
        Some('\'') => end_of_quoted(value.as_bytes(), 0),
        _ => value.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(value.len()),
    };
    let is_off = value[..end].trim_matches('\'').eq_ignore_ascii_case("no");
    (!is_off).then_some(name.len() + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &str = "CREATE TABLE `t` (\n  `a` int COMMENT '\n) `ENCRYPTED`=YES'\n)";

    #[test]
    fn what_belongs_to_a_server_is_left_out() {
        for (options, own, elsewhere) in [
            (" ENGINE=InnoDB DEFAULT CHARSET=utf8mb4", None, None),
            (" /*!50100 TABLESPACE `a``b` */ ENGINE=InnoDB", Some(" ENGINE=InnoDB"), Some(" ENGINE=InnoDB")),
            (" /*!50100 TABLESPACE `innodb_system` */ ENGINE=InnoDB", None, None),
            (" ENGINE=InnoDB `ENCRYPTED`='NO'", None, None),
            (
                " ENGINE=InnoDB COMMENT=' /*!80016 ENCRYPTION=''Y'' */' /*!80016 ENCRYPTION='Y' */\n/*!50100 PARTITION BY HASH (`a`)\n(PARTITION p0 TABLESPACE = `ts` ENGINE = InnoDB) */",
                Some(
                    " ENGINE=InnoDB COMMENT=' /*!80016 ENCRYPTION=''Y'' */'\n/*!50100 PARTITION BY HASH (`a`)\n(PARTITION p0 ENGINE = InnoDB) */",
                ),
                Some(
                    " ENGINE=InnoDB COMMENT=' /*!80016 ENCRYPTION=''Y'' */' /*!80016 ENCRYPTION='Y' */\n/*!50100 PARTITION BY HASH (`a`)\n(PARTITION p0 ENGINE = InnoDB) */",
                ),
            ),
            (
                " ENGINE=InnoDB `ENCRYPTED`=YES `encryption_key_id`=2 `PAGE_COMPRESSED`=1",
                Some(" ENGINE=InnoDB `PAGE_COMPRESSED`=1"),
                None,
            ),
        ] {
            let sql = format!("{COLUMNS}{options}");
            for (into_own_server, left) in [(true, own), (false, elsewhere)] {
                let (made, left_out) = without_places(&sql, into_own_server);
                assert_eq!(made, format!("{COLUMNS}{}", left.unwrap_or(options)));
                assert_eq!(left_out.is_empty(), left.is_none(), "{left_out:?}");
            }
        }
        assert_eq!(without_places("CREATE SEQUENCE `s`", true).0, "CREATE SEQUENCE `s`");
    }
}
