//! A server without a database: its data directory holds what was written into it, and "running" is a file beside it.
//!
//! What it can do wrong is chosen by the test: fail at the Nth call of an engine, or find a port taken.

use offshoot_core::target::{
    Adapted, Choices, Counted, Difference, Executed, Inspection, LoadContext, LoadWork, Loaded, Mark, Rows, Target,
    TargetSession, Work,
};
use offshoot_core::{Control, CoreError};
use offshoot_format::blob::BlobRef;
use offshoot_format::column::Batch;
use offshoot_format::ids::{ContentRoot, SnapshotId};
use offshoot_format::manifest::{Content, Environment, Manifest, Origin, Stats, TableEntry, Trust};
use offshoot_restore::server::{Access, Build, Client, Purpose, Result, Running, Secret, Server, Servers, Site, Stop};
use offshoot_restore::{NeutralizeChoices, Neutralized, Outcome};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A folder that a start does not look into.
pub const LATE: &str = "base/1";
/// What that file says behind the port of a server that is about to end.
pub const ENDING: &str = " stopping";
/// The file that says that a server runs on the data directory beside it.
const RUNS: &str = "postmaster";

/// Servers that are files.
#[derive(Clone)]
pub struct FakeServers(Arc<Fake>);

pub struct Fake {
    build: Build,
    /// Calls so far.
    calls: AtomicUsize,
    /// The call that fails.
    fails_at: AtomicUsize,
    /// What was called, in order.
    log: Mutex<Vec<String>>,
    /// Ports that other programs have.
    taken: Mutex<Vec<u16>>,
    /// Where data directories were filled.
    filled: Mutex<Vec<PathBuf>>,
}

impl FakeServers {
    pub fn new() -> Self {
        Self::built(Build {
            engine: "fake".to_owned(),
            version: "1.0".to_owned(),
            version_num: 10_000,
            platform: "here".to_owned(),
            programs: PathBuf::from("/fake/bin"),
        })
    }

    pub fn built(build: Build) -> Self {
        let (calls, fails_at) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
        Self(Arc::new(Fake {
            build,
            calls,
            fails_at,
            log: Mutex::default(),
            taken: Mutex::default(),
            filled: Mutex::default(),
        }))
    }

    /// From now on, the Nth call fails, counted from 0. Gives the calls so far.
    pub fn fail_at(&self, call: usize) {
        self.0.calls.store(0, Ordering::Relaxed);
        self.0.fails_at.store(call, Ordering::Relaxed);
    }

    pub fn calls(&self) -> usize {
        self.0.calls.load(Ordering::Relaxed)
    }

    pub fn take_port(&self, port: u16) {
        self.0.taken.lock().unwrap().push(port);
    }

    /// Where data directories were filled, in order.
    pub fn filled(&self) -> Vec<PathBuf> {
        self.0.filled.lock().unwrap().clone()
    }

    pub fn log(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.log.lock().unwrap())
    }
}

impl Fake {
    fn call(&self, what: &str) -> Result<()> {
        self.log.lock().unwrap().push(what.to_owned());
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        if call == self.fails_at.load(Ordering::Relaxed) { Err(failed("as the test wants")) } else { Ok(()) }
    }
}

fn failed(why: &str) -> CoreError {
    CoreError::Source { retryable: false, source: why.to_owned().into() }
}

impl Servers for FakeServers {
    fn serves(&self, _engine: &str) -> bool {
        true
    }

    fn has_programs(&self, _programs: &Path) -> bool {
        true
    }

    fn has_data(&self, _data: &Path) -> bool {
        true
    }

    fn find(&self, _engine: &str, _environment: &Environment) -> Result<Arc<dyn Server>> {
        Ok(self.0.clone())
    }

    fn at(&self, programs: &Path) -> Result<Arc<dyn Server>> {
        if programs.ends_with("gone") {
            return Err(CoreError::Source { retryable: false, source: "its programs are gone".into() });
        }
        Ok(self.0.clone())
    }

    fn stop(&self, data: &Path, stop: Stop) -> Result<()> {
        if self.running(data).is_none() {
            return Ok(());
        }
        self.0.call(&format!("stop {stop:?}"))?;
        fs::remove_file(data.join(RUNS)).map_err(|error| failed(&error.to_string()))
    }

