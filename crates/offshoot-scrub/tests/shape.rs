//! What the shape transform keeps, over generated strings and over real ones.
//!
//! The corpora are in the folder that `OFFSHOOT_REAL_DATA` names; without it those tests say that they skip.

#![allow(clippy::unwrap_used)]

use std::collections::{HashMap, HashSet};
use std::io::Write as _;

use offshoot_format::table::RowForm;
use offshoot_scrub::Key;
use offshoot_scrub::prf::Prf;
use offshoot_scrub::receipt::ColumnShape;
use offshoot_scrub::shape::{Change, Shape, Work, tables_digest};
use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;
use unicode_properties::UnicodeGeneralCategory;
use unicode_script::UnicodeScript;
use unicode_segmentation::UnicodeSegmentation;

fn prf(seed: u8) -> Prf {
    let mut bytes = [1; 32];
    bytes[0] = seed.wrapping_add(2);
    Prf::new(&Key::from_bytes(bytes).unwrap(), "shape")
}

fn shapes(seed: u8) -> [Shape; 2] {
    [Shape::free(prf(seed)), Shape::injective(prf(seed))]
}

fn apply(shape: &Shape, value: &[u8]) -> (Vec<u8>, Change) {
    let mut out = Vec::new();
    let change = shape.apply(&mut Work::default(), value, &mut out);
    (out, change)
}

/// Everything that a scrubbed text has in common with the text.
#[derive(Debug, PartialEq)]
struct Outline {
    graphemes: Vec<usize>,
    points: Vec<(usize, &'static str, String)>,
    structure: String,
    forms: [bool; 4],
}

fn outline(text: &str) -> Outline {
    let keeps = |c: &char| {
        use unicode_properties::{GeneralCategory, GeneralCategoryGroup as Group};
        !matches!(c.general_category_group(), Group::Letter | Group::Number | Group::Symbol)
            && c.general_category() != GeneralCategory::PrivateUse
            && !unicode_properties::UnicodeEmoji::is_emoji_char(*c)
            && !matches!(c, '\u{e0020}'..='\u{e007f}')
    };
    Outline {
        graphemes: text.graphemes(true).map(str::len).collect(),
        points: text
            .chars()
            .map(|c| (c.len_utf8(), c.script().full_name(), format!("{:?}", c.general_category())))
            .collect(),
        structure: text.chars().filter(keeps).collect(),
        forms: [
            text.nfc().eq(text.chars()),
            text.nfd().eq(text.chars()),
            text.nfkc().eq(text.chars()),
            text.nfkd().eq(text.chars()),
        ],
    }
}

/// Whether no other value has the shape of this one, as a receipt counts them.
fn is_the_only_one(value: &[u8]) -> bool {
    let mut shape = ColumnShape::new("text", RowForm::Binary);
    shape.observe(value);
    value.is_empty() || shape.summary().only_ones == 1
}

fn check(value: &[u8]) {
    for shape in shapes(0) {
        let (scrubbed, change) = apply(&shape, value);
        assert_eq!(scrubbed != value, change == Change::Changed, "{value:x?}");
        assert!(change == Change::Changed || is_the_only_one(value), "{value:x?} has others of its shape, and stayed");
        assert_eq!(scrubbed.len(), value.len());
        match std::str::from_utf8(value) {
            Ok(text) => {
                let scrubbed = std::str::from_utf8(&scrubbed).unwrap();
                assert_eq!(outline(scrubbed), outline(text), "{text:?} {scrubbed:?}");
                let (lower, _) = apply(&shape, text.to_ascii_lowercase().as_bytes());
                assert_eq!(lower, scrubbed.to_ascii_lowercase().as_bytes(), "{text:?}");
            }
            Err(_) => {
                let kinds = |bytes: &[u8]| -> Vec<(String, usize)> {
                    bytes
                        .utf8_chunks()
                        .map(|chunk| (format!("{:?}", outline(chunk.valid())), chunk.invalid().len()))
                        .collect()
                };
                assert_eq!(kinds(&scrubbed), kinds(value), "{value:x?} {scrubbed:x?}");
            }
        }
    }
}

fn cases() -> ProptestConfig {
    let cases = if std::env::var_os("OFFSHOOT_LONG").is_some() { 1_000_000 } else { 10_000 };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Texts that mix what is hard: scripts, marks, emoji and their parts, controls.
fn hard_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Z0-9 .,@-]{1,6}",
        1 => any::<char>().prop_map(String::from),
        1 => prop::char::range('\u{c0}', '\u{24f}').prop_map(String::from),
        1 => prop::char::range('\u{370}', '\u{52f}').prop_map(String::from),
        1 => prop::char::range('\u{590}', '\u{e7f}').prop_map(String::from),
        1 => prop::char::range('\u{1100}', '\u{11ff}').prop_map(String::from),
        1 => prop::char::range('\u{1e00}', '\u{1fff}').prop_map(String::from),
        1 => prop::char::range('\u{3040}', '\u{30ff}').prop_map(String::from),
        1 => prop::char::range('\u{4e00}', '\u{9fff}').prop_map(String::from),
        1 => prop::char::range('\u{ac00}', '\u{d7a3}').prop_map(String::from),
        1 => prop::char::range('\u{1f300}', '\u{1faff}').prop_map(String::from),
        1 => prop::char::range('\u{1f1e6}', '\u{1f1ff}').prop_map(String::from),
        2 => prop::char::range('\u{300}', '\u{36f}').prop_map(String::from),
        2 => prop::sample::select(vec![
            "\u{200d}", "\u{fe0f}", "\u{fe0e}", "\u{20e3}", "\u{1f3fd}", "\u{94d}", "\u{93c}", "\u{3099}", "\u{1161}", "\u{11a8}",
            "\u{200b}", "\u{202e}", "\u{a0}", "\u{640}", "\u{2642}", "\u{e0067}", "\u{e007f}", "\u{1f468}\u{200d}", "\u{2764}\u{fe0f}",
        ]).prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn the_shape_of_a_text_stays(text in hard_text()) {
        check(text.as_bytes());
    }

