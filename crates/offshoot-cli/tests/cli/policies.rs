//! Policies in files of their own: which commands take one, what stands beside it, and what a new one does to chunks that are there.

use crate::scrub::{POLICY, Shop};
use crate::session::Session;
use offshoot_testkit::postgres::shared;
use std::fs;
use std::io::Write as _;
use std::process::Stdio;

#[test]
fn a_list_of_a_policy_may_be_a_file_beside_it() {
    let session = Session::new();
    for args in [&["init"][..], &["key", "new", "key"]] {
        assert_eq!(session.quietly(args).code, Some(0));
    }
    let folder = session.dir().join("policies");
    fs::create_dir(&folder).unwrap();
    let policy = "[scrub.columns]\nc = { rule = \"lookup\", list = \"towns\" }\n[scrub.lists]\ntowns = { file = \"towns.txt\" }\n";
    fs::write(folder.join("policy.toml"), policy).unwrap();
    fs::write(session.dir().join("offshoot.toml"), "key = \"key\"\n").unwrap();
    let capture =
        || session.quietly(&["capture", "postgresql://nobody@127.0.0.1:1/shop", "--policy", "policies/policy.toml"]);
    let ran = capture();
    assert!(ran.code == Some(1) && ran.stderr.contains("policies/towns.txt"), "{:?} {}", ran.code, ran.stderr);
    fs::write(folder.join("towns.txt"), " \n\n").unwrap();
    let ran = capture();
    assert!(
        ran.code == Some(2) && ran.stderr.contains("the list `towns` has no values"),
        "{:?} {}",
        ran.code,
        ran.stderr
    );
    // Now it goes as far as the server, which is not there.
    fs::write(folder.join("towns.txt"), "Oslo\r\nBergen\n").unwrap();
    let ran = capture();
    assert!(ran.code != Some(2) && ran.stderr.contains("127.0.0.1"), "{:?} {}", ran.code, ran.stderr);
}

#[test]
fn every_command_that_scrubs_takes_a_policy_in_a_file() {
    let shop = Shop::new("policy_files");
    shop.policy("");
    fs::write(shop.session.dir().join("shop.toml"), POLICY).unwrap();
    let url = shop.server.url(&shop.db);
    let captured = shop.run(&["--json", "capture", &url, "--name", "prod", "--policy", "shop.toml"]);
    assert_eq!(captured.code, Some(0), "{}", captured.stderr);
    let email = "person7@mail.example.org";
    assert_eq!(shop.run(&["pseudonym", "users.email", email]).code, Some(2), "there is no policy");
    let pseudonym = shop.run(&["pseudonym", "users.email", email, "--policy", "shop.toml", "--from", "prod"]);
    assert_eq!(pseudonym.code, Some(0), "{}", pseudonym.stderr);
    assert!(pseudonym.stdout.trim_end().ends_with(".test"), "{}", pseudonym.stdout);
    for end in ["", "\n", "\r\n"] {
        let mut command = shop.session.command(&["pseudonym", "users.email", "-", "--policy", "shop.toml"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(format!("{email}{end}").as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.stdout, pseudonym.stdout.as_bytes(), "{end:?}");
    }
    let nowhere = shop.run(&["pseudonym", "users.email", email, "--policy", "shop.toml", "--from", "dev"]);
    assert_ne!(nowhere.code, Some(0));

    assert_eq!(shop.run(&["--store", "raw", "init", "--raw"]).code, Some(0));
    assert_eq!(shop.run(&["--store", "raw", "capture", &url]).code, Some(0));
    let into = ["--store", "raw", "--json", "scrub", &shop.db, "--into", ".offshoot", "--name", "again"];
    assert_eq!(shop.run(&into).code, Some(2), "there is no policy");
    let scrubbed = shop.run(&[&into[..], &["--policy", "shop.toml"]].concat());
    assert_eq!(scrubbed.code, Some(0), "{}", scrubbed.stderr);
    assert_eq!(scrubbed.json()["content_root"], captured.json()["content_root"]);

    let preview = ["preview", &url, "--table", "users", "--policy", "shop.toml"];
    let Some(shown) = crate::terminal::on_terminal(&shop.session, &preview, &[("NO_COLOR", "1")]) else {
        println!("SKIPPED the preview: there is no program `script`");
        return;
    };
    assert!(shown.contains(email) && shown.contains(pseudonym.stdout.trim()), "{shown}");
}

#[test]
fn what_is_in_a_chunk_that_was_there_already_is_found() {
    let shop = Shop::new("policy_reused");
    let db = shop.server.fresh_db("policy_reused_small");
    shop.server.psql(
        &db,
        "CREATE TABLE people (id int PRIMARY KEY, mail text); CREATE TABLE letters (id int PRIMARY KEY, sent_to text);
         INSERT INTO people SELECT n, 'person' || n || '@mail.example.org' FROM generate_series(1, 500) n;
         INSERT INTO letters SELECT n, 'person' || n || '@mail.example.org' FROM generate_series(1, 500) n",
    );
    let capture = |rule: &str| {
        shop.policy(&format!(
            "[scrub.tables.people]\nid = 'keep'\nmail = '{rule}'\n[scrub.tables.letters]\n'*' = 'keep'\n"
        ));
        shop.run(&["--json", "capture", &shop.server.url(&db), "--name", "letters"])
    };
    assert_eq!(capture("keep").code, Some(0));
    assert_eq!(capture("keep").json()["added_bytes"], 0);
    // The rows of the other table are no others, so their chunk is not written again: it is read all the same.
    let ran = capture("email");
    assert_eq!(ran.code, Some(4), "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stderr.contains("public.letters.sent_to") && ran.stderr.contains("public.people.mail"),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains("mail.example.org"), "{}", ran.stderr);
    // What the refused one shared with the last one stays.
    let verified = shop.run(&["verify"]);
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
}

#[test]
fn texts_in_an_encoding_that_no_rule_can_read_are_refused_before_a_row_is_read() {
    let server = shared();
    let db = server.fresh_db("policy_euc_jp");
    server.dropdb(&db);
    server.createdb(&db, "TEMPLATE template0 ENCODING 'EUC_JP' LC_COLLATE 'C' LC_CTYPE 'C'");
    server.psql(
        &db,
        "CREATE TABLE people (id int PRIMARY KEY, name text, born date);
         INSERT INTO people SELECT n, '山田太郎' || n, date '1970-01-01' + n FROM generate_series(1, 100) n",
    );
    let session = Session::new();
    for args in [&["init"][..], &["key", "new", "key"]] {
        assert_eq!(session.quietly(args).code, Some(0));
    }
    let capture = |rule: &str| {
        let policy = format!("key = 'key'\n[scrub.tables.people]\nid = 'keep'\nname = '{rule}'\nborn = 'date-shift'\n");
        fs::write(session.dir().join("offshoot.toml"), policy).unwrap();
        session.quietly(&["capture", &server.url(&db), "--name", "people"])
    };
    for rule in ["shape", "full-name", "redact", "email"] {
        let ran = capture(rule);
        assert_eq!(ran.code, Some(2), "{rule}: {}", ran.stderr);
        assert!(ran.stderr.contains("public.people.name") && ran.stderr.contains("EUC_JP"), "{rule}: {}", ran.stderr);
    }
    assert_eq!(fs::read_dir(session.dir().join(".offshoot/packs")).unwrap().count(), 0);
    for rule in ["null", "keep"] {
        let ran = capture(rule);
        assert_eq!(ran.code, Some(0), "{rule}: {}", ran.stderr);
    }
    server.dropdb(&db);
}
