//! Objects of the catalog: subscriptions, foreign servers, event triggers, settings, schedules, and what is only said.

use crate::{choices, lines, off, said, try_off};
use offshoot_testkit::postgres::{Binaries, Server, ServerOptions, shared_of};

#[test]
fn subscriptions_and_slots_are_dropped_without_a_word_to_the_publisher() {
    for binaries in Binaries::wanted() {
        let server = Server::start(ServerOptions::new().binaries(binaries).wal_level("logical"));
        let (db, other) = (server.fresh_db("subscribed"), server.fresh_db("neighbour"));
        let sql = "CREATE SUBSCRIPTION \"from prod\" CONNECTION 'host=203.0.113.1 dbname=prod password=secret' \
                   PUBLICATION p WITH (connect = false)";
        server.psql(&db, sql);
        server.psql(&other, &sql.replace("from prod", "other"));
        server.psql(&db, "SELECT pg_create_logical_replication_slot('mine', 'pgoutput')");
        server.psql(&other, "SELECT pg_create_logical_replication_slot('theirs', 'pgoutput')");
        let said = said(&server, &db);
        assert_eq!(
            said,
            ["subscriptions: replication slot mine: dropped", "subscriptions: subscription \"from prod\": dropped"]
        );
        assert_eq!(server.psql(&db, "SELECT string_agg(subname, ',') FROM pg_subscription"), "other");
        assert_eq!(server.psql(&db, "SELECT string_agg(slot_name, ',') FROM pg_replication_slots"), "theirs");
        assert!(!server.log().contains("203.0.113.1"), "nobody was called");
        assert!(off(&server, &db).is_empty(), "once is enough");
    }
}

const FOREIGN: &str = "
    CREATE EXTENSION postgres_fdw; CREATE EXTENSION file_fdw; CREATE EXTENSION dblink;
    CREATE ROLE clerk_of_foreign;
    CREATE SERVER prod FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'db.example', hostaddr '203.0.113.1', dbname 'prod');
    CREATE SERVER \"here\"\"; x\" FOREIGN DATA WRAPPER postgres_fdw;
    CREATE SERVER link FOREIGN DATA WRAPPER dblink_fdw OPTIONS (host 'db.example');
    CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
    CREATE USER MAPPING FOR PUBLIC SERVER prod OPTIONS (user 'app', password 'secret');
    CREATE USER MAPPING FOR clerk_of_foreign SERVER link OPTIONS (user 'app', password 'secret');
    CREATE FOREIGN TABLE remote (id int) SERVER prod OPTIONS (table_name 'orders');
    CREATE FOREIGN TABLE log (line text) SERVER files OPTIONS (filename '/etc/passwd');
    CREATE FOREIGN TABLE run (line text) SERVER files OPTIONS (program 'echo ran');
    CREATE FOREIGN TABLE kept (line text) SERVER files OPTIONS (program 'echo kept');";

#[test]
fn foreign_servers_point_to_nowhere() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let db = server.fresh_db("foreign");
        server.psql(&db, FOREIGN);
        let found = try_off(server, &db, &choices(&[], &[("public", "kept")])).unwrap();
        let said: Vec<String> = lines(&found).into_iter().filter(|line| line.starts_with("fdw")).collect();
        assert_eq!(
            said,
            [
                "fdw: foreign server \"here\"\"; x\": points to nowhere",
                "fdw: foreign server link: points to nowhere",
                "fdw: foreign server prod: points to nowhere",
                "fdw: foreign table public.kept: as you chose (kept)",
                "fdw: foreign table public.log: points to nowhere",
                "fdw: foreign table public.run: points to nowhere",
                "fdw: user mapping of clerk_of_foreign for link: dropped",
                "fdw: user mapping of everybody for prod: dropped",
            ]
        );
        assert_eq!(server.psql(&db, "SELECT count(*) FROM pg_user_mappings"), "0");
        assert_eq!(server.psql(&db, "SELECT (SELECT count(*) FROM log), (SELECT count(*) FROM run)"), "0|0");
        assert_eq!(server.psql(&db, "SELECT line FROM kept"), "kept");
        let options = server.psql(
            &db,
            "SELECT string_agg(array_to_string(srvoptions, ','), ';' ORDER BY srvname) FROM pg_foreign_server",
        );
        assert!(
            !options.contains("db.example") && !options.contains("203.0.113.1") && options.contains("dbname=prod"),
            "{options}"
        );
        server.psql(&db, "CREATE USER MAPPING FOR CURRENT_USER SERVER prod");
        let refused = server.try_psql(&db, "SELECT * FROM remote").unwrap_err().to_string();
        assert!(refused.contains("/nonexistent/offshoot.invalid"), "{refused}");
        let validators = "SELECT count(*) FROM pg_foreign_data_wrapper WHERE fdwvalidator = 0";
        assert_eq!(server.psql(&db, validators), "0", "validators are back");
        let again = server.try_psql(&db, "ALTER SERVER prod OPTIONS (ADD no_such_option 'x')").unwrap_err().to_string();
        assert!(again.contains("invalid option"), "{again}");
    }
}

