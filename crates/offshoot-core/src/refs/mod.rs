//! Names of snapshots: refs, tags, and the addresses that people type.
//!
//! An address is a name, or the first digits of a snapshot's hash, and steps from there: `prod`, `prod~2`,
//! `prod@{2026-11-22 10:05}`, `v1`, `3fa9c2`. A ref wins over a tag, and both over a hash.

mod address;
mod near;
mod time;

pub use near::near;

use crate::store::{ObjectKind, ObjectName, OpenStore, Swap};
use crate::{CoreError, Result};
use address::{Address, Step};
use offshoot_format::ids::SnapshotId;
use offshoot_format::record::{LogEntry, Ref, Tag};
use offshoot_format::refname::RefName;
use std::collections::{BTreeSet, HashSet};

/// Names that an error proposes, and snapshots that it lists.
const PROPOSALS_MAX: usize = 8;

impl OpenStore {
    /// The snapshot that a ref names.
    ///
    /// # Errors
    /// If the ref cannot be read.
    pub fn get_ref(&self, name: &RefName) -> Result<Option<SnapshotId>> {
        Ok(self.read_ref(name)?.and_then(|found| found.newest()).map(|entry| entry.snapshot))
    }

    /// A ref and what it named before.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read_ref(&self, name: &RefName) -> Result<Option<Ref>> {
        self.read_moving(ObjectName::Ref(name.clone()), Ref::decode, |found| &found.name == name)
    }

    /// All refs, by name.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn refs(&self) -> Result<Vec<Ref>> {
        let mut refs = Vec::new();
        for object in self.backend().list(ObjectKind::Ref)? {
            if let ObjectName::Ref(name) = object.name {
                refs.extend(self.read_ref(&name)?);
            }
        }
        refs.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(refs)
    }

    /// A tag.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read_tag(&self, name: &RefName) -> Result<Option<Tag>> {
        self.read_moving(ObjectName::Tag(name.clone()), Tag::decode, |found| &found.name == name)
    }

    /// All tags, by name.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn tags(&self) -> Result<Vec<Tag>> {
        let mut tags = Vec::new();
        for object in self.backend().list(ObjectKind::Tag)? {
            if let ObjectName::Tag(name) = object.name {
                tags.extend(self.read_tag(&name)?);
            }
        }
        tags.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(tags)
    }

    fn read_moving<T>(
        &self,
        object: ObjectName,
        decode: impl FnOnce(&[u8]) -> offshoot_format::Result<T>,
        is_named: impl FnOnce(&T) -> bool,
    ) -> Result<Option<T>> {
        let Some(bytes) = self.backend().get(&object)? else { return Ok(None) };
        let invalid = offshoot_format::FormatError::Invalid { what: "name", offset: 0, why: "it is that of another" };
        decode(&bytes)
            .and_then(|found| if is_named(&found) { Ok(Some(found)) } else { Err(invalid) })
            .map_err(|source| CoreError::damaged(object.to_string(), source))
    }

    /// Gives a snapshot a fixed name.
    ///
    /// # Errors
    /// `NameTaken` if a ref or another snapshot has it.
    pub fn tag(&self, name: &RefName, snapshot: &SnapshotId) -> Result<()> {
        let made_unix_ms = self.now_unix_ms();
        self.manifest(snapshot)?;
        let taken = || CoreError::NameTaken { name: name.to_string() };
        if self.read_ref(name)?.is_some() {
            return Err(taken());
        }
        let tag = Tag { name: name.clone(), snapshot: *snapshot, made_unix_ms };
        match self.backend().swap(&ObjectName::Tag(name.clone()), None, Some(&tag.encode()?))? {
            Swap::Done if self.backend().len(&ObjectName::Manifest(*snapshot))?.is_none() => {
                // It was forgotten in between.
                self.untag(name)?;
                Err(CoreError::Missing { object: ObjectName::Manifest(*snapshot).to_string() })
            }
            Swap::Done => Ok(()),
            Swap::Lost { .. } if self.read_tag(name)?.is_some_and(|tag| tag.snapshot == *snapshot) => Ok(()),
            Swap::Lost { .. } => Err(taken()),
        }
    }

    /// Removes a tag; false if there was none. The snapshot stays.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn untag(&self, name: &RefName) -> Result<bool> {
        let object = ObjectName::Tag(name.clone());
        let mut current = self.backend().get(&object)?;
        while let Some(bytes) = &current {
            match self.backend().swap(&object, Some(bytes), None)? {
                Swap::Done => return Ok(true),
                Swap::Lost { current: found } => current = found,
            }
        }
        Ok(false)
    }

    /// Removes all tags of a snapshot.
    pub(crate) fn untag_all(&self, snapshot: &SnapshotId) -> Result<()> {
        for tag in self.tags()?.into_iter().filter(|tag| tag.snapshot == *snapshot) {
            // One that names something else by now stays.
            self.backend().swap(&ObjectName::Tag(tag.name.clone()), Some(&tag.encode()?), None)?;
        }
        Ok(())
    }

    /// Takes the newest snapshots off a ref while they are `going` or gone; a ref that has none left goes itself.
    pub(crate) fn step_back(&self, name: &RefName, going: &HashSet<SnapshotId>) -> Result<()> {
        let object = ObjectName::Ref(name.clone());
        loop {
            let Some(before) = self.backend().get(&object)? else { return Ok(()) };
            let damaged = |source| CoreError::damaged(object.to_string(), source);
            let mut moved = Ref::decode(&before).map_err(damaged)?;
            let there: HashSet<SnapshotId> = self.snapshots()?.into_iter().collect();
            let stays = |entry: &LogEntry| there.contains(&entry.snapshot) && !going.contains(&entry.snapshot);
            let length = moved.log.iter().rposition(stays).map_or(0, |at| at + 1);
            if length == moved.log.len() {
                return Ok(());
            }
            moved.log.truncate(length);
            let after = if moved.log.is_empty() { None } else { Some(moved.encode()?) };
            // Moved or not, it is looked at again: somebody may have forgotten what the ref names now.
            self.backend().swap(&object, Some(&before), after.as_deref())?;
        }
    }

    /// The snapshot that an address means.
    ///
    /// # Errors
    /// `UnknownSnapshot` with names that are near; `AmbiguousSnapshot` with the snapshots that begin so.
    pub fn resolve(&self, address: &str) -> Result<SnapshotId> {
        let parsed = Address::parse(address).map_err(|why| unknown(address, why, Vec::new()))?;
        let names = Names::load(self)?;
        let mut snapshot = names.base(address, parsed.base)?;
        for (at, step) in parsed.steps.iter().enumerate() {
            snapshot = match step {
                Step::Back(steps) => {
                    let mut found = snapshot;
                    for done in 0..*steps {
                        let why = || format!("its lineage ends {done} before the start of the step");
                        found = names.before(self, &found)?.ok_or_else(|| unknown(address, why(), Vec::new()))?;
                    }
                    found
                }
                Step::At(unix_ms) if at == 0 => names.at(address, parsed.base, *unix_ms)?,
                Step::At(_) => {
                    return Err(unknown(address, "@{time} stands right after the name of a ref", Vec::new()));
                }
            };
        }
        Ok(snapshot)
    }

    /// A snapshot and those before it in its lineage that were not forgotten, newest first, at most `limit`.
    ///
    /// # Errors
    /// If a manifest cannot be read.
    pub fn lineage(&self, snapshot: &SnapshotId, limit: usize) -> Result<Vec<SnapshotId>> {
        let names = Names::load(self)?;
        let mut lineage = vec![*snapshot];
        while lineage.len() < limit {
            match names.before(self, &lineage[lineage.len() - 1])? {
                // A lineage cannot have a loop, because a snapshot is named by a hash over its parent's name.
                Some(before) => lineage.push(before),
                None => break,
            }
        }
        Ok(lineage)
    }
}

