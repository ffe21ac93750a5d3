//! From settings to a [`ConnInfo`]: the order of precedence, libpq's defaults, its matching of lists, its checks.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::choices::{Choice, word_of};
use super::error::shown;
use super::passfile::{Passfile, Wanted};
use super::settings::Settings;
use super::{
    Address, AuthMethod, ChannelBinding, ConnInfo, ConnInfoError, ConnInfoWarning, ConnectTimeout, Environment, Host,
    Keepalives, LoadBalanceHosts, Password, RequireAuth, TargetSessionAttrs, keyvalue, service, uri,
};

const PORT_DEFAULT: u16 = 5432;

/// The settings by precedence: the text, then the service, then the variables.
pub(super) fn gather(text: &str, environment: &Environment) -> Result<Settings, ConnInfoError> {
    let mut settings = settings_of(text)?;
    // A URI may stand in the place of the database's name, as with psql -d.
    let inner = settings.value("dbname").and_then(uri::strip_prefix);
    if let Some(inner) = inner.map(uri::parse).transpose()? {
        settings.forget("dbname");
        settings.overlay(inner);
    }
    service::fill_from_service(&mut settings, environment)?;
    settings.fill_from_variables(environment)?;
    Ok(settings)
}

fn settings_of(text: &str) -> Result<Settings, ConnInfoError> {
    if let Some(rest) = uri::strip_prefix(text) {
        return uri::parse(rest);
    }
    if let Some(scheme) = uri::foreign_scheme(text) {
        let scheme = scheme.to_owned();
        return Err(ConnInfoError::WrongScheme { scheme });
    }
    if text.contains('=') || text.chars().all(keyvalue::is_blank) {
        return keyvalue::parse(text);
    }
    // Not repeated: user:password@host/db is what people forget the scheme of.
    if let Some(at) = text.chars().position(|c| "/:@".contains(c)) {
        return Err(ConnInfoError::Syntax {
            position: at + 1,
            problem: "a bare database name has no \"/\", \":\" or \"@\"",
            remedy: "Begin a URL with postgresql://, or write dbname='...' for a database that has this name.",
        });
    }
    let mut settings = Settings::default();
    settings.give("dbname", text.to_owned(), false)?;
    Ok(settings)
}

/// Completes and checks the settings.
pub(super) fn conninfo(settings: Settings, environment: &Environment) -> Result<ConnInfo, ConnInfoError> {
    refuse_unsupported(&settings)?;
    let reader = Reader(&settings);
    let user = settings.filled("user").or_else(|| environment.os_user());
    let user = user.ok_or(ConnInfoError::NoUser)?.to_owned();
    let dbname = settings.filled("dbname").unwrap_or(&user).to_owned();
    let mut hosts = reader.hosts(environment)?;
    let tls = reader.tls(environment, &hosts)?;
    let mut warnings = Vec::new();
    give_passwords(&settings, environment, &mut hosts, &user, &dbname, &mut warnings);
    let application_name = settings.filled("application_name").or_else(|| settings.filled("fallback_application_name"));
    Ok(ConnInfo {
        hosts,
        user,
        dbname,
        options: settings.filled("options").map(String::from),
        application_name: application_name.map(String::from),
        connect_timeout: reader.connect_timeout()?,
        keepalives: reader.keepalives()?,
        tls,
        channel_binding: reader.choice("channel_binding")?.unwrap_or(ChannelBinding::Prefer),
        require_auth: reader.require_auth()?,
        target_session_attrs: reader.choice("target_session_attrs")?.unwrap_or(TargetSessionAttrs::Any),
        load_balance_hosts: reader.choice("load_balance_hosts")?.unwrap_or(LoadBalanceHosts::Disable),
        warnings,
    })
}

/// Settings that ask for something that is not there, and the values with which they ask for nothing.
const UNSUPPORTED: [(&str, &[&str], &str); 7] = [
    (
        "replication",
        &["", "0", "no", "off", "false"],
        "it opens a replication connection, which cannot read tables. Remove it",
    ),
    ("gssencmode", &["", "disable", "prefer"], "it demands Kerberos encryption. Use TLS: sslmode=verify-full"),
    (
        "sslcrldir",
        &[""],
        "it names a directory of revoked certificates. Put them into one file and name it with sslcrl",
    ),
    (
        "requirepeer",
        &[""],
        "it demands that the server process belong to a certain user. Remove it, and name a socket directory that only that user can write to",
    ),
    ("min_protocol_version", &["", "3.0"], "it demands a newer protocol than 3.0. Remove it"),
    ("scram_client_key", &[""], "it stands in for a password. Use a password"),
    ("scram_server_key", &[""], "it stands in for a password. Use a password"),
];

