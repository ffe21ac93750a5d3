//! What single rules keep: one test for each rule, over values as they occur.

#![allow(clippy::unwrap_used)]

mod tables;

use offshoot_scrub::facts::ColumnFacts;
use offshoot_scrub::{Policy, Scrubber};
use tables::{key, one_column, scrub, table};

fn binary(rule: &str, kind: &str, value: &[u8]) -> Vec<u8> {
    one_column(rule, ColumnFacts::new("c", kind)).unwrap().value("public", "t", "c", value).unwrap().unwrap()
}

/// Letters as `a` or `A` (`é` for those beyond ASCII), digits as `0`.
fn outline(text: &str) -> String {
    let sign = |c: char| match c {
        '0'..='9' => '0',
        'a'..='z' => 'a',
        'A'..='Z' => 'A',
        other if other.is_alphabetic() => 'é',
        other => other,
    };
    text.chars().map(sign).collect()
}

#[test]
fn domains_and_hosts_lead_nowhere() {
    for name in ["Example.COM", "localhost", "bücher.example", "a_b.c.d"] {
        for rule in ["domain", "host"] {
            let new = scrub(rule, "text", name);
            assert!(new.ends_with(".test") && !new.starts_with(name), "{new}");
            assert_eq!(outline(&new[..new.len() - 5]), outline(name));
        }
    }
    assert!(scrub("{ rule = \"domain\", to = \"example.org\" }", "text", "a.b").ends_with(".example.org"));
    let address = scrub("host", "text", "10.1.2.3");
    assert!(["192.0.2.", "198.51.100.", "203.0.113."].iter().any(|net| address.starts_with(net)), "{address}");
    assert_eq!(scrub("host", "text", ""), "");
    // Domains of addresses and of columns agree where they share a domain of the policy.
    let mail = scrub("{ rule = \"email\", domain = \"net\" }", "text", "ann@corp.example");
    assert_eq!(
        mail.split('@').nth(1).unwrap(),
        scrub("{ rule = \"domain\", domain = \"net\" }", "text", "corp.example")
    );
}

#[test]
fn urls_keep_scheme_port_and_structure() {
    let new = scrub("url", "text", "https://ann:pw@Shop.example.com:8443/caf%C3%A9/a_b?q=Ann+Lee&empty=&flag#top");
    let (start, rest) = new.split_once("://").unwrap();
    assert_eq!(start, "https");
    let host = rest.split('@').nth(1).unwrap().split('/').next().unwrap();
    assert!(host.ends_with(".test:8443"), "{new}");
    assert!(new.contains("?q=") && new.contains("&empty=&") && new.contains('#'), "{new}");
    assert!(!new.contains("caf") && !new.contains("Ann") && !new.contains("%C3%A9") && !new.contains("flag"), "{new}");
    // An escaped letter stays one of its kind.
    let escaped = new.split('/').nth(3).unwrap();
    assert_eq!((escaped.len(), escaped.matches('%').count()), (9, 2), "{new}");
    assert!(scrub("url", "text", "http://[2001:db8::1]:80/").starts_with("http://[2001:db8:"));
    assert!(scrub("url", "text", "http://10.0.0.1/").ends_with('/'));
    assert_eq!(outline(&scrub("url", "text", "not a url")), "aaa a aaa");
    for strange in ["://", "x://", "http://", "http://@:/", "http://a:b", "h://%", "h://a/%zz%C3", "h://a/?=&&=#?"] {
        assert!(scrub("url", "text", strange).len() >= strange.len());
    }
}

#[test]
fn hardware_addresses_keep_their_kind_and_form() {
    for text in ["00:1b:44:11:3a:b7", "00-1B-44-11-3A-B7", "001b.4411.3ab7", "00:1b:44:11:3a:b7:00:01"] {
        let new = scrub("mac", "text", text);
        let signs = |text: &str| text.chars().map(|c| if c.is_ascii_hexdigit() { 'x' } else { c }).collect::<String>();
        assert_eq!(signs(&new), signs(text));
        assert_ne!(new, text);
    }
    let old = [0x03, 0x1b, 0x44, 0x11, 0x3a, 0xb7];
    let new = binary("mac", "macaddr", &old);
    assert_eq!((new.len(), new[0] & 3), (6, 3));
    let new = binary("{ rule = \"mac\", vendor = true }", "macaddr", &old);
    assert_eq!(new[..3], old[..3]);
    assert_ne!(new, old);
}

