//! Parity: what differs between where a snapshot was taken, what the project declares, and where its branch runs.
//!
//! A comparison of values: the snapshot's environment lock, one of the same kind that was read from the branch's server, and
//! the declared services. Each row has a grade:
//!
//! - **same**: no difference that is known.
//! - **minor**: a difference that the makers promise not to change results, or one in what no query sees: another minor
//!   version of the server or of an extension, another packager, how values are compressed.
//! - **differs**: queries may answer otherwise: another major version, locale, collation version, encoding, extension
//!   version, or a setting that changes what statements mean.
//! - **missing**: something that the snapshot has is not there.
//!
//! *Drift*, which `--strict` refuses, is a row of the database that differs or misses something. The project's other
//! services are listed as missing and are no drift: nothing here claims to emulate them.

mod locale;
mod rows;

use crate::services::{Declared, Engine};
use offshoot::manifest::Environment;
use serde::Serialize;
use std::fmt;

/// How far two things are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// Not at all.
    Same,
    /// In what should change no result.
    Minor,
    /// So that results may differ.
    Differs,
    /// One is not there.
    Missing,
}

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The database and its server.
    Database,
    /// A service beside it.
    Service,
}

/// One thing that was compared. What is not known or not said is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// What: `server`, `extension postgis`.
    pub what: String,
    /// What it is about.
    pub kind: Kind,
    /// As it was where the snapshot was taken.
    pub snapshot: Option<String>,
    /// As the project declares it.
    pub declared: Option<String>,
    /// As it is here.
    pub here: Option<String>,
    /// How far these are apart.
    pub grade: Grade,
}

/// The result of a comparison.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Parity {
    /// What was compared, those that are the same included.
    pub rows: Vec<Row>,
    /// What could not be told of the project's declarations.
    pub notes: Vec<String>,
}

/// What is here.
#[derive(Debug, Clone, Copy)]
pub enum Here<'a> {
    /// Read from the branch's server.
    Server(&'a Environment),
    /// Only the programs that a branch's server would be started with, as their version is printed (`15.4 (Debian 15.4-1)`)
    /// and as a number (150004).
    Build(&'a str, u32),
}

impl Parity {
    /// Compares the environment of a snapshot of an engine and what the project declares with what is here.
    #[must_use]
    pub fn of(engine: Engine, snapshot: &Environment, declared: &Declared, here: Here<'_>) -> Self {
        Self { rows: rows::rows(engine, snapshot, declared, here), notes: declared.notes.clone() }
    }

    /// The rows that are drift.
    pub fn drift(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.is_drift())
    }
}

impl Row {
    /// Whether `--strict` refuses it.
    #[must_use]
    pub fn is_drift(&self) -> bool {
        self.kind == Kind::Database && matches!(self.grade, Grade::Differs | Grade::Missing)
    }
}

impl Grade {
    /// The grade in a word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Minor => "minor",
            Self::Differs => "differs",
            Self::Missing => "missing",
        }
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests;
