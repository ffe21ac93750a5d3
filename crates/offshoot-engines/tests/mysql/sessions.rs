//! Sessions: statements and their answers, long rows in pieces, loads, and ending a statement from outside.

use crate::support::{Database, servers};
use offshoot_engines::mysql::MysqlError;
use offshoot_engines::mysql::conninfo::{Compression, ConnInfo, Environment, Password, SslMode};
use offshoot_engines::mysql::session::{NextRow, Session, reading_pins, writing_pins};
use std::io::Write;
use std::time::Duration;

#[test]
fn statements_are_answered_and_refusals_are_typed() {
    for (_, url) in servers() {
        let database = Database::new(&url);
        let mut session = database.session();
        session.pin(&reading_pins(&session.flavor().clone())).unwrap();
        session.execute("make it", "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))").unwrap();
        let done = session.execute("fill it", "INSERT INTO t VALUES (1, 'a'), (2, NULL), (3, '')").unwrap();
        assert_eq!(done.affected_rows, 3);
        let rows = session.query("read it", "SELECT id, v FROM t ORDER BY id").unwrap();
        let texts: Vec<_> = rows.iter().map(|row| (row.parse::<i32>(0).unwrap(), row.opt(1).unwrap())).collect();
        assert_eq!(texts, [(Some(1), Some("a")), (Some(2), None), (Some(3), Some(""))]);

        let error = session.execute("fill it", "INSERT INTO t VALUES (1, 'canary')").unwrap_err();
        assert_eq!(error.number(), Some(1062));
        assert!(!format!("{error} {error:?}").contains("canary"));
        let error = session.query("read it", "SELECT * FROM missing").unwrap_err();
        assert!(error.to_string().contains("missing") && error.is_retryable(), "{error}");
        // The session goes on.
        assert_eq!(session.query_one("count", "SELECT count(*) FROM t").unwrap().parse(0).unwrap(), Some(3));
        assert!(session.query_one("read", "SELECT 1 UNION ALL SELECT 2").is_err());
    }
}

#[test]
fn long_rows_come_in_pieces() {
    for (_, url) in servers() {
        let database = Database::new(&url);
        let mut session = database.session();
        // Longer than a packet of the protocol.
        let sql = "SELECT 1, REPEAT('x', 17000000), NULL UNION ALL SELECT 2, 'y', 'z'";
        let mut rows = session.rows("read long rows", sql).unwrap();
        let Some(NextRow::Long(mut row)) = rows.next_row().unwrap() else { panic!("not a long row") };
        assert_eq!(row.value().unwrap(), Some(1));
        row.pieces(1, |piece| {
            assert_eq!(piece, b"1");
            Ok::<_, MysqlError>(())
        })
        .unwrap();
        assert_eq!(row.value().unwrap(), Some(17_000_000));
        let (mut bytes, mut longest) = (0, 0);
        row.pieces(17_000_000, |piece| {
            assert!(piece.iter().all(|byte| *byte == b'x'));
            bytes += piece.len();
            longest = longest.max(piece.len());
            Ok::<_, MysqlError>(())
        })
        .unwrap();
        assert_eq!(bytes, 17_000_000);
        assert!(longest <= 1 << 20, "{longest}");
        assert_eq!(row.value().unwrap(), None);
        row.finish().unwrap();
        assert!(matches!(rows.next_row().unwrap(), Some(NextRow::Whole(_))));
        assert!(rows.next_row().unwrap().is_none());
        drop(rows);
        session.query_one("go on", "SELECT 1").unwrap();
    }
}

#[test]
fn loads_take_bytes_from_the_caller() {
    for (_, url) in servers() {
        let database = Database::new(&url);
        let mut session = database.session();
        session.pin(&writing_pins(&session.flavor().clone())).unwrap();
        session.execute("make it", "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))").unwrap();
        let load = "LOAD DATA LOCAL INFILE 'rows' INTO TABLE t FIELDS TERMINATED BY ','";
        let done = session.load("load", load, |to| {
            for id in 0..20_000 {
                writeln!(to, "{id},v{id}").map_err(|_| MysqlError::Lost { doing: "load".into() })?;
            }
            Ok::<_, MysqlError>(())
        });
        assert_eq!(done.unwrap().affected_rows, 20_000);
        // The server says no after it has asked; nothing is left in between.
        let missing = load.replace("TABLE t", "TABLE missing");
        let error = session.load("load", &missing, |_| Ok::<_, MysqlError>(())).unwrap_err();
        assert_eq!(error.number(), Some(1146));
        assert_eq!(session.query_one("count", "SELECT count(*) FROM t").unwrap().parse(0).unwrap(), Some(20_000));
        // Nobody offers a file: the server gets an empty one, whatever it asks for.
        let passwd = "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE t";
        assert!(session.execute("load", passwd).is_err());
        assert_eq!(session.query_one("count", "SELECT count(*) FROM t").unwrap().parse(0).unwrap(), Some(20_000));
    }
}

#[test]
fn a_statement_is_ended_from_outside() {
    for (_, url) in servers() {
        let database = Database::new(&url);
        let mut session = database.session();
        let canceller = session.canceller();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            canceller.cancel().unwrap();
        });
        // SLEEP itself gives 1 when it is ended; what reads a table fails.
        let slow = "SELECT count(*) FROM information_schema.columns a, information_schema.columns b, \
                    information_schema.columns c WHERE sleep(0.01) = 0";
        let outcome = session.query("sleep", slow);
        assert_eq!(outcome.unwrap_err().number(), Some(1317));
        thread.join().unwrap();
        session.query_one("go on", "SELECT 1").unwrap();
    }
}

