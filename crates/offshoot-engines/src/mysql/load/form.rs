//! How the values of a column are written for the server.

use crate::mysql::types::{ColumnType, FOREVER, FOREVER_32, Kind};
use offshoot_core::{CoreError, Result};
use std::io::Write as _;

/// How the values of a column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A signed integer, as digits.
    Signed,
    /// An unsigned integer, as digits.
    Unsigned,
    /// A year, as four digits: of fewer the server guesses the century.
    Year,
    /// Four bytes of floating point, as the digits of the same number in eight, so that rounding it again changes nothing.
    Float,
    /// Eight bytes of floating point, as digits.
    Double,
    /// Bits: as bytes in a file, as a number in a statement.
    Bits,
    /// The number of a label. As a text it could be taken for another label, so it is made a number on the server.
    Label,
    /// A bit a label, likewise.
    Labels,
    /// A text that the server reads: decimals, dates, times.
    Printed,
    /// A printed time until which a row holds, for a server whose times have 32 bits.
    NarrowEnd,
    /// A text in the character set of its column, or bytes.
    Bytes,
    /// JSON, UUIDs and addresses of networks: texts that the server takes for something else, or refuses, where they come as
    /// bytes without a character set.
    Unicode,
}

impl Form {
    /// Of a column's type.
    #[must_use]
    pub fn of(column: &ColumnType) -> Self {
        match column.kind {
            Kind::Unsigned(_) if column.base == "year" => Self::Year,
            Kind::Signed(_) => Self::Signed,
            Kind::Unsigned(_) => Self::Unsigned,
            Kind::Float => Self::Float,
            Kind::Double => Self::Double,
            Kind::Bit(_) => Self::Bits,
            Kind::Enum => Self::Label,
            Kind::Set => Self::Labels,
            Kind::Printed if ["json", "uuid", "inet4", "inet6"].contains(&column.base.as_str()) => Self::Unicode,
            Kind::Moment(_) | Kind::Printed => Self::Printed,
            Kind::Chars | Kind::Bytes => Self::Bytes,
        }
    }

    /// What makes a value of what a file has in `variable`, where the server would take that for something else.
    #[must_use]
    pub fn load_expression(self, variable: &str) -> Option<String> {
        match self {
            Self::Label | Self::Labels => Some(format!("CAST({variable} AS UNSIGNED)")),
            Self::Unicode => Some(format!("CONVERT({variable} USING utf8mb4)")),
            _ => None,
        }
    }

    /// Appends a number as the server reads it, or the one time that it reads otherwise; `false` for all else, where nothing is
    /// appended.
    ///
    /// # Errors
    /// `Protocol` if the value does not have the length of a number.
    #[inline]
    pub(super) fn write_number(self, value: &[u8], out: &mut Vec<u8>) -> Result<bool> {
        match self {
            Self::Signed => integer(out, signed(value)?),
            Self::Unsigned | Self::Label | Self::Labels => integer(out, unsigned(value)?),
            Self::Year => {
                let _ = write!(out, "{:04}", unsigned(value)?);
            }
            // Exponents keep the extremes short.
            Self::Float => {
                let bits = value.try_into().map_err(|_| malformed())?;
                let _ = write!(out, "{:e}", f64::from(f32::from_be_bytes(bits)));
            }
            Self::Double => {
                let bits = value.try_into().map_err(|_| malformed())?;
                let _ = write!(out, "{:e}", f64::from_be_bytes(bits));
            }
            Self::NarrowEnd if value == FOREVER => out.extend_from_slice(FOREVER_32),
            Self::Bits | Self::Printed | Self::NarrowEnd | Self::Bytes | Self::Unicode => return Ok(false),
        }
        Ok(true)
    }

    /// Whether the server warns of this value although it is right: it does so for the number 0 of a label, which is the
    /// value of whoever once got past its checks.
    #[inline]
    pub(super) fn warns(self, value: &[u8]) -> bool {
        self == Self::Label && value.iter().all(|byte| *byte == 0)
    }
}

#[inline]
fn integer<I: itoa::Integer>(out: &mut Vec<u8>, number: I) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

#[inline]
fn signed(value: &[u8]) -> Result<i64> {
    let first = *value.first().ok_or_else(malformed)?;
    let mut wide = [if first & 0x80 == 0 { 0 } else { 0xFF }; 8];
    widen(value, &mut wide)?;
    Ok(i64::from_be_bytes(wide))
}

/// A big-endian number of up to eight bytes.
#[inline]
pub(super) fn unsigned(value: &[u8]) -> Result<u64> {
    let mut wide = [0; 8];
    widen(value, &mut wide)?;
    Ok(u64::from_be_bytes(wide))
}

#[inline]
fn widen(value: &[u8], wide: &mut [u8; 8]) -> Result<()> {
    let at = wide.len().checked_sub(value.len()).ok_or_else(malformed)?;
    wide[at..].copy_from_slice(value);
    Ok(())
}

/// A stored value that does not fit the type of its column.
pub(super) fn malformed() -> CoreError {
    CoreError::Protocol("a stored value does not have the form of its column's type on the target")
}
