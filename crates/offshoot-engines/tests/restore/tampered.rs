//! "Restored" is said only of a target that is what the snapshot says: each test changes the target behind the restore's
//! back, just before it is compared, and wants the change to be named.

use crate::faults::restore_watched;
use crate::taken::{Taken, take};
use crate::{assert_same, id, options, target};
use offshoot_core::Control;
use offshoot_core::target::{Mark, Target};
use offshoot_engines::postgres::schema;
use offshoot_format::manifest::{Membership, Phase, Role, SchemaItem};
use offshoot_restore::{Plan, RawSnapshot, RestoreError, apply};
use offshoot_testkit::postgres::{Binaries, Server, ServerOptions, shared};
use std::sync::atomic::{AtomicBool, Ordering};

const SCRIPT: &str = "
CREATE SCHEMA other;
CREATE TYPE public.mood AS ENUM ('sad', 'ok');
CREATE TABLE public.t (id int PRIMARY KEY, name text NOT NULL, n numeric(10, 2), CHECK (n > 0));
INSERT INTO public.t SELECT i, 'name ' || i, i FROM generate_series(1, 50) i;
CREATE INDEX by_name ON public.t (name);
CREATE TABLE public.refers (t int);
ALTER TABLE public.refers ADD CONSTRAINT to_t FOREIGN KEY (t) REFERENCES public.t;
CREATE TABLE public.hashed (m public.mood, id int) PARTITION BY HASH (m);
CREATE TABLE public.hashed_0 PARTITION OF public.hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE public.hashed_1 PARTITION OF public.hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO public.hashed SELECT (ARRAY['sad', 'ok'])[1 + i % 2]::public.mood, i FROM generate_series(1, 40) i;
CREATE FUNCTION public.over(i int) RETURNS int LANGUAGE sql AS 'SELECT i';
CREATE FUNCTION public.over(i int, m public.mood[]) RETURNS int LANGUAGE sql AS 'SELECT i';
CREATE AGGREGATE public.total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE FUNCTION public.fires() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER fires BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.fires();
CREATE VIEW public.v AS SELECT id FROM public.t;
CREATE POLICY p ON public.t USING (true);
SELECT lo_create(7001), lo_create(7002);
CREATE DOMAIN public.positive AS int DEFAULT 1 CONSTRAINT above CHECK (VALUE > 0);
CREATE TYPE public.pair AS (a int, b text);
CREATE SEQUENCE public.counter START 5 INCREMENT 3;
CREATE TABLE public.made (id int GENERATED ALWAYS AS IDENTITY (START 7), d text DEFAULT 'x', n int DEFAULT 5 CHECK (n > 0),
  g int GENERATED ALWAYS AS (1 + 1) STORED, c text COLLATE \"C\");
CREATE TABLE public.heir (e varchar(5) DEFAULT 'e') INHERITS (public.made);
ALTER TABLE public.heir ALTER d SET DEFAULT 'y';
ALTER VIEW public.v ALTER id SET DEFAULT 3;
DO $$ BEGIN CREATE ROLE tampered_owner; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE tampered_reader; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
CREATE TABLE public.owned (id int, v text) WITH (fillfactor = 70);
CREATE SEQUENCE public.numbers OWNED BY public.owned.id;
ALTER TABLE public.owned OWNER TO tampered_owner;
ALTER VIEW public.v OWNER TO tampered_owner;
ALTER FUNCTION public.over(int, public.mood[]) OWNER TO tampered_owner;
ALTER TYPE public.pair OWNER TO tampered_owner;
ALTER LARGE OBJECT 7001 OWNER TO tampered_owner;
CREATE OPERATOR public.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);
ALTER OPERATOR public.=== (int, int) OWNER TO tampered_owner;
GRANT SELECT ON public.owned TO tampered_reader WITH GRANT OPTION;
SET SESSION AUTHORIZATION tampered_reader;
GRANT SELECT ON public.owned TO PUBLIC;
RESET SESSION AUTHORIZATION;
GRANT UPDATE (v) ON public.owned TO tampered_reader;
REVOKE INSERT, UPDATE ON public.t FROM postgres;
REVOKE ALL ON FUNCTION public.over(int) FROM PUBLIC;
GRANT USAGE ON SCHEMA other TO tampered_reader;
GRANT ALL ON TYPE public.mood TO tampered_reader;
GRANT SELECT ON LARGE OBJECT 7001 TO PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA other GRANT SELECT ON TABLES TO tampered_reader;
COMMENT ON TABLE public.t IS 'it''s a comment';
COMMENT ON COLUMN public.t.n IS 'number';
COMMENT ON FUNCTION public.over(int, public.mood[]) IS 'over';
COMMENT ON AGGREGATE public.total(int) IS 'total';
COMMENT ON CONSTRAINT to_t ON public.refers IS 'to t';
COMMENT ON TRIGGER fires ON public.t IS 'fires';
COMMENT ON OPERATOR public.=== (int, int) IS 'same';
COMMENT ON CONSTRAINT above ON DOMAIN public.positive IS 'above';
COMMENT ON TYPE public.mood IS 'mood';
COMMENT ON LARGE OBJECT 7002 IS 'large';
COMMENT ON INDEX public.by_name IS 'by name';
COMMENT ON POLICY p ON public.t IS 'policy';
ALTER TABLE public.t ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.refers FORCE ROW LEVEL SECURITY;
ALTER TABLE public.t REPLICA IDENTITY FULL;
ALTER TABLE public.owned ALTER id SET NOT NULL;
CREATE UNIQUE INDEX identity ON public.owned (id);
ALTER TABLE public.owned REPLICA IDENTITY USING INDEX identity;
CREATE TRIGGER sleeps BEFORE UPDATE ON public.t FOR EACH ROW EXECUTE FUNCTION public.fires();
ALTER TABLE public.t DISABLE TRIGGER sleeps;
CREATE RULE sleeps AS ON DELETE TO public.refers DO ALSO NOTHING;
ALTER TABLE public.refers ENABLE REPLICA RULE sleeps;
CREATE TABLE public.ranged (at date, n int) PARTITION BY RANGE (at);
CREATE TABLE public.ranged_a PARTITION OF public.ranged FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE public.ranged_b PARTITION OF public.ranged DEFAULT;
CREATE TRIGGER each BEFORE INSERT ON public.ranged_a FOR EACH ROW EXECUTE FUNCTION public.fires();
CREATE TRIGGER whole AFTER INSERT ON public.ranged FOR EACH ROW EXECUTE FUNCTION public.fires();
ALTER TABLE public.ranged DISABLE TRIGGER whole;
ALTER TABLE public.ranged_b ENABLE ALWAYS TRIGGER whole;
CREATE FUNCTION public.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN NULL; END';
CREATE EVENT TRIGGER sleeps ON ddl_command_end EXECUTE FUNCTION public.on_ddl();
ALTER EVENT TRIGGER sleeps DISABLE;
CREATE TABLE public.stored (a text, b text, c int) WITH (fillfactor = 60, autovacuum_enabled = off, toast.autovacuum_enabled = off);
ALTER TABLE public.stored ALTER a SET STORAGE EXTERNAL, ALTER c SET STATISTICS 700, ALTER b SET (n_distinct = 5);
CREATE INDEX of_stored ON public.stored ((lower(a)), b) WITH (fillfactor = 50);
ALTER INDEX public.of_stored ALTER COLUMN 1 SET STATISTICS 300;
ALTER TABLE public.stored CLUSTER ON of_stored;
CREATE STATISTICS public.together (ndistinct, dependencies) ON a, b FROM public.stored;
CREATE VIEW public.barred WITH (security_barrier) AS SELECT a FROM public.stored WHERE c > 0 WITH LOCAL CHECK OPTION;
CREATE MATERIALIZED VIEW public.filled WITH (fillfactor = 80) AS SELECT a, c FROM public.stored;
CREATE TABLE public.guarded (id int, who text);
CREATE POLICY own ON public.guarded TO tampered_reader USING (EXISTS (SELECT FROM public.owned o WHERE o.id = guarded.id)) WITH CHECK (who <> '');
ALTER DEFAULT PRIVILEGES FOR ROLE tampered_owner REVOKE ALL ON FUNCTIONS FROM PUBLIC;
";

