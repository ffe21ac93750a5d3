//! Restoring a snapshot into a database: a plan first, which says everything that will be done, then its execution.

use crate::{Connection, Error, ErrorKind, Result, Store, on_own_thread};
use offshoot_core::Control;
use offshoot_core::snapshot::SnapshotReader;
use offshoot_core::target::{Adapted, Inspection, Roles, Target};
use offshoot_format::ids::SnapshotId;
use offshoot_format::manifest::{Manifest, Note, Trust};
use offshoot_restore::{Accepted, Options, Plan, RawSnapshot, RestoreError, RestoreReport, ScrubbedSnapshot};
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// How a snapshot is restored. The defaults fit.
///
/// Fill in what you need and take the rest from `..RestoreOptions::default()`; later versions add fields.
#[derive(Debug, Clone, Default)]
pub struct RestoreOptions {
    /// Sessions that work at once; `None` is one a core.
    pub jobs: Option<NonZeroUsize>,
    /// Whether objects of users in the target are dropped. Without it, a target that is not empty is refused.
    pub force: bool,
    /// What becomes of owners and privileges.
    pub roles: Roles,
    /// Extensions to do without; what is lost with them is reported.
    pub skip_extensions: Vec<String>,
}

/// What a restore would do. Displayed, it is the dry run: every step in its order.
#[must_use = "a plan does nothing until it is applied"]
pub struct RestorePlan {
    id: SnapshotId,
    reader: SnapshotReader,
    target: Box<dyn Target + Send>,
    options: Options,
    inspection: Inspection,
    adapted: Adapted,
    text: String,
}

impl Store {
    /// Looks at a target and says what a restore would do. Changes nothing.
    ///
    /// # Errors
    /// `Usage` if the target is of another kind than the snapshot; `Refused` if it is not empty or is the snapshot's own source; `Unsupported` if something that the
    /// snapshot needs is missing there; `Unreachable`; as [`Store::snapshot`].
    pub fn plan_restore(
        &self,
        address: &str,
        connection: &Connection,
        options: &RestoreOptions,
    ) -> Result<RestorePlan> {
        let snapshot = self.snapshot(address)?;
        let reader = SnapshotReader::new(Arc::new(self.open_store().clone()), snapshot.manifest);
        let target = connection.target(reader.manifest())?;
        let options = engine_options(options);
        let inspection = on_own_thread(|| target.inspect(reader.manifest()))??;
        let adapted = target.adapt(reader.manifest(), &inspection, &options.choices);
        let mut plan =
            RestorePlan { id: snapshot.id, reader, target, options, inspection, adapted, text: String::new() };
        plan.text = plan.plan()?.to_string();
        Ok(plan)
    }

    /// Restores a snapshot: a plan, applied at once.
    ///
    /// ```
    /// use offshoot::{Connection, Control, Environment, RestoreOptions, Store};
    ///
    /// # let (server, folder) = (offshoot_testkit::postgres::shared(), tempfile::tempdir()?);
    /// # std::env::set_current_dir(folder.path())?;
    /// # let shop = Connection::parse(&server.url(&server.fresh_db("shop")), &Environment::empty())?;
    /// # let options = offshoot::CaptureOptions { name: Some("prod".to_owned()), ..Default::default() };
    /// # Store::init(".offshoot", offshoot::InitOptions { raw: true })?.capture(&shop, &options, &Control::default())?;
    /// let store = Store::open(".offshoot")?;
    /// let copy = Connection::parse("postgresql://postgres@localhost/shop_copy", &Environment::empty())?;
    /// # let copy = Connection::parse(&server.url(&server.fresh_db("shop_copy")), &Environment::empty())?;
    /// let report = store.restore("prod", &copy, &RestoreOptions::default(), &Control::default())?;
    /// println!("{} rows are back", report.rows);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Store::plan_restore`] and [`RestorePlan::apply`].
    pub fn restore(
        &self,
        address: &str,
        connection: &Connection,
        options: &RestoreOptions,
        control: &Control,
    ) -> Result<RestoreReport> {
        self.plan_restore(address, connection, options)?.apply(control)
    }
}

