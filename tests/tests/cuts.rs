//! A capture whose connections are cut after the Nth message of the server, between two messages or inside one: it ends as if
//! nothing had been, or in an error and with nothing to be seen. OFFSHOOT_LONG cuts at 200 points.

#![allow(clippy::unwrap_used)]

use offshoot::{
    CaptureOptions, CaptureReport, Connection, Control, Environment, ErrorKind, InitOptions, Result, Store,
};
use offshoot_testkit::fingerprint::fingerprint;
use offshoot_testkit::postgres::{Server, shared};
use offshoot_tests::restore;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const ROWS: u64 = 4000;

/// Stands between a client and a server, and cuts one connection after so many messages of the server over all of them.
struct Proxy {
    port: u16,
    messages: Arc<AtomicU64>,
}

impl Proxy {
    /// Cuts after message `cut_after`, where it `is_inside` in the middle of the next one.
    fn start(server: &Server, cut_after: u64, is_inside: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let messages = Arc::new(AtomicU64::new(0));
        let (socket, counted) =
            (server.socket_dir().join(format!(".s.PGSQL.{}", server.port())), Arc::clone(&messages));
        // It ends with the test's process.
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = UnixStream::connect(&socket) else { continue };
                let counted = Arc::clone(&counted);
                std::thread::spawn(move || between(&client, &server, &counted, cut_after, is_inside));
            }
        });
        Self { port, messages }
    }
}

/// Passes on what both say, until one ends or the cut comes.
fn between(client: &TcpStream, server: &UnixStream, messages: &AtomicU64, cut_after: u64, is_inside: bool) {
    let (Ok(mut from_client), Ok(mut to_server)) = (client.try_clone(), server.try_clone()) else { return };
    std::thread::spawn(move || {
        let _ended = std::io::copy(&mut from_client, &mut to_server);
        let _gone = to_server.shutdown(Shutdown::Write);
    });
    let (mut from_server, mut to_client) = (server, client);
    let mut message = Vec::new();
    loop {
        message.resize(5, 0);
        if from_server.read_exact(&mut message).is_err() {
            break;
        }
        let bytes = u32::from_be_bytes(message[1..5].try_into().unwrap()) as usize + 1;
        message.resize(bytes, 0);
        if from_server.read_exact(&mut message[5..]).is_err() {
            break;
        }
        let is_cut = messages.fetch_add(1, Ordering::SeqCst) == cut_after;
        let passed = if !is_cut {
            bytes
        } else if is_inside {
            bytes / 2
        } else {
            0
        };
        if to_client.write_all(&message[..passed]).is_err() || is_cut {
            break;
        }
    }
    let _gone = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
}

fn capture(store: &Store, server: &Server, port: u16, db: &str) -> Result<CaptureReport> {
    let options = CaptureOptions {
        name: Some("prod".into()),
        pg_dump: vec![server.binaries().pg_dump().unwrap()],
        ..CaptureOptions::default()
    };
    let url = format!("postgresql://postgres@127.0.0.1:{port}/{db}?sslmode=disable&gssencmode=disable");
    store.capture(&Connection::parse(&url, &Environment::empty()).unwrap(), &options, &Control::default())
}

/// The same empty store each time, so that equal content has equal hashes.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let place: PathBuf = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &place)
        } else {
            std::fs::copy(entry.path(), place).map(drop).unwrap()
        }
    }
}

#[test]
fn a_cut_after_any_message_leaves_all_or_nothing() {
    let points = if std::env::var_os("OFFSHOOT_LONG").is_some() { 200 } else { 6 };
    let server = shared();
    let db = server.fresh_db("cut");
    server.psql(
        &db,
        &format!(
            "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, md5(i::text) FROM generate_series(1, {ROWS}) i;
             CREATE TABLE large (id int, v text); INSERT INTO large SELECT i, repeat(md5(i::text), 10000) FROM generate_series(1, 3) i;
             CREATE TABLE other AS SELECT * FROM t; SELECT lo_from_bytea(7001, 'small')"
        ),
    );
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    Store::init(&empty, InitOptions { raw: true }).unwrap();
    let made = |name: &str| {
        let place = folder.path().join(name);
        copy(&empty, &place);
        Store::open(place).unwrap()
    };
    let whole = Proxy::start(server, u64::MAX, false);
    let wanted = capture(&made("whole"), server, whole.port, &db).unwrap();
    let messages = whole.messages.load(Ordering::SeqCst);
    assert!(messages > 2 * ROWS, "{messages} messages are fewer than rows");
    let (mut partials, mut failed, mut again, mut reused) = (0, 0, 0, 0.0);
    for point in 0..points {
        // The first ones are about connecting and listing; rows are most.
        let cut_after =
            if point < points / 2 { point * 200 / points } else { messages * (2 * point - points) / points };
        let store = made(&format!("cut_{point}"));
        let proxy = Proxy::start(server, cut_after, point % 2 == 1);
        let first = capture(&store, server, proxy.port, &db);
        assert!(proxy.messages.load(Ordering::SeqCst) > cut_after, "nothing was cut");
        let outcome = match first {
            Ok(report) => {
                again += 1;
                report
            }
            Err(error) => {
                failed += 1;
                let told = matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Failed);
                assert!(told, "after message {cut_after}: {error:?}");
                partials += store.log(None).unwrap().len();
                // The cut was the only one.
                capture(&store, server, proxy.port, &db).unwrap_or_else(|error| panic!("after {cut_after}: {error:?}"))
            }
        };
        assert!(
            outcome.manifest.content_root == wanted.manifest.content_root,
            "cut after message {cut_after}: other content"
        );
        reused += outcome.reused_share() * outcome.manifest.stats.logical_bytes as f64;
    }
    // One of them, to the end.
    let copy = server.fresh_db("cut_copy");
    restore(&Store::open(folder.path().join(format!("cut_{}", points - 1))).unwrap(), server, &copy);
    assert_eq!(fingerprint(server, &copy), fingerprint(server, &db));
    println!(
        "captures cut at {points} points of {messages} messages: partials {partials}; {again} went on by themselves, {failed} when \
         run again; bytes reused {reused:.0} of {}",
        wanted.manifest.stats.logical_bytes * points
    );
    assert_eq!(partials, 0);
}