/// What is done to the target, and what the restore must say of it.
const BEFORE_COMPARING: &[(&str, &str)] = &[
    ("DROP FUNCTION over(int)", "function public.over(integer): it is not there"),
    ("DROP FUNCTION over(int, mood[])", "function public.over(integer, public.mood[]): it is not there"),
    ("CREATE OR REPLACE FUNCTION over(i int) RETURNS int LANGUAGE sql AS 'SELECT -i'", "over(integer): its definition"),
    ("DROP AGGREGATE total(int)", "function public.total(integer): it is not there"),
    ("DROP TRIGGER fires ON t", "trigger fires of public.t: it is not there"),
    ("DROP POLICY p ON t", "policy p of public.t: it is not there"),
    ("DROP INDEX by_name", "index public.by_name: it is not there"),
    ("DROP INDEX by_name; CREATE INDEX by_name ON t (id)", "index public.by_name: its definition"),
    ("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'by_name'::regclass", "by_name: it is not valid"),
    ("ALTER TABLE refers DROP CONSTRAINT to_t", "constraint to_t of public.refers: it is not there"),
    ("CREATE OR REPLACE VIEW v AS SELECT id + 0 AS id FROM t", "view public.v: its definition"),
    ("DROP TABLE refers", "table public.refers: it is not there"),
    ("ALTER TABLE t ALTER n TYPE numeric(12, 2)", "column n is of type numeric(12,2), not numeric(10,2)"),
    ("ALTER TABLE t DROP n", "column n is not there"),
    ("ALTER TABLE t ADD extra int", "it has 1 more columns"),
    ("ALTER TABLE t ALTER name DROP NOT NULL", "column name may be null"),
    ("ALTER TABLE t ALTER n SET NOT NULL", "column n may not be null"),
    ("DROP SCHEMA other", "schema other: it is not there"),
    ("CREATE TABLE other.t (id int)", "TABLE other.t: it is not in the snapshot"),
    (
        "CREATE FUNCTION over(t text) RETURNS text LANGUAGE sql AS 'SELECT t'",
        "FUNCTION public.over(text): it is not in",
    ),
    ("CREATE PROCEDURE does() LANGUAGE sql AS ''", "PROCEDURE public.does(): it is not in"),
    ("CREATE VIEW other.v AS SELECT 1 AS one", "VIEW other.v: it is not in"),
    ("CREATE MATERIALIZED VIEW m AS SELECT 1 AS one", "MATERIALIZED VIEW public.m: it is not in"),
    ("CREATE SEQUENCE s", "SEQUENCE public.s: it is not in"),
    ("CREATE TYPE other.mood AS ENUM ('x')", "TYPE other.mood: it is not in"),
    ("CREATE DOMAIN d AS int", "DOMAIN public.d: it is not in"),
    ("CREATE INDEX more ON t (n)", "INDEX public.more: it is not in"),
    (
        "CREATE TRIGGER more BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION fires()",
        "TRIGGER public.t more: it is not",
    ),
    ("CREATE RULE more AS ON DELETE TO t DO INSTEAD NOTHING", "RULE public.t more: it is not in"),
    ("CREATE POLICY more ON t USING (true)", "POLICY public.t more: it is not in"),
    ("ALTER TABLE refers ADD CONSTRAINT more FOREIGN KEY (t) REFERENCES t", "FK CONSTRAINT public.refers more: it is"),
    ("CREATE SCHEMA more", "SCHEMA more: it is not in"),
    ("DROP STATISTICS together", "statistics public.together: it is not there"),
    (
        "DROP STATISTICS together; CREATE STATISTICS together (mcv) ON a, b FROM stored",
        "statistics public.together: its definition",
    ),
    ("CREATE STATISTICS more ON a, c FROM stored", "STATISTICS public.more: it is not in"),
    ("ALTER INDEX of_stored SET (fillfactor = 51)", "index public.of_stored: its definition"),
    ("ALTER TABLE made ALTER g DROP EXPRESSION", "table public.made: it has 1 more columns"),
    (
        "ALTER TABLE refers ALTER t SET NOT NULL, ALTER t ADD GENERATED ALWAYS AS IDENTITY",
        "refers: column t may not be",
    ),
];

