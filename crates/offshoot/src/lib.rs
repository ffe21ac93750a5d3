//! Snapshots of Postgres databases in content-addressed chunks, for embedders.
