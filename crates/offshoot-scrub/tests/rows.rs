//! Rules that look at the row: conditions, rows left out, one person in many columns.

#![allow(clippy::unwrap_used)]

mod tables;

use offshoot_scrub::facts::{Equality, ForeignKey, TableFacts};
use offshoot_scrub::{Policy, ScrubError, Scrubber};
use tables::{key, rewrite, scrubber, table};

fn plan(text: &str, tables: &[TableFacts]) -> Result<Scrubber, ScrubError> {
    Scrubber::new(&Policy::parse(text).unwrap(), tables, &key(1))
}

fn text(cell: &Option<Vec<u8>>) -> &str {
    std::str::from_utf8(cell.as_ref().unwrap()).unwrap()
}

#[test]
fn a_rule_holds_for_rows_of_its_condition_and_for_those_that_cannot_tell() {
    let contacts = table("contacts", &[("kind", "text"), ("name", "text")]);
    let rules = "kind = \"keep\"\nname = { rule = \"shape\", when = \"kind = 'person'\", otherwise = \"keep\" }";
    let scrubber = scrubber(rules, &[contacts]).unwrap();
    let rows = rewrite(
        &scrubber,
        "contacts",
        &[
            vec![Some(b"person"), Some(b"Alice")],
            vec![Some(b"firm"), Some(b"Acme Works")],
            vec![None, Some(b"Unknown")],
        ],
    );
    assert_ne!(text(&rows[0][1]), "Alice");
    assert_eq!(text(&rows[1][1]), "Acme Works");
    assert_ne!(text(&rows[2][1]), "Unknown");
}

#[test]
fn keep_under_a_condition_does_not_keep_all() {
    let contacts = table("contacts", &[("kind", "text"), ("name", "text")]);
    let rules = "kind = \"keep\"\nname = { rule = \"keep\", when = \"kind = 'firm'\", otherwise = \"shape\" }";
    let scrubber = scrubber(rules, &[contacts]).unwrap();
    let rows = rewrite(&scrubber, "contacts", &[vec![Some(b"person"), Some(b"Alice")]]);
    assert_ne!(text(&rows[0][1]), "Alice");
}

#[test]
fn conditions_are_refused_where_they_could_mislead() {
    let facts = table("t", &[("a", "text"), ("n", "int4"), ("d", "date"), ("j", "jsonb")]);
    let error = |condition: &str| {
        let text = format!(
            "[scrub.columns]\na = {{ rule = \"shape\", when = \"{condition}\", otherwise = \"keep\" }}\n\"*\" = \"keep\""
        );
        plan(&text, std::slice::from_ref(&facts)).map(|_| ()).unwrap_err().to_string()
    };
    for (condition, expected) in [
        ("b = 1", "no column `b`"),
        ("n = 'one'", "of type int4"),
        ("a = 1", "of type text"),
        ("d > 'yesterday'", "of type date"),
        ("j = '{}'", "of type jsonb"),
        ("a = 'x' or", "ends too early"),
        ("a = 'x", "quote is not closed"),
        ("(a = 'x'", "parenthesis"),
        ("a like 'x'", "is followed by"),
        ("a = 'x' a", "expected `and`"),
    ] {
        let error = error(condition);
        assert!(error.contains(expected) && error.contains("line 2, column "), "{condition}: {error}");
    }
    let rule = "[scrub.columns]\na = { rule = \"shape\", when = \"n = 1\" }\n\"*\" = \"keep\"";
    assert!(plan(rule, std::slice::from_ref(&facts)).unwrap_err().to_string().contains("otherwise"));
    // Kept values could be what others become.
    let mut unique = facts;
    unique.unique.push((vec![0], Equality::Bytes));
    let rule = "[scrub.columns]\na = { rule = \"shape\", when = \"n = 1\", otherwise = \"keep\" }\n\"*\" = \"keep\"";
    assert!(matches!(plan(rule, &[unique]), Err(ScrubError::Refused { .. })));
}

