//! Receipts: signed byte for byte, and shown without a value, without a network, without a script.

#![allow(clippy::unwrap_used)]

mod tables;

use std::io::Write as _;
use std::process::Command;

use offshoot_format::table::RowForm;
use offshoot_scrub::Key;
use offshoot_scrub::receipt::{
    Assurance, ColumnReceipt, ColumnShape, How, Receipt, ReceiptError, SignedReceipt, TableReceipt, Thresholds,
    VERSION, hex, public_key, render,
};
use offshoot_scrub::survivors::{Inputs, MemoryRuns, Output, Place, Source, Survivors};

fn key(first: u8) -> Key {
    Key::from_bytes(std::array::from_fn(|at| at as u8 ^ first)).unwrap()
}

fn shape(values: &[&str], nulls: u64) -> Option<offshoot_scrub::receipt::ShapeSummary> {
    let mut shape = ColumnShape::new("text", RowForm::Binary);
    values.iter().for_each(|value| shape.observe(value.as_bytes()));
    (0..nulls).for_each(|_| shape.observe_null());
    Some(shape.summary())
}

/// A proof over one kept and one rewritten column.
fn survivors() -> Survivors {
    let place = |column| Place::column("public", "users", column);
    let sources = vec![Source::new(place("email"), "email", "email", "text", RowForm::Binary)];
    let inputs =
        Inputs::new(*b"a random key for one proof alone", sources, Box::new(MemoryRuns::default()), 1 << 20).unwrap();
    let mut collector = inputs.collector().unwrap();
    collector.observe(0, b"anna.schmidt@mail.example").unwrap();
    collector.finish().unwrap();
    let outputs = vec![
        Output::new(place("email"), "email", "email", true, "text", RowForm::Binary),
        Output::new(place("city"), "city", "city", false, "text", RowForm::Binary),
        Output::object("comment on table public.users"),
    ];
    let search = inputs.finish().unwrap().search(outputs);
    let mut searcher = search.searcher().unwrap();
    searcher.cell(0, b"kqfa.pzdmkwt@bxlw.qneylfa.test").unwrap();
    searcher.cell(1, "Abbottville".as_bytes()).unwrap();
    searcher.cell(2, b"people").unwrap();
    searcher.finish().unwrap();
    search.finish().unwrap()
}

fn column(name: &str, rule: &str, before: &[&str], after: &[&str], nulls: u64) -> ColumnReceipt {
    let changed = before.iter().zip(after).filter(|(one, other)| one != other).count() as u64;
    ColumnReceipt {
        name: name.to_owned(),
        type_name: "text".to_owned(),
        rule: rule.to_owned(),
        domain: rule.to_owned(),
        values: before.len() as u64,
        changed,
        nulls,
        is_reachable: matches!(rule, "phone" | "ip" | "host" | "url"),
        before: if rule == "keep" { None } else { shape(before, nulls) },
        after: if rule == "keep" { None } else { shape(after, nulls) },
    }
}

fn receipt() -> Receipt {
    let mails: Vec<String> =
        (0..400).map(|n| format!("{}{}@mail{}.example", "anna".repeat(1 + n % 7), n, n % 50)).collect();
    let others: Vec<String> =
        (0..400).map(|n| format!("{}{}@wxyz{}.qrstuvw.test", "kqfe".repeat(1 + n % 7), n, n % 50)).collect();
    let borrowed = |all: &[String]| all.iter().map(|one| one.as_str().to_owned()).collect::<Vec<_>>();
    let (mails, others) = (borrowed(&mails), borrowed(&others));
    let refs = |all: &[String]| -> Vec<&'static str> { all.iter().map(|one| &*one.clone().leak()).collect() };
    let names = ["Zoë Krüger", "李伟", "Иван Петров", "김철수", "x", "", "👨‍👩‍👧 family"];
    let new_names = ["Qwx Mltzrs", "王芳", "Олег Сидоров", "박민준", "k", "", "👩‍👩‍👦 gmvkdr"];
    Receipt {
        version: VERSION,
        program: "offshoot 0.1.0".to_owned(),
        content_root: hex(&[0xab; 32]),
        policy_digest: hex(&[0xcd; 32]),
        key_fingerprint: key(0).fingerprint().to_string(),
        letters_digest: hex(&offshoot_scrub::shape::tables_digest()),
        tables: vec![
            TableReceipt {
                schema: "public".to_owned(),
                name: "users".to_owned(),
                rows: 400,
                columns: vec![
                    column("id", "keep", &["1", "2"], &["1", "2"], 0),
                    column("email", "email", &refs(&mails), &refs(&others), 31),
                    column("name", "full-name", &names, &new_names, 1200),
                ],
                unique: vec![
                    Assurance { what: "users_pkey (id)".to_owned(), how: How::Kept },
                    Assurance { what: "users_email_key (email)".to_owned(), how: How::Construction },
                ],
                joins: Vec::new(),
            },
            TableReceipt {
                schema: "public".to_owned(),
                name: "a <script>alert(1)</script> & \"name\" \u{202e}\u{7}".to_owned(),
                rows: 12_345_678,
                columns: vec![column(
                    "a_column_with_a_name_that_is_longer_than_a_phone_is_wide",
                    "keep",
                    &["1"],
                    &["1"],
                    0,
                )],
                unique: Vec::new(),
                joins: vec![Assurance {
                    what: "users (id)".to_owned(),
                    how: How::Counted { rows: 12_345_678, breaches: 0 },
                }],
            },
        ],
        survivors: survivors(),
        thresholds: Thresholds::current(),
    }
}

