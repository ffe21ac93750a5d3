-- Tables of tools that act by themselves, reduced to what tells them apart; and neighbours that only look like them.
CREATE TABLE que_jobs (priority smallint DEFAULT 100, run_at timestamptz DEFAULT now(), id bigserial PRIMARY KEY, job_class text NOT NULL,
  error_count int DEFAULT 0, last_error_message text, queue text DEFAULT 'default', args jsonb DEFAULT '[]');
INSERT INTO que_jobs (job_class) VALUES ('ChargeCards'), ('Mail');
CREATE TABLE good_jobs (id uuid PRIMARY KEY DEFAULT (md5(random()::text)::uuid), queue_name text, priority int, serialized_params jsonb, scheduled_at timestamp,
  finished_at timestamp, active_job_id uuid, created_at timestamp DEFAULT now(), updated_at timestamp DEFAULT now());
CREATE TABLE good_job_executions (id uuid PRIMARY KEY DEFAULT (md5(random()::text)::uuid), active_job_id uuid NOT NULL, job_class text, serialized_params jsonb);
CREATE TABLE good_job_settings (id uuid PRIMARY KEY DEFAULT (md5(random()::text)::uuid), key text, value jsonb);
INSERT INTO good_jobs (queue_name) VALUES ('a'); INSERT INTO good_job_executions (active_job_id) VALUES (md5(random()::text)::uuid);
INSERT INTO good_job_settings (key) VALUES ('paused');
CREATE TABLE solid_queue_jobs (id bigserial PRIMARY KEY, queue_name varchar NOT NULL, class_name varchar NOT NULL, arguments text, finished_at timestamp);
CREATE TABLE solid_queue_ready_executions (id bigserial PRIMARY KEY, job_id bigint NOT NULL REFERENCES solid_queue_jobs ON DELETE CASCADE, queue_name varchar);
CREATE TABLE solid_queue_recurring_tasks (id bigserial PRIMARY KEY, key varchar NOT NULL, schedule varchar NOT NULL);
INSERT INTO solid_queue_jobs (queue_name, class_name) VALUES ('q', 'Pay'); INSERT INTO solid_queue_ready_executions (job_id) VALUES (1);
INSERT INTO solid_queue_recurring_tasks (key, schedule) VALUES ('nightly', '0 0 * * *');
CREATE TABLE delayed_jobs (id serial PRIMARY KEY, priority int, attempts int, handler text NOT NULL, last_error text, run_at timestamp, locked_at timestamp,
  failed_at timestamp, locked_by varchar, queue varchar);
INSERT INTO delayed_jobs (handler) VALUES ('--- x');
CREATE TYPE oban_job_state AS ENUM ('available', 'completed');
CREATE TABLE oban_jobs (id bigserial PRIMARY KEY, state oban_job_state DEFAULT 'available', queue text, worker text NOT NULL, args jsonb, scheduled_at timestamp);
CREATE UNLOGGED TABLE oban_peers (name text PRIMARY KEY, node text NOT NULL);
INSERT INTO oban_jobs (worker) VALUES ('W'); INSERT INTO oban_peers VALUES ('Oban', 'web.1');
CREATE SCHEMA graphile_worker;
CREATE TABLE graphile_worker._private_tasks (id int PRIMARY KEY, identifier text);
CREATE TABLE graphile_worker._private_jobs (id bigserial PRIMARY KEY, task_id int REFERENCES graphile_worker._private_tasks, payload json, run_at timestamptz,
  attempts smallint, max_attempts smallint);
CREATE VIEW graphile_worker.jobs AS SELECT id, '' AS task_identifier, payload, run_at, attempts, max_attempts FROM graphile_worker._private_jobs;
INSERT INTO graphile_worker._private_tasks VALUES (1, 'mail'); INSERT INTO graphile_worker._private_jobs (task_id) VALUES (1);
CREATE SCHEMA pgboss;
CREATE TABLE pgboss.job (id uuid NOT NULL DEFAULT (md5(random()::text)::uuid), name text NOT NULL, priority int, data jsonb, state text, retry_limit int, retry_count int,
  start_after timestamptz, singleton_key text) PARTITION BY LIST (name);
