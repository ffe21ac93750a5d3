//! Making an image: an empty data directory, a server on it, a restore, neutralizing, an orderly end, the disk, a rename.
//!
//! Two who want the same image at once share one making: the second waits for the first one's lock. What a killed process
//! left under the same name is removed first, its server included.

use super::{DATA, FILE, Image, ImageKey, ImageRecord, VERSION};
use crate::branch::{BranchError, Result, random_id};
use crate::clone::{create_tree, probe, remove_tree, sync_tree};
use crate::home::{Home, give};
use crate::lock::{FolderLock, Tried};
use crate::neutralize::{NeutralizeChoices, Neutralized};
use crate::plan::{Options, Plan};
use crate::record::{self, When};
use crate::report::RestoreReport;
use crate::server::{Purpose, Server, Servers, Site, Stop};
use crate::snapshot::Accepted;
use crate::walk;
use offshoot_core::{Control, Event};
use offshoot_format::manifest::Trust;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How often a process that waits for another one's image looks.
const WAIT_INTERVAL: Duration = Duration::from_millis(20);
/// The number in the name of the socket of a server that is only for loading: it listens on no port.
const LOAD_PORT: u16 = 5432;

/// How an image is made.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ImageOptions {
    /// How the snapshot is restored into it.
    pub restore: Options,
    /// What is left as it is although it could reach out.
    pub neutralize: NeutralizeChoices,
}

impl Default for ImageOptions {
    fn default() -> Self {
        let mut restore = Options::default();
        // One over another server, which is not reached from here, must not keep the rest from being branched.
        restore.choices.leaves_views_empty = true;
        Self { restore, neutralize: NeutralizeChoices::default() }
    }
}

/// An image, and whether it had to be made.
#[derive(Debug, Clone)]
pub struct Making {
    /// The image.
    pub image: Image,
    /// How long making it took, or waiting for another process to make it; none if it was there.
    pub took: Option<Duration>,
}

/// The image of a snapshot for a server: the one that is there, or a new one.
///
/// # Errors
/// `Load` if it cannot be loaded or is not equal to the snapshot, `Server`, `Clone` for a full disk, `Cancelled`. Nothing is
/// left then.
pub fn ensure(
    home: &Home,
    servers: &dyn Servers,
    server: &dyn Server,
    snapshot: Accepted<'_>,
    options: &ImageOptions,
    control: &Control,
) -> Result<Making> {
    let key = ImageKey::of(snapshot.manifest, server, &options.neutralize);
    let folder = home.images().join(key.as_str());
    if let Some(image) = Image::in_folder(&folder)? {
        return Ok(Making { image, took: None });
    }
    let began = Instant::now();
    let building = home.images().join(format!("{key}.building"));
    let mut waits = false;
    let lock = loop {
        control.check()?;
        match DirBuilder::new().mode(folder_mode(server)).create(&building) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(BranchError::io("making", &building)(error));
            }
            _ => {}
        }
        match FolderLock::try_exclusive(&building)? {
            Tried::Locked(lock) => break lock,
            Tried::Gone => {}
            Tried::Held => {
                if !waits {
                    waits = true;
                    control.emit(&Event::Step { name: "wait for another process to make the image".to_owned() });
                }
                std::thread::sleep(WAIT_INTERVAL);
            }
        }
        if let Some(image) = Image::in_folder(&folder)? {
            return Ok(Making { image, took: Some(began.elapsed()) });
        }
    };
    // Another process may have ended between the look and the lock.
    if let Some(image) = Image::in_folder(&folder)? {
        discard(home, servers, &building, key.as_str())?;
        return Ok(Making { image, took: Some(began.elapsed()) });
    }
    let work = Work { home, servers, server, snapshot, options, control, folder: &building, key: &key };
    let made = work.run(began);
    if let Err(error) = made {
        // What cannot be removed now is removed by the next one.
        let _ = discard(home, servers, &building, key.as_str());
        return Err(error);
    }
    // A folder without a record is what somebody left who removed an image.
    if folder.exists() {
        remove_tree(&folder)?;
    }
    // Servers that branches are on have no business in it.
    fs::set_permissions(&building, Permissions::from_mode(0o700)).map_err(BranchError::io("closing", &building))?;
    fs::rename(&building, &folder).map_err(BranchError::io("renaming", &building))?;
    record::sync_folder(&home.images())?;
    drop(lock);
    let image = Image::in_folder(&folder)?.ok_or(BranchError::BadRecord { path: folder.join(FILE) })?;
    Ok(Making { image, took: Some(began.elapsed()) })
}

