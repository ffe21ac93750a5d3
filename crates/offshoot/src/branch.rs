//! Branches as an embedder sees them: made from a snapshot's address, and found again by their names.

mod error;
mod images;
mod place;

use crate::{Error, Result, Store, on_own_thread};
use offshoot_core::Control;
use offshoot_core::store::this_process;
use offshoot_engines::local::Places;
use offshoot_engines::{mysql, postgres};
use offshoot_format::manifest::Environment;
use offshoot_restore::branch::{self as engine, BranchError, BranchName, Healed, Wish};
use offshoot_restore::home::Home;
use offshoot_restore::server::{Access, Build, Client, EveryEngine, Servers};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use offshoot_restore::branch::{BranchInfo, BranchState, Isolation, Shape, SpareWish};
pub use offshoot_restore::image::ImageRecord;
pub use place::BranchPlace;

/// What a new branch is.
#[derive(Debug, Clone, Default)]
pub struct CreateOptions {
    /// How long it is kept; without a limit if none.
    pub ttl: Option<Duration>,
    /// Whether it goes when this process ends.
    pub is_owned: bool,
}

/// The branches of a store on this machine.
///
/// ```no_run
/// use offshoot::{BranchPlace, Control, CreateOptions, Store};
///
/// let store = Store::open(".offshoot")?;
/// let place = BranchPlace {
///     home: "/var/lib/offshoot".into(),
///     runtime: "/run/offshoot".into(),
///     search: vec!["/usr/lib/postgresql/15/bin".into()],
///     ..BranchPlace::default()
/// };
/// let branches = store.branches(place)?;
/// let made = branches.create("fix-4711", "prod", &CreateOptions::default(), &Control::default())?;
/// println!("{}", made.access.url.expose());
/// branches.delete("fix-4711")?;
/// # Ok::<(), offshoot::Error>(())
/// ```
#[derive(Clone)]
pub struct Branches {
    store: Store,
    place: BranchPlace,
    servers: Arc<dyn Servers>,
    inner: engine::Branches,
    healed: Healed,
}

/// How a branch was made.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CreatedBranch {
    /// What tells it from every other branch, also from one that has its name later.
    pub id: String,
    /// How to get in.
    pub access: Access,
    /// How it came about: `started spare`, `spare`, `reflink`, `snapshot`, `copy`, `database`.
    pub method: &'static str,
    /// Whether a reset gave it another URL: another program has its port by now, the snapshot is of a database of another name, or it
    /// is on another server that branches share.
    pub moved: bool,
    /// From asking to the answer to the first query, without making the image.
    pub took: Duration,
    /// How long making the image took, where it was not there.
    pub image_took: Option<Duration>,
    /// The same step by step, without the image.
    pub steps: Vec<(&'static str, Duration)>,
    /// The snapshot's hash.
    pub snapshot: String,
    /// The environment of the snapshot's source, to compare with the server of the image's build.
    pub environment: Environment,
    /// What is known of its image: what was switched off, what is missing.
    pub image: ImageRecord,
}

/// What a branch is, beside what its snapshot was.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BranchEnvironment {
    /// The environment lock of its snapshot.
    pub expected: Environment,
    /// What the branch's server says.
    pub found: Environment,
    /// The server's programs.
    pub build: Build,
}

impl Store {
    /// The branches of this store on this machine, in the home's pool if it has one. What killed processes left is put in
    /// order first.
    ///
    /// # Errors
    /// `Failed` if the folders cannot be made or read, or the home's pool is not mounted.
    pub fn branches(&self, place: BranchPlace) -> Result<Branches> {
        let uuid: String = self.open_store().uuid().iter().map(|byte| format!("{byte:02x}")).collect();
        let home = Home::open(&crate::pool::folder_of_branches(&place.home)?.join(uuid), &place.runtime)?;
        let servers = servers(&place);
        let opened = on_own_thread(|| engine::Branches::open(home, servers.clone()))?;
        let (inner, mut healed) = opened?;
        if !place.leaves_old_data
            && let Err(error) = on_own_thread(|| inner.remove_old_data())?
        {
            healed.failures.push(error.to_string());
        }
        Ok(Branches { store: self.clone(), place, servers, inner, healed })
    }
}

/// The servers of every engine that can be run here.
fn servers(place: &BranchPlace) -> Arc<dyn Servers> {
    let places = |programs: &Option<PathBuf>, memory: &str| Places {
        bin: programs.clone(),
        path: place.search.clone(),
        home: place.user_home.clone(),
        memory: Some(place.home.join(memory)),
    };
    let postgres = postgres::local::LocalServers::new(places(&place.programs, "servers.json"));
    let mysql = mysql::local::LocalServers::new(places(&place.mysql_programs, "mysql-servers.json"));
    Arc::new(EveryEngine::new(Arc::new(postgres), vec![Arc::new(mysql)]))
}

