//! A real MySQL for tests, unpacked into the target folder from Debian's unstable packages.
//!
//! Debian's stable releases have MariaDB alone. The packages come with the loader and the libraries that they want, so that
//! they run on any Debian without touching it: small programs in `bin` start them with those. Nothing is installed but
//! mmdebstrap, which downloads, checks and unpacks. Optional: where it cannot be had, the tests that want it say that they
//! skip. What is there once is never fetched again.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::process::{Failure, program};
use crate::{place, setup};

/// The distribution's name of the release that has MySQL.
const RELEASE: &str = "sid";
/// What is unpacked, with what these depend on.
const PACKAGES: &str = "mysql-server-core,mysql-client-core,mysql-client";
/// Where Debian keeps the keys that its packages are signed with.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// What of the packages no server needs.
const UNNEEDED: [&str; 12] = [
    "dev",
    "tmp",
    "var/cache",
    "var/lib/apt",
    "var/lib/dpkg",
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "usr/share/perl",
    "usr/share/info",
    "usr/share/zoneinfo",
    "usr/share/icu",
];
/// The programs that get a start in `bin`.
const PROGRAMS: [&str; 6] =
    ["sbin/mysqld", "bin/mysql", "bin/mysqldump", "bin/mysqladmin", "bin/mysqlbinlog", "bin/mysql_tzinfo_to_sql"];

/// Where it is kept: `bin/mysqld` and so on.
pub fn dir() -> PathBuf {
    place::dir_named_by("OFFSHOOT_TEST_MYSQL", "mysql")
}

/// Makes sure that it is there.
pub fn fetch() -> Result<(), Failure> {
    let home = dir();
    if program(home.join("bin/mysqld")).arguments(&["--version"]).succeeds() {
        return Ok(());
    }
    let (loader, libraries) = platform()?;
    if !Path::new(KEYRING).is_file() {
        return Err(Failure::Failed("this system has not the keys of Debian's packages".to_owned()));
    }
    if !setup::has_program("mmdebstrap") {
        if !place::is_root() {
            return Err(Failure::Failed("mmdebstrap is not installed".to_owned()));
        }
        setup::install(&["mmdebstrap"])?;
    }
    let unfinished = home.with_extension("unfinished");
    remove(&unfinished)?;
    fs::create_dir_all(&unfinished).map_err(Failure::of_file("making", &unfinished))?;
    open_to_all(&unfinished)?;
    println!("fetching MySQL ({PACKAGES} of {RELEASE})");
    let root = unfinished.join("root");
    unpack(&root)?;
    UNNEEDED.iter().try_for_each(|name| remove(&root.join(name)))?;
    let bin = unfinished.join("bin");
    fs::create_dir(&bin).map_err(Failure::of_file("making", &bin))?;
    for name in PROGRAMS {
        let path = bin.join(Path::new(name).file_name().unwrap_or_default());
        fs::write(&path, start_of(name, loader, libraries)).map_err(Failure::of_file("writing", &path))?;
        open_to_all(&path)?;
    }
    program(bin.join("mysqld")).arguments(&["--version"]).output()?;
    remove(&home)?;
    fs::rename(&unfinished, &home).map_err(Failure::of_file("making", &home))
}

fn unpack(root: &Path) -> Result<(), Failure> {
    let mut arguments = vec![
        "--quiet".to_owned(),
        "--variant=extract".to_owned(),
        format!("--include={PACKAGES}"),
        format!("--keyring={KEYRING}"),
        "--aptopt=Acquire::Languages \"none\"".to_owned(),
        "--aptopt=Acquire::Check-Valid-Until \"false\"".to_owned(),
    ];
    if place::is_root() {
        arguments.push("--mode=root".to_owned());
    }
    arguments.extend(["doc", "man", "locale"].map(|name| format!("--dpkgopt=path-exclude=/usr/share/{name}/*")));
    arguments.extend([RELEASE.to_owned(), root.to_string_lossy().into_owned()]);
    arguments.extend(mirror());
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    program("mmdebstrap").arguments(&arguments).output().map(drop)
}

/// Where this machine takes Debian's packages from; on another system mmdebstrap knows a place.
fn mirror() -> Option<String> {
    let list = program("apt-get").arguments(&["indextargets", "--format", "$(ORIGIN) $(CODENAME) $(REPO_URI)"]);
    mirror_in(&list.output().ok()?)
}

/// The first place of a release itself, not of its updates or security fixes, in apt's list.
fn mirror_in(list: &str) -> Option<String> {
    list.lines().find_map(|line| {
        let mut words = line.split(' ');
        let is_release = words.next() == Some("Debian") && words.next().is_some_and(|name| !name.contains('-'));
        words.next().filter(|_| is_release).map(str::to_owned)
    })
}

/// Loader and folder of libraries of the packages, below their root.
fn platform() -> Result<(&'static str, &'static str), Failure> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Ok(("usr/lib64/ld-linux-x86-64.so.2", "usr/lib/x86_64-linux-gnu")),
        ("linux", "aarch64") => Ok(("usr/lib/ld-linux-aarch64.so.1", "usr/lib/aarch64-linux-gnu")),
        (system, machine) => Err(Failure::Failed(format!("there is no package of it for {system} on {machine}"))),
    }
}

/// A script that becomes the program, wherever the folder is by then.
fn start_of(name: &str, loader: &str, libraries: &str) -> String {
    format!(
        "#!/bin/sh\nroot=${{0%/*}}/../root\nexec \"$root/{loader}\" --argv0 \"$root/usr/{name}\" --library-path \
         \"$root/{libraries}:$root/usr/lib/mysql/private\" \"$root/usr/{name}\" \"$@\"\n"
    )
}

fn open_to_all(path: &Path) -> Result<(), Failure> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).map_err(Failure::of_file("opening", path))
}

/// Removes a folder that may be absent.
pub fn remove(path: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::of_file("removing", path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{mirror_in, start_of};

    #[test]
    fn the_place_of_a_release_is_taken() {
        let list = "Other nodistro https://a.example/\nDebian stable-security https://b.example/s\n\
                    Debian stable https://b.example/d\nDebian stable https://c.example/d\n";
        assert_eq!(mirror_in(list).as_deref(), Some("https://b.example/d"));
        assert_eq!(mirror_in("Ubuntu noble https://b.example/u\n"), None);
    }

    #[test]
    fn a_start_leads_to_the_program_beside_it() {
        let script = start_of("sbin/mysqld", "usr/lib64/ld.so", "usr/lib/x");
        assert!(script.starts_with("#!/bin/sh\nroot=${0%/*}/../root\nexec \"$root/usr/lib64/ld.so\""), "{script}");
        assert!(script.ends_with(" \"$root/usr/sbin/mysqld\" \"$@\"\n"), "{script}");
    }
}
