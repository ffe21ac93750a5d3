//! Which port a branch listens on: one that nobody has, and that stays its own while it is stopped.

use super::{BranchError, Result};
use std::collections::HashSet;
use std::net::{Ipv4Addr, TcpListener};

/// Below the ports that systems give to outgoing connections (from 32768 on Linux, 49152 elsewhere), so that the port of a
/// stopped branch is seldom taken by chance.
const FIRST: u16 = 20_000;
const COUNT: u16 = 10_000;

/// A free port for a branch of this id; `taken` are those of other branches, running or not.
pub(super) fn choose(id: &str, taken: &HashSet<u16>) -> Result<u16> {
    let digest = blake3::hash(id.as_bytes());
    let start = u16::from_be_bytes([digest.as_bytes()[0], digest.as_bytes()[1]]) % COUNT;
    let mut ports = (0..COUNT).map(|step| FIRST + (start + step) % COUNT);
    let is_free = |port: &u16| !taken.contains(port) && TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    ports.find(is_free).ok_or(BranchError::NoPort { first: FIRST, last: FIRST + COUNT - 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_nobody_elses() {
        let first = choose("id", &HashSet::new()).unwrap();
        let second = choose("id", &HashSet::from([first])).unwrap();
        assert_ne!(first, second);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, second)).unwrap();
        assert_ne!(choose("id", &HashSet::from([first])).unwrap(), second);
        drop(listener);
        let all: HashSet<u16> = (FIRST..FIRST + COUNT).collect();
        assert!(matches!(choose("id", &all), Err(BranchError::NoPort { .. })));
    }
}
