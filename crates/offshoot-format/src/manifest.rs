//! The manifest: everything about one snapshot but its rows; those of tiny tables are in their roots.
//!
//! It is stored as JSON in an envelope (magic, version, checksum; see `docs/format.md`), because it is small, read by
//! people in an incident, and grows fields over time. What the content root covers is encoded apart and canonically,
//! so that the form of the manifest may change without changing what equal data means.

use crate::facts::TableFacts;
use crate::ids::{ContentRoot, SnapshotId};
use crate::table::TableSpec;
use crate::tree::TreeRoot;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// When the snapshot was taken, in milliseconds since 1970 UTC.
    pub taken_unix_ms: u64,
    /// The snapshot before it in its lineage.
    pub parent: Option<SnapshotId>,
    /// Root over `content`.
    pub content_root: ContentRoot,
    /// What the rows are: raw, or scrubbed under a policy.
    pub trust: Trust,
    /// Where it was taken.
    pub origin: Origin,
    /// What the data depends on: server version, extensions, settings, roles.
    pub environment: Environment,
    /// Schema, tables, sequences.
    pub content: Content,
    /// What was left out on purpose.
    pub omitted: Vec<Note>,
    /// What could not be carried.
    pub not_carried: Vec<Note>,
    /// Sizes at the time of the capture.
    pub stats: Stats,
    /// What was known of the tables when they were captured, for rules that depend on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<TableFacts>,
    /// What was done to scrubbed rows, as a signed text. Its form is its author's; nothing here reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// Version of the program that wrote it.
    pub written_by: String,
}

/// Whether personal data was rewritten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// Rows as they were at the source.
    Raw,
    /// Rows scrubbed under the policy of this digest.
    Scrubbed {
        /// BLAKE3 of the policy, in hexadecimal.
        policy_digest: String,
        /// Fingerprint of the scrub key, in hexadecimal.
        key_fingerprint: String,
    },
}

/// Where a snapshot was taken. Holds no secret and no URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// `postgres`.
    pub engine: String,
    /// What tells the server (and its copies) from all others: the system identifier.
    pub system_id: String,
    /// What tells the database from others on that server: its oid.
    pub database_id: String,
    /// The database's name.
    pub database: String,
    /// Position in the server's log, such as an LSN; empty where it cannot be read.
    pub position: String,
}

/// The environment lock: what behaviour depends on beside schema and rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Environment {
    /// Version as the server prints it: `15.18 (Debian 15.18-0+deb12u1)`.
    pub server_version: String,
    /// Version as a number: 150018.
    pub server_version_num: u32,
    /// Database encoding: `UTF8`.
    pub encoding: String,
    /// LC_COLLATE of the database.
    pub collate: String,
    /// LC_CTYPE of the database.
    pub ctype: String,
    /// Locale provider of the database: `libc`, `icu`, `builtin`.
    pub locale_provider: String,
    /// ICU or builtin locale of the database, if it has one.
    pub locale: Option<String>,
    /// Version of the database's collation, where the provider has versions.
    pub collation_version: Option<String>,
    /// Other collations that columns or indexes use, with their versions.
    pub collations: BTreeMap<String, String>,
    /// Installed extensions: name to version and schema.
    pub extensions: BTreeMap<String, Extension>,
    /// Settings that change behaviour, as they are in force in the database.
    pub settings: BTreeMap<String, String>,
    /// ALTER DATABASE / ALTER ROLE ... SET: statements without the database's name.
    pub database_settings: Vec<(String, String)>,
    /// Roles that the schema refers to, their memberships and settings; never a password.
    pub roles: Vec<Role>,
}

/// An installed extension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// Its version.
    pub version: String,
    /// The schema that it is installed in.
    pub schema: String,
}

/// A role that the schema refers to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Attributes as CREATE ROLE takes them (`CREATEDB`, `NOSUPERUSER` ...), without PASSWORD.
    pub attributes: Vec<String>,
    /// Roles that it is a member of.
    pub member_of: Vec<Membership>,
    /// ALTER ROLE ... SET: name and value.
    pub settings: Vec<(String, String)>,
}