#[test]
fn user_agents_keep_products_and_lose_versions() {
    let agent = "Mozilla/5.0 (Linux; Android 13; SM-G991B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/112.0.0.0 Mobile Safari/537.36";
    let new = scrub("user-agent", "text", agent);
    assert_eq!(outline(&new), outline(agent));
    for kept in ["Mozilla/", "Android", "AppleWebKit/", "like Gecko", "Mobile Safari/"] {
        assert!(new.contains(kept), "{new}");
    }
    assert!(!new.contains("G991B") && !new.contains("112.0"), "{new}");
}

#[test]
fn places_move_within_bounds() {
    let latitude = "{ rule = \"coordinates\", axis = \"latitude\", meters = 1000 }";
    for old in [59.913_868_f64, -89.999, 90.0, 0.0] {
        let new = f64::from_be_bytes(binary(latitude, "float8", &old.to_be_bytes()).try_into().unwrap());
        assert!(new != old && (new - old).abs() < 0.009 && new.abs() <= 90.0, "{old} {new}");
    }
    let longitude = "{ rule = \"coordinates\", axis = \"longitude\" }";
    let new = f64::from_be_bytes(binary(longitude, "float8", &179.9999_f64.to_be_bytes()).try_into().unwrap());
    assert!(new.abs() <= 180.0);
    let point = [10.752_245_f64, 59.913_868].map(f64::to_be_bytes).concat();
    assert_ne!(binary("coordinates", "point", &point), point);
    assert!(one_column("coordinates", ColumnFacts::new("c", "float8")).is_err());
    assert!(one_column(latitude, ColumnFacts::new("c", "numeric")).is_ok());
}

#[test]
fn identifiers_with_check_digits_stay_valid_or_invalid() {
    for (rule, valid) in [
        ("isbn", "978-0-306-40615-7"),
        ("isbn", "0-306-40615-2"),
        ("isbn", "080442957X"),
        ("isin", "US0378331005"),
        ("vat", "DE136695976"),
        ("vat", "FR40303265045"),
        ("vat", "GB 980 7806 84"),
        ("{ rule = \"national-id\", country = \"nl\" }", "111222333"),
        ("{ rule = \"national-id\", country = \"es\" }", "12345678Z"),
        ("{ rule = \"national-id\", country = \"br\" }", "529.982.247-25"),
        ("{ rule = \"national-id\", country = \"se\" }", "811218-9876"),
        ("{ rule = \"national-id\", country = \"fi\" }", "131052-308T"),
        ("{ rule = \"national-id\", country = \"in\" }", "2341 2341 2346"),
        ("{ rule = \"postal-code\", country = \"gb\" }", "SW1A 1AA"),
        ("{ rule = \"postal-code\", country = \"ca\" }", "k1a-0b1"),
        ("{ rule = \"postal-code\", country = \"nl\" }", "1012 AB"),
        ("{ rule = \"postal-code\", country = \"us\" }", "90210-1234"),
    ] {
        // One permutation of the valid ones: from one to the next, all are valid.
        let mut text = valid.to_owned();
        let mut seen = std::collections::HashSet::from([text.clone()]);
        for _ in 0..20 {
            let new = scrub(rule, "text", &text);
            assert_eq!(outline(&new), outline(valid), "{rule}");
            assert!(seen.insert(new.clone()), "{rule}: {new} again");
            text = new;
        }
    }
    let new = scrub("isbn", "text", "978-0-306-40615-7");
    let sum: u32 = new.chars().filter_map(|c| c.to_digit(10)).zip([1, 3].into_iter().cycle()).map(|(d, w)| d * w).sum();
    assert!(new.starts_with("978-") && sum.is_multiple_of(10), "{new}");
    assert_eq!(scrub("isin", "text", "US0378331005")[..2], *"US");
    let ssn = scrub("{ rule = \"national-id\", country = \"us\" }", "text", "078-05-1120");
    assert!(ssn.starts_with('9') && outline(&ssn) == "000-00-0000", "{ssn}");
    let bic = scrub("bic", "text", "DEUTDEFF500");
    assert!(bic[4..6] == *"DE" && bic[..4] != *"DEUT" && outline(&bic) == "AAAAAAAA000", "{bic}");
}

