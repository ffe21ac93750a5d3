//! Giving space back: forgetting snapshots, and gc. Both are plans first, which print what they would do.

use crate::amounts::{bytes, counted, moment};
use crate::{Error, ErrorKind, Result, Snapshot, Store};
use offshoot_core::Control;
use offshoot_core::gc::{self, Forget, Forgotten, GcReport, Kept, PackAction};
use offshoot_core::store::OpenStore;
use offshoot_format::refname::RefName;
use std::fmt;
use std::time::Duration;

/// What forgetting keeps of a ref.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForgetOptions {
    /// The newest snapshots that stay.
    pub keep_last: Option<usize>,
    /// Snapshots that are younger than this stay.
    pub keep_within: Option<Duration>,
}

/// What forgetting would do. Displayed, it lists the snapshots.
#[must_use = "a plan does nothing until it is applied"]
pub struct ForgetPlan {
    open: OpenStore,
    plan: gc::ForgetPlan,
}

/// When gc deletes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcOptions {
    /// Time between condemning a pack and deleting it; sessions that are under way need it to end.
    pub grace: Duration,
}

impl Default for GcOptions {
    fn default() -> Self {
        Self { grace: gc::GcOptions::default().grace }
    }
}

/// What gc would do. Displayed, it says how much is freed now and later.
#[must_use = "a plan does nothing until it is applied"]
pub struct GcPlan {
    open: OpenStore,
    plan: gc::GcPlan,
}

impl Store {
    /// What forgetting would do: for a ref, its snapshots but for those that the options keep, and the ref itself if
    /// none is left; for any other address, that snapshot.
    ///
    /// # Errors
    /// `NotFound` if nothing is called so; `Refused` if a tag keeps the snapshot; `Usage` for options that keep a part
    /// of what is not a ref.
    pub fn plan_forget(&self, address: &str, options: &ForgetOptions) -> Result<ForgetPlan> {
        let open = self.open_store().clone();
        let name = address.parse::<RefName>().ok();
        let name = match name {
            Some(name) if open.read_ref(&name)?.is_some() => Some(name),
            _ => None,
        };
        if let Some(name) = name {
            let (keep_last, keep_within) = (options.keep_last, options.keep_within);
            let plan = open.plan_forget(&Forget::Ref { name, keep_last, keep_within })?;
            return Ok(ForgetPlan { open, plan });
        }
        let id = open.resolve(address)?;
        if *options != ForgetOptions::default() {
            let message = format!("{address} is one snapshot, of which no part can be kept");
            return Err(Error::new(ErrorKind::Usage, message, "name a ref to forget its older snapshots"));
        }
        let plan = open.plan_forget(&Forget::Snapshots(vec![id]))?;
        if let Some(kept) = plan.keep.first() {
            let message = format!("{address} is kept by its {}", kept.why);
            let tag = kept.why.strip_prefix("tag ").unwrap_or("NAME");
            let hint = format!("remove the tag first: `offshoot tag {tag} --delete`");
            return Err(Error::new(ErrorKind::Refused, message, hint));
        }
        Ok(ForgetPlan { open, plan })
    }

    /// Bytes that nothing but this snapshot needs: what gc can give back once it is forgotten. Walks every snapshot of
    /// the store.
    ///
    /// # Errors
    /// `Damaged` if a snapshot cannot be read: then it cannot be known what the others need.
    pub fn bytes_alone(&self, snapshot: &Snapshot, control: &Control) -> Result<u64> {
        Ok(self.open_store().bytes_only_in(&[snapshot.id], control)?)
    }

    /// What gc would do now.
    ///
    /// # Errors
    /// `Damaged` if a snapshot cannot be read: then nothing may be deleted, because it cannot be known what is needed.
    pub fn plan_gc(&self, options: &GcOptions, control: &Control) -> Result<GcPlan> {
        let open = self.open_store().clone();
        let options = gc::GcOptions { grace: options.grace, ..gc::GcOptions::default() };
        let plan = open.plan_gc(&options, control)?;
        Ok(GcPlan { open, plan })
    }
}

impl ForgetPlan {
    /// What goes, newest first.
    #[must_use]
    pub fn forgotten(&self) -> &[Forgotten] {
        &self.plan.forget
    }

    /// What stays of that which was looked at, newest first.
    #[must_use]
    pub fn kept(&self) -> &[Kept] {
        &self.plan.keep
    }

    /// Refs that have nothing left to name.
    #[must_use]
    pub fn refs_removed(&self) -> Vec<String> {
        self.plan.refs_removed.iter().map(ToString::to_string).collect()
    }

