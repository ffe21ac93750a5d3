//! What is not restored, or not as it was, and what is said of it. Nothing is changed by a refusal.

use super::*;
use offshoot_core::target::Roles;
use offshoot_format::manifest::Extension;
use offshoot_testkit::mysql::ServerOptions;

#[test]
fn refusals_say_what_to_do_and_change_nothing() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let (from, to) = (server.fresh_db("refuse_from"), server.fresh_db("refuse_to"));
        server.load_text(&from, "CREATE TABLE t (a INT); INSERT INTO t VALUES (1)");
        let taken = take(server, &from);
        let mut forced = options(1);
        forced.force = true;
        for options in [options(1), forced.clone()] {
            let error = try_restore(&taken, server, &from, options).unwrap_err();
            assert!(matches!(&error, RestoreError::OwnSource { .. }) && error.is_refusal(), "{error}");
        }
        let there = "CREATE TABLE mine (a INT); CREATE VIEW v AS SELECT a FROM mine; CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN 1;
            CREATE EVENT e ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM mine";
        server.load_text(&to, there);
        let before = described(server, &to);
        let error = try_restore(&taken, server, &to, options(1)).unwrap_err();
        assert!(matches!(&error, RestoreError::NotEmpty { .. }) && error.is_refusal(), "{error}");
        for part in ["table mine", "view v", "function f", "event e", "--force"] {
            assert!(error.to_string().contains(part), "{error} lacks {part}");
        }
        assert_same(&before, &described(server, &to));
        try_restore(&taken, server, &to, forced).unwrap_or_else(|error| panic!("{error}"));
        assert_same(&described(server, &from), &described(server, &to));
    }
}

#[test]
fn a_statement_of_another_kind_is_not_run() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let (from, to, other) =
            (server.fresh_db("forged_from"), server.fresh_db("forged_to"), server.fresh_db("bystander"));
        server.load_text(&from, "CREATE TABLE t (a INT PRIMARY KEY, b INT, KEY (b)); CREATE VIEW v AS SELECT 1 AS one");
        let mut taken = take(server, &from);
        let whole = taken.manifest.content.schema.clone();
        assert_eq!(whole.len(), 3);
        for (index, item) in whole.iter().enumerate() {
            taken.manifest.content.schema.clone_from(&whole);
            taken.manifest.content.schema[index].sql = format!("DROP DATABASE `{other}`");
            let error = try_restore(&taken, server, &to, options(1)).unwrap_err();
            assert!(matches!(&error, RestoreError::Unfit { problems } if problems.len() == 1), "{error}");
            assert!(error.to_string().contains(&item.label), "{error}");
            assert_eq!(server.sql(&to, "SHOW TABLES"), "");
            assert_eq!(server.sql(&other, "SELECT 1"), "1");
        }
    }
}

#[test]
fn an_unfit_target_is_told_everything_at_once() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let (from, to) = (server.fresh_db("unfit_from"), server.fresh_db("unfit_to"));
        server.load_text(
            &from,
            "CREATE TABLE t (a VARCHAR(3) CHARACTER SET latin1); CREATE TABLE u (a INT) ENGINE=MyISAM",
        );
        let mut taken = take(server, &from);
        let extension = Extension { version: "1".into(), schema: "engine".into() };
        taken.manifest.environment.extensions.insert("rocksdb".into(), extension);
        for item in &mut taken.manifest.content.schema {
            item.sql = item
                .sql
                .replace("ENGINE=MyISAM", "ENGINE=ROCKSDB")
                // MySQL prints the character set alone, MariaDB the collation with it, which implies that.
                .replace(" COLLATE latin1_swedish_ci", "")
                .replace("`a` varchar(3) CHARACTER SET latin1", "`a` varchar(3)")
                .replace("`a` varchar(3)", "`a` varchar(3) COLLATE latin1_klingon_ci");
        }
        let error = try_restore(&taken, server, &to, options(1)).unwrap_err();
        assert!(matches!(&error, RestoreError::Unfit { problems } if problems.len() == 2), "{error}");
        for part in
            ["engine rocksdb", "TABLE u has it", "--skip-extension rocksdb", "collation latin1_klingon_ci", "TABLE t"]
        {
            assert!(error.to_string().contains(part), "{error} lacks {part}");
        }
        assert_eq!(server.sql(&to, "SHOW TABLES"), "");

        for item in &mut taken.manifest.content.schema {
            item.sql = item.sql.replace(" COLLATE latin1_klingon_ci", "");
        }
        let mut without = options(1);
        without.choices.skip_extensions = vec!["rocksdb".into()];
        let report = try_restore(&taken, server, &to, without).unwrap_or_else(|error| panic!("{error}"));
        assert!(report.losses.iter().any(|loss| loss.object == "TABLE u"), "{:?}", report.losses);
        assert_eq!(server.sql(&to, "SHOW TABLES"), "t");
    }
}

