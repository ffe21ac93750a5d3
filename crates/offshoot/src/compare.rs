//! Comparing a snapshot with a live database, table by table, in any order of rows.
//!
//! The database is read as a capture reads it, but only digests are kept. Schemas are not compared: a restore compares
//! them itself.

use crate::capture::memory_plan;
use crate::scrub::{Rewriter, check_same};
use crate::{CaptureOptions, Connection, Error, ErrorKind, Result, Store, on_own_thread};
use offshoot_core::attempts::{ATTEMPTS, Attempts};
use offshoot_core::digest::{DigestSink, Digests, TableDifference};
use offshoot_core::look_ahead::LookAhead;
use offshoot_core::memory::DEFAULT_BYTES;
use offshoot_core::snapshot::SnapshotReader;
use offshoot_core::source::{Captured, Sink, Source};
use offshoot_core::transform::{BatchTransform, Rewriting};
use offshoot_core::{Control, pace};
use offshoot_format::ids::SnapshotId;
use offshoot_format::manifest::{Sequence, Trust};
use std::num::NonZeroU64;
use std::sync::Arc;

/// What a comparison came to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Comparison {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// Tables of the snapshot.
    pub tables: usize,
    /// Rows of the snapshot.
    pub rows: u64,
    /// Tables that are not the same on both sides.
    pub tables_differing: Vec<TableDifference>,
    /// Sequences that stand elsewhere, or are on one side only: schema and name.
    pub sequences_differing: Vec<(String, String)>,
}

impl Comparison {
    /// Whether both hold the same.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.tables_differing.is_empty() && self.sequences_differing.is_empty()
    }
}

impl Store {
    /// Compares what a snapshot holds with what a live database holds. Of the options, the name is not looked at; `scrub` must
    /// be what the snapshot was scrubbed by, because the live rows go through it first.
    ///
    /// # Errors
    /// `Usage` if it is not; else as [`Store::snapshot`] and [`Store::capture`]. What differs is in the report, not in the error.
    pub fn verify_against(
        &self,
        address: &str,
        connection: &Connection,
        options: &CaptureOptions,
        control: &Control,
    ) -> Result<Comparison> {
        let plan = memory_plan(options)?;
        let snapshot = self.snapshot(address)?;
        match &options.scrub {
            Some(scrub) => check_same(&snapshot.manifest.trust, scrub)?,
            None if snapshot.manifest.trust != Trust::Raw => {
                let message =
                    format!("{address} is scrubbed, and live rows have to be scrubbed alike before they compare");
                let hint = "name its policy and its key: --policy FILE, OFFSHOOT_KEY_FILE";
                return Err(Error::new(ErrorKind::Usage, message, hint));
            }
            None => {}
        }
        let survey_bytes = options.memory_bytes.unwrap_or(DEFAULT_BYTES);
        let rewriter = options.scrub.as_ref().map(|scrub| Rewriter::without_proof(scrub, survey_bytes));
        let transform = rewriter.as_ref().map(|rewriter| rewriter as &dyn BatchTransform);
        let mut source = connection.source(options, &plan);
        let (database, captured) =
            on_own_thread(|| digest_database(source.as_mut(), transform, options.max_rate, control))??;
        let reader = SnapshotReader::new(Arc::new(self.open_within(&plan)?), snapshot.manifest);
        let look_ahead = LookAhead::new(plan.jobs().get(), plan.look_ahead_bytes())?;
        let manifest = reader.manifest();
        let stored = Digests::of_snapshot(manifest, &reader, &look_ahead, control)?;
        Ok(Comparison {
            snapshot: snapshot.id,
            tables: manifest.content.tables.len(),
            rows: manifest.stats.rows,
            tables_differing: stored.differences(&database),
            sequences_differing: sequences_differing(&manifest.content.sequences, &captured.sequences),
        })
    }
}

fn digest_database(
    source: &mut (dyn Source + Send),
    transform: Option<&dyn BatchTransform>,
    max_rate: Option<NonZeroU64>,
    control: &Control,
) -> Result<(Digests, Captured)> {
    let mut attempts = Attempts::new(ATTEMPTS);
    loop {
        let sink = DigestSink::default();
        let mut read_into = |sink: &dyn Sink| pace::read(source, sink, max_rate, control);
        let outcome = match transform {
            Some(transform) => read_into(&Rewriting::new(transform, &sink)),
            None => read_into(&sink),
        };
        match outcome {
            Ok(captured) => return Ok((sink.finish(), captured)),
            Err(error) => attempts.again(error, control)?,
        }
    }
}

fn sequences_differing(ours: &[Sequence], theirs: &[Sequence]) -> Vec<(String, String)> {
    let lacks = |side: &[Sequence], sequence: &Sequence| !side.contains(sequence);
    let missing = ours.iter().filter(|sequence| lacks(theirs, sequence));
    let extra = theirs.iter().filter(|sequence| lacks(ours, sequence));
    let mut names: Vec<_> =
        missing.chain(extra).map(|sequence| (sequence.schema.clone(), sequence.name.clone())).collect();
    names.sort();
    names.dedup();
    names
}