impl RestorePlan {
    /// Carries the plan out. A report means that the target was compared with the snapshot and agrees.
    ///
    /// # Errors
    /// `Interrupted`, `Failed` with the step that failed, `Damaged` if the store is, or if the target differs in the
    /// end. The target is then marked as incomplete, and a new restore starts over.
    pub fn apply(&self, control: &Control) -> Result<RestoreReport> {
        let plan = self.plan()?;
        Ok(on_own_thread(|| offshoot_restore::apply(&plan, &*self.target, control))??)
    }

    /// The snapshot that is restored.
    #[must_use]
    pub fn snapshot(&self) -> SnapshotId {
        self.id
    }

    /// Its manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        self.reader.manifest()
    }

    /// The name of the target's database.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.inspection.database
    }

    /// Objects of users in the target that will be dropped.
    #[must_use]
    pub fn drops(&self) -> Vec<&str> {
        self.inspection.objects.iter().map(|object| object.label.as_str()).collect()
    }

    /// What the target will do without, because the options say so.
    #[must_use]
    pub fn losses(&self) -> &[Note] {
        &self.adapted.losses
    }

    /// What the user should know although the restore can go on.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.adapted.warnings
    }

    fn plan(&self) -> Result<Plan<'_>> {
        let (inspection, adapted) = (self.inspection.clone(), self.adapted.clone());
        Ok(Plan::from_inspection(self.accepted()?, inspection, adapted, self.options.clone())?)
    }

    /// A raw snapshot can only be in a store that somebody made raw on purpose, which is the acknowledgement.
    fn accepted(&self) -> Result<Accepted<'_>> {
        let manifest = self.reader.manifest();
        Ok(match &manifest.trust {
            Trust::Raw => RawSnapshot::acknowledge(self.id, manifest, &self.reader).into(),
            Trust::Scrubbed { .. } => ScrubbedSnapshot::new(self.id, manifest, &self.reader)?.into(),
        })
    }
}

impl fmt::Display for RestorePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for RestorePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestorePlan").field("snapshot", &self.id).finish_non_exhaustive()
    }
}

fn engine_options(options: &RestoreOptions) -> Options {
    let mut engine = Options::default();
    engine.force = options.force;
    engine.choices.roles = options.roles;
    engine.choices.skip_extensions.clone_from(&options.skip_extensions);
    if let Some(jobs) = options.jobs {
        engine.choices.jobs = jobs.get();
    }
    engine
}

impl From<RestoreError> for Error {
    fn from(error: RestoreError) -> Self {
        let restart = "mend the cause and run the restore again: it starts over";
        match error {
            // Its own words are those of the source, under a line that says the same for all of them.
            RestoreError::Inspect { source } => source.into(),
            RestoreError::Step { step, source } => {
                let told = Self::from(source);
                let message = format!("{step} failed: {told}; the target is marked as incomplete");
                let hint = told.hint().map_or_else(|| restart.to_owned(), |hint| format!("{hint}; then {restart}"));
                let kind = if told.kind() == ErrorKind::Interrupted { ErrorKind::Failed } else { told.kind() };
                Self::new(kind, message, hint)
            }
            RestoreError::Unsure { source } => {
                let told = Self::from(source);
                let message = format!(
                    "all was restored and compared, but whether the target is still marked as incomplete could not be seen: {told}"
                );
                let hint = "it may be complete: it is, if the target has no mark (in PostgreSQL the schema `offshoot_incomplete`); else run the restore again: it starts over";
                Self::new(told.kind(), message, hint)
            }
            RestoreError::Unfit { problems } => {
                let lines = |text: &dyn Fn(&offshoot_core::target::Problem) -> String| {
                    problems.iter().map(|problem| format!("\n  {}", text(problem))).collect::<String>()
                };
                let message =
                    format!("the snapshot cannot be restored here:{}", lines(&|problem| problem.what.clone()));
                Self::new(ErrorKind::Unsupported, message, format!("in this order:{}", lines(&|p| p.mend.clone())))
            }
            RestoreError::Cancelled { .. } => Self::retell(ErrorKind::Interrupted, error),
            RestoreError::Differs { .. } => Self::retell(ErrorKind::Damaged, error),
            error if error.is_refusal() => Self::retell(ErrorKind::Refused, error),
            error => Self::retell(ErrorKind::Failed, error),
        }
    }
}
