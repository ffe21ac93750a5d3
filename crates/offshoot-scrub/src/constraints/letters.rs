//! Texts as collations see them that tell letters apart and nothing else.
//!
//! Collations differ, and which one it is is not known here. What any of MySQL's and MariaDB's takes for equal is equal here,
//! but for a sharp s, which is one s to some and two to others, and two here; more may be, so that what is counted errs on
//! the safe side.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Letters that are others with a stroke or joined, which no decomposition says.
const LETTERS: [(char, &str); 22] = [
    ('æ', "ae"),
    ('œ', "oe"),
    ('ø', "o"),
    ('ɵ', "o"),
    ('ł', "l"),
    ('ƚ', "l"),
    ('đ', "d"),
    ('ð', "d"),
    ('ħ', "h"),
    ('ŧ', "t"),
    ('ƀ', "b"),
    ('ƈ', "c"),
    ('ȼ', "c"),
    ('ɇ', "e"),
    ('ǥ', "g"),
    ('ɨ', "i"),
    ('ɉ', "j"),
    ('ɍ', "r"),
    ('ʉ', "u"),
    ('ɏ', "y"),
    ('ƶ', "z"),
    ('ⱥ', "a"),
];

/// Small kana, each behind which its large one comes.
const SMALL_KANA: &str = "ぁぃぅぇぉっゃゅょ";

/// The digit zero of scripts whose digits count as those of ASCII.
const ZEROS: [u32; 20] = [
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0E50, 0x0ED0,
    0x0F20, 0x1040, 0x17E0, 0x1810, 0x19D0, 0x1B50,
];

/// Appends a text without what does not count: case, accents, blanks at the end, and what cannot be seen.
pub(super) fn write_folded(text: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    if text.is_ascii() {
        out.extend(text.iter().filter(|byte| !is_ignored(char::from(**byte))).map(u8::to_ascii_lowercase));
    } else {
        let mut folded = String::new();
        for chunk in text.utf8_chunks() {
            let letters = chunk.valid().nfkd().filter(|c| !is_combining_mark(*c) && !is_ignored(*c));
            // Upper case first: a sharp s is two letters in it, as some collations have it.
            letters.flat_map(char::to_uppercase).flat_map(char::to_lowercase).for_each(|c| push(c, &mut folded));
            out.extend_from_slice(folded.as_bytes());
            out.extend_from_slice(chunk.invalid());
            folded.clear();
        }
    }
    let end = out[start..].iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
    out.truncate(start + end);
}

/// Whether collations pass a character by.
fn is_ignored(c: char) -> bool {
    let is_control = c.is_control() && !matches!(c, '\t'..='\r' | '\u{85}');
    is_control
        || matches!(c, '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}')
        || matches!(c, '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}')
}

fn push(c: char, out: &mut String) {
    let code = u32::from(c);
    if let Some((_, letters)) = LETTERS.iter().find(|(letter, _)| *letter == c) {
        return out.push_str(letters);
    }
    if let Some(zero) = ZEROS.iter().find(|zero| (**zero..**zero + 10).contains(&code)) {
        return out.extend(char::from_digit(code - zero, 10));
    }
    out.push(match c {
        // Older collations have one weight for all that is beyond two bytes: emoji are one.
        '\u{10000}'.. => char::REPLACEMENT_CHARACTER,
        'ァ'..='ヶ' => large(char::from_u32(code - 0x60).unwrap_or(c)),
        c => large(c),
    });
}

/// The large kana of a small one.
fn large(c: char) -> char {
    match c {
        'ゎ' => 'わ',
        'ゕ' => 'か',
        'ゖ' => 'け',
        c if SMALL_KANA.contains(c) => char::from_u32(u32::from(c) + 1).unwrap_or(c),
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::write_folded;

    fn folded(text: &str) -> Vec<u8> {
        let mut out = b" ".to_vec();
        write_folded(text.as_bytes(), &mut out);
        out
    }

    #[test]
    fn what_collations_take_for_equal_is_equal() {
        for (a, b) in [
            ("Ada", "ada "),
            ("Jos\u{e9}", "JOSE"),
            ("e\u{301}", "\u{c9}"),
            ("Stra\u{df}e", "STRASSE"),
            ("Wałęsa", "WALESA"),
            ("Ærøskøbing", "aeroskobing"),
            ("Đặng", "dang"),
            ("\u{1f44d}", "\u{1f44e}"),
            ("a\u{1f44d}", "A\u{20000}"),
            ("a\u{200d}b", "ab"),
            ("a\u{0}\u{7f}b", "AB"),
            ("a\u{ad}b \u{feff}", "ab"),
            ("カッパ", "かつは"),
            ("٤٢", "42"),
            ("１２", "12"),
            ("\u{200b}", ""),
        ] {
            assert_eq!(folded(a), folded(b), "{a:?} {b:?}");
        }
    }

    #[test]
    fn what_no_collation_takes_for_equal_is_not() {
        for (a, b) in
            [("a b", "ab"), ("a", "b"), (" a", "a"), ("a\u{1f44d}", "a"), ("a\tb", "ab"), ("か", "き"), ("٤", "5")]
        {
            assert_ne!(folded(a), folded(b), "{a:?} {b:?}");
        }
    }
}
