//! A target that tells a test what is about to be done in it, so that the test can break something at that very moment.

use offshoot_core::target::{
    Adapted, Choices, Counted, Difference, Executed, Inspection, LoadContext, LoadWork, Loaded, Mark, Target,
    TargetSession, Work,
};
use offshoot_core::{CoreError, Result};
use offshoot_format::manifest::{Manifest, TableEntry};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is told: how many operations were begun before this one, and what it does.
pub type Hook<'a> = dyn Fn(usize, &str) + Sync + 'a;

/// The target, watched.
pub struct Watched<'a> {
    target: &'a dyn Target,
    begun: AtomicUsize,
    hook: &'a Hook<'a>,
    /// Whether nobody hears that the mark was taken away.
    pub loses_last_answer: bool,
}

impl<'a> Watched<'a> {
    pub fn new(target: &'a dyn Target, hook: &'a Hook<'a>) -> Self {
        Self { target, begun: AtomicUsize::new(0), hook, loses_last_answer: false }
    }

    fn begin(&self, what: &str) {
        (self.hook)(self.begun.fetch_add(1, Ordering::SeqCst), what);
    }
}

impl Target for Watched<'_> {
    fn inspect(&self, manifest: &Manifest) -> Result<Inspection> {
        self.target.inspect(manifest)
    }

    fn adapt(&self, manifest: &Manifest, inspection: &Inspection, choices: &Choices) -> Adapted {
        self.target.adapt(manifest, inspection, choices)
    }

    fn session(&self, choices: &Choices) -> Result<Box<dyn TargetSession + '_>> {
        Ok(Box::new(WatchedSession { of: self, session: self.target.session(choices)? }))
    }

    fn interrupt(&self) {
        self.target.interrupt();
    }
}

struct WatchedSession<'a> {
    of: &'a Watched<'a>,
    session: Box<dyn TargetSession + 'a>,
}

impl TargetSession for WatchedSession<'_> {
    fn mark(&mut self, mark: &Mark) -> Result<()> {
        self.of.begin(&format!("mark: {}", mark.step));
        self.session.mark(mark)
    }

    fn unmark(&mut self) -> Result<()> {
        self.of.begin("unmark");
        self.session.unmark()?;
        if !self.of.loses_last_answer {
            return Ok(());
        }
        self.of.begin("unmarked");
        Err(CoreError::Protocol("the answer was lost"))
    }

    fn is_marked(&mut self) -> Result<bool> {
        self.session.is_marked()
    }

    fn execute(&mut self, work: &Work) -> Result<Executed> {
        self.of.begin(&work.label);
        self.session.execute(work)
    }

    fn load(&mut self, load: &LoadWork<'_>, context: &LoadContext<'_>) -> Result<Loaded> {
        self.of.begin(&format!("load {}", load.table.spec.name));
        self.session.load(load, context)
    }

    fn appendable(&mut self, tables: &[&TableEntry]) -> Result<Vec<usize>> {
        self.session.appendable(tables)
    }

    fn count(&mut self, what: &Counted) -> Result<u64> {
        self.of.begin("count");
        self.session.count(what)
    }

    fn compare(&mut self, manifest: &Manifest, adapted: &Adapted) -> Result<Vec<Difference>> {
        self.of.begin("compare");
        self.session.compare(manifest, adapted)
    }
}