    fn running(&self, data: &Path) -> Option<Running> {
        let port = fs::read_to_string(data.join(RUNS)).ok()?;
        let (port, is_ending) = port.strip_suffix(ENDING).map_or((port.as_str(), false), |port| (port, true));
        Some(Running { pid: 1, port: port.parse().ok()?, is_ending })
    }
}

impl Server for Fake {
    fn build(&self) -> &Build {
        &self.build
    }

    fn owner(&self) -> Option<(u32, u32)> {
        None
    }

    fn init(&self, data: &Path, _environment: &Environment, _choices: &NeutralizeChoices) -> Result<Vec<Neutralized>> {
        self.filled.lock().unwrap().push(data.to_owned());
        self.call("init")?;
        let late = data.join(LATE);
        fs::create_dir_all(&late)
            .and_then(|()| fs::write(late.join("file"), "late"))
            .map_err(|error| failed(&error.to_string()))?;
        fs::write(data.join("VERSION"), "1").map_err(|error| failed(&error.to_string()))?;
        Ok(Vec::new())
    }

    fn start(&self, site: &Site, purpose: &Purpose, _control: &Control) -> Result<Running> {
        assert!(site.sockets.is_dir(), "the folder of the socket is there");
        assert!(site.data.join("VERSION").is_file(), "the data is there");
        assert!(!site.data.join(RUNS).exists(), "never two servers on one folder");
        if matches!(purpose, Purpose::Branch { .. }) && self.taken.lock().unwrap().contains(&site.port) {
            return Err(failed("port taken"));
        }
        self.call("start")?;
        fs::write(site.data.join(RUNS), site.port.to_string()).map_err(|error| failed(&error.to_string()))?;
        Ok(Running { pid: 1, port: site.port, is_ending: false })
    }

    fn is_port_taken(&self, error: &CoreError) -> bool {
        error.to_string() == "port taken"
    }

    fn create_database(&self, site: &Site, database: &str, _environment: &Environment) -> Result<()> {
        self.call("create database")?;
        fs::write(site.data.join(database), "").map_err(|error| failed(&error.to_string()))
    }

    fn target(&self, _site: &Site, _database: &str) -> Result<Box<dyn Target>> {
        Ok(Box::new(Empty))
    }

    fn neutralize(&self, _site: &Site, _database: &str, choices: &NeutralizeChoices) -> Result<Vec<Neutralized>> {
        self.call("neutralize")?;
        let outcome = if choices.is_on("queues") { Outcome::Done } else { Outcome::Kept };
        let (item, object, what) = ("queues".to_owned(), "table q".to_owned(), "emptied".to_owned());
        Ok(vec![Neutralized { item, object, what, count: Some(3), outcome }])
    }

    fn neutralize_digest(&self, choices: &NeutralizeChoices) -> String {
        choices.digest(1)
    }

    fn is_spare_file(&self, path: &Path) -> bool {
        path.ends_with("spare")
    }

    fn late_folders(&self, _data: &Path, _database: &str, _settings: &[(String, String)]) -> Result<Vec<PathBuf>> {
        Ok(vec![PathBuf::from(LATE)])
    }

    fn admit(&self, site: &Site, database: &str, role: Option<&str>, password: &Secret) -> Result<Access> {
        assert!(site.data.join(LATE).join("file").is_file(), "everything is there before anybody is let in");
        self.call("admit")?;
        Ok(self.access(site, database, role, password))
    }

    fn access(&self, site: &Site, database: &str, role: Option<&str>, password: &Secret) -> Access {
        let role = role.unwrap_or("admin");
        let url = format!("fake://{role}:{}@127.0.0.1:{}/{database}", password.expose(), site.port);
        Access { url: Secret::new(url), variables: Vec::new() }
    }

    fn client(&self, _site: &Site, _database: &str, _role: Option<&str>) -> Client {
        Client { programs: Vec::new(), arguments: Vec::new(), mend: "none" }
    }

    fn clones_databases(&self) -> bool {
        true
    }

    fn make_template(&self, _site: &Site, _database: &str) -> Result<()> {
        self.call("make template")
    }

    fn clone_database(&self, site: &Site, from: &str, database: &str, _role: &str, _: &Secret) -> Result<()> {
        assert!(!site.data.join(database).exists(), "no database is there twice");
        self.call("clone database")?;
        fs::copy(site.data.join(from), site.data.join(database)).map_err(|error| failed(&error.to_string()))?;
        Ok(())
    }

