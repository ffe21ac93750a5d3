//! The program that the hooks call, played by this test binary: branches are files in a folder.

use offshoot_project::git::{self, HookContext, Repository, SyncOptions};
use offshoot_project::run::{self, RunOptions};
use offshoot_project::{Access, BranchError, DatabaseBranches, Made, Owner};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Branches that are files with a port; as long as there is a file `slow` none gets ready, with a file `broken` nothing works,
/// with a file `warned` there is a warning.
pub struct Files(pub PathBuf);

impl Files {
    fn path(&self, name: &str) -> PathBuf {
        self.0.join(format!("branch {}", name.replace('/', "%")))
    }

    fn check(&self) -> Result<(), BranchError> {
        if self.0.join("broken").exists() { Err("the store does not answer".into()) } else { Ok(()) }
    }
}

impl DatabaseBranches for Files {
    fn list(&self) -> Result<Vec<String>, BranchError> {
        self.check()?;
        let names = fs::read_dir(&self.0)?.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> =
            names.filter_map(|name| Some(name.strip_prefix("branch ")?.replace('%', "/"))).collect();
        names.sort();
        Ok(names)
    }

    fn identity(&self, name: &str) -> Result<Option<String>, BranchError> {
        self.check()?;
        // Inodes are used again.
        let of = |metadata: fs::Metadata| format!("{} {}.{}", metadata.ino(), metadata.mtime(), metadata.mtime_nsec());
        Ok(fs::metadata(self.path(name)).ok().map(of))
    }

    fn create(&self, name: &str, _from: Option<&str>, owner: Owner<'_>) -> Result<Option<Made>, BranchError> {
        fs::write(self.0.join("creating"), "")?;
        let until = Instant::now() + Duration::from_secs(60);
        while self.0.join("slow").exists() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
        let port = 40_000 + self.list()?.len();
        use std::io::Write;
        match fs::OpenOptions::new().write(true).create_new(true).open(self.path(name)) {
            Ok(mut file) => write!(file, "{port}")?,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let said: Vec<String> =
            self.0.join("warned").exists().then(|| "warning: a job stays".to_owned()).into_iter().collect();
        let (access, identity) = (self.access(name)?, self.identity(name)?.unwrap());
        if let Owner::Remembered(remember) = owner {
            remember(&identity)?;
        }
        Ok(Some(Made { access, identity, warnings: said.len(), said }))
    }

    fn access(&self, name: &str) -> Result<Access, BranchError> {
        let port: u16 = fs::read_to_string(self.path(name))?.parse()?;
        let variables =
            vec![("PGHOST".to_owned(), "127.0.0.1".to_owned()), ("PGPASSWORD".to_owned(), "secret".to_owned())];
        let url = format!("postgres://app:secret@127.0.0.1:{port}/shop");
        Ok(Access { branch: name.to_owned(), url, variables })
    }

    fn delete(&self, name: &str, identity: Option<&str>) -> Result<bool, BranchError> {
        let there = self.identity(name)?;
        if there.is_none() || identity.is_some() && identity != there.as_deref() {
            return Ok(false);
        }
        fs::remove_file(self.path(name))?;
        Ok(true)
    }
}

/// Writes the program: a script that runs this binary as [`as_program`].
pub fn write(folder: &Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join("offshoot");
    let binary = std::env::current_exe().unwrap();
    let quoted = |path: &Path| format!("'{}'", path.display());
    let script = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$*\" >> {0}/calls\nAS_PROGRAM=$(printf '%s\\n' \"$@\") FILES={0} PROGRAM=\"$0\" \
         exec {1} --exact program::as_program --nocapture > /dev/null\n",
        quoted(folder),
        quoted(&binary),
    );
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// No test: the program's main function, when the script runs it.
#[test]
fn as_program() {
    let Ok(arguments) = std::env::var("AS_PROGRAM") else { return };
    let arguments: Vec<String> = arguments.split('\n').map(str::to_owned).collect();
    let variable = |name: &str| std::env::var(name).unwrap();
    match if arguments[0] == "run" { "run" } else { &arguments[1] } {
        "hook" => {
            let (folder, program) = (std::env::current_dir().unwrap(), PathBuf::from(variable("PROGRAM")));
            let git_pid = std::env::var("OFFSHOOT_GIT_PID").ok().and_then(|pid| pid.parse().ok());
            let (hook, arguments) = (arguments[2].as_str(), &arguments[3..]);
            // A busy machine is no reason to go on without a branch; one that is made slowly is.
            let is_slow = PathBuf::from(variable("FILES")).join("slow").exists();
            let wait_max = Duration::from_millis(if is_slow { 500 } else { 60_000 });
            let (folder, program) = (folder.as_path(), program.as_path());
            let context = HookContext { hook, arguments, folder, program, git_pid, wait_max };
            if let Some(line) = git::run_hook(context, &mut std::io::stdin()) {
                use std::io::Write;
                let _ = writeln!(std::io::stderr(), "offshoot: {line}");
            }
        }
        "sync" => {
            let after = |name: &str| arguments.iter().skip_while(|argument| *argument != name).nth(1);
            let deleted = arguments.iter().filter_map(|argument| argument.strip_prefix("--deleted=")?.split_once(':'));
            let options = SyncOptions {
                git_pid: after("--git-pid").and_then(|pid| pid.parse().ok()),
                deleted: deleted.map(|(id, name)| (id.to_owned(), name.to_owned())).collect(),
            };
            let top = after("--top").map(Path::new);
            let repository = Repository::at(Path::new(after("--git-dir").unwrap()), top).unwrap();
            let outcome = git::sync(&repository, &Files(variable("FILES").into()), &options);
            git::tell(&repository, &outcome);
        }
        "run" => {
            let command: Vec<OsString> = arguments[1..].iter().map(OsString::from).collect();
            let files = PathBuf::from(variable("FILES"));
            let program = PathBuf::from(variable("PROGRAM"));
            let watch = [OsString::from("branch"), OsString::from("watch")];
            let watcher = (!files.join("unwatched").exists()).then_some((&*program, &watch[..]));
            let options = RunOptions { command: &command, from: None, watcher };
            let outcome = run::run(options, &Files(files.clone()), || ());
            std::process::exit(run::exit_code(&outcome).into());
        }
        "watch" => {
            let files = PathBuf::from(variable("FILES"));
            let mark = files.join("watcher has deleted");
            let delete = || Files(files).delete(&arguments[2], None).map(|_| fs::write(mark, "").unwrap());
            run::watch(std::io::stdin(), delete).unwrap();
        }
        other => panic!("{other}"),
    }
}
