//! Who answers in place of a server: nothing that they say ends the process, and they are given neither name nor password that the
//! mode protects.

use offshoot_engines::mysql::conninfo::{ConnInfo, Environment};
use offshoot_engines::mysql::session::Session;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

/// All that there is, and TLS only with `ssl`: the lower and upper half of the flags.
fn flags(ssl: bool) -> ([u8; 2], [u8; 2]) {
    ([0xFF, if ssl { 0xFF } else { 0xF7 }], [0xFF, 0xDF])
}

/// Protocol 10, a version, a number, a nonce in two parts, flags, and a plugin's name.
fn greeting(ssl: bool, plugin: &str) -> Vec<u8> {
    let (lower, upper) = flags(ssl);
    let parts: [&[u8]; 12] = [
        b"\x0a8.0.36\0",
        &[1; 4],
        &[7; 8],
        b"\0",
        &lower,
        &[0x2D, 2, 0],
        &upper,
        &[0x15],
        &[0; 10],
        &[7; 12],
        b"\0",
        plugin.as_bytes(),
    ];
    [parts.concat(), vec![0]].concat()
}

fn send(stream: &mut TcpStream, number: u8, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
    let _gone = stream.write_all(&[&length[..3], &[number], payload].concat());
}

/// Greets, says each of these after something has come, and gives all that came until the other side went.
fn impostor(greeting: Vec<u8>, says: Vec<Vec<u8>>) -> (u16, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        send(&mut stream, 0, &greeting);
        let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
        for (round, word) in says.iter().enumerate() {
            let read = stream.read(&mut buffer).unwrap_or(0);
            all.extend_from_slice(&buffer[..read]);
            send(&mut stream, u8::try_from(2 * round + 2).unwrap(), word);
        }
        let _reset = stream.read_to_end(&mut all);
        all
    });
    (port, thread)
}

/// What is told of an impostor, and what they were told.
fn told(query: &str, greeting: Vec<u8>, says: Vec<Vec<u8>>) -> (String, Vec<u8>) {
    let (port, thread) = impostor(greeting, says);
    let url = format!("mysql://meadowlark:canary@127.0.0.1:{port}/shop?{query}");
    let error = Session::open(&ConnInfo::parse(&url, &Environment::empty()).unwrap()).err().unwrap();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("canary"), "{shown}");
    (error.to_string(), thread.join().unwrap())
}

fn holds(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|window| window == word.as_bytes())
}

fn switch(plugin: &str, data: &[u8]) -> Vec<u8> {
    [b"\xfe", plugin.as_bytes(), b"\0", data].concat()
}

#[test]
fn who_takes_tls_away_is_told_nothing() {
    for mode in ["REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"] {
        let query = format!("ssl-mode={mode}");
        let (error, heard) = told(&query, greeting(false, "mysql_native_password"), Vec::new());
        assert!(error.contains("does not offer TLS") && error.contains(mode), "{error}");
        assert!(heard.is_empty(), "{heard:?}");
        // TLS is promised and then not spoken, or bytes come before it.
        let (error, heard) = told(&query, greeting(true, "mysql_native_password"), vec![b"no TLS here".to_vec()]);
        assert!(error.contains("TLS"), "{error}");
        for word in ["meadowlark", "canary", "shop"] {
            assert!(!holds(&heard, word), "{word}");
        }
    }
    // Where the mode allows plain text, the name is given and the password is not.
    let (_, heard) = told("ssl-mode=PREFERRED&connect-timeout=3", greeting(false, "mysql_native_password"), Vec::new());
    assert!(holds(&heard, "meadowlark") && !holds(&heard, "canary"));
    // TLS that fails, or does not come, is not taken for a server without it.
    for (says, words) in [(vec![b"no TLS here".to_vec()], "TLS"), (Vec::new(), "did not answer in time")] {
        let (error, heard) =
            told("ssl-mode=PREFERRED&connect-timeout=3", greeting(true, "mysql_native_password"), says);
        assert!(error.contains(words) && !holds(&heard, "meadowlark"), "{error}");
    }
}

#[test]
fn ways_to_ask_for_a_password_that_are_not_known_or_not_safe_say_what_to_do() {
    let nonce = [[7; 20].as_slice(), &[0]].concat();
    for (says, words) in [
        (switch("parsec", &[7; 32]), &["parsec", "not supported", "caching_sha2_password"][..]),
        (switch("dialog", b""), &["dialog", "not supported"]),
        (switch("authentication_ldap_sasl_client", b""), &["ldap", "not supported"]),
        (switch("mysql_old_password", &nonce), &["mysql_old_password", "ALTER USER"]),
        (vec![0xFE], &["ALTER USER"]),
        (switch("mysql_clear_password", b""), &["mysql_clear_password", "plain text", "VERIFY_CA"]),
        (switch("\x1b[31mcanary", b""), &["not supported"]),
    ] {
        let (port, thread) = impostor(greeting(false, "mysql_native_password"), vec![says]);
        let url = format!("mysql://meadowlark:canary@127.0.0.1:{port}/shop");
        let error = Session::open(&ConnInfo::parse(&url, &Environment::empty()).unwrap()).err().unwrap().to_string();
        for word in words {
            assert!(error.contains(word), "{word}: {error}");
        }
        assert!(!error.contains('\x1b'), "{error}");
        assert!(!holds(&thread.join().unwrap(), "canary"));
    }
}

#[test]
fn a_nonce_that_ends_in_zero_is_one() {
    let denied = [&b"\xff\x15\x04#28000"[..], b"no"].concat();
    let nonce = [&[7; 31][..], b"\0"].concat();
    let (error, heard) =
        told("", greeting(false, "mysql_native_password"), vec![switch("client_ed25519", &nonce), denied]);
    assert!(error.contains("did not let the user"), "{error}");
    assert!(heard.windows(4).any(|head| head == [64, 0, 0, 3]), "no signature was given");
}

#[test]
fn no_key_nonce_or_answer_ends_the_process() {
    let nonce = [[7; 20].as_slice(), &[0]].concat();
    let key =
        |text: &str| [b"\x01-----BEGIN PUBLIC KEY-----\n", text.as_bytes(), b"\n-----END PUBLIC KEY-----\n"].concat();
    for plugin in ["caching_sha2_password", "sha256_password"] {
        let begin: Vec<Vec<u8>> = match plugin {
            // Not in the cache: give all.
            "caching_sha2_password" => vec![switch(plugin, &nonce), vec![1, 4]],
            _ => vec![switch(plugin, &nonce)],
        };
        // No key, an empty one, sequences of nothing, a number that is longer than what is there, one of 0.
        for last in [
            b"\x01".to_vec(),
            b"\x01canary".to_vec(),
            key(""),
            key("MAA="),
            key("MAUwAwMB"),
            key("MIIBIjANBgkqhkiG9w0BAQ=="),
        ] {
            let says = begin.iter().cloned().chain([last]).collect();
            let (error, _) = told("", greeting(false, "mysql_native_password"), says);
            assert!(error.contains("public key that cannot be used") && error.contains("ssl-mode"), "{error}");
        }
    }
    for plugin in ["caching_sha2_password", "sha256_password", "mysql_native_password", "client_ed25519"] {
        for nonce in [&b""[..], b"\0", &[7; 5], &[7; 64]] {
            for then in
                [vec![], vec![1], vec![1, 3], vec![1, 9, 9], vec![0xFB], vec![0xFF], vec![0xFF, 1], vec![0xFE], vec![2]]
            {
                let (error, _) = told("", greeting(false, plugin), vec![switch(plugin, nonce), then]);
                assert!(!error.is_empty());
            }
        }
    }
}