#[test]
fn a_snapshot_of_another_engine_is_refused() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let (from, to) = (server.fresh_db("other_from"), server.fresh_db("other_to"));
        server.load_text(&from, "CREATE TABLE t (a INT)");
        let mut taken = take(server, &from);
        taken.manifest.origin.engine = "postgres".into();
        let error = try_restore(&taken, server, &to, options(1)).unwrap_err().to_string();
        let product = if is_mariadb(&binaries) { "MariaDB" } else { "MySQL" };
        assert!(error.contains(&format!("the snapshot is of postgres, the target is {product}")), "{error}");
    }
}

#[test]
fn users_that_are_not_there_are_replaced_and_told() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let (from, to) = (server.fresh_db("definers_from"), server.fresh_db("definers_to"));
        let user = format!("app_{}", std::process::id());
        server.sql("", &format!("CREATE USER '{user}'@'%'; GRANT ALL ON `{from}`.* TO '{user}'@'%'"));
        server.load_text(
            &from,
            &format!(
                "CREATE TABLE t (a INT); CREATE DEFINER='{user}'@'%' VIEW v AS SELECT a FROM t;
            CREATE DEFINER='{user}'@'%' TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1"
            ),
        );
        let taken = take(server, &from);
        // That user may not read the target, and the server prints the view otherwise then.
        try_restore(&taken, server, &to, options(1)).unwrap_or_else(|error| panic!("{error}"));
        assert!(server.sql(&to, "SHOW CREATE VIEW v").contains(&format!("DEFINER=`{user}`@`%`")));

        server.sql("", &format!("DROP USER '{user}'@'%'"));
        let to = server.fresh_db("definers_gone");
        let report = try_restore(&taken, server, &to, options(1)).unwrap_or_else(|error| panic!("{error}"));
        let told = format!("in place of the definer {user}@%, as the target does not have it");
        assert!(
            report.warnings.iter().any(|warning| warning.contains(&told) && warning.contains("VIEW v")),
            "{:?}",
            report.warnings
        );
        assert!(server.sql(&to, "SHOW CREATE VIEW v").contains("DEFINER=`root`@"));

        let to = server.fresh_db("definers_skip");
        let mut skip = options(1);
        skip.choices.roles = Roles::Skip;
        let report = try_restore(&taken, server, &to, skip).unwrap_or_else(|error| panic!("{error}"));
        assert!(report.warnings.iter().any(|warning| warning.contains("by --roles skip")), "{:?}", report.warnings);
    }
}

#[test]
fn what_breaks_a_constraint_is_told() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let (from, to) = (server.fresh_db("broken_keys"), server.fresh_db("broken_keys_to"));
        let check = if is_mariadb(&binaries) {
            "SET check_constraint_checks = 0; INSERT INTO k VALUES (-1), (1), (NULL); "
        } else {
            ""
        };
        let sql = format!("CREATE TABLE p (id INT PRIMARY KEY); CREATE TABLE c (a INT, b INT, CONSTRAINT f FOREIGN KEY (a) REFERENCES p (id));
            CREATE TABLE k (a INT, CONSTRAINT positive CHECK (a > 0));
            SET foreign_key_checks = 0; INSERT INTO c VALUES (5, 1), (6, 1), (NULL, 1); {check}");
        let loaded = server.load_text(&from, &sql);
        assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
        let report =
            try_restore(&take(server, &from), server, &to, options(2)).unwrap_or_else(|error| panic!("{error}"));
        let told = |object: &str, how: &str| {
            report.losses.iter().any(|loss| loss.object == object && loss.reason.contains(how))
        };
        assert!(told("check FOREIGN KEY c.f", "2 rows break it"), "{:?}", report.losses);
        assert!(
            !is_mariadb(&binaries) || told("check CHECKs of k", "1 rows break CHECK positive"),
            "{:?}",
            report.losses
        );
        assert_same(&described(server, &from), &described(server, &to));
    }
}

#[test]
fn a_user_without_privileges_is_told_the_grant() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let (from, to) = (server.fresh_db("rights_from"), server.fresh_db("rights_to"));
        server.load_text(&from, "CREATE TABLE t (a INT); INSERT INTO t VALUES (1); CREATE VIEW v AS SELECT a FROM t");
        let taken = take(server, &from);
        let user = format!("poor_{}", std::process::id());
        server.sql("", &format!("CREATE USER '{user}'@'%' IDENTIFIED BY 'pw'; GRANT SELECT, INSERT, CREATE, DROP, ALTER ON `{to}`.* TO '{user}'@'%'"));
        let url = server.url(&to).replace("root@", &format!("{user}:pw@"));
        let restore = || {
            let target = MysqlTarget::new(conninfo(&url));
            let plan = Plan::new(RawSnapshot::acknowledge(id(), &taken.manifest, &taken.rows), &target, options(1))?;
            apply(&plan, &target, &Control::default())
        };
        let error = restore().unwrap_err().to_string();
        let grant = format!("GRANT INDEX, CREATE VIEW, SHOW VIEW ON `{to}`.* TO '{user}'@'%'");
        assert!(error.contains(&grant), "{error} lacks {grant}");
        server.sql("", &grant);
        let report = restore().unwrap_or_else(|error| panic!("{error}"));
        assert!(
            report.warnings.iter().any(|warning| warning.contains(&format!("will run as {user}@%"))),
            "{:?}",
            report.warnings
        );
        server.sql("", &format!("DROP USER '{user}'@'%'"));
    }
}

