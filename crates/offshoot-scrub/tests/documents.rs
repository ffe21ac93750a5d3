//! Documents: what a kept path lets through, keys that are data, and numbers.

#![allow(clippy::unwrap_used)]

mod tables;

use std::collections::HashSet;

use offshoot_format::table::RowForm;
use offshoot_scrub::facts::ColumnFacts;
use offshoot_scrub::{Policy, Scrubber};
use serde_json::Value;
use tables::{key, one_column, scrub, table};

fn json(rule: &str, text: &str) -> Value {
    serde_json::from_str(&scrub(rule, "json", text)).unwrap()
}

#[test]
fn a_kept_path_keeps_nothing_below_it() {
    let rule = "{ rule = \"json\", paths = { \"$.user\" = \"keep\", \"$.user.email\" = \"email\", \"$.user.role\" = \"keep\" } }";
    let new = json(rule, r#"{"user": {"email": "ann@x.de", "role": "admin", "name": "Ann", "tags": ["Ann"]}}"#);
    assert!(new["user"]["email"].as_str().unwrap().ends_with(".test"), "{new}");
    assert_eq!(new["user"]["role"], "admin");
    assert!(!new.to_string().contains("Ann"), "{new}");
    // What is no object there stays, whatever the spelling.
    for kept in [r#"{"user":"\u0041nn"}"#, r#"{"user":12.50}"#, r#"{"user":null}"#, r#"{"user":true}"#] {
        assert_eq!(scrub(rule, "json", kept), kept);
    }
    let nulled = "{ rule = \"json\", others = \"null\", paths = { \"$.user\" = \"keep\" } }";
    assert_eq!(scrub(nulled, "json", r#"{"user":[{"name":"Ann"},"x"]}"#), r#"{"user":[{"name":null},null]}"#);
}

#[test]
fn keys_that_are_data_are_shaped_and_stay_distinct() {
    let rule = "{ rule = \"json\", keys = \"shape\", paths = { \"$.users.role\" = \"keep\", \"$.odd\" = \"keep\" } }";
    let old = r#"{"users": {"role": "x", "ann@x.com": {"age": 7}, "bob": 1}, "Ann": 2, "odd": 3, "A\"b\u0000c": 4}"#;
    let text = scrub(rule, "json", old);
    assert_eq!(text.len(), old.len());
    let new: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&new["users"]["role"], &new["odd"]), (&Value::from("x"), &Value::from(3)));
    assert!(["ann", "x.com", "Ann", "bob", "age"].iter().all(|word| !text.contains(word)), "{text}");
    assert!(text.contains("\\\"") && text.contains("\\u0000"), "{text}");
    // Many keys of one shape, beside some that stay.
    let kept: Vec<String> = ('a'..='m').map(String::from).collect();
    let paths: Vec<String> = kept.iter().map(|name| format!("\"$.{name}\" = \"keep\"")).collect();
    let rule = format!("{{ rule = \"json\", keys = \"shape\", paths = {{ {} }} }}", paths.join(", "));
    let members: Vec<String> = ('a'..='z').map(|name| format!("\"{name}\":\"{name}\"")).collect();
    let new = json(&rule, &format!("{{{}}}", members.join(",")));
    let keys: HashSet<&String> = new.as_object().unwrap().keys().collect();
    assert_eq!(keys.len(), 26);
    assert!(kept.iter().all(|name| new[name] == **name), "{new}");
}

#[test]
fn keys_that_look_like_values_are_told_from_others() {
    let rule = "{ rule = \"json\", keys = \"shape-values\" }";
    let new = scrub(rule, "json", r#"{"user_id": 1, "ann@x.com": 2, "Alice": 3, "078-05-1120": 4, "createdAt": 5}"#);
    assert!(new.contains("\"user_id\"") && new.contains("\"createdAt\""), "{new}");
    assert!(!new.contains("ann@") && !new.contains("Alice") && !new.contains("078-05"), "{new}");
    assert!(one_column("{ rule = \"json\", keys = \"no\" }", ColumnFacts::new("c", "json")).is_err());
}

#[test]
fn a_column_that_nobody_looked_at_keeps_no_personal_keys() {
    let mut tables = [table("t", &[("doc", "jsonb"), ("pairs", "hstore")])];
    tables[0].form = RowForm::Text;
    let policy = Policy::parse("[scrub]\nunclassified = \"scrub\"").unwrap();
    let scrubber = Scrubber::new(&policy, &tables, &key(1)).unwrap();
    let value = |column, text: &str| {
        String::from_utf8(scrubber.value("public", "t", column, text.as_bytes()).unwrap().unwrap()).unwrap()
    };
    let doc = value("doc", r#"{"mail": "ann@x.com", "ann@x.com": "x"}"#);
    assert!(doc.contains("\"mail\"") && !doc.contains("ann@x.com"), "{doc}");
    let pairs = value("pairs", r#""mail"=>"ann@x.com", "ann@x.com"=>NULL"#);
    assert!(pairs.contains("\"mail\"=>") && pairs.contains("=>NULL") && !pairs.contains("ann@x.com"), "{pairs}");
}

#[test]
fn keys_of_an_hstore_are_shaped_in_both_forms() {
    let pair = |key: &str, value: Option<&str>| {
        let mut bytes = [&(key.len() as i32).to_be_bytes()[..], key.as_bytes()].concat();
        bytes.extend(value.map_or(-1, |value| value.len() as i32).to_be_bytes());
        bytes.extend(value.unwrap_or_default().as_bytes());
        bytes
    };
    let rule = "{ rule = \"hstore\", keys = { role = \"keep\" }, other-keys = \"shape\" }";
    let binary = one_column(rule, ColumnFacts::new("c", "hstore")).unwrap();
    let store = [&3_i32.to_be_bytes()[..], &pair("ann", Some("Lee")), &pair("bob", None), &pair("role", Some("admin"))]
        .concat();
    let new = binary.value("public", "t", "c", &store).unwrap().unwrap();
    assert_eq!(new.len(), store.len());
    assert!(new.ends_with(&pair("role", Some("admin"))));
    assert!([&b"ann"[..], b"bob", b"Lee"].iter().all(|old| !new.windows(3).any(|part| part == *old)));
    let mut stores = table("t", &[("c", "hstore"), ("d", "_hstore")]);
    stores.form = RowForm::Text;
    let scrubber =
        tables::scrubber(&format!("c = {rule}\nd = {{ rule = \"hstore\", keys = \"shape\" }}"), &[stores]).unwrap();
    let text = |column: &str, text: &str| {
        String::from_utf8(scrubber.value("public", "t", column, text.as_bytes()).unwrap().unwrap()).unwrap()
    };
    let shown = text("c", r#""ann"=>"Lee", "bob"=>NULL, "role"=>"admin""#);
    assert!(shown.ends_with(r#", "role"=>"admin""#) && shown.contains("=>NULL"), "{shown}");
    // The same keys in both forms, in the order of the server.
    let keys: Vec<&str> = shown.split(", ").map(|entry| &entry[1..4]).collect();
    assert!(keys[0] < keys[1] && new[8..11] == *keys[0].as_bytes(), "{shown}");
    let array = text("d", r#"{"\"ann\"=>\"1\"",NULL}"#);
    assert!(array.contains("=>") && array.ends_with(",NULL}") && !array.contains("ann"), "{array}");
    for bad in ["{ rule = \"hstore\", keys = \"all\" }", "{ rule = \"hstore\", other-keys = 1 }"] {
        assert!(one_column(bad, ColumnFacts::new("c", "hstore")).is_err(), "{bad}");
    }
}

#[test]
fn no_number_stays_what_it_was() {
    let numbers: Vec<String> = (0..10)
        .flat_map(|n| [format!("{n}"), format!("-{n}"), format!("0.{n}"), format!("{n}e5"), format!("1{n}")])
        .filter(|number| number != "-0")
        .collect();
    for number in &numbers {
        let new = scrub("json", "json", number);
        assert_ne!(new, *number);
        assert_eq!(new.len(), number.len());
        let _: Value = serde_json::from_str(&new).unwrap();
    }
}
