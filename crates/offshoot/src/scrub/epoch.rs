//! Telling a lost key, a rotated one and a wrong one apart: by the fingerprint in the newest snapshot of a lineage.
//!
//! Under another key every pseudonym is another one. That is a new epoch when the key says which one it replaces, and
//! a mistake when it does not.

use super::Scrub;
use crate::{Error, ErrorKind, Result, Store};
use offshoot_core::{Control, Event};
use offshoot_format::manifest::Trust;
use offshoot_format::refname::RefName;
use offshoot_scrub::Key;

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
