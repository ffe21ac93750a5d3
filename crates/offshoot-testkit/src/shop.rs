//! The demo's shop: a small but lifelike database with the hard parts of real ones.
//!
//! About 60,000 rows: names in many scripts, emoji sequences, values at the edges of their types, partitions
//! (range, list, hash of an enum), identity and serial columns, generated columns, foreign-key cycles, a table
//! without a key and with equal rows, an unlogged one, inheritance, views, triggers, rules, rights, row-level
//! security and large objects. Every load holds the same rows: they follow from their numbers by md5. It uses
//! what PostgreSQL 12 has, and newer features where the server has them; it wants a UTF8 database.
//!
//! It is not for measuring speed; the benches have a larger one.

use crate::postgres::{PostgresError, Server};

/// The shop as a script for psql.
pub const SHOP_SQL: &str =
    concat!(include_str!("shop/schema.sql"), include_str!("shop/data.sql"), include_str!("shop/objects.sql"));

/// A script for psql that changes a few of the shop's rows.
pub const CHANGE_SQL: &str = include_str!("shop/change.sql");

/// One of its customers, for showing what scrubbing does.
pub const ONE_PERSON: &str = "SELECT given_name, family_name, email, phone, born FROM shop.customer
    WHERE family_name IS NOT NULL AND phone IS NOT NULL ORDER BY id OFFSET 3 LIMIT 1";

/// Fills the empty database `db` with the shop.
pub fn load(server: &Server, db: &str) -> Result<(), PostgresError> {
    server.try_psql(db, SHOP_SQL).map(drop)
}

/// Changes a few rows of the shop in `db`; works once.
pub fn change(server: &Server, db: &str) -> Result<(), PostgresError> {
    server.try_psql(db, CHANGE_SQL).map(drop)
}

#[cfg(test)]
mod tests {
    use super::{change, load};
    use crate::fingerprint::fingerprint;
    use crate::postgres::{Binaries, shared_of};

    #[test]
    fn the_shop_is_the_same_in_every_version() {
        let mut prints: Vec<(u32, String)> = Vec::new();
        for binaries in Binaries::wanted() {
            let server = shared_of(&binaries);
            let major = binaries.major_version();
            let db = server.fresh_db("shop");
            load(server, &db).unwrap_or_else(|error| panic!("on {major}: {error}"));
            let before = fingerprint(server, &db);
            let rows: u64 = before
                .lines()
                .filter(|line| line.starts_with("table "))
                .filter_map(|line| line.rsplit(' ').nth(1)?.parse::<u64>().ok())
                .sum();
            assert!((50_000..90_000).contains(&rows), "on {major}: {rows} rows");
            let everywhere = |line: &&str| !line.contains("shop.opening") && !line.contains("shop.parcel_label");
            prints.push((major, before.lines().filter(everywhere).collect::<Vec<_>>().join("\n")));
            change(server, &db).unwrap_or_else(|error| panic!("on {major}: {error}"));
            let after = fingerprint(server, &db);
            let changed = before.lines().zip(after.lines()).filter(|(left, right)| left != right).count();
            assert!((5..20).contains(&changed), "on {major}: {changed} tables changed");
            server.dropdb(&db);
        }
        for (major, print) in &prints {
            assert_eq!(*print, prints[0].1, "{major} differs from {}", prints[0].0);
        }
        println!("compared majors: {:?}", prints.iter().map(|(major, _)| major).collect::<Vec<_>>());
    }

    /// What the kit makes up can be carried at all, and its fingerprint holds on another database.
    #[test]
    fn dumps_of_the_shop_and_of_the_types_restore_equal() {
        for binaries in Binaries::wanted() {
            let major = binaries.major_version();
            if let Err(why) = binaries.pg_dump() {
                println!("SKIPPED {major}: {why}");
                continue;
            }
            let server = shared_of(&binaries);
            for name in ["shop", "types"] {
                let load = if name == "shop" { load } else { crate::types::load };
                let (source, target) = (server.fresh_db(name), server.fresh_db(name));
                // A database made in between has other type numbers.
                load(server, &source).unwrap();
                server.psql(&target, "CREATE TYPE other_numbers AS ENUM ('a', 'b', 'c'); DROP TYPE other_numbers");
                server.psql(&target, &server.pg_dump(&source, &["--load-via-partition-root", "--no-comments"]));
                assert_eq!(fingerprint(server, &source), fingerprint(server, &target), "{name} on {major}");
                server.dropdb(&source);
                server.dropdb(&target);
            }
        }
    }
}
