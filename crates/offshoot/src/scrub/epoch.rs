//! Telling a lost key, a rotated one and a wrong one apart: by the fingerprint in the newest snapshot of a lineage.
//!
//! Under another key every pseudonym is another one. That is a new epoch when the key says which one it replaces, and
//! a mistake when it does not.

use crate::{Error, ErrorKind, Result, Store};
use offshoot_core::{Control, Event};
use offshoot_format::manifest::Trust;
use offshoot_format::refname::RefName;
use offshoot_scrub::Key;

/// Checks that a lineage goes on under this key, or that a new epoch was announced.
pub(crate) fn check_key(store: &Store, name: &RefName, key: &Key, control: &Control) -> Result<()> {
    let open = store.open_store();
    let Some(newest) = open.get_ref(name)? else { return Ok(()) };
    let Trust::Scrubbed { key_fingerprint: before, .. } = open.manifest(&newest)?.trust else { return Ok(()) };
    let now = key.fingerprint().to_string();
    if now == before {
        return Ok(());
    }
    if key.replaces().is_some_and(|replaced| replaced.to_string() == before) {
        let message = format!(
            "{name} begins a new epoch: the key {now} replaces {before}, so pseudonyms differ from those of earlier snapshots"
        );
        control.emit(&Event::Warning { message });
        return Ok(());
    }
    let message = format!(
        "{name} was scrubbed with the key {before}, and this is {now}: equal people would get other pseudonyms"
    );
    let hint = format!(
        "use that key; if it is lost or was rotated, make the new one with `offshoot key new FILE --replaces {before}`"
    );
    Err(Error::new(ErrorKind::Refused, message, hint))
}
