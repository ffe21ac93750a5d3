//! Servers that are too old or no PostgreSQL at all, met by every command that connects: one clear error, a documented exit
//! code, and nothing is changed.

use crate::session::Session;
use offshoot_testkit::postgres::{Server, shared};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

/// What a server of version 9.6 says it is.
const OLD: i32 = 90_624;

/// A server that gives every client the same answer; its port.
fn that_answers(answer: &'static [u8]) -> u16 {
    serve(move |mut client| {
        let _ = client.read(&mut [0; 64]);
        let _ = client.write_all(answer);
        let _ = client.shutdown(Shutdown::Write);
        let _ = client.read_to_end(&mut Vec::new());
    })
}

/// A server that does whatever `of` does, and says that it is of another version; its port.
fn that_claims_to_be(of: &'static Server, version: i32) -> u16 {
    let sql = "SELECT current_setting('server_version_num')";
    let real: i32 = of.psql("postgres", sql).parse().unwrap();
    serve(move |client| {
        let server = TcpStream::connect(("127.0.0.1", of.port())).unwrap();
        let (back, forth) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        std::thread::spawn(move || pass_on(forth, server, |_| {}));
        pass_on(back, client, |bytes| replace(bytes, &real.to_be_bytes(), &version.to_be_bytes()));
    })
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, change: impl Fn(&mut [u8])) {
    let mut buffer = [0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        change(&mut buffer[..count]);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    for at in 0..=bytes.len().saturating_sub(from.len()) {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
    }
}

fn serve(client: impl Fn(TcpStream) + Clone + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let client = client.clone();
            std::thread::spawn(move || client(stream));
        }
    });
    port
}

#[test]
fn every_command_says_what_they_are() {
    let server = shared();
    let db = server.fresh_db("strangers");
    server.psql(&db, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
    let mut session = Session::new();
    session.quietly(&["init", "--raw"]);
    let captured = session.quietly(&["--json", "capture", &server.url(&db), "--name", "prod"]);
    assert_eq!(captured.code, Some(0), "{}", captured.stderr);
    session.replace(captured.json()["snapshot"].as_str().unwrap(), "SNAPSHOT");
    server.createdb("strange", "TEMPLATE template0");

    let servers = [
        ("HTTP", that_answers(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
        ("another protocol", that_answers(b"\x00\x01\x02\x03\x04\x05\x06\x07")),
        ("PostgreSQL 9.6", that_claims_to_be(server, OLD)),
        ("no version at all", that_claims_to_be(server, -1)),
    ];
    for (what, port) in servers {
        session.remark(what);
        session.replace(port.to_string(), "PORT");
        let url = format!("postgresql://postgres@127.0.0.1:{port}/strange?sslmode=disable");
        for args in [
            &["capture", &url, "--name", "prod"][..],
            &["restore", "prod", "--to", &url],
            &["restore", "prod", "--to", &url, "--force", "--dry-run"],
            &["verify", "prod", "--against", &url],
            &["doctor", &url],
        ] {
            let ran = session.run(args);
            assert_eq!(ran.code, Some(1), "{args:?}: {}{}", ran.stdout, ran.stderr);
            assert_eq!(ran.stdout, "", "{args:?}");
        }
    }
    assert_eq!(server.psql("strange", "SELECT count(*) FROM pg_class WHERE oid >= 16384"), "0");
    assert_eq!(session.quietly(&["--json", "verify"]).json()["snapshots"], 1);
    session.compare("strangers.txt");
}
