//! From the settings of a connection to what rustls needs: who is trusted, who we are, and under which name we ask.

use std::io::ErrorKind;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SignatureScheme, SupportedProtocolVersion, version};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::error::{ConnectError, clean};
use super::verifier::{Chain, Verifier, is_about_name};
use crate::conninfo::{
    Address, ConnInfo, FileChoice, Host, RootCert, SslCertMode, SslMode, SslNegotiation, TlsSettings, TlsVersion,
};

/// The name of the protocol, by which a TLS front end can tell it from others.
const ALPN: &[u8] = b"postgresql";

/// Everything for the handshakes with one host.
pub(super) struct TlsPlan {
    config: Arc<ClientConfig>,
    server_name: ServerName<'static>,
    certificate_asked: Arc<AsksForCertificate>,
    cert_mode: SslCertMode,
    negotiation: SslNegotiation,
    mode: SslMode,
    mode_is_default: bool,
    /// The file of trusted certificates, for programs of PostgreSQL's own that are to trust the same.
    pub(super) root_file: Option<PathBuf>,
}

impl TlsPlan {
    /// Reads the files that the settings name.
    pub(super) fn new(conninfo: &ConnInfo, host: &Host, mode: SslMode) -> Result<Self, ConnectError> {
        let settings = &conninfo.tls;
        let provider = Arc::new(ring::default_provider());
        let root_file = root_file(settings, mode)?;
        let verifier = Verifier {
            chain: root_file.as_deref().map(|path| chain(path, settings, &provider)).transpose()?,
            check_name: mode == SslMode::VerifyFull,
            algorithms: provider.signature_verification_algorithms,
        };
        let certificate_asked = Arc::new(AsksForCertificate {
            ours: match settings.cert_mode {
                SslCertMode::Disable => None,
                _ => client_certificate(settings, &provider)?,
            },
            asked: AtomicBool::new(false),
        });
        let server_name = server_name(host);
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions(settings))
            .map_err(|error| ConnectError::TlsFailed { host: host.to_string(), reason: error.to_string() })?;
        let mut config = builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_cert_resolver(certificate_asked.clone());
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.enable_sni = settings.sni && matches!(server_name, ServerName::DnsName(_));
        Ok(Self {
            config: Arc::new(config),
            server_name,
            certificate_asked,
            cert_mode: settings.cert_mode,
            negotiation: settings.negotiation,
            mode,
            mode_is_default: settings.mode.is_none(),
            root_file,
        })
    }

    /// Speaks TLS on a connection whose server is ready for it.
    pub(super) async fn handshake(
        &self,
        stream: TcpStream,
        host: &str,
    ) -> Result<Box<TlsStream<TcpStream>>, ConnectError> {
        let connector = TlsConnector::from(self.config.clone());
        let stream = connector.connect(self.server_name.clone(), stream).await;
        let stream = stream.map_err(|error| self.failure(&error, host))?;
        let failed = |reason: &str| ConnectError::TlsFailed { host: host.to_owned(), reason: reason.to_owned() };
        if self.negotiation == SslNegotiation::Direct && stream.get_ref().1.alpn_protocol() != Some(ALPN) {
            return Err(failed("the server took TLS without asking first, but does not say that it is PostgreSQL"));
        }
        if self.cert_mode == SslCertMode::Require && !self.certificate_asked.asked.load(Ordering::Relaxed) {
            return Err(failed("the server did not ask for our certificate, which sslcertmode=require demands"));
        }
        Ok(Box::new(stream))
    }

    /// What a server without TLS means for this mode.
    pub(super) fn not_offered(&self, host: &str) -> ConnectError {
        let mode_is_default = self.mode_is_default;
        ConnectError::TlsNotOffered { host: host.to_owned(), mode: self.mode, mode_is_default }
    }

    pub(super) fn is_direct(&self) -> bool {
        self.negotiation == SslNegotiation::Direct
    }

    fn failure(&self, error: &std::io::Error, host: &str) -> ConnectError {
        let host = host.to_owned();
        let (mode, mode_is_default) = (self.mode, self.mode_is_default);
        match tls_error(error) {
            Some(error) if is_about_name(error) => {
                ConnectError::HostNameMismatch { host, presented: presented_names(error), mode, mode_is_default }
            }
            Some(rustls::Error::InvalidCertificate(reason)) => {
                let reason = certificate_problem(reason);
                ConnectError::CertificateNotTrusted { host, reason, mode, mode_is_default }
            }
            Some(rustls::Error::InvalidMessage(_)) => {
                ConnectError::NotPostgres { host, guess: "it agreed to speak TLS and then did not" }
            }
            Some(other) => ConnectError::TlsFailed { host, reason: clean(&other.to_string()) },
            None if is_loss(error.kind()) => ConnectError::TlsClosed { host },
            None => ConnectError::TlsFailed { host, reason: error.to_string() },
        }
    }
}