/// The same, where all objects are there.
const PROPERTIES: &[(&str, &str)] = &[
    ("ALTER TABLE t DISABLE ROW LEVEL SECURITY", "table public.t: its row-level security"),
    ("ALTER TABLE refers NO FORCE ROW LEVEL SECURITY", "table public.refers: its row-level security"),
    ("ALTER TABLE made ENABLE ROW LEVEL SECURITY", "table public.made: its row-level security"),
    ("ALTER TABLE t REPLICA IDENTITY DEFAULT", "table public.t: its replica identity"),
    ("ALTER TABLE made REPLICA IDENTITY NOTHING", "table public.made: its replica identity"),
    ("ALTER TABLE owned REPLICA IDENTITY FULL", "table public.owned: its replica identity"),
    ("ALTER SEQUENCE numbers OWNED BY NONE", "sequence public.numbers: the column that owns it"),
    ("ALTER TABLE owned OWNER TO postgres", "relation \"public\".\"owned\": its owner is postgres, not tampered_owner"),
    ("ALTER TABLE t OWNER TO tampered_reader", "relation \"public\".\"t\": its owner is tampered_reader, not postgres"),
    ("ALTER VIEW v OWNER TO tampered_reader", "relation \"public\".\"v\": its owner is"),
    ("ALTER FUNCTION over(int, mood[]) OWNER TO postgres", "\"mood\"[]): its owner is postgres, not tampered_owner"),
    ("ALTER TYPE pair OWNER TO postgres", "type \"public\".\"pair\": its owner is"),
    ("ALTER LARGE OBJECT 7001 OWNER TO postgres", "large object 7001: its owner is"),
    ("ALTER OPERATOR === (int, int) OWNER TO postgres", "operator \"public\".===("),
    ("ALTER SCHEMA other OWNER TO tampered_reader", "schema \"other\": its owner is"),
    ("REVOKE SELECT ON owned FROM tampered_reader CASCADE", "table public.owned: its privileges are others"),
    (
        "REVOKE GRANT OPTION FOR SELECT ON owned FROM tampered_reader CASCADE",
        "table public.owned: its privileges are others",
    ),
    ("GRANT SELECT ON owned TO PUBLIC", "table public.owned: its privileges are others"),
    ("GRANT SELECT ON t TO tampered_reader", "table public.t: its privileges are others"),
    ("GRANT INSERT ON t TO postgres", "table public.t: its privileges are others"),
    ("GRANT SELECT (id) ON made TO PUBLIC", "column id of table public.made: its privileges are others"),
    ("REVOKE UPDATE (v) ON owned FROM tampered_reader", "column v of table public.owned: its privileges are others"),
    ("GRANT EXECUTE ON FUNCTION over(int) TO PUBLIC", "function public.over(integer): its privileges are others"),
    ("REVOKE EXECUTE ON FUNCTION fires() FROM PUBLIC", "function public.fires(): its privileges are others"),
    ("REVOKE ALL ON SCHEMA other FROM tampered_reader", "schema other: its privileges are others"),
    ("REVOKE ALL ON TYPE mood FROM tampered_reader", "type public.mood: its privileges are others"),
    ("REVOKE ALL ON LARGE OBJECT 7001 FROM PUBLIC", "large object 7001: its privileges are others"),
    ("COMMENT ON TABLE t IS NULL", "relation \"public\".\"t\": its comment is not there"),
    ("COMMENT ON TABLE t IS 'other'", "relation \"public\".\"t\": its comment is another one"),
    ("COMMENT ON TABLE made IS 'other'", "table public.made: its comment is not in the snapshot"),
    ("COMMENT ON COLUMN t.n IS 'other'", "column \"public\".\"t\".\"n\": its comment is another one"),
    ("COMMENT ON FUNCTION over(int, mood[]) IS NULL", "\"mood\"[]): its comment is not there"),
    ("COMMENT ON AGGREGATE total(int) IS NULL", "its comment is not there"),
    ("COMMENT ON CONSTRAINT to_t ON refers IS NULL", "table constraint public refers to_t: its comment is not there"),
    ("COMMENT ON TRIGGER fires ON t IS NULL", "trigger public t fires: its comment is not there"),
    ("COMMENT ON OPERATOR === (int, int) IS NULL", "operator \"public\".===("),
    ("COMMENT ON CONSTRAINT above ON DOMAIN positive IS NULL", "above: its comment is not there"),
    ("COMMENT ON TYPE mood IS NULL", "type \"public\".\"mood\": its comment is not there"),
    ("COMMENT ON LARGE OBJECT 7002 IS NULL", "large object 7002: its comment is not there"),
    ("COMMENT ON INDEX by_name IS NULL", "relation \"public\".\"by_name\": its comment is not there"),
    ("COMMENT ON POLICY p ON t IS NULL", "policy public t p: its comment is not there"),
    ("ALTER TABLE t ENABLE TRIGGER sleeps", "trigger sleeps of public.t: when it fires"),
    ("ALTER TABLE t ENABLE REPLICA TRIGGER sleeps", "trigger sleeps of public.t: when it fires"),
    ("ALTER TABLE t DISABLE TRIGGER fires", "trigger fires of public.t: when it fires"),
    ("ALTER TABLE ranged_a DISABLE TRIGGER each", "trigger each of public.ranged_a: when it fires"),
    ("ALTER TABLE ONLY ranged ENABLE TRIGGER whole", "trigger whole of public.ranged: when it fires"),
    ("ALTER TABLE ranged_a ENABLE TRIGGER whole", "trigger whole of public.ranged_a: when it fires"),
    ("ALTER TABLE ranged_b DISABLE TRIGGER whole", "trigger whole of public.ranged_b: when it fires"),
    ("ALTER TABLE refers DISABLE RULE sleeps", "rule sleeps of public.refers: when it fires"),
    ("ALTER EVENT TRIGGER sleeps ENABLE", "event trigger sleeps: when it fires"),
    ("ALTER TABLE stored SET (fillfactor = 61)", "relation public.stored: its storage parameters"),
    ("ALTER TABLE stored RESET (autovacuum_enabled)", "relation public.stored: its storage parameters"),
    ("ALTER TABLE stored SET (toast.autovacuum_enabled = on)", "relation public.stored: its storage parameters"),
    ("ALTER TABLE made SET (fillfactor = 90)", "relation public.made: its storage parameters"),
    ("ALTER VIEW barred RESET (security_barrier)", "relation public.barred: its storage parameters"),
    ("ALTER VIEW barred SET (check_option = cascaded)", "relation public.barred: its storage parameters"),
    ("ALTER MATERIALIZED VIEW filled SET (fillfactor = 81)", "relation public.filled: its storage parameters"),
    ("ALTER TABLE stored ALTER a SET STORAGE MAIN", "table public.stored: column a: its storage"),
    ("ALTER TABLE stored ALTER b SET STORAGE EXTERNAL", "table public.stored: column b: its storage"),
    ("ALTER TABLE stored ALTER c SET STATISTICS 701", "table public.stored: column c: its statistics target"),
    ("ALTER TABLE stored ALTER a SET STATISTICS 5", "table public.stored: column a: its statistics target"),
    ("ALTER TABLE stored ALTER b SET (n_distinct = 6)", "table public.stored: column b: an option"),
    ("ALTER TABLE stored ALTER b RESET (n_distinct)", "table public.stored: column b: an option"),
    ("ALTER MATERIALIZED VIEW filled ALTER a SET STORAGE EXTERNAL", "table public.filled: column a: its storage"),
    (
        "ALTER INDEX of_stored ALTER COLUMN 1 SET STATISTICS 301",
        "index public.of_stored: the statistics target of column 1",
    ),
    (
        "ALTER INDEX of_stored ALTER COLUMN 1 SET STATISTICS -1",
        "index public.of_stored: the statistics target of column 1",
    ),
    ("ALTER TABLE stored SET WITHOUT CLUSTER", "table public.stored: the index that it is clustered on"),
    ("ALTER TABLE owned CLUSTER ON identity", "table public.owned: the index that it is clustered on"),
    ("ALTER POLICY own ON guarded TO PUBLIC", "policy own of public.guarded: what it allows"),
    ("ALTER POLICY own ON guarded USING (true)", "policy own of public.guarded: what it allows"),
    ("ALTER POLICY own ON guarded WITH CHECK (true)", "policy own of public.guarded: what it allows"),
    (
        "DROP POLICY own ON guarded; CREATE POLICY own ON guarded AS RESTRICTIVE TO tampered_reader \
         USING (EXISTS (SELECT FROM public.owned o WHERE o.id = guarded.id)) WITH CHECK (who <> '')",
        "policy own of public.guarded: what it allows",
    ),
    (
        "ALTER DEFAULT PRIVILEGES FOR ROLE tampered_owner GRANT EXECUTE ON FUNCTIONS TO PUBLIC",
        "default privileges of role tampered_owner on functions: they are others",
    ),
    (
        "ALTER DEFAULT PRIVILEGES IN SCHEMA other REVOKE SELECT ON TABLES FROM tampered_reader",
        "default privileges of role postgres on tables in schema other: they are others",
    ),
    (
        "ALTER DEFAULT PRIVILEGES IN SCHEMA other GRANT INSERT ON TABLES TO tampered_reader",
        "default privileges of role postgres on tables in schema other: they are others",
    ),
    (
        "ALTER DEFAULT PRIVILEGES GRANT USAGE ON SEQUENCES TO PUBLIC",
        "default privileges of role postgres on sequences: they are others",
    ),
    ("ALTER TABLE made ALTER d SET DEFAULT 'z'", "table public.made: column d: its default"),
    ("ALTER TABLE made ALTER d DROP DEFAULT", "table public.made: column d: its default"),
    ("ALTER TABLE t ALTER name SET DEFAULT 'z'", "table public.t: column name: its default"),
    ("ALTER TABLE heir ALTER d SET DEFAULT 'x'", "table public.heir: column d: its default"),
    ("ALTER TABLE heir ALTER n SET DEFAULT 6", "table public.heir: column n: its default"),
    ("ALTER VIEW v ALTER id SET DEFAULT 4", "table public.v: column id: its default"),
    ("ALTER TABLE made ALTER id SET GENERATED BY DEFAULT", "table public.made: column id: its identity"),
    ("ALTER TABLE made ALTER id SET INCREMENT BY 2", "column id: the parameters of its sequence are others"),
    ("ALTER TABLE made ALTER id DROP IDENTITY", "table public.made: column id: its identity"),
    (
        "ALTER TABLE made DROP g, ADD g int GENERATED ALWAYS AS (1 + 2) STORED",
        "table public.made: column g: its default or",
    ),
    ("ALTER TABLE made ALTER c TYPE text COLLATE \"default\"", "table public.made: column c: its collation"),
    ("ALTER TABLE made DROP CONSTRAINT made_n_check", "table public.made: constraint made_n_check is not there"),
    (
        "ALTER TABLE made DROP CONSTRAINT made_n_check, ADD CONSTRAINT made_n_check CHECK (n > 1)",
        "table public.made: constraint made_n_check: its definition",
    ),
    ("ALTER TABLE made ADD CONSTRAINT more CHECK (n > 1)", "table public.made: constraint more is not in"),
    ("ALTER SEQUENCE counter INCREMENT BY 4", "sequence public.counter: its parameters"),
    ("ALTER SEQUENCE counter CYCLE", "sequence public.counter: its parameters"),
    ("ALTER SEQUENCE counter MAXVALUE 99", "sequence public.counter: its parameters"),
    ("ALTER SEQUENCE counter AS int", "sequence public.counter: its parameters"),
    ("ALTER TYPE mood ADD VALUE 'so so' BEFORE 'ok'", "type public.mood: its labels"),
    ("ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'", "type public.mood: its labels"),
    ("ALTER TYPE pair ADD ATTRIBUTE c int", "type public.pair: its attributes"),
    ("ALTER TYPE pair ALTER ATTRIBUTE a TYPE bigint", "type public.pair: its attributes"),
    ("ALTER DOMAIN positive SET DEFAULT 2", "domain public.positive: its type, its collation, its default"),
    ("ALTER DOMAIN positive SET NOT NULL", "domain public.positive: its type, its collation, its default"),
    ("ALTER DOMAIN positive DROP CONSTRAINT above", "domain public.positive: constraint above is not there"),
    (
        "ALTER DOMAIN positive ADD CONSTRAINT more CHECK (VALUE > 1)",
        "domain public.positive: constraint more is not in",
    ),
];

