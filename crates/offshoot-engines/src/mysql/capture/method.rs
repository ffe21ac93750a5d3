//! The ways in which several connections come to see one state; what each takes is in [`super::freeze`].

/// How the connections come to see one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// By where in MariaDB's binary log each snapshot is.
    BinlogPosition,
    /// Under `FLUSH TABLES WITH READ LOCK`.
    GlobalLock,
    /// Under `LOCK TABLES ... READ`.
    TableLocks,
    /// By the set of GTIDs before and after.
    Gtid,
    /// By one connection alone.
    OneConnection,
}

impl Method {
    /// What it is called in messages.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::BinlogPosition => "binlog position",
            Self::GlobalLock => "global lock",
            Self::TableLocks => "table locks",
            Self::Gtid => "GTIDs",
            Self::OneConnection => "one connection",
        }
    }
}