CREATE TABLE pgboss.j0a1 PARTITION OF pgboss.job FOR VALUES IN ('mail');
CREATE TABLE pgboss.j0b2 PARTITION OF pgboss.job FOR VALUES IN ('pay');
CREATE TABLE pgboss.schedule (name text PRIMARY KEY, cron text, timezone text, data jsonb, options jsonb);
INSERT INTO pgboss.job (name) VALUES ('mail'), ('pay'), ('pay'); INSERT INTO pgboss.schedule VALUES ('pay', '* * * * *');
CREATE TABLE river_job (id bigserial PRIMARY KEY, args jsonb, attempt smallint, max_attempts smallint, kind text, scheduled_at timestamptz, state text);
INSERT INTO river_job (kind) VALUES ('k');
CREATE SCHEMA pgmq;
CREATE TABLE pgmq.meta (queue_name varchar UNIQUE, is_partitioned bool);
CREATE TABLE pgmq.q_mail (msg_id bigint PRIMARY KEY, read_ct int, enqueued_at timestamptz, vt timestamptz, message jsonb);
CREATE TABLE pgmq.a_mail (msg_id bigint PRIMARY KEY, read_ct int, enqueued_at timestamptz, archived_at timestamptz, vt timestamptz, message jsonb);
INSERT INTO pgmq.meta VALUES ('mail'); INSERT INTO pgmq.q_mail VALUES (1); INSERT INTO pgmq.a_mail VALUES (1);
CREATE TABLE procrastinate_jobs (id bigserial PRIMARY KEY, queue_name varchar, task_name varchar, args jsonb, status text);
CREATE TABLE procrastinate_events (id bigserial PRIMARY KEY, job_id bigint NOT NULL REFERENCES procrastinate_jobs ON DELETE CASCADE, type text);
CREATE TABLE procrastinate_periodic_defers (id bigserial PRIMARY KEY, task_name varchar, defer_timestamp bigint, job_id bigint REFERENCES procrastinate_jobs);
INSERT INTO procrastinate_jobs (task_name) VALUES ('t'); INSERT INTO procrastinate_events (job_id) VALUES (1); INSERT INTO procrastinate_periodic_defers (job_id) VALUES (1);
CREATE TABLE django_q_ormq (id serial PRIMARY KEY, key varchar, payload text, lock timestamptz);
CREATE TABLE django_q_schedule (id serial PRIMARY KEY, func varchar, schedule_type varchar, next_run timestamptz);
INSERT INTO django_q_ormq (key) VALUES ('k'); INSERT INTO django_q_schedule (func) VALUES ('f');
CREATE TABLE django_celery_beat_periodictask (id serial PRIMARY KEY, name varchar, task varchar, args text, kwargs text, enabled boolean NOT NULL);
INSERT INTO django_celery_beat_periodictask (name, enabled) VALUES ('a', true), ('b', false);
CREATE TABLE failed_jobs (id bigserial PRIMARY KEY, uuid varchar, connection text, queue text, payload text, exception text, failed_at timestamp);
CREATE TABLE job_batches (id varchar PRIMARY KEY, total_jobs int, pending_jobs int, failed_jobs int, failed_job_ids text);
CREATE SCHEMA laravel;
CREATE TABLE laravel.jobs (id bigserial PRIMARY KEY, queue varchar, payload text, attempts smallint, reserved_at int, available_at int, created_at int);
INSERT INTO failed_jobs (queue) VALUES ('q'); INSERT INTO job_batches VALUES ('b'); INSERT INTO laravel.jobs (queue) VALUES ('q');
CREATE TABLE messenger_messages (id bigserial PRIMARY KEY, body text, headers text, queue_name varchar, created_at timestamp, available_at timestamp, delivered_at timestamp);
INSERT INTO messenger_messages (body) VALUES ('b');
CREATE TABLE mailer_message (id serial PRIMARY KEY, message_data text, when_added timestamptz, priority char(1));
INSERT INTO mailer_message (message_data) VALUES ('m');
CREATE TABLE post_office_email (id serial PRIMARY KEY, "to" text, message text, status smallint, priority smallint);
CREATE TABLE post_office_log (id serial PRIMARY KEY, email_id int NOT NULL REFERENCES post_office_email);
INSERT INTO post_office_email ("to", status) VALUES ('a', 0), ('b', 2), ('c', NULL); INSERT INTO post_office_log (email_id) VALUES (1), (2);
CREATE SCHEMA hangfire;
CREATE TABLE hangfire.job (id bigserial PRIMARY KEY, stateid bigint, statename text, invocationdata jsonb, arguments jsonb, createdat timestamptz, expireat timestamptz);
CREATE TABLE hangfire.jobqueue (id bigserial PRIMARY KEY, jobid bigint, queue text, fetchedat timestamptz);
CREATE TABLE hangfire.state (id bigserial PRIMARY KEY, jobid bigint NOT NULL REFERENCES hangfire.job ON DELETE CASCADE, name text, data jsonb);
CREATE TABLE hangfire.set (id bigserial PRIMARY KEY, key text, score float8, value text);
CREATE TABLE hangfire.schema (version int PRIMARY KEY);
INSERT INTO hangfire.job (statename) VALUES ('Enqueued'); INSERT INTO hangfire.jobqueue (jobid) VALUES (1); INSERT INTO hangfire.state (jobid) VALUES (1);
INSERT INTO hangfire.set (key) VALUES ('recurring-jobs'); INSERT INTO hangfire.schema VALUES (21);
CREATE TABLE qrtz_job_details (sched_name varchar, job_name varchar, job_group varchar, PRIMARY KEY (sched_name, job_name, job_group));
CREATE TABLE qrtz_triggers (sched_name varchar, trigger_name varchar, trigger_group varchar, job_name varchar, job_group varchar, trigger_state varchar,
  PRIMARY KEY (sched_name, trigger_name, trigger_group), FOREIGN KEY (sched_name, job_name, job_group) REFERENCES qrtz_job_details);
