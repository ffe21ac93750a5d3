//! A database with something in it for every phase of a restore, in which a test can stop a restore: rows, an index, a
//! constraint and a materialized view wait while the advisory lock of their phase is held.

/// The script.
pub const SCRIPT: &str = include_str!("phases.sql");

/// The lock of a phase, the beginning of the statement that waits for it, and the step that a restore is then in.
pub const HELD: [(i32, &str, &str); 4] = [
    (1, "COPY", "load public.t"),
    (2, "CREATE INDEX", "INDEX public.held_index"),
    (3, "ALTER TABLE", "CONSTRAINT public.t t_hold_excl"),
    (4, "REFRESH", "REFRESH public.m"),
];
