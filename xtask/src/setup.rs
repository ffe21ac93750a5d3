//! `setup`: what building and testing needs and the machine lacks, from Debian's packages.
//!
//! Looks first and installs only what is missing. As root it runs apt-get; otherwise it prints the commands and
//! stops. Installing the PostgreSQL server on Debian also makes a cluster and starts it: that one is removed at
//! once, since the tests start their own and a machine should run no server that its owner did not ask for.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::process::{Failure, program};
use crate::{mysql, place, plugins};

/// A thing that must be there, and the package that brings it.
struct Need {
    what: &'static str,
    package: &'static str,
    is_there: fn() -> bool,
    used_by: User,
}

/// What wants a need.
#[derive(Clone, Copy, PartialEq, Eq)]
enum User {
    /// Building.
    Build,
    /// An engine, by its name in the demo.
    Engine(&'static str),
    /// Tests alone.
    Tests,
}

const POSTGRES: User = User::Engine("postgres");
const MARIADB: User = User::Engine("mariadb");

#[rustfmt::skip]
const NEEDS: [Need; 7] = [
    Need { what: "a C compiler, linker and headers", package: "build-essential", is_there: has_compiler, used_by: User::Build },
    Need { what: "libclang, which reads the SQL parser's headers", package: "libclang-dev", is_there: has_libclang, used_by: User::Build },
    Need { what: "a PostgreSQL server", package: "postgresql", is_there: has_postgres, used_by: POSTGRES },
    // The package of the programs alone: the one with the service would start a server that nobody asked for.
    Need { what: "a MariaDB server", package: "mariadb-server-core", is_there: || has_program("mariadbd"), used_by: MARIADB },
    Need { what: "MariaDB's client programs", package: "mariadb-client", is_there: || has_program("mariadb-dump"), used_by: MARIADB },
    Need { what: "the programs of XFS, for pools of branches", package: "xfsprogs", is_there: || has_program("mkfs.xfs"), used_by: User::Tests },
    Need { what: "the programs of btrfs, for its tests", package: "btrfs-progs", is_there: || has_program("mkfs.btrfs"), used_by: User::Tests },
];

/// Where Debian's postgresql-common lists clusters: one folder per version, one per cluster in it.
const CLUSTERS_DIR: &str = "/etc/postgresql";

/// Installs what building and a demo of this engine want, and no more; or says how to.
pub fn for_demo(engine: &str) -> Result<(), Failure> {
    needs(|need| match need.used_by {
        User::Build => true,
        User::Engine(name) => name == engine,
        User::Tests => false,
    })?;
    if engine == "mysql" { mysql::fetch() } else { Ok(()) }
}

/// Installs what is missing for building and testing, or says how to.
pub fn run() -> Result<(), Failure> {
    needs(|_| true)?;
    browser();
    extensions();
    if let Err(Failure::Failed(why) | Failure::Usage(why)) = mysql::fetch() {
        eprintln!("setup: there is no MySQL for tests: {why}");
    }
    if let Err(Failure::Failed(why) | Failure::Usage(why)) = plugins::fetch() {
        eprintln!("setup: there are no plugins of MariaDB for tests: {why}");
    }
    Ok(())
}

/// A browser draws the page of a receipt in a test. Where it cannot be had, that test says so, and nothing else misses it.
fn browser() {
    let is_there = |name: &&str| program(name).arguments(&["--version"]).succeeds();
    if ["chromium", "chromium-browser", "google-chrome"].iter().any(is_there) {
        return;
    }
    if !place::is_root() || install(&["chromium"]).is_err() {
        eprintln!("setup: there is no Chromium (package chromium): the page of a receipt will not be drawn");
    }
}

/// Extensions that tests want beside those that every server has: languages for functions, and PostGIS, whose types many real
/// databases have. Tests say where they are not there.
fn extensions() {
    let homes = entries(Path::new("/usr/lib/postgresql"));
    let number = |home: &PathBuf| home.file_name()?.to_str()?.parse::<u32>().ok();
    let Some((home, major)) =
        homes.iter().filter_map(|home| Some((home, number(home)?))).max_by_key(|(_, major)| *major)
    else {
        return;
    };
    let all = [
        ("plperl", format!("postgresql-plperl-{major}")),
        ("plpython3", format!("postgresql-plpython3-{major}")),
        ("pltcl", format!("postgresql-pltcl-{major}")),
        ("postgis-3", format!("postgresql-{major}-postgis-3")),
    ];
    let missing = all.iter().filter(|(library, _)| !home.join(format!("lib/{library}.so")).is_file());
    let packages: Vec<&str> = missing.map(|(_, package)| package.as_str()).collect();
    if !packages.is_empty() && (!place::is_root() || install(&packages).is_err()) {
        eprintln!("setup: these extensions will not be tested: {}", packages.join(" "));
    }
}

fn needs(is_wanted: impl Fn(&Need) -> bool) -> Result<(), Failure> {
    let missing = || -> Vec<&Need> { NEEDS.iter().filter(|need| is_wanted(need) && !(need.is_there)()).collect() };
    let wanted = missing();
    if wanted.is_empty() {
        return Ok(());
    }
    for need in &wanted {
        eprintln!("setup: {} is missing (package {})", need.what, need.package);
    }
    let packages: Vec<&str> = wanted.iter().map(|need| need.package).collect();
    if !program("apt-get").arguments(&["--version"]).succeeds() {
        return Err(Failure::Failed(
            "there is no apt-get here: install the above by the system's own means".to_owned(),
        ));
    }
    if !place::is_root() {
        return Err(Failure::Failed(format!("run this, then try again:\n\n{}", commands_for(&packages))));
    }
    install(&packages)?;
    let still: Vec<&str> = missing().iter().map(|need| need.what).collect();
    if still.is_empty() {
        return Ok(());
    }
    Err(Failure::Failed(format!(
        "after installing {} this is still missing: {}",
        packages.join(", "),
        still.join("; ")
    )))
}

/// A program that only fetching wants: installed where that may be done, else the error says so.
pub fn tool(name: &str, package: &str, is_there: impl Fn() -> bool) -> Result<(), Failure> {
    if is_there() || place::is_root() && install(&[package]).is_ok() && is_there() {
        return Ok(());
    }
    Err(Failure::Failed(format!("{name} is not installed (package {package})")))
}

/// What a user who is not root is told to run.
fn commands_for(packages: &[&str]) -> String {
    let mut lines = vec!["  sudo apt-get update".to_owned()];
    if packages.contains(&"postgresql") {
        lines.push(
            "  sudo mkdir -p /etc/postgresql-common/createcluster.d\n  \
             echo 'create_main_cluster = false' | sudo tee /etc/postgresql-common/createcluster.d/no-main.conf"
                .to_owned(),
        );
    }
    lines.push(format!("  sudo apt-get install -y --no-install-recommends {}", packages.join(" ")));
    lines.join("\n")
}

/// Installs packages, as root.
pub fn install(packages: &[&str]) -> Result<(), Failure> {
    let before = clusters(Path::new(CLUSTERS_DIR));
    if !has_package_lists() {
        apt_get(&["update"])?;
    }
    let mut arguments = vec!["install", "-y", "--no-install-recommends"];
    arguments.extend(packages);
    if let Err(Failure::Failed(what) | Failure::Usage(what)) = apt_get(&arguments) {
        eprintln!("setup: {what}; trying again with fresh package lists");
        apt_get(&["update"])?;
        apt_get(&arguments)?;
    }
    for (version, name) in clusters(Path::new(CLUSTERS_DIR)).difference(&before) {
        eprintln!("setup: removing the empty cluster {version}/{name} that the package made");
        program("pg_dropcluster").arguments(&["--stop", version, name]).run()?;
    }
    Ok(())
}

fn apt_get(arguments: &[&str]) -> Result<(), Failure> {
    // Another apt may run, as on a machine that has just started: wait for its lock.
    let patient = program("apt-get").arguments(&["-q", "-o", "DPkg::Lock::Timeout=300"]);
    patient.arguments(arguments).variable("DEBIAN_FRONTEND", "noninteractive").run()
}

fn has_package_lists() -> bool {
    entries(Path::new("/var/lib/apt/lists")).iter().any(|path| path.to_string_lossy().contains("Packages"))
}

fn clusters(dir: &Path) -> BTreeSet<(String, String)> {
    let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let versions = entries(dir).into_iter().filter(|path| path.is_dir());
    versions
        .flat_map(|version| entries(&version).into_iter().map(move |cluster| (name(&version), name(&cluster))))
        .collect()
}

fn has_compiler() -> bool {
    let has_cc =
        program("cc").arguments(&["--version"]).succeeds() && program("c++").arguments(&["--version"]).succeeds();
    has_cc && program("make").arguments(&["--version"]).succeeds() && Path::new("/usr/include/stdlib.h").exists()
}

fn has_libclang() -> bool {
    if std::env::var_os("LIBCLANG_PATH").is_some() {
        return true;
    }
    let mut dirs: Vec<PathBuf> = entries(Path::new("/usr/lib")).into_iter().filter(|path| path.is_dir()).collect();
    let llvm: Vec<PathBuf> = dirs.iter().map(|dir| dir.join("lib")).filter(|dir| dir.is_dir()).collect();
    dirs.extend(llvm);
    dirs.extend([PathBuf::from("/usr/lib"), PathBuf::from("/usr/lib64"), PathBuf::from("/usr/local/lib")]);
    dirs.iter()
        .flat_map(|dir| entries(dir))
        .filter_map(|path| path.file_name().map(OsStr::to_owned))
        .any(|name| is_libclang(&name.to_string_lossy()))
}

/// Whether a file is the library with clang's C interface; the one for C++ alone, which other packages bring, is not.
fn is_libclang(name: &str) -> bool {
    let versioned = name.starts_with("libclang-") && !name.starts_with("libclang-cpp") && name.contains(".so");
    name.starts_with("libclang.so") || versioned
}

fn has_postgres() -> bool {
    let in_path = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join("initdb").is_file()));
    let packaged = entries(Path::new("/usr/lib/postgresql")).iter().any(|dir| dir.join("bin/initdb").is_file());
    (in_path || packaged) && program("psql").arguments(&["--version"]).succeeds()
}