/// What names there are at one time.
struct Names {
    refs: Vec<Ref>,
    tags: Vec<Tag>,
    snapshots: BTreeSet<SnapshotId>,
}

impl Names {
    fn load(open: &OpenStore) -> Result<Self> {
        Ok(Self { refs: open.refs()?, tags: open.tags()?, snapshots: open.snapshots()?.into_iter().collect() })
    }

    fn base(&self, address: &str, base: &str) -> Result<SnapshotId> {
        let by_ref = self.refs.iter().find(|found| found.name.as_str() == base);
        if let Some(found) = by_ref {
            // A commit that was cut off may have named one that is gone.
            let there = found.log.iter().rev().find(|entry| self.snapshots.contains(&entry.snapshot));
            if let Some(entry) = there.copied().or(found.newest()) {
                return Ok(entry.snapshot);
            }
        }
        if let Some(tag) = self.tags.iter().find(|tag| tag.name.as_str() == base) {
            return Ok(tag.snapshot);
        }
        let is_hash = base.len() >= address::HASH_DIGITS_MIN && base.bytes().all(|digit| digit.is_ascii_hexdigit());
        if is_hash {
            let prefix = base.to_ascii_lowercase();
            let mut found = self.snapshots.iter().filter(|id| id.to_string().starts_with(&prefix));
            match (found.next(), found.next()) {
                (Some(id), None) => return Ok(*id),
                (Some(first), Some(second)) => {
                    let candidates = [first, second].into_iter().chain(found).take(PROPOSALS_MAX).copied().collect();
                    return Err(CoreError::AmbiguousSnapshot { prefix, candidates });
                }
                _ => {}
            }
        }
        let all = self.refs.iter().map(|found| &found.name).chain(self.tags.iter().map(|tag| &tag.name));
        let near = near(base, all.map(RefName::as_str), PROPOSALS_MAX);
        Err(unknown(address, "no ref, tag or snapshot is called so", near))
    }

