//! A home with fake servers.

use crate::fake::{FakeServers, Snapshot};
use offshoot_core::Control;
use offshoot_format::manifest::Trust;
use offshoot_restore::RawSnapshot;
use offshoot_restore::branch::{BranchName, Branches, Created, Healed, Result, Shape, Wish};
use offshoot_restore::home::Home;
use offshoot_restore::image::{self, Image, ImageOptions, Making};
use offshoot_restore::server::Servers as _;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub struct Place {
    folder: tempfile::TempDir,
    pub servers: FakeServers,
}

impl Place {
    pub fn new() -> Self {
        Self::in_folder(&std::env::temp_dir())
    }

    pub fn in_folder(folder: &Path) -> Self {
        Self { folder: tempfile::tempdir_in(folder).unwrap(), servers: FakeServers::new() }
    }

    pub fn home(&self) -> Home {
        Home::open(&self.folder.path().join("home"), &self.folder.path().join("run")).unwrap()
    }

    pub fn open(&self) -> (Branches, Healed) {
        Branches::open(self.home(), Arc::new(self.servers.clone())).unwrap()
    }

    pub fn branches(&self) -> Branches {
        self.open().0
    }

    pub fn make_image(&self, seed: u8, options: &ImageOptions) -> Result<Making> {
        let snapshot = Snapshot::new(seed, Trust::Raw);
        let accepted = RawSnapshot::acknowledge(snapshot.id, &snapshot.manifest, &snapshot).into();
        let server = self.servers.find(&snapshot.manifest.origin.engine, &snapshot.manifest.environment).unwrap();
        image::ensure(&self.home(), &self.servers, &*server, accepted, options, &Control::default())
    }

    pub fn image(&self, seed: u8) -> Image {
        self.make_image(seed, &ImageOptions::default()).unwrap().image
    }

    pub fn create(&self, name: &str, image: &Image) -> Result<Created> {
        self.branches().create(&named(name), image, &wish(), &Control::default())
    }

    pub fn names(&self) -> Vec<String> {
        self.branches().list().unwrap().iter().map(|info| info.name.to_string()).collect()
    }

    /// Folders of branches that are there, named or not.
    pub fn folders(&self) -> Vec<PathBuf> {
        folders(&self.folder.path().join("home/branches"))
    }

    /// Folders of sockets that are there.
    pub fn sockets(&self) -> usize {
        folders(&self.folder.path().join("run")).len()
    }

    /// Data directories that were moved aside and not removed.
    pub fn removed(&self) -> usize {
        folders(&self.folder.path().join("home/removed")).len()
    }

    /// Where an image's data is.
    pub fn image_data(&self, image: &Image) -> PathBuf {
        self.folder.path().join("home/images").join(&image.record().key).join("data")
    }

    /// Everything in the folder of images, with sizes.
    pub fn images(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut all = BTreeMap::new();
        collect(&self.folder.path().join("home/images"), &mut all);
        all
    }
}

pub fn named(name: &str) -> BranchName {
    BranchName::new(name).unwrap()
}

pub fn wish() -> Wish {
    let shape = Shape { durable: true, ..Shape::default() };
    Wish { address: "prod".to_owned(), snapshot: "ab12".to_owned(), shape, ..Wish::default() }
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect()
}

fn collect(folder: &Path, all: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, all) } else { drop(all.insert(path.clone(), fs::read(&path).unwrap())) }
    }
}
