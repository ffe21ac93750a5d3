//! What a data directory depends on beside the server's version: the machine, sizes that are compiled in, and the libraries
//! that order texts. An index that was built under another order of texts finds less than there is.

use super::error::LocalError;
use super::owner::Owner;
use super::programs::Programs;
use memchr::memmem;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The start of a name that a server links ICU by.
const ICU: &[u8] = b"libicui18n.";
/// How much of a program is read at once.
const BUFFER_BYTES: usize = 1 << 20;

/// One line that differs where a data directory cannot be shared: `x86_64-linux, 8192/131072/8192, glibc 2.36, ICU 72`.
pub(super) fn describe(programs: &Programs, owner: Owner) -> Result<String, LocalError> {
    let postgres = programs.program("postgres");
    let (sizes, library, icu) = std::thread::scope(|scope| {
        let sizes = ["block_size", "segment_size", "wal_block_size"].map(|name| {
            scope.spawn({
                let postgres = &postgres;
                move || compiled_in(postgres, name, owner)
            })
        });
        let icu = scope.spawn(|| icu_of(&postgres));
        let library = library_of_system();
        let ended = |_| LocalError::Program { program: "postgres", message: "the thread that ran it ended".to_owned() };
        let sizes: Result<Vec<String>, LocalError> =
            sizes.into_iter().map(|size| size.join().map_err(ended).and_then(|size| size)).collect();
        (sizes, library, icu.join().map_err(ended).and_then(|icu| icu))
    });
    let icu = icu?.map_or_else(|| "no ICU".to_owned(), |version| format!("ICU {version}"));
    let (arch, os) = (std::env::consts::ARCH, std::env::consts::OS);
    Ok(format!("{arch}-{os}, {}, {library}, {icu}", sizes?.join("/")))
}

/// A number that was fixed when the server was compiled. Asked without a data directory.
fn compiled_in(postgres: &Path, name: &str, owner: Owner) -> Result<String, LocalError> {
    let mut command = owner.command(postgres)?;
    command.args(["-C", name, "-c", "config_file=/dev/null", "-c", "data_directory=/nonexistent"]);
    command.args(["-c", "hba_file=/dev/null", "-c", "ident_file=/dev/null"]).stdout(Stdio::piped());
    let said = command.output().ok().filter(|output| output.status.success()).map(|output| text(&output));
    said.filter(|said| said.parse::<u64>().is_ok())
        .ok_or_else(|| LocalError::Program { program: "postgres", message: format!("it does not tell its {name}") })
}

/// The library behind the provider `libc`: glibc by its version, others by that of the system.
fn library_of_system() -> String {
    let said = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).env_clear().stdin(Stdio::null()).output().ok()?;
        Some(text(&output)).filter(|said| output.status.success() && !said.is_empty())
    };
    let glibc = ["/usr/bin/getconf", "/bin/getconf"].iter().find_map(|getconf| said(getconf, "GNU_LIBC_VERSION"));
    glibc
        .or_else(|| said("/usr/bin/uname", "-sr"))
        .or_else(|| said("/bin/uname", "-sr"))
        .unwrap_or_else(|| "unknown".to_owned())
}

/// The version of ICU that a server is linked to, which its program names.
fn icu_of(postgres: &Path) -> Result<Option<String>, LocalError> {
    let io = || LocalError::io("reading", postgres);
    let mut file = File::open(postgres).map_err(io())?;
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut kept = 0;
    loop {
        let read = file.read(buffer.get_mut(kept..).unwrap_or_default()).map_err(io())?;
        let filled = buffer.get(..kept + read).unwrap_or_default();
        if let Some(at) = memmem::find(filled, ICU) {
            let rest = filled.get(at + ICU.len()..).unwrap_or_default();
            // The name may go on in what was not read yet.
            if rest.len() > 32 || read == 0 {
                return Ok(Some(version_in(rest)));
            }
        }
        if read == 0 {
            return Ok(None);
        }
        let keep = filled.len().min(ICU.len() + 64);
        buffer.copy_within(kept + read - keep..kept + read, 0);
        kept = keep;
    }
}

/// `so.72` and `74.dylib` are 72 and 74.
fn version_in(name: &[u8]) -> String {
    let digits = name.iter().skip_while(|byte| !byte.is_ascii_digit()).take_while(|byte| byte.is_ascii_digit());
    digits.map(|&byte| char::from(byte)).collect()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_found_wherever_it_stands() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("postgres");
        for at in [0, 5, BUFFER_BYTES - 70, BUFFER_BYTES - 11, BUFFER_BYTES - 3, BUFFER_BYTES, 2 * BUFFER_BYTES - 20] {
            let mut bytes = vec![b'x'; at];
            bytes.extend_from_slice(b"libicui18n.so.72\0");
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(icu_of(&path).unwrap().as_deref(), Some("72"), "{at}");
        }
        std::fs::write(&path, vec![b'l'; 3 * BUFFER_BYTES]).unwrap();
        assert_eq!(icu_of(&path).unwrap(), None);
        assert_eq!(version_in(b"74.dylib\0"), "74");
    }
}