#[test]
fn rows_are_left_out_by_a_condition() {
    let columns = [("id", "int4"), ("kind", "text"), ("at", "timestamptz"), ("price", "numeric"), ("ok", "bool")];
    let events = table("events", &columns);
    let day = |days: i64| (days * 86_400_000_000).to_be_bytes();
    // 12.50 in the form of the wire.
    let price = [0, 2, 0, 0, 0, 0, 0, 2, 0, 12, 0x13, 0x88];
    let row = |id: i32, kind: Option<&'static [u8]>, days: i64| (id.to_be_bytes(), kind, day(days));
    let rows = [row(1, Some(b"a"), 0), row(2, Some(b"b"), 1), row(3, None, 2), row(-4, Some(b"c"), 3)];
    let kept = |condition: &str| -> Vec<i32> {
        let text = format!("[scrub.rows]\nevents = \"{condition}\"\n[scrub.columns]\n\"*\" = \"keep\"");
        let scrubber = plan(&text, std::slice::from_ref(&events)).unwrap();
        let rows: Vec<Vec<Option<&[u8]>>> = rows
            .iter()
            .map(|(id, kind, at)| vec![Some(&id[..]), *kind, Some(&at[..]), Some(&price[..]), Some(&[1][..])])
            .collect();
        let id = |row: &Vec<Option<Vec<u8>>>| i32::from_be_bytes(row[0].clone().unwrap().try_into().unwrap());
        rewrite(&scrubber, "events", &rows).iter().map(id).collect()
    };
    for (condition, expected) in [
        ("kind = 'a' or kind = 'c'", &[1, -4][..]),
        ("kind in ('a', 'b')", &[1, 2]),
        ("kind not in ('a', 'b')", &[-4]),
        ("not kind = 'a'", &[2, -4]),
        ("kind is null", &[3]),
        ("kind is not null and id > 1", &[2]),
        ("id >= -4 and id < 2", &[1, -4]),
        ("at >= '2000-01-02' and at < '2000-01-03 12:00:00'", &[2, 3]),
        ("price = 12.5", &[1, 2, 3, -4]),
        ("price > 12.500001", &[]),
        ("ok = true and \\\"id\\\" <> 2", &[1, 3, -4]),
        ("none", &[]),
        ("all", &[1, 2, 3, -4]),
    ] {
        assert_eq!(kept(condition), expected, "{condition}");
    }
}

#[test]
fn rows_that_others_refer_to_are_not_left_out_unseen() {
    let users = table("users", &[("id", "int4"), ("name", "text")]);
    let mut orders = table("orders", &[("id", "int4"), ("buyer", "int4")]);
    orders.foreign_keys.push(ForeignKey {
        columns: vec![1],
        table: ("public".to_owned(), "users".to_owned()),
        refers_to: vec!["id".to_owned()],
    });
    let tables = [users, orders];
    let keep = "[scrub.columns]\n\"*\" = \"keep\"\n";
    for rows in ["users = \"none\"", "users = \"id > 5\""] {
        let error = plan(&format!("[scrub.rows]\n{rows}\n{keep}"), &tables).unwrap_err().to_string();
        assert!(error.contains("public.orders.buyer") && error.contains("public.users"), "{error}");
    }
    let both = plan(&format!("[scrub.rows]\nusers = \"none\"\norders = \"none\"\n{keep}"), &tables).unwrap();
    assert!(!both.has_rows("public", "users") && both.columns("public", "users").unwrap().is_empty());
    let error = plan("[scrub.rows]\nsers = \"none\"\n[scrub.columns]\n\"*\" = \"keep\"", &tables).unwrap_err();
    assert!(error.to_string().contains("no table `sers`"), "{error}");
}

#[test]
fn a_table_without_rows_needs_no_rules() {
    let audit = table("audit", &[("who", "text"), ("what", "jsonb")]);
    let scrubber = plan("[scrub.rows]\naudit = \"none\"", &[audit]).unwrap();
    assert!(rewrite(&scrubber, "audit", &[vec![Some(b"alice"), Some(b"\x01{}")]]).is_empty());
}

