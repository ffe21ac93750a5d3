//! A session: one connection that runs one statement after the other, for one thread.
//!
//! Results are read as the server sends them. A small one is had as rows of texts; a large one goes by row for row, without
//! memory of its own (`RowStream`). `LOAD DATA LOCAL` takes its bytes from whoever runs the statement; no file is ever opened.

mod flavor;
mod load;
mod pins;
mod row;
mod stream;

pub use flavor::{Family, Flavor};
pub use load::Sender;
pub use pins::{reading_pins, writing_pins};
pub use row::Row;
pub use stream::{LongRow, NextRow, RowStream, cut_short, split_value};

use super::connect::packets::Packets;
use super::connect::{Connected, Hangup, connect};
use super::conninfo::{ConnInfo, Place};
use super::error::{MysqlError, Refusal, Result};
use mysql_common::constants::CapabilityFlags as Flags;
use mysql_common::io::ParseBuf;
use mysql_common::packets::{CommonOkPacket, ErrPacket, OkPacket, OkPacketDeserializer};
use mysql_common::proto::MyDeserialize;
use std::io;

const COM_QUIT: u8 = 0x01;
const COM_QUERY: u8 = 0x03;

/// The most that the rows of [`Session::query`] may take together, in bytes.
const RESULT_BYTES_MAX: usize = 256 << 20;

/// An open session.
pub struct Session {
    connected: Connected,
    flavor: Flavor,
    conninfo: ConnInfo,
    /// Whether an answer was left half read, after which nothing can be asked any more.
    is_broken: bool,
}

/// What a statement without rows came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// Rows that it changed.
    pub affected_rows: u64,
    /// Warnings, which `SHOW WARNINGS` lists.
    pub warnings: u16,
}

impl Session {
    /// Opens a session, as it is before anything is set.
    ///
    /// # Errors
    /// If there is no connection, or the server is too old or of another kind.
    pub fn open(conninfo: &ConnInfo) -> Result<Self> {
        let connected = connect(conninfo)?;
        let flavor = Flavor::parse(&connected.version)?;
        tracing::debug!(server = %flavor, id = connected.id, encrypted = connected.is_encrypted(), "connected");
        Ok(Self { connected, flavor, conninfo: conninfo.clone(), is_broken: false })
    }

    /// What the server is.
    #[must_use]
    pub fn flavor(&self) -> &Flavor {
        &self.flavor
    }

    /// The number of the session on the server.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.connected.id
    }

    /// Whether it is encrypted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.connected.is_encrypted()
    }

    /// The connection string of exactly this place, so that all sessions meet at the same server.
    #[must_use]
    pub fn pinned(&self) -> ConnInfo {
        let mut pinned = self.conninfo.clone();
        pinned.places = vec![self.place().clone()];
        pinned
    }

    /// The place that is connected to.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.connected.place
    }

    /// What ends this session's connection from another thread, without a word to the server.
    ///
    /// # Errors
    /// If the system has no more file descriptors.
    pub fn hangup(&self) -> Result<Hangup> {
        self.connected.hangup().map_err(|_| MysqlError::Lost { doing: "share a connection".into() })
    }

    /// What ends the statement of this session from another thread, on a connection of its own.
    #[must_use]
    pub fn canceller(&self) -> Canceller {
        Canceller { conninfo: self.pinned(), id: self.connected.id }
    }

    /// Runs a statement that gives no rows; rows that it gives are let go by.
    ///
    /// # Errors
    /// `Refused` with what the server said; `doing` says in errors what it was asked for, after "to".
    pub fn execute(&mut self, doing: &str, sql: &str) -> Result<Done> {
        self.execute_bytes(doing, sql.as_bytes())
    }

    /// As [`Self::execute`], with a statement in whatever character set the session is set to.
    ///
    /// # Errors
    /// As [`Self::execute`].
    pub fn execute_bytes(&mut self, doing: &str, sql: &[u8]) -> Result<Done> {
        match self.ask(doing, sql)? {
            Answer::Done(done) => Ok(done),
            Answer::Columns(columns) => {
                let mut rows = RowStream::new(self, doing, columns);
                while rows.next_row()?.is_some() {}
                Ok(Done::default())
            }
            Answer::WantsBytes => {
                self.send_nothing(doing)?;
                Err(protocol("an answer", "it asks for a file that nobody offered"))
            }
        }
    }

    /// Runs a statement and has all its rows, which must be few.
    ///
    /// # Errors
    /// As [`Self::execute`].
    pub fn query(&mut self, doing: &str, sql: &str) -> Result<Vec<Row>> {
        let mut stream = self.rows(doing, sql)?;
        let (mut rows, mut left) = (Vec::new(), RESULT_BYTES_MAX);
        while let Some(row) = stream.next_owned(left)? {
            left = left.checked_sub(row.bytes()).ok_or_else(|| protocol("a result", "it is too long"))?;
            rows.push(row);
        }
        Ok(rows)
    }

    /// Runs a statement and has its only row.
    ///
    /// # Errors
    /// As [`Self::execute`], or if it is not one row.
    pub fn query_one(&mut self, doing: &str, sql: &str) -> Result<Row> {
        let mut rows = self.query(doing, sql)?;
        match (rows.pop(), rows.is_empty()) {
            (Some(row), true) => Ok(row),
            _ => Err(protocol("an answer", "it is not the one row that was asked for")),
        }
    }

    /// Runs a statement and reads its rows one after the other.
    ///
    /// # Errors
    /// As [`Self::execute`].
    pub fn rows(&mut self, doing: &str, sql: &str) -> Result<RowStream<'_>> {
        match self.ask(doing, sql.as_bytes())? {
            Answer::Columns(columns) => Ok(RowStream::new(self, doing, columns)),
            Answer::Done(_) => Ok(RowStream::empty(self, doing)),
            Answer::WantsBytes => {
                self.send_nothing(doing)?;
                Err(protocol("an answer", "it asks for a file that nobody offered"))
            }
        }
    }

    /// Sends a statement and reads how its answer begins.
    fn ask(&mut self, doing: &str, sql: &[u8]) -> Result<Answer> {
        if self.is_broken {
            return Err(MysqlError::Lost { doing: doing.to_owned() });
        }
        // Until the answer is read to its end.
        self.is_broken = true;
        let mut message = Vec::with_capacity(sql.len() + 1);
        message.push(COM_QUERY);
        message.extend_from_slice(sql);
        self.connected.packets.begin();
        let capabilities = self.connected.capabilities;
        let sent = self.connected.packets.send(&message);
        // A server that refuses a long statement says so and then closes; what it says is worth more than that it did.
        let answer = match (sent, self.connected.packets.message()) {
            (Ok(()), answer) => answer.map_err(|error| lost(doing, &error))?,
            (Err(_), Ok(answer)) if answer.first() == Some(&0xFF) => answer,
            (Err(error), _) => return Err(lost(doing, &error)),
        };
        match answer.first() {
            Some(0x00) => {
                let done = done(answer, capabilities)?;
                self.is_broken = false;
                Ok(Answer::Done(done))
            }
            Some(0xFF) => {
                let error = refused(doing, answer, capabilities);
                self.is_broken = false;
                Err(error)
            }
            Some(0xFB) => Ok(Answer::WantsBytes),
            Some(_) => {
                let count = ParseBuf(answer).checked_eat_lenenc_int();
                let count = count.filter(|count| (1..=65_535).contains(count));
                let count = count.ok_or_else(|| protocol("an answer", "a number of columns that cannot be"))? as usize;
                for _ in 0..count {
                    self.connected.packets.message().map_err(|error| lost(doing, &error))?;
                }
                if !capabilities.contains(Flags::CLIENT_DEPRECATE_EOF) {
                    self.connected.packets.message().map_err(|error| lost(doing, &error))?;
                }
                Ok(Answer::Columns(count))
            }
            None => Err(protocol("an answer", "it is empty")),
        }
    }

    fn packets(&mut self) -> &mut Packets {
        &mut self.connected.packets
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.is_broken {
            self.connected.packets.begin();
            // A server that is gone already needs no goodbye.
            let _ = self.connected.packets.send(&[COM_QUIT]);
        }
    }
}

