//! A foreign key, read from the statement that adds it, and the query that counts the rows that break it.

use crate::mysql::quote::{ident, split_ident};

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ForeignKey {
    /// The table that refers.
    pub table: String,
    columns: Vec<String>,
    /// The database of the table that is referred to, where it is another one.
    database: Option<String>,
    /// The table that is referred to.
    pub parent: String,
    parent_columns: Vec<String>,
}

impl ForeignKey {
    /// Reads ``ALTER TABLE `t` ADD CONSTRAINT `c` FOREIGN KEY (`a`) REFERENCES `p` (`x`) ...``.
    pub fn parse(sql: &str) -> Option<Self> {
        let (table, rest) = split_ident(sql.strip_prefix("ALTER TABLE ")?)?;
        let (_, rest) = split_ident(rest.strip_prefix(" ADD CONSTRAINT ")?)?;
        let (columns, rest) = list(rest.strip_prefix(" FOREIGN KEY ")?)?;
        let (mut parent, mut rest) = split_ident(rest.strip_prefix(" REFERENCES ")?)?;
        let mut database = None;
        if let Some(qualified) = rest.strip_prefix('.') {
            database = Some(parent);
            (parent, rest) = split_ident(qualified)?;
        }
        let (parent_columns, _) = list(rest.strip_prefix(' ')?)?;
        (columns.len() == parent_columns.len()).then_some(Self { table, columns, database, parent, parent_columns })
    }

    /// Counts the rows that refer to nothing. A row with a NULL among its columns refers to nothing by right.
    pub fn proof(&self) -> String {
        let pairs = self.columns.iter().zip(&self.parent_columns);
        let equal: Vec<String> = pairs.map(|(own, other)| format!("p.{} = c.{}", ident(other), ident(own))).collect();
        let not_null: Vec<String> = self.columns.iter().map(|own| format!("c.{} IS NOT NULL", ident(own))).collect();
        let database = self.database.as_ref().map_or_else(String::new, |name| format!("{}.", ident(name)));
        format!(
            "SELECT COUNT(*) FROM {} c WHERE {} AND NOT EXISTS (SELECT 1 FROM {database}{} p WHERE {})",
            ident(&self.table),
            not_null.join(" AND "),
            ident(&self.parent),
            equal.join(" AND "),
        )
    }
}

/// `` (`a`, `b`) `` and what follows it.
fn list(text: &str) -> Option<(Vec<String>, &str)> {
    let mut names = Vec::new();
    let mut rest = text.strip_prefix('(')?;
    loop {
        let (name, after) = split_ident(rest)?;
        names.push(name);
        match after.strip_prefix(')') {
            Some(after) => return Some((names, after)),
            None => rest = after.strip_prefix(',')?.trim_start(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ForeignKey;

    #[test]
    fn keys_are_read_and_proven() {
        let sql =
            "ALTER TABLE `a``b` ADD CONSTRAINT `c` FOREIGN KEY (`x`,`y`) REFERENCES `p` (`u`, `v`) ON DELETE CASCADE";
        let key = ForeignKey::parse(sql).unwrap();
        assert_eq!((key.table.as_str(), key.parent.as_str()), ("a`b", "p"));
        assert_eq!(
            key.proof(),
            "SELECT COUNT(*) FROM `a``b` c WHERE c.`x` IS NOT NULL AND c.`y` IS NOT NULL AND NOT EXISTS \
             (SELECT 1 FROM `p` p WHERE p.`u` = c.`x` AND p.`v` = c.`y`)"
        );
        let other = "ALTER TABLE `t` ADD CONSTRAINT `c` FOREIGN KEY (`x`) REFERENCES `other`.`p` (`u`)";
        assert!(ForeignKey::parse(other).unwrap().proof().contains("FROM `other`.`p` p"));
        assert_eq!(
            ForeignKey::parse("ALTER TABLE `t` ADD CONSTRAINT `c` FOREIGN KEY (`x`) REFERENCES `p` (`u`,`v`)"),
            None
        );
        assert_eq!(ForeignKey::parse("ALTER TABLE `t` ADD KEY `x` (`a`)"), None);
    }
}
