//! What a made-up source says of itself.

use offshoot_core::source::Captured;
use offshoot_format::manifest::{Environment, Origin};

/// When the state of a made-up database was.
pub const TAKEN_UNIX_MS: u64 = 1_700_000_000_000;

/// The end of a capture of a database that has rows and nothing else.
pub fn captured(database: &str) -> Captured {
    Captured {
        taken_unix_ms: TAKEN_UNIX_MS,
        origin: Origin {
            engine: "made-up".into(),
            system_id: "1".into(),
            database_id: "2".into(),
            database: database.into(),
            position: String::new(),
        },
        environment: Environment::default(),
        schema: Vec::new(),
        sequences: Vec::new(),
        loads: Vec::new(),
        facts: Vec::new(),
        omitted: Vec::new(),
        not_carried: Vec::new(),
    }
}
