//! Connection strings with a service file and a password file beside them, separated by NUL: reading them never panics, and
//! what is shown of a connection does not depend on its password.
#![no_main]

use libfuzzer_sys::fuzz_target;
use offshoot_engines::conninfo::{ConnInfo, Environment, FileContent, Password, ReadFile};
use std::io;
use std::path::Path;

/// What is read in the place of any file, by the end of its name.
struct Files {
    services: Vec<u8>,
    passwords: Vec<u8>,
}

impl ReadFile for Files {
    fn read(&self, path: &Path) -> io::Result<FileContent> {
        let bytes = match path.extension().and_then(|ending| ending.to_str()) {
            Some("conf") => &self.services,
            Some("pgpass") => &self.passwords,
            _ => return Err(io::ErrorKind::NotFound.into()),
        };
        Ok(FileContent { bytes: bytes.clone(), mode: 0o600, is_regular: true })
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(3, |&byte| byte == 0);
    let mut next = || parts.next().unwrap_or_default().to_vec();
    let Ok(text) = String::from_utf8(next()) else { return };
    let files = Files { services: next(), passwords: next() };
    let variables = [("PGSERVICEFILE", "/s.conf"), ("PGPASSFILE", "/p.pgpass")];
    let environment = Environment::new(variables, Some("/home/ada".into()), Some("ada".into())).with_files(files);
    let Ok(mut info) = ConnInfo::parse(&text, &environment) else { return };
    assert!(!info.hosts.is_empty());
    let shown = (info.redacted(), format!("{info:?}"));
    for password in info.hosts.iter_mut().filter_map(|host| host.password.as_mut()) {
        *password = Password::new("another");
    }
    assert_eq!(shown, (info.redacted(), format!("{info:?}")));
});
