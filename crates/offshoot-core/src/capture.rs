//! One capture: source, ingest, session and manifest put together.
//!
//! A source that fails in a way that may pass is tried again on a new snapshot of the database; what was stored by the
//! attempt before is found again by its ids. Nothing is visible before the session commits.

use crate::attempts::{ATTEMPTS, Attempts};
use crate::chunks::WriteChunks;
use crate::ingest::{Ingest, IngestOptions, IngestedTable, reuse_inlined};
use crate::pace;
use crate::snapshot::SnapshotReader;
use crate::source::{Captured, Sink, Source, is_large_objects};
use crate::store::{Expected, ObjectName, OpenStore, WriteSession};
use crate::transform::{BatchTransform, Rewriting};
use crate::{Control, CoreError, Result};
use offshoot_format::content::canonical;
use offshoot_format::ids::{ContentRoot, SnapshotId};
use offshoot_format::manifest::{Content, Load, Manifest, Stats, TableEntry, Trust};
use offshoot_format::refname::RefName;
use std::collections::HashSet;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How a capture is done.
#[derive(Debug, Clone)]
pub struct CaptureOptions {
    /// The ref that will name the snapshot; `None` takes the database's name.
    pub name: Option<RefName>,
    /// Bounds of the ingest.
    pub ingest: IngestOptions,
    /// Attempts in all, while the source says that another may succeed.
    pub attempts: u32,
    /// The most bytes of values that are read in a second, by all connections together.
    pub bytes_per_second: Option<NonZeroU64>,
}

impl Default for CaptureOptions {
    fn default() -> Self {
        Self { name: None, ingest: IngestOptions::default(), attempts: ATTEMPTS, bytes_per_second: None }
    }
}

/// A snapshot that is in the store.
#[derive(Debug, Clone)]
pub struct CaptureReport {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// The ref that names it.
    pub name: RefName,
    /// Its manifest.
    pub manifest: Manifest,
    /// Bytes by which the packs of the store grew.
    pub added_bytes: u64,
    /// How long the transform looked at what would be published, where there was one. Part of the time in the manifest.
    pub proof: Option<Duration>,
}

/// Captures `source` into `store`, its rows as they are or rewritten by a transform.
///
/// # Errors
/// Those of the source, the transform, the store and the ingest; nothing is published then.
pub fn capture(
    store: &OpenStore,
    source: &mut dyn Source,
    transform: Option<&dyn BatchTransform>,
    options: &CaptureOptions,
    control: &Control,
) -> Result<CaptureReport> {
    let _span = tracing::info_span!("capture").entered();
    if transform.is_none() && !store.is_raw() {
        return Err(CoreError::Domain { place: store.place() });
    }
    let began_unix_ms = store.now_unix_ms();
    let session = Arc::new(store.begin_session()?);
    let (captured, tables) = attempt(&session, source, transform, options, control)?;
    let name = match &options.name {
        Some(name) => name.clone(),
        None => captured.origin.database.parse().map_err(|_| {
            CoreError::Protocol("the database's name cannot name a snapshot. Choose another name for it")
        })?,
    };
    let before = store.get_ref(&name)?;
    let tables = count_held(store, tables, before);
    let mut manifest = manifest(store, captured, tables, before);
    let proving = Instant::now();
    let proved = transform.map_or(Ok(()), |transform| prove(&session, transform, &mut manifest, control));
    let proof = transform.map(|_| proving.elapsed());
    let session = Arc::into_inner(session).ok_or(CoreError::Poisoned)?;
    if let Err(error) = proved {
        // What must not be published must not wait for gc either.
        session.discard();
        return Err(error);
    }
    control.step("publish");
    let added_bytes = session.added_bytes();
    let millis = store.now_unix_ms().saturating_sub(began_unix_ms);
    let manifest = Manifest { stats: Stats { added_bytes, millis, ..manifest.stats }, ..manifest };
    let snapshot = session.commit(&manifest, Some(&name), Expected::Exactly(before))?;
    if let Err(error) = transform.map_or(Ok(()), |transform| transform.confirm(&manifest)) {
        store.step_back(&name, &HashSet::from([snapshot]))?;
        store.backend().remove(&ObjectName::Manifest(snapshot))?;
        return Err(error);
    }
    tracing::info!(%snapshot, %name, rows = manifest.stats.rows, added_bytes, "published");
    Ok(CaptureReport { snapshot, name, manifest, added_bytes, proof })
}

