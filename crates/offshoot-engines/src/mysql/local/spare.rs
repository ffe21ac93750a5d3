//! Files of a stopped server's data directory that a clone does without: they are of the server that ran, or are made anew
//! at the next start.

use super::{claim, settings};
use crate::local::hold;
use std::path::Path;

/// Files of the folder itself.
const OF_SERVER: [&str; 9] = [
    claim::PID_FILE,
    settings::PURPOSE_FILE,
    hold::FILE,
    // Who the server is: a clone is another.
    "auto.cnf",
    "ibtmp1",
    "ib_buffer_pool",
    "core",
    "ddl_recovery.log",
    "ddl_recovery-backup.log",
];

/// Folders whose files every start makes anew.
const EMPTIED: [&str; 1] = ["#innodb_temp"];

/// Whether a clone does without a file; the path is within the data directory. Folders are kept, empty if need be.
pub(super) fn is_spare(path: &Path) -> bool {
    let mut parts = path.components().map(|part| part.as_os_str().to_str());
    let (Some(Some(first)), second) = (parts.next(), parts.next()) else { return false };
    if second.is_none() {
        // Temporary tables and sorts of a server that was killed.
        return OF_SERVER.contains(&first) || first.ends_with(".new") || first.starts_with("#sql");
    }
    EMPTIED.contains(&first)
}

#[cfg(test)]
mod tests {
    use super::is_spare;
    use std::path::Path;

    #[test]
    fn what_a_server_needs_is_kept() {
        for kept in [
            "ibdata1",
            "ib_logfile0",
            "mysql.ibd",
            "undo_001",
            "aria_log_control",
            "aria_log.00000001",
            "#innodb_redo/#ib_redo5",
            "mysql/global_priv.frm",
            "shop/t.ibd",
            "shop/#sql.ibd",
            "offshoot.cnf",
            "offshoot.server",
            "server-key.pem",
        ] {
            assert!(!is_spare(Path::new(kept)), "{kept}");
        }
    }

    #[test]
    fn what_is_of_one_server_alone_is_not() {
        for spare in [
            "offshoot.pid",
            "offshoot.lock",
            "branch.cnf",
            "branch.cnf.new",
            "auto.cnf",
            "ibtmp1",
            "#innodb_temp/temp_1.ibt",
            "#sql-1_2.MAI",
        ] {
            assert!(is_spare(Path::new(spare)), "{spare}");
        }
    }
}
