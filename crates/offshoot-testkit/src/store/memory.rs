//! A store in memory: the same promises as one in a directory, but for surviving the process.

use offshoot_core::store::Clock;
use offshoot_core::store::{Listed, ObjectKind, ObjectName, ReadAt, Store, Swap, Unfinished, Upload};
use offshoot_core::{CoreError, Result};
use offshoot_format::FormatError;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Growing = Arc<Mutex<Vec<u8>>>;

/// A store in memory. Clones share everything.
#[derive(Clone, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    clock: Clock,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<ObjectName, (Arc<Vec<u8>>, u64)>,
    /// Bytes, and when they were last written.
    unfinished: BTreeMap<u64, (Growing, u64)>,
    next: u64,
}

impl MemoryStore {
    /// A store whose objects are as old as this clock says.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { state: Arc::default(), clock }
    }

    /// Changes the bytes of an object, to see whether it is noticed. Returns false if it is not there.
    pub fn damage(&self, name: &ObjectName, change: impl FnOnce(&mut Vec<u8>)) -> bool {
        let mut state = self.state();
        let Some((bytes, _)) = state.objects.get_mut(name) else { return false };
        let mut changed = bytes.to_vec();
        change(&mut changed);
        *bytes = Arc::new(changed);
        true
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn object(&self, name: &ObjectName) -> Option<Arc<Vec<u8>>> {
        self.state().objects.get(name).map(|(bytes, _)| bytes.clone())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store for MemoryStore {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    fn prepare(&self) -> Result<()> {
        Ok(())
    }

    fn put(&self, name: &ObjectName, bytes: &[u8]) -> Result<bool> {
        let now = self.clock.now_unix_ms();
        let mut state = self.state();
        if state.objects.contains_key(name) {
            return Ok(false);
        }
        state.objects.insert(name.clone(), (Arc::new(bytes.to_vec()), now));
        Ok(true)
    }

    fn upload(&self) -> Result<Box<dyn Upload>> {
        let now = self.clock.now_unix_ms();
        let mut state = self.state();
        state.next += 1;
        let number = state.next;
        let bytes = Growing::default();
        state.unfinished.insert(number, (bytes.clone(), now));
        drop(state);
        Ok(Box::new(MemoryUpload { store: self.clone(), number, bytes }))
    }

    fn get(&self, name: &ObjectName) -> Result<Option<Vec<u8>>> {
        Ok(self.object(name).map(|bytes| bytes.to_vec()))
    }

    fn read_at(&self, name: &ObjectName, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let bytes = self.object(name).ok_or_else(|| CoreError::Missing { object: name.to_string() })?;
        read(&bytes, offset, buffer).map_err(|_| CoreError::Damaged {
            object: name.to_string(),
            source: FormatError::Truncated {
                what: "object",
                offset: offset as usize,
                needed: buffer.len(),
                available: bytes.len().saturating_sub(offset as usize),
            },
        })
    }

    fn len(&self, name: &ObjectName) -> Result<Option<u64>> {
        Ok(self.object(name).map(|bytes| bytes.len() as u64))
    }

    fn list(&self, kind: ObjectKind) -> Result<Vec<Listed>> {
        let state = self.state();
        let of_kind = state.objects.iter().filter(|(name, _)| name.kind() == kind);
        Ok(of_kind
            .map(|(name, (bytes, modified))| Listed {
                name: name.clone(),
                bytes: bytes.len() as u64,
                modified_unix_ms: *modified,
            })
            .collect())
    }

    fn settle(&self, _kind: ObjectKind) -> Result<()> {
        Ok(())
    }

    fn remove(&self, name: &ObjectName) -> Result<bool> {
        Ok(self.state().objects.remove(name).is_some())
    }

    fn swap(&self, name: &ObjectName, expected: Option<&[u8]>, new: Option<&[u8]>) -> Result<Swap> {
        let now = self.clock.now_unix_ms();
        let mut state = self.state();
        let current = state.objects.get(name).map(|(bytes, _)| bytes.to_vec());
        if current.as_deref() != expected {
            return Ok(Swap::Lost { current });
        }
        match new {
            Some(bytes) => {
                state.objects.insert(name.clone(), (Arc::new(bytes.to_vec()), now));
            }
            None => {
                state.objects.remove(name);
            }
        }
        Ok(Swap::Done)
    }

    fn unfinished(&self) -> Result<Vec<Unfinished>> {
        let state = self.state();
        let left = |(number, (bytes, modified)): (&u64, &(Growing, u64))| Unfinished {
            name: number.to_string(),
            bytes: lock(bytes).len() as u64,
            modified_unix_ms: *modified,
        };
        Ok(state.unfinished.iter().map(left).collect())
    }

    fn remove_unfinished(&self, unfinished: &Unfinished) -> Result<()> {
        self.state().unfinished.retain(|number, _| number.to_string() != unfinished.name);
        Ok(())
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryStore")
    }
}

struct MemoryUpload {
    store: MemoryStore,
    number: u64,
    bytes: Growing,
}

impl Upload for MemoryUpload {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        lock(&self.bytes).extend_from_slice(bytes);
        if let Some(left) = self.store.state().unfinished.get_mut(&self.number) {
            left.1 = self.store.clock.now_unix_ms();
        }
        Ok(())
    }

    fn reader(&self) -> Arc<dyn ReadAt> {
        Arc::new(UploadReader(self.bytes.clone()))
    }

    fn publish(self: Box<Self>, name: &ObjectName) -> Result<()> {
        let bytes = lock(&self.bytes).clone();
        self.store.put(name, &bytes).map(|_| ())
    }
}

impl Drop for MemoryUpload {
    fn drop(&mut self) {
        self.store.state().unfinished.remove(&self.number);
    }
}

struct UploadReader(Growing);

impl ReadAt for UploadReader {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        read(&lock(&self.0), offset, buffer)
    }
}

pub(super) fn read(bytes: &[u8], offset: u64, buffer: &mut [u8]) -> io::Result<()> {
    let from = usize::try_from(offset).unwrap_or(usize::MAX);
    let part = from.checked_add(buffer.len()).and_then(|end| bytes.get(from..end));
    buffer.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
    Ok(())
}
