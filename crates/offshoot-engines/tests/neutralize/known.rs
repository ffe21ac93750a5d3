//! Known tables, as the tools' own migrations make them: queues emptied, schedules stopped, neighbours untouched.

use crate::{choices, lines, off, try_off};
use offshoot_testkit::postgres::{Binaries, shared, shared_of};

/// Tables of many tools, each with a row or more, and beside them neighbours with names that are like theirs.
const TOOLS: &str = include_str!("tools.sql");

#[test]
fn queues_and_schedules_of_many_tools_are_silent() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let db = server.fresh_db("tools");
        server.psql(&db, TOOLS);
        let found = off(server, &db);
        let acted: Vec<String> = lines(&found);
        same(&acted, include_str!("tools.said"));
        let untouched = "SELECT (SELECT count(*) FROM public.jobs), (SELECT count(*) FROM hr.job), (SELECT count(*) FROM hr.schedule),
               (SELECT count(*) FROM hr.outbox), (SELECT count(*) FROM hr.queue), (SELECT count(*) FROM hr.webhook_events)";
        assert_eq!(server.psql(&db, untouched), "2|1|1|1|1|1");
        assert_eq!(server.psql(&db, "SELECT active FROM cron.job"), "f");
        assert_eq!(server.psql(&db, "SELECT command FROM cron.job"), "DELETE FROM x", "the job is still there");
        assert_eq!(
            server.psql(&db, "SELECT string_agg(status::text, ',' ORDER BY id) FROM post_office_email"),
            "0,1,1"
        );
        assert_eq!(
            server.psql(&db, "SELECT count(*) FROM pg_trigger t WHERE t.tgenabled <> 'O'"),
            "0",
            "triggers are as they were"
        );
        let again = off(server, &db);
        assert!(again.is_empty(), "{:#?}", lines(&again));
    }
}

#[track_caller]
fn same(said: &[String], wanted: &str) {
    let wanted: Vec<&str> = wanted.lines().collect();
    assert_eq!(said, wanted, "\n{}", said.join("\n"));
}

#[test]
fn items_and_tables_are_kept_where_they_are_wanted() {
    let server = shared();
    let db = server.fresh_db("kept");
    server.psql(
        &db,
        "CREATE TABLE que_jobs (run_at timestamptz, job_class text, args json, error_count int);
         INSERT INTO que_jobs VALUES (now(), 'Mail', '[]', 0);
         CREATE SCHEMA cron; CREATE TABLE cron.job (jobid int, schedule text, command text, active bool);
         INSERT INTO cron.job VALUES (1, '* * * * *', 'x', true);
         CREATE TABLE shops (id int, webhook_url text); INSERT INTO shops VALUES (1, 'https://x.example');
         CREATE TABLE apps (id int, webhook_url text); INSERT INTO apps VALUES (1, 'https://x.example')",
    );
    let found = try_off(server, &db, &choices(&["cron"], &[("public", "que_jobs"), ("public", "shops")])).unwrap();
    assert_eq!(
        lines(&found),
        [
            "cron: table cron.job: as you chose: pg_cron (kept)",
            "queues: table public.que_jobs: as you chose: que (kept)",
            "webhooks: column public.apps.webhook_url: 1 set to NULL",
            "webhooks: column public.shops.webhook_url: as you chose (kept)",
        ]
    );
    let counts =
        "SELECT (SELECT count(*) FROM que_jobs), (SELECT active FROM cron.job), (SELECT webhook_url FROM shops)";
    assert_eq!(server.psql(&db, counts), "1|t|https://x.example");
    off(server, &db);
    assert_eq!(server.psql(&db, counts), "0|f|");
}

#[test]
fn a_table_is_kept_with_its_parts_and_a_name_that_is_not_there_is_said() {
    let server = shared();
    let db = server.fresh_db("parts");
    server.psql(
        &db,
        "CREATE TABLE que_jobs (id int, run_at timestamptz, job_class text, args json, error_count int) PARTITION BY LIST (id);
         CREATE TABLE part_1 PARTITION OF que_jobs FOR VALUES IN (1); CREATE TABLE part_2 PARTITION OF que_jobs FOR VALUES IN (2);
         INSERT INTO que_jobs (id) VALUES (1), (2), (2)",
    );
    let found = try_off(server, &db, &choices(&[], &[("public", "que_jobs"), ("public", "que_job")])).unwrap();
    assert_eq!(
        lines(&found),
        [
            "keep: table public.que_job: there is no such table to keep (warning)",
            "queues: table public.que_jobs: as you chose: que (kept)",
        ]
    );
    let found = try_off(server, &db, &choices(&[], &[("public", "part_1")])).unwrap();
    assert_eq!(
        lines(&found),
        ["queues: table public.part_1: as you chose: que (kept)", "queues: table public.que_jobs: 2 emptied: que"]
    );
    assert_eq!(server.psql(&db, "SELECT count(*) FROM que_jobs"), "1");
}
