//! What cannot be done gets one clear error with the next step and a documented exit code; no server is needed for these.

use crate::session::{SECRET, Session};
use std::fs;

#[test]
fn stores() {
    let mut session = Session::new();
    session.run(&["log"]);
    session.run(&["--store", "nowhere", "verify"]);
    session.run(&["--store", "s3://bucket/x", "log"]);
    session.run(&["--store", "", "log"]);
    fs::write(session.dir().join("file"), "x").unwrap();
    session.run(&["--store", "file", "init"]);
    session.run(&["--store", "file", "log"]);
    fs::create_dir(session.dir().join("full")).unwrap();
    fs::write(session.dir().join("full/letter.txt"), "dear").unwrap();
    session.run(&["--store", "full", "init"]);
    session.run(&["init", "--raw"]);
    session.run(&["init"]);

    session.remark("the config is of a newer version");
    let config = session.dir().join(".offshoot/config");
    let sound = fs::read(&config).unwrap();
    let mut newer = sound.clone();
    newer[8] += 1;
    fs::write(&config, &newer).unwrap();
    session.run(&["log"]);
    session.remark("the config is damaged");
    let mut damaged = sound.clone();
    *damaged.last_mut().unwrap() ^= 1;
    fs::write(&config, &damaged).unwrap();
    session.run(&["log"]);
    session.run(&["--json", "log"]);
    fs::write(&config, &sound).unwrap();
    session.run(&["log"]);
    session.compare("bad_stores.txt");
}

#[test]
fn snapshots_and_names() {
    let mut session = Session::new();
    session.quietly(&["init", "--raw"]);
    session.run(&["show", "prod"]);
    session.run(&["show", "prod~"]);
    session.run(&["show", "prod@{yesterday}"]);
    session.run(&["show", ""]);
    session.run(&["tag", "prod", "v1"]);
    session.run(&["tag", "prod", "has space"]);
    session.run(&["tag", "prod"]);
    session.run(&["tag", "v1", "--delete"]);
    session.run(&["forget", "prod"]);
    session.run(&["log", "prod"]);
    session.run(&["verify", "prod"]);
    session.remark("two snapshots begin with the same digits");
    for digit in ["1", "2"] {
        let name = format!("abcd{}", digit.repeat(60));
        fs::write(session.dir().join(".offshoot/snapshots").join(name), "").unwrap();
    }
    session.run(&["show", "abcd"]);
    session.run(&["show", "abcd1"]);
    session.compare("bad_snapshots.txt");
}

#[test]
fn options() {
    let mut session = Session::new();
    session.quietly(&["init", "--raw"]);
    for args in [
        &["capure", "x"][..],
        &["capture"],
        &["capture", "x", "--jobs", "0"],
        &["capture", "x", "--memory", "lots"],
        &["capture", "x", "--max-block", "5"],
        &["capture", "x", "--name", "two words"],
        &["forget", "x", "--keep-last", "0"],
        &["gc", "--grace", "soon"],
        &["completions", "tcsh"],
        &["tag", "x"],
    ] {
        let ran = session.run(args);
        assert_eq!(ran.code, Some(2), "{args:?}");
    }
    session.compare("bad_options.txt");
}

#[test]
fn connection_strings() {
    let mut session = Session::new();
    session.quietly(&["init", "--raw"]);
    let typed = [
        format!("postgresql://ada:{SECRET}@db.example/shop?sslmod=require"),
        format!("postgresql://ada:{SECRET}@db.example/shop?sslmode=requir"),
        format!("postgres//ada:{SECRET}@db.example/shop"),
        format!("mongodb://ada:{SECRET}@db.example/shop"),
        format!("mysql://ada:{SECRET}@db.example/shop?ssl-mode=sometimes"),
        format!("mysql://ada:{SECRET}@db.example"),
        format!("postgresql://ada:{SECRET}/x@db.example:54x2/shop"),
        format!("host=db.example pasword={SECRET}"),
        format!("host=db.example password='{SECRET}"),
        "service=nothing".to_owned(),
    ];
    for text in &typed {
        let ran = session.run(&["capture", text]);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    }
    session.run_with(&["capture", "shop"], &[("PGSSLMODE", "maybe")]);
    session.compare("bad_connection_strings.txt");
}

#[test]
fn a_store_for_scrubbed_rows_wants_a_policy_and_a_key() {
    let mut session = Session::new();
    session.run(&["init"]);
    let ran = session.run(&["capture", "postgresql://nobody@127.0.0.1:1/shop"]);
    assert_eq!(ran.code, Some(4));
    std::fs::write(session.dir().join("offshoot.toml"), "[scrub]\n[scrub.columns]\n\"*\" = \"keep\"\n").unwrap();
    let ran = session.run(&["capture", "postgresql://nobody@127.0.0.1:1/shop"]);
    assert_eq!(ran.code, Some(2));
    std::fs::write(session.dir().join("policy.toml"), "[scrub.tables.users]\nid = \"keep\"\nemail = \"mail\"\n")
        .unwrap();
    let ran = session.run(&["capture", "postgresql://nobody@127.0.0.1:1/shop", "--policy", "policy.toml"]);
    assert_eq!(ran.code, Some(2));
    session.compare("not_raw.txt");
}

#[test]
fn configuration() {
    let mut session = Session::new();
    let project = session.dir().join("offshoot.toml");
    fs::write(&project, "# stores\nstore = 5\n").unwrap();
    session.run(&["log"]);
    fs::write(&project, "store = \"elsewhere\n").unwrap();
    session.run(&["log"]);
    session.run(&["--config", "missing.toml", "log"]);
    fs::write(&project, "store = \"elsewhere\"\n[scrub]\nx = 1\n").unwrap();
    session.run(&["init", "--raw"]);
    session.run_with(&["log"], &[("OFFSHOOT_STORE", "third")]);
    session.run_with(&["--store", "elsewhere", "log"], &[("OFFSHOOT_STORE", "third")]);
    fs::create_dir_all(session.dir().join("deep/er")).unwrap();
    let mut command = session.command(&["--json", "log"]);
    let found = command.current_dir(session.dir().join("deep/er")).output().unwrap();
    assert!(found.status.success(), "the project's file is found by walking up");
    session.remark("the user's own configuration comes after the project's");
    fs::remove_file(&project).unwrap();
    let user = session.dir().join(".config/offshoot");
    fs::create_dir_all(&user).unwrap();
    fs::write(user.join("offshoot.toml"), "store = \"/nonexistent/of-the-user\"\n").unwrap();
    session.run(&["log"]);
    session.compare("configuration.txt");
}
