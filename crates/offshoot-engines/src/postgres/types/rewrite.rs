//! Walks one value in binary form and puts an oid wherever the form names a type.
//!
//! The walk is incremental: a value may come in pieces cut anywhere, because the largest ones are never held whole. It
//! follows the declared type, so it need not look at the oids that it overwrites. It allocates only when types nest.

use super::{FIRST_UNSTABLE_OID, TypeKind, TypeTree};
use std::fmt;

/// What to write in the place of an oid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// 0 for an oid that differs between servers; others stay. For capture.
    Zero,
    /// The oid of the declared type, everywhere. For restore.
    Declared,
}

/// The bytes are not a value of the type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value is not in the binary form of its type")
    }
}

impl std::error::Error for Malformed {}

/// The walk of one value after the other.
#[derive(Debug)]
pub struct Rewriter<'t> {
    tree: &'t TypeTree,
    oid: u32,
    put: Put,
    stack: Vec<Frame>,
    /// Bytes of the value under way that are passed over.
    skip: u64,
    /// The four bytes that are being read.
    word: [u8; 4],
    filled: usize,
}

/// A value that is being walked.
#[derive(Debug)]
struct Frame {
    oid: u32,
    expect: Expect,
    /// Elements, fields, bounds or ranges, and words of dimensions, to come.
    left: u64,
    /// Elements of an array, while its dimensions are read; the next field of a composite.
    count: u64,
}

/// What comes next in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    Dimensions,
    ArrayFlags,
    ElementOid,
    Bounds,
    Fields,
    FieldOid,
    Ranges,
    RangeFlags,
    /// The length of the next part.
    Length,
}

impl<'t> Rewriter<'t> {
    /// A walk of values of the type `oid`, which is in the tree.
    #[must_use]
    pub fn new(tree: &'t TypeTree, oid: u32, put: Put) -> Self {
        Self { tree, oid, put, stack: Vec::new(), skip: 0, word: [0; 4], filled: 0 }
    }

    /// Rewrites a whole value in place.
    ///
    /// # Errors
    /// `Malformed` if it is not a value of the type.
    pub fn value(&mut self, bytes: &mut [u8]) -> Result<(), Malformed> {
        self.begin(bytes.len() as u64);
        self.piece(bytes)?;
        self.end()
    }

    /// Begins a value of so many bytes.
    pub fn begin(&mut self, bytes: u64) {
        self.stack.clear();
        self.skip = 0;
        self.filled = 0;
        self.enter(self.oid, bytes);
    }

    /// Rewrites the next piece of the value in place.
    ///
    /// # Errors
    /// `Malformed` if it is not a value of the type.
    pub fn piece(&mut self, mut bytes: &mut [u8]) -> Result<(), Malformed> {
        while !bytes.is_empty() {
            if self.skip > 0 {
                let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
                self.skip -= skipped as u64;
                bytes = &mut std::mem::take(&mut bytes)[skipped..];
                self.leave();
                continue;
            }
            let (first, rest) = std::mem::take(&mut bytes).split_first_mut().ok_or(Malformed)?;
            bytes = rest;
            self.byte(first)?;
        }
        Ok(())
    }

    /// Ends the value.
    ///
    /// # Errors
    /// `Malformed` if bytes are missing.
    pub fn end(&mut self) -> Result<(), Malformed> {
        self.leave();
        if self.stack.is_empty() && self.skip == 0 { Ok(()) } else { Err(Malformed) }
    }

    /// Begins a part of a value: walked if there is something to rewrite in it, else passed over.
    fn enter(&mut self, oid: u32, bytes: u64) {
        let walk = match self.put {
            Put::Zero => self.tree.holds_unstable_oids(oid),
            Put::Declared => self.tree.holds_oids(oid),
        };
        let Some(node) = self.tree.base(oid).filter(|_| walk) else {
            self.skip = bytes;
            return;
        };
        let expect = match node.kind {
            TypeKind::Array(_) => Expect::Dimensions,
            TypeKind::Composite(_) => Expect::Fields,
            TypeKind::Range(_) => Expect::RangeFlags,
            TypeKind::Multirange(_) => Expect::Ranges,
            TypeKind::Scalar | TypeKind::Domain(_) => {
                self.skip = bytes;
                return;
            }
        };
        self.stack.push(Frame { oid: node.oid, expect, left: 0, count: 0 });
    }