#[test]
fn a_receipt_is_signed_and_read_back() {
    let signed = receipt().sign(&key(0)).unwrap();
    let read = SignedReceipt::parse(signed.as_bytes()).unwrap();
    assert_eq!(read, signed);
    read.check(&key(0)).unwrap();
    read.check_public(&public_key(&key(0))).unwrap();
    assert!(matches!(read.check(&key(1)), Err(ReceiptError::OtherKey { .. })));
    assert!(matches!(read.check_public(&public_key(&key(1))), Err(ReceiptError::OtherKey { .. })));
    // Equal receipts are equal bytes.
    assert_eq!(receipt().sign(&key(0)).unwrap().as_bytes(), signed.as_bytes());
}

#[test]
fn any_byte_that_is_changed_is_found() {
    let signed = receipt().sign(&key(0)).unwrap();
    let bytes = signed.as_bytes().to_vec();
    let mut flips = 0_u64;
    for at in 0..bytes.len() {
        // All bits of the frame at the end, a bit of each byte of the receipt itself.
        let bits = if at + 300 > bytes.len() || at < 16 { 0..8 } else { at as u32 % 8..at as u32 % 8 + 1 };
        for bit in bits {
            let mut other = bytes.clone();
            other[at] ^= 1 << bit;
            assert!(SignedReceipt::parse(&other).is_err(), "byte {at}, bit {bit}");
            flips += 1;
        }
    }
    for cut in [0, 1, 100, bytes.len() - 1] {
        assert!(SignedReceipt::parse(&bytes[..cut]).is_err());
    }
    assert!(SignedReceipt::parse(&[&bytes[..], b"\n"].concat()).is_err());
    println!("{flips} flips in {} bytes, all found", bytes.len());
}

#[test]
fn a_receipt_signed_by_somebody_else_is_not_ours() {
    let mut forged = receipt();
    forged.tables.clear();
    let forged = forged.sign(&key(9)).unwrap();
    assert!(matches!(
        SignedReceipt::parse(forged.as_bytes()).unwrap().check(&key(0)),
        Err(ReceiptError::OtherKey { .. })
    ));
}

#[test]
fn a_newer_version_is_named() {
    let mut newer = receipt();
    newer.version = VERSION + 1;
    let signed = newer.sign(&key(0)).unwrap();
    assert!(matches!(SignedReceipt::parse(signed.as_bytes()), Err(ReceiptError::Version(2))));
}

#[test]
fn the_page_is_well_formed_and_asks_nobody_for_anything() {
    let page = render::html(&receipt());
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let document = roxmltree::Document::parse_with_options(&page, options).unwrap();
    let known_space = |node: roxmltree::Node<'_, '_>| {
        matches!(node.tag_name().namespace(), Some("http://www.w3.org/1999/xhtml" | "http://www.w3.org/2000/svg"))
    };
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        assert!(known_space(node));
        assert!(!["script", "link", "img", "iframe", "object", "image", "use", "a"].contains(&node.tag_name().name()));
        assert!(node.attributes().all(|attribute| !attribute.name().starts_with("on")
            && !attribute.name().contains("href")
            && attribute.name() != "src"));
    }
    let svgs = document.descendants().filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "svg"))).count();
    assert_eq!(svgs, 8);
    assert!(!page.contains("url(") && !page.contains("@import"));
    let text: String = document.descendants().filter_map(|node| node.text()).collect();
    assert!(text.contains("a <script>alert(1)</script> & \"name\"") && text.contains("Nothing survived."));
    assert!(text.contains("Cyrillic") && text.contains("mail address"));
}

#[test]
fn pages_of_what_did_not_go_well_say_so() {
    let mut bad = receipt();
    bad.tables[1].joins[0].how = How::Counted { rows: 10, breaches: 3 };
    let page = render::html(&bad);
    assert!(
        page.contains("1 constraints are broken")
            && page.contains("broken by 3 of 10 rows")
            && !page.contains("Nothing survived")
    );
}

