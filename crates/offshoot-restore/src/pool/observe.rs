//! What is there of a pool: files, mounts, loop devices. It changes nothing and asks for no rights.

use super::Pool;
use super::error::{PoolError, Result};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Seen {
    /// The pool's file.
    pub image: Option<File>,
    /// Whether there is one that was not finished.
    pub unfinished: bool,
    /// Whether there is one that was to be removed.
    pub doomed: Option<File>,
    /// Whether there is a folder to mount at.
    pub mount_point: bool,
    /// The mounted file system.
    pub mounted: Option<Mounted>,
    /// Loop devices of the pool's files, mounted or not.
    pub loops: Vec<String>,
    /// Bytes that are left on the disk that the file is on.
    pub host_free_bytes: u64,
    /// Who owns the pool's folder, and its mode.
    pub folder: (u32, u32),
}

/// A file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct File {
    /// Its size.
    pub bytes: u64,
    /// What it occupies.
    pub allocated_bytes: u64,
}

/// A mounted pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mounted {
    /// Its loop device.
    pub device: String,
    /// Bytes that it can hold in all.
    pub total_bytes: u64,
    /// Bytes that are left.
    pub free_bytes: u64,
    /// User, group and mode of its topmost folder.
    pub root: (u32, u32, u32),
}

/// Looks.
pub(super) fn look(pool: &Pool) -> Result<Seen> {
    let folder = fs::metadata(&pool.folder).map_err(PoolError::of("looking at", &pool.folder))?;
    let loops = loops_of(&[pool.image(), pool.unfinished(), pool.doomed()]);
    let image = file(&pool.image())?;
    let doomed = file(&pool.doomed())?;
    let mounted = mounted(pool, &loops)?;
    Ok(Seen {
        image,
        unfinished: file(&pool.unfinished())?.is_some(),
        doomed,
        mount_point: mounted.is_some() || exists(&pool.mount_point())?,
        mounted,
        loops,
        host_free_bytes: room(&pool.folder)?.1,
        folder: (folder.uid(), folder.mode()),
    })
}

fn file(path: &Path) -> Result<Option<File>> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => Ok(Some(File { bytes: found.len(), allocated_bytes: found.blocks() * 512 })),
        Ok(_) => Err(PoolError::Folder { folder: path.to_owned(), why: "what stands there is not a file" }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(PoolError::of("looking at", path)(error)),
    }
}

fn exists(path: &Path) -> Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => Ok(true),
        Ok(_) => Err(PoolError::Folder { folder: path.to_owned(), why: "what stands there is not a folder" }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(PoolError::of("looking at", path)(error)),
    }
}

/// Bytes in all and bytes left.
fn room(folder: &Path) -> Result<(u64, u64)> {
    let room = rustix::fs::statvfs(folder).map_err(|errno| PoolError::of("looking at", folder)(errno.into()))?;
    Ok((room.f_blocks * room.f_frsize, room.f_bavail * room.f_frsize))
}

fn mounted(pool: &Pool, loops: &[String]) -> Result<Option<Mounted>> {
    let (mount, table) = (pool.mount_point(), Path::new("/proc/self/mountinfo"));
    let text = fs::read_to_string(table).map_err(PoolError::of("a pool wants Linux: reading", table))?;
    let Some(device) = device_at(&text, &mount) else { return Ok(None) };
    if !loops.contains(&device) {
        return Err(PoolError::Foreign { mount, device });
    }
    let (total_bytes, free_bytes) = room(&mount)?;
    let root = fs::metadata(&mount).map_err(PoolError::of("looking at", &mount))?;
    Ok(Some(Mounted { device, total_bytes, free_bytes, root: (root.uid(), root.gid(), root.mode() & 0o7777) }))
}

/// The device that is mounted at a place, the topmost if there are several; from the text of mountinfo.
fn device_at(text: &str, mount: &Path) -> Option<String> {
    let wanted = mount.to_str()?;
    text.lines().rev().find_map(|line| {
        let (fields, rest) = line.split_once(" - ")?;
        let at = fields.split(' ').nth(4)?;
        (unescaped(at) == wanted).then(|| rest.split(' ').nth(1).map(unescaped))?
    })
}

/// A name of mountinfo, where spaces, tabs and backslashes stand as octal numbers.
fn unescaped(name: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = name.as_bytes();
    while let [first, after @ ..] = rest {
        let code = after.get(..3).filter(|_| *first == b'\\').and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 8).ok()) {
            Some(byte) => (bytes.push(byte), rest = &after[3..]).1,
            None => (bytes.push(*first), rest = after).1,
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The loop devices whose files these are.
fn loops_of(files: &[PathBuf]) -> Vec<String> {
    let names = fs::read_dir("/sys/block").into_iter().flatten().flatten().map(|entry| entry.file_name());
    let mut found: Vec<String> = names
        .filter_map(|name| name.into_string().ok())
        .filter(|name| {
            let told = fs::read_to_string(format!("/sys/block/{name}/loop/backing_file")).unwrap_or_default();
            let told = told.trim_end_matches('\n');
            let told = told.strip_suffix(" (deleted)").unwrap_or(told);
            files.iter().any(|file| file.to_str() == Some(told))
        })
        .map(|name| format!("/dev/{name}"))
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_found_by_their_place() {
        let text = "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
            40 22 7:0 / /home/a\\040b/pool rw,nosuid - xfs /dev/loop0 rw,attr2\n\
            41 40 7:1 / /home/a\\040b/pool rw - xfs /dev/loop1 rw\n\
            42 22 0:9 / /nothing rw - tmpfs tmp\\134fs rw\n";
        assert_eq!(device_at(text, Path::new("/home/a b/pool")).as_deref(), Some("/dev/loop1"));
        assert_eq!(device_at(text, Path::new("/nothing")).as_deref(), Some("tmp\\fs"));
        assert_eq!(device_at(text, Path::new("/home/a b")), None);
        assert_eq!(device_at("nonsense - \n\n1 2 3", Path::new("/")), None);
    }
}
