//! Where counters stand: AUTO_INCREMENT of tables, sequences of MariaDB. Read after the rows, so that no row is ahead of them.

use super::tables::{TableKind, Tables};
use crate::mysql::error::Result;
use crate::mysql::quote::ident;
use crate::mysql::session::Session;
use offshoot_format::manifest::{Note, Sequence};

/// Reads them. Each names the value that comes next; those that cannot be told are notes.
///
/// # Errors
/// If the server refuses.
pub fn read(session: &mut Session, tables: &Tables) -> Result<(Vec<Sequence>, Vec<Note>)> {
    let (mut sequences, mut not_carried) = (Vec::new(), Vec::new());
    for table in &tables.all {
        let next = match table.kind {
            TableKind::Base => table.auto_increment,
            TableKind::Sequence => {
                let sql = format!("SELECT next_not_cached_value FROM {}", ident(&table.name));
                let next: Option<i64> = session.query_one("read where a sequence stands", &sql)?.parse(0)?;
                sequences.extend(next.map(|next| sequence(&table.name, next)));
                continue;
            }
            TableKind::View => None,
        };
        match next.map(i64::try_from) {
            Some(Ok(next)) => sequences.push(sequence(&table.name, next)),
            Some(Err(_)) => not_carried.push(Note {
                object: format!("AUTO_INCREMENT of table {}", table.name),
                reason: "it stands beyond 9223372036854775807; set it by hand after a restore".to_owned(),
            }),
            None => {}
        }
    }
    Ok((sequences, not_carried))
}

fn sequence(name: &str, next: i64) -> Sequence {
    Sequence { schema: String::new(), name: name.to_owned(), last_value: next, is_called: false }
}
