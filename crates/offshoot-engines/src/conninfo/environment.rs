//! What a connection string means depends on the variables, home directory and files of whoever typed it. They come in
//! as one value, so that nothing here reads the environment of the process and every rule can be tested without a disk.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, fs};

/// Password and service files larger than this are refused: they are written by hand.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Folders of option files that have more are refused.
const FOLDER_NAMES_MAX: usize = 10_000;

/// Where a server's socket is looked for when no host is named: Debian's and Red Hat's place, then PostgreSQL's own.
const SOCKET_DIRECTORIES: [&str; 2] = ["/var/run/postgresql", "/tmp"];

/// Where Linux distributions and macOS keep the roots that the system trusts.
const SYSTEM_ROOTS: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
];

/// The variables, home directory and files that the meaning of a connection string depends on.
///
/// ```
/// use offshoot_engines::conninfo::{ConnInfo, Environment};
///
/// let environment = Environment::new([("PGUSER", "ada")], Some("/home/ada".into()), Some("ada".into()));
/// let conninfo = ConnInfo::parse("postgresql://db.example/shop", &environment)?;
/// assert_eq!(conninfo.redacted(), "postgresql://ada@db.example:5432/shop");
/// # Ok::<(), offshoot_engines::conninfo::ConnInfoError>(())
/// ```
#[derive(Clone)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    not_utf8: BTreeSet<String>,
    home: Option<PathBuf>,
    os_user: Option<String>,
    socket_directories: Vec<String>,
    files: Arc<dyn ReadFile>,
}

/// How files are read: from the disk, or from a table in a test.
pub trait ReadFile: Send + Sync {
    /// The whole file with its mode; `NotFound` where there is none.
    fn read(&self, path: &Path) -> io::Result<FileContent>;

    /// The names in a folder, in any order; `NotFound` where there is none.
    fn list(&self, _folder: &Path) -> io::Result<FolderContent> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// A folder as [`ReadFile`] gives it.
#[derive(Clone, Debug)]
pub struct FolderContent {
    /// The names of what is in it.
    pub names: Vec<OsString>,
    /// The permission bits, as in `0o700`.
    pub mode: u32,
}

/// A file as [`ReadFile`] gives it.
#[derive(Clone)]
pub struct FileContent {
    /// The content, not necessarily UTF-8.
    pub bytes: Vec<u8>,
    /// The permission bits, as in `0o600`.
    pub mode: u32,
    /// False for directories, pipes and devices.
    pub is_regular: bool,
}

impl Environment {
    /// From variables (only `PG*`, `MYSQL_*` and `SSL_CERT_*` are kept), the home directory and the name of the operating system's
    /// user, who is the default role. Files are read from the disk.
    pub fn new<N, V>(
        variables: impl IntoIterator<Item = (N, V)>,
        home: Option<PathBuf>,
        os_user: Option<String>,
    ) -> Self
    where
        N: Into<OsString>,
        V: Into<OsString>,
    {
        let mut kept = BTreeMap::new();
        let mut not_utf8 = BTreeSet::new();
        for (name, value) in variables {
            let Ok(name) = name.into().into_string() else {
                continue;
            };
            if !["PG", "MYSQL_", "SSL_CERT_"].iter().any(|prefix| name.starts_with(prefix)) {
                continue;
            }
            match value.into().into_string() {
                Ok(value) => drop(kept.insert(name, value)),
                Err(_) => drop(not_utf8.insert(name)),
            }
        }
        Self {
            variables: kept,
            not_utf8,
            home,
            os_user,
            socket_directories: SOCKET_DIRECTORIES.map(String::from).to_vec(),
            files: Arc::new(Disk),
        }
    }

    /// No variables, no home, no user and no files: a connection string means only what it says.
    pub fn empty() -> Self {
        let none: [(OsString, OsString); 0] = [];
        Self::new(none, None, None).with_files(NoFiles)
    }

    /// Reads files another way than from the disk.
    pub fn with_files(mut self, files: impl ReadFile + 'static) -> Self {
        self.files = Arc::new(files);
        self
    }

    /// Looks for the default server's socket elsewhere. An empty list means that the default is `localhost`.
    pub fn with_socket_directories(mut self, directories: Vec<String>) -> Self {
        self.socket_directories = directories;
        self
    }

    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    pub(crate) fn is_not_utf8(&self, name: &str) -> bool {
        self.not_utf8.contains(name)
    }

    pub(crate) fn home(&self) -> Option<&Path> {
        self.home.as_deref().filter(|home| !home.as_os_str().is_empty())
    }

    pub(crate) fn os_user(&self) -> Option<&str> {
        self.os_user.as_deref().filter(|user| !user.is_empty())
    }

    pub(super) fn socket_directories(&self) -> &[String] {
        &self.socket_directories
    }

    /// Files that may hold the roots that the system trusts.
    pub(crate) fn system_roots(&self) -> Vec<PathBuf> {
        match self.variable("SSL_CERT_FILE") {
            Some(file) => vec![file.into()],
            None => SYSTEM_ROOTS.iter().map(PathBuf::from).collect(),
        }
    }

    pub(crate) fn read(&self, path: &Path) -> io::Result<FileContent> {
        self.files.read(path)
    }

    pub(crate) fn list(&self, folder: &Path) -> io::Result<FolderContent> {
        self.files.list(folder)
    }
}

// Only names: PGPASSWORD is among the values.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("variables", &self.variables.keys().collect::<Vec<_>>())
            .field("home", &self.home)
            .finish_non_exhaustive()
    }
}

// The content may be a password file.
impl fmt::Debug for FileContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileContent")
            .field("bytes", &self.bytes.len())
            .field("mode", &format_args!("{:04o}", self.mode))
            .finish_non_exhaustive()
    }
}

struct Disk;

impl ReadFile for Disk {
    fn read(&self, path: &Path) -> io::Result<FileContent> {
        let before = fs::metadata(path)?;
        if !before.is_file() {
            return Ok(FileContent {
                bytes: Vec::new(),
                mode: before.permissions().mode() & 0o7777,
                is_regular: false,
            });
        }
        // The mode is that of the file which is read, not of a name that may have been replaced since.
        let file = fs::File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.size() > FILE_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 1 MiB"));
        }
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(FileContent { bytes, mode: metadata.permissions().mode() & 0o7777, is_regular: metadata.is_file() })
    }

    fn list(&self, folder: &Path) -> io::Result<FolderContent> {
        let mode = fs::metadata(folder)?.permissions().mode() & 0o7777;
        let entries = fs::read_dir(folder)?.take(FOLDER_NAMES_MAX + 1);
        let names: Vec<_> = entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
        if names.len() > FOLDER_NAMES_MAX {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "more than 10,000 files"));
        }
        Ok(FolderContent { names, mode })
    }
}

struct NoFiles;

impl ReadFile for NoFiles {
    fn read(&self, _: &Path) -> io::Result<FileContent> {
        Err(io::ErrorKind::NotFound.into())
    }
}
