//! The exchange that opens a session: the server's greeting, TLS, who we are, the password.

use super::error::{ConnectError, clean};
use super::packets::Packets;
use super::public_key;
use super::tls;
use super::transport::{Hangup, Transport};
use crate::mysql::conninfo::{Compression, ConnInfo, Place, SslMode};
use crate::mysql::error::number;
use mysql_common::auth::plugins::{AuthProc, ChallengeResponsePlugin, Context, Error as PluginError};
use mysql_common::constants::CapabilityFlags as Flags;
use mysql_common::io::ParseBuf;
use mysql_common::packets::{AuthPlugin, AuthSwitchRequest, ErrPacket, HandshakePacket, HandshakeResponse, SslRequest};
use mysql_common::proto::{MyDeserialize, MySerialize};
use std::io::{self, ErrorKind};
use std::time::Duration;
use zeroize::Zeroizing;

/// utf8mb4_general_ci, which every server has; sessions set their character sets themselves.
const COLLATION: u8 = 45;
/// The largest message that is said to be taken. The protocol's own bound.
const MESSAGE_BYTES_MAX: u32 = 1 << 30;
/// The level that the server is asked to compress with by zstd: its own default.
const ZSTD_LEVEL: u8 = 3;
/// Rounds of the password's exchange; no plugin has as many.
const ROUNDS_MAX: usize = 8;

/// A connection that takes commands.
pub(crate) struct Connected {
    pub(crate) packets: Packets,
    /// What both sides speak.
    pub(crate) capabilities: Flags,
    /// The version as the server sends it.
    pub(crate) version: String,
    /// The number of the session on the server.
    pub(crate) id: u32,
    /// The place that was used.
    pub(crate) place: Place,
}

impl Connected {
    /// What ends the connection from another thread.
    pub(crate) fn hangup(&self) -> io::Result<Hangup> {
        self.packets.transport().hangup()
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.packets.transport().is_encrypted()
    }

    /// How long one read or write may take from now on; none for ever.
    pub(crate) fn set_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        self.packets.transport().set_timeout(limit)
    }
}

pub(super) fn open(place: &Place, conninfo: &ConnInfo) -> Result<Connected, ConnectError> {
    Opening { place, conninfo }.run()
}

struct Opening<'a> {
    place: &'a Place,
    conninfo: &'a ConnInfo,
}

