//! Functions and operators that are called as the server's own and come before them on the search_path, in the source and in
//! what is restored: nothing that reads a source or fills a target calls one of them.

use crate::session::Session;
use offshoot_testkit::postgres::{Server, shared};

/// A schema with a function of each name and each operator that the server has and that a user can make, all of which raise.
const SHADOWS: &str = r#"
CREATE SCHEMA evil;
CREATE FUNCTION evil.alarm() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a trigger ran'; END $$;
DO $do$
DECLARE found record; made text;
BEGIN
    FOR found IN
        SELECT proname AS name, pg_get_function_result(p.oid) AS result,
               (SELECT string_agg(format_type(t, NULL), ', ' ORDER BY n) FROM unnest(proargtypes) WITH ORDINALITY a (t, n)) AS types
        FROM pg_proc p
        WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f' AND NOT proretset AND provariadic = 0 AND proallargtypes IS NULL
            AND proname !~ '(in|out|recv|send|sel|joinsel|support|handler|_transition|_combine|_accum|_final)$'
    LOOP
        BEGIN
            EXECUTE format('CREATE FUNCTION evil.%I(%s) RETURNS %s LANGUAGE plpgsql IMMUTABLE AS $f$ BEGIN RAISE EXCEPTION ''shadowed''; END $f$',
                found.name, found.types, found.result);
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
    FOR found IN
        SELECT oprname AS name, format_type(oprleft, NULL) AS l, format_type(oprright, NULL) AS r, format_type(oprresult, NULL) AS result
        FROM pg_operator WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprkind = 'b'
    LOOP
        BEGIN
            made := format('evil.%I', 'op ' || md5(found.name || found.l || found.r));
            EXECUTE format('CREATE FUNCTION %s(%s, %s) RETURNS %s LANGUAGE plpgsql IMMUTABLE AS $f$ BEGIN RAISE EXCEPTION ''shadowed''; END $f$',
                made, found.l, found.r, found.result);
            EXECUTE format('CREATE OPERATOR evil.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = %s)', found.name, found.l, found.r, made);
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
END $do$;
CREATE TYPE public.mood AS ENUM ('sad', 'ok');
CREATE TABLE public.t (id int PRIMARY KEY, v text CHECK (v <> 'never'), n numeric, m public.mood[], at timestamptz DEFAULT now());
INSERT INTO public.t SELECT i, CASE WHEN i > 9 THEN 'v' || i ELSE repeat(md5(i::text), 9000) END, i * 1.5, '{ok}' FROM generate_series(1, 2000) i;
CREATE INDEX t_v ON public.t (lower(left(v, 20)));
CREATE TABLE public.parts (id int, v text) PARTITION BY RANGE (id);
CREATE TABLE public.parts_1 PARTITION OF public.parts DEFAULT;
INSERT INTO public.parts SELECT id, id::text FROM public.t;
CREATE TABLE public.u (id int REFERENCES public.t, EXCLUDE USING btree (id WITH =));
INSERT INTO public.u SELECT id FROM public.t;
CREATE SEQUENCE public.s;
CREATE MATERIALIZED VIEW public.seen AS SELECT id FROM public.t;
CREATE TRIGGER alarm BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION evil.alarm();
SELECT lo_from_bytea(0, 'large');
"#;

/// Has the schema come first for whoever connects, said for the database and for the role.
fn mislead(server: &Server, db: &str) {
    let path = "SET search_path = evil, pg_catalog, public";
    server.psql("postgres", &format!("ALTER DATABASE {db} {path}; ALTER ROLE postgres IN DATABASE {db} {path}"));
}

#[test]
fn shadows_of_the_servers_own_functions_are_not_called() {
    let server = shared();
    let (from, to) = (server.fresh_db("shadows_from"), server.fresh_db("shadows_to"));
    server.psql(&from, SHADOWS);
    let count = |what: &str| server.psql(&from, &format!("SELECT count(*) FROM {what} = 'evil'::regnamespace"));
    let functions: u32 = count("pg_proc WHERE pronamespace").parse().unwrap();
    let operators: u32 = count("pg_operator WHERE oprnamespace").parse().unwrap();
    assert!(functions > 1000 && operators > 500, "{functions} functions, {operators} operators");
    mislead(server, &from);
    mislead(server, &to);
    // They are what a name without a schema means there.
    let is_shadowed = |db: &str, sql: &str| {
        let refused = server.try_psql(db, sql).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refused.contains("shadowed"), "{sql} in {db}: {refused:?}");
    };
    let calls = ["SELECT current_setting('TimeZone')", "SELECT 1 = 1", "SELECT format_type(1, 2)"];
    calls.iter().for_each(|sql| is_shadowed(&from, sql));

    let session = Session::new();
    session.quietly(&["init", "--raw"]);
    let (source, target) = (server.url(&from), server.url(&to));
    let runs: [&[&str]; 5] = [
        &["doctor", &source],
        &["scan", &source],
        &["capture", &source, "--name", "shadows"],
        &["restore", "shadows", "--to", &target],
        &["verify", "shadows", "--against", &target],
    ];
    for words in runs {
        let ran = session.quietly(words);
        assert!(ran.code == Some(0) && !ran.stderr.contains("shadowed"), "{words:?}: {}{}", ran.stdout, ran.stderr);
    }
    // They came along, and are called there by who does not take care.
    calls.iter().for_each(|sql| is_shadowed(&to, sql));
    println!("{functions} functions and {operators} operators, none called");
}
