//! A MariaDB with its plugins for tests, unpacked into the target folder from the packages of this system's own release.
//!
//! Debian packs storage engines and ways to sign in apart from the server, with a service that would be started and a server's
//! configuration. So the packages are downloaded and unpacked, and not installed; the server's program comes with them because
//! plugins go with its exact version alone. It finds its messages and libraries in what is installed. Optional: tests that want
//! it say that they skip. What is there once is never fetched again.

use std::fs;
use std::path::PathBuf;

use crate::mysql::remove;
use crate::place;
use crate::process::{Failure, program};

/// The server's program, its plugins, and two that are packed apart from those.
const PACKAGES: [&str; 4] =
    ["mariadb-server-core", "mariadb-server", "mariadb-plugin-connect", "mariadb-plugin-spider"];

/// What of them is kept, below `usr`.
const KEPT: [&str; 2] = ["sbin/mariadbd", "lib/mysql/plugin"];

/// Where it is kept: `sbin/mariadbd` and `lib/mysql/plugin`.
pub fn dir() -> PathBuf {
    place::dir_named_by("OFFSHOOT_TEST_MARIADB", "mariadb")
}

/// Makes sure that it is there.
pub fn fetch() -> Result<(), Failure> {
    let home = dir();
    if program(home.join("sbin/mariadbd")).arguments(&["--version"]).succeeds() {
        return Ok(());
    }
    let unfinished = home.with_extension("unfinished");
    remove(&unfinished)?;
    let (packages, root) = (unfinished.join("packages"), unfinished.join("root"));
    fs::create_dir_all(&packages).map_err(Failure::of_file("making", &packages))?;
    println!("fetching MariaDB's plugins ({})", PACKAGES.join(", "));
    program("apt-get").arguments(&["-q", "download"]).arguments(&PACKAGES).in_dir(&packages).output()?;
    for package in fs::read_dir(&packages).map_err(Failure::of_file("reading", &packages))?.flatten() {
        let (package, root) = (package.path(), root.to_string_lossy().into_owned());
        program("dpkg-deb").arguments(&["-x", &package.to_string_lossy(), &root]).output()?;
    }
    for name in KEPT {
        let (from, to) = (root.join("usr").join(name), unfinished.join(name));
        let folder = to.parent().unwrap_or(&unfinished);
        fs::create_dir_all(folder).map_err(Failure::of_file("making", folder))?;
        fs::rename(&from, &to).map_err(Failure::of_file("moving", &from))?;
    }
    program(unfinished.join("sbin/mariadbd")).arguments(&["--version"]).output()?;
    [&packages, &root].into_iter().try_for_each(|done| remove(done))?;
    remove(&home)?;
    fs::rename(&unfinished, &home).map_err(Failure::of_file("making", &home))
}
