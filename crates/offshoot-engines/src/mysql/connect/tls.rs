//! From the settings of a connection to what rustls needs: who is trusted, who we are, and under which name we ask.

use super::error::{ConnectError, clean};
use super::transport::Transport;
use crate::mysql::conninfo::{ConnInfo, Place, SslMode};
use crate::postgres::connect::verifier::{Chain, Verifier, is_about_name};
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{AlertDescription, CertificateError, ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

/// Speaks TLS on a connection whose server is ready for it.
pub(super) fn handshake(
    stream: TcpStream,
    conninfo: &ConnInfo,
    place: &Place,
    mode: SslMode,
) -> Result<Transport, ConnectError> {
    let config = config(conninfo, mode)?;
    let failed = |reason: String| ConnectError::TlsFailed { place: place.to_string(), reason };
    let connection =
        ClientConnection::new(Arc::new(config), server_name(place)).map_err(|error| failed(error.to_string()))?;
    let mut stream = StreamOwned::new(connection, stream);
    while stream.conn.is_handshaking() {
        if let Err(error) = stream.conn.complete_io(&mut stream.sock) {
            return Err(failure(&error, conninfo, place, mode));
        }
    }
    Ok(Transport::Tls(Box::new(stream)))
}

fn config(conninfo: &ConnInfo, mode: SslMode) -> Result<ClientConfig, ConnectError> {
    let settings = &conninfo.tls;
    let provider = Arc::new(ring::default_provider());
    let chain = match (mode >= SslMode::VerifyCa, &settings.ca) {
        (true, Some(path)) => Some(chain(path, true, &provider)?),
        (true, None) => {
            let found = settings.system_roots.iter().find(|path| path.exists());
            let path = found.ok_or_else(|| {
                let path = settings.system_roots.first().cloned().unwrap_or_default();
                unusable(&path, "the system's trusted certificates are not there. Install the package ca-certificates, or name a file with ssl-ca")
            })?;
            Some(chain(path, false, &provider)?)
        }
        (false, _) => None,
    };
    let algorithms = provider.signature_verification_algorithms;
    let verifier = Verifier { chain, check_name: mode == SslMode::VerifyIdentity, algorithms };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ConnectError::TlsFailed { place: conninfo.redacted(), reason: error.to_string() })?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let Some(cert) = &settings.cert else { return Ok(builder.with_no_client_auth()) };
    let Some(key_path) = &settings.key else {
        return Err(unusable(cert, "there is no private key for it. Name one with ssl-key"));
    };
    let certificates = read_certificates(cert)?;
    check_key_mode(key_path)?;
    let pem = zeroize::Zeroizing::new(read(key_path)?);
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
        unusable(key_path, "it holds no private key in PEM form that is not protected by a pass phrase")
    })?;
    builder.with_client_auth_cert(certificates, key).map_err(|error| {
        unusable(key_path, &format!("the key does not go with the certificate {}: {error}", cert.display()))
    })
}

fn chain(path: &Path, is_named: bool, provider: &Arc<rustls::crypto::CryptoProvider>) -> Result<Chain, ConnectError> {
    let certificates = read_certificates(path)?;
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(certificates.iter().cloned());
    let webpki = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone())
        .build()
        .map_err(|error| unusable(path, &format!("it holds no usable certificate: {error}")))?;
    Ok(Chain { webpki, roots: if is_named { certificates } else { Vec::new() }, has_crl: false })
}

/// The name that the certificate must hold.
fn server_name(place: &Place) -> ServerName<'static> {
    let unspecified = || ServerName::from(IpAddr::from([0, 0, 0, 0]));
    match place {
        Place::Tcp { host, .. } => ServerName::try_from(host.clone()).unwrap_or_else(|_| unspecified()),
        Place::Socket(_) => unspecified(),
    }
}

fn failure(error: &io::Error, conninfo: &ConnInfo, place: &Place, mode: SslMode) -> ConnectError {
    let place = place.to_string();
    let certificate = |reason: String, mend: &'static str| {
        let mode_is_default = conninfo.tls.mode.is_none();
        ConnectError::Certificate { place: place.clone(), reason, mend, mode, mode_is_default }
    };
    if let Some(reason) = refused_certificate(error) {
        return ConnectError::OwnCertificate { place, reason };
    }
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(error) if is_about_name(error) => certificate(
            "it does not name the host".to_owned(),
            "Connect by a name that is in it, or choose ssl-mode=VERIFY_CA if its issuer signs for this server alone",
        ),
        Some(rustls::Error::InvalidCertificate(reason)) => match reason {
            CertificateError::UnknownIssuer => certificate("its issuer is unknown".to_owned(), ISSUER),
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                certificate("it has expired".to_owned(), "Renew it at the server")
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                certificate("its time has not come".to_owned(), "Set the clocks of both machines, or wait")
            }
            other => certificate(clean(&other.to_string()), ISSUER),
        },
        Some(other) => ConnectError::TlsFailed { place, reason: clean(&other.to_string()) },
        None if is_loss(error.kind()) => ConnectError::TlsClosed { place },
        None if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            ConnectError::TlsFailed { place, reason: "it did not answer in time".to_owned() }
        }
        None => ConnectError::TlsFailed { place, reason: error.to_string() },
    }
}

const ISSUER: &str = "Name the file of its issuer with ssl-ca";

/// What the server said against our certificate, or that there is none. Under TLS 1.3 it says so after the handshake.
pub(super) fn refused_certificate(error: &io::Error) -> Option<String> {
    use AlertDescription as A;
    let rustls::Error::AlertReceived(alert) = error.get_ref()?.downcast_ref::<rustls::Error>()? else { return None };
    let reason = match alert {
        A::CertificateRequired => "it wants one",
        A::UnknownCA => "it does not know its issuer",
        A::CertificateExpired => "it has expired",
        A::CertificateRevoked => "it is revoked",
        A::BadCertificate | A::UnsupportedCertificate | A::CertificateUnknown | A::DecryptError => "it is not good",
        _ => return None,
    };
    Some(reason.to_owned())
}

/// Whether the other side went.
pub(super) fn is_loss(kind: ErrorKind) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(kind, UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}

fn check_key_mode(path: &Path) -> Result<(), ConnectError> {
    let metadata =
        std::fs::metadata(path).map_err(|error| unusable(path, &format!("the private key cannot be read: {error}")))?;
    let forbidden = if metadata.uid() == 0 { 0o027 } else { 0o077 };
    if metadata.is_file() && metadata.mode() & forbidden == 0 {
        return Ok(());
    }
    Err(unusable(path, "others can read the private key, or it is not a plain file. Run chmod 600 on it"))
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ConnectError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path)?).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(unusable(path, "it holds no certificate in PEM form")),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ConnectError> {
    std::fs::read(path).map_err(|error| unusable(path, &error.to_string()))
}

fn unusable(path: &Path, problem: &str) -> ConnectError {
    ConnectError::TlsFile { path: path.to_owned(), problem: problem.to_owned() }
}
