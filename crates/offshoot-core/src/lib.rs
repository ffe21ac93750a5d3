//! The sync engine: store, ingest, read, verify, gc.
