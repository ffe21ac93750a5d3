//! `test --regress`: PostgreSQL's own regression database through a store and back.
//!
//! Its tests leave a database of a few hundred tables with nearly everything that PostgreSQL knows. They are in the
//! source package of the installed server, and a library of C functions that they call must be built against its
//! headers. Both come by apt into the target folder, with lists and configuration of our own: nothing of the machine is
//! changed, and no right is needed. What runs the tests and compares is the program `regress` of the package
//! `offshoot-tests`.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::place;
use crate::process::{Failure, Program, cargo, program};

/// Where apt's lists of sources are.
const APT_DIR: &str = "/etc/apt";

/// Fetches and builds what is missing, and compares.
pub fn run() -> Result<(), Failure> {
    let installed = Installed::find()?;
    let home = place::dir_for_servers("regress").join(&installed.version);
    if !home.is_dir() {
        installed.fetch(&home)?;
    }
    cargo(&["run", "--quiet", "--package", "offshoot-tests", "--bin", "regress", "--"])
        .arguments(&[&home.to_string_lossy(), &installed.pg_regress.to_string_lossy()])
        .run()
}

/// The server that Debian's packages brought.
struct Installed {
    package: String,
    major: String,
    version: String,
    pg_regress: PathBuf,
    lib_dir: PathBuf,
}

impl Installed {
    fn find() -> Result<Self, Failure> {
        let homes = entries(Path::new("/usr/lib/postgresql"));
        let number = |home: &PathBuf| home.file_name()?.to_str()?.parse::<u32>().ok();
        let home = homes.into_iter().filter(|home| home.join("bin/initdb").is_file()).max_by_key(number);
        let home = home.ok_or_else(|| {
            Failure::Failed("the regression tests want a PostgreSQL server of Debian's packages".to_owned())
        })?;
        let major = home.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let package = format!("postgresql-{major}");
        let version = program("dpkg-query").arguments(&["-W", "-f", "${source:Version}", &package]).output()?;
        let lib_dir = home.join("lib");
        Ok(Self { package, major, version, pg_regress: lib_dir.join("pgxs/src/test/regress/pg_regress"), lib_dir })
    }

    /// Makes `home/regress`, the tests, and `home/lib`, the libraries that they load.
    fn fetch(&self, home: &Path) -> Result<(), Failure> {
        let work = home.with_file_name(format!("{}.unfinished", self.version));
        if work.exists() {
            fs::remove_dir_all(&work).map_err(Failure::of_file("removing", &work))?;
        }
        let dirs = ["apt/lists/partial", "apt/cache/archives/partial", "apt/sources", "lib"];
        dirs.iter()
            .try_for_each(|dir| fs::create_dir_all(work.join(dir)).map_err(Failure::of_file("making", &work)))?;
        println!("fetching the source of {} {}", self.package, self.version);
        let sources = work.join("apt/sources");
        let count = write_sources(Path::new(APT_DIR), &sources)?;
        if count == 0 {
            return Err(Failure::Failed(format!("apt has no sources of packages in {APT_DIR}")));
        }
        apt_get(&work).arguments(&["update"]).output()?;
        let source = format!("{}={}", self.package, self.version);
        apt_get(&work).arguments(&["--only-source", "source", &source]).output()?;
        let headers = format!("postgresql-server-dev-{}={}", self.major, self.version);
        apt_get(&work).arguments(&["download", &headers]).output()?;
        let archive = only(&work, |path| path.extension() == Some(OsStr::new("deb")))?;
        program("dpkg-deb").arguments(&["-x", &archive.to_string_lossy(), "headers"]).in_dir(&work).output()?;
        let tests = only(&work, |path| path.join("src/test/regress").is_dir())?.join("src/test/regress");
        self.build(&work, &tests)?;
        fs::rename(&tests, work.join("regress")).map_err(Failure::of_file("moving", &tests))?;
        program("chmod").arguments(&["-R", "a+rX", "."]).in_dir(&work).output()?;
        fs::rename(&work, home).map_err(Failure::of_file("making", home))?;
        // The rest is large, and not needed again.
        let rest = entries(home).into_iter().filter(|path| !["regress", "lib"].iter().any(|kept| path.ends_with(kept)));
        rest.into_iter().try_for_each(|path| {
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.map_err(Failure::of_file("removing", &path))
        })
    }

