//! What other scramblers leave behind in a real database: one test for each, named after the failure. Those that need no server are
//! in `offshoot-scrub/tests/peers.rs`.

use crate::scrub::{POLICY, Shop, contains};

/// Whose mail address must not come through.
const MAIL: &str = "zora.quibbleton@mail.canary-one.example.org";

impl Shop {
    fn sql(&self, sql: &str) {
        self.server.psql(&self.db, sql);
    }

    #[track_caller]
    fn captured(&self) -> String {
        let ran = self.capture();
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert!(!self.plaintext().iter().any(|(_, plain)| contains(plain, MAIL)), "it is in the store");
        self.restored()
    }
}

#[test]
fn planner_statistics_are_not_carried() {
    let shop = Shop::new("peers_statistics");
    shop.sql(
        "CREATE STATISTICS both_names (mcv) ON name, city FROM users;
         INSERT INTO orders SELECT 5000 + n, 'zora.quibbleton@mail.canary-one.example.org', n FROM generate_series(1, 900) n; ANALYZE",
    );
    let common =
        "SELECT coalesce(string_agg(most_common_vals::text, ' '), '') FROM pg_stats WHERE schemaname = 'public'";
    assert!(shop.server.psql(&shop.db, common).contains(MAIL), "the server knows her as a common value");
    let copy = shop.captured();
    // A restore makes statistics of its own, of what it has.
    assert!(!shop.server.psql(&copy, common).contains(MAIL));
    let there = "SELECT count(*) FROM pg_statistic_ext WHERE stxname = 'both_names'";
    assert_eq!(shop.server.psql(&copy, there).trim(), "1");
}

#[test]
fn materialized_views_and_generated_columns_are_made_of_scrubbed_rows() {
    let shop = Shop::new("peers_copies");
    shop.sql(
        "ALTER TABLE users ADD login text GENERATED ALWAYS AS (split_part(email, '@', 1)) STORED;
         CREATE MATERIALIZED VIEW mails AS SELECT id, email, lower(name) AS name FROM users;
         CREATE UNIQUE INDEX ON mails (id); CREATE VIEW now_and_then AS SELECT email FROM mails",
    );
    let copy = shop.captured();
    for (what, sql) in [
        ("generated", "SELECT count(*) FROM users WHERE login <> split_part(email, '@', 1) OR login LIKE 'zora%'"),
        (
            "materialized",
            "SELECT count(*) FROM mails m JOIN users u USING (id) WHERE m.email <> u.email OR m.email LIKE 'zora%'",
        ),
        ("viewed", "SELECT count(*) FROM now_and_then WHERE email LIKE '%canary%'"),
    ] {
        assert_eq!(shop.server.psql(&copy, sql).trim(), "0", "{what}");
    }
    assert_eq!(shop.server.psql(&copy, "SELECT count(*) FROM mails").trim(), "3001");
}

#[test]
fn every_kind_of_uniqueness_and_reference_holds_in_the_copy() {
    let shop = Shop::new("peers_unique");
    shop.sql(
        "CREATE EXTENSION citext; CREATE EXTENSION btree_gist;
         CREATE TABLE keyed (id int PRIMARY KEY, a varchar(12), b text, ci citext UNIQUE, low text, part text, uid varchar(36) UNIQUE, pad char(9) UNIQUE,
           room text, at int4range, UNIQUE (a, b), EXCLUDE USING gist (room WITH =, at WITH &&));
         CREATE UNIQUE INDEX ON keyed (lower(low)); CREATE UNIQUE INDEX ON keyed (part) WHERE id % 2 = 0;
         CREATE TABLE refers (id int PRIMARY KEY, uid varchar(36) REFERENCES keyed (uid), a varchar(12), b text, FOREIGN KEY (a, b) REFERENCES keyed (a, b));
         INSERT INTO keyed SELECT n, 'a' || n % 40, 'b' || n / 40, 'Case' || n, 'Low' || n, 'part' || n / 2, md5(n::text)::uuid::text, 'p' || n,
           'room' || n % 7, int4range(n, n + 7) FROM generate_series(1, 700) n;
         INSERT INTO refers SELECT id, uid, a, b FROM keyed",
    );
    shop.policy(&format!(
        "{POLICY}\n[scrub.tables.keyed]\nid = 'keep'\na = 'shape'\nb = 'shape'\nci = 'shape'\nlow = 'shape'\npart = 'shape'\nuid = 'uuid'\n\
         pad = 'shape'\nroom = 'keep'\nat = 'keep'\n[scrub.tables.refers]\nid = 'keep'\n"
    ));
    let copy = shop.captured();
    let joined =
        "SELECT count(*), count(DISTINCT k.uid), count(DISTINCT lower(k.low)), bool_and(k.uid ~ '^[0-9a-f-]{36}$')
        FROM refers r JOIN keyed k USING (uid) JOIN keyed o ON (o.a, o.b) = (r.a, r.b) WHERE o.id = k.id";
    assert_eq!(shop.server.psql(&copy, joined).trim(), "700|700|700|t");
    assert_eq!(
        shop.server.psql(&copy, "SELECT count(*) FROM keyed WHERE id = 1 AND uid = md5('1')::uuid::text").trim(),
        "0"
    );
    let receipt = shop.run(&["receipt", "prod"]).stdout;
    for key in ["keyed (a, b)", "keyed (ci)", "keyed (low)", "keyed (part)", "keyed (uid)", "keyed (pad)"] {
        assert!(receipt.contains(&format!("unique {key}: 700 rows counted")), "{key}: {receipt}");
    }
    assert!(receipt.contains("keyed (room, at): columns were kept"), "{receipt}");
}

#[test]
fn a_preview_of_a_partitioned_table_shows_rows_of_its_partitions() {
    let shop = Shop::new("peers_partitions");
    shop.sql(
        "CREATE TABLE visits (at date, who text, mail text) PARTITION BY RANGE (at);
         CREATE TABLE visits_old PARTITION OF visits FOR VALUES FROM ('2000-01-01') TO ('2020-01-01');
         CREATE TABLE visits_new (mail text, who text, at date);
         ALTER TABLE visits ATTACH PARTITION visits_new FOR VALUES FROM ('2020-01-01') TO ('2030-01-01');
         INSERT INTO visits SELECT date '2010-01-01' + n * 500, 'Visitor' || n, 'visitor' || n || '@mail.example.org' FROM generate_series(1, 12) n",
    );
    shop.policy(&format!("{POLICY}\n[scrub.tables.visits]\nat = 'keep'\nwho = 'shape'\nmail = 'email'\n"));
    let args = ["preview", &shop.server.url(&shop.db), "--table", "visits", "--rows", "10"];
    let Some(shown) = crate::terminal::on_terminal(&shop.session, &args, &[("NO_COLOR", "1")]) else {
        eprintln!(
            "SKIPPED a_preview_of_a_partitioned_table_shows_rows_of_its_partitions: there is no program `script`"
        );
        return;
    };
    assert!(shown.contains("row 10") && !shown.contains("row 11"), "{shown}");
    assert!(
        shown.contains("Visitor1") && shown.contains("visitor9@mail.example.org") && shown.contains(".test"),
        "{shown}"
    );
}