const BEFORE_COUNTING: &[(&str, &str)] = &[
    ("DELETE FROM t WHERE id = 7", "table public.t: it has 49 rows, the snapshot 50"),
    ("INSERT INTO refers VALUES (1)", "table public.refers: it has 1 rows, the snapshot 0"),
    ("DELETE FROM hashed WHERE id = 7", "table public.hashed: it has 39 rows, the snapshot 40"),
    ("INSERT INTO hashed VALUES ('ok', 1)", "table public.hashed: it has 41 rows, the snapshot 40"),
    ("SELECT lo_unlink(7002)", "large objects: it has 1 rows, the snapshot 2"),
];

fn snapshot(server: &Server) -> Taken {
    let from = server.fresh_db("tampered_from");
    server.psql(&from, SCRIPT);
    let mut taken = take(server, &from);
    // As a capture adds them: pg_dump writes them with the data.
    let added = [
        "ALTER LARGE OBJECT 7001 OWNER TO tampered_owner",
        "GRANT SELECT ON LARGE OBJECT 7001 TO PUBLIC",
        "COMMENT ON LARGE OBJECT 7002 IS 'large'",
    ];
    let added = added.map(|sql| schema::added(sql.into(), sql.into())).to_vec();
    schema::append_before_event_triggers(&mut taken.manifest.content.schema, added);
    taken
}

