//! A standby that follows a throwaway primary.

use super::{PostgresError, Server, ServerOptions, template};
use crate::place;

impl Server {
    /// Starts a hot standby of this server by a base backup over its socket; it streams from then on.
    /// `options` are the standby's settings; its binaries are the primary's. Panics when that fails, for one
    /// when the binaries are a fetched major, which comes without pg_basebackup.
    #[must_use]
    #[track_caller]
    pub fn standby(&self, options: ServerOptions) -> Self {
        match self.try_standby(options) {
            Ok(standby) => standby,
            Err(error) => panic!("{error}"),
        }
    }

    /// As [`Server::standby`], with the failure as a value.
    pub fn try_standby(&self, options: ServerOptions) -> Result<Self, PostgresError> {
        let options = options.binaries(self.binaries().clone());
        Self::start_with(&options, |data_dir, binaries| {
            let mut backup = place::unprivileged(&binaries.program("pg_basebackup"));
            backup.arg("--pgdata").arg(data_dir).arg("--host").arg(self.socket_dir());
            backup.args(["--port", &self.port().to_string(), "--username=postgres"]);
            backup.args(["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync"]);
            template::run(backup, "pg_basebackup")
        })
    }
}
