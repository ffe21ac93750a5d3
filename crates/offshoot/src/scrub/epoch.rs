//! Telling a lost key, a rotated one and a wrong one apart: by the fingerprint in the newest snapshot of the store.
//!
//! Under another key every pseudonym is another one. That is a new epoch when the key says which one it replaces, and
//! a mistake when it does not.

use super::Scrub;
use crate::{Error, ErrorKind, Result, Store};
use offshoot_core::store::{Listed, ObjectKind, ObjectName};
use offshoot_format::ids::SnapshotId;
use offshoot_format::manifest::Trust;
use offshoot_format::refname::RefName;
use offshoot_scrub::Key;
use std::collections::HashMap;

/// Checks that a snapshot was scrubbed like this.
pub(crate) fn check_same(trust: &Trust, scrub: &Scrub) -> Result<()> {
    let Trust::Scrubbed { policy_digest, key_fingerprint } = trust else {
        let message = "the snapshot is raw, and there is a policy to scrub the rows by that it is compared with";
        return Err(Error::new(ErrorKind::Usage, message, "compare it without a policy"));
    };
    let Trust::Scrubbed { policy_digest: now, key_fingerprint: key } = scrub.trust() else { return Ok(()) };
    if *key_fingerprint != key {
        let message = format!("the snapshot was scrubbed with the key {key_fingerprint}, and this is {key}");
        return Err(Error::new(
            ErrorKind::Usage,
            message,
            "name that key by OFFSHOOT_KEY_FILE or OFFSHOOT_KEY_COMMAND",
        ));
    }
    if *policy_digest != now {
        let message = format!("the snapshot was scrubbed under the policy {policy_digest}, and this is {now}");
        return Err(Error::new(ErrorKind::Usage, message, "name the policy as it was then with --policy"));
    }
    Ok(())
}

/// Where a snapshot is to be published: all of a store agrees on its key.
pub(crate) struct Lineage<'s> {
    pub(crate) store: &'s Store,
    pub(crate) name: &'s RefName,
    pub(crate) key: &'s Key,
}

impl Lineage<'_> {
    /// Checks that the store goes on under this key, or that a new epoch was announced: what was published last under any name
    /// decides. It is asked before a row is read, and again before the ref moves away from `before`, which the move itself
    /// compares: so of two captures under different keys the later one fails.
    ///
    /// # Errors
    /// `Refused` if other snapshots have another key that this one does not replace.
    pub(crate) fn check(&self, before: Option<SnapshotId>, warn: impl Fn(String)) -> Result<()> {
        let now = self.key.fingerprint().to_string();
        let Some((name, last)) = self.last_key(before)? else { return Ok(()) };
        if last == now {
            return Ok(());
        }
        if self.key.replaces().is_some_and(|replaced| replaced.to_string() == last) {
            warn(format!(
                "{} begins a new epoch: the key {now} replaces {last}, so pseudonyms differ from those of earlier snapshots",
                self.name
            ));
            return Ok(());
        }
        let message = format!(
            "{name} was scrubbed with the key {last}, and this is {now}: equal people would get other pseudonyms"
        );
        let hint = format!(
            "use that key; if it is lost or was rotated, make the new one with `offshoot key new FILE --replaces {last}`; \
             for copies that are to have nothing in common, make another store"
        );
        Err(Error::new(ErrorKind::Refused, message, hint))
    }

    /// The key of the newest scrubbed snapshot that a ref names, and that ref.
    fn last_key(&self, before: Option<SnapshotId>) -> Result<Option<(String, String)>> {
        let open = self.store.open_store();
        let refs = open.refs()?;
        let others = refs.iter().filter(|other| other.name != *self.name);
        let mut newest: Vec<(RefName, SnapshotId)> =
            others.filter_map(|other| Some((other.name.clone(), other.newest()?.snapshot))).collect();
        newest.extend(before.map(|before| (self.name.clone(), before)));
        // A snapshot made of another one has the time of its rows; the ref has that of its last move.
        let moved = |object: Listed| match object.name {
            ObjectName::Ref(name) => Some((name, object.modified_unix_ms)),
            _ => None,
        };
        let moved: HashMap<RefName, u64> =
            open.backend().list(ObjectKind::Ref)?.into_iter().filter_map(moved).collect();
        let mut last: Option<((u64, u64), String, String)> = None;
        for (name, snapshot) in newest {
            let manifest = match open.manifest(&snapshot) {
                // Another one's snapshot that is gone or damaged is not this capture's business.
                Err(_) if name != *self.name => continue,
                manifest => manifest?,
            };
            let Trust::Scrubbed { key_fingerprint, .. } = manifest.trust else { continue };
            let at = (moved.get(&name).copied().unwrap_or_default(), manifest.taken_unix_ms);
            if last.as_ref().is_none_or(|(before, _, _)| *before < at) {
                last = Some((at, name.to_string(), key_fingerprint));
            }
        }
        Ok(last.map(|(_, name, key)| (name, key)))
    }
}