/// Restores, does something to the target before the first such step, and wants the difference to be named.
fn tamper(server: &Server, taken: &Taken, before: &str, sql: &str, wanted: &str) {
    let to = server.fresh_db("tampered_to");
    let done = AtomicBool::new(false);
    let outcome = restore_watched(taken, server, &to, 1, &|_, what| {
        if what == before && !done.swap(true, Ordering::SeqCst) {
            server.psql(&to, &sql.replace("{db}", &to));
        }
    });
    let error = outcome.err().unwrap_or_else(|| panic!("{sql}: nobody noticed"));
    assert!(matches!(&error, RestoreError::Differs { .. }), "{sql}: {error}");
    assert!(error.to_string().contains(wanted), "{sql}: {error} lacks {wanted}");
    assert_eq!(server.psql(&to, "SELECT count(*) FROM offshoot_incomplete.restore"), "1", "{sql}");
    server.dropdb(&to);
}

/// Does something to copies of what was restored, and wants each difference to be named. What is about different objects is
/// done to one copy; what cannot be done beside the rest, or is not named beside it, is done to a copy of its own.
fn tamper_with_copies(server: &Server, taken: &Taken, all: &[(&str, &str)]) {
    let restored = server.fresh_db("tampered_restored");
    let choices = options(1).choices;
    let to = target(server, &restored);
    let inspection = to.inspect(&taken.manifest).unwrap();
    let adapted = to.adapt(&taken.manifest, &inspection, &choices);
    restore_watched(taken, server, &restored, 1, &|_, _| {}).unwrap_or_else(|error| panic!("{error}"));
    // The sessions of the restore are gone from the server only now.
    to.inspect(&taken.manifest).unwrap();
    // As it is while it is compared.
    let mark = Mark { snapshot: String::new(), step: String::new(), extensions: Vec::new(), roles: Vec::new() };
    to.session(&choices).unwrap().mark(&mark).unwrap();
    // What can be done of this, and what is then named.
    let named = |some: &[(&str, &str)]| {
        let copy = server.fresh_db("tampered_copy");
        server.dropdb(&copy);
        server.createdb(&copy, &format!("TEMPLATE {restored}"));
        let done: Vec<bool> = some.iter().map(|(sql, _)| server.try_psql(&copy, sql).is_ok()).collect();
        let target = target(server, &copy);
        let mut session = target.session(&choices).unwrap();
        let differences =
            session.compare(&taken.manifest, &adapted).unwrap_or_else(|error| panic!("{some:?}: {error}"));
        drop(session);
        server.dropdb(&copy);
        let named: Vec<String> = differences.iter().map(|found| format!("{}: {}", found.object, found.how)).collect();
        (done, named)
    };
    let mut alone = Vec::new();
    for group in apart(all) {
        let (done, named) = named(&group);
        let is_found = |wanted: &str| named.iter().any(|named| named.contains(wanted));
        alone.extend(
            group.into_iter().zip(done).filter(|((_, wanted), done)| !done || !is_found(wanted)).map(|(one, _)| one),
        );
    }
    eprintln!("{} of {} changes on copies of their own", alone.len(), all.len());
    for (sql, wanted) in alone {
        let (done, named) = named(&[(sql, wanted)]);
        assert!(done == [true], "{sql}: it cannot be done");
        assert!(named.iter().any(|named| named.contains(wanted)), "{sql}: {named:?} lacks {wanted}");
    }
}

