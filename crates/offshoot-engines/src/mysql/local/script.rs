//! Scripts of the team's own, run statement by statement over the protocol, as their client would run them.
//!
//! Statements end at a semicolon, or at what the client's own word DELIMITER says from then on. An error says where the
//! statement stands in the file, and never repeats it.

use super::statements::conninfo;
use crate::error::{Refusal, Result};
use crate::local::LocalError;
use crate::mysql::MysqlError;
use crate::mysql::session::Session;
use offshoot_core::Control;
use offshoot_restore::server::Site;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

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
    let mut session = Session::open(&conninfo(site, database))?;
    session.execute("set the session up", "SET NAMES utf8mb4")?;
    let (canceller, is_through) = (session.canceller(), AtomicBool::new(false));
    thread::scope(|scope| {
        // Again until it is through: the server forgets a wish that comes between two statements.
        // Where there is no thread to be had, only what comes after a statement is kept from running.
        let _watching = thread::Builder::new().spawn_scoped(scope, || {
            while !is_through.load(Ordering::Acquire) {
                thread::sleep(NAP);
                if control.is_cancelled() {
                    let _ = canceller.cancel();
                }
            }
        });
        let done = execute(&mut session, name, &statements, control);
        is_through.store(true, Ordering::Release);
        done
    })
}

fn execute(session: &mut Session, name: String, statements: &[Statement<'_>], control: &Control) -> Result<()> {
    let is_wanted = |_: &&Statement<'_>| !control.is_cancelled();
    for (at, statement) in statements.iter().take_while(is_wanted).enumerate() {
        match session.execute(&format!("run {name}, line {}", statement.line), statement.sql) {
            Err(MysqlError::Refused { refusal, .. }) => {
                // A routine can say what it likes, under any number.
                let refusal =
                    Refusal { code: format!("{}, SQLSTATE {}", refusal.number, refusal.state), message: None };
                return Err(LocalError::Script { name, line: statement.line, statement: at + 1, refusal }.into());
            }
            done => done.map(drop)?,
        }
    }
    Ok(())
}

fn statements<'s>(name: &str, text: &'s str) -> Result<Vec<Statement<'s>>> {
    let not_sql = |line, why| LocalError::NotSql { name: name.to_owned(), line, why };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.contains('\0') {
        return Err(not_sql(1, "the file is no text").into());
    }
    let line_of = |at: usize| text.get(..at).unwrap_or_default().matches('\n').count() + 1;
    let (mut found, mut delimiter) = (Vec::new(), ";");
    // Where the statement begins: at its first word, comments before it left out.
    let (mut at, mut start) = (0, None);
    let mut push = |start: Option<usize>, end: usize| {
        let sql = start.and_then(|start| text.get(start..end)).unwrap_or_default().trim_end();
        if let Some(start) = start
            && !sql.is_empty()
        {
            found.push(Statement { sql, line: line_of(start) });
        }
    };
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if start.is_none()
            && let Some(line) = command(rest)
        {
            let word = line.split_whitespace().nth(1);
            delimiter = word.ok_or_else(|| not_sql(line_of(at), "DELIMITER names none"))?;
            at += line.len();
        } else if rest.starts_with(delimiter) {
            push(start.take(), at);
            at += delimiter.len();
        } else if let Some(end) = skipped(rest) {
            let end = end.ok_or_else(|| not_sql(line_of(at), "a quote or a comment that begins here has no end"))?;
            // A comment before a statement is no part of it, unless servers read it.
            if !is_comment(rest) || rest.starts_with("/*!") || rest.starts_with("/*M!") {
                start.get_or_insert(at);
            }
            at += end;
        } else {
            let first = rest.chars().next().map_or(1, char::len_utf8);
            if !rest.starts_with(char::is_whitespace) {
                start.get_or_insert(at);
            }
            at += first;
        }
    }
    push(start, text.len());
    Ok(found)
}

/// The line of the client's word DELIMITER, if one begins here.
fn command(rest: &str) -> Option<&str> {
    let line = rest.lines().next()?;
    let word = line.split_whitespace().next()?;
    (word.eq_ignore_ascii_case("delimiter") && rest.starts_with(word)).then_some(line)
}

fn is_comment(rest: &str) -> bool {
    rest.starts_with('#') || rest.starts_with("/*") || is_dashes(rest)
}

/// Two dashes are a comment where something like a blank follows.
fn is_dashes(rest: &str) -> bool {
    let after = rest.strip_prefix("--").map(|rest| rest.chars().next());
    after.is_some_and(|next| next.is_none_or(|next| next.is_whitespace() || next.is_control()))
}

/// The length of the quoted text or comment that begins here, if one does; and of one that has no end, none.
fn skipped(rest: &str) -> Option<Option<usize>> {
    let first = rest.chars().next()?;
    match first {
        '\'' | '"' | '`' => Some(quoted(rest, first)),
        '#' => Some(Some(rest.find('\n').unwrap_or(rest.len()))),
        '-' if is_dashes(rest) => Some(Some(rest.find('\n').unwrap_or(rest.len()))),
        '/' if rest.starts_with("/*") => Some(rest.find("*/").map(|end| end + 2)),
        _ => None,
    }
}

/// The length of a text in quotes; a doubled quote, and a backslash but in a name, are part of it.
fn quoted(rest: &str, quote: char) -> Option<usize> {
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character == '\\' && quote != '`' {
            characters.next();
        } else if character == quote {
            if characters.peek().is_none_or(|(_, next)| *next != quote) {
                return Some(at + quote.len_utf8());
            }
            characters.next();
        }
    }
    None
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
        let text = "-- a\n\nSELECT 1;\nSELECT\n 2; SELECT 3;\n/* x;\n*/ SELECT ';\n'; SELECT `a``;`, \"\\\";\"";
        let expected =
            [(3, "SELECT 1"), (4, "SELECT\n 2"), (5, "SELECT 3"), (7, "SELECT ';\n'"), (8, "SELECT `a``;`, \"\\\";\"")];
        assert_eq!(lines(text), expected);
        assert!(lines("").is_empty() && lines("-- only a comment\n# another").is_empty() && lines(";;\n;").is_empty());
        assert_eq!(lines("\u{feff}SELECT 1"), [(1, "SELECT 1")]);
        assert_eq!(lines("SELECT 5--1; SELECT 2"), [(1, "SELECT 5--1"), (1, "SELECT 2")]);
        assert_eq!(lines("/*!50001 SELECT 1 */;"), [(1, "/*!50001 SELECT 1 */")]);
    }

    #[test]
    fn other_delimiters_keep_bodies_whole() {
        let text = "DELIMITER //\nCREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END//\ndelimiter ;\nCALL p();";
        assert_eq!(lines(text), [(2, "CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END"), (4, "CALL p()")]);
    }

    #[test]
    fn what_is_no_sql_is_refused_with_its_line() {
        assert!(refused("SELECT 1;\nSELECT 'x").starts_with("f.sql, line 2: "));
        assert!(refused("SELECT 1;\n\n/* x").starts_with("f.sql, line 3: "));
        assert!(refused("DELIMITER\nSELECT 1").contains("DELIMITER"));
    }
}
