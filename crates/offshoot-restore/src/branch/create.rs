//! Making a branch: claim a spare that fits, or clone, start and let the user in.

use super::delete::remove_sockets;
use super::finishing::Finishing;
use super::late::{Late, begin_clone};
use super::record::{BranchRecord, Isolation, Shape, State, VERSION};
use super::{BranchError, BranchName, Branches, Result, boot, fill, new_folder, port};
use crate::clone::Method;
use crate::image::Image;
use crate::lock::FolderLock;
use crate::server::{Access, Purpose, Secret, Server, Stop};
use offshoot_core::{Control, Event};
use offshoot_format::record::Holder;
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// How many ports are tried when other programs are faster.
const PORT_TRIES_MAX: usize = 20;

/// What a branch is wanted for.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// How the snapshot was asked for, to be shown: `prod`.
    pub address: String,
    /// The snapshot's hash.
    pub snapshot: String,
    /// How long it is kept.
    pub ttl: Option<Duration>,
    /// What must be known before its server starts.
    pub shape: Shape,
    /// The process that it goes with: when that has ended, the branch is deleted.
    pub owner: Option<Holder>,
    /// Whether more is done in it once it is made or reset, until [`Branches::finish`].
    pub finishes: bool,
}

/// A branch that is ready.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Created {
    /// What tells it from every other branch.
    pub id: String,
    /// How to get in.
    pub access: Access,
    /// How it came about: `started spare`, `spare`, `reflink`, `snapshot`, `copy`, `database`.
    pub method: &'static str,
    /// Whether its address is another one than it had: a reset keeps it unless another program has its port by now, the new content
    /// is a database of another name, or of another server that branches share.
    pub moved: bool,
    /// What it took, from asking to the answer to the first query.
    pub took: Duration,
    /// The same step by step.
    pub steps: Vec<(&'static str, Duration)>,
}

