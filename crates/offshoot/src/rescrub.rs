//! A scrubbed snapshot made of a raw one, in the same store or in another.

use crate::capture::memory_plan;
use crate::{CaptureOptions, CaptureReport, Error, ErrorKind, Result, Store};
use offshoot_core::Control;
use offshoot_core::copy::SnapshotSource;
use offshoot_core::snapshot::SnapshotReader;
use offshoot_format::manifest::Trust;
use std::sync::Arc;

impl Store {
    /// Takes a snapshot of this store into another one (or this one again), scrubbed. Columns that stay as they are share
    /// their chunks where both are one store; another store has a key of its own, under which every chunk has another name.
    ///
    /// The name is that of the options, else the database's, with `-scrubbed` behind it where both are one store. `scrub` must be
    /// among the options; those that bound a server are not looked at.
    ///
    /// # Errors
    /// As [`Store::capture`]; `Refused` for a snapshot that is scrubbed already; `Unsupported` for one that an older version took,
    /// which did not note what the rules depend on.
    pub fn scrub(
        &self,
        address: &str,
        into: &Self,
        options: &CaptureOptions,
        control: &Control,
    ) -> Result<CaptureReport> {
        let snapshot = self.snapshot(address)?;
        if options.scrub.is_none() {
            let hint = "name one with --policy FILE, or propose one with `offshoot scan URL`";
            return Err(Error::new(ErrorKind::Usage, "there is no policy to scrub by", hint));
        }
        if snapshot.manifest.trust != Trust::Raw {
            let message = format!("{address} is scrubbed already, and what was masked would be masked again");
            return Err(Error::new(
                ErrorKind::Refused,
                message,
                "scrub the raw snapshot, or capture the database anew",
            ));
        }
        if snapshot.manifest.facts.is_empty() && !snapshot.manifest.content.tables.is_empty() {
            let message = format!("{address} does not say what constrains its tables: an older version took it");
            return Err(Error::new(ErrorKind::Unsupported, message, "capture the database anew"));
        }
        let origin = &snapshot.manifest.origin.database;
        let is_same = self.open_store().uuid() == into.open_store().uuid();
        let name = if is_same { format!("{origin}-scrubbed") } else { origin.clone() };
        let plan = memory_plan(options)?;
        let reader = SnapshotReader::new(Arc::new(self.open_store().clone()), snapshot.manifest);
        let mut source = SnapshotSource::new(reader, plan.jobs());
        into.take(&mut source, &name, options, &plan, control)
    }
}