/// Whether a program is there, in the folders of an administrator's programs too.
pub fn has_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    dirs.into_iter().any(|dir| dir.join(name).is_file())
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{clusters, commands_for, is_libclang};

    #[test]
    fn the_cpp_library_is_not_taken_for_libclang() {
        for name in ["libclang.so", "libclang.so.1", "libclang-14.so.1", "libclang-14.so.14.0.6"] {
            assert!(is_libclang(name), "{name}");
        }
        for name in ["libclang-cpp.so.14", "libclang-cpp.so", "libclangTooling.a", "libclang_rt.asan.so"] {
            assert!(!is_libclang(name), "{name}");
        }
    }

    #[test]
    fn the_commands_name_the_packages_and_make_no_cluster() {
        let commands = commands_for(&["build-essential", "postgresql"]);
        assert!(
            commands.ends_with("sudo apt-get install -y --no-install-recommends build-essential postgresql"),
            "{commands}"
        );
        assert!(commands.contains("create_main_cluster = false"), "{commands}");
        assert!(!commands_for(&["libclang-dev"]).contains("create_main_cluster"));
    }

    #[test]
    fn clusters_are_read_from_their_folders() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("15/main")).unwrap();
        fs::create_dir_all(dir.path().join("16/other")).unwrap();
        let found: Vec<_> = clusters(dir.path()).into_iter().collect();
        assert_eq!(found, [("15".into(), "main".into()), ("16".into(), "other".into())]);
        assert!(clusters(&dir.path().join("absent")).is_empty());
    }
}