CREATE TABLE qrtz_cron_triggers (sched_name varchar, trigger_name varchar, trigger_group varchar, cron_expression varchar,
  PRIMARY KEY (sched_name, trigger_name, trigger_group), FOREIGN KEY (sched_name, trigger_name, trigger_group) REFERENCES qrtz_triggers);
INSERT INTO qrtz_job_details VALUES ('s', 'j', 'g'); INSERT INTO qrtz_triggers VALUES ('s', 't', 'g', 'j', 'g'); INSERT INTO qrtz_cron_triggers VALUES ('s', 't', 'g');
CREATE TABLE "OutboxMessage" ("SequenceNumber" bigserial PRIMARY KEY, "EnqueueTime" timestamptz, "Headers" text, "Body" text NOT NULL, "MessageType" text);
CREATE TABLE order_outbox (id bigserial PRIMARY KEY, aggregatetype varchar, aggregateid varchar, type varchar, payload jsonb);
CREATE TABLE webhook_deliveries (id bigserial PRIMARY KEY, webhook_id bigint, payload jsonb, status text, next_retry_at timestamptz);
INSERT INTO "OutboxMessage" ("Body") VALUES ('b'); INSERT INTO order_outbox (type) VALUES ('t'); INSERT INTO webhook_deliveries (status) VALUES ('pending');
CREATE TABLE email_queue (id bigserial PRIMARY KEY, recipient text, subject text, body text);
INSERT INTO email_queue (recipient) VALUES ('a');
CREATE SCHEMA cron;
CREATE TABLE cron.job (jobid bigserial PRIMARY KEY, schedule text, command text, nodename text, active boolean NOT NULL DEFAULT true, jobname text);
ALTER TABLE cron.job ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON cron.job USING (false);
INSERT INTO cron.job (schedule, command) VALUES ('0 0 * * *', 'DELETE FROM x');
CREATE SCHEMA net;
CREATE UNLOGGED TABLE net.http_request_queue (id bigserial, method text, url text, headers jsonb, body bytea, timeout_milliseconds int);
INSERT INTO net.http_request_queue (url) VALUES ('https://api.example');
CREATE SCHEMA vault;
CREATE TABLE vault.secrets (id uuid PRIMARY KEY DEFAULT (md5(random()::text)::uuid), name text, description text, secret text, key_id uuid, nonce bytea);
INSERT INTO vault.secrets (secret) VALUES ('x');
CREATE TABLE ir_cron (id serial PRIMARY KEY, active boolean, interval_type varchar, nextcall timestamp, cron_name varchar);
INSERT INTO ir_cron (active) VALUES (true), (true);
CREATE SCHEMA hdb_catalog;
CREATE TABLE hdb_catalog.event_log (id text PRIMARY KEY, schema_name text NOT NULL, table_name text NOT NULL, trigger_name text NOT NULL, payload jsonb NOT NULL,
  delivered boolean NOT NULL DEFAULT false, error boolean NOT NULL DEFAULT false, tries int NOT NULL DEFAULT 0, created_at timestamp, locked timestamptz, next_retry_at timestamp);
