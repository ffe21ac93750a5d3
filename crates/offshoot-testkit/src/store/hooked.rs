//! A store that does something else before every operation of one thread: refuses it, or lets others act in between.

use offshoot_core::Result;
use offshoot_core::store::{Listed, ObjectKind, ObjectName, Store, Swap, Unfinished, Upload};
use std::fmt;
use std::sync::Arc;
use std::thread::ThreadId;

type Hook = dyn Fn(&'static str) -> Result<()> + Send + Sync;

/// A store with a hook before each operation of the thread that made it; operations of other threads pass.
#[derive(Clone)]
pub struct HookedStore {
    inner: Arc<dyn Store>,
    hook: Arc<Hook>,
    thread: ThreadId,
}

impl HookedStore {
    /// Calls `hook` with the name of the operation. Its error is the operation's error, which is then not carried out.
    pub fn new(inner: Arc<dyn Store>, hook: impl Fn(&'static str) -> Result<()> + Send + Sync + 'static) -> Self {
        Self { inner, hook: Arc::new(hook), thread: std::thread::current().id() }
    }

    fn before(&self, operation: &'static str) -> Result<()> {
        if std::thread::current().id() == self.thread { (self.hook)(operation) } else { Ok(()) }
    }
}

impl Store for HookedStore {
    fn place(&self) -> String {
        self.inner.place()
    }

    fn prepare(&self) -> Result<()> {
        self.before("prepare")?;
        self.inner.prepare()
    }

    fn put(&self, name: &ObjectName, bytes: &[u8]) -> Result<bool> {
        self.before("put")?;
        self.inner.put(name, bytes)
    }

    fn upload(&self) -> Result<Box<dyn Upload>> {
        self.before("upload")?;
        self.inner.upload()
    }

    fn get(&self, name: &ObjectName) -> Result<Option<Vec<u8>>> {
        self.before("get")?;
        self.inner.get(name)
    }

    fn read_at(&self, name: &ObjectName, offset: u64, buffer: &mut [u8]) -> Result<()> {
        self.before("read_at")?;
        self.inner.read_at(name, offset, buffer)
    }

    fn len(&self, name: &ObjectName) -> Result<Option<u64>> {
        self.before("len")?;
        self.inner.len(name)
    }

    fn list(&self, kind: ObjectKind) -> Result<Vec<Listed>> {
        self.before("list")?;
        self.inner.list(kind)
    }

    fn settle(&self, kind: ObjectKind) -> Result<()> {
        self.before("settle")?;
        self.inner.settle(kind)
    }

    fn remove(&self, name: &ObjectName) -> Result<bool> {
        self.before("remove")?;
        self.inner.remove(name)
    }

    fn swap(&self, name: &ObjectName, expected: Option<&[u8]>, new: Option<&[u8]>) -> Result<Swap> {
        self.before("swap")?;
        self.inner.swap(name, expected, new)
    }

    fn unfinished(&self) -> Result<Vec<Unfinished>> {
        self.before("unfinished")?;
        self.inner.unfinished()
    }

    fn remove_unfinished(&self, unfinished: &Unfinished) -> Result<()> {
        self.before("remove_unfinished")?;
        self.inner.remove_unfinished(unfinished)
    }
}

impl fmt::Debug for HookedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HookedStore({:?})", self.inner)
    }
}