    fn at(&self, address: &str, base: &str, unix_ms: u64) -> Result<SnapshotId> {
        let Some(found) = self.refs.iter().find(|found| found.name.as_str() == base) else {
            return Err(unknown(address, "only a ref has a history to look a time up in", Vec::new()));
        };
        let there = found.log.iter().filter(|entry| self.snapshots.contains(&entry.snapshot));
        there
            .filter(|entry| entry.taken_unix_ms <= unix_ms)
            .max_by_key(|entry| entry.taken_unix_ms)
            .map(|entry| entry.snapshot)
            .ok_or_else(|| unknown(address, "the ref has no snapshot as old as that", Vec::new()))
    }

    /// The snapshot before another one. Where that was forgotten, the logs of the refs say what was before it.
    fn before(&self, open: &OpenStore, snapshot: &SnapshotId) -> Result<Option<SnapshotId>> {
        let Some(parent) = open.manifest(snapshot)?.parent else { return Ok(None) };
        if self.snapshots.contains(&parent) {
            return Ok(Some(parent));
        }
        let older = |log: &[LogEntry]| {
            let place = |id: &SnapshotId| log.iter().rposition(|entry| entry.snapshot == *id);
            // A long log has lost its oldest forgotten ones.
            let at = place(&parent).or_else(|| place(snapshot))?;
            let mut there = log[..at].iter().rev().map(|entry| entry.snapshot);
            there.find(|id| self.snapshots.contains(id))
        };
        Ok(self.refs.iter().find_map(|found| older(&found.log)))
    }
}

fn unknown(address: &str, why: impl Into<String>, near: Vec<String>) -> CoreError {
    CoreError::UnknownSnapshot { address: address.to_owned(), why: why.into(), near }
}
