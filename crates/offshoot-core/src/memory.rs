//! One budget of memory for a capture, divided into what its parts may hold.
//!
//! The parts are named, their sum is at most the budget, and every bound that the engine keeps is derived from them.
//! Sizes that a table decides (a batch, an open leaf) are counted at what they come to, and the rest of the budget is
//! shared out among what can be large or small. What the program needs beside, and what the allocator loses between
//! pieces, are parts too. It does not measure anything.

use crate::ingest::IngestOptions;
use crate::source::BATCH_BYTES;
use crate::store::OpenOptions;
use crate::{CoreError, Result};
use std::num::NonZeroUsize;
use std::path::PathBuf;

const MIB: u64 = 1 << 20;
/// The budget where nothing is said.
pub const DEFAULT_BYTES: u64 = 512 * MIB;

/// The program, its threads, and the catalog of the database.
const PROGRAM_BYTES: u64 = 24 * MIB;
/// Buffers of the open packs.
const PACKS_BYTES: u64 = 16 * MIB;
/// Parts of the budget in sixteenths.
const ALLOCATOR_SIXTEENTHS: u64 = 2;
const INDEX_SIXTEENTHS: u64 = 1;
const SESSION_SIXTEENTHS: u64 = 2;
const SCHEMA_SIXTEENTHS: u64 = 2;
const JOBS_SIXTEENTHS: u64 = 16 - ALLOCATOR_SIXTEENTHS - INDEX_SIXTEENTHS - SESSION_SIXTEENTHS - SCHEMA_SIXTEENTHS;

/// Of one job: the batch that is filled, the one that is held back, the one that came, the one that they become; the
/// keys of two of them; the open leaf; buffers of the connection; a piece of a large value.
const READING_BYTES: u64 = 6 * BATCH_BYTES as u64 + 4 * MIB + 4 * MIB;
/// Of one encoder: contexts of the codecs and a column, raw and coded.
const ENCODING_BYTES: u64 = 12 * MIB;
/// The least that one job shares out.
const SHARED_BYTES_MIN: u64 = 12 * MIB;
const JOB_BYTES_MIN: u64 = READING_BYTES + ENCODING_BYTES + SHARED_BYTES_MIN;

/// What a new chunk takes in a session: in the map, and once more while a segment of the index is written.
const SESSION_CHUNK_BYTES: u64 = 256;
/// What a byte of the schema's text takes while it is split and published.
const SCHEMA_FACTOR: u64 = 8;
/// Late rows are sorted: they, their keys, and the leaves that they become.
const LATE_FACTOR: u64 = 2;
/// Rows of a part that is sorted at once: they, their keys and order, and the leaves that they become.
const SORT_FACTOR: u64 = 3;

/// A part of the budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// What it is for.
    pub name: &'static str,
    /// Its bytes.
    pub bytes: u64,
}

/// How the memory of a capture is divided. There is none that does not fit its budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryPlan {
    budget_bytes: u64,
    jobs: NonZeroUsize,
}

impl MemoryPlan {
    /// Divides a budget among this many jobs, each a connection that reads and a thread that encodes.
    ///
    /// # Errors
    /// `Memory` if they do not fit, with what does.
    pub fn new(budget_bytes: u64, jobs: NonZeroUsize) -> Result<Self> {
        let plan = Self { budget_bytes, jobs };
        if plan.jobs_bytes() / jobs.get() as u64 >= JOB_BYTES_MIN {
            return Ok(plan);
        }
        let fit = (1..jobs.get()).rev().filter_map(NonZeroUsize::new);
        let jobs_fitting = fit.into_iter().find(|&fewer| Self::bytes_min(fewer) <= budget_bytes);
        Err(CoreError::Memory { budget_bytes, jobs: jobs.get(), bytes_min: Self::bytes_min(jobs), jobs_fitting })
    }

    /// Divides a budget among as many jobs as fit, but no more than these.
    ///
    /// # Errors
    /// `Memory` if not even one fits.
    pub fn fitting(budget_bytes: u64, jobs_max: NonZeroUsize) -> Result<Self> {
        match Self::new(budget_bytes, jobs_max) {
            Err(CoreError::Memory { jobs_fitting: Some(jobs), .. }) => Self::new(budget_bytes, jobs),
            Err(_) => Self::new(budget_bytes, NonZeroUsize::MIN),
            plan => plan,
        }
    }

    /// The smallest budget for this many jobs, in whole MiB.
    #[must_use]
    pub fn bytes_min(jobs: NonZeroUsize) -> u64 {
        let jobs_bytes = JOB_BYTES_MIN.saturating_mul(jobs.get() as u64);
        let needed = jobs_bytes.saturating_add(PROGRAM_BYTES + PACKS_BYTES);
        // One sixteenth more than divides evenly, because each part is rounded down.
        (needed.div_ceil(JOBS_SIXTEENTHS)).saturating_mul(16).div_ceil(MIB).saturating_mul(MIB)
    }

    /// The budget.
    #[must_use]
    pub fn budget_bytes(&self) -> u64 {
        self.budget_bytes
    }

    /// The number of jobs.
    #[must_use]
    pub fn jobs(&self) -> NonZeroUsize {
        self.jobs
    }