    #[test]
    fn the_shape_of_any_bytes_stays(bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0x80..=0xffu8], 0..12)) {
        check(&bytes);
    }

    #[test]
    fn values_together_become_what_they_become_alone(texts in prop::collection::vec(hard_text(), 1..20)) {
        let values: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
        for shape in shapes(0) {
            let (mut out, mut ends) = (Vec::new(), Vec::new());
            shape.apply_many(&mut Work::default(), &values, &mut out, &mut ends);
            let alone: Vec<Vec<u8>> = values.iter().map(|value| apply(&shape, value).0).collect();
            prop_assert_eq!(out, alone.concat());
            prop_assert_eq!(ends.len(), values.len());
        }
    }

    #[test]
    fn equal_keys_agree_and_others_do_not(text in "[a-z]{12}") {
        for (shape, same, other) in [0, 1].map(|mode| (shapes(1)[mode].clone(), shapes(1)[mode].clone(), shapes(2)[mode].clone())) {
            prop_assert_eq!(apply(&shape, text.as_bytes()), apply(&same, text.as_bytes()));
            prop_assert_ne!(apply(&shape, text.as_bytes()), apply(&other, text.as_bytes()));
        }
    }

    #[test]
    fn structure_does_not_change_what_letters_become(text in "[a-z0-9]{1,24}", at in 0usize..24) {
        let at = at.min(text.len());
        let dashed = format!("{}-{}  ", &text[..at], &text[at..]);
        for shape in shapes(3) {
            let plain = apply(&shape, text.as_bytes()).0;
            let kept: Vec<u8> = apply(&shape, dashed.as_bytes()).0.into_iter().filter(u8::is_ascii_alphanumeric).collect();
            prop_assert_eq!(plain, kept);
        }
    }
}

#[test]
fn whole_domains_are_permuted_without_fixed_points() {
    for letters in ["ab1", "1234", "ab", "7", "é", "ж1", "1a1", "ёж"] {
        let shape = &shapes(4)[1];
        let mut work = Work::default();
        let mut seen = HashSet::new();
        let mut value = letters.as_bytes().to_vec();
        // A single cycle: going on from one value visits every value of the shape once.
        loop {
            let mut next = Vec::new();
            assert_eq!(shape.apply(&mut work, &value, &mut next), Change::Changed);
            assert_ne!(next, value);
            assert!(seen.insert(next.clone()));
            value = next;
            if value == letters.as_bytes() {
                break;
            }
        }
        let expected = [("ab1", 6760), ("1234", 10_000), ("ab", 676), ("7", 10), ("1a1", 2600), ("é", 26)];
        if let Some((_, expected)) = expected.iter().find(|(name, _)| *name == letters) {
            assert_eq!(seen.len(), *expected, "{letters}");
        }
        assert!(seen.len() > 1, "{letters}");
    }
}

#[test]
fn no_collisions_among_many_distinct_values() {
    let count: u32 = if std::env::var_os("OFFSHOOT_LONG").is_some() { 10_000_000 } else { 300_000 };
    let shape = &shapes(5)[1];
    let mut work = Work::default();
    for make in [
        |n: u32| format!("{n:08}"),
        |n: u32| format!("user{n}@mail.example"),
        |n: u32| format!("Ж{n:x}é漢{}", char::from_u32(0x4e00 + n % 5000).unwrap()),
        |n: u32| format!("a rather long value that needs many limbs {n}"),
    ] {
        let mut seen = HashSet::with_capacity(count as usize);
        let mut out = Vec::new();
        for n in 0..count {
            out.clear();
            shape.apply(&mut work, make(n).as_bytes(), &mut out);
            assert!(seen.insert(blake3::hash(&out).as_bytes()[..12].to_vec()), "value {n}");
        }
    }
}

