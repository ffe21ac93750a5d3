//! `INSERT` statements of many rows, for servers that take no files from their clients.
//!
//! A statement stays below what the server takes at once. Rows that do not fit, and rows with values that are stored apart,
//! are given back: their values are put together on the server, piece by piece.

use super::form::{Form, unsigned};
use super::{LoadColumn, PIECE_BYTES, insert_statement, single_row};
use offshoot_core::{CoreError, Result};
use offshoot_format::column::{Batch, Cell, INLINE_VALUE_BYTES_MAX};
use std::io::Write as _;

/// A statement with rows.
#[derive(Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its bytes; binary literals in it are of no character set.
    pub sql: Vec<u8>,
    /// Its rows.
    pub rows: u64,
    /// Warnings that the server gives for values that are right.
    pub warnings: u64,
}

/// What a batch became.
#[derive(Clone, Default)]
pub struct Inserts {
    /// The statements.
    pub statements: Vec<Statement>,
    /// Rows that are too large for a statement, one a batch.
    pub apart: Vec<Batch>,
}

/// Turns the rows of one table into statements.
#[derive(Debug, Clone)]
pub struct InsertEncoder {
    begin: Vec<u8>,
    forms: Vec<Form>,
    statement_bytes_max: usize,
}

impl InsertEncoder {
    /// An encoder for these columns of a table, on a server that takes so many bytes at once.
    #[must_use]
    pub fn new(table: &str, columns: &[LoadColumn], packet_bytes_max: usize) -> Self {
        Self {
            begin: insert_statement(table, columns).into_bytes(),
            forms: columns.iter().map(|column| column.form).collect(),
            statement_bytes_max: packet_bytes_max.saturating_sub(64),
        }
    }

    /// The rows as statements.
    ///
    /// # Errors
    /// `Protocol` if the batch has other columns, or a value is not one of its column's type.
    pub fn encode(&self, batch: &Batch) -> Result<Inserts> {
        if batch.columns.len() != self.forms.len() {
            return Err(CoreError::Protocol("a leaf has other columns than its table"));
        }
        let mut inserts = Inserts::default();
        let mut open = Statement { sql: Vec::new(), rows: 0, warnings: 0 };
        let mut row_sql = Vec::new();
        for row in 0..batch.rows {
            row_sql.clear();
            let warnings = match self.write_row(batch, row, &mut row_sql)? {
                Some(warnings) if self.begin.len() + row_sql.len() <= self.statement_bytes_max => warnings,
                _ => {
                    inserts.apart.push(single_row(batch, row)?);
                    continue;
                }
            };
            let is_full = open.sql.len() >= PIECE_BYTES || open.sql.len() + row_sql.len() >= self.statement_bytes_max;
            if open.rows > 0 && is_full {
                let next = Statement { sql: Vec::new(), rows: 0, warnings: 0 };
                inserts.statements.push(std::mem::replace(&mut open, next));
            }
            if open.rows == 0 {
                open.sql.extend_from_slice(&self.begin);
            } else {
                open.sql.push(b',');
            }
            open.sql.extend_from_slice(&row_sql);
            open.rows += 1;
            open.warnings += warnings;
        }
        if open.rows > 0 {
            inserts.statements.push(open);
        }
        Ok(inserts)
    }

    /// Appends a row, and gives the warnings that come with it; none where it has values that are stored apart.
    fn write_row(&self, batch: &Batch, row: usize, out: &mut Vec<u8>) -> Result<Option<u64>> {
        let mut warnings = 0;
        out.push(b'(');
        for (index, (form, column)) in self.forms.iter().zip(&batch.columns).enumerate() {
            if index > 0 {
                out.push(b',');
            }
            match column.cell(row) {
                Cell::Null => out.extend_from_slice(b"NULL"),
                Cell::Bytes(value) => {
                    warnings += u64::from(form.warns(value));
                    write_literal(*form, value, out)?;
                }
                Cell::Blob(_) => return Ok(None),
            }
        }
        out.push(b')');
        Ok(Some(warnings))
    }

    /// The statement for a row whose large values are in user variables: `variables` gives the one of a column, if it has
    /// one.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn with_variables(&self, row: &Batch, variables: impl Fn(usize) -> Option<String>) -> Result<Statement> {
        let mut statement = Statement { sql: self.begin.clone(), rows: 1, warnings: 0 };
        statement.sql.push(b'(');
        for (index, (form, column)) in self.forms.iter().zip(&row.columns).enumerate() {
            if index > 0 {
                statement.sql.push(b',');
            }
            match (variables(index), column.cell(0)) {
                (Some(variable), _) => {
                    let expression = if *form == Form::Unicode { form.load_expression(&variable) } else { None };
                    statement.sql.extend_from_slice(expression.unwrap_or(variable).as_bytes());
                }
                (None, Cell::Null) => statement.sql.extend_from_slice(b"NULL"),
                (None, Cell::Bytes(value)) => {
                    statement.warnings += u64::from(form.warns(value));
                    write_literal(*form, value, &mut statement.sql)?;
                }
                (None, Cell::Blob(_)) => return Err(CoreError::Protocol("a large value has no variable")),
            }
        }
        statement.sql.push(b')');
        Ok(statement)
    }
}

/// A row is put together from values that are longer than this; shorter ones of all columns fit one statement.
pub(crate) const APART_BYTES_MIN: usize = INLINE_VALUE_BYTES_MAX >> 7;

fn write_literal(form: Form, value: &[u8], out: &mut Vec<u8>) -> Result<()> {
    match form {
        Form::Signed | Form::Unsigned | Form::Label | Form::Labels => form.write_number(value, out).map(drop),
        Form::Bits => {
            let _ = write!(out, "{}", unsigned(value)?);
            Ok(())
        }
        // As texts, as in a file.
        Form::Year | Form::Float | Form::Double => {
            out.push(b'\'');
            form.write_number(value, out)?;
            out.push(b'\'');
            Ok(())
        }
        Form::Printed | Form::NarrowEnd | Form::Unicode => {
            out.push(b'\'');
            if !form.write_number(value, out)? {
                escape_literal_into(out, value);
            }
            out.push(b'\'');
            Ok(())
        }
        Form::Bytes => {
            out.extend_from_slice(b"_binary'");
            escape_literal_into(out, value);
            out.push(b'\'');
            Ok(())
        }
    }
}

/// Appends the inside of a literal. The session speaks UTF-8, in which no byte of a longer character looks like a quote or
/// a backslash, so that bytes that are no UTF-8 hide neither.
pub fn escape_literal_into(out: &mut Vec<u8>, value: &[u8]) {
    let mut rest = value;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\\' | b'\'' | 0)) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(&[b'\\', if rest[at] == 0 { b'0' } else { rest[at] }]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}