fn refuse_unsupported(settings: &Settings) -> Result<(), ConnInfoError> {
    for (name, harmless, why) in UNSUPPORTED {
        if settings.value(name).is_some_and(|value| !harmless.contains(&value)) {
            let setting = settings.origin(name);
            return Err(ConnInfoError::Unsupported { setting, why });
        }
    }
    Ok(())
}

fn give_passwords(
    settings: &Settings,
    environment: &Environment,
    hosts: &mut [Host],
    user: &str,
    dbname: &str,
    warnings: &mut Vec<ConnInfoWarning>,
) {
    if let Some(password) = settings.filled("password") {
        for host in hosts {
            host.password = Some(Password::new(password));
        }
        return;
    }
    let named = settings.filled("passfile").map(PathBuf::from);
    let Some(path) = named.or_else(|| Some(environment.home()?.join(".pgpass"))) else {
        return;
    };
    let file = match Passfile::open(&path, environment) {
        Ok(Some(file)) => file,
        Ok(None) => return,
        Err(warning) => return warnings.push(warning),
    };
    for host in hosts {
        let ip;
        let name = match &host.address {
            Address::Socket(directory) if environment.socket_directories().contains(directory) => "localhost",
            Address::Socket(directory) => directory,
            Address::Tcp { name: Some(name), .. } => name,
            Address::Tcp { ip: Some(address), .. } => {
                ip = address.to_string();
                &ip
            }
            Address::Tcp { .. } => "localhost",
        };
        let port = host.port;
        host.password = file.find(&Wanted { host: name, port, dbname, user });
        host.password_file = host.password.is_some().then(|| path.clone());
    }
}

/// Reads values out of settings.
pub(super) struct Reader<'a>(pub(super) &'a Settings);