/// Groups of changes that are told apart: no two are about one object.
fn apart<'c>(all: &[(&'c str, &'c str)]) -> Vec<Vec<(&'c str, &'c str)>> {
    let object = |wanted: &'c str| wanted.split(": ").next().unwrap_or(wanted);
    let mut groups: Vec<Vec<(&str, &str)>> = Vec::new();
    for &(sql, wanted) in all {
        let fits =
            |group: &&mut Vec<(&'c str, &'c str)>| group.iter().all(|(_, other)| object(other) != object(wanted));
        match groups.iter_mut().find(fits) {
            Some(group) => group.push((sql, wanted)),
            None => groups.push(vec![(sql, wanted)]),
        }
    }
    groups
}

#[test]
fn every_difference_of_the_catalog_is_found() {
    let server = shared();
    let taken = snapshot(server);
    let (sql, wanted) = BEFORE_COMPARING[0];
    tamper(server, &taken, "compare", sql, wanted);
    tamper_with_copies(server, &taken, BEFORE_COMPARING);
    tamper_with_copies(server, &taken, PROPERTIES);
    eprintln!("changes of the catalog: {}, found: all", BEFORE_COMPARING.len() + PROPERTIES.len());
}

/// What the server prints otherwise after it has read it again.
pub const PRINTED_OTHERWISE: &str = "
CREATE TABLE public.chosen (id int, s varchar(10) DEFAULT 'a', EXCLUDE USING btree (id WITH =) WHERE (s IN ('a', 'b')), CHECK (s IN ('a', 'b', 'c')),
  g boolean GENERATED ALWAYS AS (s IN ('a', 'b')) STORED);
ALTER TABLE public.chosen ADD CONSTRAINT later CHECK (s IN ('a', 'c')) NOT VALID;
CREATE INDEX \"Some\" ON public.chosen (id) WHERE s IN ('a', 'b');
CREATE UNIQUE INDEX once ON public.chosen (id) INCLUDE (s) WHERE s IN ('a', 'c');
CREATE VIEW public.seen AS SELECT id FROM public.chosen WHERE s IN ('a', 'b');
CREATE MATERIALIZED VIEW public.kept AS SELECT id FROM public.chosen WHERE s IN ('a', 'b');
CREATE FUNCTION public.fires() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER fires BEFORE INSERT ON public.chosen FOR EACH ROW WHEN (NEW.s IN ('a', 'b')) EXECUTE FUNCTION public.fires();
CREATE RULE ruled AS ON UPDATE TO public.chosen WHERE NEW.s IN ('a', 'b') DO ALSO DELETE FROM public.chosen;
CREATE TABLE public.parent (n int); CREATE TABLE public.child () INHERITS (public.parent);
ALTER TABLE public.parent ADD CONSTRAINT unsure CHECK (n > 0) NOT VALID;
CREATE TYPE public.shell; COMMENT ON TYPE public.shell IS 'only a name';
CREATE DOMAIN public.choice AS varchar(3) CHECK (VALUE IN ('a', 'b'));
CREATE TABLE public.parts (id int, s varchar(3)) PARTITION BY LIST (s);
CREATE TABLE public.part PARTITION OF public.parts FOR VALUES IN ('a');
CREATE INDEX ON public.parts (id) WHERE s IN ('a', 'b');
CREATE FUNCTION public.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
CREATE EVENT TRIGGER refuses ON ddl_command_start EXECUTE FUNCTION public.on_ddl();
ALTER EVENT TRIGGER refuses ENABLE ALWAYS;
";

