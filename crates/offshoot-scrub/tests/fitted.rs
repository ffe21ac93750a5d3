//! Values within the limits of their columns: what a rule makes too long becomes shorter, and stays what the rule promises.

#![allow(clippy::unwrap_used)]

mod tables;

use offshoot_scrub::facts::{ColumnFacts, Equality, ForeignKey};
use offshoot_scrub::{ScrubError, Scrubber};
use proptest::prelude::*;
use std::collections::HashSet;
use tables::{cases, one_column, rewrite, scrubber, table};

fn limited(type_name: &str, chars: u32) -> ColumnFacts {
    let mut column = ColumnFacts::new("c", type_name);
    column.max_chars = Some(chars);
    column
}

fn unique(rule: &str, column: ColumnFacts) -> Result<Scrubber, ScrubError> {
    let mut table = table("t", &[]);
    table.columns.push(column);
    table.unique.push((vec![0], Equality::Bytes));
    scrubber(&format!("c = {rule}"), &[table])
}

fn value(scrubber: &Scrubber, text: &str) -> String {
    String::from_utf8(scrubber.value("public", "t", "c", text.as_bytes()).unwrap().unwrap()).unwrap()
}

fn refusal(made: Result<Scrubber, ScrubError>) -> String {
    match made {
        Err(error) => error.to_string(),
        Ok(_) => panic!("it is not refused"),
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn an_address_fits_and_reaches_nobody(mailbox in "[a-zé.+]{1,40}", domain in "[a-z.ü]{1,40}", spare in 0_u32..20) {
        let text: String = format!("{mailbox}@{domain}");
        let limit = (text.chars().count() as u32 + spare).max(36);
        let new = value(&unique("\"email\"", limited("varchar", limit)).unwrap(), &text);
        prop_assert!(new.chars().count() <= limit as usize);
        prop_assert!(new.ends_with(".test") && new.matches('@').count() == 1 && new != text);
        // Where there is room, the limit changes nothing.
        let free = value(&unique("\"email\"", ColumnFacts::new("c", "varchar")).unwrap(), &text);
        if free.chars().count() <= limit as usize {
            prop_assert_eq!(&new, &free);
        } else {
            prop_assert_eq!(new.chars().count(), text.chars().count().max(36));
        }
    }

    #[test]
    fn hosts_and_urls_fit_and_lead_nowhere(host in "[a-z]{1,30}\\.[a-z]{2,20}", path in "[a-z/?=&]{0,30}", spare in 0_u32..20) {
        for (rule, text) in [("domain", host.clone()), ("host", host.clone()), ("url", format!("https://{host}/{path}"))] {
            let limit = (text.chars().count() as u32 + spare).max(40);
            let new = value(&unique(&format!("\"{rule}\""), limited("varchar", limit)).unwrap(), &text);
            prop_assert!(new.chars().count() <= limit as usize);
            prop_assert!(new.contains(".test") && new != text);
            prop_assert_eq!(text.starts_with("https://"), new.starts_with("https://"));
        }
    }
}

#[test]
fn full_columns_stay_distinct_whichever_way_they_are_rewritten() {
    let scrubber = unique("\"email\"", limited("varchar", 40)).unwrap();
    let texts: Vec<String> = (0..20_000).map(|number| format!("{number:026}@example.org{}", number % 2)).collect();
    let rows: Vec<Vec<Option<&[u8]>>> = texts.iter().map(|text| vec![Some(text.as_bytes())]).collect();
    let rewritten = rewrite(&scrubber, "t", &rows);
    let distinct: HashSet<&[u8]> = rewritten.iter().map(|row| row[0].as_deref().unwrap()).collect();
    assert_eq!(distinct.len(), texts.len());
    for (text, row) in texts.iter().zip(&rewritten).step_by(500) {
        assert_eq!(value(&scrubber, text).as_bytes(), row[0].as_deref().unwrap());
        let pseudonym = scrubber.pseudonym("public", "t", "c", text).unwrap().unwrap();
        assert_eq!(pseudonym, row[0].as_deref().unwrap());
    }
}

#[test]
fn columns_that_foreign_keys_join_agree_whatever_their_limits() {
    let mut parent = table("t", &[]);
    parent.columns.push(limited("varchar", 40));
    parent.unique.push((vec![0], Equality::Bytes));
    let mut child = table("child", &[("c", "text")]);
    child.foreign_keys.push(ForeignKey {
        columns: vec![0],
        table: ("public".to_owned(), "t".to_owned()),
        refers_to: vec!["c".to_owned()],
    });
    let scrubber = scrubber("c = \"email\"", &[parent, child]).unwrap();
    for text in ["ann@example.org", "a-mailbox-of-some-length@of.example.org0"] {
        let rows = [vec![Some(text.as_bytes())]];
        assert_eq!(rewrite(&scrubber, "t", &rows), rewrite(&scrubber, "child", &rows));
    }
}

#[test]
fn elements_of_arrays_fit_one_by_one() {
    let scrubber = one_column("email", limited("_varchar", 20)).unwrap();
    let mut array: Vec<u8> = [1_i32, 0, 1043, 2, 1].iter().flat_map(|number| number.to_be_bytes()).collect();
    for element in ["ann@x.org", "a.longer@example.org"] {
        array.extend((element.len() as i32).to_be_bytes());
        array.extend(element.as_bytes());
    }
    let new = scrubber.value("public", "t", "c", &array).unwrap().unwrap();
    let (first, rest) = new[24..].split_at(i32::from_be_bytes(new[20..24].try_into().unwrap()) as usize);
    assert!(first.ends_with(b".test") && first.len() == 14);
    assert!(rest.ends_with(b".test") && rest.len() == 4 + 20);
}

#[test]
fn blanks_of_char_columns_make_room_and_are_put_back() {
    let padded = |text: &str| format!("{text:<40}");
    let scrubber = one_column("email", limited("bpchar", 40)).unwrap();
    let new = value(&scrubber, &padded("ann@example.org"));
    assert_eq!(new.chars().count(), 40);
    assert!(new.trim_end().ends_with(".test"), "{new}");
    // Without its blanks a value becomes the same.
    assert_eq!(value(&scrubber, "ann@example.org"), new.trim_end());
    let constant = one_column("{ rule = \"constant\", value = \"x\" }", limited("bpchar", 5)).unwrap();
    assert_eq!(value(&constant, "ab   "), "x    ");
    let shape = one_column("shape", limited("bpchar", 5)).unwrap();
    let shaped = value(&shape, "ab   ");
    assert!(shaped.len() == 5 && shaped.ends_with("   ") && !shaped.starts_with("ab"), "{shaped:?}");
}

#[test]
fn templates_and_names_are_cut_where_a_character_ends() {
    let mut people = table("t", &[("first", "text"), ("id", "int4")]);
    people.columns.push(limited("varchar", 6));
    let rules = "first = \"keep\"\nid = \"keep\"\nc = { rule = \"template\", text = \"<{first}>\" }";
    let rows = [vec![Some("Zoë👩‍👩‍👧x".as_bytes()), Some(&[0, 0, 0, 1]), Some("x".as_bytes())]];
    let cut = rewrite(&scrubber(rules, &[people.clone()]).unwrap(), "t", &rows);
    assert_eq!(cut[0][2].as_deref(), Some("<Zoë".as_bytes()));
    for (part, limit, has_at) in [("full", 6, false), ("username", 40, false), ("email", 50, true)] {
        people.columns[2] = limited("varchar", limit);
        let rule =
            format!("first = \"keep\"\nid = \"keep\"\nc = {{ rule = \"entity\", by = \"id\", part = \"{part}\" }}");
        let scrubber = scrubber(&rule, &[people.clone()]).unwrap();
        for id in 0..200_i32 {
            let id = id.to_be_bytes();
            let made = rewrite(&scrubber, "t", &[vec![Some(b"x"), Some(&id), Some(b"x")]]);
            let text = std::str::from_utf8(made[0][2].as_deref().unwrap()).unwrap();
            assert!(text.chars().count() <= limit as usize && text.contains('@') == has_at, "{text}");
        }
    }
}

#[test]
fn what_cannot_fit_is_refused_before_a_row_is_read() {
    let why = refusal(unique("\"email\"", limited("varchar", 35)));
    assert!(why.contains("35 characters") && why.contains("too-long"), "{why}");
    assert!(one_column("email", limited("varchar", 35)).is_ok());
    assert!(refusal(one_column("email", limited("varchar", 12))).contains("too-long"));
    assert!(refusal(one_column("json", limited("varchar", 200))).contains("too-long"));
    assert!(one_column("{ rule = \"json\", too-long = \"shape\" }", limited("varchar", 200)).is_ok());
    assert!(refusal(unique("{ rule = \"email\", too-long = \"shape\" }", limited("varchar", 35))).contains("unique"));
    assert!(refusal(one_column("{ rule = \"email\", too-long = \"ip\" }", limited("varchar", 17))).contains("17"));
    let mut full = limited("varchar", 12);
    full.is_nullable = false;
    assert!(refusal(one_column("{ rule = \"email\", too-long = \"null\" }", full)).contains("NULL"));
    // Old columns for addresses of IPv4.
    assert_eq!(value(&one_column("ip", limited("varchar", 15)).unwrap(), "2001:db8::7").matches('.').count(), 3);
    assert!(refusal(unique("\"ip\"", limited("varchar", 15))).contains("45 characters"));
}

#[test]
fn a_rule_for_what_is_too_long_takes_just_that() {
    let scrubber = one_column("{ rule = \"email\", too-long = \"shape\" }", limited("varchar", 14)).unwrap();
    assert!(value(&scrubber, "ann@x.org").ends_with(".test"));
    let shaped = value(&scrubber, "anna@x.org");
    assert!(shaped.len() == 10 && shaped.contains('@') && !shaped.ends_with(".test") && shaped != "anna@x.org");
    let nulled = one_column("{ rule = \"email\", too-long = \"null\" }", limited("varchar", 14)).unwrap();
    assert_eq!(nulled.value("public", "t", "c", b"anna@x.org").unwrap(), None);
    assert_eq!(nulled.pseudonym("public", "t", "c", "anna@x.org").unwrap(), None);
}

#[test]
fn fields_of_composites_have_limits_too() {
    let of = |rule: &str| {
        let mut column = ColumnFacts::new("c", "person");
        column.fields = vec![ColumnFacts { name: "mail".to_owned(), ..limited("varchar", 20) }];
        one_column(&format!("{{ rule = \"composite\", fields = {{ mail = {rule} }} }}"), column)
    };
    assert!(refusal(of("\"url\"")).contains("too-long"));
    let scrubber = of("\"email\"").unwrap();
    let mut composite: Vec<u8> = [1_i32, 1043, 20].iter().flat_map(|number| number.to_be_bytes()).collect();
    composite.extend(b"a.longer@example.org");
    let new = scrubber.value("public", "t", "c", &composite).unwrap().unwrap();
    assert!(new.len() == composite.len() && new.ends_with(b".test"));
}
