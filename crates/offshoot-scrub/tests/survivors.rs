//! The survivor proof: the classic leaks, each a test named after it, and what must not cry wolf.

#![allow(clippy::unwrap_used)]

use offshoot_format::column::Column;
use offshoot_format::table::{Layout, RowForm};
use offshoot_scrub::survivors::{Inputs, MemoryRuns, Output, Place, ProofError, Source, Survivors};
use proptest::prelude::*;

const RANDOM: [u8; 32] = *b"a random key for one proof alone";

/// A proof over given inputs: (column, rule, type, values).
struct Proof {
    sources: Vec<(&'static str, &'static str, &'static str, Vec<Vec<u8>>)>,
    outputs: Vec<(Output, Vec<Vec<u8>>)>,
    memory_bytes: usize,
}

fn place(column: &str) -> Place {
    Place::column("public", "t", column)
}

fn texts<T: AsRef<[u8]>>(values: &[T]) -> Vec<Vec<u8>> {
    values.iter().map(|value| value.as_ref().to_vec()).collect()
}

impl Proof {
    fn of<T: AsRef<[u8]>>(column: &'static str, rule: &'static str, type_name: &'static str, values: &[T]) -> Self {
        Self { sources: vec![(column, rule, type_name, texts(values))], outputs: Vec::new(), memory_bytes: 64 << 20 }
    }

    fn output<T: AsRef<[u8]>>(mut self, column: &str, rule: &str, type_name: &str, cells: &[T]) -> Self {
        let output = Output::new(place(column), rule, rule, true, type_name, RowForm::Binary);
        self.outputs.push((output, texts(cells)));
        self
    }

    fn object(mut self, label: &str, text: &str) -> Self {
        self.outputs.push((Output::object(label), texts(&[text])));
        self
    }

