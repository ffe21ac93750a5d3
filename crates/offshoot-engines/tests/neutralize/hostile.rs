//! Databases that do not want to be neutralized, or want to use it.

use crate::{off, said};
use offshoot_testkit::postgres::{Binaries, shared_of};

#[test]
fn triggers_and_rules_of_every_kind_stay_asleep() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let db = server.fresh_db("rules");
        server.psql(
            &db,
            "CREATE TABLE que_jobs (id int PRIMARY KEY, run_at timestamptz, job_class text, args json, error_count int);
             CREATE TABLE imports (id int, job_id int REFERENCES que_jobs);
             CREATE TABLE shops (id int, webhook_url text);
             CREATE TABLE precious (id int); INSERT INTO precious VALUES (1);
             INSERT INTO que_jobs (id) VALUES (1), (2); INSERT INTO imports VALUES (1, 1); INSERT INTO shops VALUES (1, 'https://a.example');
             CREATE FUNCTION steal() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM public.precious; RETURN OLD; END $$;
             CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not with me'; END $$;
             CREATE TRIGGER a BEFORE DELETE OR UPDATE ON que_jobs FOR EACH ROW EXECUTE FUNCTION stop();
             CREATE TRIGGER b BEFORE DELETE OR UPDATE ON shops FOR EACH ROW EXECUTE FUNCTION steal();
             CREATE TRIGGER \"c\"\"; x\" BEFORE UPDATE ON imports FOR EACH ROW EXECUTE FUNCTION stop();
             CREATE TRIGGER d BEFORE UPDATE ON imports FOR EACH STATEMENT EXECUTE FUNCTION stop();
             CREATE RULE r AS ON DELETE TO que_jobs DO INSTEAD DELETE FROM precious;
             CREATE RULE u AS ON UPDATE TO shops DO INSTEAD NOTHING;
             ALTER TABLE que_jobs ENABLE ALWAYS TRIGGER a; ALTER TABLE shops ENABLE REPLICA TRIGGER b;
             ALTER TABLE imports ENABLE ALWAYS TRIGGER \"c\"\"; x\"; ALTER TABLE que_jobs ENABLE ALWAYS RULE r;
             ALTER TABLE shops ENABLE REPLICA RULE u;
             ALTER TABLE shops ENABLE ROW LEVEL SECURITY; ALTER TABLE shops FORCE ROW LEVEL SECURITY",
        );
        let states = "SELECT string_agg(tgname || tgenabled::text, ',' ORDER BY tgname) FROM pg_trigger WHERE NOT tgisinternal
                      UNION ALL SELECT string_agg(rulename || ev_enabled::text, ',' ORDER BY rulename) FROM pg_rewrite WHERE rulename IN ('r', 'u')";
        let before = server.psql(&db, states);
        assert_eq!(
            said(server, &db),
            [
                "queues: column public.imports.job_id: 1 set to NULL where it referred to public.que_jobs",
                "queues: table public.que_jobs: 2 emptied: que",
                "webhooks: column public.shops.webhook_url: 1 set to NULL",
            ]
        );
        assert_eq!(server.psql(&db, "SELECT (SELECT count(*) FROM precious), (SELECT count(*) FROM que_jobs)"), "1|0");
        assert_eq!(server.psql(&db, states), before);
    }
}

#[test]
fn names_and_shadows_do_not_matter() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let db = server.fresh_db("shadows");
        server.psql(
            &db,
            "CREATE SCHEMA \"a\"\"; DROP TABLE precious; --\"; CREATE TABLE precious (id int); INSERT INTO precious VALUES (1);
             CREATE TABLE \"a\"\"; DROP TABLE precious; --\".\"que_jobs\" (\"run_at\" timestamptz, job_class text, args json, error_count int);
             INSERT INTO \"a\"\"; DROP TABLE precious; --\".que_jobs (job_class) VALUES ('x');
             CREATE TABLE \"it's\\\" (\"x'; y_api_key\" text); INSERT INTO \"it's\\\" VALUES ('k');
             CREATE FUNCTION count(text) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RAISE 'called'; END $$;
             CREATE FUNCTION length(text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE 'called'; END $$;
             CREATE FUNCTION same(text, text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE 'called'; END $$;
             CREATE OPERATOR = (leftarg = text, rightarg = text, function = same);
             CREATE OPERATOR <> (leftarg = text, rightarg = text, function = same);
             CREATE VIEW delayed_jobs AS SELECT 1 AS id, ''::text AS handler, now() AS run_at, now() AS locked_at, now() AS failed_at;
             CREATE MATERIALIZED VIEW oban_jobs AS SELECT 'w'::text AS worker, ''::text AS args, ''::text AS state, ''::text AS queue, now() AS scheduled_at",
        );
        server.psql(&db, &format!("ALTER DATABASE {db} SET search_path = public, pg_catalog"));
        let found = off(server, &db);
        let said = crate::lines(&found);
        assert_eq!(
            said,
            [
                "queues: table \"a\"\"; DROP TABLE precious; --\".que_jobs: 1 emptied: que",
                "tokens: column public.\"it's\\\\\".\"x'; y_api_key\": 1 set to NULL",
            ]
        );
        assert_eq!(server.psql(&db, "SELECT id FROM precious"), "1");
    }
}