#[test]
fn connections_are_encrypted_and_compressed_as_wished() {
    for (name, url) in servers() {
        let database = Database::new(&url);
        let session = database.session();
        let port: u16 = {
            let mut session = session;
            session.query_one("ask", "SELECT @@port").unwrap().parse(0).unwrap().unwrap()
        };
        let base = format!("mysql://root@127.0.0.1:{port}/{}", database.name);
        let open = |query: &str| {
            let info = ConnInfo::parse(&format!("{base}?{query}"), &Environment::empty()).unwrap();
            Session::open(&info)
        };
        assert!(!open("ssl-mode=DISABLED").unwrap().is_encrypted());
        match name {
            "mysql" => {
                assert!(open("ssl-mode=PREFERRED").unwrap().is_encrypted());
                assert!(open("ssl-mode=REQUIRED").unwrap().is_encrypted());
                let error = open("ssl-mode=VERIFY_IDENTITY").err().unwrap().to_string();
                assert!(error.contains("ssl-ca") && error.contains("VERIFY_IDENTITY"), "{error}");
            }
            _ => {
                let error = open("ssl-mode=REQUIRED").err().unwrap().to_string();
                assert!(error.contains(SslMode::Required.word()), "{error}");
            }
        }
        for compression in [Compression::Zlib, Compression::Zstd] {
            let mut info = ConnInfo::parse(&base, &Environment::empty()).unwrap();
            info.compression = vec![compression];
            let mut session = Session::open(&info).unwrap();
            let long = "x".repeat(300_000);
            // No UNION: some versions of MariaDB cut what a temporary table holds.
            let row = session.query_one("echo", &format!("SELECT '{long}', 'short'")).unwrap();
            assert!((row.text(0).unwrap(), row.text(1).unwrap()) == (long.as_str(), "short"), "{name} {compression:?}");
            let row = session.query_one("ask", "SHOW SESSION STATUS LIKE 'Compression'").unwrap();
            let is_known = name == "mysql" || compression == Compression::Zlib;
            assert_eq!(row.is_yes(1).unwrap(), is_known, "{name} {compression:?}");
        }
    }
}

#[test]
fn passwords_are_given_in_every_way_that_a_server_asks_for() {
    for (name, url) in servers() {
        let database = Database::new(&url);
        let plugins: &[&str] = match name {
            "mysql" => &["caching_sha2_password BY 'se''cret'", "sha256_password BY 'se''cret'"],
            _ => &["mysql_native_password USING PASSWORD('se''cret')"],
        };
        let mut root = database.session();
        let port: u16 = root.query_one("ask", "SELECT @@port").unwrap().parse(0).unwrap().unwrap();
        for (place, plugin) in plugins.iter().enumerate() {
            let user = format!("{}_{place}", database.name);
            if root.execute("make a user", &format!("CREATE USER {user}@'%' IDENTIFIED WITH {plugin}")).is_err() {
                continue;
            }
            root.execute("grant", &format!("GRANT ALL ON {}.* TO {user}@'%'", database.name)).unwrap();
            // Without TLS and not in the server's cache: the whole exchange, then the short one.
            for mode in ["DISABLED", "DISABLED", "PREFERRED"] {
                let text = format!("mysql://{user}@127.0.0.1:{port}/{}?ssl-mode={mode}", database.name);
                let mut info = ConnInfo::parse(&text, &Environment::empty()).unwrap();
                info.password = Some(Password::new("se'cret"));
                let mut session = Session::open(&info).unwrap_or_else(|error| panic!("{plugin} {mode}: {error}"));
                session.query_one("ask", "SELECT CURRENT_USER()").unwrap();
                info.password = Some(Password::new("canary"));
                let error = Session::open(&info).err().unwrap().to_string();
                assert!(error.contains("did not let the user") && !error.contains("canary"), "{error}");
            }
            root.execute("drop a user", &format!("DROP USER {user}@'%'")).unwrap();
        }
    }
}

#[test]
fn what_is_no_mysql_is_named_so() {
    for greeting in
        [&b"SSH-2.0-OpenSSH_9.2\r\n"[..], b"220 mail.example ESMTP\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"]
    {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || listener.accept().and_then(|(mut stream, _)| stream.write_all(greeting)));
        let info =
            ConnInfo::parse(&format!("mysql://canary:canary@127.0.0.1:{port}/shop"), &Environment::empty()).unwrap();
        let error = Session::open(&info).err().unwrap().to_string();
        assert!(error.contains("is not a MySQL server") && !error.contains("canary"), "{error}");
    }
}

#[test]
fn a_connection_that_is_lost_in_the_handshake_of_tls_is_passing() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        // Protocol 10, a version, a number, a nonce in two parts, and all that there is, TLS included.
        let flags = b"\0\xff\xff\x2d\x02\0\xff\xdf\x15";
        let payload: [&[u8]; 7] =
            [b"\x0a8.0.36\0", &[1; 4], &[7; 8], flags, &[0; 10], &[7; 12], b"\0caching_sha2_password\0"];
        let payload = payload.concat();
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(&[&[u8::try_from(payload.len()).unwrap(), 0, 0, 0][..], &payload].concat()).unwrap();
        // The request for TLS, and the beginning of its handshake.
        let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
    });
    let url = format!("mysql://canary:canary@127.0.0.1:{port}/shop?ssl-mode=REQUIRED");
    let error = Session::open(&ConnInfo::parse(&url, &Environment::empty()).unwrap()).err().unwrap();
    assert!(error.to_string().contains("in the TLS handshake") && error.is_retryable(), "{error}");
}
