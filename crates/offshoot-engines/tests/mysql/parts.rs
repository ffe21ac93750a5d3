//! Large tables whose keys are no integers are read in parts by several readers, and every row comes once whatever its key is.

use crate::capture::options;
use crate::memory::{Memory, Row};
use crate::support::{Database, servers};
use offshoot_core::Control;
use offshoot_core::source::Source;
use offshoot_engines::mysql::capture::MysqlSource;
use std::fmt::Write as _;

const ROWS: u64 = 6000;

/// What keys of texts are put together from: what collations order in ways of their own.
const PIECES: [&str; 32] = [
    "a",
    "A",
    "b",
    "Z",
    "z",
    "0",
    "9",
    " ",
    "  ",
    "\t",
    "'",
    "\"",
    "\\",
    "`",
    "%",
    "_",
    "-",
    "ch",
    "CH",
    "ss",
    "\u{df}",
    "\u{e9}",
    "e\u{301}",
    "\u{c5}",
    "aa",
    "\u{430}",
    "\u{42f}",
    "\u{6f22}",
    "\u{5b57}",
    "\u{1f600}",
    "\u{200d}",
    "\u{0}",
];

/// Numbers by dice that fall the same each time.
fn dice(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move |sides| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) % sides
    }
}

fn nasty(mut dice: impl FnMut(u64) -> u64, is_latin1: bool) -> String {
    let mut text = String::new();
    for _ in 0..dice(9) {
        let piece = PIECES[dice(PIECES.len() as u64) as usize];
        if !is_latin1 || piece.chars().all(|c| u32::from(c) < 0x100) {
            text.push_str(piece);
        }
    }
    let hex = text.bytes().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    format!("CONVERT(x'{hex}' USING utf8mb4)")
}

/// A table's columns and key, and the values of its key for a row.
type Case = (&'static str, &'static str, fn(u64) -> String);

fn texts(seed: u64) -> String {
    nasty(dice(seed), false)
}

