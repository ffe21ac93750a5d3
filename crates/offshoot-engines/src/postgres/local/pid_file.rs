//! `postmaster.pid`: what a server writes of itself into its data directory.
//!
//! Its lines since version 10: process, data directory, time, port, folder of the socket, address, key of the shared memory,
//! state. It can be left over from a server that was killed, and anybody who can write to the folder can write it: a claim,
//! which [`super::process`] checks.

use crate::local::files;
use std::path::Path;

/// Its name.
pub(super) const FILE: &str = "postmaster.pid";

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PidFile {
    pub(super) pid: u32,
    /// 0 while it is not written yet.
    pub(super) port: u16,
    /// The first address that it listens at; empty for none.
    pub(super) address: String,
    /// Key and number of its shared memory.
    pub(super) segment: Option<(u32, u64)>,
    pub(super) is_ready: bool,
    /// Whether it was told to end, and waits for its sessions or writes what it has.
    pub(super) is_ending: bool,
}

impl PidFile {
    /// Of a data directory; none if there is no whole one.
    pub(super) fn read(data: &Path) -> Option<Self> {
        Self::parse(&files::read(&data.join(FILE)).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        // A stand-alone backend writes its number negated.
        let pid = lines.next()?.trim().trim_start_matches('-').parse().ok().filter(|&pid| pid > 1)?;
        let port = lines.nth(2).and_then(|port| port.trim().parse().ok()).unwrap_or(0);
        let address = lines.nth(1).unwrap_or_default().trim().to_owned();
        let segment = lines.next().and_then(|line| {
            let (key, id) = line.trim().split_once(' ')?;
            let key = key.parse::<u64>().ok()? & u64::from(u32::MAX);
            Some((u32::try_from(key).ok()?, id.trim().parse().ok()?))
        });
        let state = lines.next().unwrap_or_default().trim();
        Some(Self { pid, port, address, segment, is_ready: state == "ready", is_ending: state == "stopping" })
    }
}

#[cfg(test)]
mod tests {
    use super::PidFile;

    #[test]
    fn whole_and_half_files() {
        let whole = "421\n/data\n1700000000\n5433\n/sockets\n127.0.0.1\n  5433001  12\nready   \n";
        let found = PidFile::parse(whole).unwrap();
        assert_eq!(
            found,
            PidFile {
                pid: 421,
                port: 5433,
                address: "127.0.0.1".into(),
                segment: Some((5_433_001, 12)),
                is_ready: true,
                is_ending: false,
            }
        );
        let state = |state: &str| {
            let found = PidFile::parse(&whole.replace("ready   ", state)).unwrap();
            (found.is_ready, found.is_ending)
        };
        assert_eq!((state("starting"), state("stopping")), ((false, false), (false, true)));
        let half = PidFile::parse("421\n/data\n1700000000\n").unwrap();
        assert_eq!(
            half,
            PidFile { pid: 421, port: 0, address: String::new(), segment: None, is_ready: false, is_ending: false }
        );
        assert_eq!(PidFile::parse(""), None);
        assert_eq!(PidFile::parse("1\n/data\n"), None);
        assert_eq!(PidFile::parse("rubbish\n"), None);
    }
}
