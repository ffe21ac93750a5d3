//! Where a server listens: ports of the loopback addresses, or a network that nobody else is in.

use super::error::LocalError;
use super::owner::{Owner, bare, system_program};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::process::Command;

/// The loopback addresses of this machine, on which nobody may have the port: a server that gets only one of them starts
/// all the same, and a client may come to somebody else.
pub(crate) fn free_addresses(port: u16) -> Result<Vec<&'static str>, LocalError> {
    let mut free = Vec::new();
    let addresses = [
        (SocketAddr::from((Ipv4Addr::LOCALHOST, port)), "127.0.0.1"),
        (SocketAddr::from((Ipv6Addr::LOCALHOST, port)), "::1"),
    ];
    for (address, name) in addresses {
        match TcpListener::bind(address) {
            Ok(_) => free.push(name),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(LocalError::PortTaken { port }),
            // Not on this machine, or not for this user: the server says so where it matters.
            Err(_) if name == "::1" => {}
            Err(_) => free.push(name),
        }
    }
    Ok(free)
}

/// The same command, started in a network that nobody else is in: as root by right, else in a name space of its own user.
pub(crate) fn in_own_network(command: Command, owner: Owner) -> Result<Command, LocalError> {
    let mut isolated = Command::new(system_program("unshare")?);
    bare(&mut isolated);
    if owner.other().is_none() {
        isolated.args(["--user", "--map-current-user"]);
    }
    isolated.args(["--net", "--"]).arg(command.get_program()).args(command.get_args());
    Ok(isolated)
}

/// Whether the kernel lets this user make such a network: tried, because many things can forbid it.
pub(crate) fn can_isolate(owner: Owner) -> bool {
    let command = system_program("true").and_then(|program| owner.command(&program));
    let tried = command.and_then(|command| in_own_network(command, owner)).ok().and_then(|mut one| one.status().ok());
    tried.is_some_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_seen() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(matches!(free_addresses(port), Err(LocalError::PortTaken { .. })));
        drop(listener);
        assert_eq!(free_addresses(port).unwrap().first(), Some(&"127.0.0.1"));
    }
}
