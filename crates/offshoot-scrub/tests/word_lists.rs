//! Names, companies, jobs and places: every rule in every script, and what a rule keeps of a value.

#![allow(clippy::unwrap_used)]

mod tables;

use std::collections::HashSet;

use offshoot_scrub::facts::ColumnFacts;
use tables::{one_column, scrub};
use unicode_script::{Script, UnicodeScript};

const RULES: [&str; 9] =
    ["first-name", "last-name", "full-name", "company", "job", "street", "city", "state", "country"];

/// A value in each script, as long as names of places are.
const VALUES: [&str; 16] = [
    "Annabel Leeward",
    "Анна Каренина",
    "Άννα Παπαδοπούλου",
    "محمد عبد الله",
    "山田エレクトリック",
    "さくら ひまわり",
    "タナカ ハナコ",
    "上海市浦东新区",
    "김민준 서울특별시",
    "אברהם לוי",
    "अमित शर्मा",
    "สมชาย ใจดี",
    "Արմեն Պետրոսյան",
    "გიორგი ბერიძე",
    "தமிழ் செல்வன்",
    "አበበ ቢቂላ",
];

fn scripts(text: &str) -> HashSet<Script> {
    // Kana and the ideographs beside it are one way to write.
    let of = |c: char| match c.script() {
        Script::Katakana => Script::Hiragana,
        script => script,
    };
    text.chars().map(of).filter(|script| !matches!(script, Script::Common | Script::Inherited)).collect()
}

#[test]
fn no_rule_writes_letters_of_another_script() {
    for value in VALUES {
        for rule in RULES {
            let mut allowed = scripts(value);
            if allowed.contains(&Script::Hiragana) {
                allowed.insert(Script::Han);
            }
            // Several draws: words of a list may mix scripts.
            for text in
                [value.to_owned(), format!("{value} 7"), format!("{value}-{value}"), format!("{value}, {value}")]
            {
                let new = scrub(rule, "text", &text);
                assert!(scripts(&new).is_subset(&allowed), "{rule}: {text} became {new}");
                assert_ne!(new, text, "{rule}");
            }
        }
    }
}

/// What a rule draws for many values.
fn draws(rule: &str, values: impl Iterator<Item = String>) -> HashSet<String> {
    values.map(|value| scrub(rule, "text", &value)).collect()
}

fn places(count: u32) -> impl Iterator<Item = String> {
    (0..count).map(|n| {
        format!("Place {}", char::from_u32(u32::from('a') + n % 26).unwrap().to_string().repeat(1 + n as usize / 26))
    })
}

#[test]
fn lists_are_drawn_from_in_the_language_that_the_rule_names() {
    let of = |rule: &str| draws(rule, places(60));
    for (rule, known) in [
        ("last-name", "Abbott Bartell Kuhn Smith Jones Keeling Beier Crona"),
        ("state", "Texas Ohio Maine Utah Iowa Nevada Oregon Idaho Alaska"),
        ("country", "Chad Norway Kenya Peru Fiji Cuba Oman Nepal Qatar Ghana Spain Samoa"),
    ] {
        let drawn = of(rule);
        assert!(drawn.len() > 20, "{rule}: {drawn:?}");
        assert!(drawn.iter().all(|new| new.chars().next().unwrap().is_uppercase()), "{rule}: {drawn:?}");
        let all: HashSet<String> = draws(rule, places(1500));
        assert!(known.split(' ').any(|known| all.contains(known)), "{rule}");
    }
    assert!(of("company").iter().all(|new| new.contains(' ')));
    assert!(of("job").iter().all(|new| new.contains(' ')));
    assert!(of("city").iter().all(|new| !new.contains("Place")));
    let german = draws("{ rule = \"state\", language = \"de\" }", places(200));
    assert!(german.contains("Bayern") && !german.contains("Texas"), "{german:?}");
}

#[test]
fn a_street_has_a_number_where_there_was_one() {
    let number = |text: &str| scrub("street", "text", text).split(' ').next().unwrap().parse::<u32>().is_ok();
    assert!(number("5 Elm Street") && number("Elm Street 5") && !number("Elm Street"));
}

#[test]
fn capitals_and_small_letters_stay_and_equal_names_agree() {
    for rule in RULES {
        let new = scrub(rule, "text", "Annabel Leeward");
        assert_eq!(scrub(rule, "text", "Annabel Leeward"), new, "{rule}");
        assert_eq!(scrub(rule, "text", "ANNABEL LEEWARD"), new.to_uppercase(), "{rule}");
        assert_eq!(scrub(rule, "text", "annabel leeward"), new.to_lowercase(), "{rule}");
        assert_eq!(scrub(rule, "text", ""), "", "{rule}");
    }
}

#[test]
fn codes_of_countries_become_codes_of_countries() {
    let letters = || (b'A'..=b'Z').map(char::from);
    let codes = draws("country", letters().flat_map(|a| letters().map(move |b| format!("{a}{b}"))));
    assert!(codes.len() > 200 && codes.iter().all(|code| code.len() == 2), "{codes:?}");
    assert!(["US", "JP", "BR"].iter().all(|code| codes.contains(*code)) && !codes.contains("XX"));
    let codes = draws("country", letters().flat_map(|a| letters().map(move |b| format!("{a}U{b}"))));
    assert!(codes.len() > 200 && codes.iter().all(|code| code.len() == 3), "{codes:?}");
    assert!(codes.contains("USA") || codes.contains("FRA") || codes.contains("DEU"));
    // Small letters stay small, and no code stays what it was.
    assert_eq!(scrub("country", "text", "de"), scrub("country", "text", "DE").to_lowercase());
    for code in ["US", "DE", "JP", "FRA", "USA"] {
        assert_ne!(scrub("country", "text", code), code);
    }
    let mut column = ColumnFacts::new("c", "bpchar");
    column.max_chars = Some(2);
    let scrubber = one_column("country", column).unwrap();
    let new = scrubber.value("public", "t", "c", b"NO").unwrap().unwrap();
    assert!(scrub("country", "text", "NO").as_bytes() == new && new.len() == 2);
}