    /// Bytes that nothing but what goes needs: what gc can give back afterwards. Walks every snapshot of the store.
    ///
    /// # Errors
    /// `Damaged` if a snapshot cannot be read.
    pub fn freeable_bytes(&self, control: &Control) -> Result<u64> {
        let going: Vec<_> = self.plan.forget.iter().map(|gone| gone.snapshot).collect();
        Ok(self.open.bytes_only_in(&going, control)?)
    }

    /// Forgets. The space is given back by gc. Returns how many snapshots went.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn apply(&self) -> Result<usize> {
        Ok(self.open.forget(&self.plan)?)
    }
}

impl fmt::Display for ForgetPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for gone in &self.plan.forget {
            writeln!(f, "forget  {}  {}", gone.snapshot, moment(gone.taken_unix_ms))?;
        }
        for kept in &self.plan.keep {
            writeln!(f, "keep    {}  {}", kept.snapshot, kept.why)?;
        }
        for name in &self.plan.refs_removed {
            writeln!(f, "remove  ref {name}, which has no snapshot left")?;
        }
        if self.plan.forget.is_empty() { writeln!(f, "nothing is forgotten") } else { Ok(()) }
    }
}

impl fmt::Debug for ForgetPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.plan.fmt(f)
    }
}

/// Packs and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PackCount {
    /// Packs.
    pub packs: usize,
    /// Their bytes.
    pub bytes: u64,
}

impl GcPlan {
    /// Bytes that are freed once the grace period is over.
    #[must_use]
    pub fn freed_bytes(&self) -> u64 {
        self.plan.freed_bytes()
    }

    /// Snapshots that were looked at.
    #[must_use]
    pub fn snapshots(&self) -> usize {
        self.plan.snapshots
    }

    /// Packs in which nothing is needed and which are condemned next.
    #[must_use]
    pub fn dropped(&self) -> PackCount {
        self.count(PackAction::Drop)
    }

    /// Packs of which a part is needed, which is copied out of them.
    #[must_use]
    pub fn rewritten(&self) -> PackCount {
        self.count(PackAction::Rewrite)
    }

    /// Packs that were condemned before and are deleted when their time has come.
    #[must_use]
    pub fn condemned(&self) -> PackCount {
        self.count(PackAction::Condemned)
    }

    /// Packs that stay as they are.
    #[must_use]
    pub fn kept(&self) -> PackCount {
        self.count(PackAction::Keep)
    }

    /// Sessions under way that condemned packs wait for.
    #[must_use]
    pub fn blocking_sessions(&self) -> usize {
        self.plan.waiting.iter().map(|list| list.blocking_sessions).max().unwrap_or(0)
    }

    /// Carries the plan out: condemns packs, and deletes those whose time has come. Interrupted anywhere, the store is
    /// whole and the next gc goes on.
    ///
    /// # Errors
    /// `Conflict` if another gc runs; `Damaged` if a snapshot cannot be read.
    pub fn apply(self, control: &Control) -> Result<GcReport> {
        Ok(self.open.gc(self.plan, control)?)
    }

    fn count(&self, action: PackAction) -> PackCount {
        let packs = self.plan.packs.iter().filter(|pack| pack.action == action);
        packs.fold(PackCount::default(), |sum, pack| PackCount { packs: sum.packs + 1, bytes: sum.bytes + pack.bytes })
    }
}

impl fmt::Display for GcPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |verb: &str, count: PackCount| match count.packs {
            0 => Ok(()),
            packs => writeln!(f, "{verb:<9} {:>12}  {}", counted(packs as u64, "pack"), bytes(count.bytes)),
        };
        line("keep", self.kept())?;
        line("drop", self.dropped())?;
        line("rewrite", self.rewritten())?;
        line("condemned", self.condemned())?;
        if self.blocking_sessions() > 0 {
            let sessions = counted(self.blocking_sessions() as u64, "session");
            writeln!(f, "condemned packs wait for {sessions} under way")?;
        }
        if !self.plan.unnamed.is_empty() {
            let snapshots = counted(self.plan.unnamed.len() as u64, "snapshot");
            writeln!(f, "remove {snapshots} that a crash left without a name")?;
        }
        if !self.plan.unfinished.is_empty() {
            let files = counted(self.plan.unfinished.len() as u64, "file");
            writeln!(f, "remove {files} that a crash left unfinished")?;
        }
        writeln!(f, "frees {} once the grace period is over", bytes(self.freed_bytes()))
    }
}

impl fmt::Debug for GcPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.plan.fmt(f)
    }
}
