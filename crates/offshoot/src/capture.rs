//! Capturing a live database into a store.

use crate::scrub::{Bounds, Lineage, Rewriter, Scrub};
use crate::{Connection, Error, ErrorKind, Result, Store, on_own_thread};
use offshoot_core::memory::{DEFAULT_BYTES, MemoryPlan};
use offshoot_core::source::Source;
use offshoot_core::transform::BatchTransform;
use offshoot_core::{Control, CoreError, Event};
use offshoot_format::ids::SnapshotId;
use offshoot_format::manifest::Manifest;
use offshoot_format::refname::RefName;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

/// How a capture is done. The defaults fit.
///
/// Fill in what you need and take the rest from `..CaptureOptions::default()`; later versions add fields.
#[derive(Debug, Clone)]
pub struct CaptureOptions {
    /// The ref that will name the snapshot; `None` takes the database's name.
    pub name: Option<String>,
    /// What rows are scrubbed by; `None` takes them as they are, which only a raw store allows.
    pub scrub: Option<Scrub>,
    /// Connections that read rows; `None` is one a core, as far as the memory allows.
    pub jobs: Option<NonZeroUsize>,
    /// The most memory that may be used, in bytes; `None` is 512 MiB. What is too little for the jobs is refused before
    /// anything is read.
    pub memory_bytes: Option<u64>,
    /// How long somebody may wait behind a schema change that is queued on a lock of the capture; of MySQL also behind the
    /// lock under which the snapshots are taken.
    pub max_block: Option<Duration>,
    /// How long locks may be waited for.
    pub lock_wait: Option<Duration>,
    /// How old the snapshot of the database may become; `None` is without bound.
    pub max_age: Option<Duration>,
    /// The most bytes of values that are read in a second, by all connections together; `None` is as many as there are.
    pub max_rate: Option<NonZeroU64>,
    /// Programs to try as pg_dump, which reads a schema of Postgres; the first that is new enough for the server is used.
    pub pg_dump: Vec<PathBuf>,
}

impl Default for CaptureOptions {
    /// `pg_dump` is that of the search path.
    fn default() -> Self {
        Self {
            name: None,
            scrub: None,
            jobs: None,
            memory_bytes: None,
            max_block: None,
            lock_wait: None,
            max_age: None,
            max_rate: None,
            pg_dump: vec![PathBuf::from("pg_dump")],
        }
    }
}

/// The survivor proof takes one of so many parts of the memory; what it collects waits on disk where that is too little.
const PROOF_PART: u64 = 5;
/// More of it would hardly make the proof faster.
const PROOF_BYTES_MAX: u64 = 128 << 20;

/// A snapshot that was taken.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CaptureReport {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// The ref that names it.
    pub name: String,
    /// Everything about it that is not rows. What could not be carried is in `not_carried`.
    pub manifest: Manifest,
    /// How long the survivor proof and the checks of keys took, where rows were scrubbed; part of the capture's time.
    pub proof: Option<Duration>,
}

impl CaptureReport {
    /// Share of the values whose chunks were in the store already, from 0 to 1.
    #[must_use]
    pub fn reused_share(&self) -> f64 {
        crate::snapshot::reused_share(&self.manifest.stats)
    }
}

impl Store {
    /// Takes a snapshot of a live database. When this returns, the snapshot is durable; when it fails, nothing of it is
    /// visible.
    ///
    /// ```
    /// use offshoot::{CaptureOptions, Connection, Control, Environment, Store};
    ///
    /// # let (server, folder) = (offshoot_testkit::postgres::shared(), tempfile::tempdir()?);
    /// # std::env::set_current_dir(folder.path())?;
    /// # Store::init(".offshoot", offshoot::InitOptions { raw: true })?;
    /// let store = Store::open(".offshoot")?;
    /// let shop = Connection::parse("postgresql://reader@db.example/shop", &Environment::empty())?;
    /// # let shop = Connection::parse(&server.url(&server.fresh_db("shop")), &Environment::empty())?;
    /// let report = store.capture(&shop, &CaptureOptions::default(), &Control::default())?;
    /// println!("{} has {} rows", report.snapshot, report.manifest.stats.rows);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `Refused` if the store was not made for raw rows; `Usage` if the memory is too little for the jobs; `Unreachable`;
    /// `Interrupted`; `Failed` with what the server said, or with the rights that are missing and the statements that grant
    /// them.
    pub fn capture(
        &self,
        connection: &Connection,
        options: &CaptureOptions,
        control: &Control,
    ) -> Result<CaptureReport> {
        if options.scrub.is_none() && !self.is_raw() {
            let message = format!("{} takes scrubbed rows only, and there is no policy", self.place());
            let hint = "propose one with `offshoot scan URL --out offshoot.toml` and read it; or use a store that was made \
                        for raw rows (`offshoot init --raw`) and guard it like the source";
            return Err(Error::new(ErrorKind::Refused, message, hint));
        }
        let plan = memory_plan(options)?;
        let mut source = connection.source(options, &plan);
        self.take(source.as_mut(), connection.database(), options, &plan, control)
    }