    /// Takes the frames away that have nothing to come.
    fn leave(&mut self) {
        if self.skip > 0 {
            return;
        }
        while self
            .stack
            .last()
            .is_some_and(|frame| frame.left == 0 && matches!(frame.expect, Expect::Length | Expect::FieldOid))
        {
            self.stack.pop();
        }
    }

    fn byte(&mut self, byte: &mut u8) -> Result<(), Malformed> {
        let tree = self.tree;
        let frame = self.stack.last_mut().ok_or(Malformed)?;
        if frame.expect == Expect::RangeFlags {
            frame.left = bounds(*byte);
            frame.expect = Expect::Length;
            self.leave();
            return Ok(());
        }
        let named = match (frame.expect, tree.get(frame.oid).map(|node| &node.kind)) {
            (Expect::ElementOid, Some(TypeKind::Array(element))) => Some(*element),
            (Expect::FieldOid, Some(TypeKind::Composite(fields))) => {
                Some(*fields.get(usize::try_from(frame.count).map_err(|_| Malformed)?).ok_or(Malformed)?)
            }
            _ => None,
        };
        if let Some(oid) = named {
            match self.put {
                Put::Declared => *byte = oid.to_be_bytes()[self.filled],
                Put::Zero if oid >= FIRST_UNSTABLE_OID => *byte = 0,
                Put::Zero => {}
            }
        }
        self.word[self.filled] = *byte;
        self.filled += 1;
        if self.filled == 4 {
            self.filled = 0;
            self.word(u32::from_be_bytes(self.word))?;
            self.leave();
        }
        Ok(())
    }

    /// Takes a number of the value's structure.
    fn word(&mut self, word: u32) -> Result<(), Malformed> {
        let tree = self.tree;
        let frame = self.stack.last_mut().ok_or(Malformed)?;
        match frame.expect {
            Expect::Dimensions => {
                frame.left = u64::from(word) * 2;
                frame.count = u64::from(word > 0);
                frame.expect = Expect::ArrayFlags;
            }
            Expect::ArrayFlags => frame.expect = Expect::ElementOid,
            Expect::ElementOid => frame.expect = if frame.left > 0 { Expect::Bounds } else { Expect::Length },
            Expect::Bounds => {
                // Length and lower bound in turn; lengths make the count.
                if frame.left % 2 == 0 {
                    frame.count = frame.count.checked_mul(u64::from(word)).ok_or(Malformed)?;
                }
                frame.left -= 1;
                if frame.left == 0 {
                    frame.left = frame.count;
                    frame.expect = Expect::Length;
                }
            }
            Expect::Fields => {
                frame.left = u64::from(word);
                frame.expect = Expect::FieldOid;
            }
            Expect::FieldOid => frame.expect = Expect::Length,
            Expect::Ranges => {
                frame.left = u64::from(word);
                frame.expect = Expect::Length;
            }
            Expect::RangeFlags => return Err(Malformed),
            Expect::Length => {
                frame.left -= 1;
                let part = match tree.get(frame.oid).map(|node| &node.kind) {
                    Some(TypeKind::Array(part) | TypeKind::Range(part) | TypeKind::Multirange(part)) => *part,
                    Some(TypeKind::Composite(fields)) => {
                        let field = usize::try_from(frame.count).ok().and_then(|at| fields.get(at)).ok_or(Malformed)?;
                        frame.count += 1;
                        frame.expect = Expect::FieldOid;
                        *field
                    }
                    _ => return Err(Malformed),
                };
                if word != u32::MAX {
                    self.enter(part, u64::from(word));
                }
            }
        }
        Ok(())
    }
}

/// The bounds that follow the flags of a range.
fn bounds(flags: u8) -> u64 {
    const EMPTY: u8 = 0x01;
    const LOWER_ABSENT: u8 = 0x08 | 0x20;
    const UPPER_ABSENT: u8 = 0x10 | 0x40;
    if flags & EMPTY != 0 {
        return 0;
    }
    u64::from(flags & LOWER_ABSENT == 0) + u64::from(flags & UPPER_ABSENT == 0)
}

#[cfg(test)]
mod tests {
    use super::super::tests::tree;
    use super::*;
    use proptest::prelude::*;

