//! The one place that knows which engine a connection is of: everything else works through what the engines share.

use crate::doctor::DoctorReport;
use crate::{CaptureOptions, Connection, Error, ErrorKind, Result};
use offshoot_core::Control;
use offshoot_core::memory::MemoryPlan;
use offshoot_core::source::Source;
use offshoot_core::target::Target;
use offshoot_engines::conninfo::{ConnInfo, Environment};
use offshoot_engines::postgres::capture::{CaptureOptions as PostgresOptions, PostgresSource};
use offshoot_engines::postgres::connect::ConnectOptions;
use offshoot_engines::postgres::restore::PostgresTarget;
use offshoot_engines::sample::{SampleOptions, Samples};
use offshoot_engines::{EngineError, mysql, postgres};
use offshoot_format::manifest::Manifest;
use std::path::PathBuf;

/// A connection string, read by the engine whose it is.
#[derive(Clone)]
pub(crate) enum Engine {
    Postgres(Box<ConnInfo>),
    Mysql(Box<mysql::conninfo::ConnInfo>),
}

impl Engine {
    /// By how the text begins: `mysql://` and `mariadb://` are MySQL's, all else is Postgres'.
    pub(crate) fn parse(text: &str, environment: &Environment) -> Result<Self> {
        if mysql::conninfo::ConnInfo::is_meant(text) {
            let info = mysql::conninfo::ConnInfo::parse(text, environment)?;
            if info.database.is_empty() {
                return Err(mysql::conninfo::ConnInfoError::NoDatabase.into());
            }
            return Ok(Self::Mysql(Box::new(info)));
        }
        Ok(Self::Postgres(Box::new(ConnInfo::parse(text, environment)?)))
    }

    pub(crate) fn redacted(&self) -> String {
        match self {
            Self::Postgres(info) => info.redacted(),
            Self::Mysql(info) => info.redacted(),
        }
    }

    pub(crate) fn database(&self) -> &str {
        match self {
            Self::Postgres(info) => &info.dbname,
            Self::Mysql(info) => &info.database,
        }
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        match self {
            Self::Postgres(info) => info.warnings.iter().map(ToString::to_string).collect(),
            Self::Mysql(info) => info.warnings.iter().map(ToString::to_string).collect(),
        }
    }
}

impl Connection {
    /// The database as something to capture.
    pub(crate) fn source(&self, options: &CaptureOptions, plan: &MemoryPlan) -> Box<dyn Source + Send> {
        match self.engine() {
            Engine::Postgres(info) => {
                Box::new(PostgresSource::new(info.as_ref().clone(), postgres_options(options, plan)))
            }
            Engine::Mysql(info) => {
                let mut engine = mysql::capture::CaptureOptions::default();
                engine.jobs = plan.jobs();
                engine.schema_bytes_max = plan.schema_bytes_max();
                engine.max_block = options.max_block.unwrap_or(engine.max_block);
                engine.lock_wait = options.lock_wait.unwrap_or(engine.lock_wait);
                engine.max_age = options.max_age;
                Box::new(mysql::capture::MysqlSource::new(info.as_ref().clone(), engine))
            }
        }
    }

    /// Some rows of its tables.
    pub(crate) fn sample(&self, options: &SampleOptions, control: &Control) -> Result<Samples> {
        let sampled = crate::on_own_thread(|| match self.engine() {
            Engine::Postgres(info) => postgres::sample::sample(info, options, control),
            Engine::Mysql(info) => mysql::sample::sample(info, options, control),
        })?;
        Ok(sampled?)
    }

    /// What stands in the way of a capture.
    pub(crate) fn examine(&self, pg_dump: &[PathBuf]) -> Result<DoctorReport> {
        match self.engine() {
            Engine::Postgres(info) => Ok(DoctorReport::Postgres(Box::new(postgres::doctor::doctor(info, pg_dump)?))),
            Engine::Mysql(info) => {
                let report = mysql::doctor::doctor(info).map_err(EngineError::from)?;
                Ok(DoctorReport::Mysql(Box::new(report)))
            }
        }
    }

    /// The database as something to restore a snapshot of the same kind into.
    pub(crate) fn target(&self, manifest: &Manifest) -> Result<Box<dyn Target + Send>> {
        let is_postgres = manifest.origin.engine == "postgres";
        let there = match self.engine() {
            Engine::Postgres(info) if is_postgres => {
                return Ok(Box::new(PostgresTarget::new(info.as_ref().clone(), ConnectOptions::default())));
            }
            Engine::Mysql(info) if !is_postgres => {
                return Ok(Box::new(mysql::restore::MysqlTarget::new(info.as_ref().clone())));
            }
            Engine::Postgres(_) => "PostgreSQL",
            Engine::Mysql(_) => "MySQL or MariaDB",
        };
        let message = format!("the snapshot is of {}, and {} is {there}", manifest.origin.engine, self.redacted());
        Err(Error::new(ErrorKind::Usage, message, "name a target of the snapshot's own kind"))
    }
}

fn postgres_options(options: &CaptureOptions, plan: &MemoryPlan) -> PostgresOptions {
    let mut engine = PostgresOptions::default();
    engine.jobs = plan.jobs();
    engine.schema_bytes_max = plan.schema_bytes_max();
    engine.max_block = options.max_block.unwrap_or(engine.max_block);
    engine.lock_wait = options.lock_wait.unwrap_or(engine.lock_wait);
    engine.max_age = options.max_age;
    engine.pg_dump.clone_from(&options.pg_dump);
    engine
}