fn is_loss(kind: ErrorKind) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(kind, UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}

/// The TLS library's error inside an IO error.
pub(super) fn tls_error(error: &std::io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn presented_names(error: &rustls::Error) -> Vec<String> {
    match error {
        rustls::Error::InvalidCertificate(rustls::CertificateError::NotValidForNameContext { presented, .. }) => {
            presented.iter().take(10).cloned().collect()
        }
        _ => Vec::new(),
    }
}

fn certificate_problem(error: &rustls::CertificateError) -> String {
    use rustls::CertificateError as E;
    match error {
        E::UnknownIssuer => "its issuer is unknown".to_owned(),
        E::Expired | E::ExpiredContext { .. } => "it has expired".to_owned(),
        E::NotValidYet | E::NotValidYetContext { .. } => "it is not valid yet; the clocks may differ".to_owned(),
        E::Revoked => "it has been revoked".to_owned(),
        E::UnknownRevocationStatus => "the revocation list says nothing about its issuer".to_owned(),
        E::ExpiredRevocationList | E::ExpiredRevocationListContext { .. } => {
            "the revocation list has expired".to_owned()
        }
        other => clean(&other.to_string()),
    }
}

fn versions(settings: &TlsSettings) -> Vec<&'static SupportedProtocolVersion> {
    let all = [(TlsVersion::V1_3, &version::TLS13), (TlsVersion::V1_2, &version::TLS12)];
    let allowed = settings.version_min..=settings.version_max;
    all.into_iter().filter(|(version, _)| allowed.contains(version)).map(|(_, protocol)| protocol).collect()
}

/// The name that the certificate must hold. Where the host has none that a certificate could hold, no name is sent, and
/// a check of the name fails.
fn server_name(host: &Host) -> ServerName<'static> {
    let unspecified = || ServerName::from(IpAddr::from([0, 0, 0, 0]));
    match &host.address {
        Address::Tcp { name: Some(name), .. } => ServerName::try_from(name.clone()).unwrap_or_else(|_| unspecified()),
        Address::Tcp { name: None, ip: Some(ip) } => ServerName::from(*ip),
        Address::Tcp { name: None, ip: None } | Address::Socket(_) => unspecified(),
    }
}

/// The file of trusted certificates. None where any certificate will do.
fn root_file(settings: &TlsSettings, mode: SslMode) -> Result<Option<PathBuf>, ConnectError> {
    let verifies = mode >= SslMode::VerifyCa;
    match &settings.root_cert {
        RootCert::File(path) if path.exists() => Ok(Some(path.clone())),
        // As in libpq, a weak mode goes on without; a demand for encryption does not when it names who to trust.
        RootCert::File(_) if mode < SslMode::Require => Ok(None),
        RootCert::File(path) => {
            Err(unusable(path, "it does not exist. Correct sslrootcert, or use sslrootcert=system"))
        }
        RootCert::Default(Some(path)) if path.exists() => Ok(Some(path.clone())),
        RootCert::Default(_) if !verifies => Ok(None),
        RootCert::Default(path) if settings.mode.is_some() => {
            let path = path.clone().unwrap_or_else(|| "~/.postgresql/root.crt".into());
            Err(unusable(
                &path,
                "it does not exist, and the sslmode wants to know whom to trust. Name a file with sslrootcert, or use sslrootcert=system for the issuers that this system trusts",
            ))
        }
        RootCert::Default(_) | RootCert::System => {
            let found = settings.system_roots.iter().find(|path| path.exists());
            found.cloned().map(Some).ok_or_else(|| {
                let path = settings.system_roots.first().cloned().unwrap_or_default();
                unusable(&path, "the system's trusted certificates are not there. Install the package ca-certificates, or name a file with sslrootcert")
            })
        }
    }
}