impl Opening<'_> {
    fn run(&self) -> Result<Connected, ConnectError> {
        let transport = Transport::open(self.place, self.conninfo)?;
        transport.set_timeout(self.conninfo.connect_timeout).map_err(|error| self.lost(&error))?;
        let mut packets = Packets::new(transport);
        let message = packets.message().map_err(|error| self.no_greeting(&error))?;
        if message.first() == Some(&0xFF) {
            return Err(self.refusal(message, Flags::empty(), false));
        }
        let greeting = HandshakePacket::deserialize((), &mut ParseBuf(message));
        let greeting = greeting.map_err(|_| self.not_mysql("it greets in another way"))?.into_owned();
        if !greeting.capabilities().contains(Flags::CLIENT_PROTOCOL_41 | Flags::CLIENT_SECURE_CONNECTION) {
            return Err(self.not_mysql("it speaks a protocol that is older than MySQL 4.1"));
        }
        let (mut capabilities, compression) = self.capabilities(&greeting);
        let packets = self.encrypt(packets, &greeting, &mut capabilities)?;
        let mut connected = Connected {
            packets,
            capabilities,
            version: greeting.server_version_str().into_owned(),
            id: greeting.connection_id(),
            place: self.place.clone(),
        };
        self.authenticate(&mut connected, &greeting)?;
        if let Some(compression) = compression {
            connected.packets.compress(compression);
        }
        connected.set_timeout(None).map_err(|error| self.lost(&error))?;
        Ok(connected)
    }

    /// What is asked for of what the server offers.
    fn capabilities(&self, greeting: &HandshakePacket<'_>) -> (Flags, Option<Compression>) {
        let mut wanted = Flags::CLIENT_PROTOCOL_41
            | Flags::CLIENT_SECURE_CONNECTION
            | Flags::CLIENT_LONG_PASSWORD
            | Flags::CLIENT_LONG_FLAG
            | Flags::CLIENT_TRANSACTIONS
            | Flags::CLIENT_PLUGIN_AUTH
            | Flags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA
            | Flags::CLIENT_DEPRECATE_EOF
            // Only what a session gives is ever sent; no file is opened because a server asks for it.
            | Flags::CLIENT_LOCAL_FILES;
        if !self.conninfo.database.is_empty() {
            wanted |= Flags::CLIENT_CONNECT_WITH_DB;
        }
        let offered = greeting.capabilities();
        let flag = |compression: &Compression| match compression {
            Compression::Zlib => Flags::CLIENT_COMPRESS,
            Compression::Zstd => Flags::CLIENT_ZSTD_COMPRESSION_ALGORITHM,
        };
        let compression = self.conninfo.compression.iter().find(|wanted| offered.contains(flag(wanted))).copied();
        if let Some(compression) = &compression {
            wanted |= flag(compression);
        }
        // MariaDB leaves this flag out to say that it is MariaDB.
        ((wanted & offered) | Flags::CLIENT_LONG_PASSWORD, compression)
    }

    fn encrypt(
        &self,
        mut packets: Packets,
        greeting: &HandshakePacket<'_>,
        capabilities: &mut Flags,
    ) -> Result<Packets, ConnectError> {
        let mode = self.conninfo.ssl_mode(self.place);
        let is_offered = greeting.capabilities().contains(Flags::CLIENT_SSL);
        // A socket leads nowhere else: it is encrypted only on demand.
        let is_socket = packets.transport().is_socket();
        if mode == SslMode::Disabled
            || is_socket && mode <= SslMode::Preferred
            || !is_offered && mode == SslMode::Preferred
        {
            return Ok(packets);
        }
        if let (true, Place::Socket(path)) = (is_socket, self.place) {
            return Err(ConnectError::SocketNotEncrypted { path: path.clone(), mode });
        }
        if !is_offered {
            let mode_is_default = self.conninfo.tls.mode.is_none();
            return Err(ConnectError::TlsNotOffered { place: self.place.to_string(), mode, mode_is_default });
        }
        *capabilities |= Flags::CLIENT_SSL;
        let mut request = Vec::new();
        SslRequest::new(*capabilities, MESSAGE_BYTES_MAX, COLLATION).serialize(&mut request);
        packets.send(&request).map_err(|error| self.lost(&error))?;
        let early = || ConnectError::TlsFailed {
            place: self.place.to_string(),
            reason: "bytes came before TLS was agreed on, as if somebody in between had put them there".to_owned(),
        };
        match packets.into_transport().ok_or_else(early)? {
            (Transport::Tcp(stream), sequence) => {
                let transport = tls::handshake(stream, self.conninfo, self.place, mode)?;
                Ok(Packets::resume(transport, sequence))
            }
            (transport, sequence) => Ok(Packets::resume(transport, sequence)),
        }
    }

    fn authenticate(&self, connected: &mut Connected, greeting: &HandshakePacket<'_>) -> Result<(), ConnectError> {
        let offered = greeting.auth_plugin().map(AuthPlugin::into_owned);
        // A plugin that is not known here may be another user's: the server switches to the one of this user.
        let plugin = match offered {
            Some(AuthPlugin::Other(_) | AuthPlugin::MysqlClearPassword | AuthPlugin::MysqlOldPassword) | None => {
                AuthPlugin::MysqlNativePassword
            }
            Some(known) => known,
        };
        let mut asked = Asked {
            procedure: self.procedure(&plugin, connected)?,
            plugin,
            scramble: greeting.nonce(),
            key_is_next: false,
        };
        let answer = self.answer(&mut asked, connected, None)?;
        let database = Some(self.conninfo.database.as_bytes()).filter(|name| !name.is_empty());
        let version = greeting.server_version_parsed().unwrap_or((8, 0, 0));
        let response = HandshakeResponse::new(
            answer.as_ref().map(|answer| answer.as_slice()),
            version,
            Some(self.conninfo.user.as_bytes()),
            database,
            Some(asked.plugin.borrow()),
            connected.capabilities,
            None,
            MESSAGE_BYTES_MAX,
        );
        let mut message = Zeroizing::new(Vec::new());
        response.serialize(&mut message);
        if connected.capabilities.contains(Flags::CLIENT_ZSTD_COMPRESSION_ALGORITHM) {
            message.push(ZSTD_LEVEL);
        }
        connected.packets.send(&message).map_err(|error| self.lost(&error))?;
        for _ in 0..ROUNDS_MAX {
            let message = connected.packets.message().map_err(|error| self.lost(&error))?.to_vec();
            let answer = match message.first() {
                Some(0x00) => return Ok(()),
                Some(0xFF) => return Err(self.refusal(&message, connected.capabilities, connected.is_encrypted())),
                Some(0xFE) => {
                    let request = AuthSwitchRequest::deserialize((), &mut ParseBuf(&message));
                    let request = request.map_err(|_| self.authentication("an old protocol", OLD))?;
                    let plugin = request.auth_plugin().into_owned();
                    let (procedure, scramble) = (self.procedure(&plugin, connected)?, request.plugin_data().to_vec());
                    asked = Asked { procedure, plugin, scramble, key_is_next: false };
                    Some(self.answer(&mut asked, connected, None)?.unwrap_or_default())
                }
                Some(0x01) => self.answer(&mut asked, connected, Some(&message[1..]))?,
                _ => return Err(self.not_mysql("its answer to the password means nothing")),
            };
            if let Some(answer) = answer {
                connected.packets.send(&answer).map_err(|error| self.lost(&error))?;
            }
        }
        Err(self.not_mysql("it does not come to an end of asking for the password"))
    }

    fn procedure(&self, plugin: &AuthPlugin<'_>, connected: &Connected) -> Result<AuthProc, ConnectError> {
        let name = String::from_utf8_lossy(plugin.as_bytes()).into_owned();
        let is_verified = self.conninfo.ssl_mode(self.place) >= SslMode::VerifyCa;
        let is_safe = connected.is_encrypted() && is_verified || connected.packets.transport().is_socket();
        match plugin {
            AuthPlugin::MysqlOldPassword => Err(self.authentication(&name, OLD)),
            AuthPlugin::MysqlClearPassword if !is_safe => Err(self.authentication(
                &name,
                "which would give it in plain text to whoever answers. Use ssl-mode=VERIFY_CA or stronger",
            )),
            _ => plugin.init().map_err(|_| self.authentication(&name, UNKNOWN)),
        }
    }

    /// What is answered to a challenge, or without one to what came with the plugin's name.
    fn answer(
        &self,
        asked: &mut Asked,
        connected: &Connected,
        challenge: Option<&[u8]>,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, ConnectError> {
        let name = String::from_utf8_lossy(asked.plugin.as_bytes()).into_owned();
        let exchange = Exchange {
            password: self.conninfo.password.as_ref().map_or(&[], |password| password.expose()),
            is_socket: connected.packets.transport().is_socket(),
            is_encrypted: connected.is_encrypted(),
            scramble: nonce(&asked.scramble),
        };
        if let (true, Some(key)) = (asked.key_is_next, challenge) {
            public_key::check(key, exchange.password).map_err(|why| self.authentication(&name, why))?;
        }
        let answer =
            asked.procedure.run(&exchange, challenge.unwrap_or(exchange.scramble)).map_err(|error| match error {
                PluginError::FeatureRequired(_) => self.authentication(&name, UNKNOWN),
                _ => {
                    self.authentication(&name, "and the exchange went another way than that has. See the server's log")
                }
            })?;
        // With a key that somebody in between gives, the password would be encrypted for them.
        asked.key_is_next = matches!(answer.data(), Some([0x01 | 0x02]));
        let is_open = asked.key_is_next && !exchange.is_encrypted && !exchange.is_socket;
        if is_open && !self.place.is_local() && !self.conninfo.get_server_public_key {
            return Err(self.authentication(
                &name,
                "which without TLS would trust whatever key comes from the network. Use ssl-mode=REQUIRED or stronger, or get-server-public-key=1 where the network can be trusted",
            ));
        }
        Ok(answer.data().map(|data| Zeroizing::new(data.to_vec())))
    }

    fn authentication(&self, plugin: &str, why: &'static str) -> ConnectError {
        let (place, user) = (self.place.to_string(), self.conninfo.user.clone());
        ConnectError::Authentication { place, user, plugin: clean(plugin), why }
    }

    fn not_mysql(&self, guess: &'static str) -> ConnectError {
        ConnectError::NotMysql { place: self.place.to_string(), guess }
    }

    fn no_greeting(&self, error: &io::Error) -> ConnectError {
        match error.kind() {
            ErrorKind::InvalidData => self.not_mysql("it greets in another way"),
            ErrorKind::WouldBlock | ErrorKind::TimedOut => self.not_mysql("it says nothing to a new connection"),
            _ => self.lost(error),
        }
    }

    fn lost(&self, error: &io::Error) -> ConnectError {
        if let Some(reason) = tls::refused_certificate(error) {
            return ConnectError::OwnCertificate { place: self.place.to_string(), reason };
        }
        let mut reason = match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => "it did not answer in time".to_owned(),
            ErrorKind::UnexpectedEof => "without a word".to_owned(),
            _ => error.to_string(),
        };
        // What it says against a certificate can be lost with the connection.
        if self.conninfo.tls.cert.is_some() && tls::is_loss(error.kind()) {
            reason += ", as it does where it does not take the certificate in ssl-cert";
        }
        ConnectError::Closed { place: self.place.to_string(), reason }
    }

    /// What an account may demand beside its password: a server that misses it says no more than that it denies.
    fn hint(&self, is_encrypted: bool) -> &'static str {
        match (is_encrypted, &self.conninfo.tls.cert) {
            (false, _) => {
                "; or, if the account or the server demands TLS (REQUIRE SSL, require_secure_transport), choose ssl-mode=REQUIRED over TCP"
            }
            (true, None) => {
                "; or, if the account demands a certificate (REQUIRE X509), name it with ssl-cert and ssl-key"
            }
            (true, Some(_)) => {
                "; or, if the account demands another certificate (REQUIRE SUBJECT, ISSUER), name that one with ssl-cert"
            }
        }
    }

    /// What the server's refusal means.
    fn refusal(&self, message: &[u8], capabilities: Flags, is_encrypted: bool) -> ConnectError {
        // Before the handshake an error has no SQLSTATE on some servers, and one on others.
        let with_state = message.get(3) == Some(&b'#');
        let capabilities = if with_state { capabilities | Flags::CLIENT_PROTOCOL_41 } else { Flags::empty() };
        let Ok(ErrPacket::Error(error)) = ErrPacket::deserialize(capabilities, &mut ParseBuf(message)) else {
            return self.not_mysql("its error cannot be read");
        };
        let (place, text) = (self.place.to_string(), clean(&error.message_str()));
        let database = self.conninfo.database.clone();
        match error.error_code() {
            number::ACCESS_DENIED | 1698 | 1820 | 1862 | 3118 | 3955 => ConnectError::AccessDenied {
                place,
                user: self.conninfo.user.clone(),
                message: text,
                hint: self.hint(is_encrypted),
            },
            number::NO_DATABASE_ACCESS | number::NO_SUCH_DATABASE => {
                ConnectError::NoDatabase { place, database, message: text }
            }
            number::SECURE_TRANSPORT_REQUIRED => ConnectError::TlsDemanded { place, message: text },
            number::TOO_MANY_CONNECTIONS | 1053 | 1203 | 1226 | 3168 => ConnectError::NotReady { place, message: text },
            number => ConnectError::Refused { place, number, message: text },
        }
    }
}

