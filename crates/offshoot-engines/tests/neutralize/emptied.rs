//! Emptying tables that others refer to: nobody else loses a row, and every foreign key holds.

use crate::said;
use offshoot_testkit::postgres::{Binaries, Server, shared_of};

const QUEUE: &str = "
    CREATE TABLE batches (id int PRIMARY KEY);
    CREATE TABLE delayed_jobs (id int PRIMARY KEY, handler text, run_at timestamp, locked_at timestamp, failed_at timestamp,
      parent_id int REFERENCES delayed_jobs);
    INSERT INTO delayed_jobs (id, parent_id) SELECT i, nullif(i - 1, 0) FROM generate_series(1, 9) i;";

/// Adds every foreign key anew, which checks all rows.
#[track_caller]
fn keys_hold(server: &Server, db: &str) {
    let sql = "SELECT format('ALTER TABLE %1$s DROP CONSTRAINT %2$I; ALTER TABLE %1$s ADD %3$s', conrelid::regclass, conname, pg_get_constraintdef(oid))
               FROM pg_constraint WHERE contype = 'f' AND conparentid = 0";
    server.psql(db, &format!("{sql} \\gexec"));
}

#[test]
fn links_from_outside_become_null_and_rows_stay_where_they_must() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let db = server.fresh_db("linked");
        server.psql(&db, QUEUE);
        server.psql(
            &db,
            "CREATE TABLE imports (id int PRIMARY KEY, job_id int REFERENCES delayed_jobs ON DELETE CASCADE);
             CREATE TABLE audits (id int PRIMARY KEY, job_id int NOT NULL REFERENCES delayed_jobs ON DELETE CASCADE);
             INSERT INTO imports VALUES (1, 1), (2, 2), (3, NULL); INSERT INTO audits VALUES (1, 5)",
        );
        assert_eq!(
            said(server, &db),
            [
                "queues: column public.imports.job_id: 2 set to NULL where it referred to public.delayed_jobs",
                "queues: table public.delayed_jobs: 1 rows stay, because public.audits cannot be without them: \
                 delayed_job (warning)",
                "queues: table public.delayed_jobs: 8 emptied: delayed_job",
            ]
        );
        let left = "SELECT (SELECT string_agg(id::text, ',') FROM delayed_jobs), (SELECT count(*) FROM imports), (SELECT count(*) FROM audits)";
        assert_eq!(server.psql(&db, left), "5|3|1");
        keys_hold(server, &db);
    }
}

#[test]
fn a_queue_whose_parts_hold_each_other_goes_in_order() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let db = server.fresh_db("ordered");
        server.psql(
            &db,
            "CREATE TABLE solid_queue_jobs (id int PRIMARY KEY, queue_name text, class_name text, arguments text);
             CREATE TABLE solid_queue_ready_executions (id int PRIMARY KEY, job_id int NOT NULL REFERENCES solid_queue_jobs);
             CREATE TABLE reports (id int PRIMARY KEY, execution_id int REFERENCES solid_queue_ready_executions);
             INSERT INTO solid_queue_jobs VALUES (1), (2); INSERT INTO solid_queue_ready_executions VALUES (1, 1), (2, 2);
             INSERT INTO reports VALUES (1, 1)",
        );
        assert_eq!(
            said(server, &db),
            [
                "queues: column public.reports.execution_id: 1 set to NULL where it referred to public.solid_queue_ready_executions",
                "queues: table public.solid_queue_jobs: 2 emptied: solid_queue",
                "queues: table public.solid_queue_ready_executions: 2 emptied: solid_queue",
            ]
        );
        assert_eq!(server.psql(&db, "SELECT count(*) FROM reports"), "1");
        keys_hold(server, &db);
    }
}

#[test]
fn keys_of_several_columns_and_partitions() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let db = server.fresh_db("composite");
        server.psql(
            &db,
            "CREATE TABLE que_jobs (tenant_id int, id int, run_at timestamptz, job_class text, args json, error_count int,
               PRIMARY KEY (tenant_id, id)) PARTITION BY LIST (tenant_id);
             CREATE TABLE que_jobs_1 PARTITION OF que_jobs FOR VALUES IN (1);
             CREATE TABLE que_jobs_2 PARTITION OF que_jobs FOR VALUES IN (2);
             CREATE TABLE runs (id int, tenant_id int NOT NULL, job_id int, FOREIGN KEY (tenant_id, job_id) REFERENCES que_jobs) PARTITION BY LIST (id);
             CREATE TABLE runs_1 PARTITION OF runs DEFAULT;
             CREATE TABLE full_runs (tenant_id int, job_id int, FOREIGN KEY (tenant_id, job_id) REFERENCES que_jobs MATCH FULL);
             INSERT INTO que_jobs (tenant_id, id) VALUES (1, 1), (1, 2), (2, 1);
             INSERT INTO runs VALUES (1, 1, 1), (2, 2, 1); INSERT INTO full_runs VALUES (1, 2)",
        );
        let said = said(server, &db);
        assert!(said.iter().all(|line| !line.contains("stay")), "{said:#?}");
        assert!(said.contains(&"queues: table public.que_jobs: 3 emptied: que".to_owned()), "{said:#?}");
        assert_eq!(server.psql(&db, "SELECT count(*) FROM que_jobs"), "0");
        assert_eq!(server.psql(&db, "SELECT count(*), count(tenant_id), count(job_id) FROM runs"), "2|2|0");
        assert_eq!(server.psql(&db, "SELECT count(*), count(tenant_id), count(job_id) FROM full_runs"), "1|0|0");
        keys_hold(server, &db);
    }
}

#[test]
fn a_partitioned_table_without_parts_is_no_obstacle() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let db = server.fresh_db("partless");
        server.psql(&db, QUEUE);
        server.psql(
            &db,
            "CREATE TABLE runs (id int, job_id int NOT NULL REFERENCES delayed_jobs) PARTITION BY LIST (id)",
        );
        assert_eq!(said(server, &db), ["queues: table public.delayed_jobs: 9 emptied: delayed_job"]);
        keys_hold(server, &db);
    }
}
