//! Well-known tables that make programs act: queues, schedules, outboxes, mail, stores of secrets.
//!
//! A table is known by its name *and* its columns, so that a table `jobs` about employment is not taken for a queue. Names
//! and columns are those of the tools' own migrations; how each is written (`retryLimit`, `retry_limit`) does not matter.
//! Where a tool keeps what was done beside what is to be done, all of it goes: a branch has no use for a history of jobs
//! that never ran in it.

use super::items::{CRON, MAIL, OUTBOX, QUEUES, VAULT};
use super::names::{fold, is_one_of, snake};

/// What is done with a known table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Its rows go.
    Empty,
    /// A column gets a value in the rows of a condition, in which `{}` is that column.
    Set { column: &'static str, value: &'static str, only: &'static str },
}

/// A kind of table that is known.
#[derive(Debug)]
pub struct Known {
    pub item: &'static str,
    /// The program that reads it.
    pub tool: &'static str,
    pub act: Act,
    /// Rules for its schema; none takes any.
    schemas: &'static str,
    /// Rules for its name.
    names: &'static str,
    /// Columns that must be there; of those between bars one.
    columns: &'static str,
}

impl Known {
    /// One whose rows go.
    const fn new(item: &'static str, tool: &'static str, names: &'static str, columns: &'static str) -> Self {
        Self { item, tool, act: Act::Empty, schemas: "", names, columns }
    }

    const fn set(self, column: &'static str, value: &'static str, only: &'static str) -> Self {
        Self { act: Act::Set { column, value, only }, ..self }
    }

    const fn within(self, schemas: &'static str) -> Self {
        Self { schemas, ..self }
    }

    fn is(&self, schema: &str, name: &str, columns: &[String]) -> bool {
        let has = |wanted: &str| columns.iter().any(|column| *column == fold(wanted));
        is_one_of(name, self.names)
            && (self.schemas.is_empty() || is_one_of(schema, self.schemas))
            && self.columns.split_ascii_whitespace().all(|choice| choice.split('|').any(has))
    }
}

/// What a table is known as, by its names and those of its columns.
pub fn known<'a>(schema: &str, name: &str, columns: impl Iterator<Item = &'a str>) -> Option<&'static Known> {
    let columns: Vec<String> = columns.map(fold).collect();
    let (schema, name) = (snake(schema), snake(name));
    KNOWN.iter().find(|known| known.is(&schema, &name, &columns))
}

// Names that many programs have in common, and what must be among the columns of each.
const OUTBOXES: &str = "\
    outbox outboxes outbox_event outbox_events outbox_message outbox_messages outbox_entry outbox_entries outbox_item \
    outbox_items outbox_record outbox_records outbox_data *_outbox *_outbox_events *_outbox_messages *_outbox_data";
const DELIVERIES: &str = "\
    webhook_deliveries webhook_delivery *_webhook_deliveries webhook_event_deliveries webhook_delivery_attempts \
    webhook_events webhook_messages webhook_queue webhook_jobs";
const MAIL_QUEUES: &str = "\
    mail_queue mails_queue email_queue emails_queue mailer_queue queued_mails queued_emails pending_mails pending_emails \
    *_mail_queue *_email_queue sms_queue queued_sms push_queue notification_queue notifications_queue";
const MESSAGE: &str = "\
    payload|body|data|message|content|event_data|event_payload|message_payload|headers|event|value|aggregate_id|operations";
const RECEIVER: &str = "\
    to|recipient|recipients|to_address|to_email|email_to|email|address|phone|phone_number|to_number|device_token|user_id";
const TRIES: &str = "\
    url|endpoint|endpoint_url|target_url|destination|webhook_id|webhook_endpoint_id|webhook_subscription_id|endpoint_id|\
    subscription_id \
    status|state|attempt|attempts|attempt_count|retry_count|retries|next_attempt_at|next_retry_at|delivered_at|sent_at|\
    scheduled_at|response_status|response_code";

