//! Tables whose rows are on other servers, and what stands in their place where nobody may reach out.

use super::words::words;

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
    Some((engine, format!("{columns}{OPTIONS}InnoDB{charset}{collate}")))
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
}