#[test]
fn one_person_agrees_in_all_columns_and_tables() {
    let mut users =
        table("users", &[("id", "int4"), ("first", "text"), ("last", "text"), ("mail", "text"), ("sex", "text")]);
    users.columns[0].is_nullable = false;
    users.unique.push((vec![0], Equality::Bytes));
    users.unique.push((vec![3], Equality::Bytes));
    let logins = table("logins", &[("user_id", "int8"), ("name", "text"), ("handle", "text")]);
    let text_of = |gender: &str| {
        format!(
            "[scrub.tables.users]\nid = \"keep\"\nsex = \"keep\"\n\
             first = {{ rule = \"entity\", by = \"id\", part = \"first\"{gender} }}\n\
             last = {{ rule = \"entity\", by = \"id\", part = \"last\"{gender} }}\n\
             mail = {{ rule = \"entity\", by = \"id\", part = \"email\"{gender} }}\n\
             [scrub.tables.logins]\nuser_id = \"keep\"\n\
             name = {{ rule = \"entity\", by = \"user_id\", part = \"full\" }}\n\
             handle = {{ rule = \"entity\", by = \"user_id\", part = \"username\" }}"
        )
    };
    let scrubber = plan(&text_of(""), &[users.clone(), logins.clone()]).unwrap();
    let mut mails = std::collections::HashSet::new();
    for id in 1..200_i64 {
        let (narrow, wide) = ((id as i32).to_be_bytes(), id.to_be_bytes());
        let user = vec![Some(&narrow[..]), Some(&b"A"[..]), Some(b"B"), Some(b"a@b.c"), Some(b"f")];
        let users = rewrite(&scrubber, "users", &[user]);
        let logins = rewrite(&scrubber, "logins", &[vec![Some(&wide), Some(b"A B"), Some(b"ab")]]);
        let (first, last, mail) = (text(&users[0][1]), text(&users[0][2]), text(&users[0][3]));
        assert_eq!(text(&logins[0][1]), format!("{first} {last}"));
        assert!(mail.ends_with("@example.test"), "{mail}");
        let number = text(&logins[0][2]).rsplit('_').next().unwrap().to_owned();
        assert!(mail.contains(&format!(".{number}@")), "{mail} {number}");
        assert!(mails.insert(mail.to_owned()));
    }
    // First names go with the column that says the gender.
    let scrubber = plan(&text_of(", gender = \"sex\""), &[users.clone(), logins.clone()]).unwrap();
    for id in 0..50_i32 {
        let id = id.to_be_bytes();
        let name = |sex: &'static [u8]| {
            let rows =
                rewrite(&scrubber, "users", &[vec![Some(&id), Some(b"A"), Some(b"B"), Some(b"a@b.c"), Some(sex)]]);
            text(&rows[0][1]).to_owned()
        };
        assert_ne!(name(b"f"), name(b"male"));
    }
    // A unique address needs an id that is unique itself.
    users.unique.remove(0);
    assert!(matches!(plan(&text_of(""), &[users, logins.clone()]), Err(ScrubError::Refused { .. })));
    let error = plan("[scrub.columns]\n\"*\" = { rule = \"entity\", part = \"first\" }", &[logins]).unwrap_err();
    assert!(error.to_string().contains("needs `by`"), "{error}");
}

#[test]
fn joined_columns_refuse_rules_that_look_at_the_row() {
    let mut users = table("users", &[("id", "int4"), ("handle", "text")]);
    users.unique.push((vec![1], Equality::Bytes));
    let mut posts = table("posts", &[("id", "int4"), ("handle", "text")]);
    posts.foreign_keys.push(ForeignKey {
        columns: vec![1],
        table: ("public".to_owned(), "users".to_owned()),
        refers_to: vec!["handle".to_owned()],
    });
    let rules = |rule: &str| scrubber(&format!("id = \"keep\"\nhandle = {rule}"), &[users.clone(), posts.clone()]);
    assert!(rules("\"shape\"").is_ok());
    let error = rules("{ rule = \"shape\", by = \"id\" }").unwrap_err().to_string();
    assert!(error.contains("leave out `by`"), "{error}");
}

#[test]
fn a_part_of_a_composite_key_that_is_unique_itself_is_enough() {
    let mut users = table("users", &[("id", "int4"), ("name", "text")]);
    users.unique.push((vec![0, 1], Equality::Bytes));
    let rules = "id = \"keep\"\nname = \"first-name\"";
    assert!(matches!(scrubber(rules, &[users.clone()]), Err(ScrubError::Refused { .. })));
    users.unique.push((vec![0], Equality::Bytes));
    // An id that may be NULL does not tell rows apart.
    assert!(matches!(scrubber(rules, &[users.clone()]), Err(ScrubError::Refused { .. })));
    users.columns[0].is_nullable = false;
    assert!(scrubber(rules, &[users.clone()]).is_ok());
    // Nor does one of which a key takes NULLs for equal: the other one may have many.
    (users.columns[0].is_nullable, users.columns[0].nulls_are_equal) = (true, true);
    assert!(matches!(scrubber(rules, &[users]), Err(ScrubError::Refused { .. })));
}

#[test]
fn a_constraint_that_takes_nulls_for_equal_refuses_null() {
    let mut users = table("users", &[("name", "text")]);
    users.unique.push((vec![0], Equality::Bytes));
    assert!(scrubber("name = \"null\"", &[users.clone()]).is_ok());
    users.columns[0].nulls_are_equal = true;
    assert!(matches!(scrubber("name = \"null\"", &[users]), Err(ScrubError::Refused { .. })));
}