#[test]
fn a_login_trigger_does_not_keep_it_out() {
    for binaries in Binaries::wanted().into_iter().filter(|binaries| binaries.major_version() >= 17) {
        let server = shared_of(&binaries);
        let db = server.fresh_db("login");
        server.psql(
            &db,
            "CREATE FUNCTION stop() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'nobody comes in'; END $$;
             CREATE EVENT TRIGGER stop ON login EXECUTE FUNCTION stop(); ALTER EVENT TRIGGER stop ENABLE ALWAYS",
        );
        assert!(server.try_psql(&db, "SELECT 1").is_err());
        assert_eq!(said(server, &db), ["event-triggers: event trigger stop: disabled"]);
        assert_eq!(server.psql(&db, "SELECT 1"), "1");
    }
}

#[test]
fn casts_of_the_user_are_not_called() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let db = server.fresh_db("casts");
        server.psql(
            &db,
            "CREATE FUNCTION text_of(jsonb) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'called'; END $$;
             CREATE FUNCTION text_of(tid) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'called'; END $$;
             CREATE FUNCTION uuid_of(text) RETURNS uuid LANGUAGE plpgsql AS $$ BEGIN RAISE 'called'; END $$;
             CREATE CAST (jsonb AS text) WITH FUNCTION text_of(jsonb); CREATE CAST (tid AS text) WITH FUNCTION text_of(tid);
             CREATE CAST (text AS uuid) WITH FUNCTION uuid_of(text);
             CREATE TABLE shops (api_key uuid NOT NULL, api_secret jsonb NOT NULL, access_token text NOT NULL, webhook_url text);
             INSERT INTO shops VALUES ('00000000-0000-0000-0000-000000000001', '{\"a\": 1}', 'tok', 'https://a.example/?at=https://x.invalid/')",
        );
        let said = said(server, &db);
        assert_eq!(said.len(), 4, "{said:#?}");
        assert!(said.iter().all(|line| !line.contains("warning")), "{said:#?}");
        let now = "SELECT api_key <> '00000000-0000-0000-0000-000000000001', api_secret = '{}', access_token <> 'tok', webhook_url IS NULL FROM shops";
        assert_eq!(server.psql(&db, now), "t|t|t|t");
    }
}

#[test]
fn an_error_leaves_everything_as_it_was() {
    let server = offshoot_testkit::postgres::shared();
    let db = server.fresh_db("atomic");
    server.psql(
        &db,
        "CREATE TABLE shops (id int, webhook_url text); INSERT INTO shops VALUES (1, 'https://a.example');
         CREATE TABLE que_jobs (run_at timestamptz, job_class text, args json, error_count int); INSERT INTO que_jobs VALUES (now());
         CREATE FUNCTION bad(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN $1; END $$;
         CREATE INDEX ON shops (id) WHERE id > 5",
    );
    server.psql(&db, "CREATE INDEX ON shops (bad(webhook_url)) WHERE webhook_url IS NULL");
    let error = crate::try_off(server, &db, &crate::choices(&[], &[])).unwrap_err();
    assert!(!error.to_string().contains("a.example"), "{error}");
    assert_eq!(
        server.psql(&db, "SELECT (SELECT count(*) FROM que_jobs), (SELECT count(webhook_url) FROM shops)"),
        "1|1"
    );
}

#[test]
fn a_column_that_nothing_may_change_is_named() {
    let server = offshoot_testkit::postgres::shared();
    let db = server.fresh_db("stubborn");
    server.psql(
        &db,
        "CREATE TABLE shops (id int, webhook_url text NOT NULL CHECK (webhook_url LIKE 'https://real.example/%'));
         INSERT INTO shops VALUES (1, 'https://real.example/hook')",
    );
    let said = said(server, &db);
    assert_eq!(said.len(), 1);
    assert!(said[0].starts_with("webhooks: column public.shops.webhook_url: 1 stays as it is:"), "{}", said[0]);
    assert!(said[0].ends_with("(warning)") && !said[0].contains("real.example"), "{}", said[0]);
}