    /// Captures whatever source; the name is that of the options, else `name`.
    pub(crate) fn take(
        &self,
        source: &mut (dyn Source + Send),
        name: &str,
        options: &CaptureOptions,
        plan: &MemoryPlan,
        control: &Control,
    ) -> Result<CaptureReport> {
        let name = ref_name(options.name.as_deref(), name)?;
        let lineage = options.scrub.as_ref().map(|scrub| Lineage { store: self, name: &name, key: scrub.key() });
        if let Some(lineage) = &lineage {
            let before = self.open_store().get_ref(&name)?;
            lineage.check(before, |message| control.emit(&Event::Warning { message }))?;
        }
        let wanted = offshoot_core::capture::CaptureOptions {
            name: Some(name.clone()),
            // Rows that wait to be sorted are as the store takes them, and belong to the same owner.
            ingest: plan.ingest(Some(self.scratch_dir())),
            bytes_per_second: options.max_rate,
            ..Default::default()
        };
        let (scratch, memory_bytes) = (self.scratch_dir(), proof_bytes(options));
        let survey_bytes = options.memory_bytes.unwrap_or(DEFAULT_BYTES);
        let bounds = Bounds { scratch, memory_bytes, survey_bytes, threads: plan.jobs().get() };
        let scrub = options.scrub.as_ref().zip(lineage);
        let rewriter = scrub.map(|(scrub, lineage)| Rewriter::new(scrub, bounds, lineage));
        let transform = rewriter.as_ref().map(|rewriter| rewriter as &dyn BatchTransform);
        let open = self.open_within(plan)?;
        let taken = on_own_thread(|| offshoot_core::capture::capture(&open, source, transform, &wanted, control))?;
        let report = taken?;
        let (snapshot, name, manifest, proof) =
            (report.snapshot, report.name.to_string(), report.manifest, report.proof);
        Ok(CaptureReport { snapshot, name, manifest, proof })
    }
}

/// What of the memory of a capture is for the survivor proof.
fn proof_bytes(options: &CaptureOptions) -> u64 {
    let budget_bytes = options.memory_bytes.unwrap_or(DEFAULT_BYTES);
    if options.scrub.is_some() { (budget_bytes / PROOF_PART).min(PROOF_BYTES_MAX) } else { 0 }
}

/// How the memory of a capture is divided.
pub(crate) fn memory_plan(options: &CaptureOptions) -> Result<MemoryPlan> {
    let proof_bytes = proof_bytes(options);
    let budget_bytes = options.memory_bytes.unwrap_or(DEFAULT_BYTES) - proof_bytes;
    let plan = match options.jobs {
        Some(jobs) => MemoryPlan::new(budget_bytes, jobs),
        None => {
            let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
            MemoryPlan::fitting(budget_bytes, cores)
        }
    };
    Ok(plan.map_err(|error| match error {
        // Said of all the memory, the proof's included.
        CoreError::Memory { budget_bytes, jobs, bytes_min, jobs_fitting } if proof_bytes > 0 => CoreError::Memory {
            budget_bytes: budget_bytes + proof_bytes,
            jobs,
            bytes_min: (bytes_min + (bytes_min / (PROOF_PART - 1) + (1 << 20)).min(PROOF_BYTES_MAX))
                .next_multiple_of(1 << 20),
            jobs_fitting,
        },
        error => error,
    })?)
}

fn ref_name(named: Option<&str>, database: &str) -> Result<RefName> {
    match named {
        Some(name) => Ok(name.parse()?),
        None => database.parse().map_err(|invalid| {
            let message = format!("the database's name cannot name a snapshot: {invalid}");
            Error::new(ErrorKind::Usage, message, "give the snapshot another name: --name NAME")
        }),
    }
}