/// Has the transform look at what would be published.
fn prove(
    session: &Arc<WriteSession>,
    transform: &dyn BatchTransform,
    manifest: &mut Manifest,
    control: &Control,
) -> Result<()> {
    control.step("prove");
    let reader = SnapshotReader::new(Arc::clone(session) as _, manifest.clone());
    let proof = transform.prove(&reader, control)?;
    (manifest.trust, manifest.receipt) = (proof.trust, Some(proof.receipt));
    Ok(())
}

/// Captures rows, again while that may help.
fn attempt(
    session: &Arc<WriteSession>,
    source: &mut dyn Source,
    transform: Option<&dyn BatchTransform>,
    options: &CaptureOptions,
    control: &Control,
) -> Result<(Captured, Vec<IngestedTable>)> {
    let mut attempts = Attempts::new(options.attempts);
    loop {
        let chunks: Arc<dyn WriteChunks> = Arc::clone(session) as _;
        let ingest = Ingest::begin(chunks, &options.ingest, control)?;
        let mut read_into = |sink: &dyn Sink| pace::read(source, sink, options.bytes_per_second, control);
        let outcome = match transform {
            Some(transform) => read_into(&Rewriting::storing(transform, &ingest, options.ingest.spill.as_deref())),
            None => read_into(&ingest),
        };
        match outcome {
            Ok(captured) => return Ok((captured, ingest.finish()?)),
            // A failure of the workers is the cause, what the source saw of it is the effect.
            Err(error) => {
                let error = ingest.failure().unwrap_or(error);
                drop(ingest);
                attempts.again(error, control)?;
            }
        }
    }
}

/// Counts the tables as reused that are held in their roots as they were in the snapshot before.
fn count_held(store: &OpenStore, mut tables: Vec<IngestedTable>, before: Option<SnapshotId>) -> Vec<IngestedTable> {
    // These are figures only: a snapshot before that cannot be read is no reason to fail.
    let Some(before) = before.and_then(|before| store.manifest(&before).ok()) else { return tables };
    let known: HashSet<_> = before.content.tables.iter().filter_map(|table| table.root.id).collect();
    for table in tables.iter_mut().filter(|table| table.root.leaf.is_some()) {
        if table.root.id.is_some_and(|id| known.contains(&id)) {
            reuse_inlined(&mut table.stats.columns);
        }
    }
    tables
}

fn manifest(store: &OpenStore, captured: Captured, tables: Vec<IngestedTable>, parent: Option<SnapshotId>) -> Manifest {
    let Captured { taken_unix_ms, origin, environment, schema, sequences, loads, facts, omitted, not_carried } =
        captured;
    let mut content = Content { schema, sequences, ..Content::default() };
    let mut stats = Stats::default();
    for table in tables {
        stats.rows += table.root.rows;
        stats.logical_bytes += table.root.logical_bytes;
        stats.stored_bytes += table.stats.columns.iter().map(|column| column.stored_bytes).sum::<u64>();
        let load = loads
            .iter()
            .find(|(schema, name, _)| *schema == table.spec.schema && *name == table.spec.name)
            .map_or_else(Load::default, |(_, _, load)| load.clone());
        let entry = TableEntry { spec: table.spec, root: table.root, load };
        if is_large_objects(&entry.spec) {
            content.large_objects = Some(entry);
        } else {
            content.tables.push(entry);
            stats.tables.push(table.stats);
        }
    }
    Manifest {
        taken_unix_ms,
        parent,
        content_root: content_root(store, &content),
        trust: Trust::Raw,
        origin,
        environment,
        content,
        omitted,
        not_carried,
        stats,
        facts,
        receipt: None,
        written_by: concat!("offshoot ", env!("CARGO_PKG_VERSION")).to_owned(),
    }
}

/// The root of a content in this store.
#[must_use]
pub fn content_root(store: &OpenStore, content: &Content) -> ContentRoot {
    store.id_key().content_root(&canonical(content))
}