    fn run(self) -> Survivors {
        let sources = self
            .sources
            .iter()
            .map(|(column, rule, type_name, _)| Source::new(place(column), rule, rule, type_name, RowForm::Binary))
            .collect();
        let inputs = Inputs::new(RANDOM, sources, Box::new(MemoryRuns::default()), self.memory_bytes).unwrap();
        let mut collector = inputs.collector().unwrap();
        for (at, (.., values)) in self.sources.iter().enumerate() {
            values.iter().for_each(|value| collector.observe(at, value).unwrap());
        }
        collector.finish().unwrap();
        let search = inputs.finish().unwrap().search(self.outputs.iter().map(|(output, _)| output.clone()).collect());
        let mut searcher = search.searcher().unwrap();
        for (at, (_, cells)) in self.outputs.iter().enumerate() {
            cells.iter().for_each(|cell| searcher.cell(at, cell).unwrap());
        }
        searcher.finish().unwrap();
        search.finish().unwrap()
    }
}

fn found(survivors: &Survivors) -> Vec<(String, u64)> {
    survivors.findings.iter().map(|finding| (finding.place.to_string(), finding.cells)).collect()
}

/// One address among others is found in a kept cell of this type.
fn leaks(type_name: &str, cell: &[u8]) {
    let survivors = Proof::of("email", "email", "text", &MAILS).output("copy", "keep", type_name, &[cell]).run();
    assert_eq!(found(&survivors), [("public.t.copy".to_owned(), 1)], "{:?}", String::from_utf8_lossy(cell));
    assert!(!survivors.is_clean());
}

const MAILS: [&str; 3] = ["anna.schmidt@mail.example", "li.wei@other.example", "Zoë.Krüger@drittes.example"];

#[test]
fn phrases_beside_a_changed_part_are_not_looked_for() {
    let words: Vec<String> = (0..400_u32).map(|n| format!("paragraph{} of", n.wrapping_mul(2_654_435_761))).collect();
    for at in 0..20 {
        let text = |part: &str| format!("{} {part} {}", words[..10 * at].join(" "), words[10 * at..].join(" "));
        let (before, after) = (text("+1 415 867 5309"), text("+1 902 334 1127"));
        let source = Source::new(place("body"), "regex", "regex", "text", RowForm::Binary);
        let inputs = Inputs::new(RANDOM, vec![source], Box::new(MemoryRuns::default()), 64 << 20).unwrap();
        let mut collector = inputs.collector().unwrap();
        collector.observe_changed(0, before.as_bytes(), after.as_bytes()).unwrap();
        collector.finish().unwrap();
        let output = |column: &str, rule: &str| Output::new(place(column), rule, rule, false, "text", RowForm::Binary);
        let search = inputs.finish().unwrap().search(vec![output("body", "regex"), output("note", "keep")]);
        let mut searcher = search.searcher().unwrap();
        searcher.cell(0, after.as_bytes()).unwrap();
        searcher.cell(1, b"call +1 415 867 5309").unwrap();
        searcher.finish().unwrap();
        assert_eq!(found(&search.finish().unwrap()), [("public.t.note".to_owned(), 1)], "{at}");
    }
}

#[test]
fn names_in_two_columns_are_found_as_one() {
    let column = |values: &[&str]| {
        let mut column = Column::new(Layout::Var);
        values.iter().for_each(|value| column.push(value.as_bytes()).unwrap());
        column
    };
    let (first, last) = (column(&["Anna", "Li", ""]), column(&["Schmidt", "Wei", "Meier"]));
    for (note, is_found) in [
        ("met Anna Schmidt today", true),
        ("Schmidt, Anna", true),
        ("SCHMIDT Anna", true),
        ("Anna Meier", false),
        ("Anna", false),
        ("Li Wei", false),
    ] {
        let source = |name: &str, rule: &str| Source::new(place(name), rule, rule, "text", RowForm::Binary);
        let sources = vec![source("first", "first-name"), source("last", "last-name")];
        let inputs = Inputs::new(RANDOM, sources, Box::new(MemoryRuns::default()), 64 << 20).unwrap();
        let mut collector = inputs.collector().unwrap();
        collector.observe_column(0, &first).unwrap();
        collector.observe_column(1, &last).unwrap();
        collector.observe_names((0, &first), (1, &last)).unwrap();
        collector.finish().unwrap();
        let output = Output::new(place("note"), "keep", "keep", false, "text", RowForm::Binary);
        let search = inputs.finish().unwrap().search(vec![output]);
        let mut searcher = search.searcher().unwrap();
        searcher.cell(0, note.as_bytes()).unwrap();
        searcher.finish().unwrap();
        assert_eq!(!search.finish().unwrap().is_clean(), is_found, "{note}");
    }
}

#[test]
fn hardware_addresses_are_found_as_people_write_them() {
    let survivors = Proof::of("mac", "mac", "macaddr", &[b"\x00\x1b\x44\x11\x3a\xb7"])
        .output("log", "keep", "text", &["from 00:1B:44:11:3A:B7 at noon", "001b.4411.3ab7", "00-1b-44-11-3a-b8"])
        .output("copy", "keep", "macaddr", &[b"\x00\x1b\x44\x11\x3a\xb7"])
        .run();
    assert_eq!(found(&survivors), [("public.t.copy".to_owned(), 1), ("public.t.log".to_owned(), 2)]);
}

#[test]
fn audit_table_with_the_old_email_in_json() {
    leaks("jsonb", b"\x01{\"op\": \"update\", \"old\": {\"id\": 7, \"email\": \"anna.schmidt@mail.example\"}}");
    leaks("json", br#"{"old": {"email": "Zo\u00eb.Kr\u00fcger@drittes.example"}}"#);
}

#[test]
fn search_vector_of_the_address() {
    leaks("tsvector", b"\0\0\0\x02anna.schmidt@mail.example\0\0\x01\0\x01hello\0\0\x01\0\x02");
}

#[test]
fn search_vector_of_a_name_is_sorted_and_still_found() {
    let reading = Output::new(place("words"), "keep", "keep", false, "tsvector", RowForm::Text);
    let mut proof = Proof::of("name", "full-name", "text", &["Kate Abernathy", "Li Wei"]);
    proof.outputs.push((reading, texts(&["'abernathy':2 'kate':1 'met':3"])));
    assert_eq!(found(&proof.run()).len(), 1);
}

#[test]
fn json_copy_in_a_text_column() {
    leaks("text", br#"{"email":"anna.schmidt@mail.example"}"#);
    leaks("text", br#"{\"email\":\"zo\\u00eb.kr\u00fcger@drittes.example\"}"#);
}

#[test]
fn array_copy() {
    let mut array = vec![0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 20];
    array.extend_from_slice(b"li.wei@other.example");
    leaks("_text", &array);
}

#[test]
fn copies_in_bytes_and_in_types_without_meaning() {
    leaks("bytea", b"anna.schmidt@mail.example");
    // An hstore: a length of 0x00000041 before the key would look like a letter.
    leaks("hstore", b"\0\0\0\x01\0\0\0\x41anna.schmidt@mail.example\0\0\0\x01x");
    leaks("xml", b"<user mail='anna.schmidt&#64;mail.example'/>");
}

#[test]
fn comment_enum_label_default_check_view_and_partition_bound() {
    let objects = [
        ("comment on column public.users.email", "such as Anna.Schmidt@mail.example; see the wiki"),
        ("type public.owner", "CREATE TYPE owner AS ENUM ('nobody', 'li.wei@other.example')"),
        ("default of public.t.mail", "'anna.schmidt@mail.example'::text"),
        ("check t_mail", "CHECK ((mail <> 'anna.schmidt@mail.example'::text))"),
        ("view public.v", "SELECT * FROM t WHERE mail = 'anna.schmidt@mail.example'"),
        ("partition public.p", "FOR VALUES IN ('anna.schmidt@mail.example')"),
    ];
    let proof = Proof::of("email", "email", "text", &MAILS);
    let survivors = objects.iter().fold(proof, |proof, (label, text)| proof.object(label, text)).run();
    assert_eq!(survivors.findings.len(), objects.len(), "{:?}", survivors.findings);
    assert_eq!((survivors.objects, survivors.columns), (6, 0));
}

#[test]
fn free_text_mention() {
    leaks("text", b"On Monday we wrote to anna.schmidt@mail.example, without an answer.");
}

#[test]
fn email_with_other_case() {
    leaks("text", b"ANNA.Schmidt@MAIL.example");
    leaks("text", "ZOE\u{308}.KRU\u{308}GER@drittes.example".as_bytes());
}

#[test]
fn url_encoded_email() {
    leaks("text", b"https://shop.example/out?to=anna.schmidt%40mail.example&n=1");
}

#[test]
fn phone_with_other_separators() {
    let phones = ["+1 (415) 867-5309", "0049 171 2345678"];
    let cells = ["1.415.867.5309", "tel:14158675309", "call 1-415-867-5309 or 12 34", "+49 (171) 234-5678"];
    let survivors = Proof::of("phone", "phone", "text", &phones).output("copy", "keep", "text", &cells).run();
    assert_eq!(found(&survivors), [("public.t.copy".to_owned(), 4)]);
}

#[test]
fn phone_in_a_number_column() {
    let survivors = Proof::of("phone", "phone", "text", &["+1 (415) 867-5309"])
        .output("copy", "keep", "int8", &[14_158_675_309_i64.to_be_bytes(), 7_i64.to_be_bytes()])
        .run();
    assert_eq!(found(&survivors), [("public.t.copy".to_owned(), 1)]);
}

#[test]
fn card_with_spaces() {
    let survivors = Proof::of("card", "card", "text", &["4111111111111111"])
        .output("note", "keep", "text", &["paid with 4111 1111 1111 1111."])
        .run();
    assert_eq!(survivors.findings.len(), 1);
}

#[test]
fn email_inside_of_a_note_that_is_scrubbed() {
    let note =
        "Spoke with her on 2024-05-01 about the late parcel, she asks for an answer to anna.schmidt@mail.example soon";
    let survivors = Proof::of("note", "words", "text", &[note])
        .output("mail", "keep", "text", &["anna.schmidt@mail.example"])
        .output("day", "keep", "text", &["2024-05-01"])
        .run();
    assert_eq!(found(&survivors), [("public.t.mail".to_owned(), 1)]);
}

#[test]
fn a_copied_passage_of_a_note() {
    let note = "The tenant complained three times that water drips from the bathroom ceiling every night since the neighbours above moved in";
    let copy =
        "Summary: water drips from the bathroom ceiling every night since the neighbours above moved in. Plumber sent.";
    let survivors = Proof::of("note", "words", "text", &[note]).output("summary", "keep", "text", &[copy]).run();
    assert_eq!(survivors.findings.len(), 1);
}

#[test]
fn precise_instants_and_bytes() {
    let instant = 775_123_456_789_012_i64.to_be_bytes();
    let survivors = Proof::of("seen", "date-shift", "timestamptz", &[instant])
        .output("copy", "keep", "timestamptz", &[instant, [0; 8]])
        .run();
    assert_eq!(found(&survivors), [("public.t.copy".to_owned(), 1)]);
    let survivors = Proof::of("print", "shape", "bytea", &[b"\xff\xfe\x01\x02\x03\x04\x05\x06"])
        .output("copy", "keep", "bytea", &[b"\xff\xfe\x01\x02\x03\x04\x05\x06"])
        .run();
    assert_eq!(found(&survivors).len(), 1);
}

#[test]
fn a_keep_column_of_countries_does_not_cry_wolf() {
    let countries = ["Anna", "Chad", "Jordan", "Georgia", "Netherlands", "New Zealand"];
    let mut notes: Vec<String> = (0..60).map(|n| format!("Customer {n} moved to New Zealand and Anna wrote")).collect();
    notes.extend(["Jordan".to_owned(), "Anna".to_owned(), "Georgia".to_owned(), "Chad".to_owned()]);
    let survivors = Proof::of("note", "words", "text", &notes).output("country", "keep", "text", &countries).run();
    assert!(survivors.is_clean(), "{:?}", survivors.findings);
}

#[test]
fn values_that_many_rows_share_do_not_cry_wolf() {
    let values: Vec<String> = (0..100).map(|_| "unknown customer".to_owned()).collect();
    let survivors =
        Proof::of("name", "full-name", "text", &values).output("label", "keep", "text", &["unknown customer"]).run();
    assert!(survivors.is_clean());
    assert_eq!(survivors.common, 1);
}

/// Numbers below ten million, spread by a permutation.
fn spread(from: u64, count: u64) -> Vec<Vec<u8>> {
    // A multiplication modulo a prime near the size of the domain: no two meet.
    (from..from + count).map(|n| format!("{:07}", n * 7_654_321 % 9_999_991).into_bytes()).collect()
}

#[test]
fn a_permuted_phone_column_does_not_cry_wolf_and_its_copy_is_found() {
    // A number with a leading zero is a shorter one to the search.
    let keep = |values: Vec<Vec<u8>>| -> Vec<Vec<u8>> { values.into_iter().filter(|value| value[0] != b'0').collect() };
    let (inputs, outputs) = (keep(spread(1, 1_000_000)), keep(spread(2_000_001, 1_000_000)));
    // As a permutation does: of the outputs as large a share are inputs as of all numbers.
    let outputs: Vec<Vec<u8>> = outputs
        .iter()
        .zip(&inputs)
        .enumerate()
        .map(|(at, (new, old))| if at % 10 == 0 { old.clone() } else { new.clone() })
        .collect();
    let copy = inputs.clone();
    let survivors = Proof::of("phone", "shape", "text", &inputs)
        .output("phone", "shape", "text", &outputs)
        .output("copy", "keep", "text", &copy)
        .run();
    assert_eq!(survivors.findings.len(), 1, "{:?} {:?}", survivors.findings, survivors.chance);
    assert_eq!(survivors.findings[0].place, place("copy"));
    assert_eq!(survivors.findings[0].cells, copy.len() as u64);
    assert_eq!(survivors.chance.len(), 1);
}

#[test]
fn exempt_rules_are_listed_and_only_exempt_from_their_own_inputs() {
    let survivors = Proof::of("name", "bucket", "text", &["Kate Abernathy", "Norman Bates"])
        .output("name", "bucket", "text", &["Norman Bates", "Kate Abernathy"])
        .output("other", "partial", "text", &["Norman Bates"])
        .output("list", "full-name", "text", &["Norman Bates"])
        .run();
    assert_eq!(found(&survivors), [("public.t.other".to_owned(), 1)]);
    assert_eq!(survivors.exempt.iter().map(|exempt| exempt.cells).collect::<Vec<_>>(), [2, 0, 1]);
}

#[test]
fn values_that_their_rule_left_as_they_were() {
    let sources = vec![
        Source::new(place("email"), "email", "email", "text", RowForm::Binary),
        Source::new(place("city"), "city", "city", "text", RowForm::Binary),
    ];
    let inputs = Inputs::new(RANDOM, sources, Box::new(MemoryRuns::default()), 1 << 20).unwrap();
    let mut collector = inputs.collector().unwrap();
    collector.compare(0, b"anna@x.example", b"anna@x.example").unwrap();
    collector.compare(0, b"anna@x.example", b"kqfa@x.example").unwrap();
    collector.compare(0, b"?", b"?").unwrap();
    collector.compare(1, b"Abbottville", b"Abbottville").unwrap();
    collector.finish().unwrap();
    let survivors = inputs.finish().unwrap().search(Vec::new()).finish().unwrap();
    assert!(!survivors.is_clean());
    assert_eq!((survivors.unchanged.len(), survivors.unchanged[0].cells), (1, 1));
}

#[test]
fn what_was_not_finished_proves_nothing() {
    let inputs = || {
        Inputs::new(
            RANDOM,
            vec![Source::new(place("a"), "shape", "shape", "text", RowForm::Binary)],
            Box::new(MemoryRuns::default()),
            1 << 20,
        )
        .unwrap()
    };
    assert!(matches!(Inputs::new([7; 32], Vec::new(), Box::new(MemoryRuns::default()), 0), Err(ProofError::Key(_))));
    let one = inputs();
    drop(one.collector().unwrap());
    assert!(matches!(one.finish(), Err(ProofError::Unfinished)));
    let one = inputs();
    assert!(matches!(one.collector().unwrap().observe(1, b"x"), Err(ProofError::Unannounced)));
    let search = inputs().finish().unwrap().search(Vec::new());
    drop(search.searcher().unwrap());
    assert!(matches!(search.finish(), Err(ProofError::Unfinished)));
}

#[test]
fn little_memory_changes_nothing_but_where_runs_lie() {
    let values: Vec<String> =
        (0..200_000).map(|n: u64| format!("user{}@host{}.example", n * 7919 % 1_000_003, n % 977)).collect();
    let run = |memory_bytes| {
        let mut proof = Proof::of("email", "email", "text", &values)
            .output("copy", "keep", "text", &values[100_000..100_100])
            .output("email", "email", "text", &["nobody@else.test"]);
        proof.memory_bytes = memory_bytes;
        proof.run()
    };
    let (large, small) = (run(256 << 20), run(1 << 20));
    assert_eq!(large.findings, small.findings);
    assert_eq!((large.findings.len(), large.findings[0].cells, large.findings[0].values), (1, 100, 100));
    assert!(small.filter_bytes <= 1 << 20 && large.filter_bytes < 200_000 * 6);
    println!("{:.2} and {:.2} bytes a needle", large.bytes_a_needle(), small.bytes_a_needle());
}

/// A text of a megabyte without blanks in another script took minutes when each of its letters looked at all that follow.
#[test]
fn long_texts_of_any_script_take_linear_time() {
    let long = "δέλτα".repeat(100_000);
    let unspaced = "山田太郎".repeat(50_000);
    let survivors = Proof::of("note", "words", "text", &[&long, &unspaced])
        .output("copy", "keep", "text", &[&long, &unspaced])
        .run();
    assert_eq!(survivors.findings.len(), 1);
}

#[test]
fn what_is_found_says_what_mends_it() {
    for (rule, mends) in [
        ("keep", "give the column a rule, such as `email`, `words`, `json` or `null`"),
        ("template", "leave the columns that are not rewritten out of the template"),
        ("json", "take the rule `keep` from the paths that hold the value"),
        ("words", "give the column another rule, such as `email` or `null`"),
    ] {
        let cells = [MAILS[0], "nothing"];
        let survivors = Proof::of("email", "email", "text", &MAILS).output("copy", rule, "text", &cells).run();
        let [finding] = &survivors.findings[..] else { panic!("{rule}: {:?}", survivors.findings) };
        assert_eq!((finding.mend().as_str(), finding.cells, finding.values), (mends, 1, 1), "{rule}");
        assert_eq!(finding.to_string(), format!("public.t.copy: 1 cells with values of public.t.email; {mends}"));
    }
    let object = Proof::of("email", "email", "text", &MAILS).object("comment on table public.t", MAILS[1]).run();
    assert_eq!(object.findings[0].mend(), "take the value out of the schema of the source");
}

#[test]
fn a_report_holds_no_value() {
    let survivors = Proof::of("email", "email", "text", &MAILS).output("copy", "keep", "text", &MAILS).run();
    let shown = format!("{survivors:?} {} {}", survivors.findings[0], serde_json::to_string(&survivors).unwrap());
    assert!(MAILS.iter().all(|mail| !shown.contains(mail)) && shown.contains("email"));
}

/// Texts of letters of many scripts.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z]{2,9}[. _-][a-zA-Z]{6,12}",
        "[a-z]{3,8}\\.[a-z]{3,8}@[a-z]{3,8}\\.(com|org|example)",
        "\\+[1-9][0-9]{6,12}",
        "[0-9]{3}[ -][0-9]{3}[ -][0-9]{4}",
        "[α-ω]{4,9} [Α-Ρ]{4,9}",
        "[а-я]{4,9} [А-Я]{4,9}",
        "[א-ת]{8,12}",
        "[一-龥]{3,8}",
        "[가-힣]{3,6}",
        "[あ-ん]{6,9}",
        "[ก-ฮ]{8,12}",
        "[अ-ह]{8,12}",
        "[à-ö]{8,12}",
    ]
}

/// A sample, or the long form of a night.
fn cases() -> ProptestConfig {
    let cases = if std::env::var_os("OFFSHOOT_LONG").is_some() { 10_000 } else { 300 };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_planted_input_is_found_anywhere(
        value in value(),
        before in "[ a-zA-Zé一\"',;(]{0,30}",
        after in "[ a-zA-Zé一\"',;)]{0,30}",
        upper in any::<bool>(),
    ) {
        let planted = if upper { value.to_uppercase() } else { value.clone() };
        let cell = format!("{before} {planted}\t{after}");
        let survivors = Proof::of("source", "shape", "text", &[&value]).output("copy", "keep", "text", &[&cell]).run();
        if survivors.needles > 0 {
            prop_assert_eq!(found(&survivors), [("public.t.copy".to_owned(), 1)]);
        } else {
            // A number of seven digits of which some are leading zeros, at the most.
            prop_assert!(value.starts_with("000") || value.len() < 9, "{}", value);
        }
        let mut planted_in_json = String::from("{\"a\":[1,");
        planted_in_json.push_str(&serde_json::to_string(&cell).unwrap());
        planted_in_json.push_str("]}");
        let survivors = Proof::of("source", "shape", "text", &[&value]).output("copy", "keep", "json", &[&planted_in_json]).run();
        prop_assert_eq!(survivors.findings.len() as u64, survivors.needles.min(1));
    }

    #[test]
    fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..200), type_name in prop_oneof![Just("text"), Just("json"), Just("jsonb"), Just("tsvector"), Just("_text"), Just("int8"), Just("numeric"), Just("hstore"), Just("inet")]) {
        let survivors = Proof::of("source", "shape", type_name, &[&bytes]).output("copy", "keep", type_name, &[&bytes]).run();
        prop_assert_eq!(survivors.findings.is_empty(), survivors.needles == 0);
    }
}