#[test]
fn ages_fall_into_buckets() {
    let age = |age: i32| i32::from_be_bytes(binary("age-bucket", "int4", &age.to_be_bytes()).try_into().unwrap());
    assert_eq!([age(0), age(4), age(37), age(104)], [0, 0, 35, 90]);
    let born = |day: i32| i32::from_be_bytes(binary("age-bucket", "date", &day.to_be_bytes()).try_into().unwrap());
    // 2003-06-01 becomes 2000-01-01, 1999-12-31 becomes 1995-01-01; the end of time stays.
    assert_eq!([born(1247), born(-1), born(i32::MAX)], [0, -1826, i32::MAX]);
}

#[test]
fn times_and_spans_get_noise() {
    let hour = 3_600_000_000_i64;
    let moved = |kind: &str, old: &[u8]| binary("noise", kind, old);
    let time = i64::from_be_bytes(moved("time", &(8 * hour).to_be_bytes()).try_into().unwrap());
    assert!(time != 8 * hour && (0..24 * hour).contains(&time));
    let zoned = [&(8 * hour).to_be_bytes()[..], &3600_i32.to_be_bytes()].concat();
    assert_eq!(moved("timetz", &zoned)[8..], zoned[8..]);
    let span = [&(100 * hour).to_be_bytes()[..], &1000_i32.to_be_bytes(), &240_i32.to_be_bytes()].concat();
    assert!(moved("interval", &span) != span && moved("interval", &span).len() == 16);
    let at = i64::from_be_bytes(moved("timestamptz", &0_i64.to_be_bytes()).try_into().unwrap());
    assert!(at != 0 && at.abs() <= 72 * hour);
}

#[test]
fn a_regex_divides_what_goes_which_way() {
    let rule = "{ rule = \"regex\", pattern = \"[0-9]+\", matches = \"redact\", rest = \"keep\" }";
    assert_eq!(scrub(rule, "text", "call 555 or 666!"), "call xxx or xxx!");
    // Nothing passes because a pattern missed it.
    let new = scrub("{ rule = \"regex\", pattern = \"[0-9]+\", matches = \"keep\" }", "text", "ann 17");
    assert!(new.ends_with(" 17") && !new.starts_with("ann"), "{new}");
    assert!(offshoot_scrub::Policy::parse("[scrub.columns]\na = \"regex\"").is_ok());
    assert!(one_column("{ rule = \"regex\", pattern = \"(\" }", ColumnFacts::new("c", "text")).is_err());
}

#[test]
fn pictures_become_placeholders_of_their_format() {
    for (start, mark) in [
        (&b"\x89PNG\r\n\x1a\n0000"[..], &b"\x89PNG"[..]),
        (b"\xff\xd8\xff\xe1....", b"\xff\xd8\xff"),
        (b"GIF87a....", b"GIF8"),
        (b"RIFF....WEBPVP8 ", b"RIFF"),
        (b"BM....", b"BM"),
    ] {
        let new = binary("image", "bytea", start);
        assert!(new.starts_with(mark) && new != start);
    }
    assert_eq!(binary("image", "bytea", b"no picture"), b"");
    assert!(scrub("image", "text", "<svg xmlns='x'>Ann</svg>").starts_with("<svg"));
}