    /// The tests' own library, and beside it two of contrib's that they load from the same folder.
    fn build(&self, work: &Path, tests: &Path) -> Result<(), Failure> {
        let include = format!("-Iheaders/usr/include/postgresql/{}/server", self.major);
        let host = format!("-DHOST_TUPLE=\"{}-linux-gnu\"", std::env::consts::ARCH);
        let source = tests.join("regress.c");
        program("cc")
            .arguments(&["-shared", "-fPIC", "-O1", "-w", &host, &include, "-o", "lib/regress.so"])
            .arguments(&[&source.to_string_lossy()])
            .in_dir(work)
            .output()?;
        ["refint.so", "autoinc.so"].iter().try_for_each(|name| {
            let from = self.lib_dir.join(name);
            fs::copy(&from, work.join("lib").join(name)).map(drop).map_err(Failure::of_file("copying", &from))
        })
    }
}

/// apt-get with lists, sources and cache in `work`, and otherwise as the machine is set up.
fn apt_get(work: &Path) -> Program {
    let dir = |name: &str| work.join("apt").join(name).to_string_lossy().into_owned();
    let options = [
        format!("Dir::Etc::SourceParts={}", dir("sources")),
        "Dir::Etc::SourceList=/dev/null".to_owned(),
        format!("Dir::State::Lists={}", dir("lists")),
        format!("Dir::Cache={}", dir("cache")),
        // Files are written here by whoever runs this.
        "APT::Sandbox::User=".to_owned(),
    ];
    options
        .iter()
        .fold(program("apt-get").arguments(&["-q"]), |apt, option| apt.arguments(&["-o", option]))
        .in_dir(work)
}

/// Writes the machine's lists of packages again, with sources beside the packages; gives how many there are.
fn write_sources(from: &Path, to: &Path) -> Result<usize, Failure> {
    let mut lists = entries(&from.join("sources.list.d"));
    lists.push(from.join("sources.list"));
    let mut count = 0;
    for list in lists {
        let (Ok(text), Some(name)) = (fs::read_to_string(&list), list.file_name()) else { continue };
        let text = match list.extension().and_then(OsStr::to_str) {
            Some("sources") => stanzas_with_source(&text),
            Some("list") => lines_with_source(&text),
            _ => continue,
        };
        let path = to.join(name);
        fs::write(&path, text).map_err(Failure::of_file("writing", &path))?;
        count += 1;
    }
    Ok(count)
}

/// A list in the form of fields: `Types: deb` gets `deb-src` too.
fn stanzas_with_source(text: &str) -> String {
    text.lines()
        .map(|line| if line.starts_with("Types:") { "Types: deb deb-src\n".to_owned() } else { format!("{line}\n") })
        .collect()
}

/// A list in the form of lines: each `deb` gets a `deb-src` beside it.
fn lines_with_source(text: &str) -> String {
    let packages = text.lines().filter_map(|line| line.trim_start().strip_prefix("deb "));
    packages.map(|rest| format!("deb {rest}\ndeb-src {rest}\n")).collect()
}

fn only(dir: &Path, is_wanted: impl Fn(&Path) -> bool) -> Result<PathBuf, Failure> {
    let found = entries(dir).into_iter().find(|path| is_wanted(path));
    found.ok_or_else(|| Failure::Failed(format!("{} does not hold what was to be fetched", dir.display())))
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::write_sources;

    #[test]
    fn both_forms_of_lists_get_sources() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir_all(from.join("sources.list.d")).unwrap();
        fs::create_dir(&to).unwrap();
        fs::write(from.join("sources.list"), "# a comment\ndeb http://a b c\ndeb-src http://a b c\n").unwrap();
        fs::write(from.join("sources.list.d/d.sources"), "Types: deb\nURIs: http://d\n").unwrap();
        fs::write(from.join("sources.list.d/e.sources.disabled"), "Types: deb\n").unwrap();
        assert_eq!(write_sources(&from, &to).unwrap(), 2);
        assert_eq!(fs::read_to_string(to.join("sources.list")).unwrap(), "deb http://a b c\ndeb-src http://a b c\n");
        assert_eq!(fs::read_to_string(to.join("d.sources")).unwrap(), "Types: deb deb-src\nURIs: http://d\n");
    }
}
