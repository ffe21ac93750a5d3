//! Leases: how a writer tells gc that it is there, and how both agree when it is not.
//!
//! A lease is a small object with the time of its last renewal. It only ever changes by compare-and-swap from the
//! content that the holder wrote last, so either the holder renews it or somebody removes it as dead, never both; a
//! holder that finds its lease gone knows that it may not publish.
//!
//! A lease names the process that holds it, so that one that was killed on this machine is waited for no longer; that
//! is a short cut, and whoever cannot be judged by it is judged by time.

use super::holder;
use super::objects::{ObjectKind, ObjectName, Store, Swap};
use super::open::OpenOptions;
use crate::{CoreError, Result};
use offshoot_format::record::{Condemned, Lease};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::objects::hex;
use offshoot_format::ids::PackId;

/// A lease that this process holds.
pub(crate) struct HeldLease {
    store: Arc<dyn Store>,
    options: OpenOptions,
    number: [u8; 32],
    name: ObjectName,
    /// What was written last; none after the lease was given back or lost.
    state: Mutex<Option<(Lease, Vec<u8>)>>,
}

impl HeldLease {
    /// Takes a lease, and then reads the condemned lists: the packs to keep away from.
    pub(crate) fn take(store: Arc<dyn Store>, options: &OpenOptions, purpose: &str) -> Result<(Self, HashSet<PackId>)> {
        let now = options.clock.now_unix_ms();
        let mut lease = Lease {
            purpose: purpose.to_owned(),
            began_unix_ms: now,
            renewed_unix_ms: now,
            avoids: Vec::new(),
            holder: holder::this_process(),
        };
        let number = options.entropy.random()?;
        let held =
            Self { store, options: options.clone(), number, name: ObjectName::Lease(number), state: Mutex::new(None) };
        held.write(None, &lease)?;
        // In this order: a list that is published after this reading finds a lease that does not know it, and waits.
        let mut packs = HashSet::new();
        for (name, list) in read_condemned(&*held.store)? {
            lease.avoids.push(hex(&name));
            packs.extend(list.packs);
        }
        if !lease.avoids.is_empty() {
            let before = held.state.lock().unwrap_or_else(PoisonError::into_inner).take();
            held.write(before.map(|(_, bytes)| bytes).as_deref(), &lease)?;
        }
        tracing::debug!(purpose, avoided_packs = packs.len(), "lease taken");
        Ok((held, packs))
    }

    fn write(&self, expected: Option<&[u8]>, lease: &Lease) -> Result<()> {
        let bytes = lease.encode()?;
        match self.store.swap(&self.name, expected, Some(&bytes))? {
            Swap::Done => {
                *self.state.lock().unwrap_or_else(PoisonError::into_inner) = Some((lease.clone(), bytes));
                Ok(())
            }
            Swap::Lost { .. } => Err(CoreError::LeaseLost),
        }
    }

    /// The number of the lease.
    pub(crate) fn name(&self) -> [u8; 32] {
        self.number
    }

    /// Says that the holder is still there.
    pub(crate) fn renew(&self) -> Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((mut lease, before)) = state.take() else { return Err(CoreError::LeaseLost) };
        lease.renewed_unix_ms = self.options.clock.now_unix_ms();
        let bytes = lease.encode()?;
        if bytes == before {
            // The clock stands still, but the lease may be gone.
            if self.store.get(&self.name)?.as_ref() != Some(&before) {
                return Err(CoreError::LeaseLost);
            }
            *state = Some((lease, before));
            return Ok(());
        }
        match self.store.swap(&self.name, Some(&before), Some(&bytes))? {
            Swap::Done => {
                tracing::trace!(purpose = lease.purpose, "lease renewed");
                *state = Some((lease, bytes));
            }
            Swap::Lost { .. } => return Err(CoreError::LeaseLost),
        }
        Ok(())
    }

    /// Gives the lease back.
    pub(crate) fn release(&self) -> Result<()> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((_, bytes)) = state else { return Err(CoreError::LeaseLost) };
        match self.store.swap(&self.name, Some(&bytes), None)? {
            Swap::Done => Ok(()),
            Swap::Lost { .. } => Err(CoreError::LeaseLost),
        }
    }
}

impl Drop for HeldLease {
    fn drop(&mut self) {
        // Without this, gc waits until the lease expires; nothing worse.
        let _ = self.release();
    }
}

/// All condemned lists with their names.
pub(crate) fn read_condemned(store: &dyn Store) -> Result<Vec<([u8; 32], Condemned)>> {
    let mut lists = Vec::new();
    for object in store.list(ObjectKind::Condemned)? {
        let ObjectName::Condemned(name) = object.name else { continue };
        // One that is gone between listing and reading was carried out.
        let Some(bytes) = store.get(&ObjectName::Condemned(name))? else { continue };
        let damaged = |source| CoreError::damaged(ObjectName::Condemned(name).to_string(), source);
        lists.push((name, Condemned::decode(&bytes).map_err(damaged)?));
    }
    Ok(lists)
}

/// The leases that are alive. Those of processes that have ended on this machine, and those that were not renewed for
/// `expiry_ms`, are removed.
pub(crate) fn live_leases(store: &dyn Store, now_unix_ms: u64, expiry_ms: u64) -> Result<Vec<([u8; 32], Lease)>> {
    let mut live = Vec::new();
    for object in store.list(ObjectKind::Lease)? {
        let ObjectName::Lease(name) = object.name else { continue };
        let Some(bytes) = store.get(&ObjectName::Lease(name))? else { continue };
        let lease = Lease::decode(&bytes);
        // A lease that cannot be read is dead when the file is old; its holder can no longer swap it either.
        let renewed = lease.as_ref().map_or(object.modified_unix_ms, |lease| lease.renewed_unix_ms);
        let holder = lease.as_ref().ok().and_then(|lease| lease.holder.as_ref());
        let has_ended = holder.is_some_and(holder::has_ended);
        if (has_ended || renewed.saturating_add(expiry_ms) < now_unix_ms)
            && store.swap(&ObjectName::Lease(name), Some(&bytes), None)? == Swap::Done
        {
            tracing::debug!(lease = hex(&name), has_ended, "lease of a dead session removed");
            continue;
        }
        let damaged = |source| CoreError::damaged(ObjectName::Lease(name).to_string(), source);
        live.push((name, lease.map_err(damaged)?));
    }
    Ok(live)
}
