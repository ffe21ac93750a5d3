//! The piece of shared memory by which a server knows that another one works on its data directory.
//!
//! A server that is killed leaves it to the next on the same data; of a branch that is deleted in place of being started
//! again, it would stay until the machine goes down, and a system has room for a few thousand.

use super::owner::{Owner, system_program};
use super::pid_file::PidFile;
use std::fs;
use std::path::Path;

/// Removes what a killed server left, if nobody uses it. That it cannot be done is no reason to fail: it is a few bytes.
pub(super) fn remove(data: &Path, owner: Owner) {
    let Some((key, id)) = PidFile::read(data).and_then(|found| found.segment) else { return };
    let listed = fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
    if !is_left(&listed, key, id, owner.uid()) {
        return;
    }
    // As its owner, who can remove no other user's.
    if let Ok(ipcrm) = system_program("ipcrm")
        && let Ok(mut command) = owner.command(&ipcrm)
    {
        let _ = command.args(["-m", &id.to_string()]).status();
    }
}

/// Whether the system's list has it, with this key, of this user, used by nobody.
fn is_left(listed: &str, key: u32, id: u64, uid: u32) -> bool {
    let is_it = |line: &str| -> Option<bool> {
        let fields: Vec<i64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
        let (found_key, found_id, users, found_uid) =
            (*fields.first()?, *fields.get(1)?, *fields.get(6)?, *fields.get(7)?);
        let same_key = u32::try_from(found_key & i64::from(u32::MAX)).is_ok_and(|found| found == key);
        Some(same_key && u64::try_from(found_id) == Ok(id) && users == 0 && found_uid == i64::from(uid))
    };
    listed.lines().any(|line| is_it(line) == Some(true))
}

#[cfg(test)]
mod tests {
    use super::is_left;

    #[test]
    fn only_what_nobody_uses() {
        let listed = "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap\n\
                      -2007 688187   600                    56 26187 26187      0   101   104   101   104          1          2          3                  4096                     0\n\
                      15 7   600                    56 1 1      2   101   104   101   104          1          2          3                  4096                     0\n";
        assert!(is_left(listed, u32::MAX - 2006, 688_187, 101));
        assert!(!is_left(listed, u32::MAX - 2006, 688_187, 102));
        assert!(!is_left(listed, 15, 7, 101));
        assert!(!is_left("", 15, 7, 101));
    }
}
