//! What puts a table's rows in order: its primary key, else its replica identity index, else another unique index without
//! NULL, else the whole row.
//!
//! The choice looks at definitions only, never at oids or names of indexes: the same table restored elsewhere must be
//! ordered the same way.

use offshoot_format::table::Key;

/// A unique index that could be the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Positions (attnum) of the key columns, in the order of the index.
    pub columns: Vec<i16>,
    /// It is the primary key.
    pub is_primary: bool,
    /// It is the replica identity.
    pub is_replica_identity: bool,
    /// It is checked at once, not at the end of the transaction.
    pub is_immediate: bool,
}

/// A column that a key may be made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyColumn {
    /// Its position (attnum).
    pub attnum: i16,
    /// Never NULL.
    pub is_not_null: bool,
}

/// Chooses among the candidates. `columns` are the captured ones in the order of the table.
#[must_use]
pub fn choose(columns: &[KeyColumn], candidates: &[Candidate]) -> Key {
    let place = |attnum: i16| columns.iter().position(|column| column.attnum == attnum && column.is_not_null);
    let usable = candidates.iter().filter(|candidate| candidate.is_primary || candidate.is_immediate);
    // A generated column is not captured, and so cannot be part of the key.
    let placed = usable.filter_map(|candidate| {
        let places: Option<Vec<usize>> = candidate.columns.iter().map(|&attnum| place(attnum)).collect();
        places.filter(|places| !places.is_empty()).map(|places| (candidate, places))
    });
    let best = placed.min_by_key(|(candidate, places)| {
        (!candidate.is_primary, !candidate.is_replica_identity, places.len(), places.clone())
    });
    best.map_or(Key::WholeRow, |(_, places)| Key::Unique(places.into_iter().map(|place| place as u32).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(not_null: &[bool]) -> Vec<KeyColumn> {
        // The first attribute was dropped.
        not_null.iter().zip(2..).map(|(&is_not_null, attnum)| KeyColumn { attnum, is_not_null }).collect()
    }

    fn unique(columns: &[i16]) -> Candidate {
        Candidate { columns: columns.to_vec(), is_primary: false, is_replica_identity: false, is_immediate: true }
    }

    #[test]
    fn the_order_of_choice() {
        let table = columns(&[true, true, true]);
        let primary = Candidate { is_primary: true, is_immediate: false, ..unique(&[4, 2]) };
        let replica = Candidate { is_replica_identity: true, ..unique(&[3, 2]) };
        let all = [unique(&[4]), unique(&[3]), replica.clone(), primary];
        assert_eq!(choose(&table, &all), Key::Unique(vec![2, 0]));
        assert_eq!(choose(&table, &all[..3]), Key::Unique(vec![1, 0]));
        assert_eq!(choose(&table, &all[..2]), Key::Unique(vec![1]));
        assert_eq!(choose(&table, &[]), Key::WholeRow);
    }

    #[test]
    fn null_generated_and_deferred_do_not_count() {
        let table = columns(&[true, false]);
        let deferred = Candidate { is_immediate: false, ..unique(&[2]) };
        assert_eq!(choose(&table, &[unique(&[3]), unique(&[2, 9]), deferred]), Key::WholeRow);
    }
}