    /// The parts; together they are at most the budget.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let jobs = self.jobs.get() as u64;
        let shared = self.shared_bytes();
        let part = |name, bytes| Part { name, bytes };
        vec![
            part("program and catalog", PROGRAM_BYTES),
            part("between pieces of memory", self.sixteenths(ALLOCATOR_SIXTEENTHS)),
            part("index of the store", self.sixteenths(INDEX_SIXTEENTHS)),
            part("new chunks of the session", self.sixteenths(SESSION_SIXTEENTHS)),
            part("schema", self.sixteenths(SCHEMA_SIXTEENTHS)),
            part("open packs", PACKS_BYTES),
            part("reading", jobs * READING_BYTES),
            part("encoding", jobs * ENCODING_BYTES),
            part("late rows", jobs * (shared / 3)),
            part("rows in random order", jobs * (shared / 3)),
            part("leaves that wait", jobs * (shared / 3)),
        ]
    }

    /// Bounds of the ingest.
    #[must_use]
    pub fn ingest(&self, spill: Option<PathBuf>) -> IngestOptions {
        let third = self.shared_bytes() / 3;
        let jobs = self.jobs.get() as u64;
        IngestOptions {
            encoders: self.jobs.get(),
            queue_bytes_max: to_usize(jobs * third),
            late_bytes_max: to_usize(third / LATE_FACTOR),
            scatter_bytes_max: to_usize(third),
            // Who sorts a part has nothing else at hand: its ranges are read.
            sort_bytes_max: to_usize((READING_BYTES + third) / SORT_FACTOR),
            spill,
        }
    }

    /// The options with the bounds of a store that is captured into.
    #[must_use]
    pub fn store(&self, options: OpenOptions) -> OpenOptions {
        OpenOptions {
            // A quarter more is kept of segments that do not fit.
            index_cache_bytes: to_usize(self.sixteenths(INDEX_SIXTEENTHS) * 4 / 5),
            session_chunks_max: (self.sixteenths(SESSION_SIXTEENTHS) / SESSION_CHUNK_BYTES).max(1),
            ..options
        }
    }

    /// The longest schema, in bytes of its text.
    #[must_use]
    pub fn schema_bytes_max(&self) -> u64 {
        self.sixteenths(SCHEMA_SIXTEENTHS) / SCHEMA_FACTOR
    }

    /// What a comparison may decode ahead once the database is read.
    #[must_use]
    pub fn look_ahead_bytes(&self) -> u64 {
        self.jobs_bytes() / 2
    }

    fn sixteenths(&self, count: u64) -> u64 {
        self.budget_bytes / 16 * count
    }

    fn jobs_bytes(&self) -> u64 {
        self.sixteenths(JOBS_SIXTEENTHS).saturating_sub(PROGRAM_BYTES + PACKS_BYTES)
    }

    /// Of one job, what is left to be shared out.
    fn shared_bytes(&self) -> u64 {
        (self.jobs_bytes() / self.jobs.get() as u64).saturating_sub(READING_BYTES + ENCODING_BYTES)
    }
}

fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn jobs(number: usize) -> NonZeroUsize {
        NonZeroUsize::new(number).unwrap()
    }

    fn sum(plan: &MemoryPlan) -> u64 {
        plan.parts().iter().map(|part| part.bytes).sum()
    }

    proptest! {
        #[test]
        fn parts_never_exceed_the_budget(budget in 0u64..1 << 40, number in 1usize..2000) {
            let smallest = MemoryPlan::bytes_min(jobs(number));
            match MemoryPlan::new(budget, jobs(number)) {
                Ok(plan) => {
                    prop_assert!(sum(&plan) <= budget);
                    // Little is left over, too.
                    prop_assert!(sum(&plan) + 64 + 3 * number as u64 + 2 * MIB > budget);
                    prop_assert!(budget + MIB > smallest);
                    let ingest = plan.ingest(None);
                    prop_assert!(ingest.late_bytes_max as u64 >= MIB && ingest.scatter_bytes_max as u64 >= MIB);
                    prop_assert!(plan.schema_bytes_max() > 0 && ingest.sort_bytes_max >= 2 * BATCH_BYTES);
                }
                Err(CoreError::Memory { bytes_min, jobs_fitting, .. }) => {
                    prop_assert!(bytes_min == smallest && budget < smallest);
                    prop_assert!(MemoryPlan::new(smallest, jobs(number)).is_ok());
                    if let Some(fewer) = jobs_fitting {
                        prop_assert!(fewer.get() < number && MemoryPlan::new(budget, fewer).is_ok());
                    }
                }
                Err(error) => prop_assert!(false, "{error:?}"),
            }
        }
    }

    #[test]
    fn as_many_jobs_as_fit() {
        let plan = MemoryPlan::fitting(DEFAULT_BYTES, jobs(64)).unwrap();
        assert_eq!(plan.jobs(), jobs(4));
        assert_eq!(MemoryPlan::fitting(DEFAULT_BYTES, jobs(2)).unwrap().jobs(), jobs(2));
        let too_little = MemoryPlan::fitting(100 << 20, jobs(8)).unwrap_err();
        assert!(matches!(too_little, CoreError::Memory { jobs: 1, jobs_fitting: None, .. }), "{too_little:?}");
    }

    #[test]
    fn docs_have_the_table() {
        let page = include_str!("../../../docs/operations.md");
        for part in MemoryPlan::new(DEFAULT_BYTES, jobs(2)).unwrap().parts() {
            let row = format!("| {} | {} |", part.name, part.bytes.div_ceil(MIB));
            assert!(page.contains(&row), "{row}");
        }
    }
}
