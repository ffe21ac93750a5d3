//! The small objects of a store: what it is, its key, refs, tags, leases, condemned lists, and how a manifest is
//! written.
//!
//! Bodies are JSON, because people read them in an incident and they grow fields over time; unknown fields are passed
//! over. A new field that an older program must not overlook raises the version of its object instead.

use crate::envelope;
use crate::ids::{IdKey, PackId, SnapshotId};
use crate::manifest::Manifest;
use crate::refname::RefName;
use crate::version::{CONDEMNED, CONFIG, KEY, LEASE, MANIFEST, REF, TAG, Versioned};
use crate::{FormatError, Result};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// What a store is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// The store's own random name, in hexadecimal; every pack and index segment repeats it.
    pub uuid: String,
    /// What rows may enter it.
    pub domain: Domain,
    /// When it was made, in milliseconds since 1970 UTC.
    pub made_unix_ms: u64,
    /// Version of the program that made it.
    pub made_by: String,
}

/// The trust domain of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Domain {
    /// Scrubbed rows only.
    Scrubbed,
    /// Rows as they are at the source.
    Raw,
}

/// A ref: the newest snapshot of a lineage, and the ones that it named before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ref {
    /// Its name, also in the name of the object.
    pub name: RefName,
    /// What it named, oldest first; the last is the one that it names. Never empty.
    pub log: Vec<LogEntry>,
}

/// Entries from which on a ref keeps none of forgotten snapshots but as many as make up this number. Those of snapshots that are
/// there it always keeps.
pub const LOG_ENTRIES_MAX: usize = 4096;

/// One step of a ref.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// When it was taken, in milliseconds since 1970 UTC.
    pub taken_unix_ms: u64,
}

/// A tag: a fixed name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// Its name, also in the name of the object.
    pub name: RefName,
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// When the tag was made, in milliseconds since 1970 UTC.
    pub made_unix_ms: u64,
}

/// Somebody writes to the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// What for: `capture`, `gc`.
    pub purpose: String,
    /// When it began, in milliseconds since 1970 UTC.
    pub began_unix_ms: u64,
    /// When it was last renewed. A lease that is not renewed for the store's expiry time is dead.
    pub renewed_unix_ms: u64,
    /// Condemned lists that the holder knows and keeps away from, in hexadecimal.
    pub avoids: Vec<String>,
    /// Which process holds it, where the system says so. Without it, only time tells whether the holder is dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
}

/// A process, told from every other one of its machine since that was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The start of the machine that it belongs to, as the system names it.
    pub boot: String,
    /// The namespaces in which its number and its start are meant.
    pub namespaces: String,
    /// Its number.
    pub pid: u32,
    /// When it was started, in clock ticks since the machine was: a number that was given anew has another start.
    pub started_ticks: u64,
}

/// Packs that are going to be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condemned {
    /// When the list was published, in milliseconds since 1970 UTC.
    pub published_unix_ms: u64,
    /// The packs.
    pub packs: Vec<PackId>,
}

macro_rules! record {
    ($($name:ident: $kind:expr),*) => {$(
        impl $name {
            /// The bytes of the object.
            ///
            /// # Errors
            /// `TooLarge` above the limit of small objects.
            pub fn encode(&self) -> Result<Vec<u8>> {
                envelope::seal(&$kind, &to_json(&$kind, self)?)
            }

            /// The inverse of [`Self::encode`].
            ///
            /// # Errors
            /// If the bytes are not such an object, are damaged, or are of a newer version.
            pub fn decode(bytes: &[u8]) -> Result<Self> {
                from_json(&$kind, &envelope::open(&$kind, bytes)?)
            }
        }
    )*};
}

record!(Config: CONFIG, Tag: TAG, Lease: LEASE, Condemned: CONDEMNED);

impl Ref {
    /// The snapshot that the ref names.
    #[must_use]
    pub fn newest(&self) -> Option<LogEntry> {
        self.log.last().copied()
    }

    /// The bytes of the object.
    ///
    /// # Errors
    /// `TooLarge` above the limit of small objects.
    pub fn encode(&self) -> Result<Vec<u8>> {
        envelope::seal(&REF, &to_json(&REF, self)?)
    }

