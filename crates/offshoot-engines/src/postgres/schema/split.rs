//! Splits what pg_dump wrote into statements, by PostgreSQL's own scanner.
//!
//! A semicolon ends a statement unless it stands in parentheses (the actions of a rule) or in a body that begins with
//! BEGIN ATOMIC. Comments between statements are dropped, so that the same schema is the same text; those that pg_dump
//! puts before each object say what it is.

use crate::error::EngineError;
use pg_query::protobuf::Token;

/// One statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement<'s> {
    /// Its text, without comments before it and the semicolon behind it.
    pub sql: &'s str,
    /// What pg_dump says of the object that it belongs to.
    pub header: Option<Header<'s>>,
    /// It is the first under its header: the one that makes the object.
    pub is_first: bool,
}

/// `-- Name: users; Type: TABLE; Schema: public; Owner: joe`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'s> {
    /// Name of the object; pg_dump has replaced newlines in it.
    pub name: &'s str,
    /// Its type: `TABLE`, `FK CONSTRAINT`.
    pub kind: &'s str,
    /// Its schema, `-` without one.
    pub schema: &'s str,
}

impl<'s> Header<'s> {
    /// Reads a comment. Fields are found from the right, where names are least likely to be in the way.
    fn parse(comment: &'s str) -> Option<Self> {
        let rest = comment.strip_prefix("-- Name: ")?;
        let (rest, _owner) = rest.rsplit_once("; Owner: ")?;
        let (rest, schema) = rest.rsplit_once("; Schema: ")?;
        let (name, kind) = rest.rsplit_once("; Type: ")?;
        Some(Self { name, kind, schema })
    }
}

/// Splits a text.
///
/// # Errors
/// `PgDump` if it does not scan as SQL.
pub fn statements(text: &str) -> Result<Vec<Statement<'_>>, EngineError> {
    let text = without_restrict(text);
    // The scanner gives a null pointer for no tokens at all, which its binding does not expect.
    if text.bytes().all(|byte| matches!(byte, b' ' | b'\t'..=b'\r')) {
        return Ok(Vec::new());
    }
    let tokens = pg_query::scan_tokens(text)
        .map_err(|_| EngineError::PgDump { message: "its output is not SQL".to_owned(), retryable: false })?;
    let mut statements = Vec::new();
    let mut header = None;
    let mut is_first = true;
    let mut start = None;
    let mut end = 0;
    let mut nesting = Nesting::default();
    for token in tokens {
        let range = usize::try_from(token.start).unwrap_or(0)..usize::try_from(token.end).unwrap_or(0);
        let kind = Token::try_from(token.token).unwrap_or(Token::Nul);
        match kind {
            Token::SqlComment | Token::CComment if start.is_none() => {
                let comment = text.get(range).unwrap_or_default();
                if let Some(found) = Header::parse(comment) {
                    header = Some(found);
                    is_first = true;
                }
            }
            Token::SqlComment | Token::CComment => {}
            Token::Ascii59 if nesting.is_outside() => {
                if let Some(sql) = start.take().and_then(|start| text.get(start..end)) {
                    statements.push(Statement { sql, header, is_first });
                    is_first = false;
                }
                nesting = Nesting::default();
            }
            _ => {
                nesting.token(kind);
                start.get_or_insert(range.start);
                end = range.end;
            }
        }
    }
    if let Some(sql) = start.and_then(|start| text.get(start..end)) {
        statements.push(Statement { sql, header, is_first });
    }
    Ok(statements)
}

/// The text without psql's `\restrict KEY` at its beginning and `\unrestrict KEY` at its end. They stand outside of any
/// statement, and pg_dump writes nothing but comments before and after them.
fn without_restrict(text: &str) -> &str {
    let mut text = text;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.starts_with("\\restrict ") {
            text = &text[at + line.len()..];
            break;
        }
        if !(line.trim().is_empty() || line.starts_with("--")) {
            break;
        }
        at += line.len();
    }
    match text.rfind("\n\\unrestrict ") {
        Some(at) if text[at + 1..].trim_end().lines().count() == 1 => &text[..at],
        _ => text,
    }
}

/// What the scanner has open.
#[derive(Debug, Default)]
struct Nesting {
    parentheses: u32,
    /// Blocks of a BEGIN ATOMIC body and CASE expressions in it, all of which END ends.
    blocks: u32,
    after_begin: bool,
}