#[test]
fn what_is_printed_otherwise_is_no_difference() {
    let server = shared();
    let from = server.fresh_db("printed_from");
    server.psql(&from, PRINTED_OTHERWISE);
    let taken = take(server, &from);
    let to = server.fresh_db("printed_to");
    restore_watched(&taken, server, &to, 1, &|_, _| {}).unwrap_or_else(|error| panic!("{error}"));
    // Its own statements are not refused by what was restored, which stays as it was.
    assert_eq!(server.psql(&to, "SELECT evtenabled FROM pg_event_trigger"), "A");
    let changes = [
        (
            "DROP INDEX \"Some\"; CREATE INDEX \"Some\" ON chosen (id) WHERE s IN ('a', 'x')",
            "index public.\"Some\": its definition",
        ),
        (
            "CREATE OR REPLACE VIEW seen AS SELECT id FROM chosen WHERE s IN ('a', 'x')",
            "view public.seen: its definition",
        ),
        (
            "CREATE OR REPLACE RULE ruled AS ON UPDATE TO chosen WHERE NEW.s IN ('a', 'x') DO ALSO DELETE FROM chosen",
            "rule ruled of public.chosen: its definition",
        ),
        (
            "DROP TRIGGER fires ON chosen; CREATE TRIGGER fires BEFORE INSERT ON chosen FOR EACH ROW WHEN (NEW.s IN ('a', 'x')) \
             EXECUTE FUNCTION fires()",
            "trigger fires of public.chosen: its definition",
        ),
        (
            "ALTER TABLE chosen DROP CONSTRAINT later, ADD CONSTRAINT later CHECK (s IN ('a', 'x')) NOT VALID",
            "constraint later of public.chosen: its definition",
        ),
    ];
    let silenced = changes.map(|(sql, wanted)| (format!("ALTER EVENT TRIGGER refuses DISABLE; {sql}"), wanted));
    let silenced: Vec<(&str, &str)> = silenced.iter().map(|(sql, wanted)| (sql.as_str(), *wanted)).collect();
    tamper_with_copies(server, &taken, &silenced);
}

#[test]
fn every_row_that_is_missing_or_too_many_is_found() {
    let server = shared();
    let mut taken = snapshot(server);
    for (sql, wanted) in BEFORE_COUNTING {
        tamper(server, &taken, "count", sql, wanted);
    }
    // Rows of an extension's configuration are added to what the extension brings: here two rows.
    let appended = taken.manifest.content.tables.iter_mut().find(|table| table.spec.name == "t").unwrap();
    appended.load.append = true;
    let brings = SchemaItem {
        phase: Phase::PreData,
        label: "PART OF TABLE public.t".into(),
        table: None,
        sql: "INSERT INTO public.t VALUES (-1, '', 1), (-2, '', 1)".into(),
    };
    let schema = &mut taken.manifest.content.schema;
    let at = schema.iter().position(|item| item.phase != Phase::PreData).unwrap();
    schema.insert(at, brings);
    let to = server.fresh_db("appended_to");
    let report = restore_watched(&taken, server, &to, 1, &|_, _| {}).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((report.rows, server.psql(&to, "SELECT count(*) FROM t").as_str()), (92, "52"));
    tamper(
        server,
        &taken,
        "ANALYZE public.t",
        "DELETE FROM t WHERE id = -2",
        "table public.t: it has 51 rows, the snapshot 52",
    );
    eprintln!("changes of rows: {}, found: all", BEFORE_COUNTING.len() + 1);
}

/// What is done to roles and settings that the restore made; they belong to the server, not to the database.
const OF_ROLES: &[(&str, &str)] = &[
    ("REVOKE tampered_group FROM tampered_member", "membership of tampered_member in tampered_group: it is not there"),
    (
        "GRANT tampered_group TO tampered_member WITH ADMIN OPTION",
        "membership of tampered_member in tampered_group: its options or its grantor are others",
    ),
    ("DROP ROLE tampered_single", "role tampered_single: it is not there"),
    (
        "ALTER ROLE tampered_member IN DATABASE {db} RESET work_mem",
        "setting work_mem of role tampered_member: it is not there",
    ),
    (
        "ALTER ROLE tampered_member IN DATABASE {db} SET work_mem = '7MB'",
        "setting work_mem of role tampered_member: it has another value",
    ),
    ("ALTER DATABASE {db} RESET my.secret", "setting my.secret of the database: it is not there"),
    ("ALTER DATABASE {db} SET my.secret = 'other'", "setting my.secret of the database: it has another value"),
];

/// A snapshot with roles of these names, and settings.
fn with_roles(server: &Server) -> Taken {
    let from = server.fresh_db("tampered_roles");
    let mut taken = take(server, &from);
    let role = |name: &str| Role { name: name.into(), attributes: vec![], member_of: vec![], settings: vec![] };
    let mut member = role("tampered_member");
    let group = Membership { role: "tampered_group".into(), grantor: None, admin: false, inherit: None, set: None };
    member.member_of.push(group);
    // For all databases, and for this one.
    member.settings = ["4MB", "5MB"].map(|value| ("work_mem".to_owned(), value.to_owned())).to_vec();
    let environment = &mut taken.manifest.environment;
    environment.roles = vec![member, role("tampered_group"), role("tampered_single")];
    environment.database_settings = vec![("my.secret".into(), "it's".into())];
    taken
}

const DROP_ROLES: &str = "DROP ROLE IF EXISTS tampered_member, tampered_group, tampered_single";

