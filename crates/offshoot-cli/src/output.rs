//! stdout and stderr: results to the one, all else to the other; a reader that went away is no failure.

use crate::context::Context;
use crate::failure::{Failure, code};
use crate::render::text::{plain_block, plain_line};
use serde_json::{Value, json};
use std::io::{self, IsTerminal, Write};

/// What a command gives back.
pub struct Report {
    /// For people.
    pub text: String,
    /// For programs: what follows `version` and `command`.
    pub json: Value,
    /// The exit code.
    pub code: u8,
}

impl Report {
    /// A report of something done.
    pub fn done(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json, code: code::DONE }
    }

    /// The same with another exit code.
    pub fn with_code(self, code: u8) -> Self {
        Self { code, ..self }
    }
}

/// Shows what came of a command. Returns the exit code.
pub fn show(command: &str, outcome: Result<Report, Failure>, context: &Context) -> u8 {
    let (text, json, code) = match outcome {
        Ok(report) => (report.text, report.json, report.code),
        Err(failure) => {
            fail(&failure);
            let (code, kind) = (failure.code(), failure.word());
            let error = json!({
                "kind": kind, "message": failure.to_string(), "causes": failure.causes(), "hint": failure.hint(),
            });
            (String::new(), json!({ "error": error, "exit_code": code }), code)
        }
    };
    let text = if context.globals.json { object(command, &json) } else { text };
    match io::stdout().lock().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            fail(&Failure::io("write to", std::path::Path::new("stdout"), &error));
            code.max(code::FAILED)
        }
        _ => code,
    }
}

/// One line of JSON that begins with the version of its form and the command.
fn object(command: &str, fields: &Value) -> String {
    let fields = fields.to_string();
    let rest = fields.strip_prefix('{').unwrap_or("}");
    let comma = if rest == "}" { "" } else { "," };
    format!("{{\"version\":1,\"command\":{}{comma}{rest}\n", json!(command))
}

/// Shows a failure on stderr.
pub fn fail(failure: &Failure) {
    let style = Style::of_stderr();
    let mut lines = format!("{} {}\n", style.red("error:"), plain_block(&failure.to_string()));
    for cause in failure.causes() {
        lines.push_str(&format!("  because {}\n", plain_block(cause)));
    }
    if let Some(hint) = failure.hint() {
        lines.push_str(&format!("{} {}\n", style.bold("hint:"), plain_block(hint)));
    }
    to_stderr(&lines);
}

/// Something that the user should read although all goes on.
pub fn warn(message: &str) {
    to_stderr(&format!("{} {}\n", Style::of_stderr().yellow("warning:"), plain_line(message)));
}

/// A remark.
pub fn note(message: &str) {
    to_stderr(&format!("{}\n", plain_line(message)));
}

fn to_stderr(text: &str) {
    // Nobody is left to tell.
    crate::progress::apart(|| drop(io::stderr().lock().write_all(text.as_bytes())));
}

/// Whether text may be dressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    is_dressed: bool,
}

impl Style {
    /// Plain text.
    #[cfg(test)]
    pub const PLAIN: Self = Self { is_dressed: false };

    /// As stdout and the environment allow.
    pub fn of_stdout() -> Self {
        Self { is_dressed: io::stdout().is_terminal() && colours_are_wanted() }
    }

    fn of_stderr() -> Self {
        Self { is_dressed: io::stderr().is_terminal() && colours_are_wanted() }
    }

    /// Bold.
    pub fn bold(self, text: &str) -> String {
        self.dress("1", text)
    }

    /// For what is wrong.
    pub fn red(self, text: &str) -> String {
        self.dress("1;31", text)
    }

    /// For what may be wrong.
    pub fn yellow(self, text: &str) -> String {
        self.dress("1;33", text)
    }

    fn dress(self, codes: &str, text: &str) -> String {
        if self.is_dressed { format!("\x1b[{codes}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

fn colours_are_wanted() -> bool {
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    !is_dumb && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
