//! A folder of its own in which commands run one after the other, with a transcript that golden files are compared to.
//!
//! What differs from run to run is made equal in the transcript: hashes, times, folders, ports. With OFFSHOOT_BLESS=1
//! the golden files are written instead.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A password that is in connection strings and may be in no output.
pub const SECRET: &str = "hunter2-s3cr3t";

/// What a capture into a raw store says before all else.
pub const RAW_WARNING: &str = "warning: .offshoot is a raw store: rows enter it as they are, personal data included\n";

/// What a command came to.
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    fn new(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let ran = Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
        assert!(!ran.stdout.contains(SECRET) && !ran.stderr.contains(SECRET), "the password got out");
        ran
    }

    /// The object on stdout.
    pub fn json(&self) -> serde_json::Value {
        let object: serde_json::Value = serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!("{error} in {:?}, stderr {:?}", self.stdout, self.stderr);
        });
        assert_eq!(object["version"], 1);
        object
    }
}

/// A folder in which commands run.
pub struct Session {
    dir: tempfile::TempDir,
    transcript: String,
    /// What is replaced, longest first.
    replaced: Vec<(String, String)>,
    /// Set for every command.
    variables: Vec<(String, String)>,
}

impl Session {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let replaced = vec![(dir.path().to_str().unwrap().to_owned(), "DIR".to_owned())];
        Self { dir, transcript: String::new(), replaced, variables: Vec::new() }
    }

    /// Sets a variable for every command.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// The variables that are set for every command.
    pub fn variables(&self) -> &[(String, String)] {
        &self.variables
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Makes a text that differs from run to run equal in the transcript.
    pub fn replace(&mut self, from: impl Into<String>, to: &str) {
        self.replaced.push((from.into(), to.to_owned()));
    }

    /// The command with an environment of its own.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_offshoot"));
        command.args(args).current_dir(self.dir()).env_clear().stdin(Stdio::null());
        command.env("HOME", self.dir()).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command without a line in the transcript.
    pub fn quietly(&self, args: &[&str]) -> Ran {
        Ran::new(self.command(args).output().unwrap())
    }

    /// Runs a command.
    pub fn run(&mut self, args: &[&str]) -> Ran {
        self.run_with(args, &[])
    }

    /// Runs a command with variables.
    pub fn run_with(&mut self, args: &[&str], variables: &[(&str, &str)]) -> Ran {
        let ran = Ran::new(self.command(args).envs(variables.iter().copied()).output().unwrap());
        let shown = args.iter().map(|arg| if arg.contains(' ') { format!("'{arg}'") } else { (*arg).to_owned() });
        let set = variables.iter().map(|(name, value)| format!("{name}={value} ")).collect::<String>();
        writeln!(self.transcript, "$ {set}offshoot {}", shown.collect::<Vec<_>>().join(" ")).unwrap();
        self.transcript.push_str(&ran.stdout);
        self.transcript.extend(ran.stderr.lines().map(|line| format!("! {line}\n")));
        if ran.code != Some(0) {
            writeln!(self.transcript, "[exit {}]", ran.code.unwrap_or(-1)).unwrap();
        }
        self.transcript.push('\n');
        ran
    }

    /// Adds a remark to the transcript.
    pub fn remark(&mut self, text: &str) {
        writeln!(self.transcript, "# {text}").unwrap();
    }

    /// Compares the transcript with a golden file.
    #[track_caller]
    pub fn compare(&self, name: &str) {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
        let found = steady(&self.transcript, &self.replaced).replace(SECRET, "PASSWORD");
        let mute = errors_without_a_step(&found);
        assert!(mute.is_empty(), "{name} has errors that do not say what to do next: {mute:#?}");
        if std::env::var_os("OFFSHOOT_BLESS").is_some() {
            std::fs::write(&path, found).unwrap();
            return;
        }
        let wanted = std::fs::read_to_string(&path).unwrap_or_default();
        for (at, (wanted, found)) in wanted.lines().zip(found.lines()).enumerate() {
            assert_eq!(wanted, found, "line {} of {name}; OFFSHOOT_BLESS=1 writes it anew", at + 1);
        }
        assert_eq!(wanted, found, "{name}; OFFSHOOT_BLESS=1 writes it anew");
    }
}

/// Commands of a transcript that failed without a word about what to do next: a hint, or where the usage is told.
fn errors_without_a_step(transcript: &str) -> Vec<&str> {
    let steps = ["! hint: ", "! For more information, try '--help'."];
    let says =
        |command: &str, steps: &[&str]| command.lines().any(|line| steps.iter().any(|step| line.starts_with(step)));
    transcript.split("\n\n").filter(|command| says(command, &["! error: "]) && !says(command, &steps)).collect()
}

#[test]
fn an_error_without_a_next_step_is_seen() {
    let (told, usage) =
        ("$ a\n! error: x\n! hint: y\n", "$ b\n! error: x\n! \n! For more information, try '--help'.\n");
    let mute = "$ c\n! error: x\n!   because y\n[exit 1]";
    assert_eq!(errors_without_a_step(&[told, usage, mute].join("\n")), [mute]);
}

/// The transcript with everything made equal that differs from run to run, without a change of widths in tables.
fn steady(transcript: &str, replaced: &[(String, String)]) -> String {
    let mut text = transcript.to_owned();
    for (from, to) in replaced {
        text = text.replace(from, to);
    }
    let mut letters: HashMap<String, char> = HashMap::new();
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(first) = rest.chars().next() {
        let hex = rest.bytes().take_while(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase()).count();
        if hex == 64 || hex == 12 || hex == 32 {
            let next = char::from(b'a' + u8::try_from(letters.len() % 26).unwrap());
            let letter = *letters.entry(rest[..12].to_owned()).or_insert(next);
            out.extend(std::iter::repeat_n(letter, hex));
            rest = &rest[hex..];
        } else if let Some((shown, length)) = moment(rest) {
            out.push_str(shown);
            rest = &rest[length..];
        } else {
            let word = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len()).max(first.len_utf8());
            out.push_str(&rest[..word]);
            rest = &rest[word..];
        }
    }
    out
}

/// A moment or a time span at the start of a text: what stands for it, and its length.
fn moment(text: &str) -> Option<(&'static str, usize)> {
    let like = |pattern: &str| {
        text.len() >= pattern.len()
            && text.is_char_boundary(pattern.len())
            && pattern.bytes().zip(text.bytes()).all(|(p, t)| if p == b'0' { t.is_ascii_digit() } else { p == t })
    };
    if like("0000-00-00 00:00:00") {
        return Some(("YYYY-MM-DD hh:mm:ss", 19));
    }
    let digits = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    let unit = text.get(digits..)?;
    for name in [" ms", " s"] {
        let ends = unit.strip_prefix(name)?;
        if digits > 0 && !ends.starts_with(|c: char| c.is_alphanumeric()) {
            return Some(("SPAN", digits + name.len()));
        }
    }
    None
}
