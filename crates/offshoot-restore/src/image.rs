//! Images: a snapshot as a data directory that a server can start on, loaded once and cloned for every branch.
//!
//! An image is a cache and never the truth: it can be deleted at any time, and is made again from the store. It is loaded
//! with durability off, so it becomes visible only after its server has ended in order and everything is on the disk.

mod build;
mod gc;
mod key;

pub(crate) use build::now_unix_ms;
pub use build::{ImageOptions, Making, ensure};
pub(crate) use gc::heal;
pub use gc::{ImageGcPlan, plan_gc};
pub use key::ImageKey;

use crate::branch::{BranchError, Result};
use crate::home::Home;
use crate::neutralize::Neutralized;
use crate::record;
use crate::server::Build;
use offshoot_format::manifest::Note;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

const FILE: &str = "image.json";
const DATA: &str = "data";
const VERSION: u32 = 1;

/// What is known of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageRecord {
    /// Version of the form.
    pub version: u32,
    /// Its key.
    pub key: String,
    /// The snapshot that it was loaded from; others with equal content share it.
    pub snapshot: String,
    /// Root over schema, rows, sequences and large objects.
    pub content_root: String,
    /// The database in it.
    pub database: String,
    /// Whether its rows are as they were at the source.
    pub is_raw: bool,
    /// The server that made it.
    pub build: Build,
    /// When it was made, in milliseconds since 1970 UTC.
    pub made_unix_ms: u64,
    /// How long making it took, in milliseconds.
    pub millis: u64,
    /// Rows in it.
    pub rows: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// Its files.
    pub files: u64,
    /// What was switched off in it.
    pub neutralized: Vec<Neutralized>,
    /// What the snapshot has and the image has not.
    pub losses: Vec<Note>,
    /// What a user should know.
    pub warnings: Vec<String>,
}

/// An image that is ready to be cloned.
#[derive(Debug, Clone)]
pub struct Image {
    folder: PathBuf,
    record: ImageRecord,
}

impl Image {
    /// The image in a folder, if there is one.
    pub(crate) fn in_folder(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(FILE);
        let record = record::load::<ImageRecord>(&path)?;
        if record.as_ref().is_some_and(|record| record.version != VERSION) {
            return Err(BranchError::BadRecord { path });
        }
        Ok(record.map(|record| Self { folder: folder.to_path_buf(), record }))
    }

    /// What is known of it.
    #[must_use]
    pub fn record(&self) -> &ImageRecord {
        &self.record
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join(DATA)
    }
}

/// The images that are there, newest first. One that cannot be read is not listed; making it again replaces it.
///
/// # Errors
/// If their folder cannot be read.
pub fn list(home: &Home) -> Result<Vec<Image>> {
    let mut images = Vec::new();
    for folder in folders(&home.images())? {
        if let Ok(Some(image)) = Image::in_folder(&folder) {
            images.push(image);
        }
    }
    images.sort_by(|a, b| (b.record.made_unix_ms, &b.record.key).cmp(&(a.record.made_unix_ms, &a.record.key)));
    Ok(images)
}

/// The folders below a folder, in no order.
pub(crate) fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(BranchError::io("reading", folder))?;
    Ok(entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|e| e.path()).collect())
}
