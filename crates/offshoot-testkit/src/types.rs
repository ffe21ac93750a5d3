//! Every built-in type that a column can have, with its edge values, and what users build out of types.
//!
//! One table per family, small, so that a difference names the type. Pseudo-types and the catalog's own
//! internal ones are absent, since no user's column has them. It uses what PostgreSQL 12 has, and newer types
//! where the server has them; it wants a UTF8 database.

use crate::postgres::{PostgresError, Server};

/// The tables as a script for psql, in a schema `types`.
pub const TYPES_SQL: &str = include_str!("types.sql");

/// Fills the empty database `db` with the tables.
pub fn load(server: &Server, db: &str) -> Result<(), PostgresError> {
    server.try_psql(db, TYPES_SQL).map(drop)
}

#[cfg(test)]
mod tests {
    use super::load;
    use crate::fingerprint::fingerprint;
    use crate::postgres::{Binaries, shared_of};

    /// The types of pg_catalog that a column can have but a user's never does.
    const INTERNAL_TYPES: &str = "'pg_node_tree', 'pg_ndistinct', 'pg_dependencies', 'pg_mcv_list', 'pg_brin_bloom_summary', \
         'pg_brin_minmax_multi_summary', 'gtsvector', 'pg_ddl_command', 'regdatabase'";

    #[test]
    fn every_builtin_type_is_there_in_every_version() {
        for binaries in Binaries::wanted() {
            let server = shared_of(&binaries);
            let db = server.fresh_db("types");
            load(server, &db).unwrap_or_else(|error| panic!("on {}: {error}", binaries.major_version()));
            let missing = server.psql(
                &db,
                &format!(
                    "SELECT typname FROM pg_type WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('b', 'r', 'm')
                     AND typelem = 0 AND typname NOT IN ({INTERNAL_TYPES}) AND oid NOT IN (
                         SELECT a.atttypid FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
                         WHERE c.relnamespace = 'types'::regnamespace AND c.relkind = 'r') ORDER BY 1"
                ),
            );
            assert_eq!(missing, "", "on {}", binaries.major_version());
            assert!(fingerprint(server, &db).lines().count() >= 15);
            server.dropdb(&db);
        }
    }
}