#[test]
fn event_triggers_are_off_and_come_back_where_they_are_wanted() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let db = server.fresh_db("events");
        server.psql(
            &db,
            "CREATE TABLE seen (tag text);
             CREATE FUNCTION see() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen VALUES (tg_tag); END $$;
             CREATE EVENT TRIGGER plain ON ddl_command_end EXECUTE FUNCTION see();
             CREATE EVENT TRIGGER always ON ddl_command_end EXECUTE FUNCTION see();
             CREATE EVENT TRIGGER asleep ON ddl_command_end EXECUTE FUNCTION see();
             ALTER EVENT TRIGGER always ENABLE ALWAYS; ALTER EVENT TRIGGER asleep DISABLE;
             CREATE TABLE que_jobs (run_at timestamptz, job_class text, args json, error_count int);
             INSERT INTO que_jobs VALUES (now(), 'Mail', '[]', 0);
             CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'fired'; END $$;
             CREATE TRIGGER shout BEFORE TRUNCATE ON que_jobs EXECUTE FUNCTION shout();
             ALTER TABLE que_jobs ENABLE ALWAYS TRIGGER shout; TRUNCATE seen",
        );
        let states = "SELECT string_agg(evtname || evtenabled::text, ',' ORDER BY evtname) FROM pg_event_trigger";
        let found = try_off(server, &db, &choices(&["event-triggers"], &[])).unwrap();
        assert_eq!(
            lines(&found),
            [
                "event-triggers: event trigger always: as you chose (kept)",
                "event-triggers: event trigger plain: as you chose (kept)",
                "queues: table public.que_jobs: 1 emptied: que"
            ]
        );
        assert_eq!(server.psql(&db, states), "alwaysA,asleepD,plainO");
        assert_eq!(server.psql(&db, "SELECT count(*) FROM seen"), "0", "none fired meanwhile");
        let tables = "SELECT string_agg(tgenabled::text, '') FROM pg_trigger WHERE NOT tgisinternal";
        assert_eq!(server.psql(&db, tables), "A", "the table's trigger is as it was");
        assert_eq!(off(server, &db).len(), 2);
        assert_eq!(server.psql(&db, states), "alwaysD,asleepD,plainD");
    }
}

#[test]
fn settings_that_load_code_or_hold_keys_are_reset() {
    for binaries in Binaries::wanted() {
        let server = Server::start(ServerOptions::new().binaries(binaries));
        let db = server.fresh_db("settings");
        server.psql(
            &db,
            &format!(
                "CREATE ROLE app; CREATE ROLE \"o'dd\";
                 ALTER DATABASE {db} SET session_preload_libraries = 'no_such_library';
                 ALTER DATABASE {db} SET app.webhook_url = 'https://hooks.example/secret';
                 ALTER DATABASE {db} SET work_mem = '8MB';
                 ALTER ROLE app IN DATABASE {db} SET app.stripe_api_key = 'sk_live';
                 ALTER ROLE \"o'dd\" SET plperl.on_init = 'x';
                 ALTER ROLE app SET search_path = 'app, public';
                 ALTER ROLE ALL SET app.slack_webhook_url = 'https://hooks.example/secret'"
            ),
        );
        assert!(server.try_psql(&db, "SELECT 1").is_err(), "nobody can connect who does not look ahead");
        let said = said(&server, &db);
        assert_eq!(
            said,
            [
                "settings: setting \"app.slack_webhook_url\" of all roles: reset: it is an address that is called"
                    .to_owned(),
                "settings: setting \"app.stripe_api_key\" of app: reset: it is a key of another service".to_owned(),
                format!("settings: setting \"app.webhook_url\" of {db}: reset: it is an address that is called"),
                "settings: setting \"plperl.on_init\" of \"o'dd\": reset: it names code that runs by itself".to_owned(),
                format!(
                    "settings: setting session_preload_libraries of {db}: reset: it is not on the list of libraries that stay \
                     within the server"
                ),
            ]
        );
        let left = "SELECT string_agg(array_to_string(setconfig, ','), ';' ORDER BY setconfig) FROM pg_db_role_setting";
        assert_eq!(server.psql(&db, left), "search_path=\"app, public\";work_mem=8MB");
    }
}

