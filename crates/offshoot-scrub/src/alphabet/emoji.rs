//! Emoji of several code points: which belong together, and what may stand in for them.
//!
//! A sequence that is recommended for interchange (or the same without some of its variation selectors) is replaced as a
//! whole by another one of the same make: as many code points of the same lengths, joiners, selectors and skin tones in
//! the same places. Of other sequences only those members are replaced that occur in no recommended one, so that an unknown
//! sequence never turns into a known one.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::OnceLock;

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeEmoji, UnicodeGeneralCategory};
use unicode_script::UnicodeScript;

const ZWJ: char = '\u{200d}';
const TEXT_STYLE: char = '\u{fe0e}';
const EMOJI_STYLE: char = '\u{fe0f}';
const KEYCAP: char = '\u{20e3}';

/// The known sequences, by make.
#[derive(Debug)]
pub(crate) struct Sequences {
    places: HashMap<Box<str>, (u16, u32)>,
    pub(crate) makes: Vec<Vec<Box<str>>>,
    members: HashSet<char>,
}

impl Sequences {
    /// The table of this process.
    pub(crate) fn get() -> &'static Self {
        static TABLE: OnceLock<Sequences> = OnceLock::new();
        TABLE.get_or_init(Self::build)
    }

    /// The make of a sequence and its number therein.
    pub(crate) fn find(&self, sequence: &str) -> Option<(u16, u32)> {
        self.places.get(sequence).copied()
    }

    /// True for a code point that occurs in a known sequence.
    pub(crate) fn is_member(&self, c: char) -> bool {
        self.members.contains(&c)
    }

    fn build() -> Self {
        let mut all: Vec<String> = Vec::new();
        for emoji in emojis::iter() {
            for sequence in emoji.skin_tones().into_iter().flatten().chain([emoji]) {
                all.extend(with_fewer_selectors(sequence.as_str()));
            }
        }
        // Pairs of regional indicators that are no flag (yet) are a make of their own.
        let flags: HashSet<String> = all.iter().cloned().collect();
        let letters = || '\u{1f1e6}'..='\u{1f1ff}';
        let strange = letters().flat_map(|first| letters().map(move |second| format!("{first}{second}")));
        let strange: Vec<String> = strange.filter(|pair| !flags.contains(pair)).collect();
        all.retain(|sequence| sequence.chars().nth(1).is_some());
        let members = all.iter().flat_map(|sequence| sequence.chars()).collect();

        let mut makes: BTreeMap<Vec<Part>, Vec<String>> = BTreeMap::new();
        for sequence in all {
            makes.entry(make(&sequence)).or_default().push(sequence);
        }
        makes.insert(Vec::new(), strange);
        let mut table = Self { places: HashMap::new(), makes: Vec::new(), members };
        for (number, mut sequences) in makes.into_values().enumerate() {
            sequences.sort();
            sequences.dedup();
            for (digit, sequence) in sequences.iter().enumerate() {
                table.places.insert(sequence.as_str().into(), (number as u16, digit as u32));
            }
            table.makes.push(sequences.into_iter().map(String::into_boxed_str).collect());
        }
        table
    }
}

/// Length of the emoji of several code points that a text begins with; 0 if it begins with none.
pub(crate) fn extent(text: &str) -> usize {
    let mut chars = text.char_indices().peekable();
    let Some((_, first)) = chars.next() else { return 0 };
    let mut last = first;
    if is_regional(first) {
        return match chars.next() {
            Some((at, second)) if is_regional(second) => at + second.len_utf8(),
            _ => 0,
        };
    }
    let mut end = first.len_utf8();
    while let Some((at, c)) = chars.next() {
        let belongs = match c {
            EMOJI_STYLE | TEXT_STYLE | KEYCAP => true,
            ZWJ => chars.peek().is_some_and(|(_, next)| is_picture(*next)),
            c if is_tone(c) || is_tag(c) => true,
            c => last == ZWJ && is_picture(c),
        };
        if !belongs {
            break;
        }
        end = at + c.len_utf8();
        last = c;
    }
    // A digit with a selector but without a keycap is a digit.
    let is_picture = !first.is_ascii() || text[..end].contains(KEYCAP);
    // A picture that is only asked to look like text is a sign for itself: no known sequence has that selector.
    let is_text = text[first.len_utf8()..end].chars().eq([TEXT_STYLE]);
    if end > first.len_utf8() && is_picture && !is_text { end } else { 0 }
}

/// A code point of a sequence as its stand-ins must have it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// The same code point.
    Same(char),
    /// One of the same length in UTF-8, general category, script, and the same in all normalization forms or not.
    Like(usize, u8, &'static str, bool),
    Tag,
    Regional,
}

fn make(sequence: &str) -> Vec<Part> {
    let part = |c: char| match c {
        ZWJ | TEXT_STYLE | EMOJI_STYLE | KEYCAP => Part::Same(c),
        c if is_tone(c) => Part::Same(c),
        c if is_tag(c) => Part::Tag,
        c if is_regional(c) => Part::Regional,
        c => Part::Like(c.len_utf8(), c.general_category() as u8, c.script().full_name(), c.nfkd().eq([c])),
    };
    sequence.chars().map(part).collect()
}

/// The sequence, and all forms of it that lack some of its emoji selectors.
fn with_fewer_selectors(sequence: &str) -> Vec<String> {
    let mut forms = vec![String::new()];
    for c in sequence.chars() {
        let before = forms.len();
        if c == EMOJI_STYLE {
            forms.extend_from_within(..);
        }
        for (number, form) in forms.iter_mut().enumerate() {
            if c != EMOJI_STYLE || number < before {
                form.push(c);
            }
        }
    }
    forms
}

fn is_picture(c: char) -> bool {
    !c.is_ascii() && c.is_emoji_char() && c.general_category() != GeneralCategory::Format
}

fn is_regional(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}')
}

fn is_tone(c: char) -> bool {
    matches!(c, '\u{1f3fb}'..='\u{1f3ff}')
}

fn is_tag(c: char) -> bool {
    matches!(c, '\u{e0020}'..='\u{e007f}')
}