impl Branches {
    /// What was put in order when they were opened.
    #[must_use]
    pub fn healed(&self) -> &Healed {
        &self.healed
    }

    /// How files are cloned here.
    ///
    /// # Errors
    /// If it cannot be tried.
    pub fn ladder(&self) -> Result<offshoot_restore::clone::Ladder> {
        Ok(offshoot_restore::clone::probe(self.inner.home().root()).map_err(BranchError::from)?)
    }

    /// Makes a branch of a snapshot, and the snapshot's image first if there is none.
    ///
    /// # Errors
    /// `Conflict` if the name is taken; `Refused` for a raw snapshot that nobody acknowledged; `Unsupported` if this machine
    /// has no server for it; `Failed`, `Interrupted`. Nothing is left then but an image that was finished.
    pub fn create(
        &self,
        name: &str,
        address: &str,
        options: &CreateOptions,
        control: &Control,
    ) -> Result<CreatedBranch> {
        let name = BranchName::new(name)?;
        self.inner.check_free(&name)?;
        let owner = if options.is_owned { this_process() } else { None };
        self.with_image(address, control, |image, wish| {
            // What goes with its process need not survive the machine's going down.
            let durable = wish.shape.durable && owner.is_none();
            let shape = Shape { durable, ..wish.shape.clone() };
            let wish = Wish { ttl: options.ttl, owner: owner.clone(), shape, ..wish };
            self.inner.create(&name, image, &wish, control)
        })
    }

    /// Says that all is done in the branch of this [`Self::id`] that was made or reset while [`BranchPlace::finishes`]: from now on it is
    /// ready.
    ///
    /// # Errors
    /// `NotFound`, also where another one has its name; `Conflict` while another process works on it.
    pub fn finish(&self, name: &str, id: &str) -> Result<()> {
        Ok(self.inner.finish(&BranchName::new(name)?, id)?)
    }

    /// Gives a branch the content of a snapshot, its own one if none is named. Its URL stays. What it was before is removed by
    /// [`Self::tend`].
    ///
    /// # Errors
    /// As [`Self::create`]; `NotFound` if there is no such branch.
    pub fn reset(&self, name: &str, address: Option<&str>, control: &Control) -> Result<CreatedBranch> {
        let name = BranchName::new(name)?;
        let (_, snapshot) = self.inner.origin(&name)?;
        self.with_image(address.unwrap_or(&snapshot), control, |image, wish| {
            self.inner.reset(&name, image, &wish, control)
        })
    }