#[test]
fn xml_keeps_its_tags_and_loses_its_text() {
    let new = scrub(
        "xml",
        "xml",
        "<?xml version=\"1.0\"?><p:a id=\"Ann\" xmlns:p=\"urn:x\">Lee &amp; &#233;<b/><!-- Ann --><![CDATA[Ann]]></p:a>",
    );
    assert!(new.starts_with("<?xml version=\"1.0\"?><p:a id=\"") && new.ends_with("]]></p:a>"), "{new}");
    assert!(new.contains(" &amp; ") && new.contains("xmlns:p=\"urn:x\"") && new.contains("<b/><!-- "), "{new}");
    assert!(!new.contains("Ann") && !new.contains("Lee") && !new.contains('é') && !new.contains("233"), "{new}");
    let scrubber = one_column("xml", ColumnFacts::new("c", "xml")).unwrap();
    for bad in [
        "<a>",
        "<a></b>",
        "<a b=c/>",
        "</a>",
        "<a b=\"<\"/>",
        "<",
        "<a>&;</a>",
        "<a>&x</a>",
        "<!DOCTYPE a [<!ENTITY b 'Ann'>",
    ] {
        // It is kept in its shape: of a text as it is, in a document as a text.
        let shaped = scrub("xml", "text", bad);
        assert_eq!(outline(&shaped), outline(bad), "{bad}");
        assert!(!shaped.contains("Ann"), "{shaped}");
        let document = String::from_utf8(scrubber.value("public", "t", "c", bad.as_bytes()).unwrap().unwrap()).unwrap();
        assert!(!document.contains(['<', '>']), "{document}");
        assert_eq!(document.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"), shaped);
    }
    let typed = scrub("xml", "xml", "<!DOCTYPE a [<!ENTITY b \"Ann>\">]><a>x&b;&amp;</a>");
    assert!(typed.starts_with("<a>") && typed.ends_with(";&amp;</a>"), "{typed}");
    roxmltree::Document::parse(&typed).unwrap();
    assert!(scrub("xml", "text", "<p>&nbsp;</p>") == "<p>&nbsp;</p>");
}

#[test]
fn postal_codes_stay_codes_of_their_country() {
    let german = |text: &str| scrub("{ rule = \"postal-code\", country = \"de\" }", "text", text);
    let mut code = "D-80331".to_owned();
    for _ in 0..200 {
        let next = german(&code);
        assert!(
            next.starts_with("D-") && next != code && !next.starts_with("D-00") && !next.starts_with("D-05"),
            "{next}"
        );
        code = next;
    }
    // What was none is none afterwards, so that the copy has the wrong ones too.
    let wrong: u32 = german("05123").parse().unwrap();
    assert!(wrong < 1000 || (5000..6000).contains(&wrong), "{wrong}");
    assert_eq!(outline(&german("München")), outline("München"));
    let error = one_column("{ rule = \"postal-code\", country = \"xx\" }", ColumnFacts::new("c", "text")).unwrap_err();
    assert!(error.to_string().contains("country is one of: other, ar, at,"), "{error}");
}

#[test]
fn json_paths_take_any_rule_and_others_are_denied() {
    let rule = "{ rule = \"json\", paths = { \"$.mail\" = \"email\", \"$.tags[*]\" = \"keep\", \"$.n\" = { rule = \"range\", from = 0, to = 9 }, \
                \"$[\\\"odd.key\\\"]\" = \"redact\", \"$.born\" = \"date-shift\", \"$.gone\" = \"null\", \"$.sum\" = \"noise\" } }";
    let new = scrub(
        rule,
        "json",
        r#"{"mail": "ann@x.de", "tags": ["a", "b"], "n": 7, "odd.key": "Ann", "born": "2001-02-03T04:05:06Z", "gone": {"a": 1},
            "other": "Ann", "mail2": ["ann@x.de"], "sum": 12.50, "esc\u0061ped": "Ann"}"#,
    );
    let json: serde_json::Value = serde_json::from_str(&new).unwrap();
    assert!(json["mail"].as_str().unwrap().ends_with(".test"), "{new}");
    assert_eq!(json["tags"], serde_json::json!(["a", "b"]));
    assert!(json["n"].as_u64().unwrap() < 10 && json["n"] != 7);
    assert_eq!(json["odd.key"], "xxx");
    assert!(json["born"].as_str().unwrap().ends_with("T04:05:06Z") && !new.contains("2001-02-03"), "{new}");
    assert!(json["gone"].is_null() && !new.contains("Ann") && !new.contains("ann@"), "{new}");
    assert!(new.contains("\"sum\": 12.") && new.contains(r#""esc\u0061ped""#), "{new}");
    // A column of addresses and a path of addresses agree.
    assert_eq!(json["mail"], scrub("email", "text", "ann@x.de"));
    let denied = scrub(
        "{ rule = \"json\", others = \"null\", paths = { \"$.a\" = \"keep\" } }",
        "json",
        r#"{"a":1,"b":"x","c":[true]}"#,
    );
    assert_eq!(denied, r#"{"a":1,"b":null,"c":[null]}"#);
    for bad in ["user", "$user", "$.", "$.a..b", "$[0]"] {
        let rule = format!("{{ rule = \"json\", paths = {{ \"{bad}\" = \"keep\" }} }}");
        assert!(one_column(&rule, ColumnFacts::new("c", "json")).is_err(), "{bad}");
    }
}

#[test]
fn search_vectors_follow_the_words_of_the_text() {
    let words = scrub("words", "text", "zoo ann lee ann");
    let new: Vec<&str> = words.split(' ').collect();
    // ann at 2 and 4, with weight A at 4; lee at 3; zoo at 1.
    let lexeme = |text: &str, positions: &[u16]| {
        let mut bytes = [text.as_bytes(), b"\0"].concat();
        bytes.extend((positions.len() as u16).to_be_bytes());
        bytes.extend(positions.iter().flat_map(|position| position.to_be_bytes()));
        bytes
    };
    let vector = |mut lexemes: Vec<(&str, Vec<u16>)>| {
        lexemes.sort();
        let all: Vec<u8> = lexemes.iter().flat_map(|(text, positions)| lexeme(text, positions)).collect();
        [&(lexemes.len() as i32).to_be_bytes()[..], &all].concat()
    };
    let positions = [vec![2, 4 | 3 << 14], vec![3], vec![1]];
    let of = |a, b, c| vector(vec![(a, positions[0].clone()), (b, positions[1].clone()), (c, positions[2].clone())]);
    assert_eq!(binary("words", "tsvector", &of("ann", "lee", "zoo")), of(new[1], new[2], new[0]));
    // Lexemes that meet are one, with the positions of both.
    let met = binary("redact", "tsvector", &of("ann", "lee", "zoo"));
    assert_eq!(met, vector(vec![("xxx", vec![1, 2, 3, 4 | 3 << 14])]));
    let scrubber = one_column("words", ColumnFacts::new("c", "tsvector")).unwrap();
    assert_eq!(scrubber.value("public", "t", "c", b"junk").unwrap(), None);
}

#[test]
fn hstore_values_go_by_their_keys() {
    let pair = |key: &str, value: Option<&str>| {
        let mut bytes = [&(key.len() as i32).to_be_bytes()[..], key.as_bytes()].concat();
        bytes.extend(value.map_or(-1, |value| value.len() as i32).to_be_bytes());
        bytes.extend(value.unwrap_or_default().as_bytes());
        bytes
    };
    let store = [&3_i32.to_be_bytes()[..], &pair("a", Some("Ann")), &pair("b", None), &pair("c", Some("Ann"))].concat();
    let new = binary("{ rule = \"hstore\", keys = { c = \"keep\" } }", "hstore", &store);
    assert_eq!(new.len(), store.len());
    assert!(new.ends_with(&pair("c", Some("Ann"))) && new != store);
    assert!(one_column("shape", ColumnFacts::new("c", "hstore")).is_err());
}

#[test]
fn fields_of_composites_go_by_their_names() {
    let mut address = ColumnFacts::new("c", "address");
    address.fields =
        vec![ColumnFacts::new("street", "text"), ColumnFacts::new("floor", "int4"), ColumnFacts::new("loc", "box")];
    let field = |value: &[u8]| [&25_i32.to_be_bytes()[..], &(value.len() as i32).to_be_bytes(), value].concat();
    let old = [&3_i32.to_be_bytes()[..], &field(b"Elm"), &field(&7_i32.to_be_bytes()), &field(b"boxbytes")].concat();
    let scrubber = one_column("{ rule = \"composite\", fields = { floor = \"keep\" } }", address.clone()).unwrap();
    let new = scrubber.value("public", "t", "c", &old).unwrap().unwrap();
    assert_ne!(new[12..15], *b"Elm");
    assert_eq!(new[15..27], old[15..27]);
    // A field that no rule fits is not let through.
    assert_eq!(new[27..], [&25_i32.to_be_bytes()[..], &(-1_i32).to_be_bytes()].concat());
    assert!(one_column("{ rule = \"composite\", fields = { no = \"keep\" } }", address.clone()).is_err());
    assert!(one_column("shape", address).is_err());
}

#[test]
fn ranges_move_as_a_whole() {
    let range = |lower: i32, upper: i32| {
        [&[2][..], &4_i32.to_be_bytes(), &lower.to_be_bytes(), &4_i32.to_be_bytes(), &upper.to_be_bytes()].concat()
    };
    for (lower, upper) in [(0, 30), (-5000, 8000)] {
        let new = binary("date-shift", "daterange", &range(lower, upper));
        let day = |at: usize| i32::from_be_bytes(new[at..at + 4].try_into().unwrap());
        assert_eq!((day(13) - day(5), day(5) != lower), (upper - lower, true));
    }
    assert_eq!(binary("date-shift", "daterange", &[1]), [1]);
    assert!(one_column("date-truncate", ColumnFacts::new("c", "daterange")).is_err());
    assert!(one_column("keep", ColumnFacts::new("c", "tstzrange")).is_ok());
}

#[test]
fn first_names_keep_their_gender() {
    // Of each kind those that English names are drawn from by `A`, `E` or `S`.
    let female = [
        "Alice",
        "Amelia",
        "Amy",
        "Anna",
        "Eleanor",
        "Elizabeth",
        "Emily",
        "Emma",
        "Evelyn",
        "Sarah",
        "Sophie",
        "Susan",
    ];
    let male = ["Adam", "Albert", "Andrew", "Arthur", "Edward", "Eric", "Simon", "Stephen"];
    let initials = ["A", "E", "S"];
    for (names, of_its_kind) in [
        (["Anna", "Susan", "Claudia", "Martine", "Giulia"], &female[..]),
        (["Adam", "Simon", "Bernd", "Didier", "Giuseppe"], &male[..]),
    ] {
        for name in names {
            for seed in 10..40 {
                let table = [table("t", &[("c", "text")])];
                let rules = Policy::parse("[scrub.columns]\nc = { rule = \"first-name\", language = \"en\" }").unwrap();
                let scrubber = Scrubber::new(&rules, &table, &key(seed)).unwrap();
                let new =
                    String::from_utf8(scrubber.value("public", "t", "c", name.as_bytes()).unwrap().unwrap()).unwrap();
                let is_looked_up = initials.iter().any(|initial| new.starts_with(initial));
                assert!(!is_looked_up || of_its_kind.contains(&new.as_str()), "{name} {new}");
            }
        }
    }
    assert_ne!(scrub("first-name", "text", "芳"), "芳");
}

#[test]
fn a_draw_is_for_types_that_take_a_text() {
    let rule = "{ rule = \"one-of\", values = [\"a\", \"b\"] }";
    for kind in ["money", "ltree"] {
        let refused = one_column(rule, ColumnFacts::new("c", kind)).unwrap_err().to_string();
        assert!(refused.contains(kind), "{refused}");
        let mut texts = table("t", &[("c", kind)]);
        texts.form = offshoot_format::table::RowForm::Text;
        assert!(tables::scrubber(&format!("c = {rule}"), &[texts]).is_ok());
    }
    let mut mood = ColumnFacts::new("c", "mood");
    mood.labels = vec!["sad".to_owned()];
    assert!(one_column("one-of", mood).is_ok());
}

#[test]
fn a_constant_is_written_as_the_server_writes_it() {
    for (kind, value, bytes) in [
        ("date", "\"2000-01-02\"", 1_i32.to_be_bytes().to_vec()),
        ("timestamptz", "\"2000-01-01 00:00:01+00\"", 1_000_000_i64.to_be_bytes().to_vec()),
        (
            "uuid",
            "\"6ba7b810-9dad-41d1-80b4-00c04fd430c8\"",
            b"\x6b\xa7\xb8\x10\x9d\xad\x41\xd1\x80\xb4\0\xc0\x4f\xd4\x30\xc8".to_vec(),
        ),
        ("inet", "\"192.0.2.1\"", vec![2, 32, 0, 4, 192, 0, 2, 1]),
        ("bytea", "\"\\\\x00ff\"", vec![0, 255]),
        ("numeric", "\"12.50\"", vec![0, 2, 0, 0, 0, 0, 0, 2, 0, 12, 19, 136]),
        ("numeric", "7", vec![0, 1, 0, 0, 0, 0, 0, 0, 0, 7]),
        ("float8", "7", 7_f64.to_be_bytes().to_vec()),
        ("_date", "\"2000-01-02\"", Vec::new()),
    ] {
        let scrubber =
            one_column(&format!("{{ rule = \"constant\", value = {value} }}"), ColumnFacts::new("c", kind)).unwrap();
        if !kind.starts_with('_') {
            assert_eq!(scrubber.value("public", "t", "c", &bytes).unwrap().unwrap(), bytes, "{kind}");
        }
    }
    for (kind, bad) in
        [("date", "\"yesterday\""), ("uuid", "\"7\""), ("numeric", "\"a lot\""), ("inet", "7"), ("bytea", "\"x\"")]
    {
        let rule = format!("{{ rule = \"constant\", value = {bad} }}");
        assert!(one_column(&rule, ColumnFacts::new("c", kind)).unwrap_err().to_string().contains("type"), "{kind}");
    }
}

#[test]
fn a_lookup_draws_from_its_list_alone() {
    let text = "[scrub.columns]\nc = { rule = \"lookup\", list = \"towns\" }\n[scrub.lists]\ntowns = ";
    let plan = |list: &str| {
        let policy = Policy::parse(&format!("{text}{list}")).unwrap();
        Scrubber::new(&policy, &[table("t", &[("c", "text")])], &key(1))
    };
    let towns = ["Oslo", "Bergen", "São Paulo", "東京"];
    let scrubber = plan(&format!("{towns:?}")).unwrap();
    let draw = |value: String| scrubber.value("public", "t", "c", value.as_bytes()).unwrap().unwrap();
    let drawn: std::collections::HashSet<Vec<u8>> = (0..200).map(|n| draw(format!("place {n}"))).collect();
    assert_eq!(drawn, towns.iter().map(|town| town.as_bytes().to_vec()).collect());
    assert_eq!(draw("place 7".to_owned()), draw("place 7".to_owned()));
    // A list of a file is nobody's until somebody has read the file.
    let policy = Policy::parse(&format!("{text}{{ file = \"towns.txt\" }}")).unwrap();
    assert_eq!(policy.list_files().collect::<Vec<_>>(), [("towns", "towns.txt")]);
    assert!(plan("{ file = \"towns.txt\" }").unwrap_err().to_string().contains("there is no list `towns`"));
    let tables = [table("t", &[("c", "text")])];
    let read = Scrubber::new(&policy.with_list("towns", towns.map(str::to_owned).to_vec()), &tables, &key(1)).unwrap();
    assert_eq!(read.value("public", "t", "c", b"place 7").unwrap().unwrap(), draw("place 7".to_owned()));
    for bad in ["[]", "{}", "{ file = \"\" }", "{ file = 1 }", "{ file = \"a\", other = 1 }", "\"a\""] {
        assert!(Policy::parse(&format!("{text}{bad}")).is_err(), "{bad}");
    }
}

#[test]
fn the_default_takes_the_place_of_values_of_any_type() {
    let with = |kind: &str, default: Option<&[u8]>| {
        let mut column = ColumnFacts::new("c", kind);
        column.default = default.map(<[u8]>::to_vec);
        one_column("default", column)
    };
    let point = [1.5_f64, -2.0].map(f64::to_be_bytes).concat();
    for (kind, default, value) in [
        ("text", &b"unknown"[..], &b"Ann"[..]),
        ("int4", &7_i32.to_be_bytes(), &9_i32.to_be_bytes()),
        ("int2", &7_i16.to_be_bytes(), &9_i16.to_be_bytes()),
        ("bool", &[1], &[0]),
        ("float8", &0.5_f64.to_be_bytes(), &9.25_f64.to_be_bytes()),
        ("date", &(-1_i32).to_be_bytes(), &i32::MAX.to_be_bytes()),
        ("timestamptz", &i64::MAX.to_be_bytes(), &0_i64.to_be_bytes()),
        ("uuid", &[7; 16], &[9; 16]),
        ("inet", &[2, 32, 0, 4, 10, 0, 0, 1], &[2, 32, 0, 4, 192, 168, 0, 1]),
        ("point", &point, &[0; 16]),
        ("bytea", b"none", b"\x00\x01"),
        ("jsonb", b"\x01{}", b"\x01{\"a\": 1}"),
    ] {
        let scrubber = with(kind, Some(default)).unwrap();
        assert_eq!(scrubber.value("public", "t", "c", value).unwrap().unwrap(), default, "{kind}");
    }
    for (kind, default) in [("text", None), ("int4", None), ("_text", Some(&b"junk"[..])), ("ltree", Some(b"a.b"))] {
        assert!(with(kind, default).is_err(), "{kind}");
    }
}
