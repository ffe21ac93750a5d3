//! Lists what is in a store, checks its structure, and says what gc would free. Needs no server.
//!
//!     cargo run -p offshoot --example inspect_store -- [STORE]
//!
//! Without an argument it makes an empty store in a temporary folder and looks at that.

use offshoot::{Control, Depth, GcOptions, InitOptions, Store, amounts};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let store = match std::env::args().nth(1) {
        Some(path) => Store::open(path)?,
        None => Store::init(folder.path().join("store"), InitOptions { raw: true })?,
    };
    let log = store.log(None)?;
    println!("{}: {} snapshots", store.place(), log.len());
    for entry in &log {
        let (rows, stored) = (amounts::count(entry.rows), amounts::bytes(entry.stored_bytes));
        println!("{}  {}  {rows} rows, {stored}", entry.id, amounts::moment(entry.taken_unix_ms));
        for table in store.snapshot(&entry.id.to_string())?.manifest.content.tables {
            println!("    {}.{}: {} rows", table.spec.schema, table.spec.name, table.root.rows);
        }
    }
    let control = Control::default();
    let report = store.verify(None, Depth::Quick, &control)?;
    println!("{} packs, {}", report.packs, if report.is_sound() { "sound" } else { "damaged" });
    print!("{}", store.plan_gc(&GcOptions::default(), &control)?);
    Ok(())
}
