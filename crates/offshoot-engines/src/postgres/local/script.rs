//! SQL files of the team's own, run in a branch statement by statement, as psql runs them.
//!
//! Each statement is a transaction of its own unless the file says BEGIN. An error says where it stands in the file, and
//! never repeats the statement. Commands of psql's own, and rows behind a COPY, are refused before anything runs.

use super::error::LocalError;
use super::statements::on_session;
use crate::error::{EngineError, Refusal, Result};
use crate::postgres::connect::Canceller;
use crate::postgres::roles;
use crate::postgres::schema::split;
use offshoot_core::Control;
use offshoot_restore::server::Site;
use pg_query::NodeEnum;
use std::pin::pin;
use std::time::Duration;
use tokio_postgres::Client;
use tokio_postgres::error::ErrorPosition;

/// A statement of a file, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Statement<'s> {
    sql: &'s str,
    /// Counted from 1.
    line: usize,
}

/// How often it is looked whether a script is to end.
const NAP: Duration = Duration::from_millis(50);

/// Runs a script to its end, or to its first error: which a statement that is cancelled ends with.
pub(super) fn run(site: &Site, database: &str, name: &str, text: &str, control: &Control) -> Result<()> {
    let name = name.escape_debug().to_string();
    let statements = statements(&name, text)?;
    on_session(site, database, None, async |client: &Client, canceller: &Canceller| {
        for (at, statement) in statements.iter().take_while(|_| !control.is_cancelled()).enumerate() {
            let ran = execute(client, canceller, statement.sql, control).await;
            ran.map_err(|error| failure(&name, at + 1, statement, &error))?;
        }
        Ok(())
    })
}

/// Runs a statement, which the server is asked to end when that is wished for.
async fn execute(
    client: &Client,
    canceller: &Canceller,
    sql: &str,
    control: &Control,
) -> Result<(), tokio_postgres::Error> {
    let mut running = pin!(client.batch_execute(sql));
    loop {
        if let Ok(done) = tokio::time::timeout(NAP, &mut running).await {
            return done;
        }
        if control.is_cancelled() {
            // One that could not be sent is sent again.
            let _ = canceller.cancel().await;
        }
    }
}

fn failure(name: &str, number: usize, statement: &Statement<'_>, error: &tokio_postgres::Error) -> EngineError {
    let Some(db) = error.as_db_error() else {
        return EngineError::Lost { doing: format!("run {name}, line {}", statement.line) };
    };
    let lines_before = match db.position() {
        Some(ErrorPosition::Original(at)) => {
            let before = usize::try_from(*at).unwrap_or(1).saturating_sub(1);
            statement.sql.chars().take(before).filter(|&c| c == '\n').count()
        }
        _ => 0,
    };
    let refusal = Refusal::of(db);
    LocalError::Script { name: name.to_owned(), line: statement.line + lines_before, statement: number, refusal }.into()
}

fn statements<'s>(name: &str, text: &'s str) -> Result<Vec<Statement<'s>>> {
    let not_sql = |line, why| LocalError::NotSql { name: name.to_owned(), line, why };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.contains('\0') {
        return Err(not_sql(1, "the file is no text").into());
    }
    let split = split::statements(text)
        .map_err(|_| not_sql(1, "the file does not scan as SQL: a quote or a comment has no end"))?;
    let mut found = Vec::with_capacity(split.len());
    let (mut at, mut line) = (0, 1);
    for statement in split {
        // Each is a part of the text, and behind the one before it.
        let start = statement.sql.as_ptr().addr() - text.as_ptr().addr();
        line += text.get(at..start).unwrap_or_default().matches('\n').count();
        at = start;
        if statement.sql.starts_with('\\') {
            return Err(not_sql(line, "this is a command of psql's, and only SQL statements can be run here").into());
        }
        if reads_rows(statement.sql) {
            return Err(not_sql(line, "COPY cannot read rows from the file itself. Write them as INSERT").into());
        }
        found.push(Statement { sql: statement.sql, line });
    }
    Ok(found)
}

/// Whether a statement waits for rows from the client.
fn reads_rows(sql: &str) -> bool {
    let may = sql.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("copy"));
    may && matches!(roles::statement(sql), Some(NodeEnum::CopyStmt(copy)) if copy.is_from && copy.filename.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<(usize, &str)> {
        statements("f.sql", text).unwrap().into_iter().map(|statement| (statement.line, statement.sql)).collect()
    }

    fn refused(text: &str) -> String {
        statements("f.sql", text).unwrap_err().to_string()
    }

    #[test]
    fn statements_know_their_lines() {
        let text = "-- a\n\nSELECT 1;\nSELECT\n 2; SELECT 3;\n/* x\n*/ SELECT ';\n'";
        assert_eq!(lines(text), [(3, "SELECT 1"), (4, "SELECT\n 2"), (5, "SELECT 3"), (7, "SELECT ';\n'")]);
        assert!(lines("").is_empty() && lines("-- only a comment\n").is_empty());
        assert_eq!(lines("\u{feff}SELECT 1"), [(1, "SELECT 1")]);
    }

    #[test]
    fn what_is_no_sql_is_refused_with_its_line() {
        assert!(refused("SELECT 1;\n\\i other.sql\n").starts_with("f.sql, line 2: "));
        assert!(refused("SELECT 1;\nSELECT 'x").contains("no end"));
        assert!(refused("\nCOPY t (a) FROM STDIN;\n1\n\\.\n").starts_with("f.sql, line 2: COPY"));
        assert_eq!(lines("COPY t TO '/tmp/x'; COPY t FROM PROGRAM 'x'").len(), 2);
    }
}
