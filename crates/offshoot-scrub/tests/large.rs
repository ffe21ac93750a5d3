//! Values too large for a batch: rewritten as they stream by.

#![allow(clippy::unwrap_used)]

mod tables;

use offshoot_scrub::facts::ColumnFacts;
use offshoot_scrub::scrubber::{Large, PIECE_BYTES_MAX, WHOLE_BYTES_MAX};
use offshoot_scrub::{ScrubError, Scrubber};
use tables::one_column;

/// Feeds a value in portions; none if it becomes NULL.
fn stream(scrubber: &Scrubber, value: &[u8], portion: usize) -> Result<Option<Vec<u8>>, ScrubError> {
    let Large::Rewrite(mut rewriter) = scrubber.large("public", "t", "c")? else { panic!("not rewritten") };
    let mut out = Vec::new();
    let mut take = |bytes: &[u8]| {
        assert!(bytes.len() <= WHOLE_BYTES_MAX);
        out.extend_from_slice(bytes);
    };
    for portion in value.chunks(portion) {
        rewriter.feed(portion, &mut take)?;
    }
    Ok(rewriter.finish(&mut take)?.then_some(out))
}

const REDACT: &str = "{ rule = \"redact\", sign = \"#\" }";

fn column(rule: &str, kind: &str) -> Scrubber {
    one_column(rule, ColumnFacts::new("c", kind)).unwrap()
}

#[test]
fn pieces_do_not_depend_on_how_a_value_is_fed() {
    let texts = [
        "free text of words ".repeat(30_000),
        "x".repeat(300_000),
        "漢字かな".repeat(20_000),
        "👨‍👩‍👧‍👦é".repeat(9_000),
        "line\r\n".repeat(40_000),
    ];
    for text in &texts {
        for rule in ["shape", "{ rule = \"shape\", unique = true }", "words", REDACT, "token"] {
            let scrubber = column(rule, "text");
            let whole = stream(&scrubber, text.as_bytes(), usize::MAX).unwrap().unwrap();
            assert_eq!(whole, stream(&scrubber, text.as_bytes(), 1000).unwrap().unwrap(), "{rule}");
            assert_eq!(whole, stream(&scrubber, text.as_bytes(), PIECE_BYTES_MAX).unwrap().unwrap(), "{rule}");
            let whole = String::from_utf8(whole).unwrap();
            if rule != REDACT {
                assert_eq!(whole.chars().count(), text.chars().count(), "{rule}");
            }
            assert_ne!(whole.chars().take(400).collect::<String>(), text.chars().take(400).collect::<String>());
        }
    }
}

#[test]
fn free_text_becomes_what_it_would_be_as_a_whole() {
    let text = "free text of Words, 17 of them ".repeat(10_000);
    let scrubber = column("words", "text");
    let whole = scrubber.value("public", "t", "c", text.as_bytes()).unwrap();
    assert_eq!(stream(&scrubber, text.as_bytes(), 5000).unwrap(), whole);
}

#[test]
fn bytes_are_rewritten_in_pieces() {
    let bytes: Vec<u8> = (0..500_000_u32).map(|n| (n * 7) as u8).collect();
    let scrubber = column("shape", "bytea");
    let new = stream(&scrubber, &bytes, 777).unwrap().unwrap();
    assert_eq!(new, stream(&scrubber, &bytes, usize::MAX).unwrap().unwrap());
    assert_eq!(new.len(), bytes.len());
    assert!(new.iter().zip(&bytes).filter(|(new, old)| new == old).count() < 5000);
}

#[test]
fn memory_stays_bounded_however_large_the_value() {
    let scrubber = column("shape", "text");
    let Large::Rewrite(mut rewriter) = scrubber.large("public", "t", "c").unwrap() else { panic!() };
    let (mut passed, portion) = (0, "some words ".repeat(90_000));
    for _ in 0..30 {
        rewriter
            .feed(portion.as_bytes(), &mut |bytes| {
                assert!(bytes.len() <= PIECE_BYTES_MAX);
                passed += bytes.len();
            })
            .unwrap();
    }
    // What is held shows in the number that Debug gives.
    assert!(format!("{rewriter:?}").contains(&format!("{} bytes held", 30 * portion.len() - passed)));
    assert!(30 * portion.len() - passed <= PIECE_BYTES_MAX);
}

#[test]
fn rules_that_do_not_look_answer_without_reading() {
    let scrubber = column("{ rule = \"constant\", value = \"gone\" }", "text");
    assert_eq!(stream(&scrubber, &vec![b'x'; 40 << 20], 1 << 20).unwrap().unwrap(), b"gone");
    assert_eq!(stream(&column("empty", "bytea"), &vec![0; 40 << 20], 1 << 20).unwrap().unwrap(), b"");
    let picture = [&b"\x89PNG\r\n\x1a\n"[..], &vec![0; 40 << 20]].concat();
    assert!(stream(&column("image", "bytea"), &picture, 1 << 20).unwrap().unwrap().len() < 100);
    assert!(matches!(column("keep", "text").large("public", "t", "c").unwrap(), Large::Keep));
    assert!(matches!(column("null", "jsonb").large("public", "t", "c").unwrap(), Large::Null));
    assert!(column("keep", "text").large("public", "t", "d").is_err());
}

#[test]
fn documents_are_held_up_to_a_limit_and_refused_beyond() {
    let document = format!("{{\"a\": \"{}\"}}", "Ann Lee ".repeat(50_000));
    let scrubber = column("json", "json");
    let new = stream(&scrubber, document.as_bytes(), 4096).unwrap().unwrap();
    assert_eq!(Some(new), scrubber.value("public", "t", "c", document.as_bytes()).unwrap());
    let error = stream(&scrubber, &vec![b' '; WHOLE_BYTES_MAX + 1], 1 << 20).unwrap_err().to_string();
    assert!(error.contains("public.t.c") && error.contains("16 MiB") && error.contains("`words`"), "{error}");
    let text = stream(&column("xml", "xml"), b"no markup <", 3).unwrap().unwrap();
    assert!(text.ends_with(b" &lt;") && !text.starts_with(b"no markup"));
}