impl Nesting {
    fn is_outside(&self) -> bool {
        self.parentheses == 0 && self.blocks == 0
    }

    fn token(&mut self, token: Token) {
        match token {
            Token::Ascii40 => self.parentheses += 1,
            Token::Ascii41 => self.parentheses = self.parentheses.saturating_sub(1),
            Token::Atomic if self.after_begin => self.blocks += 1,
            Token::Case if self.blocks > 0 => self.blocks += 1,
            Token::EndP if self.blocks > 0 => self.blocks -= 1,
            _ => {}
        }
        self.after_begin = token == Token::BeginP;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(sql: &str) -> Vec<&str> {
        statements(sql).unwrap().into_iter().map(|statement| statement.sql).collect()
    }

    #[test]
    fn bodies_stay_whole() {
        let function = "CREATE FUNCTION f() RETURNS int LANGUAGE sql\n    BEGIN ATOMIC\n SELECT CASE WHEN true THEN 1 END;\n SELECT 2;\nEND";
        let quoted = "CREATE FUNCTION g() RETURNS void LANGUAGE plpgsql AS $_$ BEGIN; -- Name: x; END $_$";
        let rule = "CREATE RULE r AS ON INSERT TO t DO ALSO ( DELETE FROM a; DELETE FROM b )";
        let sql = format!("-- c\n\n{function};\n\n{quoted};\n{rule};\n/* last */");
        assert_eq!(texts(&sql), [function, quoted, rule]);
    }

    #[test]
    fn headers_are_read() {
        let sql = "--\n-- Name: a; b; Type: TABLE; Schema: public; Owner: joe\n--\n\nCREATE TABLE \"a; b\" (x int);\n\n\nALTER TABLE \"a; b\" OWNER TO joe;\n";
        let all = statements(sql).unwrap();
        let header = Some(Header { name: "a; b", kind: "TABLE", schema: "public" });
        assert_eq!(all.iter().map(|s| (s.header, s.is_first)).collect::<Vec<_>>(), [(header, true), (header, false)]);
    }

    #[test]
    fn meta_commands_are_dropped() {
        let sql = "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\n-- x\nSET a = 1;\n\n--\n-- done\n--\n\n\\unrestrict abc\n\n";
        assert_eq!(texts(sql), ["SET a = 1"]);
        assert_eq!(texts("SELECT '\n\\unrestrict abc\n';\nSELECT 1;"), ["SELECT '\n\\unrestrict abc\n'", "SELECT 1"]);
        assert_eq!(texts("SELECT '\n\\restrict abc\n';"), ["SELECT '\n\\restrict abc\n'"]);
        assert!(texts("").is_empty() && texts(" \t\r\n\x0b\x0c").is_empty() && texts("\\restrict abc\n").is_empty());
    }

    #[test]
    fn names_with_anything_in_them() {
        let sql = "CREATE TABLE \"a;\nb\"\"(\" (x text DEFAULT ';''' );\nSELECT $a$;$a$;";
        assert_eq!(texts(sql).len(), 2);
    }

    /// Pieces that change what a splitter must think of what follows.
    const PIECES: [&str; 34] = [
        ";",
        "'",
        "\"",
        "$$",
        "$a$",
        "--",
        "/*",
        "*/",
        "\n",
        "\\",
        "\\restrict x\n",
        "\\unrestrict x\n",
        "(",
        ")",
        "BEGIN ATOMIC",
        "CASE",
        "END",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql",
        "CREATE TABLE t (x int)",
        "SELECT 1",
        "AS",
        "E'\\'",
        "U&'\\0041'",
        "-- Name: t; Type: TABLE; Schema: public; Owner: a\n",
        "ALTER TABLE ONLY",
        "t",
        "SET search_path = ''",
        "COMMENT ON TABLE t IS 'x'",
        "\0",
        "é",
        "👍",
        " ",
        "1e",
        "CREATE EVENT TRIGGER",
    ];

    proptest! {
        #[test]
        fn any_text_is_split_or_refused(pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..40)) {
            let text = pieces.concat();
            if let Ok(split) = statements(&text) {
                for statement in &split {
                    prop_assert!(text.contains(statement.sql) && !statement.sql.trim().is_empty());
                }
                let _items = crate::postgres::schema::classify::items(&split);
            }
        }
    }
}
