//! What a database holds, read from its catalog: tables and keys, sequences, large objects, roles, and what cannot be
//! carried.
//!
//! Every query names `pg_catalog` or runs under the empty search path of a pinned session, and evaluates no function of
//! a user. Nothing here reads rows of a user's table.

pub mod environment;
pub mod extension_tables;
pub mod inheritance;
pub mod keys;
pub mod large_objects;
pub mod names;
pub mod notes;
pub mod origin;
pub mod privileges;
pub mod relations;
pub mod renamed;
pub mod sequences;
pub mod tables;

/// The condition on a schema `n` that keeps PostgreSQL's own and temporary objects out.
macro_rules! user_schema {
    () => {
        "n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"
    };
}
pub(crate) use user_schema;

/// The condition on a relation `c` that its position is carried, if it is a sequence: one of the user, or one whose position an
/// extension has given to the user.
macro_rules! carried_sequence {
    () => {
        "(EXISTS (SELECT FROM pg_catalog.pg_extension e WHERE c.oid = ANY (e.extconfig))
          OR NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
            WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e'))"
    };
}
pub(crate) use carried_sequence;
