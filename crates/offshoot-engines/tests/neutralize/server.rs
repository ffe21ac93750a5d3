//! A server starts with the settings that are given for an image, and archives and replicates nothing.

use offshoot_engines::postgres::neutralize::settings;
use offshoot_engines::postgres::observe::observe;
use offshoot_format::manifest::Environment;
use offshoot_restore::NeutralizeChoices;
use offshoot_testkit::postgres::{Binaries, Server, ServerOptions};

#[test]
fn a_server_starts_with_the_settings_of_an_image() {
    for binaries in Binaries::wanted() {
        let environment = Environment {
            server_version_num: binaries.major_version() * 10_000,
            settings: [(
                "shared_preload_libraries".to_owned(),
                "pg_stat_statements, pg_cron, \"$libdir/auto_explain\"".to_owned(),
            )]
            .into(),
            ..Environment::default()
        };
        let given = settings(&environment, &NeutralizeChoices::default(), &|_| true);
        let options = ServerOptions::new().binaries(binaries);
        let options = given.settings.iter().fold(options, |options, (name, value)| options.setting(name, value));
        let server = Server::start(options);
        let show =
            "SELECT current_setting('wal_level'), current_setting('archive_mode'), current_setting('max_wal_senders'),
                      current_setting('shared_preload_libraries')";
        assert_eq!(server.psql("postgres", show), "minimal|off|0|pg_stat_statements, auto_explain");
        for (name, value) in &given.settings {
            let set = server.psql("postgres", &format!("SELECT current_setting('{name}')"));
            assert!(set == *value || set == "(disabled)", "{name}: {set}");
        }
    }
}

#[test]
fn what_is_there_is_observed_as_a_capture_sees_it() {
    for binaries in Binaries::wanted() {
        let server = offshoot_testkit::postgres::shared_of(&binaries);
        let db = server.fresh_db("observed");
        server.psql(&db, &format!("CREATE EXTENSION pg_trgm; ALTER DATABASE {db} SET \"DateStyle\" = 'German'"));
        let observed = observe(&crate::conninfo(&server.url(&db))).unwrap();
        let environment = observed.environment;
        assert_eq!(environment.server_version_num / 10_000, binaries.major_version());
        assert!(environment.settings["DateStyle"].starts_with("German"));
        assert!(environment.extensions.contains_key("pg_trgm") && !observed.available.contains_key("pg_trgm"));
        assert!(observed.available.contains_key("hstore"));
    }
}