fn chain(path: &Path, settings: &TlsSettings, provider: &Arc<CryptoProvider>) -> Result<Chain, ConnectError> {
    let certificates = read_certificates(path)?;
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(certificates.iter().cloned());
    let is_system = settings.system_roots.iter().any(|system| system == path);
    let crls = revocation_lists(settings)?;
    let has_crl = !crls.is_empty();
    let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone());
    // As OpenSSL does it: the whole chain, with lists that are in date.
    let builder = if has_crl { builder.with_crls(crls).enforce_revocation_expiration() } else { builder };
    let webpki =
        builder.build().map_err(|error| unusable(path, &format!("it holds no usable certificate: {error}")))?;
    Ok(Chain { webpki, roots: if is_system { Vec::new() } else { certificates }, has_crl })
}

fn revocation_lists(settings: &TlsSettings) -> Result<Vec<CertificateRevocationListDer<'static>>, ConnectError> {
    let path = match &settings.crl {
        None => return Ok(Vec::new()),
        Some(FileChoice::IfExists(path)) if !path.exists() => return Ok(Vec::new()),
        Some(FileChoice::Named(path) | FileChoice::IfExists(path)) => path,
    };
    let lists: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&read(path)?).collect();
    match lists {
        Ok(lists) if !lists.is_empty() => Ok(lists),
        _ => Err(unusable(path, "it holds no certificate revocation list in PEM form")),
    }
}

/// Our certificate and key. None if there is no certificate, as in libpq even if one was named: the server decides.
fn client_certificate(
    settings: &TlsSettings,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<CertifiedKey>>, ConnectError> {
    let Some(FileChoice::Named(cert_path) | FileChoice::IfExists(cert_path)) = &settings.cert else {
        return Ok(None);
    };
    if !cert_path.exists() {
        return Ok(None);
    }
    let certificates = read_certificates(cert_path)?;
    let Some(FileChoice::Named(key_path) | FileChoice::IfExists(key_path)) = &settings.key else {
        return Err(unusable(cert_path, "there is no private key for it. Name one with sslkey"));
    };
    check_key_mode(key_path)?;
    let pem = zeroize::Zeroizing::new(read(key_path)?);
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
        let is_encrypted = pem.windows(9).any(|window| window == b"ENCRYPTED");
        unusable(key_path, match is_encrypted {
            true => "the private key is protected by a pass phrase, which is not supported. Write an unprotected copy with mode 0600: openssl pkey -in KEY -out COPY",
            false => "it holds no private key in PEM form",
        })
    })?;
    CertifiedKey::from_der(certificates, key, provider).map(|ours| Some(Arc::new(ours))).map_err(|error| {
        unusable(key_path, &format!("the key does not go with the certificate {}: {error}", cert_path.display()))
    })
}

/// libpq's rule: nobody else, but root may let a group read its own.
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

/// Gives our certificate, and remembers whether anybody asked.
#[derive(Debug)]
struct AsksForCertificate {
    ours: Option<Arc<CertifiedKey>>,
    asked: AtomicBool,
}

impl ResolvesClientCert for AsksForCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        self.ours.clone()
    }

    fn has_certs(&self) -> bool {
        true
    }
}
