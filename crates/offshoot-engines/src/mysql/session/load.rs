//! `LOAD DATA LOCAL`: the server asks for a file, and gets bytes from whoever runs the statement.

use super::{Answer, Done, Session, done, lost, protocol, refused};
use crate::mysql::connect::packets::Packets;
use crate::mysql::error::{MysqlError, Result};
use std::io;

/// Bytes that are sent in one packet. Servers take packets of up to max_allowed_packet, which is at least this.
const SEND_BYTES: usize = 64 << 10;

impl Session {
    /// Runs a `LOAD DATA LOCAL INFILE`, whose file's name means nothing; `write` gives the bytes.
    ///
    /// When `write` fails, the server loads what it was given until then: the caller must undo the statement. The session can
    /// be used on.
    ///
    /// # Errors
    /// Those of `write`; `Refused` with what the server said, such as that it does not take `LOCAL`.
    pub fn load<E: From<MysqlError>>(
        &mut self,
        doing: &str,
        sql: &str,
        write: impl FnOnce(&mut Sender<'_>) -> Result<(), E>,
    ) -> Result<Done, E> {
        match self.ask(doing, sql.as_bytes())? {
            Answer::WantsBytes => {}
            Answer::Done(done) => return Ok(done),
            Answer::Columns(_) => return Err(protocol("an answer", "rows where none can be").into()),
        }
        let mut sender = Sender { packets: self.packets(), pending: Vec::with_capacity(SEND_BYTES), error: None };
        let written = write(&mut sender);
        let sent = sender.end();
        let capabilities = self.connected.capabilities;
        // A server that has had enough says why, and that is worth more than that it does not take more.
        let answer = self.connected.packets.message().map_err(|error| lost(doing, &error))?;
        let outcome = match answer.first() {
            Some(0x00) => done(answer, capabilities),
            Some(0xFF) => Err(refused(doing, answer, capabilities)),
            _ => return Err(protocol("an answer", "it is none to the end of a file").into()),
        };
        self.is_broken = false;
        let done = outcome?;
        written?;
        sent.map_err(|error| lost(doing, &error))?;
        Ok(done)
    }

    /// An empty file for a server that asks for one that nobody offered.
    pub(super) fn send_nothing(&mut self, doing: &str) -> Result<()> {
        self.packets().send(&[]).map_err(|error| lost(doing, &error))?;
        self.packets().message().map_err(|error| lost(doing, &error))?;
        self.is_broken = false;
        Ok(())
    }
}

/// Takes the bytes of a load.
pub struct Sender<'s> {
    packets: &'s mut Packets,
    pending: Vec<u8>,
    error: Option<io::Error>,
}

impl Sender<'_> {
    /// Ends the file: what is left, then an empty packet.
    fn end(mut self) -> io::Result<()> {
        self.flush_pending();
        if self.error.is_none() {
            self.error = self.packets.send(&[]).err();
        }
        self.error.map_or(Ok(()), Err)
    }

    fn flush_pending(&mut self) {
        if self.error.is_none() && !self.pending.is_empty() {
            self.error = self.packets.send(&self.pending).err();
        }
        self.pending.clear();
    }
}

impl io::Write for Sender<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(SEND_BYTES - self.pending.len());
        self.pending.extend_from_slice(&bytes[..count]);
        if self.pending.len() == SEND_BYTES {
            self.flush_pending();
        }
        match &self.error {
            None => Ok(count),
            // The first one is kept for the end.
            Some(error) => Err(error.kind().into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