/// That a role is a member of another one. The same two roles have one for each grantor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The role that it is a member of.
    pub role: String,
    /// Who granted it; none if that was the server's first superuser, or cannot be told.
    pub grantor: Option<String>,
    /// Whether it may grant it to others.
    pub admin: bool,
    /// Whether it has that role's privileges without a word; none where the role's own INHERIT says so (before 16).
    pub inherit: Option<bool>,
    /// Whether it may become that role; none where every member may (before 16).
    pub set: Option<bool>,
}

/// What the content root covers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// The statements that make the schema, in the order in which they can be applied.
    pub schema: Vec<SchemaItem>,
    /// The tables, sorted by schema and name.
    pub tables: Vec<TableEntry>,
    /// Sequences and where they stand.
    pub sequences: Vec<Sequence>,
    /// Large objects as rows of oid and data, if there are any.
    pub large_objects: Option<TableEntry>,
}

/// When a statement of the schema is applied, and what may run beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Before the data, one after the other.
    PreData,
    /// CREATE INDEX of a plain or partition table: independent of each other, in parallel.
    Index,
    /// A constraint that needs an index or builds one, or is checked by reading its table: PRIMARY KEY, UNIQUE, EXCLUDE, CHECK.
    Constraint,
    /// Foreign keys, after all that they refer to.
    ForeignKey,
    /// All the rest, one after the other in the order given: attach, rules, triggers, views over keys, policies, comments.
    PostData,
}

/// One statement of the schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaItem {
    /// When it is applied.
    pub phase: Phase,
    /// What it makes, for plans and messages: `TABLE public.users`.
    pub label: String,
    /// The table (schema, name) that the statement works on, where it works on one.
    pub table: Option<(String, String)>,
    /// The statement, without a semicolon at its end.
    pub sql: String,
}

/// One captured table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableEntry {
    /// What it is.
    pub spec: TableSpec,
    /// Its rows.
    pub root: TreeRoot,
    /// How its rows are loaded back.
    pub load: Load,
}

/// How the rows of a table are loaded back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Load {
    /// Of a partitioned table that is one table here: the partitions (schema, name) that hold its rows. In which of them a
    /// row belongs is another question on every server.
    pub partitions: Vec<(String, String)>,
    /// Never loaded with FREEZE or TRUNCATE: rows of an extension's configuration table, for example, join what is there.
    pub append: bool,
    /// Indexes of the columns that are declared GENERATED ALWAYS AS IDENTITY or need OVERRIDING.
    pub identity: Vec<u32>,
}

/// Where a sequence stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The last value that it gave, or the first that it will give.
    pub last_value: i64,
    /// Whether `last_value` was given already.
    pub is_called: bool,
}

/// Something that is left out or cannot be carried, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// What: `subscription orders_sub`.
    pub object: String,
    /// Why.
    pub reason: String,
}

/// Sizes of a snapshot, in bytes unless it says rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stats {
    /// Rows of all tables.
    pub rows: u64,
    /// Values of all rows, before any coding.
    pub logical_bytes: u64,
    /// What the store grew by in this capture.
    pub added_bytes: u64,
    /// Stored size of the columns that the snapshot refers to, new or not.
    pub stored_bytes: u64,
    /// Time of the capture, in milliseconds.
    pub millis: u64,
    /// The same a table, in the order of the content's tables.
    pub tables: Vec<TableStats>,
}

/// Sizes of one table of a snapshot, in bytes unless it says rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TableStats {
    /// Rows.
    pub rows: u64,
    /// The columns, in the order of the table.
    pub columns: Vec<ColumnStats>,
}

/// Sizes of one column of one table of a snapshot, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ColumnStats {
    /// Values before any coding.
    pub logical_bytes: u64,
    /// Stored size of its chunks; where leaves hold the column, nothing.
    pub stored_bytes: u64,
    /// Stored size of those chunks that this capture added.
    pub added_bytes: u64,
    /// Values that were in the store already, as a chunk, in a leaf or in a root, before any coding.
    pub reused_logical_bytes: u64,
}