#[rustfmt::skip]
const KNOWN: &[Known] = &[
    // Ruby.
    Known::new(QUEUES, "que", "que_jobs", "run_at job_class|job_type args error_count"),
    Known::new(QUEUES, "que", "que_lockers", "pid worker_count"),
    Known::new(QUEUES, "good_job", "good_jobs", "queue_name serialized_params scheduled_at"),
    Known::new(QUEUES, "good_job", "good_job_executions", "active_job_id serialized_params"),
    Known::new(QUEUES, "good_job", "good_job_batches", "serialized_properties enqueued_at"),
    Known::new(QUEUES, "good_job", "good_job_processes", "state updated_at"),
    Known::new(QUEUES, "solid_queue", "solid_queue_jobs", "queue_name class_name arguments"),
    Known::new(QUEUES, "solid_queue", "solid_queue_*_executions", "job_id"),
    Known::new(QUEUES, "solid_queue", "solid_queue_processes", "last_heartbeat_at"),
    Known::new(QUEUES, "solid_queue", "solid_queue_semaphores", "key value expires_at"),
    Known::new(CRON, "solid_queue", "solid_queue_recurring_tasks", "key schedule"),
    Known::new(QUEUES, "delayed_job", "delayed_jobs", "handler run_at locked_at failed_at"),
    Known::new(QUEUES, "queue_classic", "queue_classic_jobs", "q_name method args"),
    Known::new(QUEUES, "gouda", "gouda_workloads", "active_job_id serialized_params"),
    Known::new(MAIL, "rpush", "rpush_notifications", "device_token delivered"),
    // Elixir.
    Known::new(QUEUES, "Oban", "oban_jobs", "worker args state queue scheduled_at"),
    Known::new(QUEUES, "Oban", "oban_peers oban_producers oban_beats", "node"),
    Known::new(CRON, "Oban", "oban_crons", "name expression|worker"),
    Known::new(QUEUES, "Rihanna", "rihanna_jobs", "term enqueued_at"),
    // JavaScript.
    Known::new(QUEUES, "graphile_worker", "jobs", "task_identifier payload run_at attempts max_attempts"),
    Known::new(QUEUES, "graphile_worker", "_private_jobs", "task_id payload run_at max_attempts"),
    Known::new(QUEUES, "graphile_worker", "job_queues _private_job_queues", "queue_name locked_at locked_by"),
    Known::new(CRON, "graphile_worker", "known_crontabs _private_known_crontabs", "identifier known_since last_execution"),
    Known::new(QUEUES, "pg-boss", "job job_common archive",
        "name data state retry_limit retry_count start_after singleton_key"),
    Known::new(CRON, "pg-boss", "schedule", "name cron timezone data options"),
    Known::new(CRON, "n8n", "workflow_entity", "active nodes connections").set("active", "false", "{}"),
    Known::new(CRON, "Directus", "directus_flows", "status trigger options operation")
        .set("status", "'inactive'", "{} = 'active'"),
    Known::new(QUEUES, "DBOS", "workflow_status", "workflow_uuid status executor_id")
        .set("status", "'CANCELLED'", "{} IN ('PENDING', 'ENQUEUED', 'DELAYED')"),
    // Go, Rust.
    Known::new(QUEUES, "River", "river_job", "kind args attempt max_attempts scheduled_at"),
    Known::new(QUEUES, "River", "river_leader", "leader_id elected_at"),
    Known::new(QUEUES, "River", "river_client river_client_queue", "metadata updated_at"),
    Known::new(QUEUES, "gue", "gue_jobs", "job_type args run_at"),
    Known::new(QUEUES, "neoq", "neoq_jobs", "queue payload fingerprint"),
    Known::new(QUEUES, "sqlxmq", "mq_msgs", "attempts retry_backoff channel_name"),
    Known::new(QUEUES, "sqlxmq", "mq_payloads", "name payload_json"),
    Known::new(QUEUES, "apalis", "jobs", "job job_type status attempts run_at").within("apalis"),
    Known::new(QUEUES, "fang", "fang_tasks", "metadata task_type state"),
    // Python.
    Known::new(QUEUES, "Procrastinate", "procrastinate_jobs", "task_name args queue_name status"),
    Known::new(QUEUES, "Procrastinate", "procrastinate_events", "job_id type"),
    Known::new(QUEUES, "Procrastinate", "procrastinate_workers", "last_heartbeat"),
    Known::new(CRON, "Procrastinate", "procrastinate_periodic_defers", "task_name defer_timestamp"),
    Known::new(QUEUES, "Django Q", "django_q_ormq", "key payload lock"),
    Known::new(CRON, "Django Q", "django_q_schedule", "func schedule_type next_run"),
    Known::new(CRON, "django-celery-beat", "django_celery_beat_periodictask", "task enabled args kwargs")
        .set("enabled", "false", "{}"),
    Known::new(QUEUES, "django-background-tasks", "background_task", "task_name task_params run_at"),
    Known::new(QUEUES, "django-tasks", "django_tasks_database_dbtaskresult", "status task_path args_kwargs run_after"),
    Known::new(QUEUES, "Kombu", "kombu_message djkombu_message", "visible payload queue_id"),
    Known::new(QUEUES, "dramatiq-pg", "queue", "message_id queue_name state mtime message"),
    Known::new(CRON, "APScheduler", "apscheduler_jobs django_apscheduler_djangojob", "next_run_time job_state"),
    Known::new(CRON, "APScheduler", "django_apscheduler_djangojobexecution", "job_id run_time status"),
    Known::new(QUEUES, "PgQueuer", "pgqueuer", "entrypoint payload status priority"),
    Known::new(CRON, "PgQueuer", "pgqueuer_schedules", "expression entrypoint next_run"),
    Known::new(QUEUES, "SAQ", "saq_jobs", "key job queue status scheduled"),
    Known::new(CRON, "Airflow", "dag", "dag_id is_paused fileloc").set("is_paused", "true", "NOT {}"),
    Known::new(MAIL, "django-mailer", "mailer_message", "message_data priority when_added"),
    Known::new(MAIL, "django-post-office", "post_office_email", "to status message priority")
        .set("status", "1", "{} IS NULL OR {} IN (2, 3)"),
    Known::new(CRON, "Odoo", "ir_cron", "active nextcall interval_type").set("active", "false", "{}"),
    Known::new(MAIL, "Odoo", "ir_mail_server", "active smtp_host").set("active", "false", "{}"),
    Known::new(MAIL, "Odoo", "fetchmail_server", "active server_type|server").set("active", "false", "{}"),
    Known::new(MAIL, "Odoo", "mail_mail", "mail_message_id state email_to").set("state", "'cancel'", "{} = 'outgoing'"),
    // PHP.
    Known::new(QUEUES, "Laravel", "jobs", "queue payload attempts reserved_at available_at"),
    Known::new(QUEUES, "Laravel", "failed_jobs", "connection queue payload exception"),
    Known::new(QUEUES, "Laravel", "job_batches", "pending_jobs failed_job_ids"),
    Known::new(QUEUES, "Symfony Messenger", "messenger_messages *_messenger_messages", "body headers queue_name available_at"),
    Known::new(QUEUES, "Yii", "queue *_queue", "channel job pushed_at ttr"),
    Known::new(QUEUES, "Drupal", "queue", "item_id name data expire"),
    Known::new(QUEUES, "Nextcloud", "oc_jobs", "class argument last_run"),
    Known::new(QUEUES, "Action Scheduler", "actionscheduler_actions *actionscheduler_actions",
        "hook status args schedule claim_id"),
    Known::new(CRON, "Magento", "cron_schedule *_cron_schedule", "job_code status messages scheduled_at executed_at"),
    Known::new(QUEUES, "Magento", "queue_message_status *_queue_message_status", "queue_id message_id number_of_trials"),
    Known::new(QUEUES, "Magento", "queue_message *_queue_message", "topic_name body"),
    Known::new(QUEUES, "Moodle", "task_adhoc *_task_adhoc", "classname nextruntime faildelay customdata"),
    Known::new(CRON, "Moodle", "task_scheduled *_task_scheduled", "classname nextruntime dayofweek disabled")
        .set("disabled", "1", "{} = 0"),
    Known::new(QUEUES, "Mautic", "message_queue *_message_queue", "channel channel_id success scheduled_date date_sent"),
    Known::new(CRON, "Shopware", "scheduled_task", "scheduled_task_class run_interval status next_execution_time")
        .set("status", "'inactive'", "{} <> 'inactive'"),
    Known::new(MAIL, "GLPI", "glpi_queuednotifications glpi_queuedmails", "sent_try send_time recipient"),
    Known::new(CRON, "GLPI", "glpi_crontasks", "name frequency state allowmode").set("state", "0", "{} <> 0"),
    Known::new(QUEUES, "SuiteCRM", "job_queue", "scheduler_id execute_time resolution target"),
    Known::new(CRON, "SuiteCRM", "schedulers", "job job_interval date_time_start status catch_up")
        .set("status", "'Inactive'", "{} = 'Active'"),
    Known::new(MAIL, "SuiteCRM", "emailman", "marketing_id list_id in_queue send_attempts"),
    // Java, .NET.
    Known::new(CRON, "Quartz", "qrtz_triggers qrtz_*_triggers *_qrtz_triggers", "trigger_name trigger_group"),
    Known::new(CRON, "Quartz", "qrtz_fired_triggers", "entry_id trigger_name"),
    Known::new(QUEUES, "db-scheduler", "scheduled_tasks", "task_name task_instance execution_time picked"),
    Known::new(QUEUES, "JobRunr", "jobrunr_jobs *_jobrunr_jobs", "job_as_json job_signature state"),
    Known::new(CRON, "JobRunr", "jobrunr_recurring_jobs *_jobrunr_recurring_jobs", "job_as_json"),
    Known::new(QUEUES, "Camunda, Flowable or Activiti", "act_ru_job act_ru_timer_job", "handler_type retries duedate"),
    Known::new(QUEUES, "Hangfire", "job", "state_id invocation_data arguments").within("*hangfire hangfire"),
    Known::new(QUEUES, "Hangfire", "jobqueue job_queue", "job_id queue fetched_at").within("*hangfire hangfire"),
    Known::new(QUEUES, "Hangfire", "state jobparameter job_parameter", "job_id name").within("*hangfire hangfire"),
    Known::new(CRON, "Hangfire", "set hash", "key value").within("*hangfire hangfire"),
    Known::new(QUEUES, "Hangfire", "server", "data last_heartbeat").within("*hangfire hangfire"),
    Known::new(OUTBOX, "CAP", "published received", "content retries status_name"),
    Known::new(OUTBOX, "Wolverine", "wolverine_outgoing_envelopes wolverine_incoming_envelopes", "body message_type"),
    Known::new(OUTBOX, "MassTransit", "outbox_state", "outbox_id lock_id delivered"),
    Known::new(OUTBOX, "Spring Modulith", "event_publication", "serialized_event listener_id completion_date"),
    Known::new(OUTBOX, "Eventuate", "message", "destination headers payload published"),
    Known::new(OUTBOX, "Hasura", "event_log", "trigger_name payload delivered tries next_retry_at").within("hdb_catalog"),
    Known::new(CRON, "Hasura", "hdb_cron_events hdb_scheduled_events", "scheduled_time status tries next_retry_at"),
    Known::new(OUTBOX, "Hasura",
        "event_invocation_logs hdb_cron_event_invocation_logs hdb_scheduled_event_invocation_logs",
        "event_id status request response").within("hdb_catalog"),
    Known::new(QUEUES, "Hasura", "hdb_action_log", "action_name input_payload request_headers status"),
    // PostgreSQL itself.
    Known::new(CRON, "pg_cron", "job", "jobid schedule command active").set("active", "false", "{}"),
    Known::new(CRON, "pgAgent", "pga_job", "jobid jobname jobenabled").set("jobenabled", "false", "{}"),
    Known::new(CRON, "pg_timetable", "chain", "chain_id chain_name run_at live").set("live", "false", "{}"),
    Known::new(CRON, "TimescaleDB", "bgw_job", "application_name schedule_interval scheduled").set("scheduled", "false", "{}"),
    Known::new(QUEUES, "pg_net", "http_request_queue", "method url headers body"),
    Known::new(QUEUES, "pgmq", "q_*", "msg_id read_ct enqueued_at vt message"),
    Known::new(QUEUES, "pgmq", "a_*", "msg_id read_ct enqueued_at archived_at message"),
    Known::new(QUEUES, "PgQ", "event_template retry_queue", "ev_id ev_type ev_data"),
    Known::new(VAULT, "Supabase Vault", "secrets", "secret description key_id|nonce"),
    Known::new(VAULT, "pgsodium", "key", "key_type key_context raw_key").within("pgsodium"),
    // What many programs call by the same name.
    Known::new(OUTBOX, "an outbox", OUTBOXES, MESSAGE),
    Known::new(OUTBOX, "deliveries of webhooks", DELIVERIES, TRIES),
    Known::new(MAIL, "a queue of mail or messages", MAIL_QUEUES, RECEIVER),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(schema: &str, name: &str, columns: &str) -> Option<&'static str> {
        known(schema, name, columns.split(' ')).map(|known| known.tool)
    }

    #[test]
    fn a_name_alone_is_not_enough() {
        assert_eq!(tool("public", "jobs", "id title company city salary"), None);
        assert_eq!(
            tool("public", "jobs", "id queue payload attempts reserved_at available_at created_at"),
            Some("Laravel")
        );
        assert_eq!(tool("public", "outbox", "id colour"), None);
        assert_eq!(tool("public", "webhook_events", "id stripe_event_id processed_at payload"), None);
        assert_eq!(tool("public", "set", "key value"), None);
        assert_eq!(tool("hangfire", "set", "id key value score"), Some("Hangfire"));
        assert_eq!(tool("public", "archive", "id name data state"), None);
        assert_eq!(tool("public", "event_log", "trigger_name payload delivered tries next_retry_at"), None);
        assert_eq!(tool("public", "schedulers", "id name job status"), None);
        assert_eq!(tool("", "job_queue", "id name payload status attempts run_at"), None);
        assert_eq!(tool("", "scheduled_task", "id task_name cron_expression status"), None);
    }

    #[test]
    fn spelling_does_not_matter() {
        let old = "id name priority data state retrylimit retrycount startafter singletonkey archivedon";
        let new = "id name priority data state retry_limit retry_count start_after singleton_key";
        assert_eq!(tool("pgboss", "job", new), Some("pg-boss"));
        assert_eq!(tool("boss", "archive", old), Some("pg-boss"));
        let message = "SequenceNumber EnqueueTime SentTime Headers MessageId Body";
        assert_eq!(tool("public", "OutboxMessage", message), Some("an outbox"));
        assert_eq!(tool("public", "OutboxState", "OutboxId LockId Delivered"), Some("MassTransit"));
    }

    #[test]
    fn tables_of_a_prefix_that_the_user_chose() {
        let actions = "action_id hook status scheduled_date_gmt args schedule group_id attempts claim_id extended_args";
        assert_eq!(tool("", "wp_actionscheduler_actions", actions), Some("Action Scheduler"));
        assert_eq!(
            tool("", "mdl_task_adhoc", "id component classname nextruntime faildelay customdata"),
            Some("Moodle")
        );
        assert_eq!(
            tool("", "m2_queue_message_status", "id queue_id message_id status number_of_trials"),
            Some("Magento")
        );
    }

    #[test]
    fn what_is_set_is_among_the_columns_that_must_be_there() {
        for known in KNOWN {
            if let Act::Set { column, only, .. } = known.act {
                assert!(known.columns.split(' ').any(|own| own == column) && only.contains("{}"), "{}", known.tool);
            }
        }
    }
}
