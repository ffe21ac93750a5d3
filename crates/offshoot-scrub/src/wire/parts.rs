//! Values that consist of others, in binary form: arrays, text search vectors, hstore, composites, ranges.
//!
//! Each function takes a value apart, calls `rewrite` with each part, and writes the same structure around the answers;
//! none, and nothing written, if the bytes have another structure.

/// Rewrites the bytes of a part; false stands for NULL.
pub(super) type Part<'r> = &'r mut dyn FnMut(&[u8], &mut Vec<u8>) -> bool;
/// The same for a part with a key or a number.
pub(super) type Keyed<'r> = &'r mut dyn FnMut(&[u8], &[u8], &mut Vec<u8>) -> bool;
/// The same for a part with its place.
pub(super) type Placed<'r> = &'r mut dyn FnMut(usize, &[u8], &mut Vec<u8>) -> bool;

/// Gives another key for each key.
pub(crate) type Rename<'r> = &'r mut dyn FnMut(&[Vec<u8>]) -> Vec<Vec<u8>>;

/// Positions that a lexeme can have, as the server limits them.
const POSITIONS_MAX: usize = 255;

/// Reads fields of a value from its front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn number(&mut self) -> Option<i32> {
        let (head, tail) = self.0.split_first_chunk::<4>()?;
        self.0 = tail;
        Some(i32::from_be_bytes(*head))
    }

    fn short(&mut self) -> Option<u16> {
        let (head, tail) = self.0.split_first_chunk::<2>()?;
        self.0 = tail;
        Some(u16::from_be_bytes(*head))
    }

    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(length)?;
        self.0 = tail;
        Some(head)
    }

    /// A length and as many bytes; the inner none is NULL.
    fn counted(&mut self) -> Option<Option<&'a [u8]>> {
        match self.number()? {
            -1 => Some(None),
            length => Some(Some(self.bytes(usize::try_from(length).ok()?)?)),
        }
    }
}

/// Runs `write`; takes back what it wrote if it gives none.
pub(super) fn whole<T>(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> Option<T>) -> Option<T> {
    let start = out.len();
    let done = write(out);
    if done.is_none() {
        out.truncate(start);
    }
    done
}

/// Writes a length and what `write` appends, or the mark of NULL.
fn put_counted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> bool) -> Option<bool> {
    let place = out.len();
    out.extend_from_slice(&[0xff; 4]);
    if !write(out) {
        out.truncate(place + 4);
        return Some(false);
    }
    let length = i32::try_from(out.len() - place - 4).ok()?;
    out[place..place + 4].copy_from_slice(&length.to_be_bytes());
    Some(true)
}

/// Rewrites the elements of an array.
pub(super) fn array(bytes: &[u8], out: &mut Vec<u8>, rewrite: Part<'_>) -> Option<()> {
    whole(out, |out| {
        let start = out.len();
        let mut reader = Reader(bytes);
        let dimensions = usize::try_from(reader.number()?).ok().filter(|count| *count <= 6)?;
        let (_, _) = (reader.number()?, reader.number()?);
        let mut count = i64::from(dimensions > 0);
        for _ in 0..dimensions {
            count = count.checked_mul(reader.number()?.into())?;
            reader.number()?;
        }
        out.extend_from_slice(&bytes[..bytes.len() - reader.0.len()]);
        let mut has_null = false;
        for _ in 0..count {
            let element = reader.counted()?;
            has_null |= !put_counted(out, |out| element.is_some_and(|element| rewrite(element, out)))?;
        }
        out[start + 4..start + 8].copy_from_slice(&i32::from(has_null).to_be_bytes());
        reader.0.is_empty().then_some(())
    })
}

/// Lexemes and their positions, as they are to be: sorted, each once.
pub(super) type Lexemes = std::collections::BTreeMap<Vec<u8>, Vec<u16>>;

/// Adds a lexeme that may be there already: its positions join those of the other. The heaviest weight of a position wins.
pub(super) fn add_lexeme(lexemes: &mut Lexemes, lexeme: Vec<u8>, positions: &[u16]) {
    let all = lexemes.entry(lexeme).or_default();
    all.extend_from_slice(positions);
    // A position is 14 bits below 2 bits of weight.
    all.sort_by_key(|position| (position & 0x3fff, std::cmp::Reverse(position >> 14)));
    all.dedup_by_key(|position| *position & 0x3fff);
    all.truncate(POSITIONS_MAX);
}