    fn swap_databases(&self, site: &Site, new: &str, database: &str, old: &str) -> Result<()> {
        let [new, database, old] = [new, database, old].map(|name| site.data.join(name));
        self.call("swap databases")?;
        if new.exists() {
            fs::rename(&database, &old)
                .and_then(|()| fs::rename(&new, &database))
                .map_err(|error| failed(&error.to_string()))?;
        }
        Ok(())
    }

    fn drop_databases(&self, site: &Site, databases: &[String], _role: Option<&str>) -> Result<()> {
        self.call("drop databases")?;
        for database in databases {
            // There may be none.
            let _ = fs::remove_file(site.data.join(database));
        }
        Ok(())
    }

    fn database_folder(&self, site: &Site, _database: &str) -> Result<PathBuf> {
        Ok(site.data.clone())
    }

    fn connections(&self, _site: &Site, _database: &str) -> Result<u32> {
        Ok(2)
    }

    fn observe(&self, _site: &Site, _database: &str) -> Result<Environment> {
        Ok(Environment::default())
    }

    fn flush(&self, _site: &Site, _database: &str) -> Result<()> {
        Ok(())
    }

    fn run_script(&self, _site: &Site, _database: &str, _name: &str, _sql: &str, _control: &Control) -> Result<()> {
        Ok(())
    }
}

/// A target into which nothing is restored.
struct Empty;

impl Target for Empty {
    fn inspect(&self, _manifest: &Manifest) -> Result<Inspection> {
        Ok(Inspection::default())
    }

    fn adapt(&self, _manifest: &Manifest, _inspection: &Inspection, _choices: &Choices) -> Adapted {
        Adapted::default()
    }

    fn session(&self, _choices: &Choices) -> Result<Box<dyn TargetSession + '_>> {
        Ok(Box::new(EmptySession))
    }

    fn interrupt(&self) {}
}

struct EmptySession;

impl TargetSession for EmptySession {
    fn mark(&mut self, _mark: &Mark) -> Result<()> {
        Ok(())
    }

    fn unmark(&mut self) -> Result<()> {
        Ok(())
    }

    fn is_marked(&mut self) -> Result<bool> {
        Ok(false)
    }

    fn execute(&mut self, _work: &Work) -> Result<Executed> {
        Ok(Executed::Done)
    }

    fn load(&mut self, _load: &LoadWork<'_>, _context: &LoadContext<'_>) -> Result<Loaded> {
        Ok(Loaded::default())
    }

    fn appendable(&mut self, _tables: &[&TableEntry]) -> Result<Vec<usize>> {
        Ok(Vec::new())
    }

    fn count(&mut self, _what: &Counted) -> Result<u64> {
        Ok(0)
    }

    fn compare(&mut self, _manifest: &Manifest, _adapted: &Adapted) -> Result<Vec<Difference>> {
        Ok(Vec::new())
    }
}

/// A snapshot without tables.
pub struct Snapshot {
    pub manifest: Manifest,
    pub id: SnapshotId,
}

impl Snapshot {
    pub fn new(seed: u8, trust: Trust) -> Self {
        let origin = Origin {
            engine: "fake".to_owned(),
            system_id: "1".to_owned(),
            database_id: "1".to_owned(),
            database: "shop".to_owned(),
            position: String::new(),
        };
        let manifest = Manifest {
            taken_unix_ms: 0,
            parent: None,
            content_root: ContentRoot::from_bytes([seed; 32]),
            trust,
            origin,
            environment: Environment::default(),
            content: Content::default(),
            omitted: Vec::new(),
            not_carried: Vec::new(),
            stats: Stats::default(),
            facts: Vec::new(),
            receipt: None,
            written_by: String::new(),
        };
        Self { manifest, id: SnapshotId::from_bytes([seed; 32]) }
    }
}

impl Rows for Snapshot {
    fn leaves(&self, _table: &TableEntry) -> Result<Vec<offshoot_core::read::LeafHandle>> {
        Ok(Vec::new())
    }

    fn batch(&self, _table: &TableEntry, _leaf: &offshoot_core::read::LeafHandle) -> Result<Batch> {
        Err(failed("no rows"))
    }

    fn blob<'a>(&'a self, _blob: &BlobRef) -> Result<Box<dyn Iterator<Item = Result<Vec<u8>>> + 'a>> {
        Err(failed("no blobs"))
    }
}
