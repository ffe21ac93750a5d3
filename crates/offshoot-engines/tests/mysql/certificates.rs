//! Certificates for servers and clients, in a folder that servers may enter.

use offshoot_testkit::place;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

type Issuer = CertifiedIssuer<'static, KeyPair>;

/// Two issuers, `right.ca` and `wrong.ca`; what they have signed lies there as `NAME.crt` and `NAME.key`.
pub struct Certificates {
    dir: tempfile::TempDir,
    pub right: Issuer,
    pub wrong: Issuer,
}

impl Certificates {
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("tls-").tempdir_in(place::scratch_dir().unwrap()).unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        let issuer = |name: &str| {
            let mut params = CertificateParams::new(vec![]).unwrap();
            params.distinguished_name.push(DnType::CommonName, format!("{name} issuer"));
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
            fs::write(dir.path().join(format!("{name}.ca")), issuer.pem()).unwrap();
            issuer
        };
        let (right, wrong) = (issuer("right"), issuer("wrong"));
        Self { dir, right, wrong }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The path as it stands in settings.
    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Makes one for these hosts that is good until the beginning of a year.
    pub fn sign(&self, file: &str, hosts: &[&str], common_name: &str, issuer: &Issuer, until: i32) {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut params = CertificateParams::new(hosts).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, issuer).unwrap();
        fs::write(self.path(&format!("{file}.crt")), certificate.pem()).unwrap();
        let path = self.path(&format!("{file}.key"));
        fs::write(&path, key.serialize_pem()).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    }

    /// Puts one in the place that a server reads, as `server.crt` and `server.key`.
    pub fn install(&self, file: &str) {
        fs::copy(self.path(&format!("{file}.crt")), self.path("server.crt")).unwrap();
        let key = self.path("server.key");
        let _absent = fs::remove_file(&key);
        fs::copy(self.path(&format!("{file}.key")), &key).unwrap();
        place::give_to_server_user(&key).unwrap();
    }
}