    /// Makes spares of a snapshot until there are as many as wished; none of databases of a shared server. Returns how many were made.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub fn fill_spares(&self, address: &str, spares: &SpareWish, control: &Control) -> Result<usize> {
        let (snapshot, _, making) = self.image(address, control)?;
        let wish = self.wish(address, &snapshot);
        on_own_thread(|| self.inner.fill_spares(&making.image, &wish, spares, control))?.map_err(Error::from)
    }

    /// Does what no command should wait for: writes what durable branches were cloned from to the disk, and removes what resets
    /// left. Returns how many branches were written.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn tend(&self) -> Result<usize> {
        let synced = self.inner.sync();
        self.remove_old_data()?;
        Ok(synced?)
    }

    /// Removes what resets left. Returns how many data directories that were.
    ///
    /// # Errors
    /// If one cannot be removed now.
    pub fn remove_old_data(&self) -> Result<usize> {
        on_own_thread(|| self.inner.remove_old_data())?.map_err(Error::from)
    }

    /// Waits until no command has worked on the branches for a moment, or for a second. False if another process waits for it
    /// already, and tends them then.
    ///
    /// # Errors
    /// `Interrupted`; `Failed` if the home cannot be written.
    pub fn wait_for_quiet(&self, control: &Control) -> Result<bool> {
        Ok(self.inner.wait_for_quiet(control)?)
    }

    /// All branches, by name.
    ///
    /// # Errors
    /// If the folders cannot be read.
    pub fn list(&self) -> Result<Vec<BranchInfo>> {
        on_own_thread(|| self.inner.list())?.map_err(Error::from)
    }

    /// The names of all branches, which are known sooner than what [`Self::list`] says of each.
    ///
    /// # Errors
    /// If the folders cannot be read.
    pub fn names(&self) -> Result<Vec<String>> {
        Ok(self.inner.names()?.iter().map(ToString::to_string).collect())
    }

    /// What tells a branch from every other one, also from one that has its name later. A reset keeps it.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn id(&self, name: &str) -> Result<String> {
        Ok(self.inner.id(&BranchName::new(name)?)?)
    }

    /// How to get into a branch, whether its server runs or not; [`Self::start`] sees to that.
    ///
    /// # Errors
    /// `NotFound`; `Failed` while it is being made.
    pub fn access(&self, name: &str) -> Result<Access> {
        Ok(self.inner.access(&BranchName::new(name)?)?)
    }

    /// Starts a branch's server, if it does not run. Says whether it has another port than before, because another program
    /// has that one.
    ///
    /// # Errors
    /// `NotFound`; `Failed` if it does not start.
    pub fn start(&self, name: &str, control: &Control) -> Result<(Access, bool)> {
        let name = BranchName::new(name)?;
        let started = on_own_thread(|| self.inner.start(&name, control))??;
        Ok((started.access, started.moved))
    }

    /// Stops a branch's server. Its files stay, and so does its URL.
    ///
    /// # Errors
    /// `NotFound`; `Failed` if it does not end.
    pub fn stop(&self, name: &str) -> Result<()> {
        let name = BranchName::new(name)?;
        on_own_thread(|| self.inner.stop(&name))?.map_err(Error::from)
    }

    /// Deletes a branch, with all that was written into it.
    ///
    /// # Errors
    /// `NotFound`; `Failed` if something cannot be removed now.
    pub fn delete(&self, name: &str) -> Result<()> {
        let name = BranchName::new(name)?;
        on_own_thread(|| self.inner.delete(&name))?.map_err(Error::from)
    }

    /// Deletes a branch that has this [`Self::id`]. To this, another one of its name is none.
    ///
    /// # Errors
    /// As [`Self::delete`].
    pub fn delete_only(&self, name: &str, id: &str) -> Result<()> {
        let name = BranchName::new(name)?;
        on_own_thread(|| self.inner.delete_only(&name, id))?.map_err(Error::from)
    }

    /// Gives a branch another name.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` if that is taken.
    pub fn rename(&self, name: &str, to: &str) -> Result<()> {
        Ok(self.inner.rename(&BranchName::new(name)?, &BranchName::new(to)?)?)
    }

    /// The file of a branch's log.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn log_file(&self, name: &str) -> Result<PathBuf> {
        Ok(self.inner.log_file(&BranchName::new(name)?)?)
    }

    /// The engine's own client program, as it gets into a branch with the variables of its access.
    ///
    /// # Errors
    /// `NotFound`; `Unsupported` if the branch's programs are gone.
    pub fn client(&self, name: &str) -> Result<Client> {
        Ok(self.inner.client(&BranchName::new(name)?)?)
    }

    /// Runs a script of SQL statements in a branch. `called` is what messages call it.
    ///
    /// # Errors
    /// `NotFound`; `Failed` if the server refuses a statement; `Interrupted`.
    pub fn run_script(&self, name: &str, called: &str, sql: &str, control: &Control) -> Result<()> {
        let name = BranchName::new(name)?;
        let server = self.inner.server(&name)?;
        let (site, database) = self.inner.site(&name)?;
        Ok(on_own_thread(|| server.run_script(&site, &database, called, sql, control))?.map_err(BranchError::from)?)
    }

    /// What a branch's server is, beside what its snapshot says.
    ///
    /// # Errors
    /// `NotFound`; `Failed` if the server does not answer.
    pub fn environment(&self, name: &str) -> Result<BranchEnvironment> {
        let name = BranchName::new(name)?;
        let server = self.inner.server(&name)?;
        let (site, database) = self.inner.site(&name)?;
        let (_, snapshot) = self.inner.origin(&name)?;
        let expected = self.store.snapshot(&snapshot)?.manifest.environment;
        let found = on_own_thread(|| server.observe(&site, &database))?.map_err(BranchError::from)?;
        Ok(BranchEnvironment { expected, found, build: server.build().clone() })
    }

    fn wish(&self, address: &str, snapshot: &str) -> Wish {
        let (shape, finishes) = (self.place.shape.clone(), self.place.finishes);
        Wish { address: address.to_owned(), snapshot: snapshot.to_owned(), shape, finishes, ..Wish::default() }
    }
}

impl fmt::Debug for Branches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Branches").field("store", &self.store).field("home", &self.place.home).finish_non_exhaustive()
    }
}
