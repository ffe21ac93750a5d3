//! The order of the columns of tables that inherit.
//!
//! A table that is made with INHERITS has its parents' columns first and its own after them. One whose parents got a column
//! later has it elsewhere, and nothing but its own history can put it there again: a restore cannot. So the columns of
//! such a table are captured in the order that a restore gives them, and equal data stays equal.

use crate::error::{Result, refused};
use std::collections::{HashMap, HashSet};
use tokio_postgres::Client;

/// Parents, ancestors too, of tables that are no partitions, in the order of INHERITS; and all columns of both.
const PARENTS: &str = "
WITH RECURSIVE up (child, parent, place) AS (
  SELECT i.inhrelid, i.inhparent, i.inhseqno FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
  WHERE i.inhrelid = ANY ($1) AND NOT c.relispartition
  UNION SELECT i.inhrelid, i.inhparent, i.inhseqno FROM up JOIN pg_catalog.pg_inherits i ON i.inhrelid = up.parent)
SELECT child, parent FROM up ORDER BY child, place";

const COLUMNS: &str = "
SELECT a.attrelid, a.attname FROM pg_catalog.pg_attribute a
WHERE a.attrelid = ANY ($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum";

/// Tables with their parents and columns.
#[derive(Debug, Default)]
pub struct Inheritance {
    parents: HashMap<u32, Vec<u32>>,
    columns: HashMap<u32, Vec<String>>,
}

impl Inheritance {
    /// Reads what these tables inherit.
    ///
    /// # Errors
    /// If the server refuses.
    pub async fn load(client: &Client, oids: &[u32]) -> Result<Self> {
        let doing = "list what tables inherit";
        let mut found = Self::default();
        for row in client.query(PARENTS, &[&oids]).await.map_err(refused(doing))? {
            found.parents.entry(row.get(0)).or_default().push(row.get(1));
        }
        let tables: Vec<u32> =
            found.parents.iter().flat_map(|(child, parents)| parents.iter().chain([child])).copied().collect();
        for row in client.query(COLUMNS, &[&tables]).await.map_err(refused(doing))? {
            found.columns.entry(row.get(0)).or_default().push(row.get(1));
        }
        Ok(found)
    }

    /// The columns of a table in the order that a restore gives them; `None` where that is the order they have.
    #[must_use]
    pub fn order(&self, oid: u32) -> Option<Vec<String>> {
        self.parents.contains_key(&oid).then(|| self.restored(oid))
    }

    /// Ancestors are as deep as users make them, which is not deep.
    fn restored(&self, oid: u32) -> Vec<String> {
        let inherited = self.parents.get(&oid).into_iter().flatten().flat_map(|&parent| self.restored(parent));
        let own = self.columns.get(&oid).into_iter().flatten().cloned();
        let mut seen = HashSet::new();
        inherited.chain(own).filter(|name| seen.insert(name.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_come_first_in_their_own_order() {
        let columns = |names: &str| names.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let tree = Inheritance {
            parents: HashMap::from([(2, vec![1]), (4, vec![2, 3])]),
            columns: HashMap::from([
                (1, columns("a late")),
                (2, columns("a b late")),
                (3, columns("c a")),
                (4, columns("d c a b late")),
            ]),
        };
        assert_eq!(tree.order(1), None);
        assert_eq!(tree.order(2), Some(columns("a late b")));
        assert_eq!(tree.order(4), Some(columns("a late b c d")));
    }
}
