//! A store with something of everything in it, always the same: what a later program must be able to read.
//!
//! Randomness and time come from a counter and threads are one, so that making it twice gives equal bytes. It is made
//! by the engine itself through a source without a database. Kept copies are in `offshoot-core/tests/golden`.

use super::Dice;
use offshoot_core::capture::{CaptureOptions, capture};
use offshoot_core::gc::{Forget, GcOptions};
use offshoot_core::ingest::IngestOptions;
use offshoot_core::source::{Captured, LARGE_OBJECTS, Sink, Source};
use offshoot_core::store::{Clock, Entropy, ObjectName, OpenOptions, OpenStore, Store};
use offshoot_core::{Control, CoreError, Result};
use offshoot_format::column::Batch;
use offshoot_format::manifest::{
    Environment, Extension, Load, Membership, Note, Origin, Phase, Role, SchemaItem, Sequence,
};
use offshoot_format::record::Lease;
use offshoot_format::table::{ColumnSpec, Key, KeyOrder, Layout, RowForm, TableSpec};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// When the store is made: 2026-01-01, in milliseconds since 1970 UTC.
const MADE_UNIX_MS: u64 = 1_767_225_600_000;
const HOUR_MS: u64 = 3_600_000;
/// Length of the large values.
const BLOB_BYTES: usize = 300 << 10;

/// Makes the store. It has two snapshots under `prod`, one between them that was forgotten, the tag `v1`, the condemned
/// packs of the forgotten one, and the lease of a session that died.
///
/// # Errors
/// Those of the store.
pub fn make(store: &Arc<dyn Store>) -> Result<()> {
    let now = Arc::new(AtomicU64::new(MADE_UNIX_MS));
    let open = OpenStore::init_with(store.clone(), true, options(&now))?;
    let name = || "prod".parse().map_err(|_| CoreError::Protocol("not a name"));
    for edition in 0..3 {
        let options = CaptureOptions {
            name: Some(name()?),
            ingest: IngestOptions { encoders: 1, ..IngestOptions::default() },
            attempts: 1,
            ..CaptureOptions::default()
        };
        let made = capture(&open, &mut Everything { edition }, None, &options, &Control::default())?;
        if edition == 0 {
            open.tag(&"v1".parse().map_err(|_| CoreError::Protocol("not a name"))?, &made.snapshot)?;
        }
        now.fetch_add(HOUR_MS, Ordering::Relaxed);
    }
    open.forget(&open.plan_forget(&Forget::Snapshots(vec![open.resolve("prod~1")?]))?)?;
    open.gc(open.plan_gc(&GcOptions::default(), &Control::default())?, &Control::default())?;
    let now_unix_ms = now.load(Ordering::Relaxed);
    let lease = Lease {
        purpose: "capture".to_owned(),
        began_unix_ms: now_unix_ms,
        renewed_unix_ms: now_unix_ms,
        avoids: Vec::new(),
        holder: None,
    };
    store.put(&ObjectName::Lease([7; 32]), &lease.encode()?)?;
    Ok(())
}

/// Options under which nothing is left to chance.
fn options(now: &Arc<AtomicU64>) -> OpenOptions {
    let (now, rolls) = (now.clone(), AtomicU64::new(0));
    let fill = move |bytes: &mut [u8]| {
        let mut dice = Dice::new(rolls.fetch_add(1, Ordering::Relaxed));
        bytes.iter_mut().for_each(|byte| *byte = dice.roll() as u8);
        Ok(())
    };
    OpenOptions {
        heartbeat: None,
        lanes: 1,
        clock: Clock::new(move || now.load(Ordering::Relaxed)),
        entropy: Entropy::new(fill),
        ..OpenOptions::default()
    }
}

/// The made-up database in one of its three states.
struct Everything {
    edition: u64,
}

