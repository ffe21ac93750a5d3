//! The words of the command line, which scripts rely on: help, completions, manual pages.

use crate::session::Session;

const COMMANDS: [&str; 24] = [
    "init",
    "scan",
    "capture",
    "log",
    "show",
    "tag",
    "forget",
    "gc",
    "verify",
    "restore",
    "preview",
    "pseudonym",
    "receipt",
    "scrub",
    "key",
    "branch",
    "image",
    "pool",
    "run",
    "git",
    "stats",
    "doctor",
    "completions",
    "man",
];

#[test]
fn help_is_as_it_was() {
    let mut session = Session::new();
    session.run(&["--help"]);
    for command in COMMANDS {
        session.run(&[command, "--help"]);
    }
    session.run(&["--version"]);
    session.compare("help.txt");
}

#[test]
fn completions_and_manual_pages_know_every_command() {
    let session = Session::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = session.quietly(&["completions", shell]);
        assert_eq!(ran.code, Some(0));
        assert!(COMMANDS.iter().all(|command| ran.stdout.contains(command)), "{shell}");
    }
    assert_eq!(session.quietly(&["man", "pages"]).code, Some(0));
    for command in COMMANDS {
        let page = session.dir().join("pages").join(format!("offshoot-{command}.1"));
        assert!(std::fs::read_to_string(&page).unwrap().contains(".SH"), "{}", page.display());
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let session = Session::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = session.command(&["completions", "bash"]);
    let output = command.stdout(writer).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}
