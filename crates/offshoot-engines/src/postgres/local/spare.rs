//! Files of a stopped server's data directory that a clone does without: they are of the server that ran, or are made anew
//! at the next start. What a base backup leaves out, and our own.

use super::{hold, pid_file, settings};
use std::path::Path;

/// Files of the folder itself: of the server that ran.
const OF_SERVER: [&str; 4] = [pid_file::FILE, "postmaster.opts", hold::FILE, settings::PURPOSE_FILE];

/// Folders whose files are emptied or made anew at a start.
const EMPTIED: [&str; 6] = ["pg_dynshmem", "pg_notify", "pg_serial", "pg_snapshots", "pg_stat_tmp", "pg_subtrans"];

/// Whether a clone does without a file; the path is within the data directory. Folders are kept, empty if need be.
pub(super) fn is_spare(path: &Path) -> bool {
    let mut parts = path.components().map(|part| part.as_os_str().to_str());
    let (Some(Some(first)), second) = (parts.next(), parts.next()) else { return false };
    let Some(Some(name)) = path.components().next_back().map(|part| part.as_os_str().to_str()) else { return false };
    if second.is_none() {
        return OF_SERVER.contains(&first) || first.ends_with(".new") || first == "core";
    }
    // Caches of the catalog, which every start removes, and what temporary tables and sorts left.
    EMPTIED.contains(&first)
        || name.starts_with("pg_internal.init")
        || path.components().any(|part| part.as_os_str() == "pgsql_tmp")
        || first == "base" && is_temporary_relation(name)
}

/// `t3_16384`, a temporary table of a session.
fn is_temporary_relation(name: &str) -> bool {
    let numbers = name.strip_prefix('t').and_then(|rest| rest.split_once('_'));
    let is_number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    numbers.is_some_and(|(session, relation)| is_number(session) && is_number(relation))
}

#[cfg(test)]
mod tests {
    use super::is_spare;
    use std::path::Path;

    #[test]
    fn what_a_server_needs_is_kept() {
        for kept in [
            "PG_VERSION",
            "global/pg_control",
            "global/1262",
            "base/5/1259",
            "base/5/PG_VERSION",
            "pg_wal/000000010000000000000001",
            "pg_xact/0000",
            "postgresql.conf",
            "pg_hba.conf",
            "postgresql.auto.conf",
            "pg_multixact/members/0000",
            "pg_notify",
            "base/5/pg_filenode.map",
            "pg_stat/pgstat.stat",
            "base/t",
        ] {
            assert!(!is_spare(Path::new(kept)), "{kept}");
        }
    }

    #[test]
    fn what_is_of_one_server_alone_is_not() {
        for spare in [
            "postmaster.pid",
            "postmaster.opts",
            "offshoot.lock",
            "branch.conf",
            "branch.conf.new",
            "pg_notify/0000",
            "pg_subtrans/0000",
            "global/pg_internal.init",
            "base/5/pg_internal.init.123",
            "base/pgsql_tmp/pgsql_tmp1.0",
            "base/5/t3_16384",
            "base/5/t3_16384_fsm",
            "pg_stat_tmp/global.stat",
        ] {
            assert!(is_spare(Path::new(spare)), "{spare}");
        }
    }
}