/// Removes what is left of an image that was not finished. The caller holds its lock.
pub(super) fn discard(home: &Home, servers: &dyn Servers, building: &Path, key: &str) -> Result<()> {
    servers.stop(&building.join(DATA), Stop::AtOnce)?;
    let _ = fs::remove_dir_all(home.sockets(&socket_id(key)));
    Ok(remove_tree(building)?)
}

/// Sockets of images have names of their own, so that a branch of the same id is another.
pub(super) fn socket_id(key: &str) -> String {
    format!("i{}", &key[..key.len().min(12)])
}

fn folder_mode(server: &dyn Server) -> u32 {
    if server.owner().is_some() { 0o711 } else { 0o700 }
}

struct Work<'a> {
    home: &'a Home,
    servers: &'a dyn Servers,
    server: &'a dyn Server,
    snapshot: Accepted<'a>,
    options: &'a ImageOptions,
    control: &'a Control,
    folder: &'a Path,
    key: &'a ImageKey,
}

impl Work<'_> {
    fn run(&self, began: Instant) -> Result<()> {
        let (home, server, key) = (self.home, self.server, self.key.as_str());
        let data = self.folder.join(DATA);
        self.servers.stop(&data, Stop::AtOnce)?;
        for left in fs::read_dir(self.folder).map_err(BranchError::io("reading", self.folder))?.flatten() {
            remove_any(&left.path())?;
        }
        let id = socket_id(key);
        let sockets = home.make_sockets(&id, server.owner())?;
        let site = Site {
            data: data.clone(),
            sockets: sockets.clone(),
            log: self.folder.join("server.log"),
            port: LOAD_PORT,
            isolated: server.isolates(&self.options.neutralize),
        };
        self.step("make an empty server")?;
        // At a place of its own: the programs of a builder that was killed go on for a moment, and must not meet this one's.
        let fresh = self.folder.join(format!("new-{}", random_id()?));
        create_tree(&fresh, probe(self.folder)?.method)?;
        give(&fresh, server.owner())?;
        let environment = &self.snapshot.manifest.environment;
        let quiet = server.init(&fresh, environment, &self.options.neutralize)?;
        fs::rename(&fresh, &data).map_err(BranchError::io("renaming", &fresh))?;
        self.step("start it")?;
        server.start(&site, &Purpose::Load, self.control)?;
        let (report, neutralized) = match self.load(&site) {
            Ok(loaded) => loaded,
            Err(error) => {
                let _ = self.servers.stop(&data, Stop::AtOnce);
                return Err(error);
            }
        };
        self.step("stop it and write everything to the disk")?;
        self.servers.stop(&data, Stop::Orderly)?;
        let _ = fs::remove_dir_all(&sockets);
        for spare in walk::files(&data)?.into_iter().filter(|path| server.is_spare_file(path)) {
            remove_any(&data.join(spare))?;
        }
        remove_any(&site.log)?;
        let sizes = walk::sizes(&data)?;
        sync_tree(&data)?;
        let manifest = self.snapshot.manifest;
        let record = ImageRecord {
            version: VERSION,
            key: key.to_owned(),
            snapshot: self.snapshot.id.to_string(),
            content_root: manifest.content_root.to_string(),
            database: manifest.origin.database.clone(),
            is_raw: matches!(manifest.trust, Trust::Raw),
            build: server.build().clone(),
            made_unix_ms: now_unix_ms(),
            millis: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            rows: report.rows,
            bytes: sizes.bytes,
            files: sizes.files,
            neutralized: [quiet, neutralized].concat(),
            losses: report.losses,
            warnings: report.warnings,
        };
        record::save(&self.folder.join(FILE), &record, When::Now)
    }

    fn load(&self, site: &Site) -> Result<(RestoreReport, Vec<Neutralized>)> {
        let manifest = self.snapshot.manifest;
        let database = &manifest.origin.database;
        self.server.create_database(site, database, &manifest.environment)?;
        let target = self.server.target(site, database)?;
        let options = Options { is_new_server: true, ..self.options.restore.clone() };
        let plan = Plan::new(self.snapshot, &*target, options)?;
        let report = crate::apply(&plan, &*target, self.control)?;
        self.step("switch off what reaches out")?;
        let neutralized = self.server.neutralize(site, database, &self.options.neutralize)?;
        Ok((report, neutralized))
    }

    fn step(&self, name: &str) -> Result<()> {
        self.control.emit(&Event::Step { name: name.to_owned() });
        Ok(self.control.check()?)
    }
}

fn remove_any(path: &PathBuf) -> Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => return Ok(remove_tree(path)?),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(BranchError::io("removing", path)(error)),
        _ => Ok(()),
    }
}

/// The time, in milliseconds since 1970 UTC.
pub(crate) fn now_unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