#[test]
fn columns_that_compare_without_case_stay_distinct() {
    // The Kelvin sign is k to lower(): what is equal there must become equal, not meet another value.
    let shape = shapes(6)[1].clone().folding_case();
    // As databases do it: character by character.
    let simple = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<String>();
    let lower = |text: &str| simple(std::str::from_utf8(&apply(&shape, text.as_bytes()).0).unwrap());
    assert_eq!(lower("\u{212a}ilo"), lower("kilo"));
    assert_eq!(lower("STRASSE"), lower("strasse"));
    assert_eq!(lower("\u{c9}MILE"), lower("\u{e9}mile"));
    let mut seen = HashMap::new();
    for first in
        ["k", "K", "\u{212a}", "q", "Q", "\u{e9}", "\u{c9}", "\u{130}", "i", "\u{131}", "I", "ss", "\u{df}", "\u{1e9e}"]
    {
        for second in ["a", "A", "\u{3c3}", "\u{3c2}", "\u{3a3}", ""] {
            let text = format!("{first}{second}");
            let before = seen.insert(lower(&text), simple(&text));
            assert!(before.is_none_or(|before| before == simple(&text)), "{text}");
        }
    }
}

#[test]
fn the_tables_are_those_that_pseudonyms_were_made_with() {
    let digest: String = tables_digest().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    // If this fails after an update of a Unicode crate, all pseudonyms of other scripts change: say so in CHANGELOG.md.
    assert_eq!(digest, "d847e77943ab287f");
}

fn corpus(name: &str) -> Option<String> {
    let Some(dir) = std::env::var_os("OFFSHOOT_REAL_DATA") else {
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        // Past what a test prints, which nobody sees of one that passes.
        let _ = writeln!(std::io::stderr(), "SKIPPED {test}: OFFSHOOT_REAL_DATA is not set");
        return None;
    };
    // Where it is set, what is missing is a failure.
    let path = std::path::Path::new(&dir).join("strings").join(name);
    Some(std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

fn points(hex: &str) -> String {
    hex.split_whitespace().filter_map(|point| char::from_u32(u32::from_str_radix(point, 16).ok()?)).collect()
}

#[test]
fn every_emoji_becomes_one_of_its_kind() {
    let Some(text) = corpus("emoji-test.txt") else { return };
    let status: HashMap<String, String> = text
        .lines()
        .filter_map(|line| line.split('#').next()?.split_once(';'))
        .map(|(hex, status)| (points(hex), status.trim().to_owned()))
        .collect();
    assert!(status.len() > 4000);
    let mut only_ones = 0;
    let mut unlisted = 0;
    let mut seen = HashSet::new();
    for emoji in status.keys() {
        check(emoji.as_bytes());
        let (scrubbed, change) = apply(&shapes(0)[1], emoji.as_bytes());
        only_ones += usize::from(change == Change::OnlyOne);
        let scrubbed = String::from_utf8(scrubbed).unwrap();
        // A later Unicode may know sequences that this list does not.
        unlisted += usize::from(!status.contains_key(&scrubbed));
        assert!(seen.insert(scrubbed));
    }
    println!("{} emoji, {only_ones} the only ones of their make, {unlisted} become newer ones", status.len());
    assert!(only_ones < 60 && unlisted < 400);
}

#[test]
fn grapheme_break_test_strings_keep_their_shape() {
    let Some(text) = corpus("GraphemeBreakTest.txt") else { return };
    let cases: Vec<String> =
        text.lines().filter_map(|line| line.split('#').next()).map(points).filter(|text| !text.is_empty()).collect();
    assert!(cases.len() > 500);
    cases.iter().for_each(|text| check(text.as_bytes()));
}

#[test]
fn naughty_strings_keep_their_shape() {
    let Some(text) = corpus("blns.json") else { return };
    let cases: Vec<String> = serde_json::from_str(&text).unwrap();
    assert!(cases.len() > 400);
    cases.iter().for_each(|text| check(text.as_bytes()));
}

/// Names of people in the scripts that most people write in.
const NAMES: [&str; 28] = [
    "Zoë Müller-Łukasiewicz",
    "Nguyễn Thị Minh Khai",
    "Şükrü Öztürk",
    "Đorđe Šimić",
    "Sæunn Þórðardóttir",
    "Ọlúwaṣeun Adébáyọ̀",
    "Анна Ильинична",
    "Ђорђе Петровић",
    "Οδυσσέας Ελύτης",
    "Արամ Խաչատրյան",
    "გალაკტიონ ტაბიძე",
    "נעמי שמר",
    "فاطمة الزهراء",
    "محمّد بن سلمان",
    "مریم میرزاخانی",
    "अमृता प्रीतम",
    "রবীন্দ্রনাথ ঠাকুর",
    "ਅੰਮ੍ਰਿਤਾ ਪ੍ਰੀਤਮ",
    "மாலதி மைத்ரி",
    "త్యాగరాజు",
    "ശ്രീനാരായണ ഗുരു",
    "สุนทรภู่",
    "အောင်ဆန်း",
    "ព្រះបាទ នរោត្តម",
    "አበበ ቢቂላ",
    "山田 太郎",
    "やまだ タロウ",
    "김 연아",
];

#[test]
fn names_of_many_scripts_keep_their_shape_and_become_others() {
    for name in NAMES {
        check(name.as_bytes());
        for shape in shapes(0) {
            assert_eq!(apply(&shape, name.as_bytes()).1, Change::Changed, "{name}");
        }
    }
}