/// How an answer begins.
enum Answer {
    Done(Done),
    Columns(usize),
    WantsBytes,
}

/// Ends the statement of a session from another thread.
#[derive(Debug, Clone)]
pub struct Canceller {
    conninfo: ConnInfo,
    id: u32,
}

impl Canceller {
    /// Ends the statement that runs now, if one does; the session stays.
    ///
    /// # Errors
    /// If there is no connection, or the server refuses.
    pub fn cancel(&self) -> Result<()> {
        self.kill("QUERY")
    }

    /// Ends the session on the server's side.
    ///
    /// # Errors
    /// If there is no connection, or the server refuses.
    pub fn kill_session(&self) -> Result<()> {
        self.kill("CONNECTION")
    }

    fn kill(&self, what: &str) -> Result<()> {
        let mut session = Session::open(&self.conninfo)?;
        match session.execute("end a statement", &format!("KILL {what} {}", self.id)) {
            // It has ended by itself.
            Err(error) if error.number() == Some(1094) => Ok(()),
            outcome => outcome.map(drop),
        }
    }
}

fn done(message: &[u8], capabilities: Flags) -> Result<Done> {
    let packet = OkPacketDeserializer::<CommonOkPacket>::deserialize(capabilities, &mut ParseBuf(message));
    let packet: OkPacket<'_> = packet.map_err(|_| protocol("an answer", "it cannot be read"))?.into();
    Ok(Done { affected_rows: packet.affected_rows(), warnings: packet.warnings() })
}

fn refused(doing: &str, message: &[u8], capabilities: Flags) -> MysqlError {
    match ErrPacket::deserialize(capabilities, &mut ParseBuf(message)) {
        Ok(ErrPacket::Error(error)) => {
            let state = error.sql_state_ref().map(|state| state.as_str().into_owned()).unwrap_or_default();
            let refusal = Refusal::new(error.error_code(), &state, &error.message_str());
            MysqlError::Refused { doing: doing.to_owned(), refusal }
        }
        _ => protocol("an error", "it cannot be read"),
    }
}

fn lost(doing: &str, error: &io::Error) -> MysqlError {
    match error.kind() {
        io::ErrorKind::InvalidData => protocol("an answer", "its packets are out of order or too long"),
        _ => MysqlError::Lost { doing: doing.to_owned() },
    }
}

fn protocol(what: &'static str, why: &'static str) -> MysqlError {
    MysqlError::Protocol { what, why }
}
