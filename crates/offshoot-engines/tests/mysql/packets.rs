//! `max_allowed_packet` of the source: what is stored may be larger than what the server takes by now. It is captured all the same, and
//! what MySQL gives NULL for is told.

use crate::capture::{capture_as, options};
use crate::support::Database;
use offshoot_core::Control;
use offshoot_testkit::mysql::{Binaries, Family, Server, ServerOptions};

#[test]
fn values_above_the_packet_of_the_source_are_captured_whole_or_told() {
    for binaries in Binaries::wanted() {
        let server = Server::start(ServerOptions::new().binaries(binaries));
        let db = server.fresh_db("packets");
        server.sql(
            &db,
            "CREATE TABLE t (id INT PRIMARY KEY, a LONGTEXT, e ENUM('x'), f FLOAT);
             INSERT INTO t VALUES (1, REPEAT('a', 5000000), 'x', 1.5), (2, 'small', NULL, NULL);
             CREATE TABLE documents (id INT PRIMARY KEY, j JSON); INSERT INTO documents VALUES (1, JSON_OBJECT('k', REPEAT('canary', 500000)))",
        );
        let wanted = server.sql(&db, "SELECT LENGTH(a) FROM t UNION ALL SELECT LENGTH(j) FROM documents");
        let database = Database::of(&server.url(&db));
        let capture = || {
            let (captured, memory) = capture_as(&database, options(), &Control::default())?;
            assert!(captured.not_carried.is_empty(), "{:?}", captured.not_carried);
            let mut rows = memory.table("", "t").rows;
            rows.sort();
            rows.extend(memory.table("", "documents").rows);
            let lengths = rows.iter().map(|row| row[1].as_ref().unwrap().len().to_string());
            Ok::<_, offshoot_core::CoreError>(lengths.collect::<Vec<_>>().join("\n"))
        };
        server.sql("", "SET GLOBAL max_allowed_packet = 1048576");
        if server.binaries().family() == Family::MySql {
            let error = format!("{:#?}", capture().unwrap_err());
            for word in ["table documents", "SET GLOBAL max_allowed_packet"] {
                assert!(error.contains(word), "{word}: {error}");
            }
            assert!(!error.contains("canary"));
            server.sql("", "SET GLOBAL max_allowed_packet = 1073741824");
        }
        assert_eq!(capture().unwrap_or_else(|error| panic!("{error:?}")), wanted);
    }
}
