//! Signs receipts and checks them, byte for byte.
//!
//! The signature stands over the very bytes of the receipt, in a frame of fixed form, so that nothing depends on how JSON
//! is written, and no byte of the file can be another one.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use super::{Receipt, VERSION, hex};
use crate::Key;

/// What the signature says it is about, before the bytes.
const CONTEXT: &[u8] = b"offshoot receipt 1\n";
const START: &str = "{\"receipt\":";
const KEY: &str = ",\"public_key\":\"";
const SIGNATURE: &str = "\",\"signature\":\"";
const END: &str = "\"}\n";
/// Larger receipts are not read.
const BYTES_MAX: usize = 256 << 20;

/// Why a receipt is none, or not the right one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// The bytes are no signed receipt.
    #[error("this is no signed receipt: {0}")]
    Form(&'static str),
    /// The receipt is of a version that this program does not know.
    #[error("the receipt is of version {0}, and this program knows version {VERSION}: use a newer program")]
    Version(u64),
    /// The signature does not belong to the receipt.
    #[error("the receipt was changed after it was signed, or its signature was: do not trust it")]
    Tampered,
    /// It was signed under another key.
    #[error("the receipt was signed under another key than this one, whose fingerprint is {expected}; it says {found}")]
    OtherKey {
        /// The fingerprint of the key at hand.
        expected: String,
        /// The fingerprint that the receipt has.
        found: String,
    },
    /// It could not be written down.
    #[error("the receipt cannot be written: {0}")]
    Encode(String),
}

/// A receipt with its signature, as bytes and as what they say.
#[derive(Debug, Clone, PartialEq)]
pub struct SignedReceipt {
    receipt: Receipt,
    bytes: String,
}

impl Receipt {
    /// Signs the receipt with the key that derives from the scrub key.
    ///
    /// # Errors
    /// [`ReceiptError::Encode`].
    pub fn sign(self, key: &Key) -> Result<SignedReceipt, ReceiptError> {
        let signing = signing_key(key);
        let body = serde_json::to_string(&self).map_err(|error| ReceiptError::Encode(error.to_string()))?;
        let signature = signing.sign(&message(&body)).to_bytes();
        let public = hex(signing.verifying_key().as_bytes());
        Ok(SignedReceipt {
            bytes: [START, &body, KEY, &public, SIGNATURE, &hex(&signature), END].concat(),
            receipt: self,
        })
    }
}

impl SignedReceipt {
    /// Reads a signed receipt and checks that its signature belongs to it and to the public key that it names.
    ///
    /// Who signed it is not checked: compare [`Self::public_key`], or use [`Self::check`].
    ///
    /// # Errors
    /// [`ReceiptError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ReceiptError> {
        let frame = Frame::parse(bytes)?;
        frame.verify()?;
        let version: Version = serde_json::from_str(frame.body).map_err(|_| ReceiptError::Form("it is no JSON"))?;
        if version.version != u64::from(VERSION) {
            return Err(ReceiptError::Version(version.version));
        }
        let receipt =
            serde_json::from_str(frame.body).map_err(|_| ReceiptError::Form("it lacks what a receipt has"))?;
        Ok(Self { receipt, bytes: String::from_utf8_lossy(bytes).into_owned() })
    }

    /// What is to be stored.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.as_bytes()
    }

    /// What it says.
    #[must_use]
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// The public key that belongs to the signature.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        Frame::parse(self.as_bytes()).map_or([0; 32], |frame| frame.public_key)
    }

    /// Checks that this receipt was signed under this scrub key and not changed since.
    ///
    /// # Errors
    /// [`ReceiptError::OtherKey`], [`ReceiptError::Tampered`].
    pub fn check(&self, key: &Key) -> Result<(), ReceiptError> {
        let expected = key.fingerprint().to_string();
        if self.public_key() != *signing_key(key).verifying_key().as_bytes() || self.receipt.key_fingerprint != expected
        {
            return Err(ReceiptError::OtherKey { expected, found: self.receipt.key_fingerprint.clone() });
        }
        Frame::parse(self.as_bytes())?.verify()
    }

    /// Checks that this receipt was signed by the owner of a public key and not changed since.
    ///
    /// # Errors
    /// [`ReceiptError::OtherKey`] with public keys, [`ReceiptError::Tampered`].
    pub fn check_public(&self, public_key: &[u8; 32]) -> Result<(), ReceiptError> {
        if self.public_key() != *public_key {
            return Err(ReceiptError::OtherKey { expected: hex(public_key), found: hex(&self.public_key()) });
        }
        Frame::parse(self.as_bytes())?.verify()
    }
}

/// The public key that signatures under a scrub key are checked with: to be published beside snapshots.
#[must_use]
pub fn public_key(key: &Key) -> [u8; 32] {
    *signing_key(key).verifying_key().as_bytes()
}

fn signing_key(key: &Key) -> SigningKey {
    SigningKey::from_bytes(&key.for_purpose("offshoot scrub 1: receipts are signed"))
}

fn message(body: &str) -> Vec<u8> {
    [CONTEXT, body.as_bytes()].concat()
}

#[derive(serde::Deserialize)]
struct Version {
    version: u64,
}

/// The parts of a file.
struct Frame<'a> {
    body: &'a str,
    public_key: [u8; 32],
    signature: [u8; 64],
}

impl<'a> Frame<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, ReceiptError> {
        if bytes.len() > BYTES_MAX {
            return Err(ReceiptError::Form("it is too large"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| ReceiptError::Form("it is no text"))?;
        let parts = || {
            let rest = text.strip_prefix(START)?.strip_suffix(END)?;
            let (rest, signature) = split_hex::<64>(rest)?;
            let (rest, public_key) = split_hex::<32>(rest.strip_suffix(SIGNATURE)?)?;
            Some(Self { body: rest.strip_suffix(KEY)?, public_key, signature })
        };
        parts().ok_or(ReceiptError::Form("it does not have the form of one"))
    }

    fn verify(&self) -> Result<(), ReceiptError> {
        let key = VerifyingKey::from_bytes(&self.public_key).map_err(|_| ReceiptError::Tampered)?;
        let signature = Signature::from_bytes(&self.signature);
        key.verify_strict(&message(self.body), &signature).map_err(|_| ReceiptError::Tampered)
    }
}

/// What is before the hexadecimal digits at the end, and the bytes that they stand for; only small digits are any.
fn split_hex<const N: usize>(text: &str) -> Option<(&str, [u8; N])> {
    let (rest, digits) = text.split_at_checked(text.len().checked_sub(2 * N)?)?;
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        let nibble = |digit: u8| (!digit.is_ascii_uppercase()).then_some(digit as char)?.to_digit(16);
        *byte = (nibble(pair[0])? << 4 | nibble(pair[1])?) as u8;
    }
    Some((rest, bytes))
}
