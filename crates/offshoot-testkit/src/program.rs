//! Running the client programs of servers, and writing addresses for them.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A client command: only the search path of the caller's environment, so that no variable of another server counts.
pub(crate) fn plain(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("LC_ALL", "C").env("HOME", "/nonexistent").current_dir("/");
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// Runs to the end while feeding the input from a thread of its own, so that neither side waits for the other.
pub(crate) fn run_with_input(mut command: Command, input: &[u8]) -> io::Result<Output> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let stdin = child.stdin.take();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // A client that stops at an error stops reading too; its message is what counts.
            stdin.map(|mut stdin| stdin.write_all(input))
        });
        child.wait_with_output()
    })
}

/// What a program printed, less the end of its last line; an error is what it complained of.
pub(crate) fn text_of(output: Output) -> Result<String, String> {
    if output.status.success() {
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        if text.ends_with('\n') {
            text.pop();
        }
        return Ok(text);
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

/// A part of a URL.
pub(crate) fn percent_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let encode = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::percent_encoded;

    #[test]
    fn names_survive_addresses() {
        assert_eq!(percent_encoded("/tmp/a b"), "%2Ftmp%2Fa%20b");
        assert_eq!(percent_encoded("grüße"), "gr%C3%BC%C3%9Fe");
    }
}