impl Source for Everything {
    fn capture(&mut self, sink: &dyn Sink, _control: &Control) -> Result<Captured> {
        let edition = self.edition;
        fill(sink, "codecs", "id:8 stamp:8 hash:16 zeros:80 status word note?", 600, &|row, column, dice| {
            let number = row + u64::from(row == 5) * edition;
            match column {
                0 => Some(row.to_be_bytes().to_vec()),
                1 => Some((MADE_UNIX_MS + 1000 * number + dice.roll() % 1000).to_be_bytes().to_vec()),
                2 => Some([dice.roll(), dice.roll()].map(u64::to_be_bytes).concat()),
                3 => Some(vec![0; 80]),
                4 => Some([&b"new"[..], b"paid", b"shipped"][dice.below(3)].to_vec()),
                5 => Some(format!("row {number} of {}", dice.below(1000)).into_bytes()),
                _ => (row % 3 > 0).then(|| sentence(dice, 8)),
            }
        })?;
        fill(sink, "empty", "id:4", 0, &|_, _, _| None)?;
        fill(sink, "equal rows", "a? b?", 40, &|row, _, _| (row % 4 > 0).then(|| vec![b'x'; 1 + row as usize % 2]))?;
        fill(sink, "large", "id:4 value?", 4, &|row, column, dice| match column {
            0 => Some((row as u32).to_be_bytes().to_vec()),
            _ => (row > 0).then(|| large(dice, row as usize * BLOB_BYTES / 2)),
        })?;
        // Leaves this small are encoded one after the other; larger ones of one table would be stored as threads fall.
        fill(sink, "many leaves", "id:4", 20_000, &|row, _, _| Some((row as u32 * 2).to_be_bytes().to_vec()))?;
        fill(sink, "text", "id:4 text", 3, &|row, column, dice| match column {
            0 => Some((row as u32).to_be_bytes().to_vec()),
            _ => Some(sentence(dice, 3000)),
        })?;
        fill(sink, "tiny", "id:4 same name?", 2 + edition, &|row, column, _| match column {
            0 => Some((row as u32).to_be_bytes().to_vec()),
            1 => Some(b"constant".to_vec()),
            _ => (row != 1).then(|| b"name".to_vec()),
        })?;
        fill(sink, LARGE_OBJECTS, "oid:4 data", 1, &|_, column, dice| match column {
            0 => Some(16_400u32.to_be_bytes().to_vec()),
            _ => Some(large(dice, BLOB_BYTES / 2)),
        })?;
        Ok(Captured { taken_unix_ms: MADE_UNIX_MS + edition * HOUR_MS, ..described() })
    }
}

/// The value of a column in a row; none is NULL.
type Value<'v> = &'v dyn Fn(u64, usize, &mut Dice) -> Option<Vec<u8>>;

/// Puts a table into the sink. Columns are given as `name`, `name:width`, with `?` where they may be NULL; the first one
/// is the key if it has a width.
fn fill(sink: &dyn Sink, name: &str, columns: &str, rows: u64, value: Value<'_>) -> Result<()> {
    let columns: Vec<ColumnSpec> = columns.split(' ').map(column).collect();
    let key = if columns[0].layout == Layout::Var { Key::WholeRow } else { Key::Unique(vec![0]) };
    let schema = if name == LARGE_OBJECTS { String::new() } else { "public".to_owned() };
    let spec = TableSpec { schema, name: name.to_owned(), columns, key, form: RowForm::Binary };
    let table = sink.table(&spec)?;
    let mut range = table.range(false)?;
    let mut batch = Batch::new(&spec.columns);
    let mut dice = Dice::new(rows);
    for row in 0..rows {
        for (number, column) in batch.columns.iter_mut().enumerate() {
            match value(row, number, &mut dice) {
                None => column.push_null(),
                Some(long) if long.len() > offshoot_format::column::INLINE_VALUE_BYTES_MAX => {
                    let mut blob = range.blob(number)?;
                    blob.write(&long)?;
                    blob.finish()?.push_to(column)?;
                }
                Some(value) => column.push(&value)?,
            }
        }
        batch.rows += 1;
    }
    range.push(batch)?;
    range.finish()?;
    table.finish()
}