#[test]
fn every_difference_of_roles_is_found() {
    for binaries in Binaries::wanted() {
        let server = &Server::start(ServerOptions::new().binaries(binaries));
        let taken = with_roles(server);
        for (sql, wanted) in
            OF_ROLES.iter().filter(|(sql, _)| server.binaries().major_version() >= 16 || !sql.contains("ADMIN"))
        {
            tamper(server, &taken, "compare", sql, wanted);
            server.psql("postgres", DROP_ROLES);
        }
    }
    let server = &Server::start(ServerOptions::new());
    let taken = with_roles(server);
    let to = server.fresh_db("tampered_not");
    restore_watched(&taken, server, &to, 1, &|_, _| {}).unwrap_or_else(|error| panic!("{error}"));
    eprintln!("changes of roles and settings: {}, found: all", OF_ROLES.len());
}

#[test]
fn roles_that_a_failed_restore_made_get_what_they_lack() {
    let server = &Server::start(ServerOptions::new());
    let taken = with_roles(server);
    let state = "SELECT (SELECT count(*) FROM pg_auth_members WHERE member = 'tampered_member'::regrole) || ' ' ||
        (SELECT setconfig::text FROM pg_db_role_setting WHERE setrole = 'tampered_member'::regrole)";
    let to = server.fresh_db("tampered_again");
    for lost in ["MEMBERSHIP OF tampered_member", "SETTINGS OF tampered_member"] {
        let error = restore_watched(&taken, server, &to, 1, &|_, what| {
            if what == lost {
                server.terminate(&format!("datname = '{to}'"));
            }
        });
        assert!(error.is_err(), "{lost}");
    }
    restore_watched(&taken, server, &to, 1, &|_, _| {}).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(server.psql(&to, state), "1 {work_mem=5MB}");
    // Those that were there before any restore stay as they are.
    server.psql(
        &to,
        &format!(
            "ALTER ROLE tampered_member IN DATABASE {to} RESET work_mem; REVOKE tampered_group FROM tampered_member"
        ),
    );
    let other = server.fresh_db("tampered_other");
    restore_watched(&taken, server, &other, 1, &|_, _| {}).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        server.psql(&other, "SELECT count(*) FROM pg_auth_members WHERE member = 'tampered_member'::regrole"),
        "0"
    );
}

#[test]
fn default_privileges_of_a_failed_restore_are_not_given_to_what_the_next_one_makes() {
    let server = &Server::start(ServerOptions::new());
    let from = server.fresh_db("defaults_from");
    server.psql(
        &from,
        "CREATE ROLE reader; CREATE TABLE closed (id int); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
         CREATE SEQUENCE s; CREATE TYPE m AS ENUM ('a'); CREATE SCHEMA other; CREATE TABLE other.t (id int);
         ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader; ALTER DEFAULT PRIVILEGES REVOKE ALL ON FUNCTIONS FROM PUBLIC;
         ALTER DEFAULT PRIVILEGES REVOKE ALL ON TYPES FROM PUBLIC; ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO PUBLIC;
         ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO PUBLIC;
         ALTER DEFAULT PRIVILEGES FOR ROLE reader REVOKE SELECT ON TABLES FROM reader",
    );
    let taken = take(server, &from);
    let to = server.fresh_db("defaults_to");
    let error = restore_watched(&taken, server, &to, 1, &|_, what| {
        if what == "compare" {
            server.terminate(&format!("datname = '{to}'"));
        }
    });
    assert!(error.is_err());
    restore_watched(&taken, server, &to, 1, &|_, _| {}).unwrap_or_else(|error| panic!("{error}"));
    assert_same(server, &from, &to);
    // Those that were there before stand in the way, as objects do.
    let other = server.fresh_db("defaults_other");
    server.psql(&other, "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader");
    let error = restore_watched(&taken, server, &other, 1, &|_, _| {}).unwrap_err();
    assert!(error.to_string().contains("default privileges on TABLES of role postgres"), "{error}");
}

#[test]
fn force_drops_what_was_listed_and_nothing_else() {
    let server = shared();
    let taken = snapshot(server);
    let to = server.fresh_db("forced_to");
    server.psql(&to, "CREATE TABLE listed (id int); CREATE TABLE kept (id int); INSERT INTO kept VALUES (1)");
    let mut forced = options(1);
    forced.force = true;
    // Unfit: refused before anything is dropped.
    let mut unfit = take(server, &to);
    unfit.manifest.origin.system_id = "another".into();
    unfit.manifest.environment.server_version_num = 990_000;
    let target = target(server, &to);
    let plan = Plan::new(RawSnapshot::acknowledge(id(), &unfit.manifest, &unfit.rows), &target, forced.clone());
    assert!(matches!(plan.unwrap_err(), RestoreError::Unfit { .. }));
    assert_eq!(server.psql(&to, "SELECT count(*) FROM kept"), "1");
    // Made after the plan was shown: stays, and is named.
    server.psql(&to, "DROP TABLE kept");
    let plan = Plan::new(RawSnapshot::acknowledge(id(), &taken.manifest, &taken.rows), &target, forced).unwrap();
    server.psql(&to, "CREATE TABLE kept (id int); INSERT INTO kept VALUES (1), (2)");
    let error = apply(&plan, &target, &Control::default()).unwrap_err();
    assert!(error.to_string().contains("TABLE public.kept: it is not in the snapshot"), "{error}");
    assert_eq!(server.psql(&to, "SELECT count(*) FROM kept"), "2");
    assert_eq!(server.psql(&to, "SELECT to_regclass('listed') IS NULL"), "t");
}
