//! Tokens and passwords: of no use to anybody, and still what programs that look at them take them for.

#![allow(clippy::unwrap_used)]

mod tables;

use std::collections::HashSet;

use tables::{scrub, unique_column};

/// The bytes of base64 in an alphabet; none if a bit is left over that is set.
fn decoded(alphabet: &str, text: &str) -> Option<Vec<u8>> {
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for sign in text.trim_end_matches('=').chars() {
        bits = bits << 6 | u32::try_from(alphabet.find(sign)?).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    (bits == 0).then_some(bytes)
}

const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

#[test]
fn a_plain_password_does_not_pass_for_a_method() {
    for password in [
        "{hunter2}",
        "pw=secret$",
        "1984$ummer",
        "a=1$b",
        "$ecret",
        "$1984$ummer",
        "5$hunter2",
        "$2b$12$",
        "{SSHA}",
        "$argon2id$v=19$",
        "{ann}xyz",
    ] {
        let new = scrub("password", "text", password);
        assert_eq!(new.len(), password.len());
        for word in password.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.len() > 2) {
            assert!(!new.contains(word), "{password} became {new}");
        }
    }
}

#[test]
fn hashes_keep_method_and_costs_alone_and_stay_canonical() {
    let standard = format!("{LETTERS}+/");
    let bcrypt = format!("./{LETTERS}");
    for n in 0..40_u32 {
        let salt = scrub("token", "text", &format!("{n:08x}aaaaaaaabbbbbbbb"));
        let new = scrub("password", "text", &format!("$2b$12${}.{}a", &salt[..21], "EixZaYVK1fsbw1ZfbX3OXePaWxn96p"));
        let field = new.strip_prefix("$2b$12$").unwrap();
        assert_eq!(field.len(), 53);
        let bytes = [&field[..22], &field[22..]].map(|part| decoded(&bcrypt, part).map(|bytes| bytes.len()));
        assert_eq!(bytes, [Some(16), Some(23)], "{new}");
    }
    let argon = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQxMjM0NTY$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoMTI";
    let new = scrub("password", "text", argon);
    let fields: Vec<&str> = new.split('$').collect();
    assert_eq!(fields[..4], ["", "argon2id", "v=19", "m=65536,t=3,p=4"]);
    for (new, old) in fields[4..].iter().zip(argon.split('$').skip(4)) {
        assert!(
            new != &old && decoded(&standard, new).map(|bytes| bytes.len()) == decoded(&standard, old).map(|b| b.len())
        );
    }
    // A salt that ends in an equal sign, or is all digits, is a salt all the same.
    let django = scrub("password", "text", "pbkdf2_sha256$600000$9876543$c29tZXNhbHQxMjM0NTY=");
    assert!(django.starts_with("pbkdf2_sha256$600000$") && !django.contains("9876543"), "{django}");
    assert!(django.ends_with('=') && decoded(&standard, django.split('$').next_back().unwrap()).is_some(), "{django}");
    let padded = scrub("password", "text", "$argon2i$v=19$c2FsdHNhbHQ=$aGFzaGhhc2g=");
    assert!(padded.starts_with("$argon2i$v=19$") && !padded.contains("c2Fs") && !padded.contains("aGFz"), "{padded}");
    let spring = scrub("password", "text", "{bcrypt}$2a$10$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW");
    assert!(spring.starts_with("{bcrypt}$2a$10$") && !spring.contains("EixZa"), "{spring}");
}

#[test]
fn hexadecimal_tokens_stay_hexadecimal() {
    for token in [
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "DA39A3EE5E6B4B0D3255BFEF95601890AFD80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "sha256:e3b0c44298fc1c149afbf4c8996fb924",
        "AA:BB:CC:11:22:33:44:55:66",
    ] {
        for rule in ["token", "password"] {
            let new = scrub(rule, "text", token);
            let form = |text: &str| -> String {
                let sign = |c: char| match c {
                    '0'..='9' | 'a'..='f' | 'A'..='F' => 'h',
                    other => other,
                };
                text.chars().map(sign).collect()
            };
            assert!(new != token && (rule == "password" || form(&new) == form(token)), "{token} became {new}");
            assert_eq!(
                new.contains(|c: char| c.is_ascii_lowercase()),
                token.contains(|c: char| c.is_ascii_lowercase())
            );
        }
    }
}

#[test]
fn claims_of_a_jwt_stay_a_document() {
    let url = format!("{LETTERS}-_");
    // {"sub":"ann@corp.example","name":"Ann\nLée","admin":true,"iat":1516239022}
    let claims = "eyJzdWIiOiJhbm5AY29ycC5leGFtcGxlIiwibmFtZSI6IkFublxuTMOpZSIsImFkbWluIjp0cnVlLCJpYXQiOjE1MTYyMzkwMjJ9";
    let jwt = format!("eyJhbGciOiJIUzI1NiJ9.{claims}.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U");
    for text in [jwt.clone(), format!("Bearer {jwt}")] {
        let new = scrub("token", "text", &text);
        assert_eq!(new.len(), text.len());
        let parts: Vec<&str> = new.split('.').collect();
        assert_eq!(parts[0], text.split('.').next().unwrap(), "the header is format");
        let document: serde_json::Value = serde_json::from_slice(&decoded(&url, parts[1]).unwrap()).unwrap();
        let keys: Vec<&String> = document.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["admin", "iat", "name", "sub"]);
        assert_eq!(document["admin"], true);
        let (time, name) = (document["iat"].as_u64().unwrap(), document["name"].as_str().unwrap());
        assert!(time != 1_516_239_022 && time.to_string().len() == 10);
        assert!(name.chars().count() == 7 && name.contains('\n') && !name.contains("Ann"), "{name}");
        assert!(!document["sub"].as_str().unwrap().contains("ann"));
        assert_eq!(decoded(&url, parts[2]).unwrap().len(), 32);
        assert_ne!(parts[2], text.split('.').nth(2).unwrap());
    }
    // What only looks like one keeps its header, and becomes none.
    let new = scrub("token", "text", "eyJhbGciOiJIUzI1NiJ9.bm8gZG9jdW1lbnQ.c2lnbmF0dXJl");
    assert!(new.starts_with("eyJhbGciOiJIUzI1NiJ9.") && !new.contains("bm8gZG9"), "{new}");
}

#[test]
fn distinct_secrets_stay_distinct() {
    let scrubbers = ["token", "password"].map(|rule| unique_column(rule, "text").unwrap());
    let secrets = (0..3000_u32).map(|n| match n % 6 {
        0 => format!("{n:016x}"),
        1 => format!("{n:016X}"),
        2 => format!("$argon2id$v=19$m=512,t=2,p=2$c2FsdA$AAAA{n:04}"),
        3 => format!("$2b$10$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGg{n:04}."),
        4 => format!("eyJhbGciOiJIUzI1NiJ9.eyJuIjoxMjN9.AAAA{n:04}"),
        _ => format!("{{x{n}}}$secret"),
    });
    for secret in secrets.collect::<Vec<_>>().chunks(1000) {
        for scrubber in &scrubbers {
            let new = |text: &String| scrubber.value("public", "t", "c", text.as_bytes()).unwrap().unwrap();
            let all: HashSet<Vec<u8>> = secret.iter().map(new).collect();
            assert_eq!(all.len(), secret.len());
            assert!(secret.iter().all(|secret| !all.contains(secret.as_bytes())));
        }
    }
}