const CASES: [Case; 19] = [
    ("k VARCHAR(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "k", texts),
    ("k VARCHAR(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", "k", texts),
    ("k VARCHAR(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci", "k", texts),
    ("k VARCHAR(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_czech_ci", "k", texts),
    ("k VARCHAR(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_danish_ci", "k", texts),
    ("k CHAR(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_spanish2_ci", "k", texts),
    ("k VARCHAR(60) CHARACTER SET latin1 COLLATE latin1_german2_ci", "k", |seed| nasty(dice(seed), true)),
    ("k VARCHAR(60) CHARACTER SET latin1 COLLATE latin1_swedish_ci", "k", |seed| nasty(dice(seed), true)),
    ("k VARCHAR(40) CHARACTER SET ascii", "k", |seed| format!("SUBSTR(SHA2({seed}, 256), 1, 30)")),
    ("k VARBINARY(70)", "k", |seed| format!("CONCAT(UNHEX(SUBSTR(SHA2({seed}, 256), 1, {})), '')", 2 * (seed % 9))),
    ("k BINARY(16)", "k", |seed| format!("UNHEX(SUBSTR(SHA2({seed}, 256), 1, 28))")),
    ("k DECIMAL(20,4)", "k", |seed| {
        format!("{}.{:04}", dice(seed)(2_000_000_000) as i64 - 1_000_000_000, seed % 10_000)
    }),
    ("k DATETIME(3)", "k", |seed| match seed {
        0 => "'0000-00-00'".to_owned(),
        1 => "'2020-02-00'".to_owned(),
        _ => format!("TIMESTAMPADD(SECOND, {}, '1999-12-31 23:59:59.5')", dice(seed)(1_000_000_000)),
    }),
    ("k TIME(2)", "k", |seed| format!("SEC_TO_TIME({})", dice(seed)(6_000_000) as i64 - 3_000_000)),
    ("k DATE, l CHAR(20)", "k, l", |seed| format!("'2026-01-0{}', SHA2({seed}, 256) + {seed}", 1 + seed % 3)),
    (
        "`k``'\"\u{e9}` CHAR(30), `HEX(l)` INT",
        "`k``'\"\u{e9}`, `HEX(l)`) ) PARTITION BY KEY () PARTITIONS 3 -- ",
        |seed| format!("SHA2({seed}, 256), {seed}"),
    ),
    ("k VARCHAR(10), l VARBINARY(40)", "k, l", |seed| match seed % 2 {
        0 => format!("'tenant', SHA2({seed}, 256)"),
        _ => format!("'TENANT', CONCAT(SHA2({seed}, 256), 'x')"),
    }),
    ("k TINYINT, l INT, m VARCHAR(20)", "k, l, m", |seed| format!("{}, {}, {seed}", seed as i64 % 2 - 1, seed % 7)),
    ("k INT, l VARCHAR(60) COLLATE utf8mb4_bin, m ENUM('x','y')", "k, l, m", |seed| {
        format!("7, {}, {}", texts(seed), 1 + seed % 2)
    }),
];

/// All rows in the order of their bytes, read by several readers or by one.
fn read(database: &Database, jobs: usize) -> (Vec<Row>, usize) {
    let mut options = options();
    options.jobs = jobs.try_into().unwrap();
    options.split_bytes = 64 << 10;
    let mut memory = Memory::new();
    // So that a reader that comes later has something to take.
    memory.ranges_awaited = jobs.min(2);
    MysqlSource::new(database.conninfo.clone(), options)
        .capture(&memory, &Control::default())
        .unwrap_or_else(|error| panic!("{error:?}"));
    let mut table = memory.table("", "t");
    table.rows.sort();
    (table.rows, table.ranges)
}

fn is_read_in_parts(url: &str, columns: &str, key: &str, values: fn(u64) -> String) {
    let database = Database::new(url);
    database
        .run(&format!("CREATE TABLE t ({columns}, filler VARCHAR(200), PRIMARY KEY ({key})) CHARACTER SET utf8mb4"));
    let mut session = database.session();
    session.execute("set up", "SET SESSION sql_mode = ''").unwrap();
    for first in (0..ROWS).step_by(1000) {
        let rows: Vec<String> =
            (first..first + 1000).map(|seed| format!("({}, REPEAT('v', 150))", values(seed))).collect();
        let sql = format!("INSERT IGNORE INTO t VALUES {}", rows.join(", "));
        session.execute("fill it", &sql).unwrap_or_else(|error| panic!("{columns}: {error}"));
    }
    session.query("count its pages", "ANALYZE TABLE t").unwrap();
    let count: Option<usize> = session.query_one("count", "SELECT COUNT(*) FROM t").unwrap().parse(0).unwrap();
    let (whole, ranges) = read(&database, 1);
    assert_eq!((Some(whole.len()), ranges), (count, 1), "{columns}");
    let (parted, ranges) = read(&database, 3);
    println!("{columns}: {} rows in {ranges} ranges", whole.len());
    assert_eq!(parted.len(), whole.len(), "{columns}");
    assert!(parted == whole, "{columns}");
    assert!(ranges > 1, "{columns}: it was read by one reader");
}

#[test]
fn tables_are_read_in_parts_by_keys_of_any_kind() {
    for (name, url) in servers() {
        for (columns, key, values) in CASES {
            is_read_in_parts(&url, columns, key, values);
        }
        let others: &[Case] = match name {
            "mysql" => &[
                ("k VARCHAR(60) COLLATE utf8mb4_0900_ai_ci", "k", texts),
                ("k VARCHAR(60) COLLATE utf8mb4_ja_0900_as_cs_ks", "k", texts),
                ("k VARCHAR(60)", "k DESC", texts),
            ],
            _ => &[
                ("k UUID", "k", |seed| {
                    format!(
                        "INSERT(INSERT(INSERT(INSERT(LEFT(SHA2({seed}, 256), 32), 21, 0, '-'), 17, 0, '-'), 13, 0, '-'), 9, 0, '-')"
                    )
                }),
                ("k VARCHAR(60) COLLATE utf8mb4_unicode_nopad_ci", "k", texts),
            ],
        };
        for (columns, key, values) in others {
            is_read_in_parts(&url, columns, key, *values);
        }
    }
}
