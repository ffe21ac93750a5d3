//! Captures of real servers into memory: what came is compared with what SQL says, and with a database that is made
//! again from it.

#![allow(clippy::unwrap_used)]

mod again;
mod changes;
mod examined;
mod facts;
mod given_up;
mod memory;
mod rights;
mod round;
mod standby;
mod steps;
mod values;

use memory::Memory;
use offshoot_core::source::{Captured, Source};
use offshoot_core::{Control, CoreError};
use offshoot_engines::conninfo::{ConnInfo, Environment};
use offshoot_engines::postgres::capture::{CaptureOptions, PostgresSource};
use offshoot_testkit::postgres::Server;

/// Options that find pg_dump, with small ranges.
fn options(server: &Server) -> CaptureOptions {
    let mut options = CaptureOptions::default();
    options.pg_dump = vec![server.binaries().pg_dump().unwrap()];
    options.jobs = 3.try_into().unwrap();
    options.split_bytes = 256 << 10;
    options
}

fn conninfo(url: &str) -> ConnInfo {
    ConnInfo::parse(url, &Environment::new::<String, String>([], None, None)).unwrap()
}

fn capture_as(url: &str, options: CaptureOptions, control: &Control) -> Result<(Captured, Memory), CoreError> {
    let memory = Memory::new();
    let captured = PostgresSource::new(conninfo(url), options).capture(&memory, control)?;
    Ok((captured, memory))
}

#[track_caller]
fn capture(server: &Server, db: &str) -> (Captured, Memory) {
    capture_as(&server.url(db), options(server), &Control::default())
        .unwrap_or_else(|error| panic!("{}", story(&error)))
}

/// An error with all its causes.
fn story(error: &dyn std::error::Error) -> String {
    let mut story = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        story.push_str(&format!(" <- {error}"));
        cause = error.source();
    }
    story
}