    /// The inverse of [`Self::encode`].
    ///
    /// # Errors
    /// If the bytes are not a ref, are damaged, or are of a newer version.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let found: Self = from_json(&REF, &envelope::open(&REF, bytes)?)?;
        if found.log.is_empty() {
            return Err(FormatError::Invalid { what: REF.what, offset: 0, why: "a ref that names nothing" });
        }
        Ok(found)
    }
}

/// A manifest's name and the bytes of its object.
///
/// # Errors
/// `TooLarge` above the limit of small objects.
pub fn encode_manifest(key: &IdKey, manifest: &Manifest) -> Result<(SnapshotId, Vec<u8>)> {
    let body = to_json(&MANIFEST, manifest)?;
    Ok((key.snapshot_id(&body), envelope::seal(&MANIFEST, &body)?))
}

/// The manifest of the snapshot `id`. Its digest is checked before it is parsed.
///
/// # Errors
/// If the bytes are not a manifest, are damaged, of a newer version, or those of another snapshot.
pub fn decode_manifest(key: &IdKey, id: &SnapshotId, bytes: &[u8]) -> Result<Manifest> {
    let body = envelope::open(&MANIFEST, bytes)?;
    if key.snapshot_id(&body) != *id {
        return Err(FormatError::Invalid { what: MANIFEST.what, offset: 0, why: "it does not hash to its name" });
    }
    from_json(&MANIFEST, &body)
}

/// The bytes of a key object.
///
/// # Errors
/// Never in practice; the form of the other encoders.
pub fn encode_key(key: &IdKey) -> Result<Vec<u8>> {
    envelope::seal(&KEY, key.expose())
}

/// The inverse of [`encode_key`].
///
/// # Errors
/// If the bytes are not a key object.
pub fn decode_key(bytes: &[u8]) -> Result<IdKey> {
    let body = envelope::open(&KEY, bytes)?;
    let key = body.try_into().map_err(|_| FormatError::Invalid {
        what: KEY.what,
        offset: envelope::HEADER_BYTES,
        why: "a key that is not 32 bytes long",
    })?;
    Ok(IdKey::from_bytes(key))
}

fn to_json<T: Serialize>(kind: &Versioned, value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| FormatError::Codec { what: kind.what, why: error.to_string() })
}

fn from_json<T: DeserializeOwned>(kind: &Versioned, body: &[u8]) -> Result<T> {
    // The parser's own message may quote what it read, which may be anything; its place says enough.
    serde_json::from_slice(body).map_err(|error| FormatError::Invalid {
        what: kind.what,
        offset: error.column(),
        why: "its fields are not those of its kind",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back() {
        let config =
            Config { uuid: "00".repeat(16), domain: Domain::Raw, made_unix_ms: 5, made_by: "0.1.0".to_owned() };
        assert_eq!(Config::decode(&config.encode().unwrap()), Ok(config));
        let name: RefName = "prod".parse().unwrap();
        let entry = LogEntry { snapshot: SnapshotId::from_bytes([3; 32]), taken_unix_ms: 7 };
        let named = Ref { name: name.clone(), log: vec![entry] };
        assert_eq!(Ref::decode(&named.encode().unwrap()), Ok(named));
        assert!(Ref::decode(&Ref { name, log: Vec::new() }.encode().unwrap()).is_err());
        let mut lease = Lease {
            purpose: "gc".to_owned(),
            began_unix_ms: 1,
            renewed_unix_ms: 2,
            avoids: Vec::new(),
            holder: Some(Holder { boot: "b".to_owned(), namespaces: "n".to_owned(), pid: 3, started_ticks: 4 }),
        };
        assert_eq!(Lease::decode(&lease.encode().unwrap()).as_ref(), Ok(&lease));
        lease.holder = None;
        let body = to_json(&LEASE, &lease).unwrap();
        assert!(!String::from_utf8(body).unwrap().contains("holder"), "as it was before there were holders");
        assert_eq!(Lease::decode(&lease.encode().unwrap()), Ok(lease));
        let key = IdKey::from_bytes([9; 32]);
        assert_eq!(decode_key(&encode_key(&key).unwrap()).unwrap().expose(), key.expose());
    }
}