impl Branches {
    /// Whether a name is free, so that it can be said before an image is made.
    ///
    /// # Errors
    /// `Taken`.
    pub fn check_free(&self, name: &BranchName) -> Result<()> {
        match self.find(name) {
            Ok(_) => Err(BranchError::Taken { name: name.to_string() }),
            Err(BranchError::NoBranch { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Makes a branch of an image.
    ///
    /// # Errors
    /// `Taken`, `NoPort`, `Server` with what its log says, `Clone` for a full disk, `Cancelled`. Nothing is left then.
    pub fn create(&self, name: &BranchName, image: &Image, wish: &Wish, control: &Control) -> Result<Created> {
        if wish.shape.isolation == Isolation::Database {
            return self.create_hosted(name, image, wish, control);
        }
        let mut clock = StepClock::start();
        if let Some((mut record, lock, started)) = self.claim(name, image, wish)? {
            clock.step("claim a spare");
            let server = self.server_of(&record)?;
            if !started {
                if let Err(error) = self.launch(&mut record, &*server, &lock, None, control) {
                    let _ = self.remove(&record, &lock);
                    return Err(error);
                }
                clock.step("start");
            }
            let access = self.access_of(&record, &*server);
            let method = if started { "started spare" } else { "spare" };
            return Ok(Created {
                id: record.id,
                access,
                method,
                moved: false,
                took: clock.whole(),
                steps: clock.steps,
            });
        }
        let (mut record, lock) = self.begin(Some(name), image, wish)?;
        let made = self.make(&mut record, image, &lock, control, &mut clock);
        match made {
            Ok((access, method)) => {
                record.state = State::Ready;
                // Its files are not on the disk yet either.
                record.save_later(&self.home, &lock)?;
                clock.step("record");
                let method = method_word(method);
                Ok(Created { id: record.id, access, method, moved: false, took: clock.whole(), steps: clock.steps })
            }
            Err(error) => {
                // What cannot be removed now is removed by the next command.
                let _ = self.remove(&record, &lock);
                Err(error)
            }
        }
    }

    /// A record that says that something is being made, under a lock. From here on, its port and name are taken.
    pub(super) fn begin(
        &self,
        name: Option<&BranchName>,
        image: &Image,
        wish: &Wish,
    ) -> Result<(BranchRecord, FolderLock)> {
        let list = self.home.lock_list()?;
        if let Some(name) = name {
            self.check_free(name)?;
        }
        let server = self.servers.at(&image.record().build.programs)?;
        let (id, _, lock) = new_folder(&self.home, server.owner().is_some())?;
        let now = crate::image::now_unix_ms();
        let record = BranchRecord {
            version: VERSION,
            port: port::choose(&id, &self.ports()?)?,
            name: name.cloned(),
            state: State::Creating,
            snapshot: wish.snapshot.clone(),
            address: wish.address.clone(),
            image: image.record().key.clone(),
            host: None,
            left_on: None,
            programs: image.record().build.programs.clone(),
            sockets: Some(self.home.sockets(&id)),
            id,
            database: image.record().database.clone(),
            shape: wish.shape.clone(),
            password: password()?,
            generation: 1,
            admitted: 0,
            runs: true,
            made_unix_ms: now,
            expires_unix_ms: wish.ttl.map(|ttl| expiry(now, ttl)),
            owner: wish.owner.clone(),
            finishing: Finishing::wished(wish.finishes && name.is_some(), true),
            boot: boot().unwrap_or_default(),
            is_synced: false,
        };
        record.save_later(&self.home, &lock)?;
        drop(list);
        Ok((record, lock))
    }

    /// Clones, starts and lets the user in.
    pub(super) fn make(
        &self,
        record: &mut BranchRecord,
        image: &Image,
        lock: &FolderLock,
        control: &Control,
        clock: &mut StepClock,
    ) -> Result<(Access, Method)> {
        clock.step("record");
        let server = self.server_of(record)?;
        let data = record.site(&self.home).data;
        let begun = begin_clone(image, &data, &*server, &record.shape, control)?;
        clock.step("clone");
        let access = self.launch(record, &*server, lock, Some(begun.late), control)?;
        clock.step("start");
        Ok((access, begun.method))
    }

    /// Starts a branch's server, on another port if another program has taken this one, and lets the user in. What of a clone is
    /// still to come is there before the record is written again.
    pub(super) fn launch(
        &self,
        record: &mut BranchRecord,
        server: &dyn Server,
        lock: &FolderLock,
        mut late: Option<Late<'_>>,
        control: &Control,
    ) -> Result<Access> {
        control.emit(&Event::Step { name: "start the server".to_owned() });
        let sockets = self.home.make_sockets(&record.id, server.owner())?;
        if record.sockets.as_ref() != Some(&sockets) {
            let old = record.sockets.replace(sockets);
            record.save_later(&self.home, lock)?;
            old.as_deref().map_or(Ok(()), remove_sockets)?;
        }
        let shared = if record.shape.isolation == Isolation::Database { server.hosting_settings() } else { Vec::new() };
        let settings = [shared, record.shape.settings.clone()].concat();
        let purpose = Purpose::Branch { durable: record.shape.durable, settings };
        let mut lost = HashSet::new();
        loop {
            control.check()?;
            let site = record.site(&self.home);
            let start = || server.start(&site, &purpose, control);
            let started = match late.take() {
                Some(late) => late.beside(start, control).inspect_err(|_| {
                    let _ = self.servers.stop(&site.data, Stop::AtOnce);
                })?,
                None => start(),
            };
            match started {
                Ok(_) => break,
                Err(error) if server.is_port_taken(&error) && lost.len() < PORT_TRIES_MAX => {
                    lost.insert(record.port);
                    let list = self.home.lock_list()?;
                    let taken = self.ports()?.union(&lost).copied().collect();
                    record.port = port::choose(&record.id, &taken)?;
                    record.save(&self.home, lock)?;
                    drop(list);
                }
                Err(error) => return Err(error.into()),
            }
        }
        let site = record.site(&self.home);
        if record.state == State::Host {
            // Nobody enters the database that others are cloned from; its user was let in when it was made.
            return Ok(self.access_of(record, server));
        }
        let admitted = server.admit(&site, &record.database, record.shape.role.as_deref(), &record.password);
        let access = admitted.map_err(|error| {
            let _ = self.servers.stop(&site.data, Stop::AtOnce);
            BranchError::from(error)
        })?;
        record.admitted = record.generation;
        Ok(access)
    }

    /// The ports of all branches, running or not.
    pub(super) fn ports(&self) -> Result<HashSet<u16>> {
        Ok(self.records()?.iter().map(|record| record.port).collect())
    }
}

pub(super) fn method_word(method: Method) -> &'static str {
    match method {
        Method::Snapshot => "snapshot",
        Method::Reflink => "reflink",
        _ => "copy",
    }
}

/// When something ends that is kept for this long.
pub(super) fn expiry(now_unix_ms: u64, ttl: Duration) -> u64 {
    now_unix_ms.saturating_add(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX))
}

/// 128 random bits as text.
fn password() -> Result<Secret> {
    let mut bytes = [0_u8; 16];
    fill(&mut bytes)?;
    Ok(Secret::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
}

/// What each step took.
pub(super) struct StepClock {
    began: Instant,
    last: Instant,
    pub(super) steps: Vec<(&'static str, Duration)>,
}

impl StepClock {
    pub(super) fn start() -> Self {
        let now = Instant::now();
        Self { began: now, last: now, steps: Vec::new() }
    }

    pub(super) fn step(&mut self, name: &'static str) {
        let now = Instant::now();
        self.steps.push((name, now - self.last));
        self.last = now;
    }

    pub(super) fn whole(&self) -> Duration {
        self.began.elapsed()
    }
}