CREATE TABLE hdb_catalog.event_invocation_logs (id text PRIMARY KEY, event_id text REFERENCES hdb_catalog.event_log, status int, request json, response json);
CREATE TABLE hdb_catalog.hdb_scheduled_events (id text PRIMARY KEY, webhook_conf json NOT NULL, scheduled_time timestamptz NOT NULL, payload json, status text NOT NULL DEFAULT 'scheduled',
  tries int NOT NULL DEFAULT 0, next_retry_at timestamptz);
CREATE TABLE hdb_catalog.hdb_scheduled_event_invocation_logs (id text PRIMARY KEY, event_id text REFERENCES hdb_catalog.hdb_scheduled_events ON DELETE CASCADE, status int, request json, response json);
CREATE TABLE hdb_catalog.hdb_cron_events (id text PRIMARY KEY, trigger_name text NOT NULL, scheduled_time timestamptz NOT NULL, status text NOT NULL DEFAULT 'scheduled', tries int NOT NULL DEFAULT 0,
  next_retry_at timestamptz);
CREATE TABLE hdb_catalog.hdb_action_log (id text PRIMARY KEY, action_name text, input_payload jsonb NOT NULL, request_headers jsonb NOT NULL, session_variables jsonb, status text NOT NULL);
INSERT INTO hdb_catalog.event_log (id, schema_name, table_name, trigger_name, payload) VALUES ('a', 's', 't', 'paid', '{}');
INSERT INTO hdb_catalog.event_invocation_logs (id, event_id) VALUES ('a', 'a');
INSERT INTO hdb_catalog.hdb_scheduled_events (id, webhook_conf, scheduled_time) VALUES ('a', '"https://api.example"', now());
INSERT INTO hdb_catalog.hdb_scheduled_event_invocation_logs (id, event_id) VALUES ('a', 'a');
INSERT INTO hdb_catalog.hdb_cron_events (id, trigger_name, scheduled_time) VALUES ('a', 'nightly', now());
INSERT INTO hdb_catalog.hdb_action_log (id, input_payload, request_headers, status) VALUES ('a', '{}', '{}', 'created');
CREATE TABLE directus_flows (id uuid PRIMARY KEY DEFAULT (md5(random()::text)::uuid), name varchar(255) NOT NULL, status varchar(255) NOT NULL DEFAULT 'active', trigger varchar(255), options json,
  operation uuid);
INSERT INTO directus_flows (name, status) VALUES ('a', 'active'), ('b', 'inactive');
CREATE TABLE django_tasks_database_dbtaskresult (id uuid PRIMARY KEY DEFAULT (md5(random()::text)::uuid), status varchar(9), args_kwargs jsonb, task_path text, queue_name text, run_after timestamptz);
INSERT INTO django_tasks_database_dbtaskresult (status) VALUES ('READY');
-- Of programs that mostly run on MySQL.
CREATE TABLE wp_actionscheduler_actions (action_id bigserial PRIMARY KEY, hook varchar(191), status varchar(20), scheduled_date_gmt timestamp, args varchar(191), schedule text, group_id bigint,
  attempts int, claim_id bigint);