fn column(text: &str) -> ColumnSpec {
    let (rest, nullable) = text.strip_suffix('?').map_or((text, false), |rest| (rest, true));
    let (name, width) = rest.split_once(':').unwrap_or((rest, ""));
    let layout = width.parse().map_or(Layout::Var, Layout::Fixed);
    let order = if layout == Layout::Fixed(4) { KeyOrder::Signed } else { KeyOrder::Bytes };
    ColumnSpec { name: name.to_owned(), type_name: format!("made_up.{rest}"), layout, order, nullable }
}

/// Words of a small language.
fn sentence(dice: &mut Dice, words: usize) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..words {
        (0..3).for_each(|_| text.extend_from_slice([b"ba", b"ke", b"lo", b"ru", b"ti"][dice.below(5)]));
        text.extend_from_slice(b" ");
    }
    text
}

/// A value that compresses well and is cut into several pieces.
fn large(dice: &mut Dice, bytes: usize) -> Vec<u8> {
    let mut value = Vec::with_capacity(bytes + 64);
    while value.len() < bytes {
        let part = dice.roll().to_le_bytes();
        (0..64).for_each(|_| value.extend_from_slice(&part));
    }
    value.truncate(bytes);
    value
}

/// Everything that a manifest can say beside rows.
fn described() -> Captured {
    let text = str::to_owned;
    let item = |phase, label: &str, sql: &str| SchemaItem {
        phase,
        label: text(label),
        table: Some((text("public"), text("tiny"))),
        sql: text(sql),
    };
    let role = Role {
        name: text("owner"),
        attributes: vec![text("CREATEDB")],
        member_of: vec![Membership {
            role: text("staff"),
            grantor: Some(text("chief")),
            admin: true,
            inherit: Some(false),
            set: None,
        }],
        settings: vec![(text("search_path"), text("public"))],
    };
    let environment = Environment {
        server_version: text("15.18"),
        server_version_num: 150_018,
        encoding: text("UTF8"),
        collate: text("C"),
        ctype: text("C"),
        locale_provider: text("icu"),
        locale: Some(text("und")),
        collation_version: Some(text("153.1")),
        collations: [(text("de"), text("153.1"))].into(),
        extensions: [(text("citext"), Extension { version: text("1.6"), schema: text("public") })].into(),
        settings: [(text("TimeZone"), text("UTC"))].into(),
        database_settings: vec![(text("work_mem"), text("'8MB'"))],
        roles: vec![role],
    };
    let load = Load { partitions: vec![(text("public"), text("part"))], append: true, identity: vec![0] };
    Captured {
        taken_unix_ms: MADE_UNIX_MS,
        origin: Origin {
            engine: text("made-up"),
            system_id: text("1"),
            database_id: text("2"),
            database: text("golden"),
            position: text("0/1"),
        },
        environment,
        schema: vec![
            item(Phase::PreData, "TABLE public.tiny", "CREATE TABLE tiny (id integer, name text)"),
            item(Phase::Index, "INDEX public.i", "CREATE INDEX i ON tiny (name)"),
            item(Phase::Constraint, "CONSTRAINT p", "ALTER TABLE tiny ADD CONSTRAINT p PRIMARY KEY (id)"),
            item(
                Phase::ForeignKey,
                "FK CONSTRAINT f",
                "ALTER TABLE tiny ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES tiny",
            ),
            item(Phase::PostData, "COMMENT", "COMMENT ON TABLE tiny IS 'tiny'"),
        ],
        sequences: vec![Sequence { schema: text("public"), name: text("s"), last_value: 41, is_called: true }],
        loads: vec![(text("public"), text("tiny"), load)],
        facts: Vec::new(),
        omitted: vec![Note { object: text("publication p"), reason: text("it belongs to the server") }],
        not_carried: vec![Note { object: text("cast c"), reason: text("it is not supported") }],
    }
}
