//! Large values: rewritten piece by piece, and looked for in portions.

use super::refused;
use crate::scrub::proof::OVERLAP_BYTES;
use offshoot_core::Result;
use offshoot_core::transform::PieceTransform;
use offshoot_scrub::scrubber::Rewriter as LargeRewriter;
use offshoot_scrub::survivors::Collector;
use offshoot_scrub::{ColumnCount, ScrubError};

/// How much of a large value is looked for at once, in bytes.
const PORTION_BYTES: usize = 256 << 10;

/// One large value on its way.
pub(super) struct Pieces<'r, 't> {
    /// None where the value becomes NULL, and at the end.
    pub(super) rewriter: Option<Box<LargeRewriter<'r>>>,
    pub(super) observed: Option<Observed<'r, 't>>,
    pub(super) count: &'r mut ColumnCount,
}

impl PieceTransform for Pieces<'_, '_> {
    fn feed(&mut self, bytes: &[u8], out: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let Self { rewriter, observed, .. } = self;
        // First, as it refuses what is too large to be held whole.
        if let Some(rewriter) = rewriter {
            passing(
                out,
                |bytes| observed.iter_mut().for_each(|observed| observed.written(bytes)),
                |out| rewriter.feed(bytes, out),
            )?;
        }
        observed.as_mut().map_or(Ok(()), |observed| observed.take(bytes))
    }

    fn finish(&mut self, out: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<bool> {
        // Whether it changed would take both to say; a value of this size that no rule keeps counts as changed.
        self.count.values += 1;
        self.count.changed += 1;
        let observed = &mut self.observed;
        let is_there = match self.rewriter.take() {
            Some(rewriter) => passing(
                out,
                |bytes| observed.iter_mut().for_each(|observed| observed.written(bytes)),
                |out| rewriter.finish(out),
            )?,
            None => false,
        };
        self.observed.take().map_or(Ok(()), |observed| observed.finish(is_there))?;
        Ok(is_there)
    }
}

/// Lets a rewriter pass bytes on to what may fail; `see` sees them, too.
fn passing<T>(
    out: &mut dyn FnMut(&[u8]) -> Result<()>,
    mut see: impl FnMut(&[u8]),
    rewrite: impl FnOnce(&mut dyn FnMut(&[u8])) -> std::result::Result<T, ScrubError>,
) -> Result<T> {
    let mut passed = Ok(());
    let rewritten = rewrite(&mut |bytes| {
        if passed.is_ok() {
            see(bytes);
            passed = out(bytes);
        }
    });
    passed?;
    rewritten.map_err(refused)
}

/// A large value is looked for in portions, each with the end of the one before; one that a rule keeps parts of as a whole, with
/// what became of it. Such rules hold it whole as well.
pub(super) struct Observed<'r, 't> {
    pub(super) collector: &'r mut Collector<'t>,
    pub(super) source: usize,
    pub(super) window: Vec<u8>,
    /// What the value became so far, where only what is another is looked for.
    pub(super) after: Option<Vec<u8>>,
}

impl Observed<'_, '_> {
    fn written(&mut self, bytes: &[u8]) {
        self.after.iter_mut().for_each(|after| after.extend_from_slice(bytes));
    }

    fn take(&mut self, bytes: &[u8]) -> Result<()> {
        self.window.extend_from_slice(bytes);
        if self.after.is_none() && self.window.len() >= PORTION_BYTES {
            self.collector.observe_part(self.source, &self.window).map_err(refused)?;
            self.window.drain(..self.window.len() - OVERLAP_BYTES);
        }
        Ok(())
    }

    fn finish(self, is_there: bool) -> Result<()> {
        let Self { collector, source, window, after } = self;
        match after {
            Some(after) if is_there => collector.observe_changed(source, &window, &after),
            Some(_) => collector.observe(source, &window),
            None => collector.observe_part(source, &window),
        }
        .map_err(refused)
    }
}
