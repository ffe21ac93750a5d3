//! Captures and restores whose connections are cut after the Nth message of either side, between two messages or inside one: a
//! capture ends as if nothing had been, or in an error and with nothing to be seen; a restore's target is complete, marked or
//! empty, and a rerun completes it. Under TLS the cuts are between and inside records. OFFSHOOT_LONG cuts at 200 points.

#![allow(clippy::unwrap_used)]

use offshoot::{
    CaptureOptions, CaptureReport, Connection, Control, Environment, ErrorKind, InitOptions, RestoreOptions, Result,
    Store,
};
use offshoot_testkit::fingerprint::fingerprint;
use offshoot_testkit::postgres::{Server, ServerOptions, shared};
use offshoot_tests::{Scratch, restore};
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const ROWS: u64 = 4000;

/// What goes over a connection in one piece.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    /// A message: its type, and its length without that.
    Message,
    /// A record of TLS: its type, its version, and how much follows.
    Record,
}

impl Piece {
    fn plural(self) -> &'static str {
        match self {
            Self::Message => "messages",
            Self::Record => "TLS records",
        }
    }

    /// How long a piece is that begins so.
    fn bytes(self, head: [u8; 5]) -> usize {
        match self {
            Self::Message => u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize + 1,
            Self::Record => usize::from(u16::from_be_bytes([head[3], head[4]])) + head.len(),
        }
    }
}

/// One connection is cut after so many pieces of both sides over all of them, where it `is_inside` in the middle of the next.
#[derive(Clone)]
struct Cut {
    piece: Piece,
    after: u64,
    is_inside: bool,
    passed: Arc<AtomicU64>,
}

/// Stands between clients and a server, and cuts.
struct Proxy {
    port: u16,
    pieces: Arc<AtomicU64>,
}

impl Proxy {
    fn start(server: &Server, piece: Piece, after: u64, is_inside: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let pieces = Arc::new(AtomicU64::new(0));
        let cut = Cut { piece, after, is_inside, passed: Arc::clone(&pieces) };
        let server_port = server.port();
        // It ends with the test's process.
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", server_port)) else { continue };
                // Small pieces do not wait for each other.
                let _quick = (client.set_nodelay(true), server.set_nodelay(true));
                let cut = cut.clone();
                std::thread::spawn(move || cut.between(&client, &server));
            }
        });
        Self { port, pieces }
    }

    fn passed(&self) -> u64 {
        self.pieces.load(Ordering::SeqCst)
    }
}

impl Cut {
    /// Passes on what both say, until the server ends or the cut comes.
    fn between(&self, client: &TcpStream, server: &TcpStream) {
        let close = |client: &TcpStream, server: &TcpStream| {
            let _gone = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
        };
        let (Ok(from_client), Ok(to_server)) = (client.try_clone(), server.try_clone()) else { return };
        let of_client = self.clone();
        std::thread::spawn(move || {
            if of_client.pass(&from_client, &to_server, true).is_none() {
                close(&from_client, &to_server);
            }
            let _gone = to_server.shutdown(Shutdown::Write);
        });
        let _ended = self.pass(server, client, false);
        close(client, server);
    }

    /// Passes pieces on until one side ends; none where it has cut.
    fn pass(&self, mut from: &TcpStream, mut to: &TcpStream, is_client: bool) -> Option<()> {
        // What comes first has no type: a client's wish is as long as it says, and the answer to one for TLS is a byte.
        let mut piece = vec![0; if is_client { 4 } else { usize::from(self.piece == Piece::Record) }];
        if from.read_exact(&mut piece).is_err() {
            return Some(());
        }
        if let Ok(bytes) = <[u8; 4]>::try_from(piece.as_slice()) {
            piece.resize(u32::from_be_bytes(bytes) as usize, 0);
            if from.read_exact(&mut piece[4..]).is_err() {
                return Some(());
            }
        }
        while to.write_all(&piece).is_ok() {
            let mut head = [0; 5];
            if from.read_exact(&mut head).is_err() {
                break;
            }
            piece.clear();
            piece.extend(head);
            piece.resize(self.piece.bytes(head), 0);
            if from.read_exact(&mut piece[5..]).is_err() {
                break;
            }
            if self.passed.fetch_add(1, Ordering::SeqCst) == self.after {
                let half = if self.is_inside { piece.len() / 2 } else { 0 };
                let _last = to.write_all(&piece[..half]);
                return None;
            }
        }
        Some(())
    }
}

