//! The plainest way to make a database again from what a capture said, so that both can be compared from outside: all
//! statements by psql, all rows by binary or text COPY.

use crate::memory::{Memory, Row, Table};
use futures_util::SinkExt as _;
use offshoot_core::source::Captured;
use offshoot_engines::postgres::quote::{ident_list, literal, qualified};
use offshoot_engines::postgres::types::TypeTree;
use offshoot_engines::postgres::types::rewrite::{Put, Rewriter};
use offshoot_format::manifest::Phase;
use offshoot_format::table::RowForm;
use offshoot_testkit::postgres::Server;
use tokio_postgres::{Client, NoTls};

/// Fills an empty database.
pub fn make(server: &Server, db: &str, captured: &Captured, memory: &Memory) {
    apply(server, db, captured, |phase| phase == Phase::PreData);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url = server.url(db);
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("SET search_path = pg_catalog; SET session_replication_role = replica").await.unwrap();
        let encoding: String = client.query_one("SHOW server_encoding", &[]).await.unwrap().get(0);
        let tables = memory.tables.lock().unwrap().clone();
        for ((schema, name), table) in &tables {
            assert!(table.is_finished, "{schema}.{name} was not finished");
            if schema.is_empty() {
                for row in &table.rows {
                    let oid = u32::from_be_bytes(row[0].clone().unwrap().try_into().unwrap());
                    let data = row[1].clone().unwrap();
                    client.execute("SELECT lo_from_bytea($1, $2)", &[&oid, &data]).await.unwrap();
                }
                continue;
            }
            load(&client, &encoding, table).await;
        }
    });
    for phase in [Phase::Index, Phase::Constraint, Phase::ForeignKey, Phase::PostData] {
        apply(server, db, captured, |of| of == phase);
    }
    for sequence in &captured.sequences {
        let name = literal(&qualified(&sequence.schema, &sequence.name));
        server.psql(db, &format!("SELECT setval({name}, {}, {})", sequence.last_value, sequence.is_called));
    }
}

fn apply(server: &Server, db: &str, captured: &Captured, is_wanted: impl Fn(Phase) -> bool) {
    let mut sql =
        "SELECT pg_catalog.set_config('search_path', '', false); SET check_function_bodies = off;\n".to_owned();
    for item in captured.schema.iter().filter(|item| is_wanted(item.phase)) {
        sql.push_str(&item.sql);
        sql.push_str(";\n");
    }
    server.psql(db, &sql);
}

async fn load(client: &Client, encoding: &str, table: &Table) {
    let spec = table.spec.as_ref().unwrap();
    let (schema, name) = (&spec.schema, &spec.name);
    let names = ident_list(spec.columns.iter().map(|column| column.name.as_str()));
    let list = if names.is_empty() { String::new() } else { format!("({names})") };
    let format = if spec.form == RowForm::Binary { "binary" } else { "text" };
    let sql = format!("COPY {} {list} FROM STDIN (FORMAT {format})", qualified(schema, name));
    let bytes = match spec.form {
        RowForm::Binary => {
            let types = client
                .query(
                    "SELECT atttypid FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 \
                     AND NOT attisdropped AND attgenerated = '' ORDER BY attnum",
                    &[&qualified(&spec.schema, &spec.name)],
                )
                .await
                .unwrap();
            let types: Vec<u32> = types.iter().map(|row| row.get(0)).collect();
            let tree = TypeTree::load(client, types.clone()).await.unwrap();
            binary(&table.rows, &tree, &types)
        }
        RowForm::Text => text(&table.rows),
    };
    let statement = client.prepare(&sql).await.unwrap();
    client.batch_execute(&format!("SET client_encoding = '{encoding}'")).await.unwrap();
    let mut sink = Box::pin(client.copy_in(&statement).await.unwrap());
    for chunk in bytes.chunks(1 << 20) {
        sink.send(bytes::Bytes::copy_from_slice(chunk)).await.unwrap();
    }
    let rows = sink.as_mut().finish().await.unwrap_or_else(|error| panic!("{schema}.{name}: {error:?}"));
    assert_eq!(rows as usize, table.rows.len());
    client.batch_execute("SET client_encoding = 'UTF8'").await.unwrap();
}

fn binary(rows: &[Row], tree: &TypeTree, types: &[u32]) -> Vec<u8> {
    let mut out = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
    for row in rows {
        out.extend((row.len() as i16).to_be_bytes());
        for (value, &oid) in row.iter().zip(types) {
            match value {
                None => out.extend((-1i32).to_be_bytes()),
                Some(bytes) => {
                    let mut bytes = bytes.clone();
                    Rewriter::new(tree, oid, Put::Declared).value(&mut bytes).unwrap();
                    out.extend((bytes.len() as i32).to_be_bytes());
                    out.extend(bytes);
                }
            }
        }
    }
    out.extend((-1i16).to_be_bytes());
    out
}

fn text(rows: &[Row]) -> Vec<u8> {
    let mut out = Vec::new();
    for row in rows {
        for (place, value) in row.iter().enumerate() {
            if place > 0 {
                out.push(b'\t');
            }
            let Some(bytes) = value else {
                out.extend(b"\\N");
                continue;
            };
            for &byte in bytes {
                match byte {
                    b'\\' => out.extend(b"\\\\"),
                    b'\n' => out.extend(b"\\n"),
                    b'\r' => out.extend(b"\\r"),
                    b'\t' => out.extend(b"\\t"),
                    byte => out.push(byte),
                }
            }
        }
        out.push(b'\n');
    }
    out
}