impl Reader<'_> {
    pub(super) fn invalid(&self, name: &'static str, value: &str, takes: &'static str) -> ConnInfoError {
        ConnInfoError::InvalidValue { setting: self.0.origin(name), value: shown(value), takes }
    }

    pub(super) fn choice<T: Choice>(&self, name: &'static str) -> Result<Option<T>, ConnInfoError> {
        let Some(value) = self.0.value(name) else {
            return Ok(None);
        };
        let found = word_of(value).ok_or_else(|| self.invalid(name, value, T::TAKES))?;
        Ok(Some(found))
    }

    /// As C's strtol: blanks around are allowed, nothing else.
    fn integer(&self, name: &'static str) -> Result<Option<i32>, ConnInfoError> {
        let Some(value) = self.0.filled(name) else {
            return Ok(None);
        };
        match value.trim_matches(keyvalue::is_blank).parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(self.invalid(name, value, "a whole number")),
        }
    }

    /// Whole seconds, of which 0 and less mean the system's default.
    fn seconds(&self, name: &'static str) -> Result<Option<Duration>, ConnInfoError> {
        let seconds = self.positive(name)?;
        Ok(seconds.map(|seconds| Duration::from_secs(u64::from(seconds))))
    }

    fn positive(&self, name: &'static str) -> Result<Option<u32>, ConnInfoError> {
        let number = self.integer(name)?;
        Ok(number.and_then(|number| u32::try_from(number).ok()).filter(|&number| number > 0))
    }

    fn list(&self, name: &'static str) -> Vec<&str> {
        match self.0.filled(name) {
            Some(list) => list.split(',').collect(),
            None => Vec::new(),
        }
    }

    /// One host for each address, else for each name, else one; as many ports as hosts, or one for all.
    fn hosts(&self, environment: &Environment) -> Result<Vec<Host>, ConnInfoError> {
        let names = self.list("host");
        let ips = self.list("hostaddr");
        let count = ips.len().max(names.len()).max(1);
        if !names.is_empty() && !ips.is_empty() && names.len() != ips.len() {
            return Err(ConnInfoError::Mismatch {
                left: "hosts",
                left_count: names.len(),
                right: "host addresses (hostaddr)",
                right_count: ips.len(),
            });
        }
        let ports = self.ports(count)?;
        let mut hosts = Vec::new();
        for (index, &port) in ports.iter().enumerate() {
            let name = names.get(index).copied().filter(|name| !name.is_empty());
            let ip = ips.get(index).copied().filter(|ip| !ip.is_empty());
            let addresses = match (name, ip) {
                (_, Some(ip)) => vec![Address::Tcp { name: name.map(String::from), ip: Some(self.ip(ip)?) }],
                (Some(name), None) if name.starts_with(['/', '@']) => vec![Address::Socket(name.to_owned())],
                (Some(name), None) => vec![Address::Tcp { name: Some(name.to_owned()), ip: None }],
                (None, None) => default_addresses(environment),
            };
            hosts.extend(addresses.into_iter().map(|address| Host {
                address,
                port,
                password: None,
                password_file: None,
            }));
        }
        Ok(hosts)
    }

    fn ip(&self, text: &str) -> Result<IpAddr, ConnInfoError> {
        text.parse().map_err(|_| {
            self.invalid("hostaddr", text, "IP addresses, as in 192.0.2.7 or 2001:db8::7; names go into host")
        })
    }

    fn ports(&self, host_count: usize) -> Result<Vec<u16>, ConnInfoError> {
        let mut ports = Vec::new();
        for text in self.list("port") {
            let trimmed = text.trim_matches(keyvalue::is_blank);
            let port = match trimmed {
                "" => PORT_DEFAULT,
                _ => trimmed.parse().ok().filter(|&port| port > 0).ok_or_else(|| self.invalid_port(text))?,
            };
            ports.push(port);
        }
        match ports.len() {
            0 => Ok(vec![PORT_DEFAULT; host_count]),
            1 => Ok(vec![ports[0]; host_count]),
            count if count == host_count => Ok(ports),
            count => Err(ConnInfoError::Mismatch {
                left: "ports",
                left_count: count,
                right: "hosts",
                right_count: host_count,
            }),
        }
    }

    /// What stands in the place of a port may be a password that holds a "/", so only digits are repeated.
    fn invalid_port(&self, text: &str) -> ConnInfoError {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        ConnInfoError::InvalidValue {
            setting: self.0.origin("port"),
            value: if is_number { shown(text) } else { "something that is not a number".to_owned() },
            takes: "a number from 1 to 65535. If this was meant to be a password, write its \"/\" as %2F and \"@\" as %40",
        }
    }

    fn connect_timeout(&self) -> Result<ConnectTimeout, ConnInfoError> {
        Ok(match self.integer("connect_timeout")? {
            None => ConnectTimeout::Unset,
            Some(..=0) => ConnectTimeout::Never,
            Some(seconds) => ConnectTimeout::After(Duration::from_secs(seconds.max(2).unsigned_abs().into())),
        })
    }

    fn keepalives(&self) -> Result<Keepalives, ConnInfoError> {
        Ok(Keepalives {
            enabled: self.integer("keepalives")? != Some(0),
            idle: self.seconds("keepalives_idle")?,
            interval: self.seconds("keepalives_interval")?,
            count: self.positive("keepalives_count")?,
            user_timeout: self
                .positive("tcp_user_timeout")?
                .map(|milliseconds| Duration::from_millis(milliseconds.into())),
        })
    }

    /// A list of methods that are allowed, or, with "!" before each, of those that are not. A method given twice is
    /// refused as in libpq: it is probably a typo where a typo is dangerous.
    fn require_auth(&self) -> Result<RequireAuth, ConnInfoError> {
        let list = self.list("require_auth");
        let Some(first) = list.first() else {
            return Ok(RequireAuth::ANY);
        };
        let negative = first.starts_with('!');
        let mut named = 0;
        let mut none_named = false;
        for item in &list {
            let wrong = || self.invalid("require_auth", item, AuthMethod::TAKES);
            let word = match item.strip_prefix('!') {
                Some(word) if negative => word,
                None if !negative => item,
                _ => return Err(wrong()),
            };
            let repeated = if word == "none" {
                std::mem::replace(&mut none_named, true)
            } else {
                let bit = word_of::<AuthMethod>(word).ok_or_else(wrong)?.bit();
                let repeated = named & bit != 0;
                named |= bit;
                repeated
            };
            if repeated {
                return Err(wrong());
            }
        }
        Ok(match negative {
            true => RequireAuth { allowed: !named, none_allowed: !none_named },
            false => RequireAuth { allowed: named, none_allowed: none_named },
        })
    }
}

/// The default server: its socket at any of the usual places, then TCP on this machine.
fn default_addresses(environment: &Environment) -> Vec<Address> {
    let sockets = environment.socket_directories().iter().cloned().map(Address::Socket);
    let localhost = Address::Tcp { name: Some("localhost".to_owned()), ip: None };
    sockets.chain([localhost]).collect()
}