/// The address of a database behind a proxy.
fn behind(proxy: &Proxy, piece: Piece, db: &str) -> Connection {
    let mode = if piece == Piece::Record { "require" } else { "disable" };
    let url = format!("postgresql://postgres@127.0.0.1:{}/{db}?sslmode={mode}&gssencmode=disable", proxy.port);
    Connection::parse(&url, &Environment::empty()).unwrap()
}

fn capture(store: &Store, server: &Server, connection: &Connection) -> Result<CaptureReport> {
    let options = CaptureOptions {
        name: Some("prod".into()),
        pg_dump: vec![server.binaries().pg_dump().unwrap()],
        ..CaptureOptions::default()
    };
    store.capture(connection, &options, &Control::default())
}

/// The same empty store each time, so that equal content has equal hashes.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let place: PathBuf = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &place)
        } else {
            fs::copy(entry.path(), place).map(drop).unwrap()
        }
    }
}

/// Rows, values of several hundred kilobytes, large objects, and something for each phase of a restore.
fn database(server: &Server) -> String {
    let db = server.fresh_db("cut");
    server.psql(
        &db,
        &format!(
            "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, md5(i::text) FROM generate_series(1, {ROWS}) i;
             CREATE TABLE large (id int, v text); INSERT INTO large SELECT i, repeat(md5(i::text), 10000) FROM generate_series(1, 3) i;
             CREATE TABLE other AS SELECT * FROM t; SELECT lo_from_bytea(7001, 'small');
             CREATE INDEX by_v ON other (v); ALTER TABLE other ADD FOREIGN KEY (id) REFERENCES t;
             CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM t"
        ),
    );
    db
}

fn points_wanted(few: u64) -> u64 {
    if std::env::var_os("OFFSHOOT_LONG").is_some() { 200 } else { few }
}

/// After how many pieces of all each cut of a capture is: the first half is about connecting and listing; rows are most.
fn points(pieces: u64) -> Vec<u64> {
    let points = points_wanted(6);
    let early = |point| if point < points / 2 { Some(point * 200 / points) } else { None };
    (0..points).map(|point| early(point).unwrap_or_else(|| pieces * (2 * point - points) / points)).collect()
}

#[test]
fn a_cut_after_any_message_leaves_all_of_a_capture_or_nothing() {
    cut_captures(shared(), Piece::Message);
}

#[test]
fn a_cut_in_any_record_of_tls_leaves_all_of_a_capture_or_nothing() {
    cut_captures(&with_tls(), Piece::Record);
}

fn cut_captures(server: &Server, piece: Piece) {
    let db = database(server);
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    Store::init(&empty, InitOptions { raw: true }).unwrap();
    let made = |name: &str| {
        let place = folder.path().join(name);
        copy(&empty, &place);
        Store::open(place).unwrap()
    };
    let whole = Proxy::start(server, piece, u64::MAX, false);
    let wanted = capture(&made("whole"), server, &behind(&whole, piece, &db)).unwrap();
    let pieces = whole.passed();
    // Records hold many rows each.
    assert!(pieces > if piece == Piece::Message { 2 * ROWS } else { 200 }, "{pieces} pieces are too few");
    let points = points(pieces);
    let (mut partials, mut failed, mut again, mut reused) = (0, 0, 0, 0.0);
    for (point, &after) in points.iter().enumerate() {
        let store = made(&format!("cut_{point}"));
        let proxy = Proxy::start(server, piece, after, point % 2 == 1);
        let source = behind(&proxy, piece, &db);
        let first = capture(&store, server, &source);
        assert!(proxy.passed() > after, "nothing was cut");
        let outcome = match first {
            Ok(report) => {
                again += 1;
                report
            }
            Err(error) => {
                failed += 1;
                let told = matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Failed);
                assert!(told, "after {after}: {error:?}");
                partials += store.log(None).unwrap().len();
                // The cut was the only one.
                capture(&store, server, &source).unwrap_or_else(|error| panic!("after {after}: {error:?}"))
            }
        };
        assert!(outcome.manifest.content_root == wanted.manifest.content_root, "cut after {after}: other content");
        reused += outcome.reused_share() * outcome.manifest.stats.logical_bytes as f64;
    }
    // One of them, to the end.
    let copy = server.fresh_db("cut_copy");
    restore(&Store::open(folder.path().join(format!("cut_{}", points.len() - 1))).unwrap(), server, &copy);
    assert_eq!(fingerprint(server, &copy), fingerprint(server, &db));
    let what = piece.plural();
    println!(
        "cuts of captures: {} tried in {pieces} {what}, partials {partials}; {again} went on by themselves, {failed} when run \
         again; bytes reused {reused:.0} of {}",
        points.len(),
        wanted.manifest.stats.logical_bytes * points.len() as u64
    );
    assert_eq!(partials, 0);
}

