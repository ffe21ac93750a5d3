//! Packs as files: reading their end without the index, and reading them through to check every byte.

use super::objects::{ObjectName, Store};
use super::open::damaged;
use crate::{CoreError, Result};
use offshoot_format::FormatError;
use offshoot_format::ids::PackId;
use offshoot_format::pack::{self, FOOTER_BYTES, Footer, HEADER_BYTES, PackEntry, PackHeader, UUID_BYTES};

/// Bytes that are read at a time when a whole pack is read.
const SCAN_BYTES: usize = 4 << 20;

/// What a pack says about itself, checked.
pub(crate) struct PackParts {
    /// Its frames.
    pub(crate) entries: Vec<PackEntry>,
    footer: Footer,
}

/// Reads and checks the header and the end of a pack that is `bytes` long.
pub(crate) fn read_parts(store: &dyn Store, uuid: [u8; UUID_BYTES], id: &PackId, bytes: u64) -> Result<PackParts> {
    let name = ObjectName::Pack(*id);
    let read = |offset: u64, length: usize| {
        let mut buffer = vec![0; length];
        store.read_at(&name, offset, &mut buffer).map(|()| buffer)
    };
    if bytes < (HEADER_BYTES + FOOTER_BYTES) as u64 {
        let why = "it is shorter than an empty pack";
        return Err(damaged(&name)(FormatError::Invalid { what: "pack", offset: 0, why }));
    }
    let header = PackHeader::decode(&read(0, HEADER_BYTES)?).map_err(damaged(&name))?;
    if header.store != uuid {
        let why = "it belongs to another store";
        return Err(damaged(&name)(FormatError::Invalid { what: "pack header", offset: 16, why }));
    }
    let footer = read(bytes - FOOTER_BYTES as u64, FOOTER_BYTES)?;
    let footer = Footer::decode(&footer, bytes).map_err(damaged(&name))?;
    // The footer fits the length of the file, so this allocates no more than the file has.
    let index = read(footer.index_offset, footer.index_bytes())?;
    let entries = footer.decode_index(&index).map_err(damaged(&name))?;
    Ok(PackParts { entries, footer })
}

/// Reads a whole pack: its bytes must hash to its name. Returns its length.
pub(crate) fn scan(store: &dyn Store, id: &PackId, bytes: u64, parts: &PackParts) -> Result<()> {
    let name = ObjectName::Pack(*id);
    let end = bytes - FOOTER_BYTES as u64;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; SCAN_BYTES];
    let mut offset = 0;
    while offset < end {
        let length = usize::try_from(end - offset).unwrap_or(SCAN_BYTES).min(SCAN_BYTES);
        store.read_at(&name, offset, &mut buffer[..length])?;
        hasher.update(&buffer[..length]);
        offset += length as u64;
    }
    if pack::pack_id(&hasher.finalize()) == *id {
        return Ok(());
    }
    Err(first_damage(store, &name, parts))
}

/// Which frame it is that makes a pack hash to another name.
fn first_damage(store: &dyn Store, name: &ObjectName, parts: &PackParts) -> CoreError {
    for entry in &parts.entries {
        let mut bytes = vec![0; entry.frame_bytes()];
        let read = store.read_at(name, entry.offset.into(), &mut bytes);
        let checked = read.and_then(|()| pack::read_frame(&entry.id, &bytes).map(|_| ()).map_err(damaged(name)));
        if let Err(error) = checked {
            return error;
        }
    }
    let offset = usize::try_from(parts.footer.index_offset).unwrap_or(usize::MAX);
    damaged(name)(FormatError::Invalid { what: "pack", offset, why: "it does not hash to its name" })
}