#[test]
fn what_cannot_be_closed_is_said() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let db = server.fresh_db("reach");
        server.psql(
            &db,
            "CREATE EXTENSION dblink; CREATE EXTENSION pg_trgm;
             CREATE FUNCTION \"Call\"() RETURNS text LANGUAGE sql AS $$ SELECT public.dblink_connect('host=prod') $$;
             CREATE FUNCTION run() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'copy t to program ''curl x'''; END $$;
             CREATE FUNCTION harmless() RETURNS text LANGUAGE sql AS $$ SELECT 'copy this'::text $$;
             CREATE FUNCTION raw() RETURNS int LANGUAGE internal AS 'pg_backend_pid'",
        );
        let said = said(server, &db);
        let starts = [
            ("network: extension dblink: reaches other machines", "--isolate-network"),
            ("network: functions public.\"Call\": 1 they call services", "--isolate-network"),
            ("network: functions public.run: 1 they reach files or programs", "one of its own"),
            ("network: language internal: 1 functions do what they want", "one of its own"),
        ];
        assert_eq!(said.len(), starts.len(), "{said:#?}");
        for (line, (start, mend)) in said.iter().zip(starts) {
            assert!(line.starts_with(start) && line.contains(mend) && line.ends_with("(warning)"), "{line}");
        }
    }
}

#[test]
fn what_calls_out_without_being_a_function_is_said() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let db = server.fresh_db("callers");
        server.psql(
            &db,
            "CREATE EXTENSION dblink; CREATE EXTENSION file_fdw;
             CREATE VIEW far AS SELECT * FROM dblink('dbname=x', 'SELECT 1') AS t (a int);
             CREATE TABLE t (a int DEFAULT length(dblink_error_message('x')), b text);
             CREATE TABLE noted (a text CHECK (dblink_connect(a) IS NOT NULL));
             CREATE RULE tell AS ON INSERT TO noted DO ALSO SELECT dblink_exec('dbname=x', 'SELECT 1');
             CREATE POLICY seen ON noted USING (pg_read_file('x') IS NULL);
             CREATE VIEW copies AS SELECT 1 AS copy, 2 AS program",
        );
        if server.binaries().major_version() >= 14 {
            server.psql(
                &db,
                "CREATE FUNCTION standard() RETURNS text BEGIN ATOMIC SELECT dblink_connect('dbname=x'); END",
            );
        }
        let said = said(server, &db);
        let begins = |start: &str| said.iter().filter(|line| line.starts_with(start)).count();
        for start in [
            "network: extension file_fdw: reaches files or programs",
            "network: views public.far: 1 they call",
            "network: defaults of public.t: 1 they call",
            "network: checks of public.noted: 1 they call",
            "network: rules of public.noted: 1 they call",
            "network: policies of public.noted: 1 they reach files",
        ] {
            assert_eq!(begins(start), 1, "{start}: {said:#?}");
        }
        assert_eq!(
            begins("network: functions public.standard: 1 they call"),
            usize::from(server.binaries().major_version() >= 14)
        );
        assert_eq!(begins("network: views"), 1);
    }
}

#[test]
fn only_a_superuser_neutralizes_and_only_by_names_that_are_known() {
    let server = offshoot_testkit::postgres::shared();
    let db = server.fresh_db("rights");
    server.psql(&db, "CREATE ROLE plain_neutralizer LOGIN");
    let url = server.url(&db).replace("postgres@", "plain_neutralizer@");
    let choices_none = choices(&[], &[]);
    let error = offshoot_engines::postgres::neutralize::neutralize(&crate::conninfo(&url), &choices_none).unwrap_err();
    assert!(error.to_string().contains("by a superuser only"), "{error}");
    let error = try_off(server, &db, &choices(&["cronn"], &[])).unwrap_err();
    assert!(error.to_string().contains("no item cronn"), "{error}");
}
