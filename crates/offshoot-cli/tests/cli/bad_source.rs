//! Sources that cannot be captured: each failure says what, why and what to do, and leaves the store as it was.

use crate::session::{SECRET, Session};
use offshoot_testkit::postgres::{Server, ServerOptions, shared};
use std::io::{Read, Write};
use std::net::TcpListener;

#[test]
fn no_server_and_no_postgres() {
    let mut session = Session::new();
    session.quietly(&["init", "--raw"]);
    session.run(&["capture", "postgresql://ada@127.0.0.1:1/shop"]);
    session.run(&["capture", "postgresql://ada@%2Fnowhere/shop"]);
    session.run(&["capture", "postgresql://ada@no-such-host.invalid/shop?sslmode=disable&connect_timeout=5"]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    session.replace(port.to_string(), "PORT");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 64]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    session.run(&["capture", &format!("postgresql://ada@127.0.0.1:{port}/shop")]);
    session.run(&["log"]);
    session.compare("no_server.txt");
}

#[test]
fn servers_that_say_no() {
    let hba =
        "local all postgres trust\nhost all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
    let server = Server::start(ServerOptions::new().hba(hba));
    let roles = format!("CREATE ROLE ada LOGIN PASSWORD 'other'; CREATE ROLE bob LOGIN PASSWORD '{SECRET}'");
    server.psql("postgres", &roles);
    server.createdb("shop", "TEMPLATE template0");
    server.psql("shop", "CREATE TABLE t (id int PRIMARY KEY); CREATE SCHEMA hidden; CREATE TABLE hidden.u (a int)");
    let mut session = Session::new();
    session.replace(server.port().to_string(), "PORT");
    session.quietly(&["init", "--raw"]);
    let url = |user: &str, db: &str| format!("postgresql://{user}@127.0.0.1:{}/{db}", server.port());
    session.run(&["capture", &url("ada", "shop")]);
    session.run(&["capture", &url(&format!("ada:{SECRET}"), "shop")]);
    session.run(&["capture", &url("postgres", "nowhere")]);
    session.run(&["capture", &url("nobody_known", "shop")]);
    session.run(&["capture", &url(&format!("bob:{SECRET}"), "shop")]);
    session.run(&["capture", &format!("{}?sslmode=require", url("postgres", "shop"))]);
    session.run_with(&["capture", &url("postgres", "shop")], &[("OFFSHOOT_PG_DUMP", "/nonexistent/pg_dump")]);
    session.run_with(&["capture", &url("postgres", "shop"), "--lock-wait", "1s"], &[("PGOPTIONS", "-c nonsense=1")]);
    assert!(session.run(&["log"]).stdout.starts_with("no snapshots"));
    // The same of a target: nothing is made there.
    assert_eq!(session.quietly(&["capture", &url("postgres", "shop"), "--name", "shop"]).code, Some(0));
    server.createdb("copy", "TEMPLATE template0");
    session.run(&["restore", "shop", "--to", &url("ada", "copy")]);
    session.run(&["restore", "shop", "--to", &url(&format!("ada:{SECRET}"), "copy")]);
    session.run(&["restore", "shop", "--to", &url("nobody_known", "copy")]);
    assert_eq!(server.psql("copy", "SELECT count(*) FROM pg_class WHERE oid >= 16384"), "0");
    session.compare("servers_that_say_no.txt");
}

#[test]
fn a_table_that_stays_locked() {
    let server = shared();
    let db = server.fresh_db("locked");
    server.psql(&db, "CREATE TABLE busy (id int PRIMARY KEY)");
    let mut locker = locker_of(server, &db);
    let session = Session::new();
    session.quietly(&["init", "--raw"]);
    let ran = session.quietly(&["capture", &server.url(&db), "--lock-wait", "300ms"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("locked") && ran.stderr.contains("--lock-wait"), "{}", ran.stderr);
    locker.kill().unwrap();
    locker.wait().unwrap();
}

/// A psql that holds the table `busy` locked until it is killed.
pub fn locker_of(server: &Server, db: &str) -> std::process::Child {
    let mut locker = std::process::Command::new(server.binaries().psql());
    locker.args(["-X", "-q", "-d", &server.socket_url(db)]).stdin(std::process::Stdio::piped());
    let mut locker = locker.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let script = "BEGIN; LOCK TABLE busy IN ACCESS EXCLUSIVE MODE;\n\\echo locked\n";
    locker.stdin.as_mut().unwrap().write_all(script.as_bytes()).unwrap();
    let mut said = [0; 6];
    locker.stdout.as_mut().unwrap().read_exact(&mut said).unwrap();
    assert_eq!(&said, b"locked");
    locker
}