    /// An enum 20000, its array 20001, a composite (int4, enum[]) 20002, its array 20003, a range over it 20004, its
    /// multirange 20005, a domain over the array 20006.
    fn types() -> TypeTree {
        tree(&[
            (23, TypeKind::Scalar),
            (20_000, TypeKind::Scalar),
            (20_001, TypeKind::Array(20_000)),
            (20_002, TypeKind::Composite(vec![23, 20_001])),
            (20_003, TypeKind::Array(20_002)),
            (20_004, TypeKind::Range(20_002)),
            (20_005, TypeKind::Multirange(20_004)),
            (20_006, TypeKind::Domain(20_003)),
        ])
    }

    fn part(bytes: Option<Vec<u8>>) -> Vec<u8> {
        match bytes {
            None => (-1i32).to_be_bytes().to_vec(),
            Some(bytes) => [(bytes.len() as i32).to_be_bytes().to_vec(), bytes].concat(),
        }
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    fn labels(oid: u32, labels: &[Option<&str>]) -> Vec<u8> {
        let mut out = if labels.is_empty() { words(&[0, 0, oid]) } else { words(&[1, 0, oid, labels.len() as u32, 1]) };
        labels.iter().for_each(|label| out.extend(part(label.map(|label| label.as_bytes().to_vec()))));
        out
    }

    fn row(int: u32, array_oid: u32, array: Option<Vec<u8>>) -> Vec<u8> {
        [words(&[2, 23]), part(Some(words(&[int]))), words(&[array_oid]), part(array)].concat()
    }

    fn rows(oids: bool) -> Vec<u8> {
        let oid = |oid| if oids { oid } else { 0 };
        let mut out = words(&[2, 0, oid(20_002), 2, 1, 2, 1]);
        out.extend(part(Some(row(1, oid(20_001), Some(labels(oid(20_000), &[Some("a"), None]))))));
        out.extend(part(None));
        out.extend(part(Some(row(0x4e20_4e21, oid(20_001), None))));
        out.extend(part(Some(row(3, oid(20_001), Some(labels(oid(20_000), &[]))))));
        out
    }

    fn ranges(oids: bool) -> Vec<u8> {
        let oid = |oid| if oids { oid } else { 0 };
        let bound = || part(Some(row(1, oid(20_001), Some(labels(oid(20_000), &[Some("b")])))));
        let full = [vec![2], bound(), bound()].concat();
        [
            words(&[4]),
            part(Some(full)),
            part(Some(vec![1])),
            part(Some([vec![8], bound()].concat())),
            part(Some(vec![0x18])),
        ]
        .concat()
    }

    #[test]
    fn oids_go_and_come_back() {
        let tree = types();
        for (oid, with, without) in [(20_006, rows(true), rows(false)), (20_005, ranges(true), ranges(false))] {
            let mut bytes = with.clone();
            Rewriter::new(&tree, oid, Put::Zero).value(&mut bytes).unwrap();
            assert!(bytes == without);
            Rewriter::new(&tree, oid, Put::Declared).value(&mut bytes).unwrap();
            assert!(bytes == with);
        }
    }

    #[test]
    fn a_value_that_ends_early_is_malformed() {
        let tree = types();
        let whole = rows(true);
        for end in 0..whole.len() {
            let mut bytes = whole[..end].to_vec();
            assert_eq!(Rewriter::new(&tree, 20_003, Put::Zero).value(&mut bytes), Err(Malformed), "{end}");
        }
        let mut longer = [whole, vec![0]].concat();
        assert_eq!(Rewriter::new(&tree, 20_003, Put::Zero).value(&mut longer), Err(Malformed));
    }

    proptest! {
        #[test]
        fn pieces_give_what_the_whole_gives(cuts in proptest::collection::vec(0usize..400, 0..6)) {
            let tree = types();
            let mut bytes = ranges(true);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.sort_unstable();
            let mut walk = Rewriter::new(&tree, 20_005, Put::Zero);
            walk.begin(bytes.len() as u64);
            let mut start = 0;
            for end in cuts.into_iter().chain([bytes.len()]) {
                walk.piece(&mut bytes[start..end]).unwrap();
                start = end;
            }
            walk.end().unwrap();
            prop_assert!(bytes == ranges(false));
        }

        #[test]
        fn any_bytes_are_survived(mut bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let tree = types();
            let _ = Rewriter::new(&tree, 20_005, Put::Zero).value(&mut bytes);
            let _ = Rewriter::new(&tree, 20_003, Put::Declared).value(&mut bytes);
        }
    }
}
