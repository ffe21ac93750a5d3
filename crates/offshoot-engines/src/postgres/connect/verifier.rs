//! Whether a server's certificate is good enough for an sslmode.
//!
//! The chain and the names are checked by rustls. Three things that libpq accepts and rustls does not are added, because
//! PostgreSQL's own manual leads people to them: a server certificate that is itself the trusted one, one of version 1
//! that a trusted one has signed, and a common name in place of alternative names.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, PeerMisbehaved, SignatureScheme};

use super::der::Certificate;

/// The kinds of name in a certificate that stand for a host.
const TAG_DNS_NAME: u8 = 0x82;
const TAG_ADDRESS: u8 = 0x87;

const VERSION_3: u8 = 2;

/// What is checked.
#[derive(Debug)]
pub(crate) struct Verifier {
    /// None to take any certificate.
    pub(crate) chain: Option<Chain>,
    /// Whether the name of the host must be in it.
    pub(crate) check_name: bool,
    pub(crate) algorithms: WebPkiSupportedAlgorithms,
}

/// Who may have signed it.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) webpki: Arc<WebPkiServerVerifier>,
    /// The trusted certificates of a file; not those of the system, which sign in the modern way.
    pub(crate) roots: Vec<CertificateDer<'static>>,
    pub(crate) has_crl: bool,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else {
            return Ok(ServerCertVerified::assertion());
        };
        if chain.trusts_directly(end_entity, now, self.algorithms)? {
            self.check_name(end_entity, server_name)?;
            return Ok(ServerCertVerified::assertion());
        }
        // The chain is checked first: an answer about the name means that the chain is good.
        match chain.webpki.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(error) if is_about_name(&error) => {
                self.check_common_name(end_entity, server_name, error).map(|()| ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match old_certificate(cert) {
            Some(old) => verify_with_key(&old, message, signature, self.algorithms, usize::MAX),
            None => rustls::crypto::verify_tls12_signature(message, cert, signature, &self.algorithms),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match old_certificate(cert) {
            // These belong to TLS 1.2.
            Some(_) if is_pkcs1(signature.scheme) => {
                Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into())
            }
            Some(old) => verify_with_key(&old, message, signature, self.algorithms, 1),
            None => rustls::crypto::verify_tls13_signature(message, cert, signature, &self.algorithms),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl Verifier {
    fn check_name(&self, end_entity: &CertificateDer<'_>, server_name: &ServerName<'_>) -> Result<(), Error> {
        if !self.check_name {
            return Ok(());
        }
        let checked = match old_certificate(end_entity) {
            // Version 1 has no alternative names.
            Some(_) => Err(CertificateError::NotValidForName.into()),
            None => rustls::server::ParsedCertificate::try_from(end_entity)
                .and_then(|parsed| rustls::client::verify_server_name(&parsed, server_name)),
        };
        match checked {
            Err(error) if is_about_name(&error) => self.check_common_name(end_entity, server_name, error),
            other => other,
        }
    }

    /// The common name counts only where there is no alternative name of the host's kind, as in libpq.
    fn check_common_name(
        &self,
        end_entity: &CertificateDer<'_>,
        server_name: &ServerName<'_>,
        error: Error,
    ) -> Result<(), Error> {
        if !self.check_name {
            return Ok(());
        }
        let (host, tag) = match server_name {
            ServerName::DnsName(name) => (name.as_ref().to_owned(), TAG_DNS_NAME),
            ServerName::IpAddress(ip) => (std::net::IpAddr::from(*ip).to_string(), TAG_ADDRESS),
            _ => return Err(error),
        };
        let Some(parsed) = Certificate::parse(end_entity) else {
            return Err(error);
        };
        let matches = |pattern| name_matches(pattern, &host, tag == TAG_DNS_NAME);
        if !parsed.alternative_tags.contains(&tag) && parsed.common_name().is_some_and(matches) {
            return Ok(());
        }
        Err(error)
    }
}

impl Chain {
    /// Whether the certificate is one of the trusted ones, or of version 1 and signed by one of them.
    fn trusts_directly(
        &self,
        end_entity: &CertificateDer<'_>,
        now: UnixTime,
        algorithms: WebPkiSupportedAlgorithms,
    ) -> Result<bool, Error> {
        let is_root = self.roots.iter().any(|root| root.as_ref() == end_entity.as_ref());
        let old = old_certificate(end_entity);
        if !is_root && old.is_none() {
            return Ok(false);
        }
        // Whether it has been revoked cannot be told here.
        if self.has_crl {
            return Ok(false);
        }
        let Some(certificate) = Certificate::parse(end_entity) else {
            return Err(CertificateError::BadEncoding.into());
        };
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        if now < certificate.not_before {
            return Err(CertificateError::NotValidYet.into());
        }
        if now > certificate.not_after {
            return Err(CertificateError::Expired.into());
        }
        let signed = |root: &CertificateDer<'_>| {
            Certificate::parse(root).is_some_and(|root| is_signed_by(&certificate, &root, algorithms))
        };
        if is_root || self.roots.iter().any(signed) {
            return Ok(true);
        }
        Err(CertificateError::UnknownIssuer.into())
    }
}

fn is_signed_by(certificate: &Certificate<'_>, root: &Certificate<'_>, algorithms: WebPkiSupportedAlgorithms) -> bool {
    certificate.issuer == root.subject
        && algorithms.all.iter().any(|algorithm| {
            algorithm.signature_alg_id().as_ref() == certificate.signature_algorithm
                && algorithm.public_key_alg_id().as_ref() == root.key_algorithm
                && algorithm.verify_signature(root.key, certificate.signed, certificate.signature).is_ok()
        })
}

/// The certificate if it is older than version 3, which rustls does not take.
fn old_certificate<'a>(der: &'a CertificateDer<'_>) -> Option<Certificate<'a>> {
    Certificate::parse(der).filter(|certificate| certificate.version < VERSION_3)
}

/// Checks the handshake's signature with one of the first algorithms that belong to its scheme.
fn verify_with_key(
    certificate: &Certificate<'_>,
    message: &[u8],
    signature: &DigitallySignedStruct,
    algorithms: WebPkiSupportedAlgorithms,
    count: usize,
) -> Result<HandshakeSignatureValid, Error> {
    let found = algorithms.mapping.iter().find(|(scheme, _)| *scheme == signature.scheme);
    let (_, candidates) = found.ok_or(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)?;
    let fits = candidates.iter().take(count).any(|algorithm| {
        algorithm.public_key_alg_id().as_ref() == certificate.key_algorithm
            && algorithm.verify_signature(certificate.key, message, signature.signature()).is_ok()
    });
    if fits { Ok(HandshakeSignatureValid::assertion()) } else { Err(CertificateError::BadSignature.into()) }
}

fn is_pkcs1(scheme: SignatureScheme) -> bool {
    use SignatureScheme as S;
    matches!(scheme, S::RSA_PKCS1_SHA1 | S::RSA_PKCS1_SHA256 | S::RSA_PKCS1_SHA384 | S::RSA_PKCS1_SHA512)
}

pub(crate) fn is_about_name(error: &Error) -> bool {
    use CertificateError::{NotValidForName, NotValidForNameContext};
    matches!(error, Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }))
}

/// Equal but for case, or with `*` as the whole first of several labels.
fn name_matches(pattern: &str, host: &str, wildcards: bool) -> bool {
    if pattern.eq_ignore_ascii_case(host) {
        return true;
    }
    let Some((rest, (label, host_rest))) = pattern.strip_prefix("*.").zip(host.split_once('.')) else {
        return false;
    };
    wildcards && !label.is_empty() && !rest.is_empty() && !rest.contains('*') && rest.eq_ignore_ascii_case(host_rest)
}

#[cfg(test)]
mod tests {
    use super::name_matches;

    #[test]
    fn common_names() {
        for (pattern, host, expected) in [
            ("db.example", "DB.example", true),
            ("*.example", "db.example", true),
            ("*.example", "a.db.example", false),
            ("*.example", ".example", false),
            ("*", "db", false),
            ("*.", "db.", false),
            ("*.*", "a.b", false),
            ("d*.example", "db.example", false),
            ("example", "db.example", false),
        ] {
            assert_eq!(name_matches(pattern, host, true), expected, "{pattern} {host}");
        }
        assert!(!name_matches("*.0.0.1", "127.0.0.1", false));
        assert!(name_matches("127.0.0.1", "127.0.0.1", false));
    }
}