const OLD: &str = "which is long broken and not spoken here. Give the user another plugin: ALTER USER ... IDENTIFIED WITH caching_sha2_password";
const UNKNOWN: &str = "which is not supported. Use a user with caching_sha2_password, mysql_native_password or ed25519";

/// A nonce of 20 bytes comes with a zero at its end; any other, whose last byte may be zero by chance, as it is.
fn nonce(scramble: &[u8]) -> &[u8] {
    scramble.strip_suffix(&[0]).filter(|nonce| nonce.len() == 20).unwrap_or(scramble)
}

/// How the server asks for the password.
struct Asked {
    plugin: AuthPlugin<'static>,
    procedure: AuthProc,
    scramble: Vec<u8>,
    /// Whether the server's public key comes next.
    key_is_next: bool,
}

/// What a plugin must know.
struct Exchange<'a> {
    password: &'a [u8],
    is_socket: bool,
    is_encrypted: bool,
    scramble: &'a [u8],
}

impl Context for &Exchange<'_> {
    fn pass(&self) -> &[u8] {
        self.password
    }

    fn is_ipc_transport(&self) -> bool {
        self.is_socket
    }

    fn is_tls_transport(&self) -> bool {
        self.is_encrypted
    }

    fn scramble(&self) -> &[u8] {
        self.scramble
    }

    fn server_key_pem(&self) -> Option<&[u8]> {
        None
    }
}