INSERT INTO wp_actionscheduler_actions (hook, status) VALUES ('woocommerce_scheduled_subscription_payment', 'pending');
CREATE TABLE cron_schedule (schedule_id serial PRIMARY KEY, job_code varchar(255), status varchar(7), messages text, created_at timestamp, scheduled_at timestamp, executed_at timestamp);
CREATE TABLE queue_message (id serial PRIMARY KEY, topic_name varchar(255), body text);
CREATE TABLE queue_message_status (id serial PRIMARY KEY, queue_id int, message_id int NOT NULL REFERENCES queue_message ON DELETE CASCADE, status smallint, number_of_trials int);
INSERT INTO cron_schedule (job_code) VALUES ('sales_send_order_emails'); INSERT INTO queue_message (topic_name) VALUES ('t'); INSERT INTO queue_message_status (message_id) VALUES (1);
CREATE TABLE mdl_task_adhoc (id bigserial PRIMARY KEY, component varchar, classname varchar, nextruntime bigint, faildelay bigint, customdata text);
CREATE TABLE mdl_task_scheduled (id bigserial PRIMARY KEY, component varchar, classname varchar, lastruntime bigint, nextruntime bigint, minute varchar, dayofweek varchar, disabled smallint NOT NULL DEFAULT 0);
INSERT INTO mdl_task_adhoc (classname) VALUES ('c'); INSERT INTO mdl_task_scheduled (classname, disabled) VALUES ('a', 0), ('b', 1);
CREATE TABLE message_queue (id bigserial PRIMARY KEY, channel varchar, channel_id int, priority int, success boolean, status varchar, scheduled_date timestamp, date_sent timestamp);
INSERT INTO message_queue (channel) VALUES ('email');
CREATE TABLE scheduled_task (id bytea PRIMARY KEY, name varchar, scheduled_task_class varchar, run_interval int, status varchar, last_execution_time timestamp, next_execution_time timestamp);
INSERT INTO scheduled_task (id, status) VALUES ('a', 'scheduled'), ('b', 'inactive');
CREATE TABLE glpi_queuednotifications (id serial PRIMARY KEY, itemtype varchar, notificationtemplates_id int, sent_try int, send_time timestamp, recipient text);
CREATE TABLE glpi_crontasks (id serial PRIMARY KEY, itemtype varchar, name varchar, frequency int, state int NOT NULL DEFAULT 1, mode int, allowmode int);
INSERT INTO glpi_queuednotifications (recipient) VALUES ('a'); INSERT INTO glpi_crontasks (name, state) VALUES ('a', 1), ('b', 0);
CREATE TABLE job_queue (id char(36) PRIMARY KEY, name varchar, scheduler_id char(36), execute_time timestamp, status varchar, resolution varchar, target varchar, data text);
CREATE TABLE schedulers (id varchar(36) PRIMARY KEY, name varchar, job varchar, date_time_start timestamp, job_interval varchar, status varchar, catch_up boolean);
CREATE TABLE emailman (id serial PRIMARY KEY, campaign_id char(36), marketing_id char(36), list_id char(36), send_date_time timestamp, in_queue boolean, send_attempts int);
INSERT INTO job_queue (id) VALUES ('a'); INSERT INTO schedulers (id, status) VALUES ('a', 'Active'), ('b', 'Inactive'); INSERT INTO emailman (send_attempts) VALUES (0);

-- Neighbours.
CREATE TABLE public.jobs (id serial PRIMARY KEY, title text, company text, salary int);
INSERT INTO public.jobs (title) VALUES ('Carpenter'), ('Nurse');
CREATE SCHEMA hr;
CREATE TABLE hr.job (id serial PRIMARY KEY, name text, state text, data jsonb); INSERT INTO hr.job (name) VALUES ('Nurse');
CREATE TABLE hr.schedule (id serial PRIMARY KEY, name text, shift text, timezone text); INSERT INTO hr.schedule (name) VALUES ('night');
CREATE TABLE hr.outbox (id serial PRIMARY KEY, colour text); INSERT INTO hr.outbox (colour) VALUES ('red');
CREATE TABLE hr.queue (id serial PRIMARY KEY, name text, length int); INSERT INTO hr.queue (name) VALUES ('ward 1');
CREATE TABLE hr.webhook_events (id serial PRIMARY KEY, stripe_event_id text, processed_at timestamptz, payload jsonb); INSERT INTO hr.webhook_events (stripe_event_id) VALUES ('evt');