#[test]
fn a_strict_server_takes_what_its_own_sessions_would_not() {
    for binaries in Binaries::wanted() {
        let mode = "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,NO_BACKSLASH_ESCAPES";
        let options_of = ServerOptions::new().binaries(binaries.clone()).setting("sql_mode", mode);
        let options_of =
            if is_mariadb(&binaries) { options_of } else { options_of.setting("sql_require_primary_key", "1") };
        let server = Server::start(options_of);
        let source = shared_of(&binaries);
        let (from, to) = (source.fresh_db("strict_from"), server.fresh_db("strict_to"));
        source.load_text(&from, &crate::values::edges(&binaries));
        try_restore(&take(source, &from), &server, &to, options(2)).unwrap_or_else(|error| panic!("{error}"));
        assert_same(&described(source, &from), &described(&server, &to));
    }
}

#[test]
fn an_event_whose_time_has_passed_is_told() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let (from, to) = (server.fresh_db("past_from"), server.fresh_db("past_to"));
        server.load_text(&from, "CREATE EVENT once ON SCHEDULE AT '2035-02-03 04:05:06' DO DO 1; CREATE EVENT later ON SCHEDULE AT '2036-02-03' DO DO 1");
        let mut taken = take(server, &from);
        taken.manifest.content.schema.iter_mut().for_each(|item| item.sql = item.sql.replace("2035", "2015"));
        let report = try_restore(&taken, server, &to, options(1)).unwrap_or_else(|error| panic!("{error}"));
        let losses: Vec<&str> = report.losses.iter().map(|loss| loss.object.as_str()).collect();
        assert_eq!(losses, ["EVENT once"]);
        assert_eq!(
            server.sql(&to, "SELECT event_name FROM information_schema.events WHERE event_schema = DATABASE()"),
            "later"
        );
    }
}

#[test]
fn a_time_zone_that_the_server_does_not_know_is_told_before_anything_is_made() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let (from, to) = (server.fresh_db("zone_from"), server.fresh_db("zone_to"));
        server.load_text(
            &from,
            "CREATE TABLE t (a INT); SET time_zone = '+05:00'; CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM t",
        );
        let mut taken = take(server, &from);
        taken
            .manifest
            .content
            .schema
            .iter_mut()
            .for_each(|item| item.sql = item.sql.replace("+05:00", "Europe/Berlin"));
        let error = try_restore(&taken, server, &to, options(1)).unwrap_err();
        assert!(matches!(&error, RestoreError::Unfit { problems } if problems.len() == 1), "{error}");
        for part in ["EVENT e", "Europe/Berlin", "/usr/share/zoneinfo"] {
            assert!(error.to_string().contains(part), "{error} lacks {part}");
        }
        assert_eq!(server.sql(&to, "SHOW TABLES"), "");
    }
}

#[test]
fn a_server_that_takes_no_events_is_told_before_anything_is_made() {
    for binaries in Binaries::wanted() {
        let source = shared_of(&binaries);
        let server = Server::start(ServerOptions::new().binaries(binaries).setting("event_scheduler", "DISABLED"));
        let (from, to) = (source.fresh_db("events_from"), server.fresh_db("events_to"));
        source.sql(&from, "CREATE TABLE t (a INT); CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM t");
        let mut taken = take(source, &from);
        if !is_mariadb(server.binaries()) {
            // MySQL makes them all the same, and runs none.
            try_restore(&taken, &server, &to, options(1)).unwrap_or_else(|error| panic!("{error}"));
            assert_same(&described(source, &from), &described(&server, &to));
            continue;
        }
        let error = try_restore(&taken, &server, &to, options(1)).unwrap_err().to_string();
        assert!(error.contains("DISABLED") && error.contains("EVENT e"), "{error}");
        assert_eq!(server.sql(&to, "SHOW TABLES"), "");
        taken.manifest.content.schema.retain(|item| !item.label.starts_with("EVENT "));
        try_restore(&taken, &server, &to, options(1)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(server.sql(&to, "SHOW TABLES"), "t");
    }
}