#[test]
fn numbers_that_somebody_may_have_are_named() {
    let mut receipt = receipt();
    let [text, page] = [render::text(&receipt), render::html(&receipt)];
    assert!(!text.contains("reachable") && !page.contains("reachable"));
    assert!(!String::from_utf8_lossy(receipt.clone().sign(&key(0)).unwrap().as_bytes()).contains("reachable"));
    for rule in ["phone", "ip", "host", "url"] {
        receipt.tables[0].columns[1] = column("contact", rule, &["+1 415 867 5309"], &["+1 205 333 0912"], 0);
        for shown in [render::text(&receipt), render::html(&receipt)] {
            assert!(shown.contains("reachable") && shown.contains("that somebody has"), "{rule}: {shown}");
        }
        let read = SignedReceipt::parse(receipt.clone().sign(&key(0)).unwrap().as_bytes()).unwrap();
        assert!(read.receipt().tables[0].columns[1].is_reachable);
    }
}

#[test]
fn rules_say_what_somebody_may_have() {
    let is_reachable = |rule: &str, is_unique: bool| {
        let mut facts = tables::table("t", &[("c", "text"), ("d", "text")]);
        if is_unique {
            facts.unique.push((vec![0], offshoot_scrub::facts::Equality::Bytes));
        }
        let rule = if rule.starts_with('{') { rule.to_owned() } else { format!("\"{rule}\"") };
        let scrubber = tables::scrubber(&format!("c = {rule}\nd = \"keep\""), &[facts]).unwrap();
        scrubber.columns("public", "t").unwrap()[0].may_be_reachable
    };
    for rule in ["ip", "host", "url"] {
        assert!(is_reachable(rule, true) && !is_reachable(rule, false), "{rule}");
    }
    // Numbers without a country's code are no numbers for fiction, unless the policy says which country has them.
    for (rule, is_so) in [
        ("phone", true),
        ("{ rule = \"phone\", country = \"44\" }", false),
        ("{ rule = \"phone\", country = \"47\" }", true),
        ("{ rule = \"phone\", when = \"d = 'x'\", otherwise = \"null\" }", true),
        ("{ rule = \"shape\", when = \"d = 'x'\", otherwise = \"phone\" }", true),
        ("{ rule = \"json\", paths = { \"$.phone\" = \"phone\" } }", true),
        ("{ rule = \"regex\", pattern = \"[0-9]+\", matches = \"phone\" }", true),
        ("json", false),
        ("email", false),
    ] {
        assert_eq!(is_reachable(rule, false), is_so, "{rule}");
    }
    assert!(is_reachable("{ rule = \"phone\", country = \"44\" }", true));
}

#[test]
fn the_text_fits_a_terminal_and_cannot_steer_it() {
    let text = render::text(&receipt());
    assert!(text.contains("users_email_key (email): by construction") && text.contains("survivors 0"));
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
    assert!(!text.contains("anna") && !text.contains("Krüger"));
}

/// Draws the page in headless Chromium, wide and as narrow as a phone, and as it is printed.
#[test]
fn the_page_is_drawn_by_a_browser() {
    let browser = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success()));
    let Some(browser) = browser else {
        assert!(
            std::env::var_os("OFFSHOOT_REAL_DATA").is_none(),
            "there is no Chromium on this machine, and CI has one: `cargo xtask setup` installs it"
        );
        // Past what a test prints, which nobody sees of one that passes.
        let _ =
            writeln!(std::io::stderr(), "SKIPPED the_page_is_drawn_by_a_browser: there is no Chromium on this machine");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("receipt.html");
    std::fs::write(&page, render::html(&receipt())).unwrap();
    let kept = std::env::var_os("OFFSHOOT_KEEP_SCREENSHOTS");
    for (name, arguments) in [
        ("wide.png", vec!["--window-size=1280,2200"]),
        ("phone.png", vec!["--window-size=500,2600"]),
        ("dark.png", vec!["--window-size=1280,2200", "--blink-settings=preferredColorScheme=0"]),
        ("print.pdf", vec![]),
    ] {
        let file = folder.path().join(name);
        let what = if name.ends_with("pdf") { "--print-to-pdf" } else { "--screenshot" };
        let profile = tempfile::tempdir().unwrap();
        let output = Command::new(browser)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
            ])
            .args(["--disable-sync", "--no-first-run", "--hide-scrollbars", "--no-pdf-header-footer"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(format!("{what}={}", file.display()))
            .args(arguments)
            .arg(format!("file://{}", page.display()))
            .output()
            .unwrap();
        let bytes = std::fs::read(&file).unwrap_or_default();
        assert!(bytes.len() > 10_000, "{name}: {} bytes; {}", bytes.len(), String::from_utf8_lossy(&output.stderr));
        if let Some(folder) = &kept {
            std::fs::write(std::path::Path::new(folder).join(name), &bytes).unwrap();
        }
    }
}
