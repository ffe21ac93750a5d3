//! A standby as a source lacks the rows of unlogged tables, which is named and has an exit code; as a target it is refused.

use crate::session::Session;
use offshoot_testkit::postgres::{Server, ServerOptions};

#[test]
fn what_a_standby_does_not_have_is_named() {
    let primary = Server::start(ServerOptions::new().wal_level("replica"));
    primary.createdb("shop", "TEMPLATE template0");
    primary.createdb("copy", "TEMPLATE template0");
    primary.psql(
        "shop",
        "CREATE TABLE kept (id int PRIMARY KEY); INSERT INTO kept VALUES (1), (2);
         CREATE UNLOGGED TABLE \"Lost one\" (id int); INSERT INTO \"Lost one\" VALUES (1)",
    );
    let standby = primary.standby(ServerOptions::new());
    let session = Session::new();
    session.quietly(&["init", "--raw"]);
    let source = standby.url("shop");
    let ran = session.quietly(&["capture", &source, "--name", "prod"]);
    assert_eq!(ran.code, Some(3), "{}{}", ran.stdout, ran.stderr);
    for part in ["rows of table public.\"Lost one\"", "is a standby"] {
        assert!(ran.stdout.contains(part), "{part} is not in {}", ran.stdout);
    }
    let ran = session.quietly(&["--json", "capture", &source, "--name", "prod"]);
    assert_eq!((ran.code, ran.json()["not_carried"].as_array().map(Vec::len)), (Some(3), Some(1)), "{}", ran.stdout);
    let shown = session.quietly(&["show", "prod"]);
    assert!(shown.code == Some(0) && shown.stdout.contains("Lost one"), "{}", shown.stdout);

    let refused = session.quietly(&["restore", "prod", "--to", &standby.url("copy")]);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    for part in ["the target's server is a standby", "hint: ", "primary"] {
        assert!(refused.stderr.contains(part), "{part} is not in {}", refused.stderr);
    }
    let restored = session.quietly(&["restore", "prod", "--to", &primary.url("copy")]);
    assert_eq!(restored.code, Some(0), "{}", restored.stderr);
    assert_eq!(primary.psql("copy", "SELECT (SELECT count(*) FROM kept), (SELECT count(*) FROM \"Lost one\")"), "2|0");
}