/// What a target is after a restore that was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    /// Nothing is in it.
    Empty,
    /// It says that it is incomplete.
    Marked,
    /// All is in it, and it does not say that it is incomplete.
    Complete,
    /// Less is in it than should be, and it does not say so.
    Half,
}

fn state(server: &Server, db: &str, wanted: &str) -> Target {
    let looks = "SELECT to_regclass('offshoot_incomplete.restore') IS NOT NULL, count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    match server.psql(db, looks).as_str() {
        looks if looks.starts_with("t|") => Target::Marked,
        "f|0" => Target::Empty,
        _ if fingerprint(server, db) == wanted => Target::Complete,
        _ => Target::Half,
    }
}

#[test]
fn a_restore_that_is_cut_after_any_message_is_never_half_and_a_rerun_completes() {
    cut_restores(shared(), Piece::Message);
}

#[test]
fn a_restore_that_is_cut_in_any_record_of_tls_is_never_half_and_a_rerun_completes() {
    cut_restores(&with_tls(), Piece::Record);
}

fn cut_restores(server: &Server, piece: Piece) {
    let db = database(server);
    let wanted = fingerprint(server, &db);
    let scratch = Scratch::default();
    offshoot_tests::capture(&scratch.store, server, &db);
    let into = |proxy: &Proxy, copy: &str| {
        let target = behind(proxy, piece, copy);
        scratch.store.restore("prod", &target, &RestoreOptions::default(), &Control::default())
    };
    let whole = Proxy::start(server, piece, u64::MAX, false);
    let copy = server.fresh_db("cut_whole");
    into(&whole, &copy).unwrap();
    assert_eq!(state(server, &copy, &wanted), Target::Complete);
    let pieces = whole.passed();
    assert!(pieces > if piece == Piece::Message { 400 } else { 200 }, "{pieces} pieces are too few");
    // At the end the target is looked at and its mark taken away.
    let even = points_wanted(9);
    let points = (0..even).map(|point| pieces * point / even).chain([pieces - 30]).chain(pieces - 12..=pieces - 6);
    let mut left = Vec::new();
    for (point, after) in points.enumerate() {
        let copy = server.fresh_db("cut_copy");
        let proxy = Proxy::start(server, piece, after, point % 2 == 1);
        let outcome = into(&proxy, &copy);
        assert!(proxy.passed() > after, "nothing was cut");
        let is = state(server, &copy, &wanted);
        match outcome {
            Ok(_) => assert_eq!(is, Target::Complete, "after {after}"),
            Err(error) => {
                let told = matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Failed);
                assert!(told, "after {after}: {error:?}");
                // Also where only the answer to the last step was cut off: what failed is not complete and refused.
                into(&proxy, &copy).unwrap_or_else(|error| panic!("again, after {after}: {error:?}"));
            }
        }
        left.push(is);
        assert_eq!(state(server, &copy, &wanted), Target::Complete, "after {after}");
        server.dropdb(&copy);
    }
    let count = |wanted| left.iter().filter(|is| **is == wanted).count();
    let what = piece.plural();
    println!(
        "cuts of restores: {} tried in {pieces} {what}: {} targets empty, {} marked, {} complete, half targets {}; all complete in the end",
        left.len(),
        count(Target::Empty),
        count(Target::Marked),
        count(Target::Complete),
        count(Target::Half)
    );
    assert_eq!(count(Target::Half), 0);
}

/// A server with a certificate that it made for itself.
fn with_tls() -> Server {
    let server = Server::start(ServerOptions::new());
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let owner = fs::metadata(server.data_dir()).unwrap();
    for (name, text) in [("server.crt", made.cert.pem()), ("server.key", made.signing_key.serialize_pem())] {
        let path = server.data_dir().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
    server.add_settings("ssl = on\n");
    server.restart();
    server
}
