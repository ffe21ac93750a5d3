//! Files and folders that servers read: written so that nobody who owns the folder can lead a write of root's elsewhere,
//! and looked at before they are trusted.

use super::error::LocalError;
use super::owner::Owner;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The end of a file's name while it is written.
const UNFINISHED: &str = ".new";

/// The longest name of a socket: what `sockaddr_un` holds, less its end.
const SOCKET_BYTES_MAX: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// Writes a small file that only the owner may read: beside its place, then renamed over what is there.
pub(crate) fn put(path: &Path, text: &str, owner: Owner) -> Result<(), LocalError> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(UNFINISHED);
    let unfinished = PathBuf::from(unfinished);
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(LocalError::io("removing", unfinished)(error));
        }
        _ => {}
    }
    // A new file is never one that a link leads to.
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished).and_then(|mut file| {
        if let Some((uid, gid)) = owner.other() {
            std::os::unix::fs::fchown(&file, Some(uid), Some(gid))?;
        }
        file.write_all(text.as_bytes())?;
        fs::rename(&unfinished, path)
    });
    written.map_err(LocalError::io("writing", path))
}

/// More than any small file of a server's has.
const SMALL_BYTES_MAX: u64 = 256 << 10;

/// Opens a file of a folder that a server's user owns, and nothing that one could put in its place: a link to what that user may not
/// read, or a pipe that nobody ever writes into.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no file")) }
}

/// The text of a small file of such a folder.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    open(path)?.take(SMALL_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// Makes a folder that only the owner may enter.
pub(crate) fn make_private(path: &Path, owner: Owner) -> Result<(), LocalError> {
    DirBuilder::new().mode(0o700).create(path).map_err(LocalError::io("making", path))?;
    owner.take(path)
}

/// The same for one that may be there, if nothing is in it.
pub(crate) fn take_private(path: &Path, owner: Owner) -> Result<(), LocalError> {
    let mut entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return make_private(path, owner),
        entries => entries.map_err(LocalError::io("reading", path))?,
    };
    if entries.next().is_some() {
        return Err(LocalError::io("making", path)(io::ErrorKind::AlreadyExists.into()));
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(LocalError::io("closing", path))?;
    owner.take(path)
}

/// The file of a log, to append to.
pub(crate) fn open_log(path: &Path) -> Result<File, LocalError> {
    let flags = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0);
    let opened = OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(flags).open(path);
    opened.map_err(LocalError::io("opening", path))
}

/// Sees to it that the folder of a socket is there and nobody else's: who can enter it is let in without a password.
pub(crate) fn private_sockets(socket: &Path, owner: Owner) -> Result<(), LocalError> {
    let folder = socket.parent().unwrap_or(socket);
    if socket.as_os_str().len() > SOCKET_BYTES_MAX {
        return Err(LocalError::SocketPath { path: socket.to_path_buf(), bytes_max: SOCKET_BYTES_MAX });
    }
    let found = match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return make_private(folder, owner),
        found => found.map_err(LocalError::io("looking at", folder))?,
    };
    let is_open = found.mode() & 0o077 != 0;
    let why = if !found.is_dir() {
        "is no folder"
    } else if found.uid() == Owner::THIS.uid() && !is_open {
        // Of a process that was killed before it had handed it over. Nobody else has been in it.
        return owner.take(folder);
    } else if found.uid() != owner.uid() {
        "belongs to another user than the one that servers run as. Remove it, then try again"
    } else if is_open {
        "can be entered by others, who would be let in without a password. Take that away (chmod 700), then try again"
    } else {
        return Ok(());
    };
    Err(LocalError::Folder { path: folder.to_path_buf(), why: why.to_owned() })
}

/// Sees to it that the owner can come to a folder, whose own mode is not looked at.
pub(crate) fn reachable(folder: &Path, owner: Owner) -> Result<(), LocalError> {
    let Some((uid, gid)) = owner.other() else { return Ok(()) };
    for above in folder.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty()) {
        let found = fs::metadata(above).map_err(LocalError::io("looking at", above))?;
        let bit = match found {
            ref found if found.uid() == uid => 0o100,
            ref found if found.gid() == gid => 0o010,
            _ => 0o001,
        };
        if found.mode() & bit == 0 {
            let why = format!(
                "cannot be entered by the user {uid}, whom servers run as because servers refuse root. Choose another folder \
                 (OFFSHOOT_HOME), or let that user through (chmod o+x)"
            );
            return Err(LocalError::Folder { path: above.to_path_buf(), why });
        }
    }
    Ok(())
}

/// Whether nothing more can be written where a file is.
pub(crate) fn is_disk_full(path: &Path) -> bool {
    rustix::fs::statvfs(path).is_ok_and(|found| found.f_bavail == 0 || found.f_files > 0 && found.f_favail == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_planted_link_is_replaced_and_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("branch.conf"), dir.path().join("other"));
        fs::write(&other, "kept").unwrap();
        symlink(&other, &path).unwrap();
        symlink(&other, dir.path().join("branch.conf.new")).unwrap();
        put(&path, "text", Owner::of_this_process("postgres").unwrap()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "text");
        assert_eq!(fs::read_to_string(&other).unwrap(), "kept");
        let mode = fs::symlink_metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        symlink(&other, dir.path().join("log")).unwrap();
        assert!(open_log(&dir.path().join("log")).is_err());
    }

    #[test]
    fn what_is_no_file_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let (path, link, pipe) = (dir.path().join("f"), dir.path().join("link"), dir.path().join("pipe"));
        fs::write(&path, "text").unwrap();
        symlink(&path, &link).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
        assert_eq!(read(&path).unwrap(), "text");
        assert!(read(&link).is_err() && read(&pipe).is_err() && read(dir.path()).is_err());
        fs::write(&path, "x".repeat(1 << 20)).unwrap();
        assert_eq!(read(&path).unwrap().len() as u64, SMALL_BYTES_MAX);
    }

    #[test]
    fn sockets_are_nobody_elses_and_short() {
        let dir = tempfile::tempdir().unwrap();
        let owner = Owner::of_this_process("postgres").unwrap();
        let folder = dir.path().join("s");
        // One that was not handed over, then one that is as it should be.
        make_private(&folder, Owner::THIS).unwrap();
        private_sockets(&folder.join("s"), owner).unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().uid(), owner.uid());
        private_sockets(&folder.join("s"), owner).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o711)).unwrap();
        assert!(private_sockets(&folder.join("s"), owner).unwrap_err().to_string().contains("without a password"));
        let long = dir.path().join("x".repeat(100));
        assert!(private_sockets(&long.join("s"), owner).unwrap_err().to_string().contains("OFFSHOOT_RUNTIME"));
        assert!(!long.exists());
    }
}