/// Rewrites the lexemes of a text search vector and sorts them again.
pub(super) fn lexemes(bytes: &[u8], out: &mut Vec<u8>, rewrite: Part<'_>) -> Option<()> {
    let mut reader = Reader(bytes);
    let mut lexemes = Lexemes::new();
    for _ in 0..reader.number()? {
        let lexeme = reader.bytes(reader.0.iter().position(|byte| *byte == 0)?)?;
        reader.bytes(1)?;
        let count = reader.short()?;
        let positions = (0..count).map(|_| reader.short()).collect::<Option<Vec<_>>>()?;
        let mut new = Vec::new();
        if rewrite(lexeme, &mut new) && !new.is_empty() && !new.contains(&0) {
            add_lexeme(&mut lexemes, new, &positions);
        }
    }
    reader.0.is_empty().then_some(())?;
    out.extend_from_slice(&i32::try_from(lexemes.len()).ok()?.to_be_bytes());
    for (lexeme, positions) in &lexemes {
        out.extend_from_slice(lexeme);
        out.push(0);
        out.extend_from_slice(&(positions.len() as u16).to_be_bytes());
        positions.iter().for_each(|position| out.extend_from_slice(&position.to_be_bytes()));
    }
    Some(())
}

/// Rewrites the values of an hstore.
pub(super) fn entries(bytes: &[u8], out: &mut Vec<u8>, rewrite: Keyed<'_>) -> Option<()> {
    whole(out, |out| {
        let mut reader = Reader(bytes);
        let count = reader.number()?;
        out.extend_from_slice(&count.to_be_bytes());
        for _ in 0..count {
            let key = reader.counted()??;
            let value = reader.counted()?;
            out.extend_from_slice(&i32::try_from(key.len()).ok()?.to_be_bytes());
            out.extend_from_slice(key);
            put_counted(out, |out| value.is_some_and(|value| rewrite(key, value, out)))?;
        }
        reader.0.is_empty().then_some(())
    })
}

/// Keys with their values, renamed, in the order of the server: by length, then byte by byte.
pub(super) fn renamed<V>(entries: Vec<(Vec<u8>, V)>, rename: Rename<'_>) -> Vec<(Vec<u8>, V)> {
    let (keys, values): (Vec<Vec<u8>>, Vec<V>) = entries.into_iter().unzip();
    let mut entries: Vec<(Vec<u8>, V)> = rename(&keys).into_iter().zip(values).collect();
    entries.sort_by(|(one, _), (other, _)| (one.len(), one).cmp(&(other.len(), other)));
    entries
}

/// Renames the keys of an hstore.
pub(super) fn rename(bytes: &[u8], out: &mut Vec<u8>, rename: Rename<'_>) -> Option<()> {
    let mut reader = Reader(bytes);
    let count = reader.number()?;
    let mut entries = Vec::new();
    for _ in 0..count {
        entries.push((reader.counted()??.to_vec(), reader.counted()?));
    }
    reader.0.is_empty().then_some(())?;
    whole(out, |out| {
        out.extend_from_slice(&count.to_be_bytes());
        for (key, value) in renamed(entries, rename) {
            for part in [Some(key.as_slice()), value] {
                put_counted(out, |out| {
                    part.is_some_and(|part| {
                        out.extend_from_slice(part);
                        true
                    })
                })?;
            }
        }
        Some(())
    })
}

/// Rewrites the fields of a composite.
pub(super) fn fields(bytes: &[u8], out: &mut Vec<u8>, rewrite: Placed<'_>) -> Option<()> {
    whole(out, |out| {
        let mut reader = Reader(bytes);
        let count = reader.number()?;
        out.extend_from_slice(&count.to_be_bytes());
        for place in 0..usize::try_from(count).ok()? {
            out.extend_from_slice(reader.bytes(4)?);
            let field = reader.counted()?;
            put_counted(out, |out| field.is_some_and(|field| rewrite(place, field, out)))?;
        }
        reader.0.is_empty().then_some(())
    })
}

/// Rewrites the bounds of a range, and gives them; a bound cannot become NULL.
pub(super) fn bounds(bytes: &[u8], out: &mut Vec<u8>, rewrite: Part<'_>) -> Option<[Option<Vec<u8>>; 2]> {
    const EMPTY: u8 = 1;
    const NO_BOUND: [u8; 2] = [8, 16];
    whole(out, |out| {
        let (&flags, rest) = bytes.split_first()?;
        let mut reader = Reader(rest);
        out.push(flags);
        let mut bounds = [None, None];
        for (bound, absent) in bounds.iter_mut().zip(NO_BOUND) {
            if flags & (EMPTY | absent) != 0 {
                continue;
            }
            let old = reader.counted()??;
            let place = out.len();
            put_counted(out, |out| rewrite(old, out))?.then_some(())?;
            *bound = Some(out[place + 4..].to_vec());
        }
        reader.0.is_empty().then_some(bounds)
    })
}
